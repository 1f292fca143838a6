"""Which frames begin a shot: cuts, and what looks like one and is none."""

import cv2
import numpy as np
import pytest

from ifc_core.inference.flow_store import FlowStore
from ifc_core.inference.shot_watch import FRAMES_BEFORE, ShotFinder, ShotWatch

SIZE = (90, 160)


def texture(seed, height=SIZE[0], width=SIZE[1], low=0, high=256):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(low, high, (height // 12 + 2, width // 12 + 2, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)


def shot(seed, num_frames=6, by=2, **values):
    """A scene over which the camera pans."""
    wide = texture(seed, width=SIZE[1] + by * num_frames, **values)
    return [wide[:, by * t : by * t + SIZE[1]] for t in range(num_frames)]


DARK, LIGHT = {"high": 120}, {"low": 110}
FIRST, SECOND = shot(1, **DARK), shot(2, **LIGHT)


def starts(frames, first_index=0, **values):
    watch = ShotWatch(**values)
    found, seen = [], []
    for index, image in watch.watched(enumerate(frames, start=first_index)):
        seen.append(index)
        assert image is frames[index - first_index]
        if watch.begins_shot(index):
            found.append(index)
    assert seen == list(range(first_index, first_index + len(frames), values.get("frame_step", 1)))
    return found


def test_shots_begin_at_cuts():
    assert starts([*FIRST, *SECOND, *FIRST[:3]]) == [6, 12]
    assert starts([]) == []


@pytest.mark.parametrize("size", [(8, 8), (20, 20), (20, 700), (600, 16), (31, 40)])
def test_small_and_very_long_frames_have_cuts_too(size):
    red, blue = (np.full((*size, 3), colour, np.uint8) for colour in ((250, 0, 0), (0, 0, 250)))
    red[::2] //= 2
    blue[1::3] //= 2
    assert starts([red] * 4 + [blue] * 4) == [4]


def test_the_last_frame_and_shots_of_one_frame_count():
    assert starts([*FIRST, SECOND[0]]) == [6]
    assert starts([FIRST[0], SECOND[0]]) == [1]


def with_half_changed(half):
    frames = [image.copy() for image in shot(1, 12, **DARK)]
    for image in frames[6:]:
        image[half] = 128
    return frames


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ([*FIRST, *SECOND], [6]),
        ([*FIRST, SECOND[0]], [6]),
        ([FIRST[0], SECOND[0]], [1]),
        ([*FIRST[:4], np.full((*SIZE, 3), 255, np.uint8), *FIRST[4:]], []),
        ([*FIRST[:4], *[texture(7, **LIGHT)] * 2, *FIRST[4:]], []),
        ([*FIRST[:4], *[texture(7, **LIGHT)] * 3, *FIRST[4:]], [4, 7]),
        ([*FIRST, *[image + 90 for image in FIRST[::-1]]], []),
        (with_half_changed(np.s_[:45]), []),
    ],
)
def test_it_is_the_rule_of_corrections(frames_reader, frames, expected):
    store = FlowStore(frames_reader(np.stack(frames)), 480)
    cuts = [f for f in range(1, len(frames)) if store.is_cut(f - 1, f)]
    assert cuts == starts(frames) == expected


def test_switched_off_all_is_one_shot():
    assert starts([*FIRST, *SECOND], is_on=False) == []


def test_with_a_frame_step_the_frames_that_are_looked_at_are_compared():
    frames = [*FIRST[:5], *SECOND, *FIRST]
    assert starts(frames, frame_step=3) == [6, 12]
    assert starts([*FIRST[:5], *SECOND[:3], *FIRST], frame_step=3) == []  # a flash, for all it sees
    watch = ShotWatch(frame_step=3)
    stepped = list(enumerate([*FIRST, *SECOND]))[::3]
    assert [index for index, _ in watch.watched(stepped)] == [0, 3, 6, 9]
    assert watch.begins_shot(6)


@pytest.mark.parametrize("num_frames", [1, 2])
@pytest.mark.parametrize("flash", [np.full((*SIZE, 3), 255, np.uint8), texture(7, **LIGHT)])
def test_a_flash_is_no_shot(num_frames, flash):
    assert starts([*FIRST[:4], *[flash] * num_frames, *FIRST[4:]]) == []


