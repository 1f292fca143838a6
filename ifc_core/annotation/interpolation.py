"""Masks between two masks, by blending their signed distances."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ifc_core.errors import FormatError
from ifc_core.structures import RLEMask
from ifc_core.structures.rle_runs import patch_mask

Mask = npt.NDArray[np.bool_]
_MARGIN_PX = 3  # a step outside, the pixel beyond that bilinear sampling reads, and rounding


def between(first: RLEMask, last: RLEMask, weights: Sequence[float]) -> Iterator[RLEMask]:
    """Masks on the way from one mask to another; see :class:`Blend`.

    Args:
        first: The mask at weight 0; not empty.
        last: The mask at weight 1, of the same size; not empty.
        weights: Places on the way, 0 to 1.

    Yields:
        One mask for each weight.

    Raises:
        FormatError: A mask is empty, or the sizes differ.
    """
    if first.size != last.size or not first.area or not last.area:
        raise FormatError("Interpolation needs two masks of one size with foreground.")
    blend = Blend(first.to_array(), last.to_array())
    rows, columns = blend.part
    for weight in weights:
        yield patch_mask(None, first.size, rows.start, columns.start, blend.at(weight))


class Blend:
    """The way from one mask to another.

    The centres of gravity move on a straight line and the shapes, laid on each other by their
    centres, are blended by signed distance. So an object that moved by more than its own size
    does not vanish on the way, as it would with distances taken in the frame.

    Args:
        before: (H, W) bool, the mask at 0; not empty.
        after: (H, W) bool, the mask at 1; not empty.
        only_part: Look only at the part of the frame that the way can touch: quicker, and the
            same but for pixels that lie on the outline to within rounding.

    Attributes:
        part: Rows and columns of the frame outside of which nothing is on the way.
    """

    def __init__(self, before: Mask, after: Mask, *, only_part: bool = True) -> None:
        self._first, self._last = _centre(before), _centre(after)
        self.part = (slice(0, before.shape[0]), slice(0, before.shape[1]))
        if only_part:
            self.part = _part(before, after, self._last - self._first)
        self._distances = tuple(signed_distance(mask[self.part]) for mask in (before, after))

    def at(self, fraction: float) -> Mask:
        """The mask at a place on the way.

        Args:
            fraction: 0 to 1.

        Returns:
            (h, w) bool, inside :attr:`part`.
        """
        here = (1 - fraction) * self._first + fraction * self._last
        moved = [
            _shift(distance, here - centre)
            for distance, centre in zip(self._distances, (self._first, self._last), strict=True)
        ]
        mask: Mask = (1 - fraction) * moved[0] + fraction * moved[1] > 0
        return mask


def signed_distance(mask: Mask) -> npt.NDArray[np.float32]:
    """Distance in pixels to the mask's edge, positive inside; -max(h, w) without foreground."""
    import cv2  # slow to import, and most sessions never interpolate

    height, width = mask.shape
    if not mask.any():
        return np.full(mask.shape, -float(max(height, width)), np.float32)
    inside = mask.astype(np.uint8)
    distance: npt.NDArray[np.float32] = np.asarray(
        cv2.distanceTransform(1 - inside, cv2.DIST_L2, 3), np.float32
    )
    np.subtract(np.float32(0.5), distance, out=distance)
    # Depths need only the mask and the pixels next to it, which are a small part of most frames.
    part = _around(mask)
    within = np.asarray(cv2.distanceTransform(inside[part], cv2.DIST_L2, 3), np.float32)
    np.subtract(within, np.float32(0.5), out=distance[part], where=mask[part])
    return distance


def _around(mask: Mask) -> tuple[slice, slice]:
    """Where a mask lies, with one pixel around it."""
    ends = []
    for axis in (1, 0):
        there = np.flatnonzero(mask.any(axis=axis))
        ends.append(slice(max(0, int(there[0]) - 1), int(there[-1]) + 2))
    return ends[0], ends[1]


def _centre(mask: Mask) -> npt.NDArray[np.float64]:
    """Centre of gravity (x, y)."""
    ys, xs = np.nonzero(mask)
    return np.array([xs.mean(), ys.mean()])


def _part(before: Mask, after: Mask, way_xy: npt.NDArray[np.float64]) -> tuple[slice, slice]:
    """Where each mask lies, and where it lies when it is laid on the other one's centre."""
    slices = []
    for axis in (0, 1):
        way = way_xy[1 - axis]
        ends: list[float] = []
        for mask, by in ((before, way), (after, -way)):
            places = np.flatnonzero(mask.any(axis=1 - axis))
            ends += [places[0], places[-1], places[0] + by, places[-1] + by]
        low = max(0, int(np.floor(min(ends))) - _MARGIN_PX)
        high = min(before.shape[axis], int(np.ceil(max(ends))) + 1 + _MARGIN_PX)
        slices.append(slice(low, high))
    return slices[0], slices[1]


def _shift(
    values: npt.NDArray[np.float32], by_xy: npt.NDArray[np.float64]
) -> npt.NDArray[np.float32]:
    import cv2

    matrix = np.array([[1, 0, by_xy[0]], [0, 1, by_xy[1]]], np.float32)
    size = (values.shape[1], values.shape[0])
    moved = cv2.warpAffine(
        values, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved, np.float32)
