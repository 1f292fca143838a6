"""One thing, one mask: which of a clip's masks stay."""

from dataclasses import replace

import pytest
import torch

from ifc_core.tracking.duplicates import KEEP_ALL, without_duplicates
from ifc_core.tracking.video_tracker import ClipInstances


def clip(*rows):
    """Rows of (score, class, first column and column after the last in each of two frames)."""
    probs = torch.zeros(len(rows), 3)
    logits = torch.full((len(rows), 2, 4, 20), -30.0)
    for row, (score, label, *spans) in enumerate(rows):
        probs[row, label] = score
        probs[row, 2] = 1 - score
        for frame, (start, stop) in enumerate(spans):
            logits[row, frame, :, start:stop] = 30.0
    queries = tuple(10 + row for row in range(len(rows)))
    weights = torch.arange(len(rows), dtype=torch.float32)[:, None]
    return ClipInstances((4, 5), probs, logits, queries, weights)


def queries_left(given, threshold):
    return [found.queries for found in without_duplicates(given, threshold)]


WHOLE = (0, 10)


def test_of_two_nearly_identical_masks_the_surer_stays():
    weak = (0.6, 0, (0, 9), (0, 10))  # IoU 19 / 20
    given = clip(weak, (0.9, 0, WHOLE, WHOLE), (0.5, 0, (12, 18), (12, 18)))
    (found,) = without_duplicates([given], 0.9)
    assert found.queries == (11, 12)
    assert found.frame_indices == (4, 5)
    assert torch.equal(found.class_probs, given.class_probs[1:])
    assert torch.equal(found.mask_logits, given.mask_logits[1:])
    assert torch.equal(found.mask_weights, given.mask_weights[1:])


def test_the_class_does_not_matter_and_the_first_of_equals_stays():
    given = clip((0.7, 1, WHOLE, WHOLE), (0.7, 0, WHOLE, WHOLE))
    assert queries_left([given], 0.9) == [(10,)]


@pytest.mark.parametrize(("threshold", "left"), [(0.51, (10, 11)), (0.49, (10,))])
def test_two_things_that_overlap_less_both_stay(threshold, left):
    given = clip((0.9, 0, WHOLE, WHOLE), (0.8, 0, (0, 5), (0, 5)))  # IoU 1 / 2
    assert queries_left([given], threshold) == [left]


def test_masks_are_compared_over_all_frames():
    crossing = clip((0.9, 0, WHOLE, WHOLE), (0.8, 0, WHOLE, (10, 20)))  # IoU 10 / 30
    assert queries_left([crossing], 0.5) == [(10, 11)]


def test_what_was_dropped_drops_nothing():
    # Each overlaps the next with 8 / 12, the outer ones with 6 / 14.
    given = clip((0.9, 0, WHOLE, WHOLE), (0.8, 0, (2, 12), (2, 12)), (0.7, 0, (4, 14), (4, 14)))
    assert queries_left([given], 0.6) == [(10, 12)]


def test_clips_of_several_sizes_are_judged_each_for_itself():
    twins = clip((0.5, 0, WHOLE, WHOLE), (0.9, 0, WHOLE, WHOLE))
    single = clip((0.4, 0, WHOLE, WHOLE))
    assert queries_left([clip(), twins, single, clip()], 0.9) == [(), (11,), (10,), ()]
    assert without_duplicates([], 0.9) == []


def test_what_is_unsure_drops_nothing_that_is_sure():
    given = clip((0.45, 0, WHOLE, WHOLE), (0.36, 1, WHOLE, WHOLE), (0.2, 0, WHOLE, WHOLE))
    given = replace(given, unsure=frozenset({0, 2}))  # two classes share what no-object leaves
    assert queries_left([given], 0.9) == [(11,)]


def test_empty_masks_are_no_duplicates():
    given = clip((0.9, 0), (0.8, 0))
    assert queries_left([given], 0.5) == [(10, 11)]


def test_switched_off_even_the_same_mask_stays():
    given = clip((0.9, 0, WHOLE, WHOLE), (0.8, 0, WHOLE, WHOLE))
    (found,) = without_duplicates([given], KEEP_ALL)
    assert found is given
