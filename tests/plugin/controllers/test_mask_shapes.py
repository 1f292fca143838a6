import numpy as np
import pytest
from fake_engine import SIZE, disc
from hypothesis import given
from hypothesis.extra import numpy as hnp

from ifc_core.structures import RLEMask
from napari_ifc.controllers.mask_shapes import encode_mask, reshape, smart_erase


@given(hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12)))
def test_encoding_inside_the_box_is_the_same(mask):
    assert encode_mask(mask) == RLEMask.from_array(mask)


def changed(mask, name, amount=2):
    return reshape(RLEMask.from_array(mask), name, amount).to_array()


def test_only_the_largest_piece_stays():
    large, small = disc(SIZE, (20, 20), 9).to_array(), disc(SIZE, (20, 50), 4).to_array()
    assert np.array_equal(changed(large | small, "largest"), large)
    assert np.array_equal(changed(large, "largest"), large)


def test_holes_are_filled_and_bays_are_not():
    ring = disc(SIZE, (20, 20), 12).to_array() & ~disc(SIZE, (20, 20), 5).to_array()
    assert np.array_equal(changed(ring, "fill"), disc(SIZE, (20, 20), 12).to_array())
    ring[20, :20] = False
    assert np.array_equal(changed(ring, "fill"), ring)


def test_a_thread_is_smoothed_away_and_a_blunt_shape_stays():
    mask = disc(SIZE, (20, 20), 12).to_array()
    hairy = mask.copy()
    hairy[20, 20:60] = True
    smoothed = changed(hairy, "smooth")
    assert not smoothed[20, 45]
    assert (smoothed & mask).sum() / (smoothed | mask).sum() > 0.95


@pytest.mark.parametrize("amount", [1, 3])
def test_growing_and_shrinking_move_the_outline(amount):
    mask = disc(SIZE, (24, 30), 12).to_array()
    grown, shrunk = changed(mask, "grow", amount), changed(mask, "shrink", amount)
    assert grown[24, 42 + amount]
    assert not grown[24, 43 + amount]
    assert shrunk[24, 42 - amount]
    assert not shrunk[24, 43 - amount]


def test_at_the_edge_of_the_frame_nothing_is_eaten():
    mask = np.zeros(SIZE, bool)
    mask[:20, :30] = True
    assert changed(mask, "shrink", 2)[0, 0]
    assert not changed(mask, "shrink", 2)[19, 29]
    assert changed(mask, "smooth", 2)[0, 0]
    assert not changed(np.zeros(SIZE, bool), "grow").any()


@pytest.fixture
def two_halves():
    """A picture with an edge at column 32, and a mask over both sides."""
    frame = np.full((*SIZE, 3), 40, np.uint8)
    frame[:, 32:] = 210
    mask = np.zeros(SIZE, np.uint8)
    mask[10:38, 12:52] = 1
    return frame, mask


def test_a_smart_eraser_stops_at_an_edge(two_halves):
    frame, before = two_halves
    after = before.copy()
    after[12:36, 34:50] = 0  # nearly up to the edge
    meant = smart_erase(frame, before, after)
    assert not meant[14:34, 33:47].any()
    assert meant[12:36, 14:31].all()


def test_a_stroke_that_slips_over_an_edge_spares_the_other_side(two_halves):
    frame, before = two_halves
    after = before.copy()
    after[12:36, 30:50] = 0
    meant = smart_erase(frame, before, after)
    assert not meant[14:34, 34:48].any()
    assert meant[12:36, 14:31].all()


def test_a_dot_takes_one_superpixel_and_no_stroke_takes_nothing(two_halves):
    frame, before = two_halves
    assert np.array_equal(smart_erase(frame, before, before), before)
    after = before.copy()
    after[20, 40] = 0
    meant = smart_erase(frame, before, after)
    assert 0 < before.sum() - meant.sum() < 400
    assert not (meant & ~before.astype(bool)).any()
