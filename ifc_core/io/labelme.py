"""Annotations of LabelMe and X-AnyLabeling: a JSON of shapes beside each picture of a folder.

Polygons, circles and masks are read. Shapes of one class and ``group_id`` are one instance, on its
picture and, as X-AnyLabeling numbers tracks, on the others. A box is no mask, and becomes a region
to ignore; points and lines are left out, and frames of the folder then count as complete nowhere.
A picture without a JSON is not annotated.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections import Counter
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from itertools import islice
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
from PIL import Image

from ifc_core.errors import FormatError
from ifc_core.io.drawn_shapes import (
    Points,
    box_corners,
    ellipse_mask,
    polygon_mask,
    unmasked_notes,
)
from ifc_core.io.frame_list import frame_order, video_files
from ifc_core.io.json_file import read_json_file
from ifc_core.io.pending_tracks import PendingTracks
from ifc_core.io.problems import MAX_NAME_LETTERS, Reporter, is_int, is_text, shown, why_not_named
from ifc_core.io.track_builder import TrackBuilder
from ifc_core.io.ytvis_checks import is_safe_name
from ifc_core.io.ytvis_types import YtvisHeader, YtvisVideo
from ifc_core.jobs import JobContext, Progress
from ifc_core.structures import Category, RLEMask
from ifc_core.structures.mask import MAX_PIXELS, MAX_SIDE_PX
from ifc_core.structures.rle_runs import boxed_mask

_HEAD_BYTES = 1 << 16
_SHAPES = re.compile(rb'"shapes"\s*:\s*\[')
_BOXES = ("rectangle", "rotation")
_FILLED = ("polygon", "circle", "mask")
_MOST_GROUP = 1 << 30
_MOST_LOOKED_AT = 200  # entries of a folder that may hold anything
_ALONE = 1 << 40  # labels of shapes of no group
_UNREADABLE = (
    ValueError,
    TypeError,
    OverflowError,
    OSError,
    SyntaxError,  # what Pillow says of a bad PNG
    binascii.Error,
    Image.DecompressionBombError,
)


def is_labelme(path: Path) -> bool:
    """Whether a JSON is of shapes of a picture, by its first kilobytes."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    return b'"images"' not in head and bool(_SHAPES.search(head))


def holds_labelme(folder: Path) -> bool:
    """Whether :func:`labelme_files` finds any; of folders in it some files are looked at.

    A folder of videos is one of videos, whatever lies in the folders beside them.
    """
    own = _own_files(folder)
    if own:
        return is_labelme(own[0])
    if video_files(folder):
        return False
    firsts = (_a_file(place) for place in _folders_in(folder)[:_MOST_LOOKED_AT])
    return any(path is not None and is_labelme(path) for path in firsts)


def labelme_files(folder: Path) -> list[Path]:
    """The JSON files of a folder in the order of their pictures; none where the first is another's.

    Where it has none, those of the folders in it, each of which is a video. What cannot be read
    holds none.
    """
    own = _own_files(folder)
    if own:
        return own if is_labelme(own[0]) else []
    each = [_own_files(place) for place in _folders_in(folder)]
    return [path for files in each if files and is_labelme(files[0]) for path in files]


def _folders_in(folder: Path) -> list[Path]:
    try:
        below = [p for p in folder.iterdir() if p.name[0] != "." and p.is_dir()]
    except OSError:
        return []
    return sorted(below, key=lambda path: frame_order(path.name))


