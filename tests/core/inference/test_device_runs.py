"""Count strings of many masks at once are those of pycocotools, mask by mask."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ifc_core.inference.device_runs import count_strings
from ifc_core.structures.mask import RLEMask


def encode(masks):
    flat = np.ascontiguousarray(masks.transpose(0, 2, 1)).reshape(len(masks), -1)  # column-major
    return count_strings(torch.from_numpy(flat))


def alone(mask):
    return RLEMask.from_array(mask).counts if mask.any() else b""


@given(arrays.arrays(bool, st.tuples(st.integers(1, 4), st.integers(1, 12), st.integers(1, 12))))
def test_strings_are_those_of_one_mask_alone(masks):
    assert encode(masks) == [alone(mask) for mask in masks]


def test_long_runs_and_large_differences():
    masks = np.zeros((3, 700, 900), bool)
    masks[0, 5:650, 3:890] = True
    masks[1, 699, 899] = True
    masks[2, :, ::2] = True
    masks[2, 0, 100:800] = True
    assert encode(masks) == [alone(mask) for mask in masks]


def test_no_masks():
    assert count_strings(torch.zeros(0, 12, dtype=torch.bool)) == []
    assert count_strings(torch.zeros(2, 12, dtype=torch.bool)) == [b"", b""]
