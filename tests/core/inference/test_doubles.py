"""Instances that show what a better one shows score lower."""

from dataclasses import replace

import numpy as np
import pytest

from ifc_core.inference.doubles import SharedPixels
from ifc_core.inference.mask_quality import score_with_quality
from ifc_core.inference.results import FrameMask, InstanceSummary, result_rows
from ifc_core.inference.settings import ProposeSettings
from ifc_core.structures import RLEMask

SIZE = (20, 30)


def bar(left, right, quality=0.8, *, number):
    mask = np.zeros(SIZE, bool)
    mask[5:15, left:right] = True
    return FrameMask(number, RLEMask.from_array(mask), None, None, 0.5, 0, quality)


def summary(number, prob, quality=0.7):
    score = score_with_quality(prob, quality)
    return InstanceSummary(number, (prob, 1 - prob), score, 0, 0, 1, 2, quality)


def scores(shared, *instances):
    return [found.score for found in shared.lowered(instances)]


def test_the_worse_of_two_doubles_falls_by_their_overlap_over_all_frames():
    shared = SharedPixels()
    shared.add([bar(0, 10, number=0), bar(5, 15, number=3), bar(20, 30, number=5)])
    shared.add([bar(0, 10, number=3), bar(0, 10, number=0)])
    shared.add([bar(0, 10, number=0)])
    nearest = (50 + 100) / (300 + 200 - 150)
    better, worse, apart = summary(0, 0.9), summary(3, 0.6), summary(5, 0.5)
    assert scores(shared, better, worse, apart) == pytest.approx([0.9, 0.6 * (1 - nearest), 0.5])
    better, worse = replace(worse, instance_id=0), replace(better, instance_id=3)
    assert scores(shared, better, worse) == pytest.approx([0.6 * (1 - nearest), 0.9])


def test_of_equal_ones_the_first_keeps_its_score():
    shared = SharedPixels()
    shared.add([bar(0, 10, number=1), bar(0, 10, number=0)])
    assert scores(shared, summary(1, 0.8), summary(0, 0.8)) == pytest.approx([0, 0.8])


def test_what_is_not_shown_and_what_nobody_judged_takes_nothing_away():
    shared = SharedPixels()
    shared.add([bar(0, 10, number=0), bar(0, 10, number=1)])
    assert scores(shared, summary(1, 0.6)) == pytest.approx([0.6])
    plain = SharedPixels()
    plain.add([bar(0, 10, None, number=0), bar(0, 10, None, number=1)])
    assert scores(plain, summary(0, 0.9, None), summary(1, 0.6, None)) == [0.9, 0.6]


def test_result_rows_know_of_doubles_too():
    shared = SharedPixels()
    shared.add([bar(0, 10, number=0), bar(5, 15, number=1)])
    _, worse = shared.lowered((summary(0, 0.9), summary(1, 0.6)))
    assert worse.alone == pytest.approx(1 - 1 / 3)
    (row,) = result_rows((worse,))
    assert row.score == worse.score == pytest.approx(0.6 * 2 / 3)


def test_many_masks_on_one_place_are_counted_as_their_pixels():
    rng = np.random.default_rng(4)
    masks = rng.random((6, *SIZE)) > 0.6
    shared = SharedPixels()
    for _ in range(3):
        shared.add(
            [
                FrameMask(n, RLEMask.from_array(mask), None, None, 0.5, 0, 0.5)
                for n, mask in enumerate(masks)
            ]
        )
    for one in range(6):
        assert shared.area(one) == 3 * masks[one].sum()
        later = {n: 3 * (masks[one] & masks[n]).sum() for n in range(one + 1, 6)}
        assert shared.shared_with_later(one) == later
    assert RLEMask.ious([]).shape == (0, 0)


def test_a_run_that_goes_on_knows_what_was_shared_before(whole_and_in_parts):
    settings = ProposeSettings(clip_length=4, precision="fp32", edges="best", score_threshold=0.0)
    whole, in_parts = whole_and_in_parts(settings)
    assert whole == in_parts
    assert any(found.alone < 1 for found in whole[1])
