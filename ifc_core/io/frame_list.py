"""Which pictures of a folder are the frames of a video, and in which order."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from ifc_core.errors import VideoError
from ifc_core.io.video_suffixes import STACK_SUFFIXES, VIDEO_SUFFIXES

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp"})
MAX_FRAMES = 10_000_000
"""Frame numbers that a format may name lie below it; larger ones are dates and the like."""

_NUMBER = re.compile(r"[0-9]+$")


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that puts ``frame9`` before ``frame10``.

    Args:
        name: A file name.

    Returns:
        Its runs of digits as numbers and the rest as lower-case text.
    """
    parts = re.split(r"(\d+)", unicodedata.normalize("NFC", name).casefold())
    return tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts if p)


def is_frame_name(name: str) -> bool:
    """Whether a file of this name in a folder of frames is one of them."""
    return Path(name).suffix.lower() in SUFFIXES and not name.startswith(".")


def list_frames(folder: Path) -> list[Path]:
    """The pictures of a folder in frame order (hidden files left out).

    Args:
        folder: The folder.

    Returns:
        Files in natural order of their names.

    Raises:
        VideoError: The folder cannot be read.
    """
    try:
        files = [p for p in folder.iterdir() if is_frame_name(p.name) and p.is_file()]
    except OSError as error:
        raise VideoError(f"The folder {folder} cannot be read.", path=folder) from error
    return sorted(files, key=lambda p: frame_order(p.name))


def video_files(folder: Path) -> list[Path]:
    """The video files of a folder in natural order; none where it also holds pictures.

    Such a folder is not one video but several, as is one whose pictures are TIFF stacks for the
    most part (:func:`stacks_of`). What cannot be read holds none.
    """
    try:
        names = [path.name for path in folder.iterdir() if path.is_file()]
    except OSError:
        return []
    pictures = [folder / name for name in names if is_frame_name(name)]
    stacks = stacks_of(pictures)
    if pictures and not stacks:
        return []
    videos = (n for n in names if Path(n).suffix.lower() in VIDEO_SUFFIXES and n[0] != ".")
    found = [*(folder / name for name in videos), *stacks]
    return sorted(found, key=lambda path: frame_order(path.name))


def stacks_of(files: Sequence[Path]) -> list[Path]:
    """The TIFF files among the pictures of a folder, where they are stacks and not frames.

    They are if most of the pictures are TIFF files, and the first, the middle or the last of those
    holds several frames.
    """
    stacks = sorted(f for f in files if f.suffix.lower() in STACK_SUFFIXES)
    if 2 * len(stacks) <= len(files):
        return []
    from ifc_core.io.stack_pages import is_stack

    some = {stacks[0], stacks[len(stacks) // 2], stacks[-1]}
    return stacks if any(map(is_stack, some)) else []


def frame_order(name: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Sort key that puts the pictures of a folder into frame order, no two of them equal."""
    return natural_key(name), name


def numbers_at_end(stems: Sequence[str]) -> tuple[int, ...] | None:
    """The numbers that pictures have, such as 21 of ``frame_00021``.

    Args:
        stems: Names of the pictures of a video without suffix, in frame order.

    Returns:
        One a picture; ``None`` where one has none, they do not ascend, or they are no frame
        numbers.
    """
    found = [_NUMBER.search(stem) for stem in stems]
    numbers = tuple(int(match.group()[-18:]) for match in found if match is not None)
    is_ascending = all(a < b for a, b in pairwise(numbers))
    fits = len(numbers) == len(stems) and is_ascending and max(numbers, default=0) < MAX_FRAMES
    return numbers if fits else None
