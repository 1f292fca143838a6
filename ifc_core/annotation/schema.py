"""The tables of a project file, and how older files are brought up to date.

``masks`` holds records that are appended and never changed. ``current`` says which record
of a track a frame shows, and in which review state; undo and redo move those pointers.
``staged`` points at records that no track shows yet.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from ifc_core.structures import FrameState, MaskSource

APPLICATION_ID = 0x49464350  # "IFCP"
SCHEMA_VERSION = 4

# Small numbers in the file; the order is part of the format and only ever grows.
FRAME_STATES = (
    FrameState.PROPOSED,
    FrameState.CORRECTED,
    FrameState.APPROVED,
    FrameState.REJECTED,
    FrameState.ABSENT,
)
MASK_SOURCES = (MaskSource.MODEL, MaskSource.HUMAN, MaskSource.DERIVED)
STATE_CODE = {state: code for code, state in enumerate(FRAME_STATES)}
SOURCE_CODE = {source: code for code, source in enumerate(MASK_SOURCES)}
HIDDEN_CODES = (STATE_CODE[FrameState.REJECTED], STATE_CODE[FrameState.ABSENT])
"""States in which a track shows no mask."""

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE annotators (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE videos (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL,
    stored_path TEXT NOT NULL, absolute_hint TEXT NOT NULL,
    num_frames INTEGER NOT NULL, height INTEGER NOT NULL, width INTEGER NOT NULL,
    fps REAL NOT NULL, fingerprint TEXT NOT NULL, annotation_step INTEGER NOT NULL,
    given_fps REAL, um_per_px REAL
);
CREATE TABLE categories (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, supercategory TEXT NOT NULL,
    color INTEGER NOT NULL, hotkey TEXT NOT NULL
);
CREATE TABLE tracks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, video_id INTEGER NOT NULL,
    category_id INTEGER NOT NULL, score REAL NOT NULL, state TEXT NOT NULL,
    color INTEGER NOT NULL, z_order INTEGER NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL,
    parent_id INTEGER
);
CREATE INDEX tracks_by_video ON tracks (video_id, z_order);
CREATE INDEX tracks_by_category ON tracks (category_id);
CREATE TABLE masks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, source INTEGER NOT NULL, area INTEGER NOT NULL,
    run_id INTEGER, annotator_id INTEGER NOT NULL, created_at REAL NOT NULL,
    seconds_spent REAL NOT NULL, counts BLOB
);
CREATE TABLE signals (
    mask_id INTEGER PRIMARY KEY, score REAL, uncertainty REAL, link_score REAL, quality REAL
);
CREATE TABLE current (
    video_id INTEGER NOT NULL, frame_index INTEGER NOT NULL, track_id INTEGER NOT NULL,
    mask_id INTEGER NOT NULL, state INTEGER NOT NULL, revision INTEGER NOT NULL,
    source INTEGER NOT NULL, area INTEGER NOT NULL,
    PRIMARY KEY (video_id, frame_index, track_id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX current_by_track ON current (track_id, frame_index);
CREATE TABLE exhaustive (
    video_id INTEGER NOT NULL, frame_index INTEGER NOT NULL,
    PRIMARY KEY (video_id, frame_index)
) WITHOUT ROWID;
CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, video_id INTEGER NOT NULL,
    model TEXT NOT NULL, settings TEXT NOT NULL, state TEXT NOT NULL,
    adopted INTEGER NOT NULL, started_at REAL NOT NULL, finished_at REAL,
    annotator_id INTEGER NOT NULL
);
CREATE TABLE staged (
    run_id INTEGER NOT NULL, frame_index INTEGER NOT NULL, instance_id INTEGER NOT NULL,
    mask_id INTEGER NOT NULL, PRIMARY KEY (run_id, frame_index, instance_id)
) WITHOUT ROWID;
CREATE TABLE staged_instances (
    run_id INTEGER NOT NULL, instance_id INTEGER NOT NULL, label TEXT NOT NULL,
    score REAL NOT NULL, track_id INTEGER, PRIMARY KEY (run_id, instance_id)
) WITHOUT ROWID;
CREATE TABLE models (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, path TEXT NOT NULL,
    sha256 TEXT NOT NULL, parent TEXT NOT NULL, created_at REAL NOT NULL,
    provenance TEXT NOT NULL, metrics TEXT NOT NULL
);
CREATE TABLE model_activations (
    id INTEGER PRIMARY KEY AUTOINCREMENT, model_id INTEGER, created_at REAL NOT NULL
);
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, label TEXT NOT NULL,
    command TEXT NOT NULL, annotator_id INTEGER NOT NULL, created_at REAL NOT NULL,
    num_masks INTEGER NOT NULL, delta BLOB NOT NULL
);
"""

TABLE_NAMES = frozenset(
    line.split()[2] for line in _TABLES.splitlines() if line.startswith("CREATE TABLE")
)


def _add_quality(db: sqlite3.Connection) -> None:
    db.execute("ALTER TABLE signals ADD COLUMN quality REAL")


def _add_parents(db: sqlite3.Connection) -> None:
    db.execute("ALTER TABLE tracks ADD COLUMN parent_id INTEGER")


def _add_scales(db: sqlite3.Connection) -> None:
    for column in ("given_fps", "um_per_px"):
        db.execute(f"ALTER TABLE videos ADD COLUMN {column} REAL")


# version -> the step to version + 1, run inside one transaction.
MIGRATIONS: dict[int, Callable[[sqlite3.Connection], None]] = {
    1: _add_quality,
    2: _add_parents,
    3: _add_scales,
}


def create_tables(db: sqlite3.Connection) -> None:
    """Make the tables of the present version, inside the caller's transaction."""
    for statement in _TABLES.split(";"):
        if statement.strip():
            db.execute(statement)
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def file_version(db: sqlite3.Connection) -> int:
    """Schema version of the file; 0 where it is no project of ours."""
    if int(db.execute("PRAGMA application_id").fetchone()[0]) != APPLICATION_ID:
        return 0
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def migrate(
    db: sqlite3.Connection,
    steps: dict[int, Callable[[sqlite3.Connection], None]] | None = None,
    target: int = SCHEMA_VERSION,
) -> bool:
    """Bring an older file up to date, all steps in one transaction.

    Args:
        db: Connection without an open transaction.
        steps: The steps; replaced in tests.
        target: The version to reach.

    Returns:
        Whether anything was done.
    """
    steps = MIGRATIONS if steps is None else steps
    version = file_version(db)
    if version >= target:
        return False
    db.execute("BEGIN IMMEDIATE")
    try:
        for step in range(version, target):
            steps[step](db)
        db.execute(f"PRAGMA user_version = {target}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    return True
