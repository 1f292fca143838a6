"""Runs: results that come in while a model works, kept apart until a person accepts them.

Nothing here touches the journal, so an undo during a run takes back the person's last edit.
Staged records lie in ``masks`` like any others, but no track shows them; accepting only moves
pointers. What comes in at the rate of the model is written a few times a second.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ifc_core.annotation.bulk_records import append_records
from ifc_core.annotation.connection import writing
from ifc_core.annotation.records import RunInfo, RunState, StagedInstance, StagedMask
from ifc_core.annotation.rows import checked_rle, read_object
from ifc_core.errors import EditError
from ifc_core.io.atomic import atomic_output
from ifc_core.structures import MaskSource

_FLUSH_SECONDS = 0.25
_FLUSH_MASKS = 2000


def read_runs(db: sqlite3.Connection, video_id: int | None = None) -> list[RunInfo]:
    """Runs of a video or of all, newest first.

    A run whose settings or state nobody can read has none and is finished, so that what it found
    can be kept or discarded; ``project check`` names it.
    """
    found = db.execute(
        "SELECT runs.id, kind, video_id, model, CAST(settings AS BLOB), state, started_at, "
        "finished_at, "
        "(SELECT count(DISTINCT frame_index) FROM staged WHERE run_id = runs.id), "
        "(SELECT count(*) FROM staged WHERE run_id = runs.id), name, adopted "
        "FROM runs JOIN annotators ON annotators.id = annotator_id "
        "WHERE ? IS NULL OR video_id = ? ORDER BY runs.id DESC",
        (video_id, video_id),
    )
    runs = []
    for row in found.fetchall():
        known = list(row)
        known[4], known[5] = read_object(row[4]) or {}, _state(row[5])
        known[-1] = bool(row[-1])
        runs.append(RunInfo(*known))
    return runs


def _state(text: str) -> RunState:
    return RunState(text) if text in {*RunState} else RunState.FINISHED


def read_state(db: sqlite3.Connection, run_id: int) -> RunState | None:
    """State of a run, or ``None`` where there is no such run."""
    row = db.execute("SELECT state FROM runs WHERE id = ?", (run_id,)).fetchone()
    return None if row is None else _state(row[0])


def read_open_runs(db: sqlite3.Connection, folder: Path) -> list[RunInfo]:
    """Runs that wait for a decision, on videos that are there.

    One without results waits where it can go on: a recording may be empty for its first hour, and
    the work on that hour is not to be lost.
    """
    videos = {row[0] for row in db.execute("SELECT id FROM videos")}
    return [
        run
        for run in read_runs(db)
        if run.state is not RunState.ACCEPTED
        and run.video_id in videos
        and (run.masks_staged or _can_go_on(folder, run.id, run.state))
    ]


def _can_go_on(folder: Path, run_id: int, state: RunState) -> bool:
    return state is RunState.RUNNING and checkpoint_path(folder, run_id).exists()


def read_instances(db: sqlite3.Connection, run_id: int) -> list[StagedInstance]:
    """Provisional instances known so far."""
    found = db.execute(
        "SELECT instance_id, label, score, track_id FROM staged_instances WHERE run_id = ? "
        "ORDER BY instance_id",
        (run_id,),
    )
    return [StagedInstance(*row) for row in found]


def read_masks(
    db: sqlite3.Connection, folder: Path, run_id: int, frame_index: int
) -> list[StagedMask]:
    """Provisional masks of one frame."""
    size = db.execute(
        "SELECT height, width FROM videos JOIN runs ON video_id = videos.id WHERE runs.id = ?",
        (run_id,),
    ).fetchone()
    found = db.execute(
        "SELECT instance_id, counts, signals.score, uncertainty, link_score, quality "
        "FROM staged JOIN masks ON masks.id = staged.mask_id "
        "LEFT JOIN signals ON signals.mask_id = staged.mask_id "
        "WHERE staged.run_id = ? AND frame_index = ? ORDER BY instance_id",
        (run_id, frame_index),
    )
    return [
        StagedMask(row[0], checked_rle(row[1], (size[0], size[1]), folder), *row[2:])
        for row in found
    ]


def checkpoint_path(folder: Path, run_id: int) -> Path:
    """Where the state of an unfinished run lies."""
    return folder / "runs" / f"stopped-{run_id}.json"


def read_checkpoint(folder: Path, run_id: int) -> dict[str, Any] | None:
    """Where a run stood when it was paused or cut off; ``None`` where that is not known."""
    try:
        return read_object(checkpoint_path(folder, run_id).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def read_staged_frames(db: sqlite3.Connection, run_id: int) -> dict[int, list[int]]:
    """Frames on which each instance has a provisional mask, by instance, ascending."""
    frames: dict[int, list[int]] = {}
    found = db.execute(
        "SELECT instance_id, frame_index FROM staged WHERE run_id = ? "
        "ORDER BY instance_id, frame_index",
        (run_id,),
    )
    for instance_id, frame_index in found:
        frames.setdefault(instance_id, []).append(frame_index)
    return frames


def derives(kind: str) -> bool:
    """Whether a run of this kind spreads human masks rather than proposing its own."""
    return kind.startswith(("propagat", "refit"))


class Staging:
    """The writing side of runs, with a small buffer.

    Args:
        db: The writer's connection.
        folder: Project folder.
        clock: Seconds, monotonic; replaced in tests.

    Attributes:
        live: Runs begun by this process that did not end yet.
    """

    def __init__(
        self, db: sqlite3.Connection, folder: Path, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._db = db
        self._folder = folder
        self._clock = clock
        self._buffer: dict[tuple[int, int], list[StagedMask]] = {}
        self._buffered_masks = 0
        self._last_flush = clock()
        self._kinds: dict[int, tuple[str, tuple[int, int], int]] = {}
        self.live: set[int] = set()

    def begin(
        self,
        kind: str,
        video_id: int,
        settings: Mapping[str, Any],
        model: str,
        annotator_id: int,
    ) -> int:
        """Enter a run; what its settings cannot say in JSON is an error of the caller."""
        text = json.dumps(dict(settings))
        with writing(self._db, self._folder):
            if (
                self._db.execute("SELECT 1 FROM videos WHERE id = ?", (video_id,)).fetchone()
                is None
            ):
                raise EditError(f"There is no video {video_id} in the project.", path=self._folder)
            entered = self._db.execute(
                "INSERT INTO runs (kind, video_id, model, settings, state, adopted, started_at, "
                "annotator_id) VALUES (?, ?, ?, ?, ?, 0, ?, ?)",
                (kind, video_id, model, text, RunState.RUNNING.value, time.time(), annotator_id),
            )
        run_id = int(entered.lastrowid or 0)
        self.live.add(run_id)
        return run_id

    def stage(self, run_id: int, frame_index: int, masks: Iterable[StagedMask]) -> None:
        """Take the masks of one frame; they are written soon, or at the next :meth:`flush`."""
        items = list(masks)
        size, num_frames = self._facts(run_id)[1:]
        if not 0 <= frame_index < num_frames:
            raise EditError(f"The video has frames 0 to {num_frames - 1}.", path=self._folder)
        if any(mask.rle is not None and mask.rle.size != size for mask in items):
            raise EditError("A staged mask is not of the video's size.", path=self._folder)
        self._buffer[run_id, frame_index] = items
        self._buffered_masks += len(items)
        late = self._clock() - self._last_flush >= _FLUSH_SECONDS
        if late or self._buffered_masks >= _FLUSH_MASKS:
            self.flush()

    def _facts(self, run_id: int) -> tuple[str, tuple[int, int], int]:
        """(kind, size of the frames, number of frames) of a run."""
        if run_id not in self._kinds:
            row = self._db.execute(
                "SELECT kind, height, width, num_frames FROM runs "
                "JOIN videos ON videos.id = video_id WHERE runs.id = ?",
                (run_id,),
            ).fetchone()
            if row is None:
                raise EditError(f"There is no run {run_id} in the project.", path=self._folder)
            self._kinds[run_id] = (row[0], (row[1], row[2]), row[3])
        return self._kinds[run_id]

    def flush(self) -> None:
        """Write what is buffered, in one transaction."""
        self._last_flush = self._clock()
        if not self._buffer:
            return
        with writing(self._db, self._folder):
            for (run_id, frame_index), masks in self._buffer.items():
                self._write(run_id, frame_index, masks)
        self._buffer.clear()
        self._buffered_masks = 0

    def _write(self, run_id: int, frame_index: int, masks: list[StagedMask]) -> None:
        db, place = self._db, (run_id, frame_index)
        kind = self._facts(run_id)[0]
        source = MaskSource.DERIVED if derives(kind) else MaskSource.MODEL
        annotator = db.execute("SELECT annotator_id FROM runs WHERE id = ?", (run_id,)).fetchone()
        self._drop_staged("run_id = ? AND frame_index = ?", place, self._adopted(run_id))
        ids = append_records(db, [(m.rle, source) for m in masks], annotator[0], run_id)
        numbered = list(zip(ids, masks, strict=True))
        db.executemany(
            "INSERT OR REPLACE INTO staged VALUES (?, ?, ?, ?)",
            ((*place, m.instance_id, i) for i, m in numbered),
        )
        db.executemany(
            "INSERT INTO signals VALUES (?, ?, ?, ?, ?)",
            ((i, *m.signals) for i, m in numbered if any(value is not None for value in m.signals)),
        )

    def stage_instances(self, run_id: int, instances: Iterable[StagedInstance]) -> None:
        """Set or replace what is known of instances."""
        self._facts(run_id)
        with writing(self._db, self._folder):
            self._db.executemany(
                "INSERT OR REPLACE INTO staged_instances VALUES (?, ?, ?, ?, ?)",
                ((run_id, i.instance_id, i.label, float(i.score), i.track_id) for i in instances),
            )

    def save_checkpoint(self, run_id: int, state: Mapping[str, Any]) -> None:
        """Keep where a run stands, after what it staged so far is on disk."""
        self._facts(run_id)
        self.flush()
        path = checkpoint_path(self._folder, run_id)
        path.parent.mkdir(exist_ok=True)
        with atomic_output(path) as temporary:
            temporary.write_text(json.dumps(dict(state)), encoding="utf-8")

    def pause(self, run_id: int) -> None:
        """Stop feeding a run; it is listed among the open ones again, also where this fails."""
        self.live.discard(run_id)
        self.flush()

    def take_up(self, run_id: int) -> None:
        """Feed a run again that was paused or cut off."""
        row = self._db.execute("SELECT state FROM runs WHERE id = ?", (run_id,)).fetchone()
        if row is None or row[0] != RunState.RUNNING.value:
            raise EditError("This run is over; it cannot go on.", path=self._folder)
        self.live.add(run_id)

    def finish(self, run_id: int) -> None:
        """The run is complete and waits for a decision."""
        self.flush()
        with writing(self._db, self._folder):
            self._db.execute(
                "UPDATE runs SET state = ?, finished_at = ? WHERE id = ? AND state = ?",
                (RunState.FINISHED.value, time.time(), run_id, RunState.RUNNING.value),
            )
        checkpoint_path(self._folder, run_id).unlink(missing_ok=True)
        self.live.discard(run_id)

    def discard(self, run_id: int) -> None:
        """Drop a run with all it staged; records that were ever accepted stay."""
        for key in [key for key in self._buffer if key[0] == run_id]:
            self._buffered_masks -= len(self._buffer.pop(key))
        with writing(self._db, self._folder):
            adopted = self._adopted(run_id)
            self._drop_staged("run_id = ?", (run_id,), adopted)
            self._db.execute("DELETE FROM staged_instances WHERE run_id = ?", (run_id,))
            if not adopted:
                self._db.execute("DELETE FROM runs WHERE id = ?", (run_id,))
        checkpoint_path(self._folder, run_id).unlink(missing_ok=True)
        self.live.discard(run_id)
        self._kinds.pop(run_id, None)

    def drop_empty_leftovers(self) -> None:
        """Remove runs that a crash cut off before they staged anything or could go on."""
        running = RunState.RUNNING
        with writing(self._db, self._folder):
            empty = self._db.execute(
                "SELECT id FROM runs WHERE state = ? AND adopted = 0 "
                "AND id NOT IN (SELECT run_id FROM staged)",
                (running.value,),
            ).fetchall()
            gone = [row for row in empty if not _can_go_on(self._folder, row[0], running)]
            self._db.executemany("DELETE FROM staged_instances WHERE run_id = ?", gone)
            self._db.executemany("DELETE FROM runs WHERE id = ?", gone)

    def _adopted(self, run_id: int) -> bool:
        row = self._db.execute("SELECT adopted FROM runs WHERE id = ?", (run_id,)).fetchone()
        return row is not None and bool(row[0])

    def _drop_staged(self, where: str, values: tuple[int, ...], keep_records: bool) -> None:
        if not keep_records:
            ids = f"(SELECT mask_id FROM staged WHERE {where})"  # noqa: S608 - fixed conditions
            self._db.execute(f"DELETE FROM signals WHERE mask_id IN {ids}", values)  # noqa: S608
            self._db.execute(f"DELETE FROM masks WHERE id IN {ids}", values)  # noqa: S608
        self._db.execute(f"DELETE FROM staged WHERE {where}", values)  # noqa: S608
