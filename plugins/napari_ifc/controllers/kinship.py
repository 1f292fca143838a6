"""Who divided into whom among the tracks of a video."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ifc_core.annotation.lineage import ancestors
from ifc_core.structures import Track


class Kinship:
    """Parents and daughters of the tracks that are shown; links to others do not count.

    Args:
        tracks: The tracks, in the order in which they are listed.
    """

    def __init__(self, tracks: Iterable[Track] = ()) -> None:
        known = {track.id: track.parent_id for track in tracks}
        self._parents = {i: p for i, p in known.items() if p is not None and p in known}
        self._known = tuple(known)
        self._daughters: dict[int | None, list[int]] = {}
        for track_id in known:
            self._daughters.setdefault(self._parents.get(track_id), []).append(track_id)

    def parent(self, track_id: int) -> int | None:
        """The track that divided into this one."""
        return self._parents.get(track_id)

    def daughters(self, track_id: int) -> tuple[int, ...]:
        """What a track divided into."""
        return tuple(self._daughters.get(track_id, ()))

    def is_linked(self, track_id: int) -> bool:
        """Whether a track has a mother or a daughter."""
        return track_id in self._parents or track_id in self._daughters

    def family(self, track_id: int) -> tuple[int, ...]:
        """The first track of a lineage and all that descend from it, each before its daughters."""
        above = self.ancestors(track_id)
        return tuple(self._below(above[-1] if above else track_id))

    def ancestors(self, track_id: int) -> tuple[int, ...]:
        """What a track descends from, the nearest first."""
        return tuple(ancestors(self._parents, track_id))

    def in_order(self) -> tuple[int, ...]:
        """All tracks as they are listed, but daughters right below their mothers."""
        listed = (i for root in self._daughters.get(None, ()) for i in self._below(root))
        return tuple(dict.fromkeys((*listed, *self._known)))  # a damaged file may hold rings

    def changed(self, before: Kinship) -> set[int]:
        """Tracks whose parent or daughters are others than before."""
        tracks = {*self._parents, *before._parents, *self._daughters, *before._daughters}
        return {
            track_id
            for track_id in tracks
            if track_id is not None
            and (
                self.parent(track_id) != before.parent(track_id)
                or self.daughters(track_id) != before.daughters(track_id)
            )
        }

    def _below(self, root: int) -> Iterator[int]:
        waiting, seen = [root], set[int]()
        while waiting:
            track_id = waiting.pop()
            if track_id not in seen:
                seen.add(track_id)
                yield track_id
                waiting.extend(reversed(self._daughters.get(track_id, ())))
