"""The part of a picture around an object, and how finely it is looked at."""

import numpy as np

from ifc_core.inference.flow_store import Picture
from ifc_core.inference.patch import (
    MOST_CELLS,
    Patch,
    box_step,
    cells_needed,
    looked_at,
    main_box,
)

SIZE = (480, 640)


def test_thin_parts_ask_for_more_cells():
    mask = np.zeros(SIZE, bool)
    mask[100:400, 200:400] = True
    assert cells_needed(mask, 0.2) == MOST_CELLS
    mask[:] = False
    mask[100:400, 200:210] = True
    mask[20:400:8, 200:520] = True  # lines one pixel wide
    assert cells_needed(mask, 0.2) > MOST_CELLS
    assert cells_needed(np.zeros(SIZE, bool), 0.2) == MOST_CELLS


def test_a_patch_has_at_most_so_many_cells():
    assert Patch.around((0, 0, 640, 480), 0, SIZE).grid == (108, 144)
    assert Patch.around((0, 0, 640, 480), 0, SIZE, 288).grid == (216, 288)


def test_a_coarse_patch_is_cut_from_the_smaller_picture():
    rgb = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    picture = Picture.of(rgb, (240, 320))
    coarse, fine = Patch((0, 0, 640, 480), (60, 80), SIZE), Patch((0, 0, 64, 48), (48, 64), SIZE)
    assert coarse.cut(picture).shape == (60, 80, 3)
    means = rgb.reshape(60, 8, 80, 8, 3).mean((1, 3))
    assert np.abs(coarse.cut(picture) - means).max() <= 1.0
    np.testing.assert_array_equal(fine.cut(picture), rgb[:48, :64])


def test_scattered_small_parts_do_not_widen_a_box():
    mask = np.zeros((100, 100), bool)
    assert main_box(mask) is None
    mask[20:60, 30:50] = True
    assert main_box(mask) == (30, 20, 50, 60)
    mask[95:98, 95:98] = True
    assert main_box(mask) == (30, 20, 50, 60)
    mask[70:90, 70:90] = True  # a part of its own size stays
    assert main_box(mask) == (30, 20, 90, 90)


def test_where_flow_scatters_a_mask_its_last_place_is_looked_at():
    assert looked_at((10, 10, 30, 30), (14, 10, 34, 30)) == (10, 10, 34, 30)
    assert looked_at((10, 10, 30, 30), (0, 0, 300, 200)) == (10, 10, 30, 30)


def test_small_masks_are_sampled_at_every_pixel():
    assert box_step((0, 0, 400, 400), 2.0) == 4
    assert box_step((0, 0, 400, 20), 2.0) == 1
