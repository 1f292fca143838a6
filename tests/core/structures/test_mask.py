"""Masks of unknown origin: runs of nothing, and frames larger than masks can be."""

import pytest

from ifc_core.annotation.mask_pieces import find_pieces
from ifc_core.errors import FormatError
from ifc_core.structures import RLEMask
from ifc_core.structures.rle_runs import all_sound


@pytest.mark.parametrize("runs", [[12, 0], [0, 0, 12], [5, 0, 7], [4, 0, 0, 0, 8]])
def test_a_mask_whose_runs_hold_nothing_has_an_empty_box_and_no_pieces(runs):
    mask = RLEMask.from_coco({"size": [3, 4], "counts": runs})
    assert mask.area == 0
    assert mask.bbox_xywh == (0, 0, 0, 0)
    assert find_pieces(mask, 1) == []


@pytest.mark.parametrize("size", [(1 << 16, 1 << 16), (1 << 16, 1 << 15), (50_000, 50_000)])
def test_a_frame_whose_pixels_32_bits_cannot_count_has_no_masks(size):
    pixels = size[0] * size[1]
    with pytest.raises(FormatError, match="impossible size"):
        RLEMask.from_coco({"size": list(size), "counts": [pixels]})
    with pytest.raises(FormatError, match="impossible size"):
        RLEMask(size, b"0")


def test_the_largest_frame_has_masks_that_stored_ones_are_held_to():
    size = ((1 << 16) - 1, 1 << 15)
    pixels = size[0] * size[1]
    mask = RLEMask.from_coco({"size": list(size), "counts": [pixels - 3, 3]})
    assert (mask.area, mask.bbox_xywh) == (3, (size[1] - 1, size[0] - 3, 1, 3))
    assert all_sound([mask.counts], pixels)
