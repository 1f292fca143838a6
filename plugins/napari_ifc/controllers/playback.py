"""Playing a video at its own speed: which frame is due now."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

_USUAL_FPS = 25.0
_LONGEST_PAUSE_SECONDS = 1.0
_VARIES = 0.1  # of a usual step; times in files are rounded
_MAX_BEHIND = 8  # frames, as many as are decoded ahead


class Playback:
    """Frames by the clock, so that a slow computer drops frames instead of slowing down.

    Args:
        clock: Seconds, monotonic; replaced in tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = 0.0
        self._start = 0
        self._stop = 0
        self._fps = _USUAL_FPS
        self._times: npt.NDArray[np.float64] | None = None
        self.is_playing = False

    @property
    def interval_ms(self) -> int:
        """How often to ask for the frame that is due."""
        return max(5, round(500 / self._fps))

    def start(
        self, frame_index: int, num_frames: int, fps: float, times: Sequence[float] = ()
    ) -> int:
        """Begin to play; at the end of the video, from its start.

        Args:
            frame_index: The frame that is shown.
            num_frames: Frames of the video.
            fps: Frames per second; 25 where it is not known.
            times: Seconds of each frame, where they are known. Where the rate varies each is shown
                as long as it lasts, but pauses of a recorder are cut short.

        Returns:
            The frame to show first.
        """
        self._start = 0 if frame_index >= num_frames - 1 else frame_index
        self._stop = num_frames - 1
        self._fps = fps if fps > 0 else _USUAL_FPS
        self._times = _uneven(times)
        if self._times is not None:
            self._fps = 1 / float(np.median(np.diff(self._times)))
        self._began = self._clock()
        self.is_playing = num_frames > 1
        return self._start

    def due(self) -> int:
        """The frame to show now; playing ends with the last one."""
        seconds = self._clock() - self._began
        if self._times is None:
            frame = self._start + int(seconds * self._fps)
        else:
            frame = int(np.searchsorted(self._times, self._times[self._start] + seconds, "right"))
            frame -= 1
        if frame >= self._stop:
            self.is_playing = False
        return min(frame, self._stop)

    def reached(self, frame_index: int) -> None:
        """Tell which frame is seen; playing goes on from there where decoding lags behind."""
        if self.due() - frame_index > _MAX_BEHIND:
            self.go_on(frame_index)
        self.is_playing = frame_index < self._stop

    def go_on(self, frame_index: int) -> None:
        """Go on from another frame."""
        self._start, self._began = frame_index, self._clock()

    def stop(self) -> None:
        """Stay where it is."""
        self.is_playing = False


def _uneven(times: Sequence[float]) -> npt.NDArray[np.float64] | None:
    """When to show each frame of a video whose rate varies; ``None`` where it does not."""
    steps = np.diff(np.asarray(times, dtype=np.float64))
    usual = float(np.median(steps)) if len(steps) else 0.0
    if usual <= 0 or np.all(np.abs(steps - usual) <= _VARIES * usual):
        return None
    longest = max(_LONGEST_PAUSE_SECONDS, 5 * usual)
    return np.concatenate([[0.0], np.cumsum(np.minimum(steps, longest))])
