"""What the review queue is made of: entries that say what to look at, where, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt


class Reason(StrEnum):
    """Why an entry is in the queue."""

    SWAP = "swap"
    DIVISION = "division"
    UNCERTAIN = "uncertain"
    WEAK_LINK = "weak link"
    POOR_FIT = "poor fit"
    AREA = "area"
    MOVE = "move"
    LOST = "lost"
    UNREACHED = "unreached"
    LOW_SCORE = "low score"
    NOT_REVIEWED = "not reviewed"
    COMPLETE = "complete"


REASONS = tuple(Reason)
"""Reasons by their code in :data:`ENTRY`."""

ENTRY = np.dtype(
    [
        ("video", "i4"),
        ("track", "i8"),
        ("other", "i8"),
        ("first", "i4"),
        ("last", "i4"),
        ("frame", "i4"),
        ("need", "f4"),
        ("value", "f4"),
        ("reason", "u1"),
        ("parent", "i8"),
    ]
)
"""One entry: ids (0: none), frames (the worst one in ``frame``), need, value of the reason. Of a
suspected division ``track`` and ``other`` are the daughters, ``parent`` is their mother."""

_NUM_FIELDS = len(ENTRY.names or ())

Entries = npt.NDArray[np.void]


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """One thing to look at.

    Attributes:
        video_id: The video.
        track_id: The track, or 0 for frames as such; one daughter of a suspected division.
        other_id: The track it may be swapped with, the other daughter, or 0.
        first: First frame.
        last: Last frame, included.
        frame_index: The frame to look at.
        need: 0 to 1, how urgent.
        value: Uncertainty, link score, quality, ratio of areas, sizes moved, likelihood, score, or
            the number of frames of what a propagation left open.
        reason: Why.
        parent_id: The track that seems to have divided, or 0. It is one of the daughters where
            its track goes on as that one.
    """

    video_id: int
    track_id: int
    other_id: int
    first: int
    last: int
    frame_index: int
    need: float
    value: float
    reason: Reason
    parent_id: int = 0

    @property
    def key(self) -> tuple[int, int, int, int, Reason]:
        """What stays the same when the queue is made anew."""
        return (self.video_id, self.track_id, self.other_id, self.first, self.reason)


def entry_at(entries: Entries, place: int) -> QueueEntry:
    """An entry of a table as an object."""
    row = entries[place]
    return QueueEntry(
        int(row["video"]),
        int(row["track"]),
        int(row["other"]),
        int(row["first"]),
        int(row["last"]),
        int(row["frame"]),
        float(row["need"]),
        float(row["value"]),
        REASONS[int(row["reason"])],
        int(row["parent"]),
    )


Row = tuple[float, ...]
"""The fields of an entry in order; ``parent`` may be left out where there is none."""


def entry_table(rows: Sequence[Row]) -> Entries:
    """Rows as a table."""
    return np.array([row + (0,) * (_NUM_FIELDS - len(row)) for row in rows], dtype=ENTRY)


def sorted_by_need(tables: Iterable[Entries]) -> Entries:
    """Tables as one, most urgent first; equally urgent ones by video and frame."""
    parts = [np.zeros(0, dtype=ENTRY), *tables]
    joined = np.concatenate(parts)
    order = np.lexsort((joined["first"], joined["track"], joined["video"], -joined["need"]))
    return joined[order]
