"""Questions a reviewer asks: which tracks match a filter, what is still to do."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from ifc_core.annotation import rows
from ifc_core.annotation.frame_columns import FrameColumns, columns_of_video
from ifc_core.annotation.lineage import linked
from ifc_core.annotation.records import WHOLE, Scope
from ifc_core.annotation.schema import FRAME_STATES, HIDDEN_CODES, STATE_CODE
from ifc_core.structures import FrameState, Track, TrackState

_PROPOSED = STATE_CODE[FrameState.PROPOSED]


@dataclass(frozen=True, slots=True)
class TrackFilter:
    """A selection of tracks; every condition that is set must hold.

    Attributes:
        score_below: Score under this value.
        score_at_least: Score of this value or more.
        mean_area_below_px: Mean mask area (over frames with a mask) under this value.
        mean_area_at_least_px: Mean mask area of this value or more.
        fewer_frames_than: Fewer frames with a mask than this.
        frames_at_least: At least this many frames with a mask.
        category_ids: One of these classes.
        states: One of these review states.
        untouched_only: No frame that a person corrected, approved, rejected or marked absent, and
            no class, name, frames, mother or daughter that the track was given; nor was it
            restored.
        scope: At least one mask on these frames; areas and lengths count these only.
    """

    score_below: float | None = None
    score_at_least: float | None = None
    mean_area_below_px: float | None = None
    mean_area_at_least_px: float | None = None
    fewer_frames_than: int | None = None
    frames_at_least: int | None = None
    category_ids: tuple[int, ...] | None = None
    states: tuple[TrackState, ...] | None = None
    untouched_only: bool = False
    scope: Scope | None = None

    @property
    def is_open(self) -> bool:
        """Whether it selects every track."""
        return self == TrackFilter()


@dataclass(frozen=True, slots=True)
class ProjectProgress:
    """How far the review of a whole project is.

    Attributes:
        num_videos: Videos.
        num_frames: Frames of all videos.
        exhaustive: Approved frames of all videos.
        num_tracks: Tracks that are not rejected.
        approved_tracks: Those that a person approved as a whole.
    """

    num_videos: int = 0
    num_frames: int = 0
    exhaustive: int = 0
    num_tracks: int = 0
    approved_tracks: int = 0


@dataclass(frozen=True, slots=True)
class VideoProgress:
    """How far the review of one video is, for a list of many.

    Attributes:
        exhaustive: Its approved frames.
        num_tracks: Its tracks that are not rejected.
        approved_tracks: Those that a person approved as a whole.
    """

    exhaustive: int = 0
    num_tracks: int = 0
    approved_tracks: int = 0


@dataclass(frozen=True, slots=True)
class FrameReview:
    """Counts of one video for the review bar.

    Attributes:
        num_frames: Frames of the video.
        exhaustive: Approved frames.
        annotated: Frames on which at least one mask is shown.
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
    query = f"SELECT {rows.TRACK_COLUMNS} FROM tracks WHERE video_id = ? ORDER BY id"  # noqa: S608
    tracks = [rows.track_of(row) for row in db.execute(query, (video_id,))]
    masks, nothing = columns_of_video(db, video_id), FrameColumns.empty()
    family = linked({t.id: t.parent_id for t in tracks if t.parent_id is not None})
    return [
        t.id for t in tracks if meets(t, masks.get(t.id, nothing), where, is_linked=t.id in family)
    ]


def meets(
    track: Track, columns: FrameColumns, where: TrackFilter, *, is_linked: bool = False
) -> bool:
    """Whether a track meets every condition of a filter.

    Its masks are looked at only where a condition asks something of them.

    Args:
        track: The header.
        columns: Its annotated frames.
        where: The conditions.
        is_linked: Whether it has a mother or a daughter.
    """
    return (
        _between(track.score, where.score_at_least, where.score_below)
        and (where.category_ids is None or track.category_id in where.category_ids)
        and (where.states is None or track.state in where.states)
        and not (where.untouched_only and (is_linked or _is_touched(track, columns)))
        and (not _asks_of_masks(where) or _masks_meet(columns, where))
    )


