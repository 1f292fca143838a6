"""The journal: undo, redo, the history list, and forgetting what is old.

``meta.cursor`` is the sequence number of the last entry that is in force; entries behind it
are undone and are forgotten as soon as something new is done.
"""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Mapping, Sequence
from enum import Enum
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ifc_core.annotation import propagation_gaps, refusals
from ifc_core.annotation.delta import Delta, Row, summarise, video_row, write_delta
from ifc_core.annotation.edits.base import Edit
from ifc_core.annotation.records import EditResult, HistoryEntry, RunState
from ifc_core.annotation.rows import meta_number, moment
from ifc_core.errors import ProjectError
from ifc_core.structures import RLEMask

CURSOR_KEY = "cursor"
_MOST_DESCRIBED = 100  # entries of one list in the journal's account of an edit


def get_meta(db: sqlite3.Connection, key: str, default: str = "") -> str:
    """A value of the project's key-value table."""
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return default if row is None else str(row[0])


def set_meta(db: sqlite3.Connection, key: str, value: str) -> None:
    """Set a value of the project's key-value table."""
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


def cursor(db: sqlite3.Connection, folder: Path | None = None) -> int:
    """Sequence number of the last entry in force; 0 before the first.

    Args:
        db: Connection to the project file.
        folder: The project folder; by default that of the file.

    Raises:
        ProjectError: It is damaged. It cannot be found again: to take back or to do again an
            entry that is not in the state it is taken for would change the masks.
    """
    number = meta_number(db, CURSOR_KEY)
    if number is None:
        folder = folder or Path(db.execute("PRAGMA database_list").fetchone()[2]).parent
        raise ProjectError(
            f"{folder.name} is damaged: it does not say which of its edits are in force; go back "
            "to a copy, or save its annotations with `ifc-studio project export`.",
            path=folder,
        )
    return number


