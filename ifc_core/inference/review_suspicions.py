"""What may have gone wrong, or happened, between tracks: swapped identities and divisions.

Both are found in one pass over the stored masks. A suspicion is good as long as its tracks show
the same records there. A person turns down a swap by approving those, and a division by saying so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ifc_core.annotation import FrameColumns, ProjectReader
from ifc_core.annotation.refusals import RefusedDivision
from ifc_core.inference.divisions import GAP, DivisionFinder, SuspectedDivision
from ifc_core.inference.review_entries import REASONS, Reason, Row
from ifc_core.inference.uncertainty import (
    SuspectedSwap,
    TrackedMask,
    open_frames,
    stored_masks,
    suspected_swaps,
)
from ifc_core.jobs import JobContext
from ifc_core.structures import Track, TrackKind

SWAP_NEED = 0.9
"""Need of a swap, at least: it spoils all that follows."""

_DIVISION_NEED = 0.85  # at least: before masks are corrected, which a swap comes before
_DIVISION_SPAN = SWAP_NEED - _DIVISION_NEED
_DIVIDING = {"cell", "nucleus", "bacterium", "cells", "nuclei", "bacteria", "yeast"}

Columns = Mapping[int, FrameColumns]
"""Track id -> its frames."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Two tracks that seem to have changed places, or to be the daughters of a third one.

    Attributes:
        reason: ``SWAP`` or ``DIVISION``.
        frame_index: First frame on which they do.
        tracks: The two tracks, ascending.
        parent_id: The track that seems to have divided, or 0.
        score: 0 to 1, how likely.
        mask_ids: What these tracks show there, the parent on the frame before, see
            :meth:`noted`.
        last: The frame on which both daughters are seen; of a swap ``frame_index``.
        step: Frames from one mask of these tracks to the next, as a rule.
    """

    reason: Reason
    frame_index: int
    tracks: tuple[int, int]
    parent_id: int
    score: float
    mask_ids: tuple[int, ...] = ()
    last: int = 0
    step: int = 1

    def noted(self, columns: Columns) -> Suspicion:
        """The same, with what the tracks show by now."""
        last = self.frame_index
        if self.parent_id:  # a daughter's track may begin a little later
            last = max(last, *(_begin(columns.get(i), last) for i in self.tracks))
        step = _step([columns[i] for i in (*self.tracks, self.parent_id) if i in columns])
        return replace(self, mask_ids=self._shown(columns), last=last, step=step)

    def stands(
        self, columns: Columns, tracks: Mapping[int, Track], begins: Sequence[int] = ()
    ) -> bool:
        """Whether the tracks show what they did, and nobody decided about it.

        Args:
            columns: The frames of the tracks that are there.
            tracks: Their headers.
            begins: The first frames of the tracks that descend from the parent.
        """
        if not all(self.mask_ids) or self._shown(columns) != self.mask_ids:
            return False
        if self.parent_id:
            return not self._is_linked(tracks, begins)
        return any(self._is_open(columns[track]) for track in self.tracks)

    def is_refused(self, refused: RefusedDivision) -> bool:
        """Whether a person said that it is none, whose masks or tracks may have changed since."""
        if refused.mask_ids == set(self.mask_ids):
            return True
        same = (refused.parent_id, refused.daughter_ids) == (self.parent_id, self.tracks)
        return same and abs(refused.frame_index - self.frame_index) <= GAP * self.step

    def row(self, video_id: int) -> Row:
        """The entry of the queue."""
        low, span = SWAP_NEED, 1 - SWAP_NEED
        if self.reason is Reason.DIVISION:
            low, span = _DIVISION_NEED, _DIVISION_SPAN
        frames = (self.frame_index, self.last, self.frame_index)
        code = REASONS.index(self.reason)
        need = low + span * self.score
        return (video_id, *self.tracks, *frames, need, self.score, code, self.parent_id)

    def _shown(self, columns: Columns) -> tuple[int, ...]:
        found = [_record(columns.get(track), self.frame_index) for track in self.tracks]
        if self.parent_id:
            found.append(_record(columns.get(self.parent_id), self.frame_index, -1))
        return tuple(found)

    def _is_linked(self, tracks: Mapping[int, Track], begins: Sequence[int]) -> bool:
        """Whether a daughter has a mother, or the mother daughters who begin about there.

        A mother whose track went on divides again, which the daughters of then say nothing of.
        """
        born = [tracks[track] for track in self.tracks if track != self.parent_id]
        return any(track.parent_id is not None for track in born) or any(
            abs(begin - self.frame_index) <= GAP * self.step for begin in begins
        )

    def _is_open(self, columns: FrameColumns) -> bool:
        place = int(np.searchsorted(columns.frame_index, self.frame_index))
        return place < len(columns) and bool(open_frames(columns.take(slice(place, place + 1)))[0])


def standing(
    suspicions: Collection[Suspicion],
    columns: Columns,
    tracks: Mapping[int, Track],
    refusals: Collection[RefusedDivision] = (),
) -> list[Suspicion]:
    """Those of which the tracks show what they did, and about which nobody decided.

    Args:
        suspicions: As they were noted.
        columns: The frames of the tracks that are there.
        tracks: Their headers.
        refusals: Divisions of the video that a person said are none.
    """
    begins: dict[int, list[int]] = {s.parent_id: [] for s in suspicions if s.parent_id}
    for track in tracks.values():
        if track.parent_id in begins and track.id in columns:
            begins[track.parent_id] += _first(columns[track.id])
    return [
        item
        for item in suspicions
        if item.stands(columns, tracks, begins.get(item.parent_id, ()))
        and not any(map(item.is_refused, refusals))
    ]


def _first(columns: FrameColumns) -> list[int]:
    """The first frame that shows a mask, if any does."""
    return [int(frame) for frame in columns.frame_index[columns.has_mask][:1]]


def _step(family: Sequence[FrameColumns]) -> int:
    """Frames from one mask of some tracks to the next, as a rule."""
    steps = [np.diff(columns.frame_index) for columns in family]
    return int(np.median(np.concatenate(steps))) if any(map(len, steps)) else 1


def _begin(columns: FrameColumns | None, frame_index: int) -> int:
    """The frame itself or the next one that a track has, or 0."""
    if columns is None:
        return 0
    place = int(np.searchsorted(columns.frame_index, frame_index))
    return int(columns.frame_index[place]) if place < len(columns) else 0


def _record(columns: FrameColumns | None, frame_index: int, offset: int = 0) -> int:
    """The record of a track on a frame or the next one it has, or 0; -1: the one before that."""
    if columns is None:
        return 0
    place = int(np.searchsorted(columns.frame_index, frame_index)) + offset
    return int(columns.mask_id[place]) if 0 <= place < len(columns) else 0


def find_suspicions(
    reader: ProjectReader,
    video_id: int,
    tracks: Mapping[int, Track],
    context: JobContext,
    read_frame: Callable[[int], npt.NDArray[np.uint8]] | None = None,
) -> list[Suspicion]:
    """Look for swaps among all tracks, and for divisions among those of :func:`dividing_tracks`.

    Args:
        reader: The project.
        video_id: The video.
        tracks: Headers of its tracks.
        context: Can cancel.
        read_frame: Reads a frame of the video, for the looks of the objects.

    Raises:
        JobCancelled: The context was asked to stop.
    """
    finder = DivisionFinder()
    frames: Iterator[tuple[int, Sequence[TrackedMask]]] = stored_masks(reader, video_id)
    dividing = dividing_tracks(reader, tracks)
    if dividing:
        frames = finder.watch(frames, dividing)
    swaps = suspected_swaps(frames, read_frame, context=context)
    return [*map(_of_swap, swaps), *map(_of_division, finder.finish())]


def dividing_tracks(reader: ProjectReader, tracks: Mapping[int, Track]) -> set[int]:
    """Tracks that may divide: those of classes of cells, or in which one did already.

    A person who splits one thing into two would else be asked whether it divided.

    Args:
        reader: The project.
        tracks: Headers of a video's tracks.
    """
    classes = {
        c.id for c in reader.categories() if (c.name.lower().split() or [""])[-1] in _DIVIDING
    }
    classes |= {track.category_id for track in tracks.values() if track.parent_id is not None}
    return {
        track.id
        for track in tracks.values()
        if track.category_id in classes and track.kind is TrackKind.OBJECT
    }


def _of_swap(swap: SuspectedSwap) -> Suspicion:
    pair = (swap.track_a, swap.track_b)
    return Suspicion(Reason.SWAP, swap.frame_index, pair, 0, swap.score)


def _of_division(division: SuspectedDivision) -> Suspicion:
    return Suspicion(
        Reason.DIVISION,
        division.frame_index,
        division.daughter_ids,
        division.parent_id,
        division.score,
    )
