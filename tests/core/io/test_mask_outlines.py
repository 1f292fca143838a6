"""Polygons around masks: filled again they are the masks, nearly or exactly."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from ifc_core.io import mask_outlines as outlines
from ifc_core.io.drawn_shapes import polygon_mask
from ifc_core.io.mask_outlines import mask_outline, mask_outlines
from ifc_core.structures import RLEMask

Pixels = npt.NDArray[np.bool_]


def filled(rle: RLEMask) -> RLEMask:
    """What the polygons of a mask hold."""
    return RLEMask.union([polygon_mask(outline, rle.size) for outline in mask_outlines(rle)])


def blobs(seed: int) -> RLEMask:
    """Pieces with bays, holes and pieces in holes."""
    rng = np.random.default_rng(seed)
    height, width = rng.integers(20, 160, 2)
    rough = rng.random((height, width)).astype(np.float32)
    return RLEMask.from_array(cv2.GaussianBlur(rough, (0, 0), float(rng.uniform(0.5, 6))) > 0.5)


def disc(radius: int) -> RLEMask:
    mask = np.zeros((2 * radius + 20,) * 2, np.uint8)
    cv2.circle(mask, (radius + 10,) * 2, radius, 1, -1)
    return RLEMask.from_array(mask > 0)


@pytest.mark.parametrize("seed", range(20))
def test_polygons_cover_the_mask(seed: int) -> None:
    rle = blobs(seed)
    assert filled(rle).iou(rle) > 0.97  # rings cover by 0.985 each


@pytest.mark.parametrize("seed", range(20))
def test_what_no_slack_is_small_enough_for_is_kept_to_the_pixel(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outlines, "_LEAST_IOU", 2.0)
    rle = blobs(seed)
    assert filled(rle) == rle


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_noise_full_of_holes_is_the_mask_again(share: float) -> None:
    rle = RLEMask.from_array(np.random.default_rng(3).random((90, 120)) < share)
    assert filled(rle).iou(rle) > 0.99


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (5, 7)])
def test_a_mask_as_large_as_its_frame_is_kept(size: tuple[int, int]) -> None:
    rle = RLEMask.from_array(np.ones(size, bool))
    assert filled(rle) == rle


def test_lines_one_pixel_wide_and_corners_that_touch_are_kept() -> None:
    mask = np.zeros((30, 40), bool)
    mask[3:20, 5] = mask[10, 3:25] = True
    mask[20, 6] = mask[21, 7] = True
    rle = RLEMask.from_array(mask)
    assert len(mask_outlines(rle)) == 1
    assert filled(rle) == rle


@pytest.mark.parametrize(("radius", "most"), [(5, 24), (10, 30), (30, 30), (100, 60)])
def test_a_round_mask_has_few_corners(radius: int, most: int) -> None:
    rle = disc(radius)
    (outline,) = mask_outlines(rle)
    assert len(outline) <= most
    assert filled(rle).iou(rle) >= 0.985


def test_a_ring_is_one_polygon_and_a_piece_in_its_hole_another() -> None:
    mask = np.zeros((60, 60), np.uint8)
    cv2.circle(mask, (30, 30), 25, 1, -1)
    cv2.circle(mask, (30, 30), 15, 0, -1)
    ring = RLEMask.from_array(mask > 0)
    assert len(mask_outlines(ring)) == 1
    mask[28:32, 28:32] = 1
    both = RLEMask.from_array(mask > 0)
    assert len(mask_outlines(both)) == 2
    assert filled(ring).iou(ring) >= 0.98
    assert filled(both).iou(both) >= 0.98


@pytest.mark.parametrize("seed", range(20))
def test_all_pieces_are_one_polygon_where_that_is_asked_for(seed: int) -> None:
    rle = blobs(seed)
    outline = mask_outline(rle)
    assert outline is not None
    assert polygon_mask(outline, rle.size).iou(rle) > 0.97


def test_hundreds_of_specks_are_one_polygon() -> None:
    rle = RLEMask.from_array(np.random.default_rng(3).random((90, 120)) < 0.2)
    assert len(mask_outlines(rle)) > 700
    outline = mask_outline(rle)
    assert outline is not None
    assert polygon_mask(outline, rle.size).iou(rle) > 0.99


def test_an_empty_mask_has_none() -> None:
    assert mask_outlines(RLEMask.empty((4, 5))) == []
    assert mask_outline(RLEMask.empty((4, 5))) is None
