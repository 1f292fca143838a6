"""Edges of masks at full resolution, by the colours of the frame alone (``fast``).

A mask comes from a grid of 1/8 of a small picture, so its edge is right to about a cell. Only a
band of that width is decided again. Works on any mask; needs no network (``best`` is
:mod:`ifc_core.inference.edge_refiner`).
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.structures import RLEMask

Image = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
_Real = npt.NDArray[np.float32]

_COLOUR_NOISE = 60.0  # squared distance in CIELAB that tells nothing
_FAR = 1e4  # to a side that has no sure pixel nearby
_PRIOR_WEIGHT = 0.3
_LEAST_IOU = 0.7  # what departs further is no refinement


def refine_edges(rle: RLEMask, frame: Image, cell_px: float) -> RLEMask:
    """Decide the band around the edge of a mask again.

    Args:
        rle: The mask, at the size of the frame.
        frame: (H, W, 3) uint8 RGB.
        cell_px: Pixels of the frame that a cell of the mask's grid covers: how far off the edge
            may be.

    Returns:
        The refined mask; the one that came where too much would change.
    """
    band = max(2, round(0.75 * cell_px))
    mask = rle.to_array()
    part = _around(rle, 3 * band)
    inside, picture = np.ascontiguousarray(mask[part]), np.ascontiguousarray(frame[part])
    near = _band(inside, band)
    decided = _nearest_side(picture, inside, near, band)
    refined = np.where(near, decided, inside)
    shared, either = (refined & inside).sum(), (refined | inside).sum()
    if either == 0 or shared < _LEAST_IOU * either:
        return rle
    whole = np.array(mask)
    whole[part] = refined
    return RLEMask.from_array(whole)


def _around(rle: RLEMask, margin: int) -> tuple[slice, slice]:
    x, y, width, height = (int(v) for v in rle.bbox_xywh)
    rows, columns = rle.size
    return (
        slice(max(0, y - margin), min(rows, y + height + margin)),
        slice(max(0, x - margin), min(columns, x + width + margin)),
    )


def _band(mask: Mask, width: int) -> Mask:
    """Pixels within ``width`` of the edge; the border of the frame is no edge."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    values = mask.astype(np.uint8)
    grown = cv2.dilate(values, kernel)
    shrunk = cv2.erode(values, kernel, borderType=cv2.BORDER_REPLICATE)
    near: Mask = grown != shrunk
    return near


def _nearest_side(picture: Image, mask: Mask, near: Mask, width: int) -> Mask:
    """Each pixel goes to the side, inside or outside, whose colour nearby is closer to its own.

    Where colours do not tell, the distance to the old edge does.
    """
    lab = cv2.cvtColor(cv2.GaussianBlur(picture, (0, 0), 1.2), cv2.COLOR_RGB2LAB)
    colours = lab.astype(np.float32)
    inner = _distance_to_side(colours, mask & ~near, 3 * width)
    outer = _distance_to_side(colours, ~mask & ~near, 3 * width)
    evidence = (outer - inner) / (outer + inner + np.float32(_COLOUR_NOISE))
    inside = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3)
    outside = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 3)
    prior = np.clip((inside - outside) / width, -1, 1)
    smooth = cv2.GaussianBlur(evidence + _PRIOR_WEIGHT * prior.astype(np.float32), (0, 0), 1.0)
    decided: Mask = np.asarray(smooth) > 0
    return decided


def _distance_to_side(colours: _Real, sure: Mask, radius: int) -> _Real:
    """Squared distance of each colour to the mean of the sure pixels within ``radius``."""
    side = (2 * radius + 1, 2 * radius + 1)
    weight = np.asarray(cv2.blur(sure.astype(np.float32), side))
    mean = np.asarray(cv2.blur(colours * sure[..., None].astype(np.float32), side))
    mean = mean / np.maximum(weight, 1e-6)[..., None]
    squared: _Real = np.square(colours - mean).sum(-1).astype(np.float32)
    return np.where(weight > 1e-4, squared, np.float32(_FAR)).astype(np.float32)
