"""Making a project file, taking its lock, and looking at it before it is written."""

from __future__ import annotations

import errno
import getpass
import sqlite3
import time
from pathlib import Path
from typing import Literal

from ifc_core.annotation import history, rows, schema
from ifc_core.annotation.connection import (
    DATABASE_NAME,
    UnfinishedWriteError,
    connect_for_reading,
    connect_for_writing,
    merged_copy,
    older,
    translated,
    verify,
    writing,
)
from ifc_core.annotation.locking import WriterLock
from ifc_core.errors import ProjectError, ProjectLockedError
from ifc_core.io.problems import is_text, printable

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
SUBFOLDERS = ("models", "runs", "exports")


def account_name() -> str:
    """Name of the account, for the records of a person who gave none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an account without a name, as in some containers
        return "someone"


def make_database(place: Path, name: str) -> None:
    """Make the database of a new project.

    Raises:
        ProjectError: It cannot be written, or its name is not UTF-8.
    """
    if not is_text(name):
        raise ProjectError(
            f"The name {printable(name)} is not UTF-8; choose another for the project.", path=place
        )
    with translated(place):
        db = connect_for_writing(place / DATABASE_NAME, create=True)
        try:
            with writing(db, place):
                schema.create_tables(db)
                history.set_meta(db, "name", rows.normalised(name))
                history.set_meta(db, "created_at", str(time.time()))
        finally:
            db.close()


def take_lock(
    lock: WriterLock, place: Path, if_locked: Literal["read_only", "error"]
) -> tuple[bool, str]:
    """Try to become the one writer of a project.

    Returns:
        (whether this process is it, the sentence that says why not).

    Raises:
        ProjectLockedError: Another process is, and that is an error.
    """
    try:
        if lock.acquire():
            return True, ""
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return False, (
                f"{place.name} lies on a disk that cannot keep two writers apart, so it is open "
                "read-only; copy it to another one."
            )
        if error.errno in _NO_ROOM:
            return False, (
                f"The disk is full, so {place.name} is open read-only; free some space and open it "
                "again."
            )
        return False, f"{place.name} cannot be written here, so it is open read-only."
    by = f" ({lock.holder})" if lock.holder else ""
    sentence = f"{place.name} is open in another window{by}"
    if if_locked == "error":
        raise ProjectLockedError(f"{sentence}; close it there first.", path=place)
    return False, f"{sentence}, so it is read-only here."


def open_database(
    place: Path, for_writing: bool, *, was_left_open: bool = False
) -> sqlite3.Connection:
    """Open the database after a look at it, and bring it up to date where it is to be written.

    Args:
        place: The project folder.
        for_writing: Whether this process is the one writer.
        was_left_open: Whether the last writer did not close it: then it is checked whole before
            anything is changed or copied.

    Raises:
        ProjectError: It is no project, of a later version, or damaged.
    """
    path = place / DATABASE_NAME
    try:
        db = connect_for_reading(path)  # a file of unknown origin is looked at before it is written
    except UnfinishedWriteError:
        if not for_writing:
            raise
        db = _roll_back(path)
    try:
        version = _look(db, place, for_writing, was_left_open)
    except BaseException:
        db.close()
        raise
    if not for_writing:
        return db
    db.close()
    db = connect_for_writing(path)
    try:
        if version < schema.SCHEMA_VERSION:
            _copy(db, path.with_suffix(f".before-v{schema.SCHEMA_VERSION}.sqlite"))
            schema.migrate(db)
    except BaseException:
        db.close()
        raise
    return db


def _roll_back(path: Path) -> sqlite3.Connection:
    """Undo what a killed writer began, once a copy has shown that a whole project comes of it."""
    with merged_copy(path) as copy:
        _look(copy, path.parent, for_writing=True, check_whole=True)
    connect_for_writing(path).close()
    return connect_for_reading(path)


def _look(db: sqlite3.Connection, place: Path, for_writing: bool, check_whole: bool) -> int:
    """Make sure that a file is a project which can be used; returns its schema version."""
    version = verify(db, place)
    if not for_writing and version < schema.SCHEMA_VERSION:
        raise older(place)
    if check_whole or version < schema.SCHEMA_VERSION:  # nothing damaged is brought up to date
        _check_whole(db, place)
    history.cursor(db, place)
    return version


def _check_whole(db: sqlite3.Connection, place: Path) -> None:
    found = [row[0] for row in db.execute("PRAGMA quick_check(1)")]
    if found != ["ok"]:
        raise ProjectError(
            f"{place.name} was damaged when it was last in use ({found[0]}); go back to a copy.",
            path=place,
        )


def told_after_crash(db: sqlite3.Connection, held_since: float = 0.0) -> str:
    """What is there of a file that its last writer did not close, and that was checked.

    Args:
        db: The connection.
        held_since: When that writer began, seconds since 1970; 0 where it is not known.

    Returns:
        The sentence to show: when the last edit was made, and how many there are.
    """
    count, last = db.execute(
        "SELECT count(*), max(created_at) FROM journal "
        "WHERE typeof(created_at) = 'real' AND created_at BETWEEN ? AND ?",
        (held_since, rows.LATEST),
    ).fetchone()
    if not held_since or not count:
        return "The project was not closed in order last time; it was checked and is whole."
    when = time.strftime("%d %B, %H:%M", time.localtime(last))
    edits = "the edit of that time is" if count == 1 else f"all {count} edits of that time are"
    made = "made" if count == 1 else "the last one made"
    return (
        f"The project was not closed in order last time; it was checked and {edits} there, "
        f"{made} on {when}."
    )


def _copy(db: sqlite3.Connection, target: Path) -> None:
    """Copy through SQLite: closing the file here would end the locks of this process on it."""
    copy = sqlite3.connect(target)
    try:
        db.backup(copy)
    finally:
        copy.close()
