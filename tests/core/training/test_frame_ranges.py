"""Frames of a version as ranges: short, exact where there is room, bounded always."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ifc_core.training.frame_ranges import (
    count_frames,
    first_ones,
    frames_within,
    from_ranges,
    joined,
    to_ranges,
)


def frames_of(stored):
    return sorted(frame for found in from_ranges(stored) for frame in found)


@given(st.sets(st.integers(0, 120)))
def test_ranges_hold_the_frames_and_no_others(frames):
    stored = json.loads(json.dumps(to_ranges(sorted(frames))))
    assert frames_of(stored) == sorted(frames)
    assert count_frames(stored) == len(frames)


def test_evenly_spaced_frames_are_one_range():
    assert to_ranges(range(0, 200_000, 5)) == [[0, 199_995, 5]]
    assert to_ranges([3, *range(10, 40), 45]) == [3, [10, 39, 1], 45]
    assert to_ranges([2, 14, 26]) == [2, 14, 26]


def test_frames_one_by_one_are_read_and_what_is_no_frame_is_passed_over():
    assert frames_of([3, 5, 9]) == [3, 5, 9]
    bad = [-1, 1.5, True, "7", None, [1, 2], [5, 3, 1], [0, 9, 0], [[1], 2, 3], 4]
    assert frames_of(bad) == [4]
    assert frames_of("12") == frames_of(None) == []
    assert frames_within([[0, 10**15, 1], 3], 4) == {0, 1, 2, 3}


@pytest.mark.parametrize("most", [60, 400, 3000, 10**6])
def test_what_is_too_long_says_more_frames_of_training_and_fewer_kept_aside(most):
    frames = {"a": [n * n // 7 for n in range(3, 600)], "b": [n * 3 + n % 2 for n in range(600)]}
    frames = {name: sorted(set(own)) for name, own in frames.items()}
    short = joined(frames, most)
    assert len(json.dumps(short)) <= most
    if most > 100:
        assert all(set(own) <= set(frames_of(short[name])) for name, own in frames.items())
    few = first_ones({name: to_ranges(own) for name, own in frames.items()}, most)
    assert len(json.dumps(few)) <= most
    assert all(set(frames_of(own)) <= set(frames[name]) for name, own in few.items())
    if most == 10**6:
        assert all(frames_of(short[name]) == frames_of(few[name]) == frames[name] for name in "ab")
