"""Which proposals stay where a propagation came astray."""

import numpy as np
import pytest

from ifc_core.inference.spread_doubt import HARDLY, better_left

NUM = 20
SURE, UNSURE, TRUST = 0.6, 0.3, 0.8


def left(overlap, confidence, corrected=(-1,), lost=(), trust=TRUST, frames=range(NUM)):
    found = better_left(
        list(frames), overlap, confidence, np.full(len(frames), trust), corrected, lost
    )
    return [int(f) for f, stays in zip(frames, found, strict=True) if stays]


def steps(*parts):
    """(NUM,) values, given as (value, how often)."""
    return np.concatenate([np.full(count, value) for value, count in parts])


def test_what_is_found_after_a_loss_gives_way_to_proposals_that_it_hardly_overlaps():
    frames = [*range(8), *range(10, NUM)]
    overlap = steps((0.8, 8), (0.0, 4), (0.5, 3), (0.0, 3))
    found = left(overlap, np.full(18, UNSURE), lost=(8, 9), frames=frames)
    assert found == [10, 11, 12, 13, 17, 18, 19]  # where they overlap the new one is taken


def test_without_a_loss_unsure_masks_are_taken():
    """What a correction says far away is unsure, and mostly right all the same."""
    assert left(np.zeros(NUM), np.full(NUM, 0.15)) == []


def test_what_nearly_nothing_speaks_for_gives_way_without_a_loss():
    overlap, confidence = steps((0.8, 10), (0.0, 10)), steps((UNSURE, 10), (0.01, 10))
    assert left(overlap, confidence) == list(range(10, NUM))


def test_proposals_of_something_else_are_replaced_although_the_object_was_lost():
    """They are what the person corrected: near the correction the new masks deny them."""
    frames = [*range(8), *range(10, NUM)]
    overlap, confidence = np.zeros(18), steps((SURE, 8), (UNSURE, 10))
    assert left(overlap, confidence, lost=(8, 9), frames=frames) == []


def test_the_nearest_masks_that_can_be_believed_decide():
    """A track that goes on with another object from frame 4 on is wrong from there."""
    frames = [*range(9), *range(10, NUM)]
    overlap = steps((0.8, 4), (0.0, 15))
    assert left(overlap, np.full(19, UNSURE), lost=(9,), frames=frames) == []
    few = steps((0.8, 7), (0.0, 12))  # two of the nearest five may be a slip
    assert left(few, np.full(19, UNSURE), lost=(9,), frames=frames) == list(range(10, NUM))


def test_where_no_mask_can_be_compared_before_the_loss_the_proposals_stay():
    """As behind a gap of the track that the propagation did not come through."""
    frames = range(12, NUM)
    assert left(np.zeros(8), np.full(8, UNSURE), lost=(9,), frames=frames) == list(frames)


def test_proposals_that_are_less_sure_themselves_go():
    frames = range(12, NUM)
    args = np.zeros(8), np.full(8, UNSURE)
    assert left(*args, lost=(9,), frames=frames, trust=0.2) == []
    assert left(*args, lost=(9,), frames=frames, trust=UNSURE) == []


@pytest.mark.parametrize(
    ("lost", "expected"), [((3,), []), ((15,), []), ((3, 15), list(range(6, 12)))]
)
def test_between_two_corrections_both_ways_must_be_cut_off(lost, expected):
    frames = range(6, 12)
    found = left(np.zeros(6), np.full(6, UNSURE), (0, 19), lost, frames=frames)
    assert found == expected


def test_each_side_of_a_correction_is_judged_by_its_own_masks():
    before, after = [0, 1, 2, 3, 4, 6, 7, 8, 9, 10], [12, 13, 14, 16, 17, 18, 19]
    overlap = [0.0] * 5 + [0.9] * 5 + [0.0] * 7  # after frame 11 the proposals are denied
    found = left(overlap, np.full(17, UNSURE), (11,), (5, 15), frames=[*before, *after])
    assert found == [0, 1, 2, 3, 4]


def test_the_share_that_counts_as_hardly_overlapping():
    frames = range(12, 14)
    overlap = [HARDLY - 0.01, HARDLY]
    assert left(overlap, np.full(2, UNSURE), lost=(9,), frames=frames) == [12]


def test_nothing_comes_of_nothing():
    assert left([], [], frames=()) == []
