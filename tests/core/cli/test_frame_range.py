"""Ranges of frames as people type them."""

import pytest

from ifc_core.cli.frame_range import frames_of, parse_frame_range
from ifc_core.errors import InputError
from ifc_core.io.video import open_video


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


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ("0:01-0:03", (1, 3)),
        ("0:02-0:09.9", (2, 4)),  # frame 3 comes at 2.5 s, frame 4 at 9.5 s
        ("0:09.4-", (3, 5)),
        ("-0:09.5", (0, 4)),
        ("0:04-5", (3, 5)),
        ("0:09-0:30", (3, 5)),
    ],
)
def test_a_time_is_the_frame_that_is_shown_then_where_the_rate_varies(text, frames):
    times = [0.0, 1.0, 2.0, 2.5, 9.5, 10.0]
    assert parse_frame_range(text).frames(6, 0.5, "clip", times) == frames


def test_a_time_after_the_last_frame_lies_beyond_the_end():
    with pytest.raises(InputError, match="lies beyond the end of clip"):
        parse_frame_range("0:11-0:12").frames(3, 10.0, "clip", [0.0, 5.0, 10.0])


def test_an_open_video_is_asked_for_its_times(tmp_path):
    from fractions import Fraction

    import av
    import numpy as np

    path = tmp_path / "varying.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.height, stream.width, stream.pix_fmt = 32, 32, "yuv420p"
        for ticks in (0, 1, 2, 3, 30, 31, 32):  # tenths of a second
            frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            frame.pts, frame.time_base = ticks, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with open_video(path) as reader:
        assert frames_of(reader, parse_frame_range("0:00.2-0:03")) == range(2, 5)
        assert frames_of(reader, parse_frame_range("0:03.1-")) == range(5, 7)