def test_what_stays_longer_is_a_shot():
    assert starts([*FIRST[:4], *[texture(7, **LIGHT)] * 3, *FIRST[4:]]) == [4, 7]


@pytest.mark.parametrize("num_frames", [4, 8, 25])
def test_a_fade_is_no_cut(num_frames):
    bright = shot(2, num_frames, low=60)
    faded = [(image * (1 - t / num_frames)).astype(np.uint8) for t, image in enumerate(bright)]
    assert starts([*faded, *faded[::-1]]) == []


def test_a_light_that_is_switched_on_is_no_cut():
    frames = shot(1, 12, **DARK)
    assert starts([*frames[:6], *[image + 90 for image in frames[6:]]]) == []


def test_a_fast_pan_is_no_cut():
    assert starts(shot(3, 12, by=14)) == []


@pytest.mark.parametrize("half", [np.s_[:45], np.s_[45:], np.s_[:, :80], np.s_[:, 80:]])
def test_half_of_a_split_screen_is_no_cut(half):
    assert starts(with_half_changed(half)) == []


def test_one_colour_has_no_light_to_change():
    black = [np.zeros((*SIZE, 3), np.uint8)] * 5
    assert starts([*black, *SECOND]) == [5]


def test_who_goes_on_later_finds_the_same_cuts():
    frames = [*FIRST, *SECOND[:2], *FIRST[:4], *shot(5, **LIGHT), *SECOND, *FIRST]
    whole = starts(frames)
    assert whole == [12, 24]
    for first in range(1, len(frames)):
        given = max(0, first - FRAMES_BEFORE)
        again = [index for index in starts(frames[given:], given) if index >= first]
        assert again == [index for index in whole if index >= first]


def test_frames_may_change_their_size():
    larger = [cv2.resize(image, (200, 120)) for image in SECOND]
    assert starts([*FIRST, *larger]) == [6]
    assert starts([*SECOND, *larger]) == []


@pytest.mark.parametrize("is_on", [True, False])
def test_several_readers_learn_the_shots_that_were_looked_for_once(is_on):
    frames = [*FIRST, *SECOND]
    asked = []

    def source():
        for index, image in enumerate(frames):
            asked.append(index)
            yield index, image

    readers = [ShotWatch() for _ in range(3)]
    shared = ShotWatch(is_on).shared(source(), len(readers))
    assert [index for index, _ in shared.pop()] == list(range(12))
    for watch, given in zip(readers, shared, strict=False):
        found = [index for index, _ in watch.watched(given) if watch.begins_shot(index)]
        assert found == ([6] if is_on else [])
    assert asked == list(range(12))


@pytest.mark.parametrize("step", [1, 2, 3])
def test_the_finder_finds_what_a_run_finds_wherever_it_is_asked(step):
    frames = [*FIRST, *SECOND, *FIRST[:5], texture(7, **LIGHT), *FIRST[5:], *shot(5, **LIGHT)]
    whole = starts(frames, frame_step=step)
    looked_at = range(0, len(frames), step)
    for first in range(len(looked_at)):
        part = looked_at[first : first + 4]
        for frame in part:
            expected = [
                other
                for other in part
                if not any(min(frame, other) < cut <= max(frame, other) for cut in whole)
            ]
            finder = ShotFinder(len(frames), step)
            assert list(finder.shot_within(frames.__getitem__, frame, part)) == expected


def test_the_finder_reads_more_only_around_a_cut_and_nothing_twice(frames_reader):
    reader = frames_reader(np.stack([*FIRST, *SECOND]))
    finder = ShotFinder(12)
    assert finder.shot_within(reader.read, 3, range(1, 5)) == range(1, 5)
    assert list(dict.fromkeys(reader.read_frames)) == [1, 2, 3, 4]
    assert finder.shot_within(reader.read, 7, range(4, 9)) == range(6, 9)
    assert set(reader.read_frames) == set(range(1, 9))
    reader.read_frames.clear()
    assert finder.shot_within(reader.read, 5, range(1, 9)) == range(1, 6)
    assert not reader.read_frames
