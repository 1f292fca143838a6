"""Full-size masks from logits."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ifc_core.inference import mask_output
from ifc_core.inference.mask_output import encode_box, encode_logits
from ifc_core.structures.mask import RLEMask


@pytest.fixture(params=["small frames at once", "every box"], autouse=True)
def _both_ways(request, monkeypatch):
    if request.param == "every box":
        monkeypatch.setattr(mask_output, "_SMALL_FRAME_PX", 0)


@pytest.mark.parametrize("size", [(96, 160), (90, 151), (12, 20), (7, 11)])
def test_equals_bilinear_interpolation_without_aligned_corners(size):
    logits = torch.from_numpy(np.random.default_rng(1).normal(0, 1, (12, 20)).astype(np.float32))
    large = F.interpolate(logits[None, None], size, mode="bilinear", align_corners=False)[0, 0]
    mask = encode_logits(logits.numpy(), size).to_array()
    clear = (large.abs() > 1e-4).numpy()
    np.testing.assert_array_equal(mask[clear], (large > 0).numpy()[clear])


def test_an_empty_mask_is_none():
    assert encode_logits(np.full((4, 5), -1.0, np.float32), (32, 40)) is None


def test_a_region_is_pasted_where_it_lies():
    mask = encode_logits(np.ones((4, 5), np.float32), (50, 60), (7, 11, 30, 20)).to_array()
    expected = np.zeros((50, 60), bool)
    expected[11:31, 7:37] = True
    np.testing.assert_array_equal(mask, expected)


def test_a_small_object_in_a_large_frame():
    logits = np.full((45, 80), -3.0, np.float32)
    logits[20:22, 33:35] = 2.0
    logits[44, 79] = 0.5
    size = (721, 1277)
    large = F.interpolate(torch.from_numpy(logits)[None, None], size, mode="bilinear")[0, 0]
    mask = encode_logits(logits, size)
    assert (mask.to_array() != (large > 0).numpy()).sum() <= 1


@pytest.mark.parametrize("region", [None, (3, 2, 50, 40)])
def test_both_ways_of_encoding_agree(monkeypatch, region):
    logits = np.random.default_rng(4).normal(0, 1, (9, 11)).astype(np.float32)
    whole = encode_logits(logits, (60, 70), region)
    monkeypatch.setattr(mask_output, "_LARGE_SHARE", 2.0)
    monkeypatch.setattr(mask_output, "_SMALL_FRAME_PX", 0)
    boxed = encode_logits(logits, (60, 70), region)
    assert (whole.to_array() != boxed.to_array()).sum() <= 1


def test_pixels_may_see_none_of_the_cells():
    logits = np.full((12, 20), -1.0, np.float32)
    logits[5, 9] = 1.0
    assert encode_logits(logits, (2, 3)) is None


@given(st.data())
def test_a_box_is_encoded_as_the_whole_frame_would_be(data):
    height, width = data.draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    box = data.draw(arrays.arrays(bool, st.tuples(st.integers(1, height), st.integers(1, width))))
    top = data.draw(st.integers(0, height - box.shape[0]))
    left = data.draw(st.integers(0, width - box.shape[1]))
    whole = np.zeros((height, width), bool)
    whole[top : top + box.shape[0], left : left + box.shape[1]] = box
    expected = RLEMask.from_array(whole) if whole.any() else None
    assert encode_box(box, (height, width), top, left) == expected
