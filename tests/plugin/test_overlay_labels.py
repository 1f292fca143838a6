"""The numbers on the canvas can be read, whatever their ground and the zoom."""

import numpy as np
import pytest
from fake_engine import disc

from ifc_core.structures.palette import track_color
from napari_ifc.overlay import DrawnMask, OverlayStyle
from napari_ifc.overlay_labels import contrast, ink_on
from napari_ifc.overlay_layer import OverlayLayer


def test_the_ink_is_the_one_that_is_read_best():
    assert ink_on((68, 170, 153)) == (16, 16, 16)  # teal: white on it has a contrast of 2.8
    assert ink_on((0, 0, 160)) == (255, 255, 255)
    for number in range(60):
        ground = track_color(number)
        assert contrast(ink_on(ground), ground) >= 4.3, ground


def test_contrast_is_that_of_the_web_guidelines():
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)


def height_on_screen(layer: OverlayLayer, zoom: float) -> float:
    """Of the number's plate, in pixels of the screen; the mask itself is not drawn."""
    rows = np.flatnonzero(layer.layer.data[..., 3].any(axis=1))
    return len(rows) * float(layer.layer.scale[0]) * zoom


@pytest.mark.parametrize("size", [(360, 640), (640, 360), (1080, 1920), (2160, 3840)])
def test_numbers_are_about_as_large_on_screen_at_every_zoom(qapp, size):
    style = OverlayStyle(opacity=0.0, contour_width_px=1)
    mask = DrawnMask(28, disc(size, (size[0] // 2, size[1] // 2), 2), (68, 170, 153))
    layer = OverlayLayer(style, size, 1.0)
    try:
        layer.draw([mask])
        for zoom in (0.2, 0.25, 0.4, 0.6, 0.8, 1.0, 1.3):
            if zoom * max(size) < 300:
                continue
            layer.take_zoom(zoom)
            assert 15 <= height_on_screen(layer, zoom) <= 40, zoom
    finally:
        layer.close()


def test_a_picture_that_is_shown_smaller_loses_no_lines_and_one_shown_larger_stays_sharp(qapp):
    layer = OverlayLayer(OverlayStyle(), (640, 360), 0.8)  # drawn at twice the video's size
    try:
        assert layer.layer.interpolation2d == "linear"
        layer.take_zoom(8.0)
        assert layer.layer.interpolation2d == "nearest"
        layer.take_zoom(0.8)
        assert layer.layer.interpolation2d == "linear"
    finally:
        layer.close()


def test_a_small_step_of_the_zoom_paints_nothing_anew(qapp, monkeypatch):
    layer = OverlayLayer(OverlayStyle(), (360, 640), 1.0)
    try:
        drawn = []
        monkeypatch.setattr(layer, "draw", drawn.append)
        layer.take_zoom(1.02)
        assert not drawn
        layer.take_zoom(1.3)
        assert len(drawn) == 1
    finally:
        layer.close()
