"""Tracks as a tracker spoils them: broken, with gaps, merged, seen twice or in part."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ifc_core.structures import RLEMask

Rows = list[dict[int, RLEMask]]
"""For each frame the mask of each track that is seen."""

_CHANCES = (0.15, 0.1, 0.1, 0.1, 0.1)  # in the order of _Spoiler.ways; the rest stays as it is


def spoiled(
    rows: Sequence[Mapping[int, RLEMask]], rng: np.random.Generator, spared: Collection[int] = ()
) -> Rows:
    """Spoil about half of the tracks, each in one way, from a random frame on.

    A track goes on under a new number, after a frame without it or at once; is missing on one to
    three frames; has half of its object in a second track, too, for three frames or for good; goes
    on under a new number with most of its object in a second one; or takes in its neighbour for
    one to three frames, who comes back under a new number.

    Args:
        rows: At least two frames.
        rng: Source of randomness.
        spared: Tracks that stay as they are.

    Returns:
        New rows.
    """
    spoiler = _Spoiler([dict(row) for row in rows], rng, spared)
    chosen = np.cumsum(_CHANCES)
    for track in sorted({track for row in rows for track in row} - set(spared)):
        way = int(np.searchsorted(chosen, rng.random(), side="right"))
        if way < len(spoiler.ways):
            spoiler.ways[way](track, int(rng.integers(1, len(rows))))
    return spoiler.rows


class _Spoiler:
    def __init__(self, rows: Rows, rng: np.random.Generator, spared: Collection[int]) -> None:
        self.rows, self.rng, self.spared = rows, rng, spared
        self.last = max((track for row in rows for track in row), default=0)
        self.ways: tuple[Callable[[int, int], None], ...] = (
            self._broken,
            self._missing,
            self._split,
            self._doubled,
            self._merged,
        )

    def _new(self) -> int:
        self.last += 1
        return self.last

    def _broken(self, track: int, start: int) -> None:
        back, new = start + int(self.rng.integers(2)), self._new()
        for t, row in enumerate(self.rows[start:], start):
            if track in row:
                mask = row.pop(track)
                if t >= back:
                    row[new] = mask

    def _missing(self, track: int, start: int) -> None:
        for row in self.rows[start : start + int(self.rng.integers(1, 4))]:
            row.pop(track, None)

    def _split(self, track: int, start: int) -> None:
        end = len(self.rows) if self.rng.random() < 0.5 else start + 3
        angle, new = self.rng.uniform(0, 2 * np.pi), self._new()
        for row in self.rows[start:end]:
            if track in row:
                _add(row, new, _side(row[track], angle, 0.5))

    def _doubled(self, track: int, start: int) -> None:
        part, whole = self._new(), self._new()
        for row in self.rows[start:]:
            if track in row:
                row[whole] = row.pop(track)
                _add(row, part, _side(row[whole], np.pi / 2, 0.7))

    def _merged(self, track: int, start: int) -> None:
        there = self.rows[start]
        others = [i for i in there if i != track and i not in self.spared]
        if track not in there or not others:
            return
        middle = _middle(there[track])
        other = min(others, key=lambda i: float(np.hypot(*(_middle(there[i]) - middle))))
        back, new = start + int(self.rng.integers(1, 4)), self._new()
        for t, row in enumerate(self.rows[start:], start):
            if other not in row:
                continue
            if t >= back:
                row[new] = row.pop(other)
            elif track in row:
                row[track] = RLEMask.union([row[track], row.pop(other)])


def _add(row: dict[int, RLEMask], track: int, mask: RLEMask) -> None:
    if mask.area:
        row[track] = mask


def _side(mask: RLEMask, angle: float, share: float) -> RLEMask:
    """The share of a mask's pixels that lies farthest against a direction."""
    array = mask.to_array()
    y, x = np.nonzero(array)
    along = x * np.cos(angle) + y * np.sin(angle)
    kept = along < np.quantile(along, share)
    part = np.zeros_like(array)
    part[y[kept], x[kept]] = True
    return RLEMask.from_array(part)


def _middle(mask: RLEMask) -> npt.NDArray[np.float64]:
    x, y, width, height = mask.bbox_xywh
    return np.array([x + width / 2, y + height / 2])
