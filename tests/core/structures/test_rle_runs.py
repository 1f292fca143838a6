"""Run lengths on arrays, against pycocotools and the byte-by-byte decoder."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ifc_core.annotation.interpolation import Blend, between
from ifc_core.errors import FormatError
from ifc_core.structures import RLEMask
from ifc_core.structures.mask import decode_counts
from ifc_core.structures.rle_runs import (
    all_sound,
    crop_mask,
    decode_runs,
    encode_runs,
    mask_of,
    patch_mask,
    toggles_of,
)

MASKS = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=14))
FAST = settings(max_examples=150, deadline=None)


@given(MASKS)
@FAST
def test_runs_are_those_of_coco(mask):
    rle = RLEMask.from_array(mask)
    runs = decode_runs(rle.counts)
    assert runs.tolist() == decode_counts(rle.counts)
    assert encode_runs(runs) == rle.counts
    assert mask_of(toggles_of(rle), rle.size) == rle
    assert all_sound([rle.counts], mask.size)
    assert not all_sound([rle.counts, rle.counts], mask.size + 1)


@given(st.binary(max_size=40))
@FAST
def test_garbage_is_refused_like_by_the_plain_decoder(counts):
    try:
        expected = decode_counts(counts)
    except FormatError:
        expected = None
    try:
        found = decode_runs(counts).tolist()
    except FormatError:
        found = None
    if counts:
        assert found == expected
    else:
        assert found is None


@given(MASKS, st.data())
@FAST
def test_patch_equals_assignment_to_the_array(mask, data):
    height, width = mask.shape
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    shape = (
        data.draw(st.integers(1, height - top)),
        data.draw(st.integers(1, width - left)),
    )
    patch = data.draw(hnp.arrays(bool, shape))
    rle = RLEMask.from_array(mask)
    expected = mask.copy()
    expected[top : top + shape[0], left : left + shape[1]] = patch
    assert patch_mask(rle, mask.shape, top, left, patch) == RLEMask.from_array(expected)


def test_patch_accepts_runs_of_no_length():
    rle = RLEMask.from_coco({"size": [3, 4], "counts": [2, 0, 1, 3, 0, 0, 6]})
    patched = patch_mask(rle, (3, 4), 0, 0, np.ones((1, 1), dtype=bool))
    expected = rle.to_array().copy()
    expected[0, 0] = True
    assert patched == RLEMask.from_array(expected)


def test_a_patch_outside_the_frame_is_refused():
    with pytest.raises(FormatError, match="leaves the frame"):
        patch_mask(None, (4, 4), 2, 2, np.ones((3, 1), dtype=bool))


def disc(size, row, column, radius):
    rows, columns = np.mgrid[: size[0], : size[1]]
    return (rows - row) ** 2 + (columns - column) ** 2 <= radius**2


def test_interpolation_of_discs_is_a_disc_between():
    size = (80, 120)
    first = RLEMask.from_array(disc(size, 20, 20, 8))
    last = RLEMask.from_array(disc(size, 60, 100, 16))
    weights = [0.0, 0.25, 0.5, 1.0]
    for weight, rle in zip(weights, between(first, last, weights), strict=True):
        true = disc(size, 20 + 40 * weight, 20 + 80 * weight, 8 + 8 * weight)
        assert rle.iou(RLEMask.from_array(true)) > 0.93
    assert next(between(first, last, [0.0])) == first
    assert next(between(first, last, [1.0])) == last


def test_interpolation_is_cut_at_the_frame():
    size = (40, 40)
    first = RLEMask.from_array(disc(size, 0, 20, 10))
    last = RLEMask.from_array(disc(size, 20, 39, 10))
    (rle,) = between(first, last, [0.5])
    assert rle.size == size
    assert rle.area > 50


@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.5, 0.8])
@pytest.mark.parametrize(
    ("first", "last"),
    [((20, 20, 8), (60, 100, 16)), ((0, 119, 12), (79, 0, 30)), ((40, 60, 50), (41, 61, 1))],
)
def test_the_part_that_is_looked_at_holds_all_of_the_way(first, last, fraction):
    size = (80, 120)
    masks = disc(size, *first), disc(size, *last)
    blend = Blend(*masks)
    found = np.zeros(size, dtype=bool)
    found[blend.part] = blend.at(fraction)
    whole = Blend(*masks, only_part=False).at(fraction)
    assert np.count_nonzero(found != whole) <= 2  # on the outline, to within rounding


def test_interpolation_needs_two_masks():
    with pytest.raises(FormatError):
        next(between(RLEMask.empty((4, 4)), RLEMask.empty((4, 4)), [0.5]))


@given(MASKS)
@FAST
def test_a_crop_is_the_mask_inside_its_tight_box(mask):
    rle = RLEMask.from_array(mask)
    crop = crop_mask(rle)
    if not mask.any():
        assert crop is None
        return
    left, top, inside = crop
    assert (left, top, inside.shape[1], inside.shape[0]) == rle.bbox_xywh
    assert inside.flags.c_contiguous
    box = slice(top, top + inside.shape[0]), slice(left, left + inside.shape[1])
    np.testing.assert_array_equal(inside, mask[box])
    assert np.count_nonzero(inside) == np.count_nonzero(mask)


def test_runs_of_no_pixel_do_not_widen_a_crop():
    rle = RLEMask.from_coco({"size": [4, 5], "counts": [2, 0, 3, 2, 8, 0, 5]})
    left, top, inside = crop_mask(rle)
    assert (left, top, inside.tolist()) == (1, 1, [[1], [1]])


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_a_rectangle_without_pixels_changes_nothing(shape):
    rle = RLEMask.from_coco({"size": [4, 5], "counts": [2, 0, 3, 2, 8, 0, 5]})
    nothing = np.zeros(shape, dtype=bool)
    assert patch_mask(rle, (4, 5), 1, 2, nothing) == RLEMask.from_array(rle.to_array())
    assert patch_mask(None, (4, 5), 1, 2, nothing) == RLEMask.empty((4, 5))
