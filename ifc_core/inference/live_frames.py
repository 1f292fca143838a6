"""Frames that do not wait for us: a camera or a pipe behind a bounded queue.

A thread takes every frame as it comes. When the model cannot keep up, the oldest waiting frame is
dropped and counted, so that neither memory nor the delay grows without bound.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from ifc_core.errors import ConfigError, VideoError

Image = npt.NDArray[np.uint8]
Frame = tuple[int, Image]
"""(number of the frame since the beginning, dropped ones counted; (H, W, 3) uint8 RGB)."""

MOST_WAITING = 3
"""Frames that wait by default: where the model cannot keep up, each adds its time to the delay."""

MOST_FPS = 1e6
"""Frames per second; more is no rate."""

_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class LiveSource:
    """Something that gives frames at its own pace.

    Attributes:
        frames: (H, W, 3) uint8 RGB each; closed when the run ends.
        height: Pixels.
        width: Pixels.
        fps: Frames per second, 0 where unknown.
        name: How it is called in the output.
    """

    frames: Iterator[Image]
    height: int
    width: int
    fps: float
    name: str


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """How well a live run keeps up.

    Attributes:
        captured: Frames that came.
        dropped: Frames nobody looked at, because the queue was full.
        mean_delay_seconds: From the arrival of a frame to its masks, on average.
        max_delay_seconds: The same at worst.
    """

    captured: int
    dropped: int
    mean_delay_seconds: float
    max_delay_seconds: float


class LiveFrames(Iterator[Frame]):
    """Frames of a source, at most ``capacity`` of them waiting.

    Args:
        source: Gives frames; read in a thread of its own.
        capacity: Frames that may wait.
        drop: Drop the oldest one when the queue is full; otherwise the source has to wait, which
            suits a pipe that can.
        step: Only every n-th frame is taken; the others are not counted as dropped.
        limit: End once this many frames came, without waiting for another; ``None`` for no limit.
        should_stop: Asked often; true ends the input, and what came so far is finished.
        clock: Seconds, monotonic; replaced in tests.
    """

    def __init__(
        self,
        source: Iterable[Image],
        capacity: int = MOST_WAITING,
        *,
        drop: bool = True,
        step: int = 1,
        limit: int | None = None,
        should_stop: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._capacity = max(1, capacity)
        self._drop, self._step, self._limit = drop, step, limit
        self._should_stop, self._clock = should_stop, clock
        self._waiting: deque[Frame] = deque()
        self._arrived: dict[int, float] = {}  # frame -> time, until its masks are there
        self._changed = threading.Condition()
        self._ended = False
        self._stopped = threading.Event()
        self._error: Exception | None = None
        self._captured = self._dropped = self._finished = 0
        self._total_delay = self._max_delay = 0.0
        self._thread = threading.Thread(
            target=self._capture, args=(iter(source),), name="live-frames", daemon=True
        )
        self._thread.start()

    def __next__(self) -> Frame:
        with self._changed:
            while not self._waiting:
                if self._ended or self._stopped.is_set():
                    if self._error is not None and not self._captured:
                        raise self._error
                    raise StopIteration
                self._changed.wait(_POLL_SECONDS)
                self._ask_to_stop()
            frame = self._waiting.popleft()
            self._changed.notify_all()
            self._ask_to_stop()
            return frame

    @property
    def num_waiting(self) -> int:
        """Frames in the queue."""
        return len(self._waiting)

    @property
    def notice(self) -> str:
        """Why the input ended early, or empty. What came before is kept all the same."""
        return str(self._error) if self._error is not None and self._captured else ""

    @property
    def figures(self) -> LiveFigures:
        """How well the run keeps up, so far."""
        with self._changed:
            mean = self._total_delay / self._finished if self._finished else 0.0
            return LiveFigures(self._captured, self._dropped, mean, self._max_delay)

    def finished(self, frame_index: int) -> float:
        """Note that the masks of a frame are there.

        Returns:
            Seconds since the frame arrived.
        """
        with self._changed:
            delay = self._clock() - self._arrived.pop(frame_index)
            self._finished += 1
            self._total_delay += delay
            self._max_delay = max(self._max_delay, delay)
            return delay

    def close(self, timeout_seconds: float = 2.0) -> None:
        """Take no further frame; a source that blocks is left to end with the process."""
        with self._changed:
            self._stopped.set()
            self._changed.notify_all()
        self._thread.join(timeout_seconds)

    def _ask_to_stop(self) -> None:
        if not self._stopped.is_set() and self._should_stop():
            self._stopped.set()
            self._changed.notify_all()

    def _capture(self, source: Iterator[Image]) -> None:
        try:
            for number, image in enumerate(islice(source, self._limit)):
                if not self._put(number, image):
                    break
        except Exception as error:  # it belongs to the thread that reads
            self._error = error
        finally:
            close = getattr(source, "close", None)
            if close is not None:
                close()
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _put(self, number: int, image: Image) -> bool:
        """Queue a frame; false once nobody wants more."""
        with self._changed:
            if self._stopped.is_set():
                return False
            self._captured = number + 1
            if number % self._step:
                return True
            while len(self._waiting) >= self._capacity:
                if self._drop:
                    old, _ = self._waiting.popleft()
                    del self._arrived[old]
                    self._dropped += 1
                    continue
                self._changed.wait(_POLL_SECONDS)
                if self._stopped.is_set():
                    return False
            self._arrived[number] = self._clock()
            self._waiting.append((number, image))
            self._changed.notify_all()
            return True


def open_pipe(stream: BinaryIO, size: tuple[int, int], fps: float) -> LiveSource:
    """Raw frames from a pipe: RGB, 8 bits, row by row, nothing between them.

    Args:
        stream: Binary, without a buffer where it may block for ever: a thread that waits in a
            buffered one keeps the interpreter from ending. Closed with the frames.
        size: (height, width) in pixels.
        fps: Frames per second that the sender states.
    """
    return LiveSource(_raw_frames(stream, size), *size, fps, "pipe")


def _raw_frames(stream: BinaryIO, size: tuple[int, int]) -> Iterator[Image]:
    height, width = size
    count = height * width * 3
    number = 0
    with stream:
        while data := _read_fully(stream, count):
            if len(data) < count:
                raise VideoError(
                    f"The pipe ended inside frame {number}: {len(data)} of {count} bytes came; "
                    f"check that it sends RGB frames of {width}x{height} pixels (ffmpeg: -f "
                    "rawvideo -pix_fmt rgb24).",
                    path="-",
                    frame_index=number,
                )
            yield np.frombuffer(data, np.uint8).reshape(height, width, 3)
            number += 1


def _read_fully(stream: BinaryIO, count: int) -> bytearray:
    """``count`` bytes, or fewer where the stream ends: a pipe gives less than it was asked for."""
    data = bytearray()
    while len(data) < count and (part := stream.read(count - len(data))):
        data += part
    return data


def open_camera(number: int) -> LiveSource:
    """A camera of this machine.

    Args:
        number: 0 for the first one.

    Raises:
        ConfigError: The number is negative.
        VideoError: There is no such camera, or it gives no picture.
    """
    import cv2

    if number < 0:  # OpenCV would take it for any camera, and may crash where there is none
        raise ConfigError(
            f"Cameras are counted from 0, so there is no camera {number}.",
            name="camera",
            value=number,
        )
    with _quiet_opencv():
        camera = cv2.VideoCapture(number)
    good, first = camera.read() if camera.isOpened() else (False, None)
    if not good or first is None:
        camera.release()
        raise VideoError(
            f"Camera {number} gives no picture; check that it is plugged in and that no other "
            "program uses it.",
            path=f"camera:{number}",
        )
    fps = _rate(float(camera.get(cv2.CAP_PROP_FPS)))
    height, width = first.shape[:2]

    def frames() -> Iterator[Image]:
        try:
            taken, picture = True, first
            while taken:
                yield np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), dtype=np.uint8)
                taken, picture = camera.read()
        finally:
            camera.release()

    return LiveSource(frames(), int(height), int(width), fps, f"camera-{number}")


@contextmanager
def _quiet_opencv() -> Iterator[None]:
    """Leave what is wrong with a camera to our sentence: OpenCV has one for each way it tries."""
    from cv2.utils import logging

    before = logging.getLogLevel()
    logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        logging.setLogLevel(before)


def _rate(told: float) -> float:
    """Frames per second; 0 for what drivers that do not know say: 0, -1, nan or nonsense."""
    return told if math.isfinite(told) and 0 < told <= MOST_FPS else 0.0
