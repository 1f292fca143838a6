"""What a second connection to a project sees while somebody else writes."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from ifc_core.annotation.connection import (
    DATABASE_NAME,
    connect_for_reading,
    copied_aside,
    is_shared,
    older,
    translated_at_opening,
    verify,
)
from ifc_core.annotation.schema import SCHEMA_VERSION


class ReaderView(StrEnum):
    """What a reader sees while somebody else writes.

    Where the project lies on a network share, SQLite lets nobody write while another reads in one
    transaction: an edit would wait, and be refused after five seconds.
    """

    SNAPSHOT = "snapshot"  # what was stored when it was opened; for a moment's work
    COPY = "copy"  # the same for work that takes long: of a share it is a private copy
    PRESENT = "present"  # what is stored at each question; nobody waits for it


def connect_for_view(place: Path, view: ReaderView) -> sqlite3.Connection:
    """A second connection to a project, which only reads.

    Args:
        place: Its folder.
        view: What it sees of what is written meanwhile.

    Raises:
        ProjectError: There is no project, it is damaged, or it is of another version.
    """
    with translated_at_opening(place):
        db = connect_for_reading(place / DATABASE_NAME)
        try:
            if verify(db, place) < SCHEMA_VERSION:
                raise older(place)
            if view is not ReaderView.PRESENT:
                db.execute("BEGIN")
                db.execute("SELECT 1 FROM meta LIMIT 1").fetchone()  # the snapshot begins here
            if view is ReaderView.COPY and not is_shared(db):
                with suppress(sqlite3.Error):  # without room for it others have to wait
                    copy = copied_aside(db)
                    db.close()
                    return copy
        except BaseException:
            db.close()
            raise
    return db
