"""One open edit: writes rows and records the old and new value of each."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn

import numpy as np

from ifc_core.annotation import rows
from ifc_core.annotation.category_ids import note_category_id
from ifc_core.annotation.delta import (
    Delta,
    Pointer,
    Row,
    change_table,
    unpack_rgb,
    write_exhaustive,
    write_row,
)
from ifc_core.annotation.pointer_tables import (
    FRAME,
    POINTER_COLUMNS,
    TRACK,
    VIDEO,
    Table,
    bulk_writing,
    changes,
    num_moved,
    read_table,
    write_changes,
)
from ifc_core.annotation.records import Scope, VideoEntry
from ifc_core.annotation.refusals import RefusedDivision, insert_refusal
from ifc_core.annotation.schema import SOURCE_CODE, STATE_CODE
from ifc_core.errors import EditError
from ifc_core.structures import (
    Category,
    FrameState,
    MaskSource,
    RLEMask,
    Track,
    TrackKind,
    TrackState,
)

CORRECTED = STATE_CODE[FrameState.CORRECTED]
APPROVED = STATE_CODE[FrameState.APPROVED]
PROPOSED = STATE_CODE[FrameState.PROPOSED]
REJECTED = STATE_CODE[FrameState.REJECTED]
ABSENT = STATE_CODE[FrameState.ABSENT]
MODEL = SOURCE_CODE[MaskSource.MODEL]
HUMAN = SOURCE_CODE[MaskSource.HUMAN]
DERIVED = SOURCE_CODE[MaskSource.DERIVED]

_FEW_TRACKS = 20  # more are read in one pass over the video
_VIDEO, _COLOR, _Z = (
    rows.TRACK_COLUMNS.split(", ").index(n) for n in ("video_id", "color", "z_order")
)


@dataclass(slots=True)
class _Shown:
    """What the tracks of a video have taken: the uppermost z-order, and how many each colour."""

    top: int | None = None
    colors: Counter[tuple[int, int, int]] = field(default_factory=Counter)

    def add(self, color: tuple[int, int, int], count: int, z_order: int) -> None:
        """Count tracks of one colour, of which one lies as high as this."""
        self.colors[color] += count
        self.top = z_order if self.top is None else max(self.top, z_order)


class EditTransaction:
    """What an edit reads and writes through; nothing here begins or commits.

    Args:
        db: Connection with an open transaction.
        folder: Project folder, for messages and paths.
        annotator_id: Who does the edit.
        now: Seconds since 1970.

    Attributes:
        delta: Old and new values so far.
        notes: Sentences for the person.
    """

    def __init__(self, db: sqlite3.Connection, folder: Path, annotator_id: int, now: float) -> None:
        self.db = db
        self.folder = folder
        self.delta = Delta()
        self.notes: list[str] = []
        self._annotator_id = annotator_id
        self._now = now
        self._videos: dict[int, VideoEntry] = {}  # as read, until one is changed
        self._shown: dict[int, _Shown] = {}  # by video, kept up while tracks are added

    def fail(self, message: str) -> NoReturn:
        """Give the edit up; everything it wrote is taken back.

        Raises:
            EditError: Always.
        """
        raise EditError(message, path=self.folder)

    # Reading

    def _row(self, table: str, columns: str, row_id: int) -> Row | None:
        query = f"SELECT {columns} FROM {table} WHERE id = ?"  # noqa: S608 - fixed names
        row = self.db.execute(query, (row_id,)).fetchone()
        return None if row is None else tuple(row)

    def video(self, video_id: int) -> VideoEntry:
        """A video; the edit fails where there is none."""
        entry = self._videos.get(video_id)
        if entry is None:
            row = self._row("videos", rows.VIDEO_COLUMNS, video_id)
            if row is None:
                self.fail(f"There is no video {video_id} in the project.")
            entry = self._videos[video_id] = rows.video_of(row, self.folder)
        return entry

    def category(self, category_id: int) -> Category:
        """A category; the edit fails where there is none."""
        row = self._row("categories", rows.CATEGORY_COLUMNS, category_id)
        if row is None:
            self.fail(f"There is no category {category_id} in the project.")
        return rows.category_of(row)

    def find_track(self, track_id: int) -> Track | None:
        """A track, or ``None`` where there is none (any more)."""
        row = self._row("tracks", rows.TRACK_COLUMNS, track_id)
        return None if row is None else rows.track_of(row)

    def track(self, track_id: int) -> Track:
        """A track; the edit fails where there is none."""
        track = self.find_track(track_id)
        if track is None:
            self.fail(f"Track {track_id} does not exist (any more).")
        return track

    def tracks_of(self, track_ids: Iterable[int]) -> list[Track]:
        """Tracks of one edit, each once; the edit fails where one does not exist."""
        return [self.track(track_id) for track_id in dict.fromkeys(track_ids)]

    def tracks(self, video_id: int) -> list[Track]:
        """Tracks of a video, lowest z first."""
        query = f"SELECT {rows.TRACK_COLUMNS} FROM tracks WHERE video_id = ? ORDER BY z_order, id"  # noqa: S608
        return [rows.track_of(row) for row in self.db.execute(query, (video_id,))]

    def parents(self, video_id: int) -> dict[int, int]:
        """Track -> the one that it descends from, for those of a video that came of a division."""
        query = (
            "SELECT id, parent_id FROM tracks WHERE video_id = ? AND typeof(parent_id) = 'integer'"
        )
        return dict(self.db.execute(query, (video_id,)).fetchall())

    def pointers(self, track_id: int, scope: Scope | None = None) -> dict[int, Pointer]:
        """What a track shows: frame -> pointer, by frame."""
        first, last = _limits(scope)
        found = self.db.execute(
            "SELECT frame_index, mask_id, state, revision, source, area FROM current "
            "WHERE track_id = ? AND frame_index BETWEEN ? AND ? ORDER BY frame_index",
            (track_id, first, last),
        )
        return {row[0]: Pointer(*row[1:]) for row in found}

    def shows_beyond(self, track_id: int, scope: Scope) -> bool:
        """Whether a track shows anything on frames that a scope leaves out."""
        first, last = _limits(scope)
        found = self.db.execute(
            "SELECT min(frame_index) < ?, max(frame_index) > ? FROM current WHERE track_id = ?",
            (first, last, track_id),
        ).fetchone()
        return any(found)

    def pointer(self, track_id: int, frame_index: int) -> Pointer | None:
        """What a track shows on one frame."""
        return self.pointers(track_id, Scope.this_frame(frame_index)).get(frame_index)

    def rles(self, mask_ids: Sequence[int], size: tuple[int, int]) -> list[RLEMask | None]:
        """The masks of records; ``None`` where absent or not there."""
        read = "SELECT counts FROM masks WHERE id = ?"
        found = [self.db.execute(read, (mask_id,)).fetchone() for mask_id in mask_ids]
        return rows.checked_rles([row and row[0] for row in found], size, self.folder)

    def rle(self, mask_id: int, size: tuple[int, int]) -> RLEMask | None:
        """The mask of one record."""
        return self.rles([mask_id], size)[0]

    def exhaustive(self, video_id: int, scope: Scope | None = None) -> set[int]:
        """Approved frames of a video."""
        first, last = _limits(scope)
        found = self.db.execute(
            "SELECT frame_index FROM exhaustive WHERE video_id = ? AND frame_index BETWEEN ? AND ?",
            (video_id, first, last),
        )
        return {row[0] for row in found}

    # Records

    def new_mask(
        self, rle: RLEMask | None, source: MaskSource, seconds_spent: float = 0.0
    ) -> tuple[int, int]:
        """Append a record.

        Returns:
            (mask id, area in pixels).
        """
        area = 0 if rle is None else rle.area
        counts = rle.counts if rle is not None and area else None
        cursor = self.db.execute(
            "INSERT INTO masks (source, area, annotator_id, created_at, seconds_spent, counts) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (SOURCE_CODE[source], area, self._annotator_id, self._now, seconds_spent, counts),
        )
        return int(cursor.lastrowid or 0), area

    def put_mask(
        self,
        track: Track,
        frame_index: int,
        rle: RLEMask | None,
        source: MaskSource,
        state: FrameState,
        seconds_spent: float = 0.0,
    ) -> None:
        """Append a record and show it; an empty human mask is stored as absent."""
        if rle is not None and rle.size != self.video(track.video_id).size:
            self.fail(f"The mask is {rle.size}, not of the size of the video.")
        mask_id, area = self.new_mask(rle, source, seconds_spent)
        if area == 0 and source is MaskSource.HUMAN:
            state = FrameState.ABSENT
        old = self.pointer(track.id, frame_index)
        revision = 1 if old is None else old.revision + 1
        new = Pointer(mask_id, STATE_CODE[state], revision, SOURCE_CODE[source], area)
        self.point(track, {frame_index: new})

    def point(self, track: Track, frames: Mapping[int, Pointer | None]) -> None:
        """Make a track show records (``None``: not annotated) on frames."""
        if not frames:
            return
        self._check_range(track.video_id, min(frames), max(frames))
        old = self.pointers(track.id, Scope(min(frames), max(frames)))
        table = change_table(
            (((track.video_id, f, track.id), new) for f, new in frames.items()),
            {(track.video_id, f, track.id): pointer for f, pointer in old.items()},
        )
        self._write(table)

    def pointer_table(
        self, video_id: int, track_ids: Collection[int], scope: Scope | None = None
    ) -> Table:
        """What some tracks of a video show: the columns of ``POINTER_COLUMNS``, by frame."""
        first, last = _limits(scope)
        query = f"SELECT {POINTER_COLUMNS} FROM current WHERE "  # noqa: S608 - fixed names
        if len(track_ids) <= _FEW_TRACKS:
            query += "track_id = ? AND frame_index BETWEEN ? AND ?"
            parts = [read_table(self.db, query, (i, first, last)) for i in track_ids]
            return np.concatenate(parts) if parts else read_table(self.db, query, (0, 0, 0))
        query += "video_id = ? AND frame_index BETWEEN ? AND ?"
        table = read_table(self.db, query, (video_id, first, last))
        return table[np.isin(table[:, TRACK], np.fromiter(track_ids, np.int64))]

    def change(self, pointers: Table, new: Table | None) -> None:
        """Make frames show something else, for many of them.

        Args:
            pointers: (n, 8) what they show now, as :meth:`pointer_table` gives it; record 0
                where a frame is not annotated.
            new: (n, 5) pointers to show, or ``None`` for *not annotated*.
        """
        if not len(pointers):
            return
        for video_id in np.unique(pointers[:, VIDEO]).tolist():
            frames = pointers[pointers[:, VIDEO] == video_id, FRAME]
            self._check_range(video_id, int(frames.min()), int(frames.max()))
        self._write(changes(pointers, new))

    def _write(self, table: Table) -> None:
        self.delta.add(table)
        with bulk_writing(self.db, num_moved(table)):
            write_changes(self.db, table)

    def _check_range(self, video_id: int, first: int, last: int) -> None:
        num_frames = self.video(video_id).num_frames
        if first < 0 or last >= num_frames:
            self.fail(f"The video has frames 0 to {num_frames - 1}.")

    # Rows

    def put_row(self, table: str, row_id: int, row: Row | None, old: Row | None) -> None:
        """Write or delete a row, given what it was."""
        before = self.delta.rows[table].get(row_id)
        self.delta.rows[table][row_id] = (old if before is None else before[0], row)
        if table == "categories":
            note_category_id(self.db, row_id)  # also of one that goes
        write_row(self.db, table, row_id, row)
        if table == "tracks":
            self._keep_up(row, old)
        elif table == "videos":
            self._videos.pop(row_id, None)

    def _keep_up(self, row: Row | None, old: Row | None) -> None:
        """Note a new track; what is known of a video of which one changed is read again."""
        if old is not None:
            if row is None or any(row[n] != old[n] for n in (_VIDEO, _COLOR, _Z)):
                for changed in (old, row or old):
                    self._shown.pop(changed[_VIDEO], None)
        elif row is not None and row[_VIDEO] in self._shown:
            self._shown[row[_VIDEO]].add(unpack_rgb(row[_COLOR]), 1, row[_Z])

    def _shown_in(self, video_id: int) -> _Shown:
        shown = self._shown.get(video_id)
        if shown is None:
            shown = _Shown()
            query = "SELECT color, count(*), max(z_order) FROM tracks WHERE video_id = ? GROUP BY 1"
            for color, count, top in self.db.execute(query, (video_id,)):
                shown.add(unpack_rgb(color), int(count), int(top))
            self._shown[video_id] = shown
        return shown

    def put_track(self, track: Track) -> None:
        """Change the header of a track."""
        old = rows.track_row(self.track(track.id))
        self.put_row("tracks", track.id, rows.track_row(track), old)

    def drop_tracks(self, tracks: Sequence[Track]) -> None:
        """Delete tracks with everything they show; what descends from them has no parent then."""
        for video_id in {track.video_id for track in tracks}:
            ids = {track.id for track in tracks if track.video_id == video_id}
            self.change(self.pointer_table(video_id, ids), None)
            links = self.parents(video_id).items()
            for orphan in self.tracks_of(i for i, above in links if above in ids and i not in ids):
                self.put_track(replace(orphan, parent_id=None))
        for track in tracks:
            self.put_row("tracks", track.id, None, rows.track_row(track))

    def new_track(
        self,
        video_id: int,
        category_id: int,
        *,
        score: float = 1.0,
        state: TrackState = TrackState.CORRECTED,
        name: str = "",
        kind: TrackKind = TrackKind.OBJECT,
        z_order: int | None = None,
        color_rgb: tuple[int, int, int] | None = None,
    ) -> Track:
        """Begin a track, by default on top, in the colour least used in the video."""
        video = self.video(video_id)
        category = self.category(category_id)
        if z_order is None:
            z_order = self.top(video_id) + 1
        color = self._next_color(video_id) if color_rgb is None else color_rgb
        track_id = self.next_id("tracks")
        track = Track(track_id, video.id, category.id, score, state, color, z_order, name, kind)
        self.put_row("tracks", track_id, rows.track_row(track), None)
        return track

    def put_category(self, category: Category) -> None:
        """Add a category, or change the one with the same id."""
        old = self._row("categories", rows.CATEGORY_COLUMNS, category.id)
        self.put_row("categories", category.id, rows.category_row(category), old)

    def next_id(self, table: str) -> int:
        """An id that no row had before, not even one that was deleted."""
        used = self.db.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,))
        row = used.fetchone()
        return 1 if row is None else int(row[0]) + 1

    def top(self, video_id: int) -> int:
        """The z-order of the uppermost track, -1 where there is none."""
        top = self._shown_in(video_id).top
        return -1 if top is None else top

    def _next_color(self, video_id: int) -> tuple[int, int, int]:
        used = self._shown_in(video_id).colors
        return min(rows.PALETTE, key=lambda color: used[color])

    def touch(self, track: Track) -> None:
        """A person changed a mask of the track: it is no mere proposal any more."""
        if track.state in (TrackState.PROPOSED, TrackState.REJECTED):
            self.put_track(replace(track, state=TrackState.CORRECTED))

    # Flags

    def set_exhaustive(self, video_id: int, frames: Iterable[int], flag: bool) -> None:
        """Set or clear the *exhaustive* flag of frames."""
        frames = list(frames)
        if not frames:
            return
        present = self.exhaustive(video_id, Scope(max(0, min(frames)), max(0, max(frames))))
        for frame_index in frames:
            key = (video_id, frame_index)
            before = self.delta.frames.get(key, (frame_index in present, flag))
            self.delta.frames[key] = (before[0], flag)
        write_exhaustive(self.db, ((video_id, frame_index) for frame_index in frames), flag)

    def new_refusal(self, video_id: int, refused: RefusedDivision) -> int:
        """Append what did not happen and give the id of its run, whose state puts it in force."""
        return insert_refusal(self.db, video_id, refused, self._annotator_id, self._now)

    def set_run_state(self, run_id: int, state: str) -> None:
        """Change the state of a run."""
        row = self.db.execute("SELECT state FROM runs WHERE id = ?", (run_id,)).fetchone()
        before = self.delta.runs.get(run_id, (row[0], state))
        self.delta.runs[run_id] = (before[0], state)
        self.db.execute("UPDATE runs SET state = ?, adopted = 1 WHERE id = ?", (state, run_id))


def _limits(scope: Scope | None) -> tuple[int, int]:
    if scope is None:
        return (0, 1 << 62)
    return (scope.first or 0, (1 << 62) if scope.last is None else scope.last)
