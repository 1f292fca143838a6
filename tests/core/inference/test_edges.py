"""Edges of masks at full resolution."""

import cv2
import numpy as np
import pytest

from ifc_core.evaluation.region_boundary import boundary_accuracy
from ifc_core.inference.edges import refine_edges
from ifc_core.structures import RLEMask


@pytest.fixture(scope="module")
def star():
    """A textured star on a textured ground, its true mask, and the mask of a coarse grid."""
    rng = np.random.default_rng(3)
    angle = np.linspace(0, 2 * np.pi, 10, endpoint=False)
    radius = np.where(np.arange(10) % 2, 38, 75)
    points = np.stack([100 + radius * np.cos(angle), 90 + radius * np.sin(angle)], 1)
    mask = cv2.fillPoly(np.zeros((180, 200), np.uint8), [points.astype(np.int32)], 1).astype(bool)
    frame = np.where(mask[..., None], (190, 120, 60), (70, 110, 150)).astype(np.float64)
    frame = np.clip(frame + rng.normal(0, 12, frame.shape), 0, 255).astype(np.uint8)
    grid = cv2.resize(mask.astype(np.float32), (25, 22), interpolation=cv2.INTER_AREA)
    coarse = cv2.resize(grid, (200, 180), interpolation=cv2.INTER_LINEAR) > 0.5
    return frame, mask, coarse


@pytest.mark.parametrize("method", ["fast", "best"])
def test_edges_come_closer_to_the_truth(star, method):
    frame, truth, coarse = star
    refined = refine_edges(RLEMask.from_array(coarse), frame, method, 8.0).to_array()
    before = boundary_accuracy(coarse, truth, tolerance=1.0)
    assert boundary_accuracy(refined, truth, tolerance=1.0) > before + 0.1
    before = (coarse & truth).sum() / (coarse | truth).sum()
    assert (refined & truth).sum() / (refined | truth).sum() > before


def test_only_a_band_changes(star):
    frame, _, coarse = star
    refined = refine_edges(RLEMask.from_array(coarse), frame, "best", 8.0).to_array()
    distance = cv2.distanceTransform(coarse.astype(np.uint8), cv2.DIST_L2, 3)
    distance += cv2.distanceTransform((~coarse).astype(np.uint8), cv2.DIST_L2, 3)
    assert distance[refined != coarse].max() <= 8


def test_off_and_hopeless_cases_leave_the_mask_alone(star):
    frame, _, coarse = star
    rle = RLEMask.from_array(coarse)
    assert refine_edges(rle, frame, "off", 8.0) is rle
    flat = np.full_like(frame, 90)
    kept = refine_edges(rle, flat, "best", 8.0)
    assert kept.iou(rle) > 0.7
    speck = np.zeros((180, 200), bool)
    speck[4:7, 4:7] = True
    assert refine_edges(RLEMask.from_array(speck), frame, "best", 8.0).area > 0
    empty = RLEMask.empty((180, 200))
    assert refine_edges(empty, frame, "fast", 8.0).area == 0


def test_the_whole_frame_and_the_border(star):
    frame, _, _ = star
    whole = RLEMask.from_array(np.ones((180, 200), bool))
    for method in ("fast", "best"):
        assert refine_edges(whole, frame, method, 8.0).area == whole.area
