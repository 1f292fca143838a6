"""Masks of a record, in any of the ways COCO and YouTube-VIS files write them."""

from __future__ import annotations

from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from ifc_core.errors import FormatError
from ifc_core.io.problems import Reporter
from ifc_core.io.ytvis_types import YtvisVideo
from ifc_core.structures import RLEMask
from ifc_core.structures.run_lengths import decode_batch

_MAX_OUTLINE_PX = 2_000_000


def parse_segmentations(
    raw: object, video: YtvisVideo, where: str, report: Reporter
) -> tuple[RLEMask | None, ...] | None:
    """Check the masks of one record.

    Compressed and uncompressed RLE and polygons are read; ``null`` and ``[]`` mean no mask.

    Args:
        raw: The ``segmentations`` of the record.
        video: Its video.
        where: Place in the file.
        report: Told of problems.

    Returns:
        One mask or ``None`` a frame; ``None`` where the list is unusable.
    """
    if not isinstance(raw, list):
        report(where, f"expected a list with one entry a frame, found {type(raw).__name__}.")
        return None
    if len(raw) != video.length:
        report(
            where,
            f"{len(raw)} entries where the video has {video.length} frames.",
            video.length,
            len(raw),
        )
        return None
    size = (video.height, video.width)
    sound = _sound_rles(raw, size)
    masks: list[RLEMask | None] = []
    for index, entry in enumerate(raw):
        if index in sound:
            masks.append(sound[index])
        elif entry is None or entry == []:
            masks.append(None)
        else:
            masks.append(_parse_one(entry, size, f"{where}[{index}]", report))
    return tuple(masks)


def _sound_rles(raw: list[Any], size: tuple[int, int]) -> dict[int, RLEMask]:
    """The entries that are sound compressed RLE of the right size, checked all at once."""
    places: list[int] = []
    strings: list[bytes] = []
    for index, entry in enumerate(raw):
        if type(entry) is not dict or entry.get("size") != [size[0], size[1]]:
            continue
        counts = entry.get("counts")
        if type(counts) is str and counts and counts.isascii():
            places.append(index)
            strings.append(counts.encode("ascii"))
    if not places:
        return {}
    batch = decode_batch(strings)
    is_good = batch.is_valid & (batch.totals == size[0] * size[1])
    return {
        place: RLEMask(size, string)
        for place, string, good in zip(places, strings, is_good.tolist(), strict=True)
        if good
    }


def _parse_one(
    entry: object, size: tuple[int, int], where: str, report: Reporter
) -> RLEMask | None:
    try:
        mask = rasterise(entry, size) if isinstance(entry, list) else RLEMask.from_coco(entry)
    except FormatError as error:
        report(where, str(error), error.expected, error.actual)
        return None
    if mask.size != size:
        report(
            where,
            f"the mask is {mask.size[1]}x{mask.size[0]} where the video is {size[1]}x{size[0]}.",
            size,
            mask.size,
        )
        return None
    return mask


def rasterise(polygons: list[Any], size: tuple[int, int]) -> RLEMask:
    """Fill polygons and unite them.

    Args:
        polygons: At least one, each ``[x0, y0, x1, y1, ...]`` in pixels.
        size: (height, width) of the frame in pixels.

    Raises:
        FormatError: One is no polygon, or lies where native code would crash.
    """
    outline = sum(_outline_px(polygon, size) for polygon in polygons)
    if outline > _MAX_OUTLINE_PX:
        # pycocotools needs memory in proportion, and crashes where there is none.
        raise FormatError("The outline of a polygon is too long.", actual=outline)
    coded = coco_mask.merge(coco_mask.frPyObjects(polygons, *size))
    return RLEMask(size, coded["counts"])


def _outline_px(polygon: object, size: tuple[int, int]) -> float:
    """Check a polygon and return the length of its outline, at least its number of points."""
    if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
        raise FormatError("A polygon needs at least three points as [x0, y0, x1, y1, ...].")
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in polygon):
        raise FormatError("A polygon must be made of numbers.")
    try:
        points = np.asarray(polygon, dtype=np.float64).reshape(-1, 2)
    except OverflowError as error:
        raise FormatError("A polygon lies outside its frame.") from error
    if not np.isfinite(points).all():
        raise FormatError("A polygon must be made of finite numbers.")
    if points.min() < -max(size) or points.max() > 2 * max(size):
        raise FormatError("A polygon lies outside its frame.", actual=points.max())
    steps = np.abs(points - np.roll(points, 1, axis=0)).max(axis=1)
    return float(np.maximum(steps, 1).sum())
