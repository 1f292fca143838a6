"""Names of files in a pack: every system can make them, and ours unpacks them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from ifc_core.errors import ProjectError
from ifc_core.io.problems import is_text, printable

_UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f\ud800-\udfff]')
_NO_PLACE = re.compile(r"[\\:\0]")  # what could lead out of a folder somewhere


def is_packable(name: str) -> bool:
    """Whether a pack may hold a file of this name; no unpacking takes another one."""
    return is_text(name) and not _NO_PLACE.search(name)


def safe_name(name: str) -> str:
    """A file name that every system can make, the same where it is one already."""
    return _UNSAFE.sub("_", name).rstrip(". ") or "_"


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
        name, number = str(wanted), 2
        while _as_any_system(name) in taken:
            name = str(wanted.with_name(f"{wanted.stem}_{number}{wanted.suffix}"))
            number += 1
        taken.add(_as_any_system(name))
        names[file] = name
    return names


def _as_any_system(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def check_picture_names(files: Iterable[Path], folder: Path) -> None:
    """Refuse pictures that would need other names: a frame folder is known by them.

    Args:
        files: The pictures of a folder of frames.
        folder: The project, for the error.

    Raises:
        ProjectError: One has a name that a pack cannot hold.
    """
    for file in files:
        if not is_packable(file.name):
            raise ProjectError(
                f"{printable(file.name)} in {printable(file.parent.name)} cannot be packed under "
                "its name; rename it without \\, : and what is not UTF-8.",
                path=folder,
            )
