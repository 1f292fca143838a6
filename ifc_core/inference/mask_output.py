"""Mask logits at 1/8 to masks in the size of the displayed frame.

Only the part of the frame that the mask can reach is ever looked at, so that a small object in a
large frame costs what it covers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.structures.mask import RLEMask
from ifc_core.structures.rle_runs import mask_of

Floats = npt.NDArray[np.float32]

_LARGE_SHARE = 0.4
"""Of the frame; beyond it going through all of it in native code is quicker."""

_SMALL_FRAME_PX = 1 << 16
"""Up to this size it always is."""


def encode_logits(
    logits: Floats,
    size: tuple[int, int],
    region_xywh: tuple[int, int, int, int] | None = None,
) -> RLEMask | None:
    """Upsample logits bilinearly (pixel centres, as ``align_corners=False``), cut at 0, encode.

    The whole grid is stretched over the frame, also where the network's input was not a
    multiple of 8.

    Args:
        logits: (h, w) float32.
        size: (height, width) of the mask.
        region_xywh: Part of the frame that the logits cover; all of it by default.

    Returns:
        The mask, or ``None`` if it has no pixel.
    """
    positive = logits > 0
    rows, columns = np.flatnonzero(positive.any(axis=1)), np.flatnonzero(positive.any(axis=0))
    if not len(rows):
        return None
    x, y, width, height = region_xywh or (0, 0, size[1], size[0])
    down, across = _axis(logits.shape[0], height), _axis(logits.shape[1], width)
    top, bottom = down.reach(int(rows[0]), int(rows[-1]))
    left, right = across.reach(int(columns[0]), int(columns[-1]))
    reached = (bottom - top) * (right - left)
    if reached > _LARGE_SHARE * height * width or height * width <= _SMALL_FRAME_PX:
        return _encode_whole(logits, size, (x, y, width, height))
    large = across.stretched(down.stretched(logits, top, bottom).T, left, right).T
    return encode_box(large > 0, size, y + top, x + left)


def _encode_whole(
    logits: Floats, size: tuple[int, int], region_xywh: tuple[int, int, int, int]
) -> RLEMask | None:
    """The same for a small region, or a mask that may cover most of it."""
    x, y, width, height = region_xywh
    # Transposed, so that memory is in the column-major order of the encoding; cv2 takes
    # (columns, rows): of the transposed image these are (height, width).
    transposed = np.ascontiguousarray(logits.T, dtype=np.float32)
    mask = cv2.resize(transposed, (height, width), interpolation=cv2.INTER_LINEAR) > 0
    if (height, width) != size:
        return encode_box(mask.T, size, y, x)
    return RLEMask.from_array(mask.T) if mask.any() else None


def encode_box(
    box: npt.NDArray[np.bool_], size: tuple[int, int], top: int, left: int
) -> RLEMask | None:
    """Encode a mask that lies inside a box.

    Args:
        box: (h, w) bool.
        size: (height, width) of the whole mask.
        top: First row of the box.
        left: First column of the box.

    Returns:
        The mask, or ``None`` if it has no pixel.
    """
    if not box.any():
        return None
    height, width = box.shape
    # Column after column, each with a pixel of background behind it, which ends its last run.
    columns = np.zeros((width, height + 1), dtype=np.bool_)
    columns[:, :height] = box.T
    flat = columns.ravel()
    places = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    if flat[0]:
        places = np.concatenate(([0], places))
    column, row = np.divmod(places, height + 1)
    toggles = (left + column) * size[0] + top + row
    if height == size[0]:  # runs that go on in the next column
        ends = np.flatnonzero(toggles[1:] == toggles[:-1])
        toggles = np.delete(toggles, np.concatenate((ends, ends + 1)))
    return mask_of(toggles[toggles < size[0] * size[1]], size)


@dataclass(frozen=True, slots=True)
class _Axis:
    """Bilinear upsampling along one axis.

    Attributes:
        share: (pixels,) float32, of the upper cell in what a pixel sees.
        lower: (pixels,) ascending, the first cell that a pixel sees.
        upper: (pixels,) ascending, the last one.
    """

    share: Floats
    lower: npt.NDArray[np.int64]
    upper: npt.NDArray[np.int64]

    def stretched(self, values: Floats, start: int, stop: int) -> Floats:
        """(stop - start, n) float32: pixels ``start`` to ``stop`` of (cells, n) values."""
        part = slice(start, stop)
        large = values[self.upper[part]]
        low = values[self.lower[part]]
        large -= low
        large *= self.share[part, None]
        large += low
        return large

    def reach(self, first: int, last: int) -> tuple[int, int]:
        """Pixels [start, stop) that see one of the cells ``first`` to ``last``."""
        start = np.searchsorted(self.upper, first, side="left")
        return int(start), int(np.searchsorted(self.lower, last, side="right"))


@lru_cache(maxsize=64)
def _axis(cells: int, pixels: int) -> _Axis:
    centres = np.clip((np.arange(pixels) + 0.5) * (cells / pixels) - 0.5, 0, cells - 1)
    lower = np.floor(centres).astype(np.int64)
    upper = np.minimum(lower + 1, cells - 1)
    return _Axis((centres - lower).astype(np.float32), lower, upper)
