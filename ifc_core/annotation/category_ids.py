"""Ids of categories are given once: a version that learnt a class knows it by its id.

``meta.highest_category`` is the highest id that any category had, also one that is gone. Projects
of earlier programs lack it; there the versions still name the ids that they learnt. Where it is
damaged, those that versions, the history and the categories know are all that anybody knows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from ifc_core.annotation.delta import Delta
from ifc_core.annotation.rows import meta_number, read_object

HIGHEST_KEY = "highest_category"
_LEARNT = "category_ids"  # of a version's provenance: ids by name
_MOST = 1 << 31  # a larger one in a version is damage
_MOST_KEPT = 1 << 60  # of a file: formats end at 1 << 62, and ids are given above it
_MOST_COUNTED = 1 << 61  # higher ones come from no import


def free_category_id(db: sqlite3.Connection) -> int:
    """An id that no category had before, not even one that was removed."""
    query = "SELECT max(id) FROM categories WHERE id < ?"
    (present,) = db.execute(query, (_MOST_COUNTED,)).fetchone()
    noted = _noted(db)
    gone = max(_ids_of_history(db), default=0) if noted is None else noted
    return max(present or 0, gone, _highest_learnt(db)) + 1


def keeps_id(category_id: int, first_free: int) -> bool:
    """Whether a category of a file can keep its id.

    Args:
        category_id: In the file.
        first_free: What :func:`free_category_id` gave before the import.
    """
    return first_free <= category_id < _MOST_KEPT


def note_category_id(db: sqlite3.Connection, category_id: int) -> None:
    """Remember that an id is taken for good; within the transaction that writes its row."""
    noted = _noted(db)
    if noted is None:
        noted, category_id = -1, max(category_id, free_category_id(db) - 1)
    if noted < category_id < _MOST_COUNTED:
        put = "INSERT OR REPLACE INTO meta VALUES (?, ?)"
        db.execute(put, (HIGHEST_KEY, str(category_id)))


def _noted(db: sqlite3.Connection) -> int | None:
    """The highest id that was noted; ``None`` where the note is damaged."""
    number = meta_number(db, HIGHEST_KEY)
    return None if number is None or number >= _MOST_COUNTED else number


def _ids_of_history(db: sqlite3.Connection) -> Iterator[int]:
    """Ids of categories that entries of the history brought or took, as far as these are sound."""
    for (data,) in db.execute("SELECT delta FROM journal"):
        try:
            ids = list(Delta.decode(data).rows["categories"])
        except (ValueError, TypeError, OverflowError):
            continue
        yield from (i for i in ids if 1 <= i < _MOST_COUNTED)


def _highest_learnt(db: sqlite3.Connection) -> int:
    """The highest id that a version learnt; what else a version's provenance holds is ignored."""
    highest = 0
    # As bytes, since SQLite refuses text that is not UTF-8.
    for (provenance,) in db.execute("SELECT CAST(provenance AS BLOB) FROM models"):
        learnt = (read_object(provenance.decode(errors="replace")) or {}).get(_LEARNT)
        ids = learnt.values() if isinstance(learnt, dict) else ()
        highest = max([highest, *(i for i in ids if type(i) is int and 1 <= i <= _MOST)])
    return highest
