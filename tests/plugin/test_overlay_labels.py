"""The numbers on the canvas can be read, whatever their ground and the zoom."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from fake_engine import disc

from ifc_core.structures.palette import track_color
from napari_ifc.mask_crops import crop_masks
from napari_ifc.overlay import DrawnMask, OverlayPainter, OverlayStyle
from napari_ifc.overlay_labels import Places, contrast, ink_on, luminance, put_label
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


def stand(anchors, size, digit_px=11):
    """Where numbers from 10 on stand that are put on a picture: left, top, width, height."""
    out, taken = np.zeros((*size, 4), np.uint8), Places()
    for number, anchor in enumerate(anchors, start=10):
        put_label(out, (anchor, anchor, 0), f"{number}", ((68, 170, 153), False), taken, digit_px)
    return sorted({box for boxes in taken._bands.values() for box in boxes})


def test_a_number_goes_the_shortest_way_out_of_that_of_another():
    first, second = stand([(60, 60), (64, 60)], (120, 120))
    assert second[0] - first[0] == 4
    assert abs(second[1] - first[1]) == first[3]  # above or below
    first, second = stand([(60, 60), (80, 60)], (120, 120))
    assert first[0] + first[2] < second[0] < first[0] + first[2] + 5  # beside
    assert first[1] == second[1]
    assert len(stand([(60, 60)] * 5, (120, 120))) == 5


@pytest.mark.parametrize("spacing", [6, 12, 24, 40])
def test_no_number_stands_far_from_its_mask_on_a_small_picture(spacing):
    size, taken = (110, 210), Places()
    out = np.zeros((*size, 4), np.uint8)
    anchors = [(x, y) for y in range(20, 100, 20) for x in range(12, 200, spacing)]
    before = set()
    for x, y in anchors:
        put_label(out, ((x, y), (x, y), 0), "28", ((0, 0, 160), False), taken, 11)
        now = {box for boxes in taken._bands.values() for box in boxes}
        for left, top, wide, tall in now - before:
            assert abs(left + wide / 2 - x) <= 1.5 * wide + 3
            assert abs(top + tall + 3 - y) <= 1.5 * wide + 3
        before = now


def test_numbers_are_smaller_where_they_would_fill_the_picture():
    anchors = [(x, y) for y in range(24, 120, 20) for x in range(14, 200, 20)]
    heights = [box[3] for box in stand(anchors, (120, 210), 14)]
    assert min(heights) < max(heights)
    assert len({box[3] for box in stand(anchors[::9], (120, 210), 14)}) == 1


def test_a_number_hides_no_mask_that_touches_its_own():
    size = (190, 240)
    upper, lower = (
        DrawnMask(i, disc(size, (y, 100), 30), track_color(i)) for i, y in ((1, 60), (2, 121))
    )
    alone = DrawnMask(3, disc(size, (110, 200), 20), track_color(3))
    taken = Places()
    painter = OverlayPainter(size, 1)
    painter._draw_into(painter.picture, [upper, lower, alone], OverlayStyle(digit_px=11), taken)
    boxes = sorted({box for boxes in taken._bands.values() for box in boxes})
    first, second = sorted(boxes[:2], key=lambda box: box[1])
    assert first[1] + first[3] <= 60 - 30  # above the upper mask, where nothing is
    assert abs(second[1] + second[3] / 2 - 121) <= 2  # in the middle of the one below it
    assert boxes[2][1] + boxes[2][3] <= 110 - 20
    assert not upper.rle.to_array()[
        second[1] : second[1] + second[3], second[0] : second[0] + second[2]
    ].any()


def test_what_is_taken_or_covered_in_a_copy_is_not_in_the_first():
    size = (80, 80)
    (crop,) = crop_masks([disc(size, (40, 40), 20)], Fraction(1))
    first = Places()
    assert first.hides((30, 30, 10, 10), 0) == 0
    second = first.copy()
    owner = second.cover(crop, size)
    third = second.copy()
    third.cover(crop, size)
    assert first.hides((30, 30, 10, 10), 0) == 0
    assert second.hides((30, 30, 10, 10), owner) == 0
    assert second.hides((30, 30, 10, 10), 0) == third.hides((30, 30, 10, 10), owner) == 1
    assert second.hides((0, 0, 4, 4), 0) == 0
    assert second.hides((78, 78, 10, 10), 0) == 0  # at the edge


def wide_of(text: str, room_px: int) -> int:
    """Pixels that a label takes in a row."""
    out = np.zeros((200, 900, 4), np.uint8)
    look = ((68, 170, 153), False)
    put_label(out, ((450, 100), (450, 100), 0), text, look, Places(), 12, room_px)
    return len(np.flatnonzero(out[..., 3].any(axis=0)))


def test_a_long_name_is_cut_to_about_twice_the_width_of_its_mask():
    name = "17: the very long name"
    assert wide_of(name, 400) == wide_of(name, 0) > 150
    assert wide_of("17", 4) < wide_of(name, 100) <= 100 + 12
    assert wide_of(name, 20) == wide_of("17", 20)  # the number stays, however small the mask is


def plate_of(picture, box):
    left, top, wide, tall = box
    return picture[top : top + tall, left : left + wide]


def legible(plate, tint_rgb, opacity):
    """Contrast of the brightest and the darkest pixel of a number under a tint."""
    seen = (1 - opacity) * plate[..., :3].reshape(-1, 3) + opacity * np.array(tint_rgb)
    luminances = sorted(luminance(tuple(rgb)) for rgb in np.unique(seen, axis=0).tolist())
    return (luminances[-1] + 0.05) / (luminances[0] + 0.05)


@pytest.mark.parametrize(("brushed", "other"), [(0, 1), (3, 5), (6, 2), (4, 7)])
def test_numbers_below_the_mask_under_the_brush_can_be_read_through_its_tint(brushed, other):
    size, style = (190, 240), OverlayStyle(digit_px=12)
    rle, color = disc(size, (100, 120), 85), track_color(brushed)
    wide = DrawnMask(1, rle, color, selected=True, filled=False)
    inner = DrawnMask(2, disc(size, (120, 120), 20), track_color(other))
    painter = OverlayPainter(size, 1)
    painter.draw([inner, wide], style)
    (box,) = {b for boxes in painter._ground.places._bands.values() for b in boxes}
    below = plate_of(painter.picture, box)
    assert legible(below, track_color(brushed), style.opacity) >= 4.3
    assert tuple(below[0, 0, :3]) == track_color(other)  # the rim tells whose it is
    painter.draw([inner, DrawnMask(1, rle, color)], style)
    alone = plate_of(painter.picture, box)
    assert (alone[..., :3] == track_color(other)).all(axis=-1).mean() > 0.3  # its usual look


def under_brush(center, radius, size=(190, 240)):
    """The selected mask as a stroke leaves it."""
    rle = disc(size, center, radius)
    return DrawnMask(1, rle, track_color(4), selected=True, filled=False)


INNER = DrawnMask(2, disc((190, 240), (120, 120), 20), track_color(1))
SMALL, WIDE = under_brush((20, 20), 10), under_brush((100, 120), 85)
BELOW = under_brush((60, 120), 41)  # reaches to where the number of the other stands
STROKES = ((SMALL, WIDE), (WIDE, SMALL), (SMALL, BELOW), (BELOW, WIDE), (BELOW, SMALL))


@pytest.mark.parametrize(("before", "after"), STROKES)
def test_after_a_stroke_numbers_look_as_if_painted_anew(before, after):
    size, style = (190, 240), OverlayStyle(digit_px=12)
    painter = OverlayPainter(size, 1)
    first = painter.draw([INNER, before], style).copy()
    ground = painter._ground
    painted = OverlayPainter(size, 1)
    assert np.array_equal(painter.draw([INNER, after], style), painted.draw([INNER, after], style))
    assert not np.array_equal(painter._ground.pixels, ground.pixels)
    assert np.array_equal(painter.draw([INNER, before], style), first)


def test_a_stroke_that_changes_no_number_paints_the_others_not_again(monkeypatch):
    size, style = (190, 240), OverlayStyle(digit_px=12)
    painter = OverlayPainter(size, 1)
    painter.draw([INNER, SMALL], style)
    painted = []
    monkeypatch.setattr(painter, "paint_ground", lambda *given: painted.append(given))
    for radius in (11, 25, 12):
        masks = [INNER, under_brush((24, 24), radius)]
        expected = OverlayPainter(size, 1).draw(masks, style)
        assert np.array_equal(painter.draw(masks, style), expected)
    assert not painted


def test_the_number_of_a_mask_that_shrank_heeds_nothing_of_what_was_erased():
    size, style = (190, 240), OverlayStyle(digit_px=12)
    far = DrawnMask(2, disc(size, (160, 30), 12), track_color(1))
    painter = OverlayPainter(size, 1)
    painter.draw([far, under_brush((80, 150), 60)], style)
    masks = [far, under_brush((100, 150), 25)]
    assert np.array_equal(painter.draw(masks, style), OverlayPainter(size, 1).draw(masks, style))


def test_a_number_stays_where_it_is_when_a_neighbour_is_selected():
    size, style = (190, 240), OverlayStyle(digit_px=11)
    upper, lower = (
        DrawnMask(i, disc(size, (y, 100), 30), track_color(i)) for i, y in ((1, 60), (2, 121))
    )
    places = []
    for masks in ([upper, lower], [replace(upper, filled=False, selected=True), lower]):
        painter = OverlayPainter(size, 1)
        painter.draw(masks, style)
        found = {b for boxes in painter._ground.places._bands.values() for b in boxes}
        places.append(max(found, key=lambda box: box[1]))
    assert places[0] == places[1]


def test_the_stripes_of_a_selected_region_leave_the_numbers_in_it():
    size, style = (190, 240), OverlayStyle(digit_px=12, contour_width_px=1)
    rle, grey = disc(size, (100, 120), 85), (150, 150, 150)
    region = DrawnMask(1, rle, grey, selected=True, filled=False, hatched=True)
    inner = DrawnMask(2, disc(size, (120, 120), 20), track_color(1))
    painter = OverlayPainter(size, 1)
    painter.draw([inner, region], style)
    (box,) = {b for boxes in painter._ground.places._bands.values() for b in boxes}
    assert (plate_of(painter.picture, box) == plate_of(painter._ground.pixels, box)).all()
    striped = (painter.picture[60:75, 60:180, :3] == 150).all(axis=-1)
    assert 0 < striped.mean() < 1


def test_the_rim_of_the_selected_mask_runs_below_the_numbers_of_others():
    size, style = (190, 240), OverlayStyle(digit_px=12)
    other = DrawnMask(2, disc(size, (120, 120), 20), track_color(1), text="2: Ariel")
    rle = disc(size, (36, 120), 41)  # its lower end comes to where that name stands
    painter = OverlayPainter(size, 1)
    painter.draw([other, DrawnMask(1, rle, track_color(4), selected=True, filled=False)], style)
    (box,) = painter._ground.places.boxes
    assert 0 < rle.to_array()[box[1] : box[1] + box[3], box[0] : box[0] + box[2]].mean() < 0.15
    shown = plate_of(painter.picture, box)
    assert (shown == plate_of(painter._ground.pixels, box)).all()
    assert (shown[..., 3] == 255).all()
