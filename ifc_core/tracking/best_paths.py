"""Tracks as the best paths through the instances of consecutive clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MOST_STEPS = 4
"""Clips that a path goes on by at once: it may pass over three that miss its object."""

SAME_IOU = 0.7
"""Soft IoU from which on two instances of a clip are one thing, which one path has."""

_LEAST_IOU = 0.2  # less is another thing; .3 kept tracks from a query that takes their object over
_GAP_COST = 0.3  # for each clip that is passed over
_NEVER = -1e9

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Column:
    """The N instances of one clip, and how they agree with those of the clips before.

    Attributes:
        gains: (N,) what a path gains by each one; for instances whose track is known already
            what the track brings along, ``-inf`` where it is not the track's last one.
        ious: (M, N) soft IoU with the M instances of 1, 2, ... columns
            before; ``None`` where the two clips share no frame. At most :data:`MOST_STEPS`.
        same: (N, N) soft IoU among themselves.
        is_known: Whether the tracks of the instances are known.
    """

    gains: Floats
    ious: tuple[Floats | None, ...]
    same: Floats
    is_known: bool = False


Path = tuple[tuple[int, int], ...]
"""One thing through the clips: (column, row) of each instance, columns ascending."""


def best_paths(columns: Sequence[Column], least_gains: Sequence[float] = ()) -> list[Path]:
    """Take the best path out, again and again, until none gains anything.

    A path gains what its instances give, and pays 1 - soft IoU for each step and something for
    each clip that it passes over. What tells the same as an instance of the path in the same
    clip goes with it: no second path follows the same thing.

    Args:
        columns: Clips in their order; those that are known come first.
        least_gains: For each column what a path must gain that begins there and continues no
            track; by default nothing.

    Returns:
        Disjoint paths, best first; one that begins in a known column continues its track.

    Source: the greedy paths with non-maximum suppression of Pirsiavash et al., "Globally-optimal
    greedy algorithms for tracking a variable number of objects", CVPR 2011, section 5; costs are
    the space-time soft IoU and class probabilities of IFC.
    """
    gains = [column.gains.astype(np.float64, copy=True) for column in columns]
    steps = [_step_gains(column) for column in columns]
    wanted = list(least_gains) or [0.0] * len(columns)
    least = min((w for c, w in zip(columns, wanted, strict=True) if not c.is_known), default=0.0)
    begin = [np.zeros(len(column.gains)) for column in columns]
    found: list[Path] = []
    while True:
        best, came_from = _forward(columns, gains, steps, begin)
        end = _best_end(columns, best)
        if end is None:
            return found
        way = _backwards(came_from, end)
        root, row = way[0]
        gain = best[end[0]][end[1]]
        if columns[root].is_known and gain <= gains[root][row]:
            gains[root][row] = _NEVER  # nothing here continues this track
        elif not columns[root].is_known and gain < least:
            for column, start in zip(columns, begin, strict=True):
                if not column.is_known:
                    start[:] = _NEVER  # no other path that begins gains more
        elif not columns[root].is_known and gain < wanted[root]:
            begin[root][row] = _NEVER
        else:
            _take_out(columns, gains, way)
            found.append(tuple(way))


def _take_out(
    columns: Sequence[Column], gains: list[Floats], way: Sequence[tuple[int, int]]
) -> None:
    """Leave the instances of a path to no other, and what tells the same as one of them."""
    for column, row in way:
        if not columns[column].is_known:
            gains[column][columns[column].same[row] >= SAME_IOU] = _NEVER
        gains[column][row] = _NEVER


def _step_gains(column: Column) -> list[Floats | None]:
    """(M, N) what a step to each instance costs, from 1, 2, ... columns before."""
    return [
        None
        if iou is None or iou.size == 0
        else np.where(iou >= _LEAST_IOU, iou - 1.0 - _GAP_COST * passed, _NEVER)
        for passed, iou in enumerate(column.ious)
    ]


def _forward(
    columns: Sequence[Column],
    gains: list[Floats],
    steps: list[list[Floats | None]],
    begin: Sequence[Floats],
) -> tuple[list[Floats], list[npt.NDArray[np.int64]]]:
    """Gain of the best path that ends in each instance, and (column, row) before it or -1.

    ``begin`` is what it gains a path to begin in each instance: nothing, or that it must not.
    """
    best: list[Floats] = []
    came_from: list[npt.NDArray[np.int64]] = []
    for number, column in enumerate(columns):
        before = np.full((len(gains[number]), 2), -1, np.int64)
        brought = begin[number].copy()
        for back, step in enumerate(() if column.is_known else steps[number], start=1):
            if step is None:
                continue
            arriving = best[number - back][:, None] + step
            rows = arriving.argmax(0)
            gain = arriving[rows, np.arange(len(rows))]
            better = gain > brought
            brought[better] = gain[better]
            before[better, 0] = number - back
            before[better, 1] = rows[better]
        best.append(gains[number] + brought)
        came_from.append(before)
    return best, came_from


def _best_end(columns: Sequence[Column], best: list[Floats]) -> tuple[int, int] | None:
    """Where the best path ends, ``None`` where none gains anything."""
    top, end = 0.0, None
    for number, (column, values) in enumerate(zip(columns, best, strict=True)):
        if not column.is_known and len(values) and values.max() > top:
            top, end = float(values.max()), (number, int(values.argmax()))
    return end


def _backwards(
    came_from: list[npt.NDArray[np.int64]], end: tuple[int, int]
) -> list[tuple[int, int]]:
    way = [end]
    while True:
        column, row = came_from[way[-1][0]][way[-1][1]].tolist()
        if column < 0:
            return way[::-1]
        way.append((column, row))
