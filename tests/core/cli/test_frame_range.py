"""Ranges of frames as people type them."""

import pytest

from ifc_core.cli.frame_range import parse_frame_range
from ifc_core.errors import InputError


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ("100:199", (100, 199)),
        ("100-199", (100, 199)),
        (" 5 : 9 ", (5, 9)),
        ("3:", (3, 2999)),
        (":7", (0, 7)),
        ("-7", (0, 7)),
        (":", (0, 2999)),
        ("2900:5000", (2900, 2999)),
        ("1:5", (1, 5)),
        ("1:15", (1, 15)),
        ("0:05-0:10", (125, 250)),
        ("0:05.5-", (137, 2999)),
        ("-0:00:02", (0, 50)),
        ("100-0:10", (100, 250)),
        ("0:01:00-0:01:20", (1500, 2000)),
    ],
)
def test_numbers_and_times(text, frames):
    assert parse_frame_range(text).frames(3000, 25.0, "clip") == frames


@pytest.mark.parametrize("text", ["1:05", "0:07", "1:02:03", "12:00", "1:05.5"])
def test_what_may_be_a_time_is_not_taken_for_numbers(text):
    with pytest.raises(InputError, match=f"{text}.* may be a time; write .* two times"):
        parse_frame_range(text)


@pytest.mark.parametrize("text", ["5", "a:b", "1:2:33", "1-2-3", "3:4x-", "x-1:05", "1:1:1:1-"])
def test_what_is_no_range_is_refused(text):
    with pytest.raises(InputError, match="is no range of frames"):
        parse_frame_range(text)


@pytest.mark.parametrize(
    ("text", "fps", "sentence"),
    [
        ("9:5", 25.0, "9:5 ends before it begins."),
        ("0:09-0:05", 25.0, "ends before it begins"),
        ("300:", 25.0, "lies beyond the end of clip, whose last frame is 299"),
        ("0:30-0:40", 25.0, "lies beyond the end"),
        ("0:01-0:02", 0.0, "Nobody knows the times of clip"),
    ],
)
def test_what_the_video_has_not(text, fps, sentence):
    with pytest.raises(InputError, match=sentence):
        parse_frame_range(text).frames(300, fps, "clip")
