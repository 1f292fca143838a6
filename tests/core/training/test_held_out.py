"""The pictures by which a person compares the model before and after."""

from types import SimpleNamespace

import cv2
import numpy as np

from ifc_core.structures import RLEMask
from ifc_core.training.held_out import FramePrediction, draw_comparison

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
