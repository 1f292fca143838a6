"""Suspected divisions that a person said are none.

A refusal approves no mask. It names the tracks, and the records that they showed there, by which
it is known again where tracks were split, merged or swapped since. It is kept as an accepted run of
a kind of its own that staged nothing: the journal turns the state of runs, so undo and redo take it
back and give it again, and older programs leave it alone. One that was taken back stays for as long
as it can be given again.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from ifc_core.annotation.records import RunState
from ifc_core.annotation.rows import read_object

KIND = "no division"
"""Kind of these runs."""


@dataclass(frozen=True, slots=True)
class RefusedDivision:
    """What did not happen.

    Attributes:
        parent_id: The track that did not divide.
        daughter_ids: The tracks that did not come of it, ascending; the parent may be one of them,
            whose track goes on.
        frame_index: The first frame on which they seemed to.
        mask_ids: What the daughters showed there or next, and the parent before.
    """

    parent_id: int
    daughter_ids: tuple[int, ...]
    frame_index: int
    mask_ids: frozenset[int] = frozenset()


def insert_refusal(
    db: sqlite3.Connection, video_id: int, refused: RefusedDivision, annotator_id: int, now: float
) -> int:
    """Enter a refusal that is not in force yet, inside the caller's transaction.

    Returns:
        The id of its run.
    """
    settings = {
        "parent": refused.parent_id,
        "daughters": list(refused.daughter_ids),
        "frame": refused.frame_index,
        "masks": sorted(refused.mask_ids),
    }
    entered = db.execute(
        "INSERT INTO runs (kind, video_id, model, settings, state, adopted, started_at, "
        "finished_at, annotator_id) VALUES (?, ?, '', ?, ?, 1, ?, ?, ?)",
        (KIND, video_id, json.dumps(settings), RunState.FINISHED.value, now, now, annotator_id),
    )
    return int(entered.lastrowid or 0)


def forget_undone(db: sqlite3.Connection) -> None:
    """Drop those that were taken back, once nothing can give them again."""
    db.execute("DELETE FROM runs WHERE kind = ? AND state = ?", (KIND, RunState.FINISHED.value))


def read_refusals(db: sqlite3.Connection, video_id: int) -> list[RefusedDivision]:
    """Those in force; one whose account is damaged is left out and so asked about again."""
    found = db.execute(
        "SELECT CAST(settings AS BLOB) FROM runs WHERE video_id = ? AND kind = ? AND state = ? "
        "ORDER BY id",
        (video_id, KIND, RunState.ACCEPTED.value),
    )
    refusals = (_refused(read_object(row[0]) or {}) for row in found.fetchall())
    return [refused for refused in refusals if refused is not None]


def _refused(settings: dict[str, Any]) -> RefusedDivision | None:
    try:
        parent, frame = settings["parent"], settings["frame"]
        daughters, masks = settings["daughters"], settings["masks"]
        numbers = [parent, frame, *daughters, *masks]
    except (KeyError, TypeError):
        return None
    if not all(type(number) is int for number in numbers):
        return None
    return RefusedDivision(parent, tuple(sorted(daughters)), frame, frozenset(masks))
