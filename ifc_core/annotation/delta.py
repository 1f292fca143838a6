"""The inverse of an edit: old and new value of every row that it changed."""

from __future__ import annotations

import json
import sqlite3
import struct
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np

from ifc_core.annotation.pointer_tables import (
    CHANGE_WIDTH,
    MOST_ROWS,
    TRACK,
    VIDEO,
    Table,
    bulk_writing,
    frames_by_track,
    inflate,
    masks_gained,
    merged,
    num_moved,
    num_rows,
    pack_table,
    turned,
    unpack_table,
    write_changes,
)
from ifc_core.annotation.records import EditResult
from ifc_core.annotation.schema import HIDDEN_CODES

PointerKey = tuple[int, int, int]
"""(video_id, frame_index, track_id)."""

Row = tuple[Any, ...]

TABLE_WIDTHS = {"videos": 12, "categories": 5, "tracks": 10}
"""Tables whose rows an edit may change, with their number of columns; the first is the id."""

# Before videos had a scale (schema 3), and tracks knew their parents (schema 2).
_OLD_WIDTHS = {"videos": 10, "tracks": 9}

_HEADER = struct.Struct("<II")
_LENGTH = struct.Struct("<I")
_IN_BLOCKS = 0xFFFFFFFF  # instead of a count: packed tables follow
_SEAL_ROWS = 1 << 16
_MOST_TEXT_BYTES = 1 << 28


class Pointer(NamedTuple):
    """What a track shows on a frame (a row of ``current``).

    Attributes:
        mask_id: The record.
        state: Code of the frame state.
        revision: Counts up with each change.
        source: Code of the record's source.
        area: Foreground pixels of the record.
    """

    mask_id: int
    state: int
    revision: int
    source: int
    area: int

    @property
    def is_seen(self) -> bool:
        """Whether it shows a mask: neither absent nor rejected."""
        return self.area > 0 and self.state not in HIDDEN_CODES


_NOTHING = Pointer(0, 0, 0, 0, 0)


