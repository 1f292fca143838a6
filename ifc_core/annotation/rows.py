"""Between rows of the tables and the types that people and programs see."""

from __future__ import annotations

import json
import math
import os
import sqlite3
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from ifc_core.annotation.delta import Pointer, Row, pack_rgb, unpack_rgb
from ifc_core.annotation.records import VideoEntry
from ifc_core.annotation.schema import FRAME_STATES, MASK_SOURCES
from ifc_core.errors import EditError, ProjectError
from ifc_core.io.problems import is_finite, is_text, printable
from ifc_core.structures import Category, MaskRecord, RLEMask, Track, TrackKind, TrackState
from ifc_core.structures.rle_runs import all_sound

VIDEO_COLUMNS = (
    "id, name, stored_path, absolute_hint, num_frames, height, width, fps, fingerprint, "
    "annotation_step, given_fps, um_per_px"
)
CATEGORY_COLUMNS = "id, name, supercategory, color, hotkey"
TRACK_COLUMNS = "id, video_id, category_id, score, state, color, z_order, name, kind, parent_id"
LATEST = 3e10
"""Seconds since 1970 beyond which a time is none, in the year 2920: no clock shows it."""
_MOST_NUMBER, _MOST_DIGITS = (1 << 63) - 1, 20  # SQLite's

# Okabe and Ito's and Tol's colours that stay apart for colour-blind people, without black.
PALETTE: tuple[tuple[int, int, int], ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
    (136, 204, 238),
    (17, 119, 51),
    (221, 204, 119),
    (136, 34, 85),
    (68, 170, 153),
    (170, 68, 153),
    (153, 153, 51),
    (102, 153, 204),
    (238, 136, 102),
)


def normalised(text: str) -> str:
    """Text in Unicode's composed form (NFC), as names and paths are stored."""
    return unicodedata.normalize("NFC", text)


def meta_number(db: sqlite3.Connection, key: str) -> int | None:
    """A number of the project's key-value table.

    Returns:
        0 where there is none, ``None`` where something else stands in its place.
    """
    query = "SELECT CAST(value AS BLOB) FROM meta WHERE key = ?"  # also what is not UTF-8
    row = db.execute(query, (key,)).fetchone()
    if row is None:
        return 0
    digits = row[0] or b""
    number = int(digits) if digits.isdigit() and len(digits) < _MOST_DIGITS else -1
    return number if 0 <= number <= _MOST_NUMBER else None


def read_object(text: object) -> dict[str, Any] | None:
    """The JSON object that a column holds; ``None`` where it holds anything else.

    Args:
        text: Of the column, or its bytes: SQLite refuses to give text that is not UTF-8.
    """
    try:
        decoded = text.decode() if isinstance(text, bytes) else text
        value = json.loads(decoded) if isinstance(decoded, str) else None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def moment(value: object) -> float:
    """Seconds since 1970 that a column or a file holds; 0 where it holds anything else."""
    return float(value) if is_finite(value) and 0 < value < LATEST else 0.0


def video_of(row: Row, folder: Path) -> VideoEntry:
    """A video from its row; the place is believed, not looked up."""
    stored, hint = str(row[2]), str(row[3])
    path = Path(os.path.normpath(folder / PurePosixPath(stored))) if stored else Path(hint)
    given_fps, um_per_px = _measure(row[10]), _measure(row[11])
    entry = VideoEntry(row[0], row[1], path, stored, *row[4:10])
    return replace(entry, given_fps=given_fps, um_per_px=um_per_px)


def _measure(value: object) -> float | None:
    """A number above 0 that a person gave; a column may hold anything, which is then none."""
    if isinstance(value, int | float) and math.isfinite(value) and value > 0:
        return float(value)
    return None


def stored_paths(path: Path, folder: Path) -> tuple[str, str]:
    """(POSIX path relative to the project folder or "", absolute path or "") of a file.

    Raises:
        EditError: It has a name that is not UTF-8, as only this is stored.
    """
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - links are kept as they are
    try:
        relative = Path(os.path.relpath(absolute, folder)).as_posix()
    except ValueError:  # another drive on Windows
        relative = ""
    stored, hint = normalised(relative), normalised(str(absolute))
    if not is_text(stored or hint):
        raise EditError(
            f"The name of {printable(path.name)} or of its folder is not UTF-8, so a project "
            "cannot keep it; rename it first.",
            path=path,
        )
    return stored, hint if is_text(hint) else ""


def category_of(row: Row) -> Category:
    """A category from its row."""
    return Category(row[0], row[1], row[2], unpack_rgb(row[3]), row[4])


def category_row(category: Category) -> Row:
    """The row of a category."""
    return (
        category.id,
        normalised(category.name.strip()),
        normalised(category.supercategory),
        pack_rgb(category.color_rgb),
        category.hotkey,
    )


def track_of(row: Row) -> Track:
    """A track from its row."""
    state, kind = TrackState(row[4]), TrackKind(row[8])
    color_rgb = unpack_rgb(row[5])
    parent_id = row[9] if isinstance(row[9], int) else None  # SQLite takes anything
    return Track(row[0], row[1], row[2], row[3], state, color_rgb, row[6], row[7], kind, parent_id)


def track_row(track: Track) -> Row:
    """The row of a track."""
    return (
        track.id,
        track.video_id,
        track.category_id,
        float(track.score),
        track.state.value,
        pack_rgb(track.color_rgb),
        track.z_order,
        normalised(track.name),
        track.kind.value,
        track.parent_id,
    )


def checked_rles(
    strings: Sequence[Any], size: tuple[int, int], folder: Path
) -> list[RLEMask | None]:
    """Stored masks; a damaged or forged one is refused before native code sees it.

    Args:
        strings: Count strings as stored, ``None`` where absent.
        size: (height, width) of the video.
        folder: The project, for the message.

    Raises:
        ProjectError: A stored string does not fill the frame.
    """
    present = [counts for counts in strings if counts is not None]
    sound = all(isinstance(counts, bytes) for counts in present)
    if not sound or not all_sound(present, size[0] * size[1]):
        raise ProjectError(
            f"{folder.name} holds a damaged mask; run `ifc-studio project check` on it.",
            path=folder,
        )
    return [None if counts is None else RLEMask(size, counts) for counts in strings]


def checked_rle(counts: Any, size: tuple[int, int], folder: Path) -> RLEMask | None:
    """The same for one mask."""
    return checked_rles([counts], size, folder)[0]


def record_of(track_id: int, frame_index: int, pointer: Pointer, rle: RLEMask | None) -> MaskRecord:
    """The record a track shows on a frame."""
    return MaskRecord(
        pointer.mask_id,
        track_id,
        frame_index,
        rle,
        MASK_SOURCES[pointer.source],
        pointer.revision,
        FRAME_STATES[pointer.state],
    )
