"""Which folders hold annotations, and where the frames of such a folder lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ifc_core.annotation.exporting import ExportFormat
from ifc_core.io.frame_list import is_frame_name
from ifc_core.io.label_images import picture_mode

_MOTS = ("instances", "instances_txt")
_DAVIS = "Annotations"
_ANYWHERE, _BELOW = ("P",), ("P", "L", "1")  # modes of pictures, in any folder and in DAVIS's
_DEPTH = 2  # folders below the one that is looked at, as in 480p/VIDEO
_MOST = 200  # entries that are looked at in each


def annotation_format(folder: Path) -> ExportFormat | None:
    """The format of a folder that holds annotations; ``None`` for any other, such as frames.

    It is told by the names of the published layouts, else by what the first picture below is:
    one with a palette, in a folder that holds no pictures itself.

    Args:
        folder: The folder; what cannot be read holds none.
    """
    if not folder.is_dir():
        return None
    inside = {path.name for path in _entries(folder) if path.is_dir()}
    if folder.name in _MOTS or inside.intersection(_MOTS):
        return ExportFormat.MOTS
    if _DAVIS in inside:
        return ExportFormat.DAVIS
    is_below = _DAVIS in (parent.name for parent in (folder, *folder.parents[:2]))
    pictures = [path for path in _entries(folder) if is_frame_name(path.name)]
    if pictures and not is_below:
        return None
    first = next(iter(pictures), None) or _first_picture(folder, _DEPTH)
    mode = "" if first is None else picture_mode(first)
    return ExportFormat.DAVIS if mode in (_BELOW if is_below else _ANYWHERE) else None


def frames_root(source: Path, names: Sequence[str]) -> Path:
    """The folder below which the frames of imported annotations are looked for.

    Args:
        source: The file or folder of annotations.
        names: Of their videos.
    """
    root = source.parent
    if not source.is_dir():
        return root
    for base in (source, *source.parents[:2]):
        for place in ("JPEGImages/480p", "JPEGImages/Full-Resolution", "JPEGImages", "images"):
            if any((base / place / name).is_dir() for name in names):
                return base / place
    return root


def _first_picture(folder: Path, depth: int) -> Path | None:
    for path in _entries(folder):
        if path.suffix.lower() == ".png" and not path.name.startswith("."):
            return path
        if depth and path.is_dir() and (found := _first_picture(path, depth - 1)):
            return found
    return None


def _entries(folder: Path) -> Iterator[Path]:
    try:
        yield from sorted(folder.iterdir())[:_MOST]
    except OSError:
        return
