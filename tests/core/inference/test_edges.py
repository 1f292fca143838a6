"""Edges of masks at full resolution, by the colours nearby."""

import cv2
import numpy as np

from ifc_core.evaluation.region_boundary import boundary_accuracy
from ifc_core.inference.edges import refine_edges
from ifc_core.structures import RLEMask


def test_edges_come_closer_to_the_truth(star):
    refined = refine_edges(RLEMask.from_array(star.coarse), star.frame, 8.0).to_array()
    before = boundary_accuracy(star.coarse, star.mask, tolerance=1.0)
    assert boundary_accuracy(refined, star.mask, tolerance=1.0) > before + 0.1
    before = (star.coarse & star.mask).sum() / (star.coarse | star.mask).sum()
    assert (refined & star.mask).sum() / (refined | star.mask).sum() > before


def test_only_a_band_changes(star):
    refined = refine_edges(RLEMask.from_array(star.coarse), star.frame, 8.0).to_array()
    distance = cv2.distanceTransform(star.coarse.astype(np.uint8), cv2.DIST_L2, 3)
    distance += cv2.distanceTransform((~star.coarse).astype(np.uint8), cv2.DIST_L2, 3)
    assert distance[refined != star.coarse].max() <= 8


def test_hopeless_cases_leave_the_mask_alone(star):
    rle = RLEMask.from_array(star.coarse)
    kept = refine_edges(rle, np.full_like(star.frame, 90), 8.0)
    assert kept.iou(rle) > 0.7
    speck = np.zeros((180, 200), bool)
    speck[4:7, 4:7] = True
    assert refine_edges(RLEMask.from_array(speck), star.frame, 8.0).area > 0
    assert refine_edges(RLEMask.empty((180, 200)), star.frame, 8.0).area == 0


def test_the_whole_frame_and_the_border(star):
    whole = RLEMask.from_array(np.ones((180, 200), bool))
    assert refine_edges(whole, star.frame, 8.0).area == whole.area