@dataclass(slots=True)
class Delta:
    """Pairs of old and new values, ``None`` where a row did not or does not exist.

    Pointers are kept as packed change tables, so that an edit of a million masks takes a few
    megabytes. A key may occur in several tables; they hold in the order in which they stand.

    Attributes:
        blocks: Packed change tables of what tracks show on frames.
        rows: table -> row id -> pair, for the tables in ``TABLE_WIDTHS``.
        frames: (video_id, frame_index) -> pair of *exhaustive* flags.
        runs: run id -> pair of run states.
        is_turned: Read the tables backwards, old for new.
    """

    blocks: list[bytes] = field(default_factory=list)
    rows: dict[str, dict[int, tuple[Row | None, Row | None]]] = field(
        default_factory=lambda: {name: {} for name in TABLE_WIDTHS}
    )
    frames: dict[tuple[int, int], tuple[bool, bool]] = field(default_factory=dict)
    runs: dict[int, tuple[str, str]] = field(default_factory=dict)
    is_turned: bool = False
    _recent: list[Table] = field(default_factory=list)
    _num_recent: int = 0

    def add(self, table: Table) -> None:
        """Note a change table."""
        self._recent.append(table)
        self._num_recent += len(table)
        if self._num_recent >= _SEAL_ROWS:
            self._seal()

    def _seal(self) -> None:
        table = merged(self._recent)
        self._recent, self._num_recent = [], 0
        for begin in range(0, len(table), MOST_ROWS):
            self.blocks.append(pack_table(table[begin : begin + MOST_ROWS]))

    def tables(self) -> Iterator[Table]:
        """The change tables in the order in which they are to be written.

        Raises:
            ValueError: A packed table is damaged.
        """
        for data in reversed(self.blocks) if self.is_turned else self.blocks:
            table = unpack_table(data)
            yield turned(table) if self.is_turned else table

    @property
    def num_pointers(self) -> int:
        """Rows of all change tables."""
        return sum(map(num_rows, self.blocks)) + self._num_recent

    @property
    def is_empty(self) -> bool:
        """Whether nothing changed."""
        return not (self.num_pointers or self.frames or self.runs or any(self.rows.values()))

    def drop_unchanged(self) -> None:
        """Forget pairs whose new value is the old one; nothing is added afterwards."""
        self._seal()
        self.frames = {k: p for k, p in self.frames.items() if p[0] != p[1]}
        self.runs = {k: p for k, p in self.runs.items() if p[0] != p[1]}
        for table, pairs in self.rows.items():
            self.rows[table] = {k: p for k, p in pairs.items() if p[0] != p[1]}

    def inverse(self) -> Delta:
        """The delta that takes this one back."""
        return Delta(
            self.blocks,
            {
                table: {k: (new, old) for k, (old, new) in pairs.items()}
                for table, pairs in self.rows.items()
            },
            {k: (new, old) for k, (old, new) in self.frames.items()},
            {k: (new, old) for k, (old, new) in self.runs.items()},
            not self.is_turned,
        )

    def mask_ids(self) -> set[int]:
        """Records that undo or redo of this delta may need."""
        needed = set[int]()
        for table in self.tables():
            needed.update(np.unique(table[:, [3, 8]]).tolist())
        needed.discard(0)
        return needed

    def encode(self) -> bytes:
        """Bytes for the journal: JSON for rows, packed tables for pointers."""
        frames = [(*key, *pair) for key, pair in self.frames.items()]
        rows = {name: list(pairs.items()) for name, pairs in self.rows.items() if pairs}
        runs = [(key, *pair) for key, pair in self.runs.items()]
        content = {"rows": rows, "frames": frames, "runs": runs}
        text = json.dumps(content, separators=(",", ":"), default=int)  # numpy's integers
        packed_text = zlib.compress(text.encode(), 1)
        parts = [_HEADER.pack(len(packed_text), _IN_BLOCKS), packed_text]
        for block in self.blocks:
            parts += [_LENGTH.pack(len(block)), block]
        return b"".join(parts)

    @classmethod
    def decode(cls, data: bytes) -> Delta:
        """The inverse of :meth:`encode`.

        Raises:
            ValueError: It is none. Packed tables are looked at when they are asked for.
        """
        try:
            return cls._decoded(data)
        except (KeyError, TypeError, AttributeError, RecursionError, struct.error) as error:
            raise ValueError("an entry of the history is damaged") from error

    @classmethod
    def _decoded(cls, data: bytes) -> Delta:
        text_length, count = _HEADER.unpack_from(data)
        body = data[_HEADER.size :]
        content = json.loads(inflate(body[:text_length], _MOST_TEXT_BYTES))
        delta = cls()
        rest = body[text_length:]
        if count == _IN_BLOCKS:
            delta.blocks = list(_split_blocks(rest))
        elif count > MOST_ROWS:
            raise ValueError(f"{count} rows in one table")
        elif count:  # as written before tables were packed
            numbers = np.frombuffer(inflate(rest, CHANGE_WIDTH * 8 * count), dtype="<i8")
            delta.blocks = [pack_table(numbers.reshape(CHANGE_WIDTH, count).T)]
        for name, pairs in content["rows"].items():
            delta.rows[name] = {
                int(k): (_row(old, name), _row(new, name)) for k, (old, new) in pairs
            }
        delta.frames = {
            (int(v), int(f)): (bool(old), bool(new)) for v, f, old, new in content["frames"]
        }
        delta.runs = {int(k): (str(old), str(new)) for k, old, new in content["runs"]}
        return delta


def _split_blocks(data: bytes) -> Iterator[bytes]:
    place = 0
    while place < len(data):
        (length,) = _LENGTH.unpack_from(data, place)
        place += _LENGTH.size
        if length < _LENGTH.size or place + length > len(data):
            raise ValueError("a packed table is cut off")
        yield data[place : place + length]
        place += length


def change_table(
    items: Iterable[tuple[PointerKey, Pointer | None]], old: Mapping[PointerKey, Pointer]
) -> Table:
    """The change table of a few pointers (``None``: not annotated).

    Args:
        items: What is to be shown.
        old: What is shown, where anything is.
    """
    rows = [(*key, *old.get(key, _NOTHING), *(new or _NOTHING)) for key, new in items]
    return np.array(rows, dtype=np.int64).reshape(-1, CHANGE_WIDTH)


def _row(values: list[Any] | None, table: str) -> Row | None:
    """A row as the journal holds it; what an older one had no column for is ``None``."""
    width = TABLE_WIDTHS[table]  # a name becomes part of a query: none but these
    if values is None:
        return None
    if len(values) == _OLD_WIDTHS.get(table):
        values = [*values, *[None] * (width - len(values))]
    if len(values) != width or not all(isinstance(v, str | int | float | None) for v in values):
        raise ValueError("a row of the history does not fit its table")
    return tuple(values)


