"""Resizing as published."""

import numpy as np
import pytest
import torch
from PIL import Image

from ifc_core.inference.frame_input import resize_frames


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
