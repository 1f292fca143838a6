"""Tidying a mask on one frame: pieces, holes, edges, and an eraser that follows the picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.structures import RLEMask
from ifc_core.structures.rle_runs import patch_mask
from napari_ifc.mask_crops import crop_mask

Binary = npt.NDArray[np.uint8]

_ERASED_SHARE = 0.4  # of a superpixel that the stroke must cover
_SMALLEST_CELL_PX, _LARGEST_CELL_PX = 5, 24


def encode_mask(mask: npt.NDArray[Any]) -> RLEMask:
    """Encode a mask, looking at its box only: many times as fast on a large frame.

    Args:
        mask: (H, W), non-zero inside.
    """
    size = (int(mask.shape[0]), int(mask.shape[1]))
    rows = np.flatnonzero(mask.any(axis=1))
    if not len(rows):
        return patch_mask(None, size, 0, 0, np.zeros((1, 1), np.uint8))
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(mask[top:bottom].any(axis=0))
    left, right = int(columns[0]), int(columns[-1]) + 1
    return patch_mask(None, size, top, left, mask[top:bottom, left:right])


def keep_largest(mask: Binary, amount_px: int = 0) -> Binary:
    """The largest connected piece of a mask alone."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if count <= 2:
        return mask
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return np.asarray(labels == largest, np.uint8)


def fill_holes(mask: Binary, amount_px: int = 0) -> Binary:
    """The mask without holes."""
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(mask.copy(), contours, -1, 1, cv2.FILLED), np.uint8)


def smooth(mask: Binary, amount_px: int = 2) -> Binary:
    """The mask with an outline from which bumps smaller than ``amount_px`` are gone."""
    soft = cv2.GaussianBlur(
        mask.astype(np.float32), (0, 0), float(amount_px), borderType=cv2.BORDER_REPLICATE
    )
    return np.asarray(soft > 0.5, np.uint8)


def grow(mask: Binary, amount_px: int = 1) -> Binary:
    """The mask with an outline ``amount_px`` further out."""
    far = cv2.distanceTransform(1 - mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(far <= amount_px, np.uint8) if mask.any() else mask


def shrink(mask: Binary, amount_px: int = 1) -> Binary:
    """The mask with an outline ``amount_px`` further in; the frame's edge is no outline."""
    deep = cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(deep > amount_px, np.uint8)


SHAPES: dict[str, tuple[str, Callable[[Binary, int], Binary]]] = {
    "largest": ("Keep largest", keep_largest),
    "fill": ("Fill holes", fill_holes),
    "smooth": ("Smooth", smooth),
    "grow": ("Grow", grow),
    "shrink": ("Shrink", shrink),
}
"""Word for the history list and function, by name."""


def reshape(rle: RLEMask, name: str, amount_px: int) -> RLEMask:
    """Tidy a mask.

    Args:
        rle: The mask.
        name: A key of :data:`SHAPES`.
        amount_px: How far, for those that have an amount.
    """
    crop = crop_mask(rle)
    if crop is None:
        return rle
    left, top, inside = crop
    pad = 3 * amount_px + 1
    y0, x0 = max(0, top - pad), max(0, left - pad)
    y1 = min(rle.size[0], top + inside.shape[0] + pad)
    x1 = min(rle.size[1], left + inside.shape[1] + pad)
    window = np.zeros((y1 - y0, x1 - x0), np.uint8)
    window[top - y0 : top - y0 + inside.shape[0], left - x0 : left - x0 + inside.shape[1]] = inside
    return patch_mask(None, rle.size, y0, x0, SHAPES[name][1](window, amount_px))


def smart_erase(
    frame: npt.NDArray[np.uint8], before: npt.NDArray[Any], after: npt.NDArray[Any]
) -> Binary:
    """What a stroke of the eraser means, as far as the edges of the picture suggest.

    The surroundings of the stroke are cut into superpixels whose outlines follow edges. Those
    of which the stroke covers a good part go as a whole; the others stay as a whole, where the
    stroke slipped over an edge.

    Args:
        frame: (H, W, 3) uint8 RGB.
        before: (H, W), the mask before the stroke, non-zero inside.
        after: (H, W), the mask after it.

    Returns:
        (H, W) uint8, the mask that is meant.
    """
    stroke = (before != 0) & (after == 0)
    rows, columns = np.flatnonzero(stroke.any(axis=1)), np.flatnonzero(stroke.any(axis=0))
    result: Binary = np.asarray(after != 0, np.uint8)
    if not len(rows):
        return result
    box = stroke[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.uint8)
    thick = float(cv2.distanceTransform(np.pad(box, 1), cv2.DIST_L2, 3).max())
    cell = int(np.clip(thick / 2, _SMALLEST_CELL_PX, _LARGEST_CELL_PX))
    top, left = max(0, int(rows[0]) - 2 * cell), max(0, int(columns[0]) - 2 * cell)
    bottom, right = int(rows[-1]) + 2 * cell + 1, int(columns[-1]) + 2 * cell + 1
    window = (slice(top, bottom), slice(left, right))
    labels = _superpixels(frame[window], cell)
    inside = before[window] != 0
    areas = np.bincount(labels[inside], minlength=labels.max() + 1)
    covered = np.bincount(labels[stroke[window]], minlength=len(areas))
    share = covered / np.maximum(1, areas)
    gone = share >= _ERASED_SHARE
    if not gone.any():
        gone[int(np.argmax(covered))] = True
    result[window] = inside & ~gone[labels]
    return result


def _superpixels(picture: npt.NDArray[np.uint8], cell: int) -> npt.NDArray[np.int32]:
    """(h, w) int32 labels from 1: watershed from the calmest pixel of each cell of a grid."""
    height, width = picture.shape[:2]
    calm = cv2.GaussianBlur(np.ascontiguousarray(picture), (3, 3), 0)
    gray = cv2.cvtColor(calm, cv2.COLOR_RGB2GRAY).astype(np.float32)
    slope = np.abs(cv2.Sobel(gray, cv2.CV_32F, 1, 0)) + np.abs(cv2.Sobel(gray, cv2.CV_32F, 0, 1))
    middle = np.abs(np.arange(cell) - (cell - 1) / 2)
    off_middle = (middle[:, None] + middle[None, :]).astype(np.float32)
    markers = np.zeros((height, width), np.int32)
    number = 0
    for y in range(0, height, cell):
        for x in range(0, width, cell):
            block = slope[y : y + cell, x : x + cell]
            cost = block + off_middle[: block.shape[0], : block.shape[1]]
            row, column = np.unravel_index(int(np.argmin(cost)), block.shape)
            number += 1
            markers[y + row, x + column] = number
    cv2.watershed(calm, markers)
    # The lines between, and the rim of the window, go to a neighbour.
    while (markers < 1).any():
        spread = cv2.dilate(markers.astype(np.float32), np.ones((3, 3), np.uint8))
        markers = np.where(markers < 1, spread.astype(np.int32), markers)
    return markers