def _is_touched(track: Track, columns: FrameColumns) -> bool:
    return track.state is TrackState.CORRECTED or bool((columns.state != _PROPOSED).any())


def _asks_of_masks(where: TrackFilter) -> bool:
    asked = (
        where.scope,
        where.mean_area_at_least_px,
        where.mean_area_below_px,
        where.frames_at_least,
        where.fewer_frames_than,
    )
    return any(value is not None for value in asked)


def _masks_meet(columns: FrameColumns, where: TrackFilter) -> bool:
    scope = where.scope or WHOLE
    chosen = columns.has_mask & (columns.frame_index >= (scope.first or 0))
    if scope.last is not None:
        chosen &= columns.frame_index <= scope.last
    areas = columns.area_px[chosen]
    mean = float(areas.mean()) if len(areas) else 0.0
    return (
        _between(mean, where.mean_area_at_least_px, where.mean_area_below_px)
        and _between(len(areas), where.frames_at_least, where.fewer_frames_than)
        and (where.scope is None or len(areas) > 0)
    )


def _between(value: float, at_least: float | None, below: float | None) -> bool:
    return (at_least is None or value >= at_least) and (below is None or value < below)


def progress_of(db: sqlite3.Connection) -> ProjectProgress:
    """How far the review of the project is; no mask is read for it."""
    num_videos, num_frames = db.execute(
        "SELECT count(*), coalesce(sum(num_frames), 0) FROM videos"
    ).fetchone()
    exhaustive = db.execute("SELECT count(*) FROM exhaustive").fetchone()[0]
    by_state = dict(db.execute("SELECT state, count(*) FROM tracks GROUP BY state").fetchall())
    by_state.pop(TrackState.REJECTED.value, None)
    return ProjectProgress(
        num_videos=num_videos,
        num_frames=num_frames,
        exhaustive=exhaustive,
        num_tracks=sum(by_state.values()),
        approved_tracks=by_state.get(TrackState.APPROVED.value, 0),
    )


def progress_by_video(db: sqlite3.Connection) -> dict[int, VideoProgress]:
    """How far the review of each video is, in two look-ups for all; no mask is read for it."""
    frames = dict(db.execute("SELECT video_id, count(*) FROM exhaustive GROUP BY video_id"))
    tracks: dict[int, dict[str, int]] = {}
    grouped = "SELECT video_id, state, count(*) FROM tracks GROUP BY video_id, state"
    for video_id, state, number in db.execute(grouped):
        if state != TrackState.REJECTED.value:
            tracks.setdefault(video_id, {})[state] = number
    return {
        video_id: VideoProgress(
            exhaustive=frames.get(video_id, 0),
            num_tracks=sum(tracks.get(video_id, {}).values()),
            approved_tracks=tracks.get(video_id, {}).get(TrackState.APPROVED.value, 0),
        )
        for (video_id,) in db.execute("SELECT id FROM videos")
    }


def review_of(db: sqlite3.Connection, video_id: int, num_frames: int) -> FrameReview:
    """Counts of what is proposed, corrected, approved, rejected and absent."""
    found = db.execute(
        "SELECT current.state, count(*) FROM current JOIN tracks ON tracks.id = track_id "
        "WHERE current.video_id = ? AND tracks.state != ? GROUP BY current.state",
        (video_id, TrackState.REJECTED.value),
    )
    counts = {FRAME_STATES[code]: number for code, number in found}
    annotated = db.execute(
        "SELECT count(DISTINCT frame_index) FROM current JOIN tracks ON tracks.id = track_id "
        "WHERE current.video_id = ? AND area > 0 AND current.state NOT IN (?, ?) "
        "AND tracks.state != ?",
        (video_id, *HIDDEN_CODES, TrackState.REJECTED.value),
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
