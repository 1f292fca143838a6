"""Run lengths as arrays: checking stored masks, decoding one in its box, changing a rectangle.

A stroke changes a few columns of a large frame. COCO's runs are column-major, so only the
runs of those columns are opened; the rest of the mask is spliced back as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ifc_core.errors import FormatError
from ifc_core.structures import RLEMask
from ifc_core.structures.run_lengths import decode_batch

Toggles = npt.NDArray[np.int64]
"""Ascending pixel positions (column-major) at which a mask changes, from background."""

Crop = tuple[int, int, npt.NDArray[np.uint8]]
"""Left and top of a box, and (h, w) uint8, 1 inside."""

_MAX_GROUPS = 7  # bytes of one number, as in ``structures.mask.decode_counts``


def decode_runs(counts: bytes) -> npt.NDArray[np.int64]:
    """Expand one COCO count string.

    Args:
        counts: The compressed string.

    Returns:
        (R,) int64 run lengths, the first of background.

    Raises:
        FormatError: The string is not a COCO count string.
    """
    batch = decode_batch([counts])
    if not batch.is_valid[0]:
        raise FormatError("An RLE count string is broken.", actual=counts[:40])
    return batch.runs.astype(np.int64)


def encode_runs(runs: npt.NDArray[np.int64]) -> bytes:
    """Compress run lengths as COCO does.

    Args:
        runs: (R,) int64 run lengths, the first of background.

    Returns:
        The count string, byte for byte the one pycocotools gives.
    """
    values = runs.astype(np.int64).copy()
    values[3:] -= runs[1:-2]
    table = np.zeros((values.size, _MAX_GROUPS), dtype=np.uint8)
    used = np.zeros(table.shape, dtype=bool)
    active = np.ones(values.size, dtype=bool)
    for group in range(_MAX_GROUPS):
        code = values & 31
        values = values >> 5
        more = np.where(code & 16, values != -1, values != 0)
        table[:, group] = code + 48 + 32 * more
        used[:, group] = active
        active = active & more
        if not active.any():
            break
    return table[used].tobytes()


def all_sound(strings: Sequence[bytes], num_pixels: int) -> bool:
    """Whether count strings can be given to native code for masks of ``num_pixels``."""
    batch = decode_batch(strings)
    return bool((batch.is_valid & (batch.totals == num_pixels)).all())


def toggles_of(rle: RLEMask) -> Toggles:
    """Positions at which the mask changes; pairs that cancel are left out."""
    positions = np.cumsum(decode_runs(rle.counts))
    total = rle.size[0] * rle.size[1]
    if positions[-1] != total:
        raise FormatError("An RLE does not fill its size.", expected=total)
    positions = positions[positions < total]
    if positions.size > 1 and (np.diff(positions) == 0).any():
        positions, times = np.unique(positions, return_counts=True)
        positions = positions[times % 2 == 1]
    return positions


def mask_of(toggles: Toggles, size: tuple[int, int]) -> RLEMask:
    """The inverse of :func:`toggles_of`."""
    total = size[0] * size[1]
    runs = np.diff(np.concatenate(([0], toggles, [total])))
    return RLEMask(size, encode_runs(runs))


def boxed_mask(
    inside: npt.NDArray[np.bool_], size: tuple[int, int], top: int, left: int
) -> RLEMask:
    """Encode a mask of which only a box is given: the rest of the frame is not looked at.

    Args:
        inside: (h, w) bool, the content of the box.
        size: (height, width) of the frame in pixels; the box lies in it.
        top: First row of the box.
        left: First column of the box.

    Returns:
        The mask, byte for byte the one that :meth:`RLEMask.from_array` gives for the frame.
    """
    height = size[0]
    columns = np.zeros(inside.shape[1] * height + 2, np.bool_)  # one after the other, ends outside
    slab = columns[1:-1].reshape(-1, height)
    slab[:, top : top + inside.shape[0]] = inside.T
    toggles = np.flatnonzero(columns[1:] != columns[:-1]) + left * height
    return mask_of(toggles[toggles < height * size[1]], size)


def crop_mask(rle: RLEMask) -> Crop | None:
    """Decode a mask inside its box only: the rest of the frame is not looked at.

    Args:
        rle: The mask.

    Returns:
        Left and top of the tight box and the mask in it; ``None`` for an empty mask.
    """
    return crop_runs(decode_batch([rle.counts]).runs, rle.size[0])


def crop_each(rles: Sequence[RLEMask]) -> Iterator[Crop | None]:
    """:func:`crop_mask` of many masks, whose strings are expanded together.

    Args:
        rles: The masks; their strings are known to be sound.

    Yields:
        One for each mask; the pixels of one at a time are held.
    """
    batch = decode_batch([rle.counts for rle in rles])
    begins = batch.offsets.tolist()
    for rle, begin, stop in zip(rles, begins, begins[1:], strict=False):
        yield crop_runs(batch.runs[begin:stop], rle.size[0])


def crop_runs(runs: npt.NDArray[np.integer[Any]], height: int) -> Crop | None:
    """As :func:`crop_mask`, of run lengths.

    Args:
        runs: (R,) run lengths, the first of background.
        height: Of the frame in pixels.
    """
    edges = np.cumsum(runs, dtype=np.int64)
    stops = edges[1::2]
    starts = edges[0::2][: len(stops)]
    real = stops > starts
    starts, stops = starts[real], stops[real]
    if not len(starts):
        return None
    first_column, first_row = np.divmod(starts, height)
    last_column, last_row = np.divmod(stops - 1, height)
    left, right = int(first_column[0]), int(last_column[-1]) + 1
    top, bottom = 0, height
    if np.array_equal(first_column, last_column):  # no run goes on in the next column
        top, bottom = int(first_row.min()), int(last_row.max()) + 1
    tall = bottom - top
    bounds = np.zeros(2 * len(starts) + 2, np.int64)
    bounds[1:-1:2] = (first_column - left) * tall + first_row - top
    bounds[2:-1:2] = (last_column - left) * tall + last_row - top + 1
    bounds[-1] = (right - left) * tall
    values = np.zeros(len(bounds) - 1, np.uint8)
    values[1::2] = 1
    columns = np.repeat(values, np.diff(bounds)).reshape(right - left, tall)
    return left, top, np.ascontiguousarray(columns.T)


def patch_mask(
    rle: RLEMask | None, size: tuple[int, int], top: int, left: int, patch: npt.NDArray[Any]
) -> RLEMask:
    """Replace a rectangle of a mask.

    Args:
        rle: The mask, or ``None`` for an empty one.
        size: (height, width) in pixels.
        top: First row of the rectangle.
        left: First column of the rectangle.
        patch: (h, w) bool or 0/1, the new content of the rectangle.

    Returns:
        The changed mask.

    Raises:
        FormatError: The rectangle leaves the frame.
    """
    height, width = size
    rows, columns = patch.shape
    if top < 0 or left < 0 or top + rows > height or left + columns > width:
        raise FormatError("The changed rectangle leaves the frame.", actual=(top, left, rows))
    toggles = np.zeros(0, dtype=np.int64) if rle is None else toggles_of(rle)
    if not patch.size:
        return mask_of(toggles, size)
    begin, end = left * height, (left + columns) * height
    first, last = np.searchsorted(toggles, (begin, end))
    slab = np.zeros(end - begin, dtype=np.uint8)
    slab[toggles[first:last] - begin] = 1
    inside = first % 2  # whether the mask is foreground where the slab begins
    slab = np.bitwise_xor.accumulate(slab) ^ np.uint8(inside)
    slab.reshape(columns, height)[:, top : top + rows] = (patch != 0).T
    changes = np.flatnonzero(slab[1:] != slab[:-1]) + 1 + begin
    pieces = [toggles[:first], changes, toggles[last:]]
    if slab[0] != inside:
        pieces.insert(1, np.array([begin]))
    if slab[-1] != last % 2:  # a change at the slab's end, or one less where there was one
        if last < toggles.size and toggles[last] == end:
            pieces[-1] = toggles[last + 1 :]
        else:
            pieces.insert(-1, np.array([end]))
    joined = np.concatenate(pieces)
    return mask_of(joined[joined < height * width], size)
