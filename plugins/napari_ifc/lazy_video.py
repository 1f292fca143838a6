"""Video frames as an array that decodes on demand.

napari slices any object with ``shape``, ``dtype``, ``ndim``, ``size`` and
``__getitem__``. Frames are kept in a least-recently-used cache that is bounded in bytes,
and a background thread decodes the frames that come next in the direction of travel.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ifc_core.errors import VideoError

Frame = npt.NDArray[np.uint8]

_PREFETCH_FRAMES = 8
_TRAVEL_FRAMES = 3


class FrameReader(Protocol):
    """The part of a video reader that is used here."""

    def read(self, frame_index: int) -> Frame:
        """Decode one frame, (H, W, 3) uint8 RGB."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class FrameCache:
    """Decoded frames of one video; safe to read from several threads.

    Args:
        reader: Decodes single frames; used by one thread at a time. Closed with the cache.
        num_frames: Frames in the video.
        max_bytes: Bound of the memory for decoded frames; at least two frames are kept.
        prefetch: Whether a thread decodes ahead.
    """

    def __init__(
        self,
        reader: FrameReader,
        num_frames: int,
        *,
        max_bytes: int = 512 * 1024 * 1024,
        prefetch: bool = True,
    ) -> None:
        self._reader = reader
        self._num_frames = num_frames
        self._max_bytes = max_bytes
        self._frames: OrderedDict[int, Frame] = OrderedDict()
        self._bytes = 0
        self._cache_lock = threading.Lock()
        self._reader_lock = threading.Lock()
        self._wake = threading.Condition()
        self._wanted: list[int] = []
        self._last = 0
        self._closed = False
        self._thread: threading.Thread | None = None
        if prefetch:
            self._thread = threading.Thread(
                target=self._prefetch_loop, name="ifc-frame-prefetch", daemon=True
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

    def close(self) -> None:
        """Stop the thread and close the reader. Safe to call twice."""
        with self._wake:
            if self._closed:
                return
            self._closed = True
            self._wanted.clear()
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

    def _decode(self, frame_index: int) -> Frame:
        with self._reader_lock:
            frame = self._lookup(frame_index)  # another thread may have been faster
            if frame is not None:
                return frame
            frame = self._reader.read(frame_index)
        frame.flags.writeable = False
        self._store(frame_index, frame)
        return frame

    def _store(self, frame_index: int, frame: Frame) -> None:
        with self._cache_lock:
            if frame_index not in self._frames:
                self._frames[frame_index] = frame
                self._bytes += frame.nbytes
            while self._bytes > self._max_bytes and len(self._frames) > 2:
                _, dropped = self._frames.popitem(last=False)
                self._bytes -= dropped.nbytes

    def _plan_ahead(self, frame_index: int) -> None:
        step = frame_index - self._last
        self._last = frame_index
        if self._thread is None or abs(step) > _TRAVEL_FRAMES:
            return
        direction = -1 if step < 0 else 1
        frame_bytes = max(1, self._bytes // max(1, len(self._frames)))
        ahead = min(_PREFETCH_FRAMES, max(1, self._max_bytes // frame_bytes - 2))
        indices = (frame_index + direction * k for k in range(1, ahead + 1))
        with self._wake:
            self._wanted = [i for i in indices if 0 <= i < self._num_frames]
            self._wake.notify_all()

    def _prefetch_loop(self) -> None:
        while True:
            with self._wake:
                while not self._wanted and not self._closed:
                    self._wake.wait()
                if self._closed:
                    return
                frame_index = self._wanted.pop(0)
            if self._lookup(frame_index) is not None:
                continue
            try:
                self._decode(frame_index)
            except VideoError:
                # The same error comes up, with its sentence, when the frame is asked for.
                with self._wake:
                    self._wanted.clear()


class LazyVideo:
    """A (T, H, W, 3) uint8 array-like over a :class:`FrameCache`.

    Args:
        cache: Where the frames come from.
        num_frames: T.
        size: (height, width) in pixels.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, cache: FrameCache, num_frames: int, size: tuple[int, int]) -> None:
        self._cache = cache
        self.shape = (num_frames, size[0], size[1], 3)
        self.size = int(np.prod(self.shape))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> npt.NDArray[np.uint8]:
        """Index like numpy; only the frames that are asked for are decoded."""
        first, rest = (key[0], key[1:]) if isinstance(key, tuple) else (key, ())
        if isinstance(first, int | np.integer):
            index = int(first)
            return self._cache.get(index + len(self) if index < 0 else index)[rest]
        indices = np.arange(len(self))[first]
        if indices.ndim == 0:
            return self._cache.get(int(indices))[rest]
        frames = [self._cache.get(int(i))[rest] for i in indices]
        if not frames:
            return np.empty((0, *self.shape[1:]), dtype=np.uint8)
        return np.stack(frames)
