"""Samples that the edge network learns from, its views of them, and its losses."""

from dataclasses import replace

import cv2
import numpy as np
import torch
from edge_runs import elsewhere, matched, of_clip

from ifc_core.models.edge_network import EdgeAnswer
from ifc_core.training.edge_samples import SAMPLE_SIDE, example_of
from ifc_core.training.edge_training import edge_loss, quality_loss


def test_a_sample_is_a_sure_mask_beside_the_true_one(clip):
    samples = matched(clip)
    assert samples.shape == (2, SAMPLE_SIDE, SAMPLE_SIDE, 13)  # one sure query, two frames
    for sample in samples:
        truth, prior = sample[..., 3] > 127, sample[..., 4] > 128
        assert 0.5 < (truth & prior).sum() / (truth | prior).sum() < 0.99
        coloured = sample[..., :3].max(axis=-1) > 150
        assert (coloured & truth).sum() / (coloured | truth).sum() > 0.9


def test_a_mask_that_covers_nothing_is_kept_apart(clip):
    nothing = replace(clip, masks=np.zeros_like(clip.masks))
    for wrong in (nothing, elsewhere(clip)):
        found = of_clip(wrong)
        assert len(found.matched) == 0
        assert len(found.unmatched) == 2
    assert not of_clip(nothing).unmatched[..., 3].any()
    long = replace(
        nothing,
        frames=nothing.frames.repeat(8, 0),
        masks=nothing.masks.repeat(8, 1),
        valid=nothing.valid.repeat(8, 1),
        exhaustive=nothing.exhaustive.repeat(8),
    )
    assert len(of_clip(long).unmatched) == 10


def test_a_view_moves_picture_truth_and_prior_together(clip):
    sample = matched(clip)[0]
    overlaps, sides = [], set()
    for index in range(30):
        example = example_of(sample, 64, 0, index)
        assert example.picture.shape == (64, 64, 3)
        assert example.picture.min() >= 0
        assert example.picture.max() <= 255
        truth, prior = example.truth > 0.5, example.prior > 0
        overlaps.append((truth & prior).sum() / (truth | prior).sum())
        sides.add(truth.sum())
        again = example_of(sample, 64, 0, index)
        assert np.array_equal(example.picture, again.picture)
        assert np.array_equal(example.prior, again.prior)
    assert min(overlaps) > 0.3
    assert np.mean(overlaps) > 0.6
    assert len(sides) > 10


def test_a_view_of_a_moving_object_moves_and_mirrors_its_motion(clip):
    """The object of the clip moves the same way in a mirrored view, to the other side."""
    rng = np.random.default_rng(0)
    frame, mask = clip.frames[0], clip.masks[0, 0][..., None]
    ground = cv2.GaussianBlur(rng.integers(0, 130, frame.shape, dtype=np.uint8), (0, 0), 1)
    thing = cv2.GaussianBlur(rng.integers(120, 256, frame.shape, dtype=np.uint8), (0, 0), 1)
    thing[..., 0] = 250
    shown = [np.where(np.roll(mask, x, 1), np.roll(thing, x, 1), ground) for x in (0, 3)]
    sample = matched(replace(clip, frames=np.stack(shown)))[0]
    sides, still, fast = {1: 0, -1: 0}, 0, []
    for index in range(60):
        example = example_of(sample, 64, 0, index)
        assert example.motion.shape == (32, 32, 8)
        assert np.array_equal(example.motion, example_of(sample, 64, 0, index).motion)
        inside = example.truth[1::2, 1::2] > 0.5
        speed = float(np.median(example.motion[..., 4][inside]))
        still += not example.motion.any()
        sides[int(np.sign(speed)) or 1] += speed != 0
        fast.append(abs(speed))
    assert 4 < still < 25
    assert min(sides.values()) > 10
    assert max(fast) > 1.5 * np.median(fast)


def test_a_tilted_view_tilts_motion_as_it_does_the_picture():
    """A bar that moves along itself does so in every view."""
    sample = np.full((SAMPLE_SIDE, SAMPLE_SIDE, 13), 128, np.uint8)
    sample[..., 3] = 0
    sample[72:88, 40:120, 3] = 255
    sample[..., [5, 9]] = 160  # to the right
    tilts = set()
    for index in range(60):
        example = example_of(sample, 96, 0, index)
        if not example.motion.any():
            continue
        rows, columns = np.nonzero(example.truth > 0.5)
        longest = np.linalg.eigh(np.cov(np.stack([columns, rows])))[1][:, -1]
        for x in (0, 4):
            way = example.motion[24, 24, x : x + 2]
            assert abs(way @ longest) / np.linalg.norm(way) > np.cos(np.radians(3))
        tilts.add(round(np.degrees(np.arctan2(longest[1], longest[0])) + 90) % 180 - 90)
    assert min(tilts) < -10
    assert max(tilts) > 10


def test_the_loss_is_least_for_the_truth():
    truth = torch.zeros(2, 32, 32)
    truth[:, 8:20, 8:20] = 1
    sure = (2 * truth - 1) * 8
    assert edge_loss(sure, truth) < 0.01
    off_by_two = torch.roll(sure, 2, dims=1)
    assert edge_loss(sure, truth) < edge_loss(off_by_two, truth) < edge_loss(-sure, truth)


def test_an_estimate_of_quality_is_best_where_it_is_the_iou():
    truth = torch.zeros(2, 32, 32)
    truth[:, 8:20, 8:20] = 1
    masks = 2 * truth - 1
    masks[1] = torch.roll(masks[1], 6, dims=0)  # half of each lies on the other: a third
    right = torch.logit(torch.tensor([0.999, 1 / 3]))
    best = quality_loss(EdgeAnswer(masks, right), truth)
    for wrong in (right - 1, right + 1, right.flip(0)):
        assert quality_loss(EdgeAnswer(masks, wrong), truth) > best
