"""Videos whose rate varies, as of telephones: frames are shown and found at their own times."""

from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from ifc_core.errors import IFCError
from ifc_core.io.video import open_video
from napari_ifc.controllers.frame_words import frame_of
from napari_ifc.controllers.playback import Playback
from napari_ifc.rows import TimelineData

TIMES = [0.0, 0.1, 0.2, 1.2, 1.3, 1.4, 1.5]


class Clock:
    now = 50.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize(
    ("text", "frame"), [("0:00", 0), ("0:01", 2), ("0:01.2", 3), ("0:01.45", 5), ("0:01.6", 6)]
)
def test_a_typed_time_means_the_frame_that_is_shown_then(text, frame):
    assert frame_of(text, 7, 4.0, TIMES) == frame


def test_a_time_after_the_last_frame_is_refused():
    with pytest.raises(IFCError, match="has frames 0 to 6 only"):
        frame_of("0:02", 7, 4.0, TIMES)


def test_each_frame_is_played_as_long_as_it_lasts():
    clock = Clock()
    playback = Playback(clock)
    assert playback.start(0, 7, 4.0, TIMES) == 0
    assert playback.interval_ms == 50
    seen = []
    for tenth in range(16):
        clock.now = 50.0 + tenth / 10 + 1e-6
        seen.append(playback.due())
    assert seen == [0, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 4, 5, 6]
    assert not playback.is_playing
    playback.start(3, 7, 4.0, TIMES)
    clock.now += 0.2
    assert playback.due() == 5


def test_a_pause_of_the_recorder_is_cut_short():
    clock = Clock()
    playback = Playback(clock)
    playback.start(0, 4, 0.001, [0.0, 0.04, 3600.0, 3600.04])
    clock.now += 0.05
    assert playback.due() == 1
    clock.now += 1.0
    assert playback.due() == 2


def test_an_even_rate_is_played_by_the_rate():
    clock = Clock()
    playback = Playback(clock)
    playback.start(0, 100, 25.0, (np.arange(100) / 25).round(3))
    clock.now += 0.4 + 1e-6
    assert playback.due() == 10
    assert playback.interval_ms == 20


def test_the_timeline_says_when_a_frame_is_shown():
    assert TimelineData(7, 4.0).seconds_at(4) == 1.0
    assert TimelineData(7, 4.0, times=np.array(TIMES)).seconds_at(4) == 1.3


def test_a_session_has_the_times_of_its_film_and_none_of_pictures(session, tmp_path):
    assert not len(session.times)
    path = tmp_path / "uneven.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for seconds in TIMES:
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
            frame.pts, frame.time_base = round(1000 * seconds), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with open_video(path) as reader:
        film = replace(session, reader=reader, entry=replace(session.entry, num_frames=7))
        np.testing.assert_allclose(film.times, TIMES, atol=1e-3)
