"""Masks encoded together are those encoded one by one."""

import pytest
import torch

from ifc_core.inference import device_masks
from ifc_core.inference.device_masks import encode_many
from ifc_core.inference.mask_output import encode_logits


def smooth(count, seed, size=(23, 40)):
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(1, count, 5, 7, generator=generator)
    return torch.nn.functional.interpolate(coarse, size, mode="bicubic")[0]


@pytest.mark.parametrize("region", [None, (30, 12, 120, 96)])
@pytest.mark.parametrize("part_bytes", [1 << 28, 1 << 17])
def test_as_one_by_one(monkeypatch, region, part_bytes):
    monkeypatch.setattr(device_masks, "_LARGEST_PART_BYTES", part_bytes)
    frames = [smooth(3, 0), torch.zeros(0, 23, 40), smooth(4, 1)]
    frames[2][1] = -1.0  # nothing of it
    size = (130, 200)
    found = encode_many(frames, size, region)
    assert [len(masks) for masks in found] == [3, 0, 4]
    for masks, logits in zip(found, frames, strict=True):
        for mask, one in zip(masks, logits.numpy(), strict=True):
            expected = encode_logits(one, size, region)
            assert (mask is None) == (expected is None)
            if mask is not None:
                assert mask.size == size
                differ = mask.to_array() != expected.to_array()
                assert differ.sum() <= 2


def test_nothing_to_encode():
    assert encode_many([], (10, 20)) == []
    assert encode_many([torch.zeros(0, 4, 5)] * 2, (10, 20)) == [[], []]
