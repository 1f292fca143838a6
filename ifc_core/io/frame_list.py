"""Which pictures of a folder are the frames of a video, and in which order."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from ifc_core.errors import VideoError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp"})


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that puts ``frame9`` before ``frame10``.

    Args:
        name: A file name.

    Returns:
        Its runs of digits as numbers and the rest as lower-case text.
    """
    parts = re.split(r"(\d+)", unicodedata.normalize("NFC", name).casefold())
    return tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts if p)


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
        files = [
            p
            for p in folder.iterdir()
            if p.suffix.lower() in SUFFIXES and not p.name.startswith(".") and p.is_file()
        ]
    except OSError as error:
        raise VideoError(f"The folder {folder} cannot be read.", path=folder) from error
    return sorted(files, key=lambda p: (natural_key(p.name), p.name))
