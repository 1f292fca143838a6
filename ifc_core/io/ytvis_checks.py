"""Records of a YouTube-VIS file, checked field by field.

The same code reads strictly (the first problem ends it) and validates (every problem is
noted): what happens with a problem is up to the :class:`~ifc_core.io.problems.Reporter`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ifc_core.io.problems import (
    MAX_NAME_LETTERS,
    Reporter,
    has_controls,
    is_finite,
    is_int,
    is_text,
    shown,
    why_not_named,
)
from ifc_core.io.segmentations import parse_segmentations
from ifc_core.io.studio_key import KEY, parse_parent, parse_track_details, parse_video_details
from ifc_core.io.ytvis_types import MAX_LENGTH, YtvisTrack, YtvisVideo
from ifc_core.structures import Category, RLEMask
from ifc_core.structures.category import MAX_ID
from ifc_core.structures.mask import MAX_PIXELS, MAX_SIDE_PX

_Entry = TypeVar("_Entry")
_MAX_PATH_LETTERS = 4096
_DRIVE = re.compile(r"^[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class Known:
    """What records may refer to.

    Attributes:
        videos: By id.
        categories: By id.
        told: Ids of videos and of categories that are there, with faults told already.
    """

    videos: Mapping[int, YtvisVideo]
    categories: Mapping[int, Category]
    told: Mapping[str, Collection[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ParentLink:
    """What an annotation says of its parent.

    Attributes:
        where: Its place in the file.
        id: The annotation.
        parent_id: What it descends from.
    """

    where: str
    id: int
    parent_id: int


def is_safe_name(name: str) -> bool:
    """Whether a file name stays inside the folder it is relative to, is UTF-8 and can be shown."""
    return not why_unsafe(name)


def why_unsafe(name: str) -> str:
    """Why a name is none for a file of the data, as the end of a sentence; empty for a safe one."""
    parts = name.replace("\\", "/").split("/")
    is_rooted = not name or name.startswith(("/", "\\")) or bool(_DRIVE.match(name))
    if is_rooted or "\0" in name or not is_text(name) or ".." in parts or "" in parts:
        return "leaves the folder of the data"
    if has_controls(name):
        return "holds control characters or line breaks"
    if len(name) > _MAX_PATH_LETTERS:
        return f"has {len(name):,} letters, which no file can have"
    return ""


def parse_video(raw: object, where: str, report: Reporter) -> YtvisVideo | None:
    """Check an entry of ``videos``.

    Args:
        raw: The entry.
        where: Its place.
        report: Told of problems.

    Returns:
        The video, or ``None`` where it is unusable.
    """
    if not isinstance(raw, dict):
        report(where, f"a video must be an object, not {shown(raw)}.")
        return None
    usable = True
    limits = {"id": 0, "height": 1, "width": 1, "length": 1}
    for key, least in limits.items():
        most = {"id": MAX_ID, "length": MAX_LENGTH}.get(key, MAX_SIDE_PX)
        value = raw.get(key)
        if not is_int(value) or not least <= value <= most:
            report(f"{where}.{key}", _out_of_range(least, most, value))
            usable = False
    if not usable:
        return None
    if raw["height"] * raw["width"] > MAX_PIXELS:
        report(where, f"a frame of {raw['width']}x{raw['height']} pixels is too large.")
        return None
    names = _file_names(raw.get("file_names"), raw["length"], f"{where}.file_names", report)
    details = parse_video_details(raw.get(KEY), raw["length"], where, report)
    return YtvisVideo(raw["id"], raw["height"], raw["width"], raw["length"], names, details)


def _file_names(raw: object, length: int, where: str, report: Reporter) -> tuple[str, ...]:
    if not isinstance(raw, list):
        report(where, f"expected a list of names, found {shown(raw)}.")
        return ()
    if len(raw) != length:
        report(where, f"{len(raw)} names for {length} frames.", length, len(raw))
    names: list[str] = []
    for index, name in enumerate(raw):
        if not is_text(name):
            report(f"{where}[{index}]", f"expected a name, found {shown(name)}.")
        elif reason := why_unsafe(name):
            report(f"{where}[{index}]", f"the path {shown(name)} {reason}.")
        else:
            names.append(name.replace("\\", "/"))
    return tuple(names)


def parse_category(raw: object, where: str, report: Reporter) -> Category | None:
    """Check an entry of ``categories``.

    Args:
        raw: The entry.
        where: Its place.
        report: Told of problems.

    Returns:
        The category, or ``None`` where it is unusable.
    """
    if not isinstance(raw, dict):
        report(where, f"a category must be an object, not {shown(raw)}.")
        return None
    identity, name = raw.get("id"), raw.get("name")
    if not is_int(identity) or not 1 <= identity <= MAX_ID:
        report(
            f"{where}.id",
            f"expected a positive integer up to {MAX_ID}, found {shown(identity)}.",
        )
        return None
    if not is_text(name) or not name.strip():
        report(f"{where}.name", f"expected a name, found {shown(name)}.")
        return None
    if reason := why_not_named(name.strip(), MAX_NAME_LETTERS):
        report(f"{where}.name", f"the name {shown(name)} {reason}.")
        return None
    parent = raw.get("supercategory", "")
    if not is_text(parent):
        if parent is not None:
            report(f"{where}.supercategory", f"expected a name, found {shown(parent)}.")
        parent = ""
    elif reason := why_not_named(parent, MAX_NAME_LETTERS):
        report(f"{where}.supercategory", f"the name {shown(parent)} {reason}.")
        parent = ""
    studio = raw.get(KEY)
    hotkey = studio.get("hotkey", "") if isinstance(studio, dict) else ""
    hotkey = hotkey if is_text(hotkey) else ""
    color = _color(raw.get("color"), f"{where}.color", report)
    if color is None:
        return Category(identity, name, parent, hotkey=hotkey)
    return Category(identity, name, parent, color, hotkey)


def _out_of_range(least: int, most: int, found: object) -> str:
    return f"expected an integer from {least} to {most}, found {shown(found)}."


def _color(raw: object, where: str, report: Reporter) -> tuple[int, int, int] | None:
    if raw is None:
        return None
    if isinstance(raw, list) and len(raw) == 3 and all(is_int(c) and 0 <= c < 256 for c in raw):
        return (raw[0], raw[1], raw[2])
    report(where, f"expected three values from 0 to 255, found {shown(raw)}.")
    return None


def parse_track(
    raw: object, where: str, known: Known, report: Reporter, number: int | None = None
) -> YtvisTrack | None:
    """Check an annotation or a result.

    Args:
        raw: The record.
        where: Its place.
        known: The videos and categories it may refer to.
        report: Told of problems.
        number: Given for a result, which then needs a score: the id it gets.

    Returns:
        The track, or ``None`` where it is unusable.
    """
    if not isinstance(raw, dict):
        report(where, f"a record must be an object, not {shown(raw)}.")
        return None
    identity = number if number is not None else raw.get("id")
    if not is_int(identity) or not 0 <= identity <= MAX_ID:
        report(f"{where}.id", _out_of_range(0, MAX_ID, identity))
        return None
    video = _reference(raw, "video_id", known.videos, known, where, report)
    category = _reference(raw, "category_id", known.categories, known, where, report)
    has_score = number is not None or "score" in raw
    score = _score(raw.get("score"), f"{where}.score", report) if has_score else None
    crowd = raw.get("iscrowd", 0)
    if crowd not in (0, 1):
        report(f"{where}.iscrowd", f"expected 0 or 1, found {shown(crowd)}.")
        crowd = 0
    if video is None or category is None:
        return None
    _check_repeats(raw, video, where, report)
    masks = parse_segmentations(raw.get("segmentations"), video, f"{where}.segmentations", report)
    if masks is None:
        return None
    areas = _areas(raw.get("areas"), video.length, f"{where}.areas", report)
    if not report.is_strict:
        check_derived(raw, masks, where, report)
    details = parse_track_details(raw.get(KEY), masks, where, report)
    return YtvisTrack(
        identity,
        video.id,
        category.id,
        masks,
        bool(crowd),
        score,
        areas,
        details,
        parse_parent(raw.get(KEY), where, report),
    )


def _reference(
    raw: Mapping[str, Any],
    key: str,
    entries: Mapping[int, _Entry],
    known: Known,
    where: str,
    report: Reporter,
) -> _Entry | None:
    value = raw.get(key)
    if not is_int(value):
        report(f"{where}.{key}", f"expected an integer, found {shown(value)}.")
        return None
    if value not in entries:
        if value not in known.told.get(key, ()):
            what = key.removesuffix("_id")
            report(f"{where}.{key}", f"there is no {what} with id {shown(value)}.")
        return None
    return entries[value]


def _score(raw: object, where: str, report: Reporter) -> float:
    if not is_finite(raw):
        report(where, f"expected a finite number, found {shown(raw)}.")
        return 0.0
    if not report.is_strict and not 0 <= raw <= 1:  # evaluation asks for the order alone
        report(where, f"expected a number from 0 to 1, found {shown(raw)}.")
    return float(raw)


def _check_repeats(raw: Mapping[str, Any], video: YtvisVideo, where: str, report: Reporter) -> None:
    """Height, width and length may be repeated in a record; they must then agree.

    The published annotations of YouTube-VIS 2019 say 1 for every length; that is let pass.
    """
    for key, expected in (
        ("height", video.height),
        ("width", video.width),
        ("length", video.length),
    ):
        value = raw.get(key, expected)
        if key == "length" and is_int(value) and value == 1:
            continue
        if value != expected or isinstance(value, bool):
            report(
                f"{where}.{key}", f"{shown(value)} where its video has {expected}.", expected, value
            )


def _areas(raw: object, length: int, where: str, report: Reporter) -> tuple[float | None, ...]:
    if raw is None:
        return ()
    if not isinstance(raw, list) or len(raw) != length:
        report(where, f"expected {length} areas, found {shown(raw)}.")
        return ()
    areas: list[float | None] = []
    for index, area in enumerate(raw):
        if area is not None and (not is_finite(area) or area < 0):
            report(f"{where}[{index}]", f"expected null or an area, found {shown(area)}.")
            return ()
        areas.append(None if area is None else float(area))
    return tuple(areas)


def check_derived(
    raw: Mapping[str, Any],
    masks: Sequence[RLEMask | None],
    where: str,
    report: Reporter,
) -> None:
    """Compare areas and boxes with the masks they were computed from; broken ones were told.

    Args:
        raw: The record.
        masks: Its masks.
        where: Its place.
        report: Told of problems.
    """
    areas, boxes = raw.get("areas"), raw.get("bboxes")
    for index, mask in enumerate(masks):
        segmentation = raw["segmentations"][index]
        if mask is None and segmentation is not None and segmentation != []:
            continue
        is_polygon = isinstance(segmentation, list)
        if isinstance(areas, list) and len(areas) == len(masks):
            _check_area(areas[index], mask, is_polygon, f"{where}.areas[{index}]", report)
        if isinstance(boxes, list) and len(boxes) == len(masks):
            _check_box(boxes[index], mask, f"{where}.bboxes[{index}]", report)
    if boxes is not None and (not isinstance(boxes, list) or len(boxes) != len(masks)):
        report(f"{where}.bboxes", f"expected {len(masks)} boxes, found {shown(boxes)}.")


def _check_area(
    area: object, mask: RLEMask | None, is_polygon: bool, where: str, report: Reporter
) -> None:
    if mask is None or area is None:
        if (mask is None) != (area is None) and area != 0:
            report(where, f"{shown(area)} where the mask is {'null' if mask is None else 'there'}.")
        return
    actual = mask.area
    tolerance = 16 + 0.1 * actual if is_polygon else 0.5
    if is_finite(area) and abs(area - actual) > tolerance:
        report(where, f"{area} where the mask has {actual} pixels.", actual, area)


def _check_box(box: object, mask: RLEMask | None, where: str, report: Reporter) -> None:
    if mask is None or box is None:
        if mask is None and box is not None and box != [0, 0, 0, 0]:
            report(where, f"{shown(box)} where the mask is null.")
        return
    if not isinstance(box, list) or len(box) != 4 or not all(is_finite(v) for v in box):
        report(where, f"expected [x, y, width, height], found {shown(box)}.")
        return
    actual = mask.bbox_xywh
    if max(abs(float(a) - b) for a, b in zip(box, actual, strict=True)) > 1.0:
        report(where, f"{shown(box)} where the mask's box is {list(actual)}.", actual, box)


def check_parents(links: Sequence[ParentLink], videos: Mapping[int, int], report: Reporter) -> None:
    """Compare parents with the annotations that there are, and with each other.

    Args:
        links: Of all annotations that have a parent, in file order.
        videos: Annotation -> its video, of all of them.
        report: Told of problems; a ring of parents is told once, at its last link.
    """
    sound: dict[int, int] = {}  # annotation -> place of its link
    for place, link in enumerate(links):
        if link.parent_id == link.id or link.parent_id not in videos:
            report(link.where, f"{link.parent_id} is the id of no other annotation.")
        elif videos[link.parent_id] != videos[link.id]:
            report(link.where, f"{link.parent_id} is an annotation of another video.")
        else:
            sound[link.id] = place
    for place in sorted(_ring_ends(links, sound)):
        link = links[place]
        report(link.where, f"{link.parent_id} descends from this annotation itself.")


def _ring_ends(links: Sequence[ParentLink], places: Mapping[int, int]) -> Iterator[int]:
    """The place of the last link of each ring, every link being followed once."""
    followed_from: dict[int, int] = {}
    for start in places:
        at = start
        while at in places and at not in followed_from:
            followed_from[at] = start
            at = links[places[at]].parent_id
        if followed_from.get(at) != start:
            continue  # it came to an end, or to where it was known already
        end, ring = places[at], links[places[at]].parent_id
        while ring != at:
            end, ring = max(end, places[ring]), links[places[ring]].parent_id
        yield end
