"""Reading a video some of whose frames cannot be decoded."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress

import numpy as np
import numpy.typing as npt

from ifc_core.errors import VideoError
from ifc_core.io.video import VideoReader

Picture = npt.NDArray[np.uint8]
MOST_TRIED = 300
"""Frames that a search for a picture tries in either direction."""


class ReadableFrames(Iterator[tuple[int, Picture]]):
    """Frames in order, none left out: a broken one is stood in for by its neighbour's picture.

    So whatever counts frames goes on counting. The stand-in is the nearest frame before that can
    be decoded, or else the first one behind; what comes of it is not to be kept, see
    :attr:`broken`.

    Args:
        reader: The video.
        start: First frame.
        stop: One past the last frame, the end of the video by default.
        step: Distance of the frames, at least 1.

    Attributes:
        broken: Frames that were given out and cannot be decoded.

    Raises:
        VideoError: While iterating, where no frame of the video can be decoded.
    """

    def __init__(
        self, reader: VideoReader, start: int = 0, stop: int | None = None, step: int = 1
    ) -> None:
        self._reader = reader
        end = reader.num_indexed if stop is None else min(stop, reader.num_indexed)
        self._indices = iter(range(start, end, step))
        self._last: Picture | None = None
        self._given = start
        self.broken: set[int] = set()

    def __next__(self) -> tuple[int, Picture]:
        frame_index = next(self._indices)
        try:
            self._last = self._reader.read(frame_index)
        except VideoError:
            self._last = self._stand_in(frame_index)
            self.broken.add(frame_index)
        self._given = frame_index
        return frame_index, self._last

    def _stand_in(self, frame_index: int) -> Picture:
        """The same picture wherever the iteration began: what :func:`nearest_readable` gives."""
        if self._last is None:
            return nearest_readable(self._reader, frame_index, most=None)[1]
        for near in range(frame_index - 1, self._given, -1):  # those that the step leaves out
            with suppress(VideoError):
                return self._reader.read(near)
        return self._last

    @property
    def notice(self) -> str:
        """A sentence about the broken frames given out so far, or empty."""
        return _notice(self.broken, self._reader.video.path.name)


class StandInReader(VideoReader):
    """Any frame of a video, a broken one stood in for as by :class:`ReadableFrames`.

    Args:
        reader: The video; closing this closes it.
        stands: What an earlier reader of the same video found; it is added to.

    Attributes:
        stands: Broken frame -> the frame whose picture stands in for it, for those that were
            asked for. What comes of a broken frame is not to be kept.
    """

    def __init__(self, reader: VideoReader, stands: dict[int, int] | None = None) -> None:
        self._reader = reader
        self.video, self.pts_seconds = reader.video, reader.pts_seconds
        self.has_rate = reader.has_rate
        self.first_readable, self.warning = reader.first_readable, reader.warning
        self.stands = {} if stands is None else stands

    def read(self, frame_index: int) -> Picture:
        """One frame, or its stand-in.

        Raises:
            VideoError: The video has no such frame, or none that can be decoded.
        """
        index = self._checked(frame_index)
        if index in self.stands:
            return self._reader.read(self.stands[index])
        try:
            return self._reader.read(index)
        except VideoError:
            # The neighbour of a broken frame has the same stand-in: between them lies nothing.
            near = self.stands.get(index - 1, self.stands.get(index + 1))
            if near is None:
                near, picture = nearest_readable(self._reader, index, most=None)
            else:
                picture = self._reader.read(near)
            self.stands[index] = near
            return picture

    def read_whole(self, frame_index: int) -> Picture:
        """One frame, never a stand-in.

        Raises:
            VideoError: The video has no such frame, or it cannot be decoded.
        """
        return self._reader.read(frame_index)

    def keyframe_before(self, frame_index: int) -> int:
        """See :meth:`VideoReader.keyframe_before`."""
        return self._reader.keyframe_before(frame_index)

    def close(self) -> None:
        """Let go of the video."""
        self._reader.close()

    @property
    def notice(self) -> str:
        """A sentence about the broken frames asked for so far, or empty."""
        return _notice(self.stands, self.video.path.name)


def _notice(broken: Collection[int], name: str) -> str:
    if not broken:
        return ""
    first, last = min(broken), max(broken)
    if first == last:
        return f"Frame {first} of {name} cannot be decoded; it got no masks."
    return (
        f"{len(broken)} frames of {name} between {first} and {last} cannot be decoded; "
        "they got no masks."
    )


def nearest_readable(
    reader: VideoReader, frame_index: int = 0, most: int | None = MOST_TRIED
) -> tuple[int, Picture]:
    """A frame that can be decoded: this one, else the nearest before it, else behind it.

    Args:
        reader: The video.
        frame_index: Where to look first.
        most: Frames to try in either direction before the search is given up; ``None`` for all
            of the video. Those that :attr:`~VideoReader.first_readable` passes over do not count.

    Returns:
        Its index, and (H, W, 3) uint8 RGB.

    Raises:
        VideoError: No frame near ``frame_index`` can be decoded, or none of the video.
    """
    first, end = reader.first_readable, reader.num_indexed
    reach = end if most is None else most
    before = range(frame_index, max(first - 1, frame_index - reach), -1)
    begin = max(first, frame_index + 1)
    behind = range(begin, min(end, begin + reach))
    problem: VideoError | None = None
    for near in (*before, *behind):
        try:
            return near, reader.read(near)
        except VideoError as error:
            problem = problem or error
    name = reader.video.path.name
    everything = len(before) + len(behind) >= end - first
    raise VideoError(
        f"No frame of {name} can be decoded."
        if everything
        else f"No frame of {name} within {reach} of frame {frame_index} can be decoded.",
        path=reader.video.path,
        frame_index=frame_index,
    ) from problem
