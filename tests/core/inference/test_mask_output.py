"""Full-size masks from logits."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ifc_core.inference.mask_output import encode_logits


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
