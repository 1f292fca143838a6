"""Which frames make a clip: the near-online windows of a run and the canonical plan.

All numbers here are positions in the sequence of frames that are looked at; with a frame
step they differ from the frame indices of the video.
"""

from __future__ import annotations

from collections.abc import Iterator


def clip_windows(num_frames: int, clip_length: int, clip_stride: int) -> Iterator[range]:
    """Near-online windows: starts 0, S, 2S, ...; the last is pulled back to end with the video.

    Args:
        num_frames: V.
        clip_length: T.
        clip_stride: S.

    Yields:
        Windows; one shorter than T if V < T.

    Source: paper section 4.1.
    """
    stream = WindowStream(clip_length, clip_stride)
    for _ in range(num_frames):
        window = stream.push()
        if window is not None:
            yield window
    last = stream.close()
    if last is not None:
        yield last


StreamState = tuple[int, int, int, int]
"""Next start, frames counted, end of the last window, start of the shot."""


class WindowStream:
    """The windows of a sequence whose length is not known yet, in one shot or several.

    No window holds frames of two shots: those of a shot are what they would be if it were a
    sequence of its own.

    Args:
        clip_length: T.
        clip_stride: S, at most T.
    """

    def __init__(self, clip_length: int, clip_stride: int) -> None:
        if not 1 <= clip_stride <= clip_length:
            raise ValueError(f"need 1 <= S <= T, got S = {clip_stride}, T = {clip_length}")
        self._length = clip_length
        self._stride = clip_stride
        self._next_start = 0
        self._arrived = 0
        self._last_stop = 0
        self._shot_start = 0

    def push(self) -> range | None:
        """Count one more frame.

        Returns:
            The window that the frame completes, or ``None``.
        """
        self._arrived += 1
        if self._arrived != self._next_start + self._length:
            return None
        window = range(self._next_start, self._arrived)
        self._last_stop = window.stop
        self._next_start += self._stride
        return window

    def close(self) -> range | None:
        """End the sequence, or the shot where :meth:`begin_shot` follows.

        Returns:
            The last window, pulled back but not over the start of its shot, or ``None`` if the
            frames are all covered.
        """
        if self._last_stop == self._arrived:
            return None
        self._last_stop = self._arrived
        return range(max(self._shot_start, self._arrived - self._length), self._arrived)

    def begin_shot(self) -> None:
        """The next frame is the first of another shot; the one before it is closed already."""
        self._next_start = self._last_stop = self._shot_start = self._arrived

    @property
    def state(self) -> StreamState:
        """Where the stream stands, for :meth:`restore`."""
        return self._next_start, self._arrived, self._last_stop, self._shot_start

    def restore(self, state: StreamState) -> None:
        """Go on where another stream of the same T and S was."""
        self._next_start, self._arrived, self._last_stop, self._shot_start = state

    @property
    def settled_before(self) -> int:
        """No window still to come holds a position under this number."""
        if self._last_stop == self._shot_start:
            return self._shot_start
        # If the shot ends now, its last window starts at arrived - T; each further frame
        # moves that start on, up to the next regular one.
        last_start = self._next_start - self._stride
        earliest = max(last_start + 1, self._arrived - self._length)
        return min(self._next_start, earliest)


def of_one_length(windows: list[range]) -> list[list[range]]:
    """Windows in their order, put together where neighbours are of one length."""
    groups: list[list[range]] = []
    for window in windows:
        if groups and len(groups[-1][0]) == len(window):
            groups[-1].append(window)
        else:
            groups.append([window])
    return groups


def canonical_windows(num_frames: int, clip_length: int) -> list[range]:
    """Windows of T, stride T - 1, the last pulled back: the clips of editing tools.

    Neighbours share a frame, on which a mask weight can be fitted again across the boundary.
    """
    return list(clip_windows(num_frames, clip_length, max(1, clip_length - 1)))


def canonical_window(position: int, num_frames: int, clip_length: int) -> range:
    """The canonical window that centres a position best (the earlier one of two equals).

    Args:
        position: 0-based, less than ``num_frames``.
        num_frames: V.
        clip_length: T.

    Raises:
        IndexError: There is no such position.
    """
    if not 0 <= position < num_frames:
        raise IndexError(f"position {position} of {num_frames}")
    if num_frames <= clip_length:
        return range(num_frames)
    stride = max(1, clip_length - 1)
    starts = {max(0, k * stride) for k in (position // stride - 1, position // stride)}
    regular = {s for s in starts if s + clip_length < num_frames}
    windows = [range(s, s + clip_length) for s in sorted(regular | {num_frames - clip_length})]
    holding = [w for w in windows if position in w]
    return min(holding, key=lambda w: abs(2 * position - (w.start + w.stop - 1)))


def within_shot(window: range, shot: range, clip_length: int) -> range:
    """A canonical window that reaches over a cut, moved into the shot and shortened if need be.

    Windows that lie in one shot stay what they are, wherever the shots before them begin.

    Args:
        window: Holds a position of the shot.
        shot: Positions; of a longer shot those up to T - 1 before and after the window will do.
        clip_length: T.
    """
    start = window.start
    if start < shot.start:
        start = shot.start
    elif window.stop > shot.stop:
        start = max(shot.start, shot.stop - clip_length)
    return range(start, min(start + clip_length, shot.stop))
