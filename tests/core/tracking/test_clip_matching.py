"""Soft IoU as matrix products against the definition."""

import pytest
import torch

from ifc_core.tracking.clip_matching import match, pairwise_soft_iou, soft_iou_matrix


def test_soft_iou_equals_its_definition(plain_tracker):
    generator = torch.Generator().manual_seed(0)
    a = torch.rand(3, 2, 5, 7, generator=generator)
    b = torch.rand(4, 2, 5, 7, generator=generator)
    scores = soft_iou_matrix(a, b)
    assert scores.shape == (3, 4)
    for i in range(3):
        for j in range(4):
            expected = plain_tracker.soft_iou(a[i].numpy(), b[j].numpy())
            assert float(scores[i, j]) == pytest.approx(expected, abs=1e-6)


def test_hungarian_takes_the_best_sum_and_not_the_best_pair():
    scores = torch.tensor([[0.9, 0.8], [0.8, 0.1]])
    assert match(scores) == [(0, 1), (1, 0)]


def test_pairs_at_or_under_the_threshold_are_left_out():
    assert match(torch.tensor([[0.05, 0.0], [0.0, 0.06]])) == [(1, 1)]


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_nothing_to_match(shape):
    assert match(torch.zeros(shape)) == []


def test_every_pair_of_votes():
    full, half, empty = torch.ones(4, 4), torch.ones(4, 4), torch.zeros(4, 4)
    half[2:] = 0
    scores = pairwise_soft_iou(torch.stack([full, half, empty])[None])
    assert scores.shape == (1, 3, 3)
    expected = torch.tensor([[1, 0.5, 0], [0.5, 1, 0], [0, 0, 0]])
    torch.testing.assert_close(scores[0], expected, atol=1e-5, rtol=0)
