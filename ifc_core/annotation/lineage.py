"""Who descends from whom among the tracks of a video."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def ancestors(parents: Mapping[int, int], track_id: int) -> Iterable[int]:
    """What a track descends from, the nearest first; each once, also in a ring."""
    seen = dict[int, None]()
    while (above := parents.get(track_id)) is not None and above not in seen:
        seen[above] = None
        track_id = above
    return seen
