"""Masks from boxes, clicks and strokes, by colour."""

import cv2
import numpy as np
import pytest

from ifc_core.errors import ConfigError
from ifc_core.inference.prompt_mask import (
    Stroke,
    draw_strokes,
    mask_from_box,
    mask_from_strokes,
    mask_standing_out,
    masks_from_click,
)

SIZE = (120, 160)


@pytest.fixture
def disc():
    """A reddish disc on noisy green, and its mask."""
    rng = np.random.default_rng(0)
    yy, xx = np.mgrid[: SIZE[0], : SIZE[1]]
    mask = (yy - 60) ** 2 + (xx - 90) ** 2 < 25**2
    frame = rng.integers(60, 110, (*SIZE, 3), dtype=np.uint8)
    frame[..., 1] += 70
    frame[mask] = frame[mask][:, ::-1] // 2 + np.array([120, 10, 10], np.uint8)
    return frame, mask


def iou(first, second):
    return (first & second).sum() / (first | second).sum()


def test_a_box_finds_what_is_in_it(disc):
    frame, mask = disc
    found = mask_from_box(frame, (60, 30, 121, 91))
    assert iou(found, mask) > 0.9
    assert not found[:, :60].any()


def test_a_small_object_is_worked_on_enlarged():
    noise = np.random.default_rng(1).integers(-20, 20, (200, 300, 3))
    mask = np.zeros((200, 300), bool)
    mask[100:103, 140:152] = True
    frame = (np.where(mask[..., None], (200, 40, 40), (60, 120, 60)) + noise).astype(np.uint8)
    found = mask_from_box(frame, (136, 96, 156, 107))
    assert iou(found, mask) > 0.7


def cells(*places, radius=9):
    """Bright cells with soft rims on a dark noisy ground, and what of each is seen."""
    rng = np.random.default_rng(2)
    yy, xx = np.mgrid[: SIZE[0], : SIZE[1]]
    bright = [np.clip(1.3 - np.hypot(yy - y, xx - x) / radius, 0, 1) for y, x in places]
    picture = 30 + 150 * np.max(bright, axis=0) + rng.normal(0, 4, SIZE)
    frame = np.repeat(np.clip(picture, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    nearest = np.argmax(bright, axis=0)
    return frame, [(b > 0.3) & (nearest == number) for number, b in enumerate(bright)]


def around(mask, margin):
    ys, xs = np.nonzero(mask)
    low, high = (xs.min() - margin, ys.min() - margin), (xs.max() + 1, ys.max() + 1)
    return (*low, high[0] + margin, high[1] + margin)


@pytest.mark.parametrize("margin", [0, 2, 4])
@pytest.mark.parametrize(
    "places",
    [[(60, 80)], [(60, 80), (60, 101)], [(60, 80), (70, 95)]],
    ids=["alone", "near", "touching"],
)
def test_a_cell_on_an_even_ground_is_what_stands_out(places, margin):
    frame, (mask, *_) = cells(*places)
    for picture in (frame, 255 - frame):
        assert iou(mask_from_box(picture, around(mask, margin)), mask) > 0.8


def test_nothing_stands_out_where_the_ground_is_not_even(disc):
    frame, mask = disc
    assert mask_standing_out(frame, around(mask, 3)) is not None
    uneven = frame.copy()
    uneven[:, np.arange(SIZE[1]) // 6 % 2 == 0] //= 3
    assert mask_standing_out(uneven, around(mask, 3)) is None
    assert mask_standing_out(np.full((*SIZE, 3), 90, np.uint8), (40, 40, 80, 60)) is None
    assert mask_standing_out(frame, (0, 0, SIZE[1], SIZE[0])) is None  # no ground to be seen


def test_where_colours_tell_nothing_a_box_gives_its_ellipse():
    frame = np.full((*SIZE, 3), 90, np.uint8)
    found = mask_from_box(frame, (40, 40, 80, 60))
    assert 0.6 < found[40:60, 40:80].mean() < 0.9
    assert found.sum() == found[40:60, 40:80].sum()


def test_a_click_offers_different_regions_that_hold_it(disc):
    frame, mask = disc
    found = masks_from_click(frame, (92, 58))
    assert 1 <= len(found) <= 3
    assert all(m[58, 92] for m in found)
    assert max(iou(m, mask) for m in found) > 0.85
    assert [m.sum() for m in found] == sorted(m.sum() for m in found)


def test_strokes_alone_find_the_object(disc):
    frame, mask = disc
    positive = draw_strokes([Stroke(((80, 60), (100, 60)))], SIZE)
    negative = draw_strokes([Stroke(((50, 40), (50, 90)))], SIZE)
    found = mask_from_strokes(frame, positive, negative)
    assert iou(found, mask) > 0.9
    assert iou(mask_from_strokes(frame, positive, np.zeros(SIZE, bool)), mask) > 0.8


def test_strokes_change_a_mask_only_where_they_touch_it(disc):
    frame, mask = disc
    known = mask.copy()
    known[10:20, 10:20] = True  # painted by hand, far from any stroke
    known[60:85, 60:120] &= False  # the lower half is missing
    known[40:80, 116:140] = True  # and too much on the right
    positive = draw_strokes([Stroke(((85, 72), (95, 72)))], SIZE)
    negative = draw_strokes([Stroke(((130, 45), (130, 75)))], SIZE)
    found = mask_from_strokes(frame, positive, negative, known)
    assert found[10:20, 10:20].all()
    assert found[positive].all()
    assert not found[negative].any()
    assert iou(found[:, 60:], mask[:, 60:]) > iou(known[:, 60:], mask[:, 60:]) + 0.2
    only_negative = mask_from_strokes(frame, np.zeros(SIZE, bool), negative, known)
    assert not (only_negative & ~known).any()


def test_the_networks_opinion_decides_where_colour_cannot():
    frame = np.full((*SIZE, 3), 90, np.uint8)
    opinion = np.full((15, 20), -4, np.float32)
    opinion[5:10, 8:14] = 4
    positive = draw_strokes([Stroke(((84, 60),), 4)], SIZE)
    found = mask_from_strokes(frame, positive, np.zeros(SIZE, bool), None, opinion)
    truth = cv2.resize(opinion, (160, 120)) > 0
    assert iou(found, truth) > 0.7


def test_the_same_strokes_give_the_same_mask(disc):
    frame, _ = disc
    positive = draw_strokes([Stroke(((80, 60), (100, 60)))], SIZE)
    first, second = (mask_from_strokes(frame, positive, np.zeros(SIZE, bool)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_what_makes_no_sense_is_refused(disc):
    frame, mask = disc
    nothing = np.zeros(SIZE, bool)
    for positive, negative, known in ((nothing, mask, None), (nothing, nothing, mask)):
        with pytest.raises(ConfigError):
            mask_from_strokes(frame, positive, negative, known)
    with pytest.raises(ConfigError):
        mask_from_box(frame, (200, 10, 220, 30))
    with pytest.raises(ConfigError):
        masks_from_click(frame, (-1, 5))
