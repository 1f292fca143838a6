"""The queue of what a person should look at: what, where, how urgently, and why.

An entry covers a stretch of one track for one reason, so that a minute of doubt is looked at
once; where a propagation lost its object, or stopped, is such a reason too. After these comes
each track as a whole, then the frames on which nothing is left to do but to say that they are
complete; an empty queue is a reviewed project.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ifc_core.annotation import FrameColumns, ProjectReader, VideoEntry
from ifc_core.annotation.propagation_gaps import PropagationGaps, Propagations
from ifc_core.annotation.refusals import RefusedDivision
from ifc_core.inference.review_entries import (
    ENTRY,
    REASONS,
    Entries,
    QueueEntry,
    Reason,
    Row,
    entry_at,
    entry_table,
    sorted_by_need,
)
from ifc_core.inference.review_suspicions import SWAP_NEED, Suspicion, find_suspicions, standing
from ifc_core.inference.uncertainty import (
    area_departure,
    is_settled,
    need_of_columns,
    open_frames,
)
from ifc_core.jobs import JobContext
from ifc_core.structures import Track, TrackKind, TrackState

__all__ = [
    "ENTRY",
    "REASONS",
    "Entries",
    "QueueEntry",
    "Reason",
    "VideoQueue",
    "entry_at",
    "sorted_by_need",
    "stretches",
    "track_entries",
]

_NEED = 0.5  # from here on a mask is looked at by itself
_UNSURE = 0.5
_WEAK = 0.5
_POOR = 0.5
_AREA = 0.5  # of the natural logarithm: about 1.65 times
_JUMP = 0.75  # of the object's own size
_JUMP_OVER_USUAL = 4.0
_LOW_SCORE = 0.5
_JOIN = 5  # frames between two doubtful ones that still make one entry
_LOST_NEED = 0.8
_UNREACHED_NEED = 0.45  # after every doubtful stretch, which may be what the rest is made from
_WHOLE_NEED = 0.4  # at most: a whole track comes after every doubtful stretch
_FRAMES_NEED = 0.01


@dataclass(slots=True)
class VideoQueue:
    """The entries of one video, kept current track by track. Used in one thread.

    Args:
        entry: The video.
        suspicions: Those found before, which :meth:`find_suspicions` replaces.

    Attributes:
        entry: The video.
        suspicions: Swaps and divisions as they were found; those that stand are entries.
    """

    entry: VideoEntry
    suspicions: Sequence[Suspicion] = ()
    _tracks: dict[int, Track] = field(default_factory=dict)
    _there: set[int] = field(default_factory=set)
    _columns: dict[int, FrameColumns] = field(default_factory=dict)
    _tables: dict[int, Entries] = field(default_factory=dict)
    _exhaustive: list[int] = field(default_factory=list)
    _shown: dict[int, FrameColumns] = field(default_factory=dict)
    _propagations: Propagations | None = None
    _gaps: dict[int, PropagationGaps] = field(default_factory=dict)
    _unsettled: npt.NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    _refusals: list[RefusedDivision] = field(default_factory=list)

    def build(self, reader: ProjectReader, context: JobContext) -> None:
        """Read every track of the video; :meth:`find_suspicions` goes through its masks.

        Raises:
            JobCancelled: The context was asked to stop.
        """
        self._unsettled = np.zeros(self.entry.num_frames, dtype=np.int32)
        self._columns.clear()
        self._tables.clear()
        columns = reader.frame_columns(self.entry.id)
        self._shown = dict(columns)
        self._propagations = None
        self._read_headers(reader)
        self._find_gaps(reader)
        for done, track_id in enumerate(self._tracks, start=1):
            self._take(reader, track_id, columns.get(track_id, FrameColumns.empty()))
            context.advance(done, len(self._tracks), "Looking for what needs attention", "tracks")

    def update(
        self, reader: ProjectReader, track_ids: Iterable[int], context: JobContext | None = None
    ) -> None:
        """Read some tracks again, after an edit.

        Args:
            reader: The project.
            track_ids: The tracks.
            context: Can cancel; what was not read by then is missing until the next ``build``.

        Raises:
            JobCancelled: The context was asked to stop.
        """
        self._read_headers(reader)
        changed = {*track_ids, *(self._columns.keys() - self._tracks.keys())}
        for track_id in changed:
            self._shown.pop(track_id, None)
            if track_id in self._there:
                self._shown[track_id] = reader.track_columns(track_id)
        self._find_gaps(reader)
        for track_id in changed:
            if context is not None:
                context.raise_if_cancelled()
            old = self._columns.pop(track_id, None)
            self._tables.pop(track_id, None)
            if old is not None:
                self._count(old, -1)
            if track_id in self._tracks:
                self._take(reader, track_id, self._shown[track_id])

    def find_suspicions(
        self,
        reader: ProjectReader,
        context: JobContext,
        read_frame: Callable[[int], npt.NDArray[np.uint8]] | None = None,
    ) -> None:
        """Look for identities that changed places, and cells that divided; slow, so it comes last.

        Args:
            reader: The project.
            context: Can cancel.
            read_frame: Reads a frame of the video, for the looks of the objects.

        Raises:
            JobCancelled: The context was asked to stop.
        """
        found = find_suspicions(reader, self.entry.id, self._tracks, context, read_frame)
        self.suspicions = [item.noted(self._columns) for item in found]

    def entries(self) -> Entries:
        """The entries of the video, unsorted."""
        return np.concatenate(
            [
                np.zeros(0, dtype=ENTRY),
                *self._tables.values(),
                self._gap_table(),
                self._suspicion_table(),
                self._frames(),
            ]
        )

    def _read_headers(self, reader: ProjectReader) -> None:
        tracks = reader.tracks(self.entry.id)
        self._there = {track.id for track in tracks}
        self._tracks = {
            t.id: t
            for t in tracks
            if t.state is not TrackState.REJECTED and t.kind is not TrackKind.IGNORE
        }
        self._exhaustive = reader.exhaustive_frames(self.entry.id)
        self._refusals = reader.refused_divisions(self.entry.id)

    def _find_gaps(self, reader: ProjectReader) -> None:
        """From what tracks show by now; what runs staged is read again where they changed."""
        self._propagations = reader.propagations(self.entry.id, self._propagations)
        shown = {i: (c.frame_index, c.mask_id) for i, c in self._shown.items()}
        self._gaps = self._propagations.gaps(self._there, shown, self._exhaustive)

    def _take(self, reader: ProjectReader, track_id: int, columns: FrameColumns) -> None:
        self._columns[track_id] = columns
        self._count(columns, 1)
        boxes = reader.mask_boxes(columns.mask_id[open_frames(columns)].tolist(), self.entry.size)
        self._tables[track_id] = track_entries(
            self._tracks[track_id], columns, boxes, self.entry.annotation_step
        )

    def _count(self, columns: FrameColumns, by: int) -> None:
        frames = columns.frame_index[open_frames(columns)]
        self._unsettled[frames[frames < len(self._unsettled)]] += by

    # Propagations

    def _gap_table(self) -> Entries:
        """Stretches on which a propagation lost its object, or that none came to."""
        rows: list[Row] = []
        for track_id, columns in self._columns.items():  # one that just came back is read later
            track, gaps = self._tracks[track_id], self._gaps.get(track_id)
            if gaps is not None and track.state is not TrackState.APPROVED:
                with_mask = columns.frame_index
                rows += _gap_rows(track, with_mask, gaps.lost, Reason.LOST, _LOST_NEED)
                rows += _gap_rows(
                    track, with_mask, gaps.unreached, Reason.UNREACHED, _UNREACHED_NEED
                )
        return entry_table(rows)

    # Swaps and divisions

    def _suspicion_table(self) -> Entries:
        open_ones = standing(self.suspicions, self._columns, self._tracks, self._refusals)
        return entry_table([item.row(self.entry.id) for item in open_ones])

    # Frames

    def _frames(self) -> Entries:
        """Stretches of frames without an open mask that nobody called complete yet."""
        done = self._unsettled == 0
        done[[f for f in self._exhaustive if f < len(done)]] = False
        for track_id in self._gaps.keys() & self._tracks.keys():
            if self._tracks[track_id].state is not TrackState.APPROVED:
                lost = self._gaps[track_id].lost
                done[lost[lost < len(done)]] = False
        if not self._columns or not (len(self._exhaustive) or self._any_settled()):
            return np.zeros(0, dtype=ENTRY)
        step = self.entry.annotation_step
        frames = np.flatnonzero(done)
        frames = frames[frames % step == 0]
        rows = [
            (
                self.entry.id,
                0,
                0,
                first,
                last,
                first,
                _FRAMES_NEED,
                0,
                REASONS.index(Reason.COMPLETE),
            )
            for first, last in stretches(frames, step)
        ]
        return entry_table(rows)

    def _any_settled(self) -> bool:
        return any(is_settled(columns).any() for columns in self._columns.values())


def stretches(frames: npt.NDArray[np.int64], join: int) -> list[tuple[int, int]]:
    """(first, last) of ascending frames; those at most ``join`` apart belong together."""
    if not len(frames):
        return []
    breaks = np.flatnonzero(np.diff(frames) > join) + 1
    starts = np.concatenate(([0], breaks))
    ends = np.concatenate((breaks, [len(frames)])) - 1
    return list(zip(frames[starts].tolist(), frames[ends].tolist(), strict=True))


def track_entries(
    track: Track, columns: FrameColumns, boxes: npt.NDArray[np.float32], step: int = 1
) -> Entries:
    """The entries of one track: its doubtful stretches, then the track as a whole.

    Args:
        track: Its header.
        columns: Its frames.
        boxes: (m, 4) float32 boxes xywh of its m open frames, see :func:`open_frames`.
        step: Every how many frames the video is annotated.
    """
    chosen = open_frames(columns)
    if not chosen.any() or track.state is TrackState.APPROVED:
        return np.zeros(0, dtype=ENTRY)
    need = need_of_columns(columns)[chosen]
    departure = area_departure(columns.area_px)[chosen]
    part = columns.take(chosen)
    signs = _signs(part, departure, boxes)
    worst = np.max([strength for strength, _ in signs.values()], axis=0)
    flagged = np.flatnonzero((need >= _NEED) | (worst >= 1.0))
    rows: list[Row] = []
    frames = part.frame_index.astype(np.int64)
    for first, last in stretches(frames[flagged], _JOIN * step):
        inside = flagged[(frames[flagged] >= first) & (frames[flagged] <= last)]
        rows.append(_stretch_row(track, first, last, inside, need, signs, frames))
    rows.append(_whole_row(track, frames))
    return entry_table(rows)


_Signs = Mapping[Reason, tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]


def _signs(
    part: FrameColumns, departure: npt.NDArray[np.float64], boxes: npt.NDArray[np.float32]
) -> _Signs:
    """Reason -> (strength, 1 at its threshold; value for the person), each (m,) float64."""
    unsure = np.nan_to_num(part.uncertainty.astype(np.float64), nan=0.0)
    link = np.nan_to_num(part.link_score.astype(np.float64), nan=1.0)
    quality = np.nan_to_num(part.quality.astype(np.float64), nan=1.0)
    jump, usual = _jumps(part.frame_index, boxes)
    moved = np.where(jump > _JUMP_OVER_USUAL * usual, jump / _JUMP, 0.0)
    return {
        Reason.UNCERTAIN: (unsure / _UNSURE, unsure),
        Reason.WEAK_LINK: ((1.0 - link) / _WEAK, link),
        Reason.POOR_FIT: ((1.0 - quality) / _POOR, quality),
        Reason.AREA: (departure / _AREA, np.exp(departure)),
        Reason.MOVE: (moved, jump),
    }


def _jumps(
    frames: npt.NDArray[np.int32], boxes: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float64], float]:
    """Movement into each frame in sizes of the object, and what is usual for it."""
    centres = boxes[:, :2].astype(np.float64) + boxes[:, 2:] / 2
    size = np.sqrt(np.maximum(1.0, np.prod(boxes[:, 2:].astype(np.float64), axis=1)))
    jump = np.zeros(len(frames))
    if len(frames) > 1:
        moved = np.linalg.norm(np.diff(centres, axis=0), axis=1)
        jump[1:] = moved / np.maximum(size[1:], size[:-1]) / np.diff(frames)
    return jump, float(np.median(jump[1:])) if len(frames) > 1 else 0.0


def _stretch_row(
    track: Track,
    first: int,
    last: int,
    inside: npt.NDArray[np.intp],
    need: npt.NDArray[np.float64],
    signs: _Signs,
    frames: npt.NDArray[np.int64],
) -> Row:
    strengths = {reason: strength[inside] for reason, (strength, _) in signs.items()}
    reason = max(strengths, key=lambda r: float(strengths[r].max()))
    worst = int(inside[int(np.argmax(strengths[reason] + need[inside]))])
    value = float(signs[reason][1][worst])
    urgency = _NEED + (SWAP_NEED - _NEED) * float(need[inside].max())
    place = (first, last, int(frames[worst]))
    return (track.video_id, track.id, 0, *place, urgency, value, REASONS.index(reason))


def _gap_rows(
    track: Track,
    annotated: npt.NDArray[np.int32],
    frames: npt.NDArray[np.int64],
    reason: Reason,
    need: float,
) -> list[Row]:
    """A row a stretch; the frame to look at is the one next to what the track shows."""
    rows: list[Row] = []
    for first, last in stretches(frames, 1):
        comes_from_behind = not len(annotated) or annotated[0] > last
        place = (first, last, last if comes_from_behind else first)
        code = REASONS.index(reason)
        rows.append((track.video_id, track.id, 0, *place, need, last + 1 - first, code))
    return rows


def _whole_row(track: Track, frames: npt.NDArray[np.int64]) -> Row:
    reason = Reason.LOW_SCORE if track.score < _LOW_SCORE else Reason.NOT_REVIEWED
    need = max(2 * _FRAMES_NEED, _WHOLE_NEED * (1.0 - track.score))
    place = (int(frames[0]), int(frames[-1]), int(frames[0]))
    return (track.video_id, track.id, 0, *place, need, track.score, REASONS.index(reason))
