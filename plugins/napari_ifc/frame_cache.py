"""Decoded frames of one video in bounded memory, with a thread that decodes ahead.

The thread also fetches frames that are far from any key frame: the picture of the nearest key
frame comes first, the exact one when it is decoded. Whatever is asked for next ends that.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ifc_core.errors import VideoError
from ifc_core.io.video import open_video
from napari_ifc.language import tr

Frame = npt.NDArray[np.uint8]

_PREFETCH_FRAMES = 8
_TRAVEL_FRAMES = 3
_STEP_FRAMES = 8  # decoded in one go on the way to a far frame, before anybody else may read
_QUICK_SECONDS = 0.08  # what a person does not take for waiting
_SECONDS_PER_PIXEL = 4e-9  # of decoding, until it was measured


class FrameReader(Protocol):
    """The part of a video reader that is used here."""

    def read(self, frame_index: int) -> Frame:
        """Decode one frame, (H, W, 3) uint8 RGB."""
        ...

    def keyframe_before(self, frame_index: int) -> int:
        """The nearest frame at or before it that can be decoded on its own."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


@dataclass(frozen=True, slots=True)
class Fetched:
    """A picture on the way to a frame that was asked for.

    Attributes:
        asked: The frame that was asked for.
        shown: The frame whose picture can be had now; ``asked`` once all is done.
        error: Why the frame cannot be decoded; nothing more follows.
    """

    asked: int
    shown: int
    error: VideoError | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Wish:
    frame_index: int
    tell: Callable[[Fetched], object]


