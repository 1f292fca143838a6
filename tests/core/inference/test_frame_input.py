"""Sizes and resizing as published."""

import numpy as np
import pytest
import torch
from PIL import Image

from ifc_core.inference.frame_input import network_size, resize_frames


@pytest.mark.parametrize(
    ("size", "short", "longest", "expected"),
    [
        ((720, 1280), 360, 1333, (360, 640)),
        ((1280, 720), 360, 1333, (640, 360)),
        ((480, 854), 360, 1333, (360, 641)),
        ((100, 1000), 360, 1333, (133, 1333)),
        ((96, 160), 96, 1333, (96, 160)),
        ((500, 500), 360, 1333, (360, 360)),
    ],
)
def test_network_size(size, short, longest, expected):
    assert network_size(size, short, longest) == expected


@pytest.mark.parametrize("size", [(45, 80), (72, 50), (120, 200)])
def test_resize_is_that_of_pil_to_one_grey_level(size):
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (97, 161, 3), dtype=np.uint8)
    ours = resize_frames(torch.from_numpy(frame)[None], size)[0].numpy()
    theirs = np.asarray(
        Image.fromarray(frame).resize((size[1], size[0]), Image.Resampling.BILINEAR)
    )
    assert ours.shape == theirs.shape
    assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 1


def test_a_frame_of_the_right_size_is_not_touched():
    frames = torch.zeros(1, 8, 9, 3, dtype=torch.uint8)
    assert resize_frames(frames, (8, 9)) is frames
