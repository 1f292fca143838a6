"""Values of a project file that the program never writes: damage, or somebody's intent.

SQLite puts any value into any column. What is read is used as it is, for speed; when that fails,
or a project is checked, the values are looked at here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from itertools import chain, islice

from ifc_core.annotation.schema import FRAME_STATES, MASK_SOURCES
from ifc_core.io.problems import printable
from ifc_core.structures import TrackKind, TrackState

_MOST_ID = 1 << 62
_MOST_FRAMES = (1 << 31) - 1
_MOST = (1 << 63) - 1  # of SQLite
_MAX_TOLD = 20
_MAX_LETTERS = 60


def _whole(low: int, high: int) -> str:
    return f"typeof({{0}}) = 'integer' AND {{0}} BETWEEN {low} AND {high}"


def _one_of(values: Iterator[str]) -> str:
    return f"typeof({{0}}) = 'text' AND {{0}} IN ({', '.join(repr(value) for value in values)})"


_NUMBER = "typeof({0}) IN ('real', 'integer') AND {0} BETWEEN -1e300 AND 1e300"
_MEASURE = "{0} IS NULL OR typeof({0}) IN ('real', 'integer')"
_TEXT = "typeof({0}) = 'text'"  # names of older projects hold what those of today may not
_PATH = f"{_TEXT} AND instr({{0}}, char(0)) = 0"
_ID, _FRAME, _COLOR = _whole(1, _MOST_ID), _whole(0, _MOST_FRAMES), _whole(0, 0xFFFFFF)
_TRACK_ID = _whole(1, _MOST_FRAMES)  # columns of tracks are kept in 32 bits
_SIDE_PX = _whole(1, _MOST_FRAMES)  # pictures may be larger than masks
_RANK = _whole(-_MOST_ID, _MOST_ID)

_SOUND: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "videos": (
        "id",
        {
            "name": _TEXT,
            "stored_path": _PATH,
            "absolute_hint": _PATH,
            "num_frames": _FRAME,
            "height": _SIDE_PX,
            "width": _SIDE_PX,
            "fps": _NUMBER,
            "fingerprint": _TEXT,
            "annotation_step": _whole(1, _MOST),
            "given_fps": _MEASURE,
            "um_per_px": _MEASURE,
        },
    ),
    "categories": (
        "id",
        {"id": _ID, "name": _TEXT, "supercategory": _TEXT, "color": _COLOR, "hotkey": _TEXT},
    ),
    "tracks": (
        "id",
        {
            "id": _TRACK_ID,
            "video_id": _ID,
            "category_id": _ID,
            "score": _NUMBER,
            "state": _one_of(state.value for state in TrackState),
            "color": _COLOR,
            "z_order": _RANK,
            "name": _TEXT,
            "kind": _one_of(kind.value for kind in TrackKind),
        },
    ),
    "current": (
        "video_id || ', ' || frame_index || ', ' || track_id",
        {
            "video_id": _ID,
            "frame_index": _FRAME,
            "track_id": _TRACK_ID,
            "mask_id": _ID,
            "state": _whole(0, len(FRAME_STATES) - 1),
            "revision": _whole(0, _MOST_ID),
            "source": _whole(0, len(MASK_SOURCES) - 1),
            "area": _whole(0, _MOST_ID),
        },
    ),
    "exhaustive": ("video_id || ', ' || frame_index", {"video_id": _ID, "frame_index": _FRAME}),
    "sqlite_sequence": ("name", {"seq": _whole(0, _MOST_ID)}),
}
"""Table -> (what names an entry, column -> what its values must be)."""


def value_faults(db: sqlite3.Connection) -> list[str]:
    """Values that cannot be used, one sentence each and at most twenty; empty is good.

    Args:
        db: Connection to the project file.

    Raises:
        sqlite3.DatabaseError: The file cannot be read.
    """
    found = chain.from_iterable(_faults_of(db, table) for table in _SOUND)
    return list(islice(found, _MAX_TOLD))


def _faults_of(db: sqlite3.Connection, table: str) -> Iterator[str]:
    entry, columns = _SOUND[table]
    sound = {column: f"({rule.format(column)})" for column, rule in columns.items()}
    which = " ".join(f"WHEN NOT {rule} THEN '{column}'" for column, rule in sound.items())
    query = (
        f"SELECT CAST({entry} AS BLOB), CASE {which} END FROM {table} "  # noqa: S608
        f"WHERE NOT ({' AND '.join(sound.values())}) LIMIT {_MAX_TOLD}"
    )
    for name, column in db.execute(query):
        shown = printable((name or b"?").decode("utf-8", "replace"))[:_MAX_LETTERS]
        yield f"The {column} of entry {shown} in {table} cannot be used."
