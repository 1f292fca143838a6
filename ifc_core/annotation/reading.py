"""Reading a project, from the writer's connection or from a second, read-only one."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ifc_core.annotation import (
    frame_columns,
    history,
    model_versions,
    review,
    rows,
    staging,
)
from ifc_core.annotation.category_ids import free_category_id
from ifc_core.annotation.check import damage_behind, find_faults
from ifc_core.annotation.connection import DATABASE_NAME, project_error
from ifc_core.annotation.delta import Pointer
from ifc_core.annotation.frame_columns import FrameColumns
from ifc_core.annotation.imported_proposals import (
    ImportedProposals,
    read_imported,
    read_records,
)
from ifc_core.annotation.locating import Nearby, find_video
from ifc_core.annotation.propagation_gaps import (
    PropagationGaps,
    Propagations,
    gaps_of_video,
    read_propagations,
)
from ifc_core.annotation.reader_views import ReaderView, connect_for_view
from ifc_core.annotation.records import WHOLE as WHOLE_TRACK
from ifc_core.annotation.records import (
    HistoryEntry,
    ModelVersion,
    RunInfo,
    RunState,
    Scope,
    StagedInstance,
    StagedMask,
    TrackFrame,
    VideoEntry,
)
from ifc_core.annotation.refusals import RefusedDivision, read_refusals
from ifc_core.annotation.review import (
    FrameReview,
    ProjectProgress,
    TrackFilter,
    VideoProgress,
)
from ifc_core.annotation.schema import (
    FRAME_STATES,
    MASK_SOURCES,
    SOURCE_CODE,
    STATE_CODE,
)
from ifc_core.errors import EditError, ProjectError
from ifc_core.structures import (
    Category,
    FrameState,
    MaskRecord,
    MaskSource,
    RLEMask,
    Track,
    TrackState,
)

_MASKS_AT_ONCE = 256
_FRAME_COLUMNS = (
    "track_id, frame_index, current.mask_id, state, source, revision, area, "
    "uncertainty, link_score, quality"
)


def project_folder(path: Path | str) -> Path:
    """The project folder that a path means: the folder itself, or its ``project.sqlite``.

    Raises:
        ProjectError: There is no project.
    """
    folder = Path(path).absolute()
    if folder.name == DATABASE_NAME:
        folder = folder.parent
    try:
        found = (folder / DATABASE_NAME).is_file()
    except OSError as error:  # a folder on the way that may not be entered
        reason = (error.strerror or "unknown reason").lower()
        raise ProjectError(f"{path} cannot be read: {reason}.", path=folder) from error
    if not found:
        raise ProjectError(f"{path} is not an IFC Studio project.", path=folder)
    return folder


def view_project(folder: Path | str, view: ReaderView) -> ProjectReader:
    """Open a second connection that only reads.

    Args:
        folder: The project.
        view: What it sees of what is written meanwhile.

    Raises:
        ProjectError: There is no project, it is damaged, or it is of another version.
    """
    place = project_folder(folder)
    return ProjectReader(place, connect_for_view(place, view))


class ProjectReader:
    """A read-only view of a project, used from the thread that opened it.

    ``with ProjectReader.open(folder) as reader`` gives a worker its own connection and one
    consistent snapshot for as long as it is open, whatever the window writes meanwhile.

    Attributes:
        folder: The ``NAME.ifcproj`` folder.
    """

    folder: Path

    def __init__(self, folder: Path, db: sqlite3.Connection) -> None:
        self.folder = folder
        self._db = db
        self._is_open = True

    @classmethod
    def open(cls, folder: Path | str) -> Self:
        """Open a second connection that only reads, on one snapshot; for a moment's work.

        See :func:`view_project` for longer work.

        Raises:
            ProjectError: There is no project, it is damaged, or it is of another version.
        """
        place = project_folder(folder)
        return cls(place, connect_for_view(place, ReaderView.SNAPSHOT))

    def close(self) -> None:
        """Close the connection."""
        if self._is_open:
            self._is_open = False
            self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            damage = damage_behind(value, self._db, self.folder) if self._is_open else ""
            if damage:
                raise ProjectError(damage, path=self.folder) from value
        finally:
            self.close()
        if isinstance(value, sqlite3.Error):  # a page that is damaged is met when it is read
            raise project_error(value, self.folder) from value

    # Videos, categories, tracks

    @property
    def name(self) -> str:
        """Name of the project."""
        return history.get_meta(self._db, "name", self.folder.stem)

    def videos(self) -> list[VideoEntry]:
        """All videos in the order they were added. Opens no file."""
        query = f"SELECT {rows.VIDEO_COLUMNS} FROM videos ORDER BY id"  # noqa: S608
        return [rows.video_of(tuple(row), self.folder) for row in self._db.execute(query)]

    def video(self, video_id: int) -> VideoEntry:
        """One video; ``EditError`` where there is none."""
        query = f"SELECT {rows.VIDEO_COLUMNS} FROM videos WHERE id = ?"  # noqa: S608
        row = self._db.execute(query, (video_id,)).fetchone()
        if row is None:
            raise EditError(f"There is no video {video_id} in the project.", path=self.folder)
        return rows.video_of(tuple(row), self.folder)

    def find_video_file(
        self, video_id: int, search: Sequence[Path] = (), nearby: Nearby | None = None
    ) -> Path | None:
        """Find a video's file by place and fingerprint, without storing a new place.

        Args:
            video_id: The video.
            search: More folders to look in.
            nearby: What was looked at for other videos, so that nothing is looked at twice.

        Returns:
            The path, or ``None`` where the person must be asked.
        """
        query = "SELECT absolute_hint FROM videos WHERE id = ?"
        entry = self.video(video_id)
        hint = str(self._db.execute(query, (video_id,)).fetchone()[0])
        entries = () if entry.fingerprint else self.videos()
        return find_video(entry, hint, self.folder, search, nearby, entries)

    def categories(self) -> list[Category]:
        """All categories by id."""
        query = f"SELECT {rows.CATEGORY_COLUMNS} FROM categories ORDER BY id"  # noqa: S608
        return [rows.category_of(tuple(row)) for row in self._db.execute(query)]

    def free_category_id(self) -> int:
        """An id for a new category, which no other had before, not even one that was removed."""
        return free_category_id(self._db)

    def tracks(self, video_id: int, include_rejected: bool = True) -> list[Track]:
        """Tracks of a video, lowest z first."""
        query = f"SELECT {rows.TRACK_COLUMNS} FROM tracks WHERE video_id = ? ORDER BY z_order, id"  # noqa: S608
        tracks = [rows.track_of(tuple(row)) for row in self._db.execute(query, (video_id,))]
        return [t for t in tracks if include_rejected or t.state is not TrackState.REJECTED]

    def track(self, track_id: int) -> Track:
        """One track; ``EditError`` where there is none."""
        query = f"SELECT {rows.TRACK_COLUMNS} FROM tracks WHERE id = ?"  # noqa: S608
        row = self._db.execute(query, (track_id,)).fetchone()
        if row is None:
            raise EditError(f"Track {track_id} does not exist (any more).", path=self.folder)
        return rows.track_of(tuple(row))

    # Masks

    def masks_at(
        self, video_id: int, frame_index: int, *, include_hidden: bool = False
    ) -> list[MaskRecord]:
        """Masks of one frame, lowest z first: one indexed look-up.

        Args:
            video_id: The video.
            frame_index: 0-based frame.
            include_hidden: Also rejected tracks and masks, and absent records (``rle`` None).
        """
        found = self._db.execute(
            "SELECT track_id, current.mask_id, current.state, revision, current.source, "
            "current.area, counts, tracks.state, height, width FROM current "
            "JOIN masks ON masks.id = current.mask_id JOIN tracks ON tracks.id = track_id "
            "JOIN videos ON videos.id = current.video_id "
            "WHERE current.video_id = ? AND frame_index = ? ORDER BY z_order, track_id",
            (video_id, frame_index),
        )
        shown = []
        for row in found:
            hidden = row[2] == STATE_CODE[FrameState.REJECTED] or row[6] is None
            if include_hidden or not (hidden or row[7] == TrackState.REJECTED.value):
                shown.append(row)
        if not shown:
            return []
        size = (shown[0][8], shown[0][9])
        masks = rows.checked_rles([row[6] for row in shown], size, self.folder)
        return [
            rows.record_of(row[0], frame_index, Pointer(*row[1:6]), rle)
            for row, rle in zip(shown, masks, strict=True)
        ]

    def rejected_masks(self, video_id: int, frame_index: int) -> tuple[int, ...]:
        """Tracks, by id, whose mask on a frame is rejected while they are not; reads no mask."""
        found = self._db.execute(
            "SELECT track_id FROM current JOIN tracks ON tracks.id = track_id "
            "WHERE current.video_id = ? AND frame_index = ? AND current.state = ? AND area > 0 "
            "AND tracks.state != ? ORDER BY track_id",
            (
                video_id,
                frame_index,
                STATE_CODE[FrameState.REJECTED],
                TrackState.REJECTED.value,
            ),
        )
        return tuple(row[0] for row in found)

    def decided_masks(self, video_id: int, scope: Scope) -> list[tuple[int, int]]:
        """(track id, frame index) of what a person drew, corrected or approved, by frame.

        One query however many tracks there are; absent masks and rejected tracks are left out.

        Args:
            video_id: The video.
            scope: Only these frames.
        """
        last = (1 << 62) if scope.last is None else scope.last
        decided = [STATE_CODE[s] for s in (FrameState.CORRECTED, FrameState.APPROVED)]
        found = self._db.execute(
            "SELECT track_id, frame_index FROM current JOIN tracks ON tracks.id = track_id "
            "WHERE current.video_id = ? AND frame_index BETWEEN ? AND ? "
            "AND current.state IN (?, ?) AND area > 0 AND tracks.state <> ? "
            "ORDER BY frame_index, track_id",
            (video_id, scope.first or 0, last, *decided, TrackState.REJECTED.value),
        )
        return [(row[0], row[1]) for row in found]

    def mask(self, track_id: int, frame_index: int) -> MaskRecord | None:
        """The current record, or ``None`` where the frame is not annotated for the track."""
        row = self._db.execute(
            "SELECT current.mask_id, state, revision, current.source, current.area, counts, "
            "height, width FROM current JOIN masks ON masks.id = current.mask_id "
            "JOIN videos ON videos.id = current.video_id "
            "WHERE track_id = ? AND frame_index = ?",
            (track_id, frame_index),
        ).fetchone()
        if row is None:
            return None
        rle = rows.checked_rle(row[5], (row[6], row[7]), self.folder)
        return rows.record_of(track_id, frame_index, Pointer(*row[:5]), rle)

    def track_masks(self, track_id: int) -> Iterator[MaskRecord]:
        """Every current record of a track by frame, absent and rejected ones included."""
        video = self.video(self.track(track_id).video_id)
        found = self._db.execute(
            "SELECT frame_index, current.mask_id, state, revision, current.source, current.area, "
            "counts FROM current JOIN masks ON masks.id = current.mask_id "
            "WHERE track_id = ? ORDER BY frame_index",
            (track_id,),
        )
        while part := found.fetchmany(_MASKS_AT_ONCE):
            masks = rows.checked_rles([row[6] for row in part], video.size, self.folder)
            for row, rle in zip(part, masks, strict=True):
                yield rows.record_of(track_id, row[0], Pointer(*row[1:6]), rle)

    def track_frames(self, track_id: int) -> list[TrackFrame]:
        """State, source and area of every annotated frame of a track, without masks."""
        found = self._db.execute(
            f"SELECT {_FRAME_COLUMNS} FROM current "  # noqa: S608
            "LEFT JOIN signals ON signals.mask_id = current.mask_id "
            "WHERE track_id = ? ORDER BY frame_index",
            (track_id,),
        )
        return [_track_frame(row) for row in found]

    def frame_columns(self, video_id: int) -> dict[int, FrameColumns]:
        """``track_frames`` of all tracks of a video as arrays: track id -> columns."""
        return frame_columns.columns_of_video(self._db, video_id)

    def track_columns(self, track_id: int, scope: Scope = WHOLE_TRACK) -> FrameColumns:
        """``track_frames`` as arrays; only the frames of a scope where one is given."""
        return frame_columns.columns_of_track(self._db, track_id, scope)

    def propagation_gaps(self, video_id: int) -> dict[int, PropagationGaps]:
        """Frames that propagations were to fill and that are not annotated: track id -> gaps."""
        return gaps_of_video(self._db, video_id)

    def propagations(self, video_id: int, known: Propagations | None = None) -> Propagations:
        """What accepted propagations staged; ``known`` again while the same ones are accepted."""
        return read_propagations(self._db, video_id, known)

    def has_more_frames_than(self, video_id: int, count: int) -> bool:
        """Whether a video has more than ``count`` annotated (track, frame) pairs."""
        return frame_columns.has_more_than(self._db, video_id, count)

    def mask_boxes(self, mask_ids: Sequence[int], size: tuple[int, int]) -> npt.NDArray[np.float32]:
        """(n, 4) float32 tight boxes (x, y, width, height) of records; zeros where absent."""
        return frame_columns.boxes_of(self._db, self.folder, mask_ids, size)

    # Review

    def frame_is_exhaustive(self, video_id: int, frame_index: int) -> bool:
        """Whether the frame was approved: every object of the classes is annotated."""
        found = self._db.execute(
            "SELECT 1 FROM exhaustive WHERE video_id = ? AND frame_index = ?",
            (video_id, frame_index),
        )
        return found.fetchone() is not None

    def exhaustive_frames(self, video_id: int) -> list[int]:
        """All approved frames, sorted."""
        found = self._db.execute(
            "SELECT frame_index FROM exhaustive WHERE video_id = ? ORDER BY frame_index",
            (video_id,),
        )
        return [row[0] for row in found]

    def refused_divisions(self, video_id: int) -> list[RefusedDivision]:
        """Suspected divisions that a person said are none."""
        return read_refusals(self._db, video_id)

    def find_tracks(self, video_id: int, where: TrackFilter) -> list[int]:
        """Tracks that meet every condition, for bulk edits."""
        return review.find_tracks(self._db, video_id, where)

    def review(self, video_id: int) -> FrameReview:
        """Counts of what is proposed, corrected, approved, absent."""
        return review.review_of(self._db, video_id, self.video(video_id).num_frames)

    def progress(self) -> ProjectProgress:
        """How far the review of the whole project is."""
        return review.progress_of(self._db)

    def progress_by_video(self) -> dict[int, VideoProgress]:
        """How far the review of each video is; two indexed look-ups for all of them."""
        return review.progress_by_video(self._db)

    # Runs, models, history

    def runs(self, video_id: int | None = None) -> list[RunInfo]:
        """Runs, newest first."""
        return staging.read_runs(self._db, video_id)

    def open_runs(self) -> list[RunInfo]:
        """Runs with staged results, or able to go on, that nobody accepted or discarded.

        Those in state *running* were cut off by a crash (a run that this process still
        feeds is not listed).
        """
        return staging.read_open_runs(self._db, self.folder)

    def staged_masks_at(self, run_id: int, frame_index: int) -> list[StagedMask]:
        """Provisional masks of one frame."""
        return staging.read_masks(self._db, self.folder, run_id, frame_index)

    def staged_frames(self, run_id: int) -> dict[int, list[int]]:
        """Frames on which each provisional instance has a mask, by instance, ascending."""
        return staging.read_staged_frames(self._db, run_id)

    def run_state(self, run_id: int) -> RunState | None:
        """Where a run stands, or ``None`` where there is none of that number."""
        return staging.read_state(self._db, run_id)

    def run_checkpoint(self, run_id: int) -> dict[str, Any] | None:
        """Where a run stood when it was paused or cut off; ``None`` where it cannot go on."""
        return staging.read_checkpoint(self.folder, run_id)

    def staged_instances(self, run_id: int) -> list[StagedInstance]:
        """Provisional instances known so far."""
        return staging.read_instances(self._db, run_id)

    def imported_proposals(self, video_ids: Collection[int]) -> dict[int, ImportedProposals]:
        """Proposals that files brought in, as they came, of each of these videos that has any."""
        return read_imported(self._db, video_ids)

    def has_model_masks(self) -> bool:
        """Whether some mask that is shown was made by a model and changed by nobody."""
        query = "SELECT 1 FROM current WHERE source = ? AND area > 0 LIMIT 1"
        return self._db.execute(query, (SOURCE_CODE[MaskSource.MODEL],)).fetchone() is not None

    def records(
        self, mask_ids: Sequence[int], size: tuple[int, int]
    ) -> Iterator[tuple[int, RLEMask]]:
        """Masks of records, whether a frame shows them or not; those without one are left out."""
        return read_records(self._db, self.folder, mask_ids, size)

    def models(self) -> list[ModelVersion]:
        """Model versions of the project, oldest first.

        Raises:
            ProjectError: One is damaged beyond its provenance and metrics, which are then empty.
        """
        return model_versions.read_models(self._db, self.folder)

    def active_model(self) -> ModelVersion | None:
        """The version Propose uses, or ``None`` where none of the project's is in use."""
        return next((model for model in self.models() if model.active), None)

    def active_model_since(self) -> float | None:
        """When the model in use came into use, in seconds since 1970.

        Returns:
            ``None`` where the bundled one is used and no other ever was.
        """
        return model_versions.active_since(self._db)

    def history(self, limit: int = 200) -> list[HistoryEntry]:
        """The latest journal entries, newest first (undone ones included)."""
        return history.entries(self._db, limit)

    def num_edits(self) -> int:
        """Edits in force that the journal still knows."""
        at = (history.cursor(self._db),)
        return int(
            self._db.execute("SELECT count(*) FROM journal WHERE seq <= ?", at).fetchone()[0]
        )

    def back_up(self, target: sqlite3.Connection) -> None:
        """Copy the whole project file to an empty database."""
        self._db.backup(target)

    def check(self) -> list[str]:
        """Every fault found: damage of the file, dangling ids, unsound masks. Empty is good."""
        return find_faults(self._db, self.folder)


def _track_frame(row: tuple[int, int, int, int, int, int, int, float, float, float]) -> TrackFrame:
    return TrackFrame(row[0], row[1], row[2], FRAME_STATES[row[3]], MASK_SOURCES[row[4]], *row[5:])
