"""Matching with what was around a pixel's place."""

import cv2
import numpy as np

from ifc_core.inference.local_match import NEAR_OFFSETS, descriptors, likeness, match_logit


def scene(shift):
    rng = np.random.default_rng(0)
    ground = cv2.resize(rng.integers(0, 128, (12, 16, 3), np.uint8), (96, 72))
    mask = np.zeros((72, 96), bool)
    mask[20:50, 30 + shift : 60 + shift] = True
    ground[mask] = 128 + cv2.resize(rng.integers(0, 100, (5, 5, 3), np.uint8), (30, 30)).reshape(
        -1, 3
    )
    return ground, mask


def test_a_match_forgives_flow_that_is_a_little_wrong():
    before, mask = scene(0)
    after, moved = scene(4)
    found = match_logit(descriptors(after), descriptors(before), mask) > 0
    assert (found & moved).sum() / (found | moved).sum() > 0.95
    assert (mask & moved).sum() / (mask | moved).sum() < 0.8


def test_beyond_its_radius_a_match_knows_nothing():
    before, mask = scene(0)
    after, moved = scene(25)
    found = match_logit(descriptors(after), descriptors(before), mask, NEAR_OFFSETS) > 0
    assert (found & moved).sum() / moved.sum() < 0.5


def test_without_either_side_the_other_wins():
    picture, mask = scene(0)
    d = descriptors(picture)
    assert (match_logit(d, d, np.zeros_like(mask)) < -0.9).all()
    assert (match_logit(d, d, np.ones_like(mask)) > 0.9).all()


def test_what_looks_the_same_is_explained_better_than_what_was_covered():
    before, mask = scene(0)
    after = before.copy()
    after[mask] = 255 - after[mask]
    found = likeness(descriptors(after), descriptors(before))
    assert found[30:40, 40:50].max() < 0.1 * found[:10].min()
