"""Masks between two masks, by blending their signed distances."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ifc_core.annotation.rle_runs import patch_mask
from ifc_core.errors import FormatError
from ifc_core.structures import RLEMask


def between(first: RLEMask, last: RLEMask, weights: Sequence[float]) -> Iterator[RLEMask]:
    """Masks on the way from one mask to another.

    The centres move on a straight line and the shapes, laid on each other by their centres,
    are blended by signed distance. So an object that moved by more than its own size does
    not vanish on the way, as it would with distances taken in the frame.

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
    arrays = [mask.to_array() for mask in (first, last)]
    centers = [_center(array) for array in arrays]
    radius = _radius(arrays, centers)
    distances = [
        _signed_distance(_window(a, c, radius)) for a, c in zip(arrays, centers, strict=True)
    ]
    for weight in weights:
        blended = ((1 - weight) * distances[0] + weight * distances[1]) > 0
        center = np.rint((1 - weight) * centers[0] + weight * centers[1]).astype(np.int64)
        yield _placed(blended, center - radius, first.size)


def _center(array: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Centre of gravity (row, column), rounded to pixels."""
    rows, columns = np.nonzero(array)
    return np.array([np.rint(rows.mean()), np.rint(columns.mean())], dtype=np.int64)


def _radius(
    arrays: list[npt.NDArray[np.bool_]], centers: list[npt.NDArray[np.int64]]
) -> npt.NDArray[np.int64]:
    """Half height and width of a window around its centre that holds either mask."""
    reach = []
    for array, center in zip(arrays, centers, strict=True):
        places = np.argwhere(array)
        reach.append(np.abs(places - center).max(axis=0))
    radius: npt.NDArray[np.int64] = np.max(reach, axis=0) + 1
    return radius


def _window(
    array: npt.NDArray[np.bool_], center: npt.NDArray[np.int64], radius: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint8]:
    """The part of a mask around its centre, empty where it leaves the frame."""
    window = np.zeros(2 * radius + 1, dtype=np.uint8)
    places = np.argwhere(array) - center + radius
    window[places[:, 0], places[:, 1]] = 1
    return window


def _signed_distance(window: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Distance to the outline in pixels, positive inside."""
    import cv2  # slow to import, and most sessions never interpolate

    inside = cv2.distanceTransform(window, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    outside = cv2.distanceTransform(1 - window, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    signed: npt.NDArray[np.float32] = inside - outside
    return signed


def _placed(
    window: npt.NDArray[np.bool_], corner: npt.NDArray[np.int64], size: tuple[int, int]
) -> RLEMask:
    """A window as a mask of the frame, cut at the frame's edges."""
    top, left = int(corner[0]), int(corner[1])
    bottom = min(size[0], top + window.shape[0])
    right = min(size[1], left + window.shape[1])
    cut = window[max(0, -top) : bottom - top, max(0, -left) : right - left]
    return patch_mask(None, size, max(0, top), max(0, left), cut)
