"""Region similarity J and boundary accuracy F of single masks.

Source: Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object
Segmentation", CVPR 2016, section 4, with the conventions of the DAVIS evaluation code: the
boundary tolerance is 0.008 of the image diagonal, rounded up, and the match of boundaries is
approximated by dilation with a disk.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.structures import RLEMask

BOUNDARY_TOLERANCE = 0.008
Mask = RLEMask | npt.NDArray[np.bool_]


def region_similarity(predicted: Mask | None, truth: Mask | None) -> float:
    """J: intersection over union of two masks; 1 where both are empty.

    Args:
        predicted: RLE or (H, W) bool; ``None`` is an empty mask.
        truth: Likewise, of the same size.

    Returns:
        0 to 1.
    """
    if isinstance(predicted, RLEMask) and isinstance(truth, RLEMask):
        _check_sizes(predicted.size, truth.size)
        return predicted.iou(truth) if predicted.area or truth.area else 1.0
    a, b = _pair(predicted, truth)
    if a is None or b is None:
        return 1.0
    union = int(np.count_nonzero(a | b))
    return int(np.count_nonzero(a & b)) / union if union else 1.0


def boundary_accuracy(
    predicted: Mask | None, truth: Mask | None, tolerance: float = BOUNDARY_TOLERANCE
) -> float:
    """F: harmonic mean of boundary precision and recall; 1 where both are empty.

    Args:
        predicted: RLE or (H, W) bool; ``None`` is an empty mask.
        truth: Likewise, of the same size.
        tolerance: Distance at which boundaries match, in pixels if at least 1, else as a share
            of the image diagonal.

    Returns:
        0 to 1.
    """
    a, b = _pair(predicted, truth)
    if a is None or b is None:
        return 1.0
    predicted_edge, truth_edge = mask_boundary(a), mask_boundary(b)
    num_predicted = int(np.count_nonzero(predicted_edge))
    num_truth = int(np.count_nonzero(truth_edge))
    if num_predicted == 0 and num_truth == 0:
        return 1.0
    if num_predicted == 0 or num_truth == 0:
        return 0.0
    radius = tolerance if tolerance >= 1 else math.ceil(tolerance * math.hypot(*a.shape))
    precision = _share_within(predicted_edge, truth_edge, int(radius)) / num_predicted
    recall = _share_within(truth_edge, predicted_edge, int(radius)) / num_truth
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def mask_boundary(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Pixels whose right, lower or lower right neighbour belongs to the other side.

    Args:
        mask: (H, W) bool.

    Returns:
        (H, W) bool, one pixel wide.
    """
    edge = np.zeros(mask.shape, dtype=bool)
    edge[:, :-1] |= mask[:, :-1] ^ mask[:, 1:]
    edge[:-1] |= mask[:-1] ^ mask[1:]
    edge[:-1, :-1] |= mask[:-1, :-1] ^ mask[1:, 1:]
    return edge


def track_similarity(
    predicted: Sequence[Mask | None], truth: Sequence[Mask | None], *, boundary: bool = True
) -> tuple[float, float]:
    """Mean J and F over the frames of a track on which either side has a mask.

    Args:
        predicted: One mask or ``None`` a frame.
        truth: Likewise.
        boundary: Whether F is wanted; it costs more.

    Returns:
        Mean J and mean F; NaN where no frame has a mask, and NaN for an unwanted F.
    """
    pairs = [
        (p, t) for p, t in zip(predicted, truth, strict=True) if p is not None or t is not None
    ]
    if not pairs:
        return math.nan, math.nan
    regions = float(np.mean([region_similarity(p, t) for p, t in pairs]))
    if not boundary:
        return regions, math.nan
    return regions, float(np.mean([boundary_accuracy(p, t) for p, t in pairs]))


def _pair(
    predicted: Mask | None, truth: Mask | None
) -> tuple[npt.NDArray[np.bool_] | None, npt.NDArray[np.bool_] | None]:
    """Both masks as arrays of one shape, or two ``None`` where both are missing."""
    a, b = _array(predicted), _array(truth)
    if a is None and b is None:
        return None, None
    if a is None:
        a = np.zeros_like(b)
    if b is None:
        b = np.zeros_like(a)
    _check_sizes(a.shape, b.shape)
    return a, b


def _check_sizes(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    if first != second:
        raise ValueError(f"masks of {first} and {second} cannot be compared")


def _array(mask: Mask | None) -> npt.NDArray[np.bool_] | None:
    if isinstance(mask, RLEMask):
        return mask.to_array()
    return mask


def _share_within(edge: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_], radius: int) -> int:
    """Pixels of ``edge`` that lie within ``radius`` of ``other``."""
    if radius < 1:
        return int(np.count_nonzero(edge & other))
    grown = cv2.dilate(np.ascontiguousarray(other, dtype=np.uint8), _disk(radius))
    return int(np.count_nonzero(edge & (grown > 0)))


@lru_cache(maxsize=16)
def _disk(radius: int) -> npt.NDArray[np.uint8]:
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return np.asarray(x * x + y * y <= radius * radius, dtype=np.uint8)
