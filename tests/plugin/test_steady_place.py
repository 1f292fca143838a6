"""A layer that keeps its place is where a plain one is, whatever is done to it."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels

from napari_ifc.steady_place import keep_place

FRAMES = np.random.default_rng(0).integers(0, 255, (6, 20, 30, 3), np.uint8)


def change_scale(layer):
    layer.scale = (1, 2, 3)


def change_translate(layer):
    layer.translate = (0, 4, -5)


def change_affine(layer):
    layer.affine = np.array([[1, 0, 0, 0], [0, 0, -1, 7], [0, 1, 0, 2], [0, 0, 0, 1]])


def change_nothing(layer):
    pass


@pytest.mark.parametrize("change", [change_nothing, change_scale, change_translate, change_affine])
@pytest.mark.parametrize("ndisplay", [2, 3])
def test_it_is_where_a_plain_layer_is(change, ndisplay):
    viewer = ViewerModel()
    plain, steady = Image(FRAMES, rgb=True), Image(FRAMES, rgb=True)
    keep_place(steady)
    for layer in (plain, steady):
        viewer.add_layer(layer)
    for frame_index in (2, 3):
        viewer.dims.set_current_step(0, frame_index)
        for layer in (plain, steady):
            change(layer)
            layer.refresh()
    viewer.dims.ndisplay = ndisplay
    at = (3, 6, 8)
    assert np.array_equal(plain.extent.world, steady.extent.world)
    assert np.array_equal(plain.world_to_data(at), steady.world_to_data(at))
    assert np.array_equal(plain.corner_pixels, steady.corner_pixels)
    if ndisplay == 2:
        assert np.array_equal(plain.get_value(at, world=True), steady.get_value(at, world=True))


def test_another_picture_leaves_what_was_worked_out_and_another_place_does_not():
    layer = Labels(np.zeros((20, 30), np.uint8))
    keep_place(layer)
    layer.refresh()
    before = layer._transforms.simplified
    layer.refresh()
    assert layer._transforms.simplified is before
    layer.scale = (2, 2)
    assert np.array_equal(layer._transforms.simplified.scale, (2, 2))
    layer._transforms[0] = type(layer._transforms[0])(
        scale=(4, 4), translate=(1, 1), name="tile2data"
    )
    assert np.array_equal(layer._transforms.simplified.scale, (8, 8))