class FrameCache:
    """Decoded frames of one video; safe to read from several threads.

    Args:
        reader: Decodes single frames; used by one thread at a time. Closed with the cache.
        num_frames: Frames in the video.
        max_bytes: Bound of the memory for decoded frames; at least two frames are kept.
        prefetch: Whether a thread decodes ahead.
        quick_seconds: What takes less is not asked of the thread.
    """

    def __init__(
        self,
        reader: FrameReader,
        num_frames: int,
        *,
        max_bytes: int = 512 * 1024 * 1024,
        prefetch: bool = True,
        quick_seconds: float = _QUICK_SECONDS,
    ) -> None:
        self._reader = reader
        self._num_frames = num_frames
        self._max_bytes = max_bytes
        self._quick_seconds = quick_seconds
        self._frames: OrderedDict[int, Frame] = OrderedDict()
        self._bytes = 0
        self._position = -1
        self._frame_seconds = float("inf")
        self._cache_lock = threading.Lock()
        self._reader_lock = threading.Lock()
        self._wake = threading.Condition()
        self._wanted: list[int] = []
        self._wish: _Wish | None = None
        self._last = 0
        self._closed = False
        self._thread: threading.Thread | None = None
        if prefetch:
            self._thread = threading.Thread(
                target=self._work, name="ifc-frame-prefetch", daemon=True
            )
            self._thread.start()

    @property
    def nbytes(self) -> int:
        """Bytes of decoded frames held now."""
        return self._bytes

    def get(self, frame_index: int) -> Frame:
        """One frame, (H, W, 3) uint8 RGB, read-only.

        Raises:
            VideoError: The frame cannot be decoded.
            IndexError: There is no such frame.
        """
        if not 0 <= frame_index < self._num_frames:
            raise IndexError(f"frame {frame_index} of {self._num_frames}")
        frame = self._lookup(frame_index)
        if frame is None:
            frame = self._decode(frame_index)
        self._plan_ahead(frame_index)
        return frame

    def holds(self, frame_index: int) -> bool:
        """Whether a frame is decoded already."""
        with self._cache_lock:
            return frame_index in self._frames

    def is_quick(self, frame_index: int) -> bool:
        """Whether :meth:`get` gives a frame in a moment."""
        if self._thread is None or self.holds(frame_index):
            return True
        try:
            key = self._reader.keyframe_before(frame_index)
        except Exception:  # the same comes up, as a sentence, when it is read
            return True
        begin = self._position if key <= self._position <= frame_index else key - 1
        return (frame_index - begin) * self._seconds_a_frame() < self._quick_seconds

    def ask(self, frame_index: int, tell: Callable[[Fetched], object]) -> None:
        """Have a frame fetched by the thread, in place of what it was asked for before.

        Args:
            frame_index: The frame.
            tell: Called in the thread with each picture on the way, the exact one last.
        """
        with self._wake:
            self._wanted.clear()
            self._wish = _Wish(frame_index, tell)
            self._wake.notify_all()

    def forget(self) -> None:
        """Take back what was asked for."""
        with self._wake:
            self._wish = None

    def plan(self, frame_index: int) -> None:
        """Have the thread decode a frame and those behind it."""
        self._last = frame_index - 1
        self._plan_ahead(frame_index, first=0)

    def reopened(self) -> FrameCache:
        """The same frames for longer than this one is open, where they are in a file."""
        video = getattr(self._reader, "video", None)
        if video is None or not video.path.exists():
            return self
        return FrameCache(open_video(video.path), self._num_frames, prefetch=False)

    def close(self) -> None:
        """Stop the thread and close the reader. Safe to call twice."""
        with self._wake:
            if self._closed:
                return
            self._closed = True
            self._wanted.clear()
            self._wish = None
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join()
        with self._reader_lock:
            self._reader.close()
        with self._cache_lock:
            self._frames.clear()
            self._bytes = 0

    def _lookup(self, frame_index: int) -> Frame | None:
        with self._cache_lock:
            frame = self._frames.get(frame_index)
            if frame is not None:
                self._frames.move_to_end(frame_index)
            return frame

    def _decode(self, frame_index: int, *, keep: bool = True) -> Frame:
        with self._reader_lock:
            frame = self._lookup(frame_index)  # another thread may have been faster
            if frame is not None:
                return frame
            began, following = time.perf_counter(), frame_index == self._position + 1
            frame = self._read(frame_index)
            self._position = frame_index
            if following:  # the quickest one tells most: nobody else had the processor
                self._frame_seconds = min(self._frame_seconds, time.perf_counter() - began)
        frame.flags.writeable = False
        if keep:
            self._store(frame_index, frame)
        return frame

    def _read(self, frame_index: int) -> Frame:
        try:
            return self._reader.read(frame_index)
        except VideoError:
            raise
        except Exception as error:  # whatever computes frames may raise anything
            raise _as_video_error(error, frame_index) from error

    def _seconds_a_frame(self) -> float:
        if self._frame_seconds < float("inf"):
            return self._frame_seconds
        with self._cache_lock:
            some = next(iter(self._frames.values()), None)
        return 0.0 if some is None else _SECONDS_PER_PIXEL * some.shape[0] * some.shape[1]

    def _store(self, frame_index: int, frame: Frame) -> None:
        with self._cache_lock:
            if frame_index not in self._frames:
                self._frames[frame_index] = frame
                self._bytes += frame.nbytes
            while self._bytes > self._max_bytes and len(self._frames) > 2:
                _, dropped = self._frames.popitem(last=False)
                self._bytes -= dropped.nbytes

    def _plan_ahead(self, frame_index: int, first: int = 1) -> None:
        step = frame_index - self._last
        self._last = frame_index
        if self._thread is None or abs(step) > _TRAVEL_FRAMES:
            return
        direction = -1 if step < 0 else 1
        frame_bytes = max(1, self._bytes // max(1, len(self._frames)))
        ahead = min(_PREFETCH_FRAMES, max(1, self._max_bytes // frame_bytes - 2))
        indices = (frame_index + direction * k for k in range(first, ahead + 1))
        with self._wake:
            self._wanted = [i for i in indices if 0 <= i < self._num_frames]
            self._wake.notify_all()

    # In the thread

    def _work(self) -> None:
        while True:
            with self._wake:
                while not (self._wanted or self._wish or self._closed):
                    self._wake.wait()
                if self._closed:
                    return
                wish = self._wish
                frame_index = -1 if wish else self._wanted.pop(0)
            if wish is not None:
                self._fetch(wish)
            elif not self.holds(frame_index):
                self._decode_ahead(frame_index)

    def _decode_ahead(self, frame_index: int) -> None:
        # An error comes up, with its sentence, when the frame itself is asked for.
        with suppress(VideoError):
            self._decode(frame_index)

    def _fetch(self, wish: _Wish) -> None:
        """Decode up to a frame, as long as nobody wishes for another one."""
        asked = wish.frame_index
        try:
            key = self._reader.keyframe_before(asked)
            if not key <= self._position <= asked:
                self._decode(key)
                self._tell(wish, key)
            at = max(key, self._position) if self._position <= asked else key
            while at + _STEP_FRAMES < asked and self._wish is wish:
                at += _STEP_FRAMES
                self._decode(at, keep=False)
            if self._wish is wish:
                self._decode(asked)
                self._tell(wish, asked)
        except VideoError as error:
            self._tell(wish, asked, error)
        except Exception as error:  # the thread goes on: later frames wait for it
            self._tell(wish, asked, _as_video_error(error, asked))
        with self._wake:
            if self._wish is wish:
                self._wish = None

    def _tell(self, wish: _Wish, shown: int, error: VideoError | None = None) -> None:
        if self._wish is wish:
            with suppress(RuntimeError):  # whoever asked is gone
                wish.tell(Fetched(wish.frame_index, shown, error))


def _as_video_error(error: Exception, frame_index: int) -> VideoError:
    what = str(error) or type(error).__name__
    return VideoError(
        tr("Frame {frame} cannot be read: {error}.").format(frame=frame_index, error=what),
        path="",
        frame_index=frame_index,
    )
