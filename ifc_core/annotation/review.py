"""Questions a reviewer asks: which tracks match a filter, what is still to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from ifc_core.annotation.records import WHOLE, Scope
from ifc_core.annotation.schema import FRAME_STATES, STATE_CODE
from ifc_core.structures import FrameState, TrackState


@dataclass(frozen=True, slots=True)
class TrackFilter:
    """A selection of tracks; every condition that is set must hold.

    Attributes:
        score_below: Score under this value.
        mean_area_below_px: Mean mask area (over frames with a mask) under this value.
        fewer_frames_than: Fewer frames with a mask than this.
        category_ids: One of these classes.
        states: One of these review states.
        untouched_only: No frame that a person corrected, approved, rejected or marked absent.
        scope: At least one mask on these frames.
    """

    score_below: float | None = None
    mean_area_below_px: float | None = None
    fewer_frames_than: int | None = None
    category_ids: tuple[int, ...] | None = None
    states: tuple[TrackState, ...] | None = None
    untouched_only: bool = False
    scope: Scope | None = None


@dataclass(frozen=True, slots=True)
class FrameReview:
    """Counts of one video for the review bar.

    Attributes:
        num_frames: Frames of the video.
        exhaustive: Approved frames.
        annotated: Frames with at least one mask.
        proposed: (track, frame) pairs that nobody reviewed.
        corrected: Pairs that a person drew or changed.
        approved: Pairs that a person approved.
        rejected: Pairs that a person rejected.
        absent: Pairs where a person saw that the object is absent.
    """

    num_frames: int
    exhaustive: int
    annotated: int
    proposed: int
    corrected: int
    approved: int
    rejected: int
    absent: int


def find_tracks(db: sqlite3.Connection, video_id: int, where: TrackFilter) -> list[int]:
    """Tracks of a video that meet every condition of a filter, by id."""
    tracks = db.execute(
        "SELECT id, category_id, state, score FROM tracks WHERE video_id = ? ORDER BY id",
        (video_id,),
    ).fetchall()
    masks = {row[0]: row[1:] for row in _mask_figures(db, video_id, where.scope or WHOLE)}
    return [row[0] for row in tracks if _matches(row, masks.get(row[0], (0, 0.0, 0)), where)]


def _mask_figures(
    db: sqlite3.Connection, video_id: int, scope: Scope
) -> Iterator[tuple[int, int, float, int]]:
    """(track id, frames with a mask in scope, their mean area, records a person touched)."""
    yield from db.execute(
        "SELECT track_id, sum(area > 0 AND frame_index BETWEEN ? AND ?), "
        "coalesce(avg(CASE WHEN area > 0 AND frame_index BETWEEN ? AND ? THEN area END), 0), "
        "sum(state != ?) FROM current WHERE video_id = ? GROUP BY track_id",
        (*_limits(scope), *_limits(scope), STATE_CODE[FrameState.PROPOSED], video_id),
    )


def _limits(scope: Scope) -> tuple[int, int]:
    return (scope.first or 0, (1 << 62) if scope.last is None else scope.last)


def _matches(
    track: tuple[int, int, str, float], masks: tuple[int, float, int], where: TrackFilter
) -> bool:
    _, category_id, state, score = track
    num_frames, mean_area, num_touched = masks
    return (
        (where.score_below is None or score < where.score_below)
        and (where.category_ids is None or category_id in where.category_ids)
        and (where.states is None or TrackState(state) in where.states)
        and (where.mean_area_below_px is None or mean_area < where.mean_area_below_px)
        and (where.fewer_frames_than is None or num_frames < where.fewer_frames_than)
        and (where.scope is None or num_frames > 0)
        and not (where.untouched_only and num_touched)
    )


def review_of(db: sqlite3.Connection, video_id: int, num_frames: int) -> FrameReview:
    """Counts of what is proposed, corrected, approved, rejected and absent."""
    found = db.execute(
        "SELECT current.state, count(*) FROM current JOIN tracks ON tracks.id = track_id "
        "WHERE current.video_id = ? AND tracks.state != ? GROUP BY current.state",
        (video_id, TrackState.REJECTED.value),
    )
    counts = {FRAME_STATES[code]: number for code, number in found}
    annotated = db.execute(
        "SELECT count(DISTINCT frame_index) FROM current WHERE video_id = ? AND area > 0",
        (video_id,),
    ).fetchone()[0]
    exhaustive = db.execute(
        "SELECT count(*) FROM exhaustive WHERE video_id = ?", (video_id,)
    ).fetchone()[0]
    return FrameReview(
        num_frames=num_frames,
        exhaustive=exhaustive,
        annotated=annotated,
        proposed=counts.get(FrameState.PROPOSED, 0),
        corrected=counts.get(FrameState.CORRECTED, 0),
        approved=counts.get(FrameState.APPROVED, 0),
        rejected=counts.get(FrameState.REJECTED, 0),
        absent=counts.get(FrameState.ABSENT, 0),
    )
