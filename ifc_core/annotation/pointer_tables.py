"""What tracks show on frames, by the thousand: tables of numbers instead of an object each.

A *pointer table* is (n, 8) int64: video, frame, track, then the five fields of a pointer (record,
state, revision, source, area). A *change table* is (n, 13): the same key, the old pointer and
the new one; record 0 stands for "not annotated".
"""

from __future__ import annotations

import sqlite3
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from ifc_core.annotation.schema import HIDDEN_CODES

Table = npt.NDArray[np.int64]

POINTER_COLUMNS = "video_id, frame_index, track_id, mask_id, state, revision, source, area"
POINTER_WIDTH = 8
CHANGE_WIDTH = 13
VIDEO, FRAME, TRACK, MASK, STATE, REVISION, SOURCE, AREA = range(POINTER_WIDTH)
_OLD, _NEW = slice(3, 8), slice(8, 13)
MOST_ROWS = 1 << 24  # of one change table; 1.7 GB
_ROWS_AT_ONCE = 1 << 15
_MIN_REBUILD_ROWS = 20_000
_COUNT = struct.Struct("<I")
_COLUMN = struct.Struct("<bq")
_KINDS = tuple(np.dtype(name) for name in ("<i1", "<i2", "<i4", "<i8"))
_LIMITS = (1 << 7, 1 << 15, 1 << 31)  # of the first three


def read_table(
    db: sqlite3.Connection, query: str, values: Sequence[Any], width: int = POINTER_WIDTH
) -> Table:
    """The rows of a query whose columns are all whole numbers.

    Args:
        db: Connection.
        query: The query.
        values: Its parameters.
        width: Number of its columns.

    Returns:
        (n, width) int64.
    """
    found = db.execute(query, values)
    parts = [np.zeros((0, width), dtype=np.int64)]
    while rows := found.fetchmany(_ROWS_AT_ONCE):
        flat = np.fromiter(chain.from_iterable(rows), np.int64, width * len(rows))
        parts.append(flat.reshape(-1, width))
    return np.concatenate(parts)


def changes(pointers: Table, new: Table | None) -> Table:
    """The change from what is shown to something else.

    Args:
        pointers: (n, 8) what is shown; record 0 where nothing is.
        new: (n, 5) pointers to show instead, or ``None`` for nothing.

    Returns:
        (n, 13) change table.
    """
    table = np.zeros((len(pointers), CHANGE_WIDTH), dtype=np.int64)
    table[:, :8] = pointers
    if new is not None:
        table[:, _NEW] = new
    return table


def turned(table: Table) -> Table:
    """The change that takes a change back."""
    back = table.copy()
    back[:, _OLD], back[:, _NEW] = table[:, _NEW], table[:, _OLD]
    return back


def merged(tables: Sequence[Table]) -> Table:
    """Changes made one after the other as one, without those that came to nothing.

    Args:
        tables: Change tables in the order in which they were made, each without a key twice.

    Returns:
        A change table with each key once.
    """
    table = np.concatenate([np.zeros((0, CHANGE_WIDTH), dtype=np.int64), *tables])
    if len(tables) > 1:
        table = table[np.lexsort((table[:, FRAME], table[:, TRACK], table[:, VIDEO]))]  # stable
        is_first = np.ones(len(table), dtype=bool)
        is_first[1:] = np.any(table[1:, :3] != table[:-1, :3], axis=1)
        is_last = np.ones(len(table), dtype=bool)
        is_last[:-1] = is_first[1:]
        last = table[is_last, _NEW]
        table = table[is_first]
        table[:, _NEW] = last
    is_changed = np.any(table[:, _OLD] != table[:, _NEW], axis=1)
    return table if is_changed.all() else table[is_changed]


def pack_table(table: Table) -> bytes:
    """A change table in few bytes: its columns as differences in the smallest type that fits."""
    parts = []
    steps: list[bytes] = []
    for column in table.T if len(table) else ():
        differences = np.diff(column)
        most = int(np.abs(differences).max(initial=0))
        kind = next((k for k, limit in enumerate(_LIMITS) if most < limit), 3)
        parts.append(_COLUMN.pack(kind if most else -1, int(column[0])))
        if most:
            steps.append(differences.astype(_KINDS[kind]).tobytes())
    return _COUNT.pack(len(table)) + zlib.compress(b"".join(parts + steps), 1)


