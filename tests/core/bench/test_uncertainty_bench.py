"""The figures of ``bench uncertainty`` on cases with a known answer."""

import numpy as np
import pytest

from ifc_core.bench.uncertainty import JudgedTrack, auroc, judge, mask_figures, swap_figures
from ifc_core.inference.results import FrameMask
from ifc_core.structures import RLEMask


def test_auroc_by_counting_pairs():
    rng = np.random.default_rng(0)
    bad, values = rng.random(40) < 0.4, rng.integers(0, 6, 40).astype(float)
    pairs = [(x > y) + 0.5 * (x == y) for x in values[bad] for y in values[~bad]]
    assert auroc(bad, values) == pytest.approx(np.mean(pairs))
    assert auroc(np.zeros(3, bool), np.zeros(3)) is None


def square(left, size=(20, 40)):
    mask = np.zeros(size, bool)
    mask[5:15, left : left + 10] = True
    return RLEMask.from_array(mask)


def test_a_track_is_judged_by_the_object_that_it_covers_best():
    truth = [[square(2)] * 3, [square(22), square(22), None]]
    masks = [
        (t, FrameMask(0, square(left), u, 0.9, 0.8, 0))
        for t, (left, u) in enumerate(((22, 0.1), (27, 0.7), (22, None)))
    ]
    track = judge(masks, truth)
    assert track.overlaps.tolist() == [1.0, pytest.approx(1 / 3), 0.0]
    assert track.signals["uncertainty"].tolist() == [0.1, 0.7, 0.0]
    assert track.signals["need_of_attention"][1] > track.signals["need_of_attention"][0]


def test_rows_for_every_bound_and_choice_of_tracks():
    signals = {"uncertainty": np.array([0.9, 0.1, 0.5])}
    good = JudgedTrack(np.array([0.4, 0.9, 0.6]), signals)
    poor = JudgedTrack(np.array([0.1, 0.0, 0.0]), signals)
    rows = mask_figures([good, poor])
    assert [(r["mean_j_of_track_at_least"], r["bad_below_j"], r["masks"]) for r in rows] == [
        (0.0, 0.7, 6),
        (0.0, 0.5, 6),
        (0.2, 0.7, 3),
        (0.2, 0.5, 3),
        (0.4, 0.7, 3),
        (0.4, 0.5, 3),
    ]
    assert rows[2]["auroc"]["uncertainty"] == 1.0


def test_swaps_of_a_few_generated_clips():
    figures = swap_figures(2)
    assert figures["clips"] == 2
    assert set(figures["recall"]) == {"closest", "anywhere"}
    assert figures["false_alarms_per_500_frames"] <= 25