def _a_file(folder: Path) -> Path | None:
    """A JSON among the first entries of a folder."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in islice(entries, _MOST_LOOKED_AT):
            if entry.name.lower().endswith(".json"):
                return Path(entry.path)
    return None


def _own_files(folder: Path) -> list[Path]:
    try:
        found = [p for p in folder.iterdir() if p.suffix.lower() == ".json" and p.name[0] != "."]
    except OSError:
        return []
    return sorted(found, key=lambda path: frame_order(path.name))


def iter_labelme(
    place: Path | str, context: JobContext
) -> Generator[Progress, None, tuple[YtvisHeader, PendingTracks]]:
    """Read a folder of JSON files, a folder of such folders, or one file.

    Args:
        place: The folder or file.
        context: Progress and cancellation.

    Yields:
        Progress, after each file.

    Returns:
        A video for the pictures of each folder and size, and the classes; and the tracks.

    Raises:
        FormatError: A file breaks the format; the message names it and the place.
    """
    root = Path(place)
    reading = _Reading(root if root.is_dir() else None)
    files = labelme_files(root) if root.is_dir() else [root]
    if not files:
        raise FormatError(f"{root} holds no JSON files of LabelMe.", path=root)
    for number, path in enumerate(files, start=1):
        reading.take(path)
        yield context.advance(number, len(files), "Reading shapes", "files")
    return reading.found()


@dataclass(slots=True)
class _Pictures:
    """Those of one folder and size, which are a video.

    Attributes:
        id: Of the video.
        folder: In the one that is read; empty where they are of that itself.
        size: (height, width) in pixels.
        names: Of the pictures.
    """

    id: int
    folder: str
    size: tuple[int, int]
    names: list[str] = field(default_factory=list)


class _Reading:
    """Takes in one file after the other.

    Args:
        folder: The one whose files they are; ``None`` for a single file, which lies beside its
            picture.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._builder = TrackBuilder()
        self._classes: dict[str, int] = {}
        self._videos: dict[tuple[str, int, int], _Pictures] = {}
        self._incomplete: set[int] = set()
        self._left_out: Counter[str] = Counter()
        self._num_alone = 0

    def take(self, path: Path) -> None:
        """Take in the shapes of one picture.

        Raises:
            FormatError: The file breaks the format.
        """
        report, raw = Reporter(path), read_json_file(path)
        if not isinstance(raw, dict) or not isinstance(raw.get("shapes"), list):
            report("", "this is no JSON of LabelMe: it has no list of shapes.")
            return
        size = raw.get("imageHeight"), raw.get("imageWidth")
        height, width = size
        if not (is_int(height) and is_int(width)) or not (
            1 <= height <= MAX_SIDE_PX
            and 1 <= width <= MAX_SIDE_PX
            and height * width <= MAX_PIXELS
        ):
            report("imageHeight", f"{shown(width)} x {shown(height)} is no size of a picture.")
            return
        folder = "" if self._folder in (None, path.parent) else path.parent.name
        new = _Pictures(len(self._videos) + 1, folder, (height, width))
        pictures = self._videos.setdefault((folder, height, width), new)
        told = raw.get("imagePath")
        name = PureWindowsPath(told).name if is_text(told) else ""  # slashes of any system
        pictures.names.append(name if name and is_safe_name(name) else f"{path.stem}.jpg")
        parts: dict[tuple[int, str, bool, str], list[RLEMask]] = {}
        for number, shape in enumerate(raw["shapes"]):
            where = f"shapes[{number}]"
            if not isinstance(shape, dict):
                report(where, f"a shape must be an object, not {shown(shape)}.")
                continue
            mask = self._mask(shape, (height, width), where, report)
            if mask is None:
                self._incomplete.add(pictures.id)
            else:
                parts.setdefault(self._key(shape, where, report), []).append(mask)
        for (label, class_name, is_box, name), masks in parts.items():
            whole = masks[0] if len(masks) == 1 else RLEMask.union(masks)
            class_id = self._classes.setdefault(class_name, len(self._classes) + 1)
            at = (pictures.id, label, class_id, len(pictures.names) - 1, whole)
            self._builder.add(*at, is_crowd=is_box, name=name)

    def found(self) -> tuple[YtvisHeader, PendingTracks]:
        """Videos, classes and tracks, once all was taken in."""
        before = self._before()
        videos = tuple(
            YtvisVideo(
                pictures.id,
                *pictures.size,
                len(pictures.names),
                tuple(f"{_prefix(pictures.folder) or before}{n}" for n in pictures.names),
            )
            for pictures in self._videos.values()
        )
        classes = tuple(Category(number, name) for name, number in self._classes.items())
        lengths = {video.id: video.length for video in videos}
        incomplete = frozenset(self._incomplete)
        tracks = PendingTracks(
            self._builder, iter(()), lengths, notes=self._notes(), incomplete=incomplete
        )
        return YtvisHeader(videos, classes), tracks

    def _before(self) -> str:
        """What stands before the names: the folder, where the pictures lie in it."""
        names = [name for pictures in self._videos.values() for name in pictures.names[:1]]
        if self._folder is None or not any((self._folder / name).is_file() for name in names):
            return ""
        return _prefix(self._folder.resolve().name)

    def _key(
        self, shape: dict[str, Any], where: str, report: Reporter
    ) -> tuple[int, str, bool, str]:
        """Label, class, whether it is a box, and name of the instance of a shape."""
        name = shape.get("label")
        if not is_text(name) or not name.strip():
            report(f"{where}.label", f"expected a name, found {shown(name)}.")
        elif reason := why_not_named(name, MAX_NAME_LETTERS):
            report(f"{where}.label", f"the name {shown(name)} {reason}.")
        is_box = shape.get("shape_type") in _BOXES
        group = shape.get("group_id")
        if is_int(group) and 0 <= group < _MOST_GROUP:
            return group + 1, str(name).strip(), is_box, str(group)
        self._num_alone += 1
        return _ALONE + self._num_alone, str(name).strip(), is_box, ""

    def _mask(
        self, shape: dict[str, Any], size: tuple[int, int], where: str, report: Reporter
    ) -> RLEMask | None:
        """The mask of a shape; ``None`` where it has no inside."""
        kind = shape.get("shape_type") or "polygon"
        if kind not in _FILLED:
            self._left_out["rectangle" if kind in _BOXES else str(kind)[:40]] += 1
        if kind not in (*_FILLED, *_BOXES):
            return None
        try:
            points = np.array(shape.get("points"), dtype=np.float64).reshape(-1, 2)
            mask = _drawn(kind, points, shape.get("mask"), size)
        except FormatError as error:
            report(f"{where}.points", str(error), error.expected, error.actual)
        except _UNREADABLE:
            report(where, "its points or its mask cannot be read.")
        else:
            return mask if mask.area else None
        return None

    def _notes(self) -> list[str]:
        boxes = self._left_out.pop("rectangle", 0)
        return unmasked_notes(boxes, self._left_out)


