"""Which track a click on the canvas means."""

import numpy as np
import pytest
from fake_engine import SIZE, disc
from hypothesis import given
from hypothesis import strategies as st

from ifc_core.structures import RLEMask
from napari_ifc.controllers.picking import covers, picked, with_picked


class Record:
    def __init__(self, track_id, rle):
        self.track_id = track_id
        self.rle = rle


@given(st.integers(0, 2**30), st.integers(-1, 9), st.integers(-1, 7))
def test_a_pixel_is_covered_where_the_mask_is_set(seed, x, y):
    mask = np.random.default_rng(seed).integers(0, 2, (7, 9), dtype=np.uint8)
    inside = 0 <= x < 9 and 0 <= y < 7
    assert covers(RLEMask.from_array(mask), x, y) == bool(inside and mask[y, x])


def test_the_topmost_comes_first_and_clicks_go_down_through_what_overlaps():
    records = [Record(1, disc(SIZE, (20, 20), 9)), Record(2, disc(SIZE, (20, 26), 9))]
    records.append(Record(3, None))  # absent: nothing to click
    assert picked(records, 23, 20, ()) == 2
    assert picked(records, 23, 20, (2,)) == 1
    assert picked(records, 23, 20, (1,)) == 2
    assert picked(records, 12, 20, (2,)) == 1
    assert picked(records, 60, 2, (1,)) is None


@pytest.mark.parametrize(
    ("selected", "track_id", "adding", "expected"),
    [
        ((1,), 2, False, (2,)),
        ((1,), None, False, ()),
        ((1,), 2, True, (2, 1)),
        ((1, 2), 1, True, (2,)),
        ((1, 2), None, True, (1, 2)),
    ],
)
def test_a_click_chooses_and_with_a_key_adds_or_takes_out(selected, track_id, adding, expected):
    assert with_picked(selected, track_id, adding=adding) == expected
