"""Corrections of objects that have next to no pixels at the usual working size."""

import cv2
import numpy as np
import pytest

from ifc_core.inference.close_up import CloseUp
from ifc_core.inference.correction import CorrectedMask, CorrectSettings, spread
from ifc_core.inference.small_spread import is_small
from ifc_core.structures import RLEMask

SIZE = (1080, 1920)


def ground(size, seed=0):
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 255, (size[0] // 4, size[1] // 4, 3)).astype(np.uint8)
    smooth = cv2.GaussianBlur(cv2.resize(noise, size[::-1]), (0, 0), 6)
    return cv2.normalize(smooth, None, 60, 160, cv2.NORM_MINMAX)


def square_clip(size, places, sides):
    """Frames with a red square whose corner and side are given for each, and its masks."""
    frames, masks = np.stack([ground(size)] * len(places)), np.zeros((len(places), *size), bool)
    for t, ((y, x), side) in enumerate(zip(places, sides, strict=True)):
        masks[t, y : y + side, x : x + side] = True
        frames[t][masks[t]] = (240, 20, 20)
    return frames, [RLEMask.from_array(mask) for mask in masks]


def found_in(reader, masks, *corrected, **settings):
    """Frame -> result, and IoU with the truth."""
    known = [CorrectedMask(f, masks[f]) for f in corrected]
    results = spread(reader, known, range(len(masks)), CorrectSettings(**settings))
    found = {r.frame_index: r for r in results}
    assert sorted(found) == [f for f in range(len(masks)) if f not in corrected]
    return found, {
        f: 0.0 if r.rle is None else r.rle.iou(masks[f]) for f, r in sorted(found.items())
    }


@pytest.mark.parametrize(
    ("size", "side", "step"),
    [((2160, 3840), 12, (5, 7)), (SIZE, 5, (2, 3)), ((480, 854), 2, (1, 1))],
)
def test_a_thing_of_a_few_pixels_is_followed_both_ways(frames_reader, size, side, step):
    corner = (round(0.46 * size[0]), round(0.4 * size[1]))
    places = [(corner[0] + step[0] * t, corner[1] + step[1] * t) for t in range(5)]
    frames, masks = square_clip(size, places, [side] * 5)
    assert is_small(masks[2], size, 480)
    _, ious = found_in(frames_reader(frames), masks, 2)
    assert min(ious.values()) > 0.8


def test_the_window_goes_along_however_far(frames_reader):
    places = [(300 + 3 * t, 200 + 9 * t) for t in range(40)]
    frames, masks = square_clip(SIZE, places, [10] * 40)
    _, ious = found_in(frames_reader(frames), masks, 0)
    assert 9 * 39 > 480 / 1.6  # further than the window is wide
    assert np.mean(list(ious.values())) > 0.8
    assert ious[39] > 0.5


def test_what_outgrows_its_window_is_followed_on(frames_reader):
    sides = [round(4 * 1.25**t) for t in range(20)]
    places = [(400 - side // 2, 600 + 6 * t - side // 2) for t, side in enumerate(sides)]
    frames, masks = square_clip(SIZE, places, sides)
    assert sides[-1] > 250
    found, ious = found_in(frames_reader(frames), masks, 0)
    assert np.mean(list(ious.values())) > 0.85
    assert found[19].confidence < found[1].confidence


def test_between_two_corrections_both_count_or_the_nearer_one(frames_reader):
    places = [(400 + 2 * t, 500 + 3 * t) for t in range(27)]
    frames, masks = square_clip(SIZE, places, [6] * 27)
    near, ious = found_in(frames_reader(frames[:9]), masks[:9], 0, 8)
    assert list(near) == [7, 6, 5, 4, 3, 2, 1]
    assert min(ious.values()) > 0.8
    _, ious = found_in(frames_reader(frames), masks, 0, 26)
    assert np.mean(list(ious.values())) > 0.8


def test_a_small_thing_that_was_marked_absent_is_absent_near_there(frames_reader):
    places = [(400, 500 + 2 * t) for t in range(9)]
    frames, masks = square_clip(SIZE, places, [6] * 9)
    for t in range(4, 9):
        frames[t] = ground(SIZE)
    known = [CorrectedMask(1, masks[1]), CorrectedMask(7, None)]
    found = {r.frame_index: r for r in spread(frames_reader(frames), known, range(9))}
    assert sorted(found) == [0, 2, 3, 4, 5, 6, 8]
    assert all(found[f].rle is None for f in (5, 6, 8))
    assert all(found[f].rle.iou(masks[f]) > 0.8 for f in (0, 2))


def test_a_small_thing_that_is_missed_is_not_surely_absent(frames_reader):
    places = [(400, 500 + 90 * t) for t in range(4)]  # faster than can be followed
    frames, masks = square_clip(SIZE, places, [6] * 4)
    found, ious = found_in(frames_reader(frames), masks, 0)
    missed = [r for f, r in found.items() if ious[f] == 0.0]
    assert missed
    assert all(r.confidence <= 0.5 for r in missed)


def test_a_window_shows_and_gives_back_its_part_of_a_frame(frames_reader):
    frames, masks = square_clip(SIZE, [(4, 3), (1000, 1900)], [10, 10])
    centres = {0: np.array([8.0, 9.0]), 1: np.array([1905.0, 1005.0])}
    reader = frames_reader(frames)
    reader.has_rate = False
    window = CloseUp(reader, 200, 2.0, centres)
    assert not window.has_rate
    assert window.video.size == (400, 400)
    for frame in (0, 1):
        assert window.read(frame).shape == (400, 400, 3)
        part = window.cut(masks[frame].to_array(), frame)
        assert window.put(RLEMask.from_array(part), frame) == masks[frame]
    red = window.read(1)[..., 0].astype(int) - window.read(1)[..., 1]
    assert part[red > 150].mean() > 0.9
