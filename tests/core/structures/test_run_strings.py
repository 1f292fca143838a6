"""Count strings of many masks at once are those of pycocotools, mask by mask."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ifc_core.structures.mask import RLEMask
from ifc_core.structures.run_strings import count_strings


def encode(masks):
    count, height, width = masks.shape
    flat = masks.transpose(0, 2, 1).reshape(count, -1)  # column-major
    before = np.concatenate([np.zeros((count, 1), bool), flat[:, :-1]], 1)
    owners, changes = np.nonzero(flat != before)
    return count_strings(changes, owners, count, height * width)


@given(arrays.arrays(bool, st.tuples(st.integers(1, 4), st.integers(1, 12), st.integers(1, 12))))
def test_strings_are_those_of_one_mask_alone(masks):
    assert encode(masks) == [RLEMask.from_array(mask).counts for mask in masks]


def test_long_runs_and_large_differences():
    masks = np.zeros((3, 700, 900), bool)
    masks[0, 5:650, 3:890] = True
    masks[1, 699, 899] = True
    masks[2, :, ::2] = True
    masks[2, 0, 100:800] = True
    assert encode(masks) == [RLEMask.from_array(mask).counts for mask in masks]


def test_no_masks():
    nothing = np.zeros(0, np.int64)
    assert count_strings(nothing, nothing, 0, 12) == []
