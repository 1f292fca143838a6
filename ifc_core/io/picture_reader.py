"""What videos made of single pictures have in common: those read last are kept."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections import OrderedDict

import numpy as np
import numpy.typing as npt

from ifc_core.errors import VideoError
from ifc_core.io.video import VideoReader

PICTURE_FPS = 25.0
"""Pictures a second by convention, where nobody says how many there are."""

_CACHE_BYTES = 96 << 20


class PictureReader(VideoReader):
    """Reads single pictures and keeps some; without a rate of its own.

    A subclass sets ``video`` and ``pts_seconds``, and says how one picture is read.
    """

    has_rate = False

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._kept: OrderedDict[int, npt.NDArray[np.uint8]] = OrderedDict()
        self._is_closed = False

    @abstractmethod
    def _load(self, frame_index: int) -> npt.NDArray[np.uint8]:
        """Read a picture that is there, (H, W, 3) uint8 RGB as it is displayed.

        Raises:
            VideoError: It cannot be read.
        """

    def read(self, frame_index: int) -> npt.NDArray[np.uint8]:
        """One frame; see :meth:`VideoReader.read`."""
        with self._lock:
            index = self._checked(frame_index)
            if self._is_closed:
                raise VideoError(f"{self.video.path.name} was closed.", path=self.video.path)
            picture = self._kept.get(index)
            if picture is None:
                picture = self._load(index)
                self._kept[index] = picture
                while len(self._kept) > max(2, _CACHE_BYTES // picture.nbytes):
                    self._kept.popitem(last=False)
            self._kept.move_to_end(index)
            return picture.copy()

    def close(self) -> None:
        """Forget the pictures read."""
        with self._lock:
            self._kept.clear()
            self._is_closed = True
