"""Tracks of formats that give masks frame by frame: all are read before the first track."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping

from ifc_core.io.track_builder import TrackBuilder
from ifc_core.io.ytvis_types import YtvisTrack


class PendingTracks(Iterable[YtvisTrack]):
    """Tracks whose masks are still to be read, at once or in steps.

    Args:
        builder: Gathers the masks.
        reading: Puts the masks of one frame more into it with each item.
        lengths: Video id -> frames.
        found: Ids of the videos whose tracks a program found.
    """

    def __init__(
        self,
        builder: TrackBuilder,
        reading: Iterator[object],
        lengths: Mapping[int, int],
        found: frozenset[int] = frozenset(),
    ) -> None:
        self._builder = builder
        self._reading = reading
        self._lengths = lengths
        self.found = found

    def steps(self) -> Iterator[tuple[int, int]]:
        """Read the masks.

        Yields:
            Frames that were read, and frames in all; after each frame.

        Raises:
            FormatError: The masks cannot be read.
        """
        total = sum(self._lengths.values())
        for done, _ in enumerate(self._reading, start=1):
            yield done, total

    def __iter__(self) -> Iterator[YtvisTrack]:
        """The tracks one by one, once what is left of the masks has been read."""
        deque(self._reading, maxlen=0)
        yield from self._builder.tracks(self._lengths)
