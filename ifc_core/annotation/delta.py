"""The inverse of an edit: old and new value of every row that it changed."""

from __future__ import annotations

import json
import sqlite3
import struct
import zlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np

from ifc_core.annotation.records import EditResult

PointerKey = tuple[int, int, int]
"""(video_id, frame_index, track_id)."""

Row = tuple[Any, ...]

TABLE_WIDTHS = {"videos": 10, "categories": 5, "tracks": 9}
"""Tables whose rows an edit may change, with their number of columns; the first is the id."""

_HEADER = struct.Struct("<II")


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


_NOTHING = Pointer(0, 0, 0, 0, 0)


@dataclass(slots=True)
class Delta:
    """Pairs of old and new values, ``None`` where a row did not or does not exist.

    Attributes:
        pointers: What tracks show on frames.
        rows: table -> row id -> pair, for the tables in ``TABLE_WIDTHS``.
        frames: (video_id, frame_index) -> pair of *exhaustive* flags.
        runs: run id -> pair of run states.
    """

    pointers: dict[PointerKey, tuple[Pointer | None, Pointer | None]] = field(default_factory=dict)
    rows: dict[str, dict[int, tuple[Row | None, Row | None]]] = field(
        default_factory=lambda: {name: {} for name in TABLE_WIDTHS}
    )
    frames: dict[tuple[int, int], tuple[bool, bool]] = field(default_factory=dict)
    runs: dict[int, tuple[str, str]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether nothing changed."""
        return not (self.pointers or self.frames or self.runs or any(self.rows.values()))

    def drop_unchanged(self) -> None:
        """Forget pairs whose new value is the old one."""
        self.pointers = {k: p for k, p in self.pointers.items() if p[0] != p[1]}
        self.frames = {k: p for k, p in self.frames.items() if p[0] != p[1]}
        self.runs = {k: p for k, p in self.runs.items() if p[0] != p[1]}
        for table, pairs in self.rows.items():
            self.rows[table] = {k: p for k, p in pairs.items() if p[0] != p[1]}

    def inverse(self) -> Delta:
        """The delta that takes this one back."""
        return Delta(
            {k: (new, old) for k, (old, new) in self.pointers.items()},
            {
                table: {k: (new, old) for k, (old, new) in pairs.items()}
                for table, pairs in self.rows.items()
            },
            {k: (new, old) for k, (old, new) in self.frames.items()},
            {k: (new, old) for k, (old, new) in self.runs.items()},
        )

    def mask_ids(self) -> set[int]:
        """Records that undo or redo of this delta may need."""
        pairs = self.pointers.values()
        return {pointer.mask_id for pair in pairs for pointer in pair if pointer is not None}

    def encode(self) -> bytes:
        """Bytes for the journal: JSON for rows, columns of numbers for pointers."""
        table = np.array(
            [
                (*key, *(old or _NOTHING), *(new or _NOTHING))
                for key, (old, new) in self.pointers.items()
            ],
            dtype="<i8",
        ).reshape(-1, 13)
        frames = [(*key, *pair) for key, pair in self.frames.items()]
        rows = {name: list(pairs.items()) for name, pairs in self.rows.items() if pairs}
        runs = [(key, *pair) for key, pair in self.runs.items()]
        content = {"rows": rows, "frames": frames, "runs": runs}
        text = json.dumps(content, separators=(",", ":"), default=int)  # numpy's integers
        packed_text = zlib.compress(text.encode(), 1)
        packed_table = zlib.compress(np.ascontiguousarray(table.T).tobytes(), 1)
        return _HEADER.pack(len(packed_text), len(table)) + packed_text + packed_table

    @classmethod
    def decode(cls, data: bytes) -> Delta:
        """The inverse of :meth:`encode`."""
        text_length, count = _HEADER.unpack_from(data)
        body = data[_HEADER.size :]
        content = json.loads(zlib.decompress(body[:text_length]))
        numbers = np.frombuffer(zlib.decompress(body[text_length:]), dtype="<i8")
        delta = cls()
        for entry in numbers.reshape(13, count).T.tolist():
            old, new = Pointer(*entry[3:8]), Pointer(*entry[8:13])
            key = (entry[0], entry[1], entry[2])
            delta.pointers[key] = (old if old.mask_id else None, new if new.mask_id else None)
        for name, pairs in content["rows"].items():
            delta.rows[name] = {int(k): (_row(old), _row(new)) for k, (old, new) in pairs}
        delta.frames = {(v, f): (bool(old), bool(new)) for v, f, old, new in content["frames"]}
        delta.runs = {int(k): (old, new) for k, old, new in content["runs"]}
        return delta


def _row(values: list[Any] | None) -> Row | None:
    return None if values is None else tuple(values)


def write_pointers(
    db: sqlite3.Connection, items: Iterable[tuple[PointerKey, Pointer | None]]
) -> None:
    """Make tracks show records (or nothing) on frames."""
    removed, written = [], []
    for key, pointer in items:
        if pointer is None:
            removed.append(key)
        else:
            written.append((*key, *pointer))
    if removed:
        db.executemany(
            "DELETE FROM current WHERE video_id = ? AND frame_index = ? AND track_id = ?", removed
        )
    if written:
        db.executemany("INSERT OR REPLACE INTO current VALUES (?, ?, ?, ?, ?, ?, ?, ?)", written)


def write_row(db: sqlite3.Connection, table: str, row_id: int, row: Row | None) -> None:
    """Write or delete one row of a table of ``TABLE_WIDTHS``."""
    if row is None:
        db.execute(f"DELETE FROM {table} WHERE id = ?", (row_id,))  # noqa: S608 - fixed names
        return
    marks = ", ".join("?" * TABLE_WIDTHS[table])
    db.execute(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", row)  # noqa: S608


def write_exhaustive(db: sqlite3.Connection, video_id: int, frame_index: int, flag: bool) -> None:
    """Set or clear the *exhaustive* flag of a frame."""
    if flag:
        db.execute("INSERT OR IGNORE INTO exhaustive VALUES (?, ?)", (video_id, frame_index))
    else:
        db.execute(
            "DELETE FROM exhaustive WHERE video_id = ? AND frame_index = ?", (video_id, frame_index)
        )


def write_delta(db: sqlite3.Connection, delta: Delta) -> None:
    """Bring every row of a delta to its new value, inside the caller's transaction."""
    for table, pairs in delta.rows.items():
        for row_id, (_, row) in pairs.items():
            write_row(db, table, row_id, row)
    write_pointers(db, ((key, new) for key, (_, new) in delta.pointers.items()))
    for (video_id, frame_index), (_, flag) in delta.frames.items():
        write_exhaustive(db, video_id, frame_index, flag)
    for run_id, (_, state) in delta.runs.items():
        db.execute("UPDATE runs SET state = ? WHERE id = ?", (state, run_id))


def summarise(
    delta: Delta,
    seq: int,
    kind: str,
    label: str,
    direction: Literal["do", "undo", "redo"],
    note: str = "",
) -> EditResult:
    """Say what a delta (already turned for an undo) changed."""
    frames_of_track: dict[int, list[int]] = defaultdict(list)
    videos = {key[0] for key in delta.pointers}
    for _, frame_index, track_id in delta.pointers:
        frames_of_track[track_id].append(frame_index)
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
        changed_frames={k: tuple(sorted(v)) for k, v in frames_of_track.items()},
        tracks_added=tuple(k for k, (old, _) in tracks.items() if old is None),
        tracks_removed=tuple(k for k, (_, new) in tracks.items() if new is None),
        tracks_changed=tuple(k for k, pair in tracks.items() if None not in pair),
        reviewed_frames={k: tuple(sorted(v)) for k, v in reviewed.items()},
        categories_changed=tuple(delta.rows["categories"]),
        videos_changed=tuple(delta.rows["videos"]),
        runs_changed=tuple(delta.runs),
        num_masks=len(delta.pointers),
        note=note,
    )


def unpack_rgb(color: int) -> tuple[int, int, int]:
    """A colour as three values from the number it is stored as."""
    return ((color >> 16) & 255, (color >> 8) & 255, color & 255)


def pack_rgb(color_rgb: tuple[int, int, int]) -> int:
    """The inverse of :func:`unpack_rgb`."""
    red, green, blue = color_rgb
    return (int(red) << 16) | (int(green) << 8) | int(blue)