def unpack_table(data: bytes) -> Table:
    """The inverse of :func:`pack_table`.

    Raises:
        ValueError: It is none; also where it says that it holds more rows than any edit has.
    """
    count = num_rows(data)
    if count > MOST_ROWS:
        raise ValueError(f"{count} rows in one table")
    table = np.zeros((count, CHANGE_WIDTH), dtype=np.int64)
    if not count:
        return table
    body = inflate(data[_COUNT.size :], CHANGE_WIDTH * (_COLUMN.size + 8 * count))
    if len(body) < CHANGE_WIDTH * _COLUMN.size:
        raise ValueError("a packed table without its columns")
    place = CHANGE_WIDTH * _COLUMN.size
    for number in range(CHANGE_WIDTH):
        kind, first = _COLUMN.unpack_from(body, number * _COLUMN.size)
        if kind >= len(_KINDS):
            raise ValueError(f"a column of unknown type {kind}")
        table[0, number] = first
        if kind >= 0:
            steps = np.frombuffer(body, _KINDS[kind], count - 1, place)
            table[1:, number] = steps
            place += steps.nbytes
        np.cumsum(table[:, number], out=table[:, number])
    return table


def inflate(data: bytes, most_bytes: int) -> bytes:
    """What zlib packed, as long as it is no more than it may be.

    Raises:
        ValueError: It is more, cut off, or was not packed by zlib.
    """
    engine = zlib.decompressobj()
    try:
        text = engine.decompress(data, most_bytes + 1)
    except zlib.error as error:
        raise ValueError("a packed part is damaged") from error
    if len(text) > most_bytes or not engine.eof:
        raise ValueError(f"a packed part is cut off or longer than {most_bytes} bytes")
    return text


def num_rows(data: bytes) -> int:
    """Rows of a packed table."""
    return int(_COUNT.unpack_from(data)[0])


def frames_by_track(tables: Sequence[Table]) -> dict[int, tuple[int, ...]]:
    """Track id -> its frames in some change tables, ascending and each once."""
    keys = [table[:, [TRACK, FRAME]] for table in tables if len(table)]
    if not keys:
        return {}
    both = np.concatenate(keys)
    both = both[np.lexsort((both[:, 1], both[:, 0]))]
    is_new = np.concatenate(([True], np.any(np.diff(both, axis=0) != 0, axis=1)))
    both = both[is_new]
    begins = np.flatnonzero(np.concatenate(([True], np.diff(both[:, 0]) != 0)))
    groups = np.split(both[:, 1], begins[1:])
    return {
        int(track): tuple(frames.tolist())
        for track, frames in zip(both[begins, 0], groups, strict=True)
    }


def masks_gained(table: Table) -> int:
    """Masks that tracks show after a change, less those that they showed before it."""
    shown_before, shown_after = (
        (table[:, part.start + AREA - MASK] > 0)
        & ~np.isin(table[:, part.start + STATE - MASK], HIDDEN_CODES)
        for part in (_OLD, _NEW)
    )
    return int(np.count_nonzero(shown_after)) - int(np.count_nonzero(shown_before))


def write_changes(db: sqlite3.Connection, table: Table) -> None:
    """Make tracks show what a change table says, inside the caller's transaction."""
    gone = table[:, _NEW.start] == 0
    only_state = ~gone & (table[:, _OLD] == table[:, _NEW])[:, [0, 2, 3, 4]].all(axis=1)
    for rows in _chunks(table[gone, :3]):
        db.executemany(
            "DELETE FROM current WHERE video_id = ? AND frame_index = ? AND track_id = ?", rows
        )
    for rows in _chunks(table[only_state][:, [_NEW.start + 1, 0, 1, 2]]):
        db.executemany(
            "UPDATE current SET state = ? WHERE video_id = ? AND frame_index = ? AND track_id = ?",
            rows,
        )
    written = table[~(gone | only_state)][:, [0, 1, 2, 8, 9, 10, 11, 12]]
    for rows in _chunks(written[np.lexsort((written[:, 2], written[:, 1], written[:, 0]))]):
        db.executemany("INSERT OR REPLACE INTO current VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)


def _chunks(table: Table) -> Iterator[list[list[int]]]:
    for begin in range(0, len(table), _ROWS_AT_ONCE):
        yield table[begin : begin + _ROWS_AT_ONCE].tolist()


def num_moved(table: Table) -> int:
    """Rows of a change table that come or go, as the index by track feels them."""
    return int(np.count_nonzero((table[:, _OLD.start] == 0) | (table[:, _NEW.start] == 0)))


@contextmanager
def bulk_writing(db: sqlite3.Connection, num_rows: int) -> Iterator[None]:
    """Write many pointers: the index by track is made anew where that is cheaper.

    Nothing may look up a track's frames inside the block.

    Args:
        db: Connection with an open transaction.
        num_rows: Rows that will come or go.
    """
    rebuild = num_rows >= _MIN_REBUILD_ROWS
    if rebuild:
        total = int(db.execute("SELECT count(*) FROM current").fetchone()[0])
        rebuild = 4 * num_rows >= total
    if rebuild:
        try:
            db.execute("DROP INDEX current_by_track")
        except sqlite3.OperationalError:  # someone is in the middle of reading by it
            rebuild = False
    yield
    if rebuild:
        db.execute("CREATE UNIQUE INDEX current_by_track ON current (track_id, frame_index)")