def write_row(db: sqlite3.Connection, table: str, row_id: int, row: Row | None) -> None:
    """Write or delete one row of a table of ``TABLE_WIDTHS``."""
    if row is None:
        db.execute(f"DELETE FROM {table} WHERE id = ?", (row_id,))  # noqa: S608 - fixed names
        return
    marks = ", ".join("?" * TABLE_WIDTHS[table])
    db.execute(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", row)  # noqa: S608


def video_row(db: sqlite3.Connection, video_id: int) -> Row | None:
    """The row of a video, ``None`` where there is none."""
    row = db.execute("SELECT * FROM videos WHERE id = ?", (video_id,)).fetchone()
    return None if row is None else tuple(row)


def _with_what_was_learned(old: Row, new: Row, current: Row | None) -> Row:
    """The new row of a video, but as it is where that is not what the delta starts from.

    Its place, length and rate may have been learned from its file, outside the journal.
    """
    if current is None:
        return new
    both = zip(old, new, current, strict=True)
    return tuple(after if before == now else now for before, after, now in both)


def write_exhaustive(db: sqlite3.Connection, keys: Iterable[tuple[int, int]], flag: bool) -> None:
    """Set or clear the *exhaustive* flag of frames: (video id, frame)."""
    if flag:
        db.executemany("INSERT OR IGNORE INTO exhaustive VALUES (?, ?)", keys)
    else:
        db.executemany("DELETE FROM exhaustive WHERE video_id = ? AND frame_index = ?", keys)


def write_delta(db: sqlite3.Connection, delta: Delta) -> None:
    """Bring every row of a delta to its new value, inside the caller's transaction."""
    for table, pairs in delta.rows.items():
        for row_id, (old, row) in pairs.items():
            if table == "videos" and old is not None and row is not None:
                row = _with_what_was_learned(old, row, video_row(db, row_id))
            write_row(db, table, row_id, row)
    write_tables(db, delta)
    for wanted in (False, True):
        keys = (key for key, (_, flag) in delta.frames.items() if flag is wanted)
        write_exhaustive(db, keys, wanted)
    for run_id, (_, state) in delta.runs.items():
        db.execute("UPDATE runs SET state = ? WHERE id = ?", (state, run_id))


def write_tables(db: sqlite3.Connection, delta: Delta) -> None:
    """Write the pointers of a delta, inside the caller's transaction."""
    moved = sum(map(num_moved, delta.tables()))
    with bulk_writing(db, moved):
        for table in delta.tables():
            write_changes(db, table)


def summarise(
    delta: Delta,
    seq: int,
    kind: str,
    label: str,
    direction: Literal["do", "undo", "redo"],
    note: str = "",
) -> EditResult:
    """Say what a delta (already turned for an undo) changed."""
    keys, gained = [], 0
    for table in delta.tables():
        keys.append(table[:, : TRACK + 1].copy())
        gained += masks_gained(table)
    videos = {int(v) for table in keys for v in np.unique(table[:, VIDEO])}
    frames_of_track = frames_by_track(keys)
    reviewed: dict[int, list[int]] = defaultdict(list)
    for video_id, frame_index in delta.frames:
        reviewed[video_id].append(frame_index)
    tracks = delta.rows["tracks"]
    for pair in tracks.values():
        videos.update(row[1] for row in pair if row is not None)
    return EditResult(
        seq=seq,
        kind=kind,
        label=label,
        direction=direction,
        video_ids=tuple(sorted(videos | set(reviewed) | set(delta.rows["videos"]))),
        changed_frames=frames_of_track,
        tracks_added=tuple(k for k, (old, _) in tracks.items() if old is None),
        tracks_removed=tuple(k for k, (_, new) in tracks.items() if new is None),
        tracks_changed=tuple(k for k, pair in tracks.items() if None not in pair),
        reviewed_frames={k: tuple(sorted(v)) for k, v in reviewed.items()},
        categories_changed=tuple(delta.rows["categories"]),
        videos_changed=tuple(delta.rows["videos"]),
        runs_changed=tuple(delta.runs),
        num_masks=sum(map(len, frames_of_track.values())),
        masks_gained=gained,
        note=note,
    )


def unpack_rgb(color: int) -> tuple[int, int, int]:
    """A colour as three values from the number it is stored as."""
    return ((color >> 16) & 255, (color >> 8) & 255, color & 255)


def pack_rgb(color_rgb: tuple[int, int, int]) -> int:
    """The inverse of :func:`unpack_rgb`."""
    red, green, blue = color_rgb
    return (int(red) << 16) | (int(green) << 8) | int(blue)
