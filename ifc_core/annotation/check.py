"""A thorough look at a project file: damage, dangling ids, unsound masks."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ifc_core.annotation.category_ids import HIGHEST_KEY
from ifc_core.annotation.delta import Delta
from ifc_core.annotation.history import CURSOR_KEY
from ifc_core.annotation.lineage import rings_of
from ifc_core.annotation.rows import meta_number, read_object
from ifc_core.annotation.value_checks import value_faults
from ifc_core.structures.run_lengths import PAIR_END, decode_pairs

_MAX_OF_A_KIND = 20
_MASKS_AT_ONCE = 500
_OF_BAD_VALUES = (TypeError, ValueError, LookupError, ArithmeticError, AttributeError, MemoryError)
_TABLES_WITH_TEXT = ("videos", "categories", "tracks", "runs", "models", "annotators")
_JSON_COLUMNS = {("runs", "settings"), ("models", "provenance"), ("models", "metrics")}

_QUERIES = {
    "a frame shows a record that does not exist": "SELECT video_id, frame_index, track_id "
    "FROM current WHERE mask_id NOT IN (SELECT id FROM masks)",
    "a frame shows a track that does not exist": "SELECT current.video_id, frame_index, track_id "
    "FROM current LEFT JOIN tracks ON tracks.id = track_id AND tracks.video_id = current.video_id "
    "WHERE tracks.id IS NULL",
    "a frame lies outside its video": "SELECT video_id, frame_index, track_id FROM current "
    "JOIN videos ON videos.id = video_id WHERE frame_index NOT BETWEEN 0 AND num_frames - 1",
    "a frame is in an unknown state": "SELECT video_id, frame_index, track_id FROM current "
    "WHERE state NOT BETWEEN 0 AND 4 OR source NOT BETWEEN 0 AND 2",
    "a frame and its record disagree": "SELECT video_id, frame_index, track_id FROM current "
    "JOIN masks ON masks.id = mask_id "
    "WHERE masks.area != current.area OR masks.source != current.source",
    "a track is in no video": "SELECT id FROM tracks WHERE video_id NOT IN (SELECT id FROM videos)",
    "a track has no category": "SELECT id FROM tracks "
    "WHERE category_id NOT IN (SELECT id FROM categories)",
    "a track descends from one that its video does not have": "SELECT id, parent_id FROM tracks "
    "WHERE parent_id IS NOT NULL AND (parent_id = id OR parent_id NOT IN "
    "(SELECT id FROM tracks AS parents WHERE parents.video_id = tracks.video_id))",
    "an approved frame is in no video": "SELECT video_id, frame_index FROM exhaustive "
    "WHERE video_id NOT IN (SELECT id FROM videos)",
    "a run is in an unknown state": "SELECT id, state FROM runs "
    "WHERE state NOT IN ('running', 'finished', 'accepted')",
    "a run staged a record that does not exist": "SELECT run_id, frame_index, instance_id "
    "FROM staged WHERE mask_id NOT IN (SELECT id FROM masks)",
}


def find_faults(db: sqlite3.Connection, folder: Path) -> list[str]:
    """Everything that is wrong with a project, one sentence each; empty is good.

    Args:
        db: Connection to the project file.
        folder: The project folder.

    Returns:
        The faults, at most twenty of a kind.
    """
    try:
        found = [row[0] for row in db.execute("PRAGMA integrity_check(20)")]
        faults = [f"The file is damaged: {text}." for text in found if text != "ok"]
        if faults:
            return faults
        values = value_faults(db)
        faults = [*values, *_dangling(db, folder)]
        if values:  # what looks deeper would fail on them
            return faults
        faults.extend(_ring_faults(db))
        faults.extend(_mask_faults(db))
        faults.extend(_text_faults(db))
        faults.extend(_meta_faults(db))
        faults.extend(_journal_faults(db))
    except sqlite3.DatabaseError as error:
        faults = [f"The file is damaged: {error}."]
    return faults


def damage_behind(error: BaseException | None, db: sqlite3.Connection, folder: Path) -> str:
    """Whether values in the file explain an error that is none of ours, as a sentence.

    What is read of a project is used as it is; only where that fails it is looked at.

    Args:
        error: What ended the work on the project.
        db: Connection to the project file.
        folder: The project folder.

    Returns:
        What is damaged; empty where the file says nothing of it.
    """
    if not isinstance(error, _OF_BAD_VALUES):
        return ""
    try:
        faults = [*value_faults(db), *_dangling(db, folder)]
    except sqlite3.Error:
        return ""
    if not faults:
        return ""
    first = faults[0].removeprefix(f"{folder.name}: ").rstrip(".")
    return (
        f"{folder.name} is damaged: {first[:1].lower()}{first[1:]}; `ifc-studio project check` "
        "lists all of it."
    )


def _dangling(db: sqlite3.Connection, folder: Path) -> Iterator[str]:
    """Ids that lead nowhere, frames outside their video, unknown states."""
    for sentence, query in _QUERIES.items():
        for row in db.execute(f"{query} LIMIT {_MAX_OF_A_KIND}"):
            yield f"{folder.name}: {sentence} ({', '.join(map(str, row))})."


def _ring_faults(db: sqlite3.Connection) -> Iterator[str]:
    """Tracks that descend from themselves over others."""
    links = dict(db.execute("SELECT id, parent_id FROM tracks WHERE parent_id IS NOT NULL"))
    rings = (i for i in rings_of(links) if links[i] != i)
    for track_id in islice(rings, _MAX_OF_A_KIND):
        yield f"Track {track_id} descends from itself."


def _mask_faults(db: sqlite3.Connection) -> Iterator[str]:
    """Records whose count string is not sound, or whose area is wrong."""
    shown = db.execute(
        "SELECT DISTINCT mask_id, counts, masks.area, height, width FROM current "
        "JOIN masks ON masks.id = mask_id JOIN videos ON videos.id = video_id "
        "UNION SELECT mask_id, counts, masks.area, height, width FROM staged "
        "JOIN masks ON masks.id = mask_id JOIN runs ON runs.id = staged.run_id "
        "JOIN videos ON videos.id = runs.video_id"
    )
    count = 0
    while rows := shown.fetchmany(_MASKS_AT_ONCE):
        for mask_id in _unsound(rows):
            yield f"Record {mask_id} holds no sound mask."
            count += 1
            if count == _MAX_OF_A_KIND:
                return


def _unsound(rows: Sequence[tuple[int, Any, int, int, int]]) -> Iterator[int]:
    """Ids of the records among (id, counts, area, height, width) whose mask is not sound."""
    yield from (row[0] for row in rows if not _may_be_mask(row[1]) and (row[1] or row[2]))
    present = [row for row in rows if _may_be_mask(row[1])]
    lengths = np.array([len(row[1]) + len(PAIR_END) for row in present], dtype=np.int64)
    pairs = decode_pairs(b"".join(row[1] + PAIR_END for row in present), lengths)
    areas = np.array([row[2] for row in present])
    pixels = np.array([row[3] * row[4] for row in present])
    sound = pairs.is_valid & (pairs.totals == pixels) & (pairs.areas == areas)
    yield from (row[0] for row, is_sound in zip(present, sound, strict=True) if not is_sound)


def _may_be_mask(counts: object) -> bool:
    return isinstance(counts, bytes) and len(counts) > 0


def _text_faults(db: sqlite3.Connection) -> Iterator[str]:
    """Text that is not UTF-8, and settings or figures that are no JSON object."""
    for table in _TABLES_WITH_TEXT:
        columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})") if row[2] == "TEXT"]
        for column in columns:
            is_sound = _is_object if (table, column) in _JSON_COLUMNS else _is_utf8
            query = f"SELECT id, CAST({column} AS BLOB) FROM {table}"  # noqa: S608 - fixed
            for row_id, stored in db.execute(query):
                if not is_sound(stored):
                    yield f"The {column} of entry {row_id} in {table} cannot be read."


def _is_object(stored: bytes | None) -> bool:
    return read_object(stored) is not None


def _is_utf8(stored: bytes | None) -> bool:
    try:
        return stored is None or stored.decode() is not None
    except UnicodeDecodeError:
        return False


def _meta_faults(db: sqlite3.Connection) -> Iterator[str]:
    """Numbers of the project itself that are none."""
    for key in (CURSOR_KEY, HIGHEST_KEY):
        if meta_number(db, key) is None:
            yield f"The {key} of the project cannot be read."


def _journal_faults(db: sqlite3.Connection) -> Iterator[str]:
    """Journal entries that cannot be read, or need records that are gone."""
    for seq, data in db.execute("SELECT seq, delta FROM journal ORDER BY seq"):
        try:
            needed = Delta.decode(data).mask_ids()
        except Exception as error:  # whatever a damaged entry leads to
            yield f"History entry {seq} cannot be read: {type(error).__name__}."
            continue
        for mask_id in needed:
            if db.execute("SELECT 1 FROM masks WHERE id = ?", (mask_id,)).fetchone() is None:
                yield f"History entry {seq} needs record {mask_id}, which does not exist."
                break
