"""Ids of categories are given once: a version that learnt a class knows it by its id.

``meta.highest_category`` is the highest id that any category had, also one that is gone. Projects
of earlier programs lack it; there the versions still name the ids that they learnt.
"""

from __future__ import annotations

import sqlite3

from ifc_core.annotation.rows import read_object

_KEY = "highest_category"
_LEARNT = "category_ids"  # of a version's provenance: ids by name
_MOST = 1 << 31  # a larger one in a version is damage


def free_category_id(db: sqlite3.Connection) -> int:
    """An id that no category had before, not even one that was removed."""
    (present,) = db.execute("SELECT max(id) FROM categories").fetchone()
    return max(present or 0, _highest_noted(db), _highest_learnt(db)) + 1


def note_category_id(db: sqlite3.Connection, category_id: int) -> None:
    """Remember that an id is taken for good; within the transaction that writes its row."""
    if category_id > _highest_noted(db):
        db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_KEY, str(category_id)))


def _highest_noted(db: sqlite3.Connection) -> int:
    row = db.execute("SELECT value FROM meta WHERE key = ?", (_KEY,)).fetchone()
    return 0 if row is None else int(row[0])


def _highest_learnt(db: sqlite3.Connection) -> int:
    """The highest id that a version learnt; what else a version's provenance holds is ignored."""
    highest = 0
    # As bytes, since SQLite refuses text that is not UTF-8.
    for (provenance,) in db.execute("SELECT CAST(provenance AS BLOB) FROM models"):
        learnt = (read_object(provenance.decode(errors="replace")) or {}).get(_LEARNT)
        ids = learnt.values() if isinstance(learnt, dict) else ()
        highest = max([highest, *(i for i in ids if type(i) is int and 1 <= i <= _MOST)])
    return highest
