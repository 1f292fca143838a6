"""Names of files in a pack: every system can make them, and ours unpacks them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path, PurePosixPath

from ifc_core.errors import ProjectError
from ifc_core.io.frame_list import frame_order
from ifc_core.io.problems import is_text, no_device, printable

_UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f\ud800-\udfff]')
_NO_PLACE = re.compile(r"[\\:\0]")  # what could lead out of a folder somewhere


def is_packable(name: str) -> bool:
    """Whether a pack may hold a file of this name; no unpacking takes another one."""
    return is_text(name) and not _NO_PLACE.search(name)


def safe_name(name: str) -> str:
    """A file name that every system can make, the same where it is one already."""
    return no_device(_UNSAFE.sub("_", name).rstrip(". ") or "_")


def safe_names(files: Iterable[Path], folder: Path) -> dict[Path, str]:
    """Names in the pack for files below a folder, no two alike; what can keeps its own.

    Names that differ by case or composed letters alone are one to some systems.

    Args:
        files: The files.
        folder: What their names begin at.

    Returns:
        File -> its path from the folder, with safe names.
    """
    names: dict[Path, str] = {}
    taken: set[str] = set()
    safe = {f: PurePosixPath(*map(safe_name, f.relative_to(folder).parts)) for f in files}
    for file in sorted(safe, key=lambda f: safe[f] != PurePosixPath(f.relative_to(folder))):
        wanted = safe[file]
        names[file] = _take(str(wanted), str(wanted.with_suffix("")), wanted.suffix, taken)
    return names


def picture_names(files: Sequence[Path], folder: Path) -> dict[Path, str]:
    """Names in the pack for the pictures of a frame folder: their own where that is possible.

    Of names that are one to some systems the first stays, and the others are lengthened at
    their end (``A.png``, ``a.png_2.png``), so that each picture keeps its place.

    Args:
        files: The pictures in frame order.
        folder: The project, for the error.

    Returns:
        File -> its name, in frame order.

    Raises:
        ProjectError: One has a name that no pack can hold, or would lose its place.
    """
    for file in files:
        if not is_packable(file.name):
            raise ProjectError(
                f"{printable(file.name)} in {printable(file.parent.name)} cannot be packed under "
                "its name; rename it without \\, : and what is not UTF-8.",
                path=folder,
            )
    first = {_as_any_system(file.name): file for file in reversed(files)}
    taken = set(first)
    names = {}
    for file in files:
        is_first = first[_as_any_system(file.name)] is file
        names[file] = file.name if is_first else _take(file.name, file.name, file.suffix, taken)
    for (one, before), (other, after) in pairwise(names.items()):
        if frame_order(before) >= frame_order(after):
            file = one if before != one.name else other
            twin = first[_as_any_system(file.name)].name
            raise ProjectError(
                f"{twin} and {file.name} in {printable(file.parent.name)} cannot be packed "
                "together, since some systems take these names for one; rename one of them.",
                path=folder,
            )
    return names


def _take(name: str, head: str, tail: str, taken: set[str]) -> str:
    """A name, with a number between head and tail if a system takes it for one of those taken."""
    number = 2
    while _as_any_system(name) in taken:
        name = f"{head}_{number}{tail}"
        number += 1
    taken.add(_as_any_system(name))
    return name


def _as_any_system(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
