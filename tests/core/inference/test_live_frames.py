"""Frames that do not wait: dropped and counted, never queued without bound."""

import io
import math
import os
import threading

import cv2
import numpy as np
import pytest

from ifc_core.errors import ConfigError, VideoError
from ifc_core.inference.live_frames import LiveFrames, open_camera, open_pipe


class Source:
    """Gives frames only when told to; says when one was taken."""

    def __init__(self, count=1000):
        self.go, self.given, self.closed = threading.Semaphore(0), 0, threading.Event()
        self.count = count

    def __iter__(self):
        try:
            for number in range(self.count):
                if not self.go.acquire(timeout=20):
                    return
                self.given += 1
                yield np.full((2, 3, 3), number % 256, np.uint8)
        finally:
            self.closed.set()

    def give(self, live, count):
        """Let ``count`` frames come, and wait until the queue has seen them."""
        wanted = live.figures.captured + count
        for _ in range(count):
            self.go.release()
        with live._changed:
            assert live._changed.wait_for(lambda: live._captured >= wanted, timeout=20)


@pytest.fixture
def source():
    made = Source()
    yield made
    for _ in range(3):
        made.go.release()


def test_the_oldest_waiting_frames_are_dropped_and_counted(source):
    live = LiveFrames(source, capacity=3)
    source.give(live, 10)
    assert live.num_waiting == 3
    assert [next(live)[0] for _ in range(3)] == [7, 8, 9]
    assert (live.figures.captured, live.figures.dropped) == (10, 7)
    live.close()


def test_nothing_is_dropped_while_it_keeps_up(source):
    live = LiveFrames(source, capacity=2)
    for number in range(6):
        source.give(live, 1)
        index, image = next(live)
        assert (index, image[0, 0, 0]) == (number, number)
    assert live.figures.dropped == 0
    live.close()


def test_a_source_that_can_wait_waits(source):
    live = LiveFrames(source, capacity=2, drop=False)
    for _ in range(8):
        source.go.release()
    assert [next(live)[0] for _ in range(8)] == list(range(8))
    assert live.figures.dropped == 0
    live.close()


def test_the_delay_is_from_arrival_to_masks(source):
    now = [0.0]
    live = LiveFrames(source, clock=lambda: now[0])
    source.give(live, 2)
    next(live), next(live)
    now[0] = 1.5
    assert live.finished(0) == 1.5
    now[0] = 2.5
    assert live.finished(1) == 2.5
    assert (live.figures.mean_delay_seconds, live.figures.max_delay_seconds) == (2.0, 2.5)
    live.close()


def test_a_step_and_a_limit(source):
    live = LiveFrames(source, capacity=9, step=3, limit=8)
    for _ in range(9):
        source.go.release()
    assert [index for index, _ in live] == [0, 3, 6]
    assert (live.figures.captured, live.figures.dropped) == (8, 0)
    live.close()


def test_the_last_frame_of_a_limit_ends_the_input_without_another():
    asked = []

    def quiet_after_two():
        yield np.zeros((2, 3, 3), np.uint8)
        yield np.zeros((2, 3, 3), np.uint8)
        asked.append("a third frame that nobody wants")

    live = LiveFrames(quiet_after_two(), limit=2)
    assert [index for index, _ in live] == [0, 1]
    live.close()
    assert asked == []


def test_a_stop_ends_the_input_and_closes_the_source(source):
    asked = []
    live = LiveFrames(source, should_stop=lambda: bool(asked))
    source.give(live, 2)
    assert next(live)[0] == 0
    asked.append(True)
    assert [index for index, _ in live] == [1]
    source.go.release()
    live.close()
    assert source.closed.wait(20)


def test_an_error_after_some_frames_keeps_them_and_says_why():
    def broken():
        yield np.zeros((2, 3, 3), np.uint8)
        raise VideoError("The camera was unplugged.", path="camera:0")

    live = LiveFrames(broken())
    assert len(list(live)) == 1
    assert live.notice == "The camera was unplugged."
    live.close()


def test_an_error_at_once_is_raised():
    def broken():
        raise VideoError("There is no picture.", path="camera:0")
        yield

    with pytest.raises(VideoError, match="no picture"):
        next(LiveFrames(broken()))


def test_a_pipe_that_gives_bits_and_pieces():
    frames = np.random.default_rng(0).integers(0, 256, (3, 4, 5, 3), dtype=np.uint8)
    read_end, write_end = os.pipe()

    def send():
        data = frames.tobytes()
        with os.fdopen(write_end, "wb", buffering=0) as pipe:
            for start in range(0, len(data), 7):
                pipe.write(data[start : start + 7])

    sender = threading.Thread(target=send)
    sender.start()
    with os.fdopen(read_end, "rb", buffering=0) as pipe:
        source = open_pipe(pipe, (4, 5), 30.0)
        np.testing.assert_array_equal(np.stack(list(source.frames)), frames)
    sender.join()
    assert (source.height, source.width, source.fps) == (4, 5, 30.0)


def test_a_pipe_that_ends_inside_a_frame_says_what_to_check():
    source = open_pipe(io.BytesIO(bytes(4 * 5 * 3 + 11)), (4, 5), 0.0)
    next(source.frames)
    with pytest.raises(VideoError, match=r"11 of 60 bytes.*rgb24"):
        next(source.frames)


def test_a_pipe_is_closed_with_its_frames():
    stream = io.BytesIO(bytes(2 * 4 * 5 * 3))
    source = open_pipe(stream, (4, 5), 0.0)
    assert len(list(source.frames)) == 2
    assert stream.closed


def test_a_negative_camera_is_refused_before_the_library_crashes():
    with pytest.raises(ConfigError, match="counted from 0") as caught:
        open_camera(-1)
    assert caught.value.value == -1


def test_a_camera_that_is_not_there(capfd):
    level = cv2.utils.logging.getLogLevel()
    with pytest.raises(VideoError, match="Camera 97 gives no picture"):
        open_camera(97)
    assert capfd.readouterr() == ("", "")  # the sentence is ours alone
    assert cv2.utils.logging.getLogLevel() == level


@pytest.mark.parametrize("told", [0.0, -1.0, math.nan, math.inf, 1e9, 25.0])
def test_a_camera_that_does_not_know_its_rate_has_none(monkeypatch, told):
    class Camera:
        def __init__(self, number):
            assert number == 3

        def isOpened(self):  # noqa: N802 - as OpenCV names it
            return True

        def read(self):
            return True, np.zeros((4, 6, 3), np.uint8)

        def get(self, name):
            assert name == cv2.CAP_PROP_FPS
            return told

        def release(self):
            pass

    monkeypatch.setattr(cv2, "VideoCapture", Camera)
    source = open_camera(3)
    assert (source.height, source.width) == (4, 6)
    assert source.fps == (25.0 if told == 25.0 else 0.0)
