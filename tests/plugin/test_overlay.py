from fractions import Fraction

import numpy as np
import pytest
from fake_engine import disc
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ifc_core.structures import RLEMask
from napari_ifc.mask_crops import crop_mask, crop_masks
from napari_ifc.overlay import (
    DrawnMask,
    OverlayPainter,
    OverlayStyle,
    draw_overlay,
    overlay_scale,
)

SIZE = (40, 60)
PLAIN = OverlayStyle(opacity=0.5, contour_width_px=1, show_ids=False)


def test_nothing_is_drawn_for_no_mask_and_what_was_there_goes():
    out = draw_overlay(SIZE, [DrawnMask(1, RLEMask.empty(SIZE), (255, 0, 0))], PLAIN)
    assert not out.any()


@pytest.mark.parametrize("scale", [1, 3])
def test_the_inside_has_the_colour_and_the_outside_stays_clear(scale):
    mask = disc(SIZE, (20, 30), 12)
    out = draw_overlay(SIZE, [DrawnMask(1, mask, (200, 10, 30))], PLAIN, scale)
    assert out[20 * scale, 30 * scale].tolist() == [200, 10, 30, 128]
    assert not out[0, 0].any()
    inside = np.kron(mask.to_array(), np.ones((scale, scale), bool))
    rim = 4
    far = np.ones_like(inside)
    rows, columns = np.nonzero(inside)
    far[rows.min() - rim : rows.max() + rim, columns.min() - rim : columns.max() + rim] = False
    assert not out[far].any()


def test_the_upper_mask_wins_and_the_lower_outline_still_shows():
    low = DrawnMask(1, disc(SIZE, (20, 25), 12), (255, 0, 0))
    high = DrawnMask(2, disc(SIZE, (20, 35), 12), (0, 0, 255))
    out = draw_overlay(SIZE, [low, high], PLAIN)
    assert out[20, 30, :3].tolist() == [0, 0, 255]
    edge_of_low = out[20, 37]
    assert edge_of_low[0] > 100
    assert edge_of_low[3] > 200


def test_provisional_is_hatched_and_the_edited_one_is_not_filled():
    mask = disc(SIZE, (20, 30), 15)
    hatched = draw_overlay(SIZE, [DrawnMask(-1, mask, (9, 200, 9), provisional=True)], PLAIN)
    middle = hatched[14:26, 24:36, 3]
    assert 0 < np.count_nonzero(middle == 128) < middle.size
    hollow = draw_overlay(SIZE, [DrawnMask(1, mask, (9, 200, 9), filled=False)], PLAIN)
    assert not hollow[20, 30].any()
    assert hollow.any()


def test_numbers_are_written_and_stay_inside():
    style = OverlayStyle(show_ids=True)
    corner = DrawnMask(123, disc(SIZE, (2, 2), 3), (0, 0, 0))
    out = draw_overlay(SIZE, [corner], style, 3)
    bare = draw_overlay(SIZE, [corner], OverlayStyle(show_ids=False), 3)
    assert np.count_nonzero(out[..., 3]) > np.count_nonzero(bare[..., 3])


def test_small_videos_are_drawn_larger():
    assert overlay_scale((120, 160)) == 4
    assert overlay_scale((480, 854)) == 1
    assert overlay_scale((360, 640)) == 2
    assert overlay_scale((2160, 3840)) == 1


def test_the_picture_of_a_large_video_is_as_large_as_it_is_on_screen():
    assert overlay_scale((1080, 1920), zoom=0.7) == 1
    assert overlay_scale((1080, 1920), zoom=0.6) == Fraction(1, 2)
    assert overlay_scale((2160, 3840), zoom=0.4) == Fraction(1, 3)
    assert overlay_scale((2160, 3840), zoom=0.01) == Fraction(1, 4)
    assert overlay_scale((120, 160), zoom=0.2) == 4
    assert OverlayPainter((1081, 1921), Fraction(1, 2)).picture.shape == (541, 961, 4)


@given(
    hnp.arrays(np.bool_, st.tuples(st.just(5), st.just(9), st.integers(3, 11))),
    st.sampled_from([1, 2, 3]),
)
def test_masks_are_cropped_together_as_each_alone(masks, step):
    rles = [RLEMask.from_array(mask) for mask in masks]
    for mask, crop in zip(masks, crop_masks(rles, Fraction(1, step)), strict=True):
        if not mask.any():
            assert crop is None
            continue
        tall, wide = (-(-side // step) for side in mask.shape)
        placed = np.zeros((tall, wide), bool)
        rows, columns = crop.inside.shape
        placed[crop.top : crop.top + rows, crop.left : crop.left + columns] = crop.inside
        whole = np.zeros((tall * step, wide * step), bool)
        whole[: mask.shape[0], : mask.shape[1]] = mask
        any_of = whole.reshape(tall, step, wide, step).any(axis=(1, 3))
        assert placed.any()  # never lost, however thin
        assert not (placed & ~any_of).any()
        if step == 1:
            assert np.array_equal(placed, mask)


def test_a_smaller_picture_shows_the_same():
    low = DrawnMask(1, disc((80, 120), (40, 50), 24), (255, 0, 0))
    out = draw_overlay((80, 120), [low], PLAIN, Fraction(1, 2))
    assert out.shape == (40, 60, 4)
    assert out[20, 25].tolist() == [255, 0, 0, 128]
    assert not out[20, 50].any()


def test_a_selected_mask_has_a_white_rim_and_the_others_a_dark_one():
    left, right = disc(SIZE, (20, 15), 8), disc(SIZE, (20, 45), 8)
    masks = [
        DrawnMask(1, left, (200, 0, 0), selected=True),
        DrawnMask(2, right, (0, 200, 0)),
    ]
    out = draw_overlay(SIZE, masks, PLAIN)
    white = (out == 255).all(axis=2)
    assert white[:, :30].any()
    assert not white[:, 30:].any()
    assert ((out[:, 30:, :3] == 0).all(axis=2) & (out[:, 30:, 3] == 140)).any()


@given(hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12)))
def test_a_crop_is_the_mask_inside_its_box(mask):
    crop = crop_mask(RLEMask.from_array(mask))
    if not mask.any():
        assert crop is None
        return
    left, top, inside = crop
    placed = np.zeros_like(mask)
    placed[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
    assert np.array_equal(placed, mask)
    assert inside.any(axis=0)[[0, -1]].all()
    assert inside.any(axis=1)[[0, -1]].all()


def test_drawing_again_gives_what_a_fresh_picture_would():
    rng = np.random.default_rng(3)
    painter = OverlayPainter(SIZE, 2)
    pool = [disc(SIZE, rng.integers(5, 35, 2), rng.integers(2, 9)) for _ in range(6)]
    for _ in range(12):
        chosen = rng.permutation(6)[: rng.integers(0, 6)]
        masks = [
            DrawnMask(int(i), pool[i], (40 * int(i), 90, 200), filled=bool(rng.random() < 0.7))
            for i in chosen
        ]
        style = OverlayStyle(show_ids=bool(rng.random() < 0.5))
        again = painter.draw(masks, style).copy()
        assert np.array_equal(again, draw_overlay(SIZE, masks, style, 2))
