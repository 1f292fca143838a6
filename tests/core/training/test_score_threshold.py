"""Which score a fine-tuned model proposes from."""

import numpy as np
import pytest

from ifc_core.structures import RLEMask
from ifc_core.training import score_threshold
from ifc_core.training.held_out import FramePrediction
from ifc_core.training.score_threshold import (
    HIGHEST,
    LOWEST,
    best_threshold,
    fitting_threshold,
    right_masks,
)


def box(left, right, height=8, width=20):
    mask = np.zeros((height, width), dtype=bool)
    mask[:, left:right] = True
    return mask


def predicted(*rows):
    """(mask, score), best first."""
    masks = np.stack([mask for mask, _ in rows])
    scores = np.array([score for _, score in rows], dtype=np.float32)
    return FramePrediction(masks, np.zeros(len(rows), dtype=np.int64), scores)


def test_half_way_between_what_is_right_and_what_is_wrong():
    assert best_threshold([0.4, 0.9, 0.2, 0.8], [False, True, False, True], 2) == pytest.approx(0.6)


def test_a_wrong_one_among_right_ones_does_not_cut_them_off():
    scores, right = [0.9, 0.8, 0.7, 0.3], [True, False, True, False]
    assert best_threshold(scores, right, 2) == pytest.approx(0.5)


def test_bounds():
    assert best_threshold([0.99, 0.97], [True, False], 1) == HIGHEST
    assert best_threshold([0.15], [True], 1) == LOWEST


def test_nothing_right_says_nothing():
    assert best_threshold([], [], 3) is None
    assert best_threshold([0.7, 0.6], [False, False], 2) is None


def test_an_object_makes_one_mask_right():
    given = predicted((box(0, 10), 0.9), (box(0, 9), 0.8), (box(15, 20), 0.7), (box(9, 13), 0.6))
    assert right_masks(given, [box(14, 20), box(0, 10)]) == [True, False, True, False]
    assert right_masks(given, []) == [False] * 4


class Video:
    """As much of a labelled video as is asked for."""

    def __init__(self, exhaustive, tracks=()):
        self.exhaustive = frozenset(exhaustive)
        self.tracks = tracks


class Track:
    """A labelled object."""

    def __init__(self, masks):
        self.masks = masks


class Store:
    """A frame store in which some frames cannot be decoded."""

    def __init__(self, broken=()):
        self.broken = broken

    def is_broken(self, video, frame):
        return frame in self.broken


def test_frames_that_are_not_exhaustive_or_broken_do_not_count(monkeypatch):
    looked = []

    def predict_frame(model, video, frame, short_side, store):
        looked.append(frame)
        return predicted((box(0, 4), 0.9))

    monkeypatch.setattr(score_threshold, "predict_frame", predict_frame)
    job = score_threshold.JobContext()
    assert fitting_threshold(None, [Video([])], 64, Store(), job) is None
    assert looked == []
    assert fitting_threshold(None, [Video(range(100))], 64, Store(), job) is None  # none is right
    assert 10 < len(looked) <= 24
    track = Track({f: RLEMask.from_array(box(0, 4)) for f in (1, 2, 3)})
    video = Video((1, 2, 3), [track])
    assert fitting_threshold(None, [video], 64, Store(), job) is not None
    assert fitting_threshold(None, [video], 64, Store((1, 2, 3)), job) is None
