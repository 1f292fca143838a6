"""Video frames as an array that decodes on demand.

napari slices any object with ``shape``, ``dtype``, ``ndim``, ``size`` and
``__getitem__``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_ifc.frame_cache import FrameCache


class LazyVideo:
    """A (T, H, W, 3) uint8 array-like over a :class:`FrameCache`.

    Args:
        cache: Where the frames come from.
        num_frames: T.
        size: (height, width) in pixels.

    Attributes:
        cache: Where the frames come from.
        stand_in: While a frame is not decoded yet: that frame, and the one whose picture the
            window shows in its place.
        is_thin: Says whether one frame stands for many where many are asked for.
        choose: Given the frame that is about to be sliced, gives the one to show.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, cache: FrameCache, num_frames: int, size: tuple[int, int]) -> None:
        self.cache = cache
        self.shape = (num_frames, size[0], size[1], 3)
        self.size = int(np.prod(self.shape))
        self.stand_in: tuple[int, int] | None = None
        self.is_thin: Callable[[], bool] = lambda: False
        self.choose: Callable[[int], int] = lambda index: index
        self._instead: int | None = None
        self._seen: tuple[int, npt.NDArray[np.uint8]] | None = None

    def __len__(self) -> int:
        return self.shape[0]

    def __deepcopy__(self, memo: dict[int, Any]) -> LazyVideo:
        """What napari duplicates a layer with: the same frames, which are a person's own."""
        height, width = self.shape[1:3]
        return LazyVideo(self.cache.reopened(), len(self), (height, width))

    @contextmanager
    def showing(self, frame_index: int) -> Iterator[None]:
        """Let any one frame that is asked for meanwhile be this one.

        So a window can show a frame at once and tell napari's dimensions of it later.
        """
        self._instead = frame_index
        try:
            yield
        finally:
            self._instead = None

    def take(self, frame_index: int) -> None:
        """Decode the frame that the window is about to show; kept until it shows another one.

        Raises:
            VideoError: The frame cannot be decoded.
        """
        if self._seen is None or self._seen[0] != frame_index:
            self._seen = (frame_index, self.cache.get(frame_index))

    def blank(self) -> None:
        """Show black as frame -1 in place of the first one: no picture at hand can be decoded."""
        self._seen = (-1, np.zeros(self.shape[1:], np.uint8))
        self.stand_in = (0, -1)

    def __getitem__(self, key: Any) -> npt.NDArray[np.uint8]:
        """Index like numpy; only the frames that are asked for are decoded."""
        first, rest = (key[0], key[1:]) if isinstance(key, tuple) else (key, ())
        if isinstance(first, int | np.integer):
            index = int(first)
            return self._shown(index + len(self) if index < 0 else index)[rest]
        indices = np.arange(len(self))[first]
        if indices.size > 1 and self.is_thin():
            seen = 0 if self._seen is None else self._seen[0]
            indices = np.array([min(max(0, seen), len(self) - 1)])
        if indices.ndim == 0:
            return self._shown(int(indices))[rest]
        read = self._shown if len(indices) == 1 else self.cache.get  # a slice of one frame
        frames = [read(int(i))[rest] for i in indices]
        if not frames:
            return np.empty((0, *self.shape[1:]), dtype=np.uint8)
        return np.stack(frames)

    def _shown(self, index: int) -> npt.NDArray[np.uint8]:
        if threading.current_thread() is not threading.main_thread():
            return self.cache.get(index)
        index = self.choose(index) if self._instead is None else self._instead
        if self.stand_in is not None and index == self.stand_in[0]:
            index = self.stand_in[1]
        if self._seen is not None and index == self._seen[0]:
            return self._seen[1]  # the cache may have let go of it; do not wait for it now
        picture = self.cache.get(index)
        self._seen = (index, picture)
        return picture
