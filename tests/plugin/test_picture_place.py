"""Where a video's picture lies: plainly, or over the napari layer that it was made from."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image, Labels

from napari_ifc.picture_place import PLAIN, PicturePlace

PLACES = [
    {},
    {"scale": (0.5, 2.0, 3.0), "translate": (7, -10, 40)},
    {"scale": (1, 0.65, 0.65), "rotate": 30},
    {"affine": np.array([[1, 0, 0, 0], [0, 2, 1, 5], [0, 0, 2, 6], [0, 0, 0, 1]])},
]


@pytest.mark.parametrize("words", PLACES)
@pytest.mark.parametrize("kind", [Image, Labels])
def test_a_layer_over_the_place_lies_as_the_layer_does(words, kind):
    layer = kind(np.zeros((4, 30, 40), np.uint8), **words)
    place = PicturePlace.of_layer(layer)
    over = Image(np.zeros((30, 40), np.uint8), affine=place.affine(2))
    thick = Image(np.zeros((4, 30, 40), np.uint8), affine=place.affine(3))
    for row, column in ((0, 0), (29, 0), (3.5, 39), (-2, 11)):
        world = layer.data_to_world((0, row, column))
        assert over.data_to_world((row, column)) == pytest.approx(world[-2:])
        assert thick.data_to_world((2, row, column)) == pytest.approx((2, *world[-2:]))
        assert place.row_column(world) == pytest.approx((row, column))
    assert place.is_like(PicturePlace.of_layer(over), (30, 40))


def test_a_video_of_nobody_s_layer_has_a_pixel_a_unit():
    assert PLAIN.row_column((5, 3.0, 4.0)) == (3.0, 4.0)
    assert PLAIN.pixel == 1
    assert PLAIN.extent((30, 40)) == ((-0.5, -0.5), (29.5, 39.5))
    assert np.array_equal(PLAIN.affine(3), np.eye(4))


def test_size_and_extent_are_those_of_the_world():
    place = PicturePlace(((2.0, 0.0), (0.0, 8.0)), (10.0, -4.0))
    assert place.pixel == 4
    assert place.extent((3, 2)) == ((9.0, -8.0), (15.0, 8.0))
    turned = PicturePlace(((0.0, 1.0), (-1.0, 0.0)))  # a quarter
    assert turned.extent((30, 40)) == ((-39.5, -0.5), (0.5, 29.5))


def test_places_are_alike_to_within_half_a_pixel_of_the_whole_picture():
    place = PicturePlace(((2.0, 0.0), (0.0, 2.0)))
    assert place.is_like(PicturePlace(((2.0, 0.0), (0.0, 2.0)), (0.9, 0.0)), (30, 40))
    assert not place.is_like(PicturePlace(((2.0, 0.0), (0.0, 2.0)), (0.0, 1.1)), (30, 40))
    assert not place.is_like(PicturePlace(((2.0, 0.0), (0.0, 2.05))), (30, 40))
    assert not place.is_like(PLAIN, (30, 40))