def _prefix(folder: str) -> str:
    """What stands before the names of a folder's pictures."""
    return f"{folder}/" if folder and is_safe_name(folder) else ""


def _drawn(kind: str, points: Points, coded: object, size: tuple[int, int]) -> RLEMask:
    """The mask of a shape.

    Raises:
        FormatError: It is none.
        ValueError: Its points or its picture are none.
    """
    if not np.isfinite(points).all() or np.abs(points).max(initial=0) > 4 * max(size):
        raise FormatError("A shape lies outside its frame.")
    if kind == "mask":
        left, top = np.rint(points[0]).astype(int).tolist() if len(points) else (0, 0)
        return _pasted(coded, left, top, size)
    if kind == "circle" and len(points) == 2:
        x, y = points[0].tolist()
        radius = float(np.hypot(*(points[1] - points[0])))
        is_round = radius > 0
        return ellipse_mask((x, y), (radius,) * 2, 0.0, size) if is_round else RLEMask.empty(size)
    if kind == "rectangle" and len(points) == 2:
        points = box_corners(*points.ravel().tolist())
    return polygon_mask(points, size)


def _pasted(coded: object, left: int, top: int, size: tuple[int, int]) -> RLEMask:
    """A mask that is a picture in base64, at its place."""
    with Image.open(BytesIO(base64.b64decode(str(coded), validate=True)), formats=["PNG"]) as image:
        if image.width > size[1] or image.height > size[0]:
            raise FormatError("A mask is larger than its frame.")
        mask = np.asarray(image.convert("L")) > 0
    height, width = mask.shape
    if not (0 <= left <= size[1] - width and 0 <= top <= size[0] - height):
        raise FormatError("A mask lies outside its frame.")
    return boxed_mask(mask, size, top, left)
