"""What formats that give masks frame by frame tell only once all of them have been read."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import overload

from ifc_core.io.track_builder import TrackBuilder
from ifc_core.io.ytvis_types import YtvisTrack
from ifc_core.structures import Category


class PendingTracks(Iterable[YtvisTrack]):
    """Tracks whose masks are still to be read, at once or in steps.

    Args:
        builder: Gathers the masks.
        reading: Puts the masks of one frame more into it with each item.
        lengths: Video id -> frames.
        found: Ids of the videos whose tracks a program found.
        notes: Filled by ``reading``: what is wrong with the files without being a fault, as
            sentences; whole once the masks are read.
        incomplete: Ids of the videos of which something that the file shows was left out.
    """

    def __init__(
        self,
        builder: TrackBuilder,
        reading: Iterator[object],
        lengths: Mapping[int, int],
        found: frozenset[int] = frozenset(),
        notes: Sequence[str] = (),
        incomplete: frozenset[int] = frozenset(),
    ) -> None:
        self._builder = builder
        self._reading = reading
        self._lengths = lengths
        self.found = found
        self.notes = notes
        self.incomplete = incomplete

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


class PendingClasses(Sequence[Category]):
    """Classes that only the masks tell: they are complete once the tracks have been read.

    They take the place of those of a header, which is asked for them after that.

    Args:
        known: Gives those that are known so far.
    """

    def __init__(self, known: Callable[[], Sequence[Category]]) -> None:
        self._known = known

    @overload
    def __getitem__(self, place: int) -> Category: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Category]: ...

    def __getitem__(self, place: int | slice) -> Category | Sequence[Category]:
        """One of them, or some."""
        return self._known()[place]

    def __iter__(self) -> Iterator[Category]:
        """All of them."""
        return iter(self._known())

    def __len__(self) -> int:
        """How many there are."""
        return len(self._known())
