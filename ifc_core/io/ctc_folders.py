"""Which folders are laid out as those of the Cell Tracking Challenge, and the masks in them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ifc_core.io.frame_list import MAX_FRAMES, is_frame_name, natural_key, stacks_of
from ifc_core.io.video_suffixes import STACK_SUFFIXES

RESULT, TRUTH, OUTLINES = "_RES", "_GT", "_ST"
"""What is added to a video's name in those of its folders of masks."""

TEXTS = ("res_track.txt", "man_track.txt")

_PLACES = ((RESULT, ""), (TRUTH, "TRA"), (OUTLINES, "SEG"))  # of a video's the last one counts
_FOUND, _TRACKED, _OUTLINED = "mask", "man_track", "man_seg"
_MASK = re.compile(
    rf"^({_FOUND}|{_TRACKED}|{_OUTLINED})(\d{{3,9}})\.tiff?$", re.IGNORECASE | re.ASCII
)


@dataclass(frozen=True, slots=True)
class MaskFolder:
    """The masks of a video.

    Attributes:
        path: The folder.
        files: Frame number -> mask, in ascending order.
        is_found: They are results, what a program found, and not truth.
    """

    path: Path
    files: Mapping[int, Path]
    is_found: bool


@dataclass(slots=True)
class _Entries:
    """What lies in a folder, by names alone."""

    masks: dict[str, list[str]] = field(default_factory=dict)  # by what their names begin with
    pictures: list[str] = field(default_factory=list)  # others
    folders: list[str] = field(default_factory=list)  # called as the challenge calls them
    has_text: bool = False


def mask_folders(root: Path) -> dict[str, MaskFolder]:
    """The masks of a folder by the names of their videos, in natural order; of each the best.

    Args:
        root: A folder of masks, one around it such as ``01_GT``, or one that holds such folders
            as the challenge names them. What cannot be read holds none.
    """
    here = _look(root)
    for place in (root, *_inside(root)):
        masks = _masks_of(place, here if place is root else _look(place))
        if masks is not None:
            return {_video_name(place): masks}
    found: dict[str, MaskFolder] = {}
    for ending, below in _PLACES:
        for name in here.folders:
            place = root / name / below
            masks = _masks_of(place, _look(place)) if name.endswith(ending) else None
            if masks is not None:
                found[name.removesuffix(ending)] = masks
    return dict(sorted(found.items(), key=lambda item: (natural_key(item[0]), item[0])))


def is_untracked(root: Path) -> bool:
    """Whether a folder holds outlines of the challenge whose labels are no tracks."""
    return _OUTLINED in _look(root).masks


def why_no_masks(root: Path) -> str:
    """What is wrong with a folder of which :func:`mask_folders` knows nothing, as a sentence."""
    if is_untracked(root):
        return (
            f"The labels of {root} are numbered frame by frame and are no tracks; import the "
            "folder TRA beside it, or the whole dataset."
        )
    return f"{root} holds no masks of the Cell Tracking Challenge."


def undoubted_masks(root: Path, most: int) -> list[Path]:
    """The masks of one video in a folder that by all names cannot be one of frames, in order.

    No other pictures lie beside them, but a text of tracks does, or the folder has a name of the
    challenge's. A dataset has no pictures of its own either, but for stacks, which are videos.

    Args:
        root: The folder; what cannot be read holds none.
        most: So many other pictures, and folders below it, are looked at.
    """
    here = _look(root, most)
    if here.masks:
        is_told = here.has_text or any(_is_named(name) for name in _names_around(root))
        return _files_alone(root, here) if is_told else []
    places = [] if here.pictures else _inside(root)
    if not places and len(here.pictures) <= most and _may_lie_beside(here, root):
        names = sorted(here.folders, key=natural_key)[:most]
        places = [root / name / _below(name) for name in names]
    for place in places:
        inside = _look(place, most)
        if _masks_of(place, inside) is not None and (files := _files_alone(place, inside)):
            return files
    return []


def video_of(folder: Path) -> str:
    """The video of a folder of masks, by its own name or that of the one around it; may be ""."""
    for name in _names_around(folder):
        for ending, _ in _PLACES:
            if _is_named(name) and name.endswith(ending):
                return name.removesuffix(ending)
    return ""


def _video_name(folder: Path) -> str:
    return video_of(folder) or folder.resolve().name or "video"


def _names_around(folder: Path) -> tuple[str, str]:
    place = folder.resolve()
    return place.name, place.parent.name


def _is_named(name: str) -> bool:
    """Whether a folder is called as the challenge calls one of a video."""
    return any(len(name) > len(ending) and name.endswith(ending) for ending, _ in _PLACES)


def _below(name: str) -> str:
    """Where in a folder of that name, one of a video, the masks lie."""
    return next(below for ending, below in _PLACES if name.endswith(ending))


def _inside(root: Path) -> list[Path]:
    """The folder of masks in one that by its name is around it, if it is there."""
    name, _ = _names_around(root)
    below = _below(name) if _is_named(name) else ""
    return [root / below] if below and (root / below).is_dir() else []


def _look(folder: Path, most: int | None = None) -> _Entries:
    """List a folder once; where ``most`` is given it ends after so many pictures of other names."""
    found = _Entries()
    try:
        with os.scandir(folder) as entries:
            for name in (entry.name for entry in entries):
                match = _MASK.match(name)
                if match is not None and int(match.group(2)) < MAX_FRAMES:
                    found.masks.setdefault(match.group(1).lower(), []).append(name)
                elif is_frame_name(name):
                    found.pictures.append(name)
                    if most is not None and len(found.pictures) > most:
                        break
                elif _is_named(name) and (folder / name).is_dir():
                    found.folders.append(name)
                found.has_text = found.has_text or name in TEXTS
    except OSError:
        return _Entries()
    found.folders.sort()
    return found


def _masks_of(folder: Path, entries: _Entries) -> MaskFolder | None:
    """The masks of a folder whose labels are tracks; ``None`` where there are none."""
    name, around = _names_around(folder)
    is_outlines = name == "SEG" and around.endswith(OUTLINES)
    for kind in (_FOUND, _TRACKED, *((_OUTLINED,) if is_outlines else ())):
        if kind in entries.masks:
            files = _numbered(folder, entries.masks[kind])
            return MaskFolder(folder, files, kind == _FOUND)
    return None


def _files_alone(folder: Path, entries: _Entries) -> list[Path]:
    """The masks of a folder without pictures of other names; none where there are such."""
    if entries.pictures or len(entries.masks) != 1:
        return []
    (names,) = entries.masks.values()
    return list(_numbered(folder, names).values())


def _numbered(folder: Path, names: list[str]) -> dict[int, Path]:
    found = {}
    for name in sorted(names):
        match = _MASK.match(name)
        if match is not None:
            found[int(match.group(2))] = folder / name
    return dict(sorted(found.items()))


def _may_lie_beside(entries: _Entries, root: Path) -> bool:
    """Whether the pictures in a dataset are stacks, each a video, and no frames."""
    if not entries.folders:
        return False
    videos = {name.removesuffix(end) for name in entries.folders for end, _ in _PLACES}
    others = [
        root / name
        for name in sorted(entries.pictures, key=natural_key)
        if Path(name).suffix.lower() not in STACK_SUFFIXES or Path(name).stem not in videos
    ]
    return not others or bool(stacks_of(others))
