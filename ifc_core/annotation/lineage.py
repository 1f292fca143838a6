"""Who descends from whom among the tracks of a video."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping


def ancestors(parents: Mapping[int, int], track_id: int) -> Iterable[int]:
    """What a track descends from, the nearest first; each once, also in a ring."""
    seen = dict[int, None]()
    while (above := parents.get(track_id)) is not None and above not in seen:
        seen[above] = None
        track_id = above
    return seen


def linked(parents: Mapping[int, int]) -> set[int]:
    """Tracks with a mother or a daughter, which proposing again does not replace."""
    return {*parents, *parents.values()}


def rings_of(parents: Mapping[int, int]) -> Iterator[int]:
    """Tracks that descend from themselves; each track is looked at once."""
    known = set[int]()
    for start in parents:
        chain: dict[int, None] = {}
        track_id: int | None = start
        while track_id is not None and track_id not in known and track_id not in chain:
            chain[track_id] = None
            track_id = parents.get(track_id)
        if track_id in chain:
            ring = list(chain)
            yield from ring[ring.index(track_id) :]
        known.update(chain)
