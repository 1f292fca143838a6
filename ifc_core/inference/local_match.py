"""Matching pixels with what was around their place in a corrected frame."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

FloatImage = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

Offsets = tuple[tuple[int, int], ...]


def _square(radius: int, step: int) -> set[tuple[int, int]]:
    steps = range(-radius, radius + 1, step)
    return {(down, across) for down in steps for across in steps}


FAR_OFFSETS: Offsets = tuple(sorted(_square(4, 2) | _square(8, 4)))
"""Where to look from a frame some way off: dense around the place, sparse further out."""

NEAR_OFFSETS: Offsets = tuple(sorted(_square(4, 2)))
"""Where to look from the frame next door."""

_OFFSET_PENALTY = 0.03
_FLOOR = 0.3
_FAR = 1e3


def descriptors(rgb: npt.NDArray[np.uint8]) -> FloatImage:
    """What a pixel looks like on its own and with its surroundings.

    Args:
        rgb: (h, w, 3) uint8.

    Returns:
        (6, h, w) float32: CIELAB, lightness counting less, blurred little and more.
    """
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB).astype(np.float32) / 12.0
    lab[..., 0] *= 0.6
    blurred = [cv2.GaussianBlur(lab, (0, 0), sigma) for sigma in (0.8, 2.4)]
    stacked: FloatImage = np.ascontiguousarray(np.concatenate(blurred, axis=-1).transpose(2, 0, 1))
    return stacked


def match_logit(
    present: FloatImage, carried: FloatImage, mask: Mask, offsets: Offsets = FAR_OFFSETS
) -> FloatImage:
    """Whether each pixel looks more like the object or the background that were near its place.

    A corrected frame and its mask, carried into the present frame by flow, are searched around
    each pixel for the most alike pixel of either side; flow need then only be right to within
    the radius of the search.

    Args:
        present: (D, h, w) descriptors of the present frame.
        carried: (D, h, w) descriptors of the corrected frame, carried into it.
        mask: (h, w) mask of the corrected frame, carried alike.
        offsets: Places to compare with, (down, across) from each pixel.

    Returns:
        (h, w) float32 from -1 (background) to 1 (object).
    """
    height, width = mask.shape
    radius = max(max(abs(down), abs(across)) for down, across in offsets)
    pad = ((radius, radius), (radius, radius))
    around = np.pad(carried, ((0, 0), *pad), mode="edge")
    # What is of the other side is far: added once, not chosen again at every offset.
    inside = np.pad(np.where(mask, 0, _FAR).astype(np.float32), pad, mode="edge")
    outside = np.pad(np.where(mask, _FAR, 0).astype(np.float32), pad, mode="edge")
    object_gap = np.full(mask.shape, _FAR, np.float32)
    ground_gap = np.full(mask.shape, _FAR, np.float32)
    # Buffers are used again: fresh ones at every offset would cost more than the arithmetic.
    difference = np.empty_like(present)
    gap, to_side = np.empty(mask.shape, np.float32), np.empty(mask.shape, np.float32)
    for down, across in offsets:
        rows = slice(radius + down, radius + down + height)
        columns = slice(radius + across, radius + across + width)
        np.subtract(present, around[:, rows, columns], out=difference)
        np.einsum("dhw,dhw->hw", difference, difference, out=gap)
        gap += _OFFSET_PENALTY * (down * down + across * across)
        np.minimum(object_gap, np.add(gap, inside[rows, columns], out=to_side), out=object_gap)
        np.minimum(ground_gap, np.add(gap, outside[rows, columns], out=to_side), out=ground_gap)
    logit: FloatImage = (ground_gap - object_gap) / (ground_gap + object_gap + _FLOOR)
    return logit
