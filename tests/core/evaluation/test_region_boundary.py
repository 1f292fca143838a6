"""J and F against the definition, and against each other."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from ifc_core.evaluation.region_boundary import (
    boundary_accuracy,
    mask_boundary,
    region_similarity,
    track_similarity,
)
from ifc_core.structures import RLEMask


def _disk(x: int, y: int, radius: int, size: tuple[int, int] = (120, 160)) -> np.ndarray:
    rows, columns = np.ogrid[: size[0], : size[1]]
    return (columns - x) ** 2 + (rows - y) ** 2 <= radius**2


def _f_by_distance(a: np.ndarray, b: np.ndarray, radius: int) -> float:
    """F from exact distances between boundary pixels."""
    edges = mask_boundary(a), mask_boundary(b)
    near = [distance_transform_edt(~edge) <= radius for edge in edges]
    precision = (edges[0] & near[1]).sum() / edges[0].sum()
    recall = (edges[1] & near[0]).sum() / edges[1].sum()
    return 2 * precision * recall / (precision + recall)


@pytest.mark.parametrize("shift", [0, 1, 2, 3, 5, 12])
def test_f_is_that_of_exact_distances(shift: int) -> None:
    a, b = _disk(60, 60, 30), _disk(60 + shift, 60, 30)
    radius = math.ceil(0.008 * math.hypot(120, 160))
    assert radius == 2
    assert boundary_accuracy(a, b) == pytest.approx(_f_by_distance(a, b, radius))
    assert region_similarity(a, b) == pytest.approx((a & b).sum() / (a | b).sum())


def test_boundary_is_on_the_near_side_of_the_change() -> None:
    mask = np.zeros((5, 6), dtype=bool)
    mask[2:4, 2:5] = True
    expected = np.array(
        [
            [0, 0, 0, 0, 0, 0],
            [0, 1, 1, 1, 1, 0],
            [0, 1, 0, 0, 1, 0],
            [0, 1, 1, 1, 1, 0],
            [0, 0, 0, 0, 0, 0],
        ],
        dtype=bool,
    )
    np.testing.assert_array_equal(mask_boundary(mask), expected)


def test_identical_empty_and_missing() -> None:
    disk, empty = _disk(60, 60, 30), np.zeros((120, 160), dtype=bool)
    assert region_similarity(disk, disk) == boundary_accuracy(disk, disk) == 1.0
    assert region_similarity(empty, empty) == boundary_accuracy(empty, None) == 1.0
    assert region_similarity(None, None) == boundary_accuracy(None, None) == 1.0
    assert region_similarity(disk, empty) == boundary_accuracy(disk, None) == 0.0


def test_rle_and_arrays_agree() -> None:
    a, b = _disk(60, 60, 30), _disk(64, 57, 28)
    coded = RLEMask.from_array(a), RLEMask.from_array(b)
    assert region_similarity(*coded) == pytest.approx(region_similarity(a, b))
    assert boundary_accuracy(*coded) == boundary_accuracy(a, b)
    assert region_similarity(RLEMask.empty((9, 9)), RLEMask.empty((9, 9))) == 1.0


def test_different_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        region_similarity(np.zeros((4, 4), dtype=bool), np.zeros((4, 5), dtype=bool))
    for measure in (region_similarity, boundary_accuracy):
        with pytest.raises(ValueError, match="cannot be compared"):
            measure(RLEMask.empty((4, 4)), RLEMask.from_array(np.ones((4, 5), dtype=bool)))


def test_track_means_leave_out_frames_without_masks() -> None:
    disk = RLEMask.from_array(_disk(60, 60, 30))
    j, f = track_similarity([disk, None, None], [disk, None, disk])
    assert (j, f) == (0.5, 0.5)
    assert all(math.isnan(v) for v in track_similarity([None], [None]))
