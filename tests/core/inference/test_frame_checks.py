"""What a run says of frames from a person's own loop that are none, or not of one video."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ifc_core.errors import ConfigError, InputError
from ifc_core.inference.predictor import predict_video
from ifc_core.inference.settings import ProposeSettings
from ifc_core.inference.tiling import predict

SETTINGS = ProposeSettings(clip_length=2, precision="fp32")


def picture(height: int = 48, width: int = 64) -> np.ndarray:
    return np.zeros((height, width, 3), np.uint8)


def shown(model: Any, frames: Iterable[Any]) -> list[int]:
    return [frame.frame_index for frame in predict_video(model, frames, SETTINGS)]


@pytest.mark.parametrize(
    ("frame", "sentence"),
    [
        (picture(), r"A frame came as an array \(48, 64, 3\) of uint8; frames are pairs of"),
        ((0, picture().astype(np.float32) / 255), r"Frame 0 came as an array .* of float32"),
        ((4, picture()[..., 0]), r"Frame 4 came as an array \(48, 64\) of uint8"),
        ((0, picture().transpose(2, 0, 1)), r"Frame 0 came as an array \(3, 48, 64\)"),
        ((0, None), "Frame 0 came as a NoneType"),
        (("first", picture()), "A frame came as a tuple"),
    ],
)
def test_what_is_no_frame_is_named(tiny_model: Any, frame: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        shown(tiny_model, iter([frame]))


@pytest.mark.parametrize(
    ("frames", "sentence"),
    [
        ([(0, picture()), (1, picture(50))], "Frame 1 is 64 x 50 pixels, those before it 64 x 48"),
        ([(3, picture()), (2, picture())], "Frame 2 came after frame 3; .* must ascend"),
        ([(3, picture()), (3, picture())], "Frame 3 came after frame 3"),
    ],
)
def test_frames_of_no_one_video_are_named(tiny_model: Any, frames: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        shown(tiny_model, frames)


@pytest.mark.parametrize("number", [0, 1])
def test_tiles_name_what_is_no_frame(tiny_model: Any, number: int) -> None:
    frames = [(index, picture()) for index in range(3)]
    frames[number] = (number, picture()[..., 0])
    settings = replace(SETTINGS, tiles="1x2", short_side=32)
    with pytest.raises(InputError, match=rf"Frame {number} came as an array \(48, 64\)"):
        list(predict(tiny_model, iter(frames), settings))


def test_frames_before_a_bad_one_were_given_out(tiny_model: Any) -> None:
    def frames() -> Iterator[tuple[int, np.ndarray]]:
        yield from ((index, picture()) for index in range(5))
        yield 5, picture(50)

    run = predict_video(tiny_model, frames(), SETTINGS)
    assert [next(run).frame_index for _ in range(3)] == [0, 1, 2]
    with pytest.raises(InputError, match="Frame 5"):
        list(run)


def test_tensors_numbers_of_numpy_and_views_are_frames(tiny_model: Any) -> None:
    import torch

    frames = [(np.int64(2), picture()[:, ::-1]), (5, torch.from_numpy(picture()))]
    assert shown(tiny_model, frames) == [2, 5]


def test_tiles_are_not_left_out_in_silence(tiny_model: Any) -> None:
    with pytest.raises(ConfigError, match=r"tiling\.predict"):
        predict_video(tiny_model, [(0, picture())], ProposeSettings(tiles="2x2"))
