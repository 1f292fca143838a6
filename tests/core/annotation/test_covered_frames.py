"""Frames that a file covers, as the journal keeps them."""

from __future__ import annotations

import pytest

from ifc_core.annotation.covered_frames import among, as_text, from_text, runs_of


@pytest.mark.parametrize(
    ("frames", "text"),
    [
        ((), "7:"),
        ((4,), "7:4-4"),
        (range(10), "7:0-9"),
        ((9, 0, 3, 6, 3), "7:0-9/3"),
        ((0, 1, 2, 10, 20, 30, 31), "7:0-2,10-30/10,31-31"),
        ((5, 100), "7:5-100/95"),
    ],
)
def test_frames_are_kept_as_short_runs_and_read_again(frames, text):
    assert as_text({7: frames}) == text
    runs = from_text(text, ())[7]
    assert runs == runs_of(frames)
    assert among(range(-2, 120), runs) == sorted(set(frames))


def test_videos_that_came_with_the_file_are_told_in_turn():
    text = as_text({-1: range(3), 4: range(5), -2: (8,)})
    assert from_text(text, (11, 12)) == {11: (range(3),), 4: (range(5),), 12: (range(8, 9),)}


@pytest.mark.parametrize("text", ["x:0-3", "1:0", "1:0-3/0", "-2:0-3", "1:0-b"])
def test_what_is_none_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        from_text(text, (11,))
