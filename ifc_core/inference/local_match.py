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

_NEUTRAL = np.float32(128)  # sums of squares stay small, which single precision needs
_LAB_SCALE = np.array([0.6 / 12, 1 / 12, 1 / 12], np.float32)
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
    stacked = np.empty((6, *rgb.shape[:2]), np.float32)
    lab = cv2.split(cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB))
    for channel, (plane, scale) in enumerate(zip(lab, _LAB_SCALE, strict=True)):
        values = plane.astype(np.float32)
        values -= _NEUTRAL
        values *= scale
        cv2.GaussianBlur(values, (0, 0), 0.8, dst=stacked[channel])
        cv2.GaussianBlur(values, (0, 0), 2.4, dst=stacked[channel + 3])
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
    # |p - c|^2 = |p|^2 + |c|^2 - 2 p.c: only the last term has to be made at every offset, and
    # what is of the other side is far, which is added once to the second.
    norms = np.einsum("dhw,dhw->hw", around, around)
    is_object = np.pad(mask, pad, mode="edge")
    inside = norms + np.where(is_object, 0, _FAR).astype(np.float32)
    outside = norms + np.where(is_object, _FAR, 0).astype(np.float32)
    double = present * np.float32(-2)
    object_gap = np.full(mask.shape, np.inf, np.float32)
    ground_gap = np.full(mask.shape, np.inf, np.float32)
    # Buffers are used again: fresh ones at every offset would cost more than the arithmetic.
    product, to_side = np.empty(mask.shape, np.float32), np.empty(mask.shape, np.float32)
    for down, across in offsets:
        rows = slice(radius + down, radius + down + height)
        columns = slice(radius + across, radius + across + width)
        np.einsum("dhw,dhw->hw", double, around[:, rows, columns], out=product)
        product += np.float32(_OFFSET_PENALTY * (down * down + across * across))
        np.minimum(object_gap, np.add(product, inside[rows, columns], out=to_side), out=object_gap)
        np.minimum(ground_gap, np.add(product, outside[rows, columns], out=to_side), out=ground_gap)
    own = np.einsum("dhw,dhw->hw", present, present)
    # Rounding takes distances of what is alike a little below 0.
    object_gap = np.clip(object_gap + own, 0, _FAR)
    ground_gap = np.clip(ground_gap + own, 0, _FAR)
    logit: FloatImage = (ground_gap - object_gap) / (ground_gap + object_gap + _FLOOR)
    return logit
