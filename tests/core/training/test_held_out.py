"""What a model finds on a labelled frame, and the pictures by which a person compares it."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from ifc_core.models.ifc import IFCOutput
from ifc_core.models.preferences import ModelPreferences
from ifc_core.structures import RLEMask
from ifc_core.training.held_out import FramePrediction, draw_comparison, predict_frame

SIZE = (240, 320)
BOXES = {"left": (40, 80), "middle": (130, 170), "right": (250, 300)}


def mask(name):
    made = np.zeros(SIZE, bool)
    made[60:180, slice(*BOXES[name])] = True
    return made


def prediction(*names, scores=None):
    return FramePrediction(
        np.stack([mask(name) for name in names]) if names else np.zeros((0, *SIZE), bool),
        np.zeros(len(names), np.int64),
        np.array(scores or [0.9] * len(names)),
    )


def test_an_object_has_one_colour_in_all_panels_and_what_is_none_is_grey(tmp_path):
    tracks = [
        SimpleNamespace(label=0, masks={7: RLEMask.from_array(mask(name))})
        for name in ("left", "right")
    ]
    video = SimpleNamespace(height=SIZE[0], width=SIZE[1], tracks=tracks)
    white = SimpleNamespace(read=lambda video, frame, size: np.full((*size, 3), 255, np.uint8))
    before = prediction("right", "middle", "left", scores=[0.9, 0.8, 0.2])
    draw_comparison(tmp_path / "a.png", video, 7, before, prediction("right", "left"), white)
    picture = cv2.imread(str(tmp_path / "a.png"))
    width = picture.shape[1] // 3

    def colour(panel, name):
        return picture[120, panel * width + sum(BOXES[name]) // 2 * width // SIZE[1]].tolist()

    assert colour(0, "left") == colour(2, "left") != colour(0, "right")
    assert colour(0, "right") == colour(1, "right") == colour(2, "right")
    assert len(set(colour(1, "middle"))) == 1  # grey
    assert colour(1, "middle") != colour(0, "middle")
    assert colour(1, "left") == colour(0, "middle")  # too unsure to be shown


def test_a_model_that_finds_nothing_is_drawn_too(tmp_path):
    tracks = [SimpleNamespace(label=0, masks={7: RLEMask.from_array(mask("left"))})]
    video = SimpleNamespace(height=SIZE[0], width=SIZE[1], tracks=tracks)
    white = SimpleNamespace(read=lambda video, frame, size: np.full((*size, 3), 255, np.uint8))
    draw_comparison(tmp_path / "a.png", video, 7, prediction(), prediction("left"), white)
    assert (tmp_path / "a.png").stat().st_size


class Finder:
    """A model of two classes that finds the same on every clip: (columns, probabilities) each."""

    def __init__(self, *found, **preferences):
        self.preferences = ModelPreferences(**preferences)
        self._found = found

    def normalize(self, clip):
        return torch.from_numpy(clip)

    def __call__(self, clips, *, aux):
        masks = torch.full((1, len(self._found), clips.shape[1], 8, 20), -9.0)
        for row, (columns, _) in enumerate(self._found):
            masks[0, row, :, :, columns] = 9.0
        probs = torch.tensor([probs for _, probs in self._found]).reshape(1, len(self._found), 3)
        return IFCOutput(probs.log(), masks, (), torch.zeros(0), torch.zeros(0), None)


LEFT, MOST_OF_LEFT, RIGHT = slice(0, 10), slice(0, 9), slice(12, 20)


def scores(*found, **preferences):
    video = SimpleNamespace(height=80, width=200, num_frames=3)
    black = SimpleNamespace(read=lambda video, frame, size: np.zeros((*size, 3), np.uint8))
    seen = predict_frame(Finder(*found, **preferences), video, 1, 64, black)
    assert len(seen.masks) == len(seen.labels) == len(seen.scores)
    return pytest.approx(seen.scores.tolist(), abs=1e-5)


def test_what_a_model_takes_for_one_thing_is_judged_as_one():
    found = (MOST_OF_LEFT, (0.1, 0.6, 0.3)), (RIGHT, (0.5, 0.1, 0.4)), (LEFT, (0.9, 0.05, 0.05))
    assert scores(*found) == [0.9, 0.6, 0.5]
    assert scores(*found, duplicate_iou=0.95) == [0.9, 0.6, 0.5]
    assert scores(*found, duplicate_iou=0.5) == [0.9, 0.5]
    assert scores(duplicate_iou=0.5) == []


def test_of_doubles_one_that_is_rather_an_object_stays_as_in_propose():
    found = (LEFT, (0.4, 0.05, 0.55)), (MOST_OF_LEFT, (0.34, 0.36, 0.3))
    assert scores(*found) == [0.4, 0.36]
    assert scores(*found, duplicate_iou=0.5) == [0.36]
