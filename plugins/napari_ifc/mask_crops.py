"""Many masks at once as small pictures inside their boxes, at the scale they are drawn at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.structures import RLEMask
from ifc_core.structures.rle_runs import Crop, crop_mask, crop_runs
from ifc_core.structures.run_lengths import RunBatch, decode_batch

__all__ = ["DrawnCrop", "crop_mask", "crop_masks"]

_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class DrawnCrop:
    """A mask inside its box at the scale of the picture.

    Attributes:
        left: First column of the box.
        top: First row of the box.
        inside: (h, w) bool.
        outlines: Closed lines along the pixels of the rim, in the picture's coordinates.
        anchor: Where the number stands, (x, y): over the middle of the largest piece.
        middle: Of the box of the largest piece, (x, y).
    """

    left: int
    top: int
    inside: npt.NDArray[np.bool_]
    outlines: tuple[npt.NDArray[np.int32], ...]
    anchor: tuple[int, int]
    middle: tuple[int, int]


def crop_masks(rles: Sequence[RLEMask], scale: Fraction) -> list[DrawnCrop | None]:
    """Decode masks inside their boxes, all in one go.

    Args:
        rles: Masks of one size.
        scale: Of the picture: a whole number, or one over a whole number.

    Returns:
        One for each mask; ``None`` for an empty one.
    """
    if not rles:
        return []
    height, step = rles[0].size[0], scale.denominator
    batch = decode_batch([rle.counts for rle in rles])
    found: list[DrawnCrop | None] = []
    for number, crop in enumerate(_all_crops(batch, height, step)):
        if crop is None:  # crosses columns, is empty or too thin for the scale
            runs = batch.runs[batch.offsets[number] : batch.offsets[number + 1]]
            crop = _shrunk(crop_runs(runs, height), step)
        found.append(None if crop is None else _drawn(*crop, scale.numerator))
    return found


def _all_crops(batch: RunBatch, height: int, step: int) -> list[Crop | None]:
    """Crops of the masks whose runs stay inside their columns; of every ``step``-th pixel."""
    count = len(batch)
    owner = np.repeat(np.arange(count), np.diff(batch.offsets))
    edges = np.cumsum(batch.runs, dtype=np.int64)
    edges -= np.concatenate(([0], edges))[batch.offsets[:-1]][owner]
    is_inside = (np.arange(len(owner)) - batch.offsets[owner]) % 2 == 1
    is_inside &= batch.runs > 0
    owner, stops = owner[is_inside], edges[is_inside]
    starts = stops - batch.runs[is_inside]
    columns, rows = np.divmod(starts, height)
    ends = rows + stops - starts
    crosses = np.zeros(count, np.bool_)
    crosses[owner[ends > height]] = True
    if step > 1:
        rows, ends = -(-rows // step), -(-ends // step)
        kept = (columns % step == 0) & (ends > rows)
        owner, columns = owner[kept], columns[kept] // step
        rows, ends = rows[kept], ends[kept]
    kept = ~crosses[owner]
    return _pack(count, owner[kept], columns[kept], rows[kept], ends[kept])


def _pack(count: int, owner: _Ints, columns: _Ints, rows: _Ints, ends: _Ints) -> list[Crop | None]:
    """Pictures of the runs ``rows`` to ``ends`` of columns, each inside its owner's box."""
    crops: list[Crop | None] = [None] * count
    if not len(owner):
        return crops
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    here = owner[first]
    last = np.append(first[1:], len(owner)) - 1
    left, top = columns[first], np.minimum.reduceat(rows, first)
    wide, tall = columns[last] - left + 1, np.maximum.reduceat(ends, first) - top
    place = np.cumsum(wide * tall) - wide * tall  # of each box in one long row of pixels
    per_run = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(owner))))
    begin = place[per_run] + (columns - left[per_run]) * tall[per_run] + rows - top[per_run]
    bounds = np.zeros(2 * len(owner) + 2, np.int64)
    bounds[1:-1:2] = begin
    bounds[2:-1:2] = begin + ends - rows
    bounds[-1] = place[-1] + wide[-1] * tall[-1]
    values = np.zeros(len(bounds) - 1, np.uint8)
    values[1::2] = 1
    pixels = np.repeat(values, np.diff(bounds))
    sides = zip(here.tolist(), left.tolist(), top.tolist(), strict=True)
    shapes = zip(place.tolist(), wide.tolist(), tall.tolist(), strict=True)
    for (number, x, y), (start, w, h) in zip(sides, shapes, strict=True):
        crops[number] = x, y, cv2.transpose(pixels[start : start + w * h].reshape(w, h))
    return crops


def _shrunk(crop: Crop | None, step: int) -> Crop | None:
    """A crop at one over ``step``, in which no part of it is lost."""
    if crop is None or step == 1:
        return crop
    left, top, inside = crop
    pad_x, pad_y = left % step, top % step
    tall = -(-(inside.shape[0] + pad_y) // step)
    wide = -(-(inside.shape[1] + pad_x) // step)
    whole = np.zeros((tall * step, wide * step), np.uint8)
    whole[pad_y : pad_y + inside.shape[0], pad_x : pad_x + inside.shape[1]] = inside
    small: npt.NDArray[Any] = whole.reshape(tall, step, wide, step).max(axis=(1, 3))
    return left // step, top // step, small


def _drawn(left: int, top: int, inside: npt.NDArray[np.uint8], factor: int) -> DrawnCrop:
    lines, _ = cv2.findContours(inside, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE, offset=(left, top))
    largest = lines[0] if len(lines) == 1 else max(lines, key=cv2.contourArea)
    x, y, wide, tall = cv2.boundingRect(largest)
    outlines = tuple(np.asarray(line, np.int32) for line in lines)
    if factor > 1:  # lines run through the middles of pixels, so that slopes have no stairs
        inside = cv2.resize(inside, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST)
        outlines = tuple(line * np.int32(factor) + np.int32(factor // 2) for line in outlines)
    anchor = ((x + wide // 2) * factor, y * factor)
    middle = (anchor[0], (y + tall // 2) * factor)
    return DrawnCrop(left * factor, top * factor, inside.view(np.bool_), outlines, anchor, middle)
