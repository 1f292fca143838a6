"""The windows and shots of a run, and where they stood when the last clip was decided."""

from __future__ import annotations

import sys
from collections import deque

from ifc_core.inference.clip_plan import StreamState, WindowStream
from ifc_core.inference.settings import ProposeSettings


class RunWindows:
    """Gives the windows of a run as frames arrive.

    Clips may be decided later than their windows are complete; a run that goes on later starts
    where the stream stood after the last one that was decided.

    Args:
        settings: Of the run.

    Attributes:
        clip_length: T, without bound where a clip is as long as its shot.
        decided: State of the stream after the last window whose clip was decided.
    """

    def __init__(self, settings: ProposeSettings) -> None:
        self.clip_length = sys.maxsize if settings.offline else settings.clip_length
        stride = 1 if settings.offline else settings.clip_stride
        self._stream = WindowStream(self.clip_length, stride)
        self.decided = self._stream.state
        self._later: deque[StreamState] = deque()  # after each window since
        self._shots: list[tuple[int, int]] = []  # (position, frame index) of their first frames
        self._unlinked: deque[int] = deque()  # positions of cuts beyond which no clip is linked

    @property
    def num_arrived(self) -> int:
        """Frames so far."""
        return self._stream.state[1]

    @property
    def settled_before(self) -> int:
        """No window still to come holds a position under this number."""
        return self._stream.settled_before

    @property
    def shot_starts(self) -> tuple[int, ...]:
        """Frame index of the first frame of each shot so far."""
        return tuple(index for _, index in self._shots)

    def shot_start(self, position: int) -> int:
        """Position of the first frame of the shot that a frame belongs to; 0 before the first."""
        return max((first for first, _ in self._shots if first <= position), default=0)

    @property
    def decided_shot_starts(self) -> tuple[int, ...]:
        """The same of the frames up to :attr:`decided`; later cuts are found again."""
        return tuple(index for position, index in self._shots if position < self.decided[1])

    def arrive(self, frame_index: int, *, begins_shot: bool = False) -> list[range]:
        """Count one more frame.

        Args:
            frame_index: In the video.
            begins_shot: Nothing before it belongs to what it shows.

        Returns:
            Windows that are complete now: the last one of the shot before, and one that ends
            with this frame.
        """
        windows = []
        if begins_shot:
            windows = self.close()
            self._stream.begin_shot()
            self._unlinked.append(self.num_arrived)
        if begins_shot or not self._shots:
            self._shots.append((self.num_arrived, frame_index))
        return windows + self._noted(self._stream.push())

    def close(self) -> list[range]:
        """The last window, where frames are left that none holds."""
        return self._noted(self._stream.close())

    def begins_linked_shot(self, position: int) -> bool:
        """Whether a clip is the first of its shot to be linked; asked of clips in their order.

        Args:
            position: Of its first frame.
        """
        is_first = False
        while self._unlinked and self._unlinked[0] <= position:
            self._unlinked.popleft()
            is_first = True
        return is_first

    def note_decided(self, num_clips: int) -> None:
        """The clips of so many windows, the oldest first, were decided."""
        for _ in range(num_clips):
            self.decided = self._later.popleft()

    def restore(self, decided: StreamState, shot_starts: tuple[int, ...]) -> None:
        """Go on where an earlier run was.

        Args:
            decided: Its :attr:`decided`.
            shot_starts: Its :attr:`decided_shot_starts`.
        """
        self._stream.restore(decided)
        self.decided = decided
        self._shots = [(0, index) for index in shot_starts]
        self._unlinked.append(decided[3])

    def _noted(self, window: range | None) -> list[range]:
        """The window as a list, and where the stream stands after it kept in mind."""
        if window is None:
            return []
        self._later.append(self._stream.state)
        return [window]
