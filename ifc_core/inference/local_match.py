"""Matching pixels with what was around their place in a corrected frame."""

from __future__ import annotations

import functools

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.inference.patch import mask_box

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
_LAB_SCALE = np.array([0.6, 2**0.5, 2**0.5], np.float32) / np.float32(12)
_BLURS_PX = ((0.8, 5), (2.4, 15), (1.4, 9), (1.4, 9))  # sigma and width of the kernel
_OFFSET_PENALTY = 0.03
_FLOOR = 0.3
_FAR = 1e3
_LIKENESS_SIGMA_PX = 2.0
_LIKENESS_FLOOR = 0.1


def descriptors(rgb: npt.NDArray[np.uint8]) -> FloatImage:
    """What a pixel looks like on its own and with its surroundings.

    Args:
        rgb: (h, w, 3) uint8.

    Returns:
        (4, h, w) float32: lightness, blurred little and more, and the two colours, which cameras
        record coarsely, blurred once and counting twice.
    """
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB).astype(np.float32)
    lab -= _NEUTRAL
    lab *= _LAB_SCALE
    stacked = np.empty((4, *rgb.shape[:2]), np.float32)
    light, *colours = cv2.split(lab)
    blurs = zip((light, light, *colours), _BLURS_PX, stacked, strict=True)
    for values, (sigma, size), blurred in blurs:
        cv2.GaussianBlur(values, (size, size), sigma, dst=blurred)
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
    radius = _radius(offsets)
    logit = np.full(mask.shape, -1, np.float32)
    box = mask_box(mask)
    if box is None:
        return logit
    # Further from the mask than the search goes all is background, and not looked at.
    height, width = mask.shape
    rows = slice(max(0, box[1] - radius), min(height, box[3] + radius))
    columns = slice(max(0, box[0] - radius), min(width, box[2] + radius))
    near = (slice(None), rows, columns)
    object_gap, ground_gap = _gaps(present[near], carried[near], mask[rows, columns], offsets)
    logit[rows, columns] = (ground_gap - object_gap) / (ground_gap + object_gap + _FLOOR)
    return logit


def likeness(present: FloatImage, carried: FloatImage) -> FloatImage:
    """How well a corrected frame explains each pixel where motion says that it comes from.

    Args:
        present: (D, h, w) descriptors of the present frame.
        carried: (D, h, w) descriptors of the corrected frame, carried into it.

    Returns:
        (h, w) float32, over 0; only the ratio to that of another corrected frame means anything.
    """
    gap = present - carried
    squared = cv2.GaussianBlur(np.einsum("dhw,dhw->hw", gap, gap), (0, 0), _LIKENESS_SIGMA_PX)
    return np.asarray(1 / (squared + np.float32(_LIKENESS_FLOOR)), np.float32)


def _gaps(
    present: FloatImage, carried: FloatImage, mask: Mask, offsets: Offsets
) -> tuple[FloatImage, FloatImage]:
    """Least squared distance of each pixel to one of the object and to one of the background."""
    channels, height, width = present.shape
    radius = _radius(offsets)
    stride = width + 2 * radius
    pads = (radius, radius, radius, radius, cv2.BORDER_REPLICATE)
    around = np.stack([cv2.copyMakeBorder(plane, *pads) for plane in carried])
    around = around.reshape(channels, -1)
    # With rows as long as the padded ones an offset is one shift along flat planes, which are
    # gone through several times as fast as rows of a picture.
    padded = np.zeros((channels, height, stride), np.float32)
    np.multiply(present, np.float32(-2), out=padded[..., :width])
    size = height * stride - 2 * radius
    double = padded.reshape(channels, -1)[:, :size]
    # |p - c|^2 = |p|^2 + |c|^2 - 2 p.c: only the last term has to be made at every offset. Both
    # sides share one plane: less _FAR, what is of the object is negative, what is of the
    # background changes its sign, and the least and the greatest value are the nearest of each.
    sign = cv2.copyMakeBorder(mask.view(np.uint8), *pads).reshape(-1).astype(np.float32)
    sign *= 2
    sign -= 1
    norms = np.einsum("dn,dn->n", around, around)
    norms -= np.float32(_FAR)
    norms *= sign
    around *= sign
    extremes = np.zeros((2, height * stride), np.float32)
    least, greatest = extremes[:, :size]
    # Buffers are used again: fresh ones at every offset would cost more than the arithmetic.
    gap, shifted = np.empty(size, np.float32), np.empty_like(norms)
    for penalty, equally_far in _by_penalty(offsets):
        np.multiply(sign, np.float32(penalty), out=shifted)
        shifted += norms
        for down, across in equally_far:
            start = (radius + down) * stride + radius + across
            there = slice(start, start + size)
            np.einsum("dn,dn->n", double, around[:, there], out=gap)
            gap += shifted[there]
            np.minimum(least, gap, out=least)
            np.maximum(greatest, gap, out=greatest)
    np.negative(greatest, out=greatest)
    own = np.einsum("dhw,dhw->hw", present, present)
    own += np.float32(_FAR)
    # Rounding takes distances of what is alike a little below 0.
    near = extremes.reshape(2, height, stride)[..., :width] + own
    np.clip(near, 0, _FAR, out=near)
    return near[0], near[1]


@functools.cache
def _by_penalty(offsets: Offsets) -> tuple[tuple[float, Offsets], ...]:
    """Places that are equally far, with what being so far costs."""
    places: dict[int, list[tuple[int, int]]] = {}
    for down, across in offsets:
        places.setdefault(down * down + across * across, []).append((down, across))
    return tuple((_OFFSET_PENALTY * far, tuple(there)) for far, there in sorted(places.items()))


@functools.cache
def _radius(offsets: Offsets) -> int:
    """How far the furthest place lies, along either axis."""
    return max(max(abs(down), abs(across)) for down, across in offsets)
