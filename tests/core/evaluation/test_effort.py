"""The simulated annotator."""

import numpy as np
import pytest

from ifc_core.evaluation.effort import annotate, grid_ceiling, ranking_quality
from ifc_core.structures import RLEMask


def square(x, size=(20, 40)):
    mask = np.zeros(size, bool)
    mask[5:15, x : x + 10] = True
    return RLEMask.from_array(mask)


TRUTH = [None, *(square(3 * t) for t in range(8))]


def copy_nearest(known):
    masks = {
        f: known[min(known, key=lambda k: abs(k - f))] for f in range(len(TRUTH)) if f not in known
    }
    return masks, dict.fromkeys(masks, 0.5)


def test_the_worst_frame_is_corrected_until_the_goal_is_reached():
    result = annotate(TRUTH, copy_nearest, goal=0.5, most=8)
    assert result.rounds[0].corrected == (1,)
    for earlier, later in zip(result.rounds, result.rounds[1:], strict=False):
        worst = min(earlier.j.values())
        assert earlier.j[later.corrected[-1]] == worst
        assert later.corrected[:-1] == earlier.corrected
    assert result.reached
    assert result.rounds[-2].mean_j < 0.5 <= result.rounds[-1].mean_j
    assert result.corrections == len(result.rounds)


def test_corrected_frames_do_not_count():
    result = annotate(TRUTH, copy_nearest, goal=1.0, most=3, start=4)
    last = result.rounds[-1]
    assert not result.reached
    assert result.corrections == 3
    assert set(last.j) == set(range(len(TRUTH))) - set(last.corrected)
    assert last.mean_j == pytest.approx(np.mean(list(last.j.values())))


def test_a_perfect_method_needs_one_and_absence_counts():
    def oracle(known):
        return {f: m for f, m in enumerate(TRUTH) if f not in known}, {}

    result = annotate(TRUTH, oracle, goal=0.99, most=5, boundary=True)
    assert result.corrections == 1
    assert result.rounds[0].mean_j == 1.0
    assert result.rounds[0].mean_f == 1.0

    def everywhere(known):
        return dict.fromkeys((f for f in range(len(TRUTH)) if f not in known), square(0)), {}

    assert annotate(TRUTH, everywhere, goal=2, most=1).rounds[0].j[0] == 0.0


def test_proposals_are_where_the_annotator_starts():
    shifted = {0: square(9), **{t + 1: square(3 * t + 2) for t in range(8)}}
    result = annotate(TRUTH, copy_nearest, goal=0.99, most=3, proposals={**shifted, 5: None})
    assert result.rounds[0].corrected == ()
    assert result.rounds[0].j[1] == pytest.approx(80 / 120)
    assert result.rounds[1].corrected == (5,)  # frame 0 is as bad, but does not show the object
    assert result.corrections == len(result.rounds) - 1 == 3
    perfect = annotate(TRUTH, copy_nearest, goal=0.99, most=3, proposals=dict(enumerate(TRUTH)))
    assert perfect.corrections == 0
    assert perfect.reached


def test_all_frames_corrected_ends_it():
    result = annotate(TRUTH[:3], lambda known: ({}, {}), goal=2.0, most=9)
    assert result.corrections == 3
    assert result.rounds[-1].j == {}


def test_where_all_frames_are_corrected_the_edges_are_right_too():
    truth = TRUTH[1:4]
    result = annotate(truth, lambda known: ({}, {}), goal=2.0, most=9, boundary=True)
    assert result.corrections == 3
    assert result.rounds[0].mean_f == 0.0
    assert result.rounds[-1].mean_j == result.rounds[-1].mean_f == 1.0


def test_a_coarse_grid_caps_small_objects():
    thin = np.zeros((80, 80), bool)
    thin[40:42, 10:70] = True
    assert grid_ceiling([square(4)], (20, 40)) == 1.0
    assert grid_ceiling([RLEMask.from_array(thin), None], (10, 10)) < 0.5
    assert np.isnan(grid_ceiling([None], (10, 10)))


def test_ranking_quality_is_the_auroc():
    assert ranking_quality([0.1, 0.2, 0.8, 0.9], [True, True, False, False]) == 1.0
    assert ranking_quality([0.9, 0.2, 0.8, 0.1], [True, True, False, False]) == 0.25
    assert ranking_quality([0.5, 0.5, 0.5], [True, False, False]) == 0.5
    assert np.isnan(ranking_quality([0.1, 0.2], [False, False]))
