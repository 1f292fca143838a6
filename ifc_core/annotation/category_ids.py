"""Ids of categories are given once: a version that learnt a class knows it by its id.

``meta.highest_category`` is the highest id that any category had, also one that is gone.
"""

from __future__ import annotations

import sqlite3

_KEY = "highest_category"


def free_category_id(db: sqlite3.Connection) -> int:
    """An id that no category had before, not even one that was removed."""
    (present,) = db.execute("SELECT max(id) FROM categories").fetchone()
    return max(present or 0, _highest_noted(db)) + 1


def note_category_id(db: sqlite3.Connection, category_id: int) -> None:
    """Remember that an id is taken for good; within the transaction that writes its row."""
    if category_id > _highest_noted(db):
        db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_KEY, str(category_id)))


def _highest_noted(db: sqlite3.Connection) -> int:
    row = db.execute("SELECT value FROM meta WHERE key = ?", (_KEY,)).fetchone()
    return 0 if row is None else int(row[0])
