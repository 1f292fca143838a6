"""Where an edited video cuts to another shot: one rule, for corrections and for proposing."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

FloatImage = npt.NDArray[np.float32]
Frame = npt.NDArray[np.uint8]

LEAST_COLOUR_CHANGE = 0.3
"""Share of the pixels whose colour must have changed at a cut; see :func:`colour_change`."""

_LEAST_GAP = 12.0
_LEAST_PRODUCT = 10.0
_GAP_CELL_PX = 4
_SAMPLED_FROM_PX = 64  # of the short side, from which on every fourth pixel is enough


def is_shot_cut(first: Frame, second: Frame, mean_gap: Callable[[], float]) -> bool:
    """Whether a picture belongs to another shot than the one before it.

    Colours must change all over and motion must fail to explain one picture by the other; only
    then is nothing of the first in the second.

    Args:
        first: (H, W, 3) uint8 RGB at working size.
        second: The one after it.
        mean_gap: Mean of :func:`gap_after_motion`; asked for only where colours changed enough.
    """
    changed = colour_change(colours(first), colours(second))
    if changed <= LEAST_COLOUR_CHANGE:
        return False
    gap = mean_gap()
    return gap > _LEAST_GAP and changed * gap > _LEAST_PRODUCT


def colours(rgb: Frame, step: int | None = None) -> FloatImage:
    """(6, 6, 6) shares of the pixels that have each of 216 colours.

    Args:
        rgb: (H, W, 3) uint8.
        step: Every how many-th row and column is looked at; by default 4, all of a small picture.
    """
    if step is None:
        step = 4 if min(rgb.shape[:2]) >= _SAMPLED_FROM_PX else 1
    part = np.ascontiguousarray(rgb[::step, ::step])
    counts = cv2.calcHist([part], [0, 1, 2], None, [6, 6, 6], [0, 256, 0, 256, 0, 256])
    return np.asarray(counts / max(1.0, float(counts.sum())), np.float32)


def colour_change(first: FloatImage, second: FloatImage) -> float:
    """Share of the pixels whose colour is not there in the other picture, of :func:`colours`."""
    return 0.5 * float(np.abs(first - second).sum())


def gap_after_motion(first: Frame, second: Frame, flow: FloatImage) -> FloatImage:
    """Grey levels between a picture and its neighbour moved onto it, on a coarse grid.

    Args:
        first: (h, w) uint8.
        second: (h, w) uint8.
        flow: (h, w, 2) from the pixels of ``second`` to those of ``first``, as (x, y).

    Returns:
        (h / 4, w / 4) float32.
    """
    height, width = second.shape[:2]
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1)
    at = (grid + flow).astype(np.float32)
    moved = cv2.remap(
        first,
        np.ascontiguousarray(at[..., 0]),
        np.ascontiguousarray(at[..., 1]),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    cells = (max(1, width // _GAP_CELL_PX), max(1, height // _GAP_CELL_PX))
    gap = cv2.absdiff(moved, second).astype(np.float32)
    return np.asarray(cv2.resize(gap, cells, interpolation=cv2.INTER_AREA), np.float32)