def describe(value: Any) -> Any:
    """An edit as JSON values for the journal; masks by their area, arrays by their shape."""
    if isinstance(value, Edit):
        fields = dataclasses.fields(value)
        return {"edit": type(value).__name__} | {
            f.name: describe(getattr(value, f.name)) for f in fields
        }
    if isinstance(value, RLEMask):
        return {"size": list(value.size), "area_px": value.area}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: describe(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        if len(value) > 10:
            return {"entries": len(value)}
        return {str(key): describe(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        kept = [describe(item) for item in islice(value, _MOST_DESCRIBED)]
        return kept if len(value) <= len(kept) else [*kept, f"and {len(value) - len(kept)} more"]
    if isinstance(value, np.generic):
        return value.item()
    if hasattr(value, "shape"):
        return {"shape": list(value.shape)}
    return value


def append(
    db: sqlite3.Connection, edit: Edit, label: str, delta: Delta, annotator_id: int, now: float
) -> int:
    """Enter an edit that was just made; what was undone before can no longer be redone.

    Returns:
        Its sequence number.
    """
    db.execute("DELETE FROM journal WHERE seq > ?", (cursor(db),))
    refusals.forget_undone(db)
    kind, command = type(edit).__name__, json.dumps(describe(edit), separators=(",", ":"))
    entered = db.execute(
        "INSERT INTO journal (kind, label, command, annotator_id, created_at, num_masks, delta) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (kind, label, command, annotator_id, now, delta.num_pointers, delta.encode()),
    )
    seq = int(entered.lastrowid or 0)
    set_meta(db, CURSOR_KEY, str(seq))
    return seq


def step_back(db: sqlite3.Connection) -> EditResult | None:
    """Undo the last entry in force, inside the caller's transaction."""
    at = cursor(db)
    entry = db.execute("SELECT kind, label, delta FROM journal WHERE seq = ?", (at,)).fetchone()
    if entry is None:
        return None
    delta = Delta.decode(entry[2])
    _keep_what_was_learned(db, at, delta, is_undo=True)
    delta = delta.inverse()
    write_delta(db, delta)
    before = db.execute("SELECT max(seq) FROM journal WHERE seq < ?", (at,)).fetchone()[0]
    set_meta(db, CURSOR_KEY, str(before or 0))
    return summarise(delta, at, entry[0], entry[1], "undo")


def step_forward(db: sqlite3.Connection) -> EditResult | None:
    """Redo the first undone entry, inside the caller's transaction."""
    entry = db.execute(
        "SELECT seq, kind, label, delta FROM journal WHERE seq > ? ORDER BY seq LIMIT 1",
        (cursor(db),),
    ).fetchone()
    if entry is None:
        return None
    delta = Delta.decode(entry[3])
    _keep_what_was_learned(db, entry[0], delta, is_undo=False)
    write_delta(db, delta)
    set_meta(db, CURSOR_KEY, str(entry[0]))
    return summarise(delta, entry[0], entry[1], entry[2], "redo")


def _keep_what_was_learned(
    db: sqlite3.Connection, seq: int, delta: Delta, *, is_undo: bool
) -> None:
    """Before a step removes videos: the entry brings them back as they are now.

    Their place, length and rate may have been learned from their files, outside the journal.
    """
    videos = delta.rows["videos"]
    learned: dict[int, tuple[Row | None, Row | None]] = {}
    for video_id, (old, new) in videos.items():
        now = video_row(db, video_id)
        if is_undo and old is None and now not in (None, new):
            learned[video_id] = (None, now)
        elif not is_undo and new is None and now not in (None, old):
            learned[video_id] = (now, None)
    if learned:
        videos.update(learned)
        db.execute("UPDATE journal SET delta = ? WHERE seq = ?", (delta.encode(), seq))


def undo_label(db: sqlite3.Connection) -> str | None:
    """Label of the entry that undo would take back."""
    row = db.execute("SELECT label FROM journal WHERE seq = ?", (cursor(db),)).fetchone()
    return None if row is None else str(row[0])


def redo_label(db: sqlite3.Connection) -> str | None:
    """Label of the entry that redo would do again."""
    row = db.execute(
        "SELECT label FROM journal WHERE seq > ? ORDER BY seq LIMIT 1", (cursor(db),)
    ).fetchone()
    return None if row is None else str(row[0])


def entries(db: sqlite3.Connection, limit: int) -> list[HistoryEntry]:
    """The latest entries, newest first."""
    at = cursor(db)
    found = db.execute(
        "SELECT seq, kind, label, annotators.name, created_at, num_masks FROM journal "
        "JOIN annotators ON annotators.id = annotator_id ORDER BY seq DESC LIMIT ?",
        (limit,),
    )
    return [HistoryEntry(r[0], r[1], r[2], r[3], moment(r[4]), r[5], r[0] > at) for r in found]


def forget(db: sqlite3.Connection, keep_edits: int) -> int:
    """Drop old journal entries and every record that nothing refers to any more.

    Runs inside the caller's transaction. What was accepted and can no longer be undone
    leaves the staging tables, too, but for the frames on which a propagation lost its object
    and what says whose they are.

    Returns:
        Number of records dropped.
    """
    oldest = db.execute(
        "SELECT seq FROM journal WHERE seq <= ? ORDER BY seq DESC LIMIT 1 OFFSET ?",
        (cursor(db), max(0, keep_edits)),
    ).fetchone()
    if oldest is not None:
        db.execute("DELETE FROM journal WHERE seq <= ?", (oldest[0],))
        if oldest[0] == cursor(db):
            set_meta(db, CURSOR_KEY, "0")
    needed, runs = set[int](), set[int]()
    for (data,) in db.execute("SELECT delta FROM journal"):
        delta = Delta.decode(data)
        needed |= delta.mask_ids()
        runs |= set(delta.runs)
    accepted = db.execute("SELECT id, kind FROM runs WHERE state = ?", (RunState.ACCEPTED.value,))
    old = [(run_id, kind) for run_id, kind in accepted.fetchall() if run_id not in runs]
    propagations = [run_id for run_id, kind in old if kind == propagation_gaps.KIND]
    propagation_gaps.forget_runs(db, propagations)
    for run_id, kind in old:
        if kind != propagation_gaps.KIND:
            db.execute("DELETE FROM staged WHERE run_id = ?", (run_id,))
        db.execute("DELETE FROM staged_instances WHERE run_id = ?", (run_id,))
    return _drop_records(db, needed)


def _drop_records(db: sqlite3.Connection, needed: set[int]) -> int:
    db.execute("DROP TABLE IF EXISTS temp.needed")
    db.execute("CREATE TEMP TABLE needed (id INTEGER PRIMARY KEY)")
    db.executemany("INSERT OR IGNORE INTO temp.needed VALUES (?)", ((i,) for i in needed))
    db.execute("INSERT OR IGNORE INTO temp.needed SELECT mask_id FROM current")
    db.execute("INSERT OR IGNORE INTO temp.needed SELECT mask_id FROM staged")
    gone = db.execute("DELETE FROM masks WHERE id NOT IN (SELECT id FROM temp.needed)").rowcount
    db.execute("DELETE FROM signals WHERE mask_id NOT IN (SELECT id FROM temp.needed)")
    db.execute("DROP TABLE temp.needed")
    return int(gone)
