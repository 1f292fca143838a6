"""Opening SQLite files safely, and saying in one sentence what went wrong with them."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from ifc_core.annotation import schema
from ifc_core.errors import OlderProjectError, ProjectError

DATABASE_NAME = "project.sqlite"


def _plain_int(value: Any) -> int:
    return int(value)


# Without this sqlite3 takes numpy's integers for buffers and stores their bytes.
for _kind in (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64):
    sqlite3.register_adapter(_kind, _plain_int)
_BUSY_SECONDS = 5.0
_JOURNAL = "-journal"
_NAMES_ANOTHER = bytes.fromhex("d9d505f920a163d7")  # the end of a journal with a super-journal


def _uri(path: Path, **options: str) -> str:
    text = "&".join(f"{key}={value}" for key, value in options.items())
    # Bytes, as a folder's name need not be UTF-8.
    return f"file:{quote(os.fsencode(path.resolve().as_posix()))}?{text}"


def _connect(uri: str) -> sqlite3.Connection:
    # A worker may open a project and hand it over: one thread at a time is the callers' rule.
    db = sqlite3.connect(
        uri, uri=True, isolation_level=None, timeout=_BUSY_SECONDS, check_same_thread=False
    )
    db.execute("PRAGMA trusted_schema = OFF")
    db.execute("PRAGMA cell_size_check = ON")
    db.execute("PRAGMA cache_size = -65536")
    db.execute("PRAGMA temp_store = MEMORY")
    return db


def connect_for_writing(path: Path, create: bool = False) -> sqlite3.Connection:
    """Open for writing, in WAL mode where that works and in DELETE mode elsewhere.

    In WAL mode a commit is safe against the end of the process at once, and against a
    power loss once the log was synced (see ``syncing``). DELETE mode syncs each commit.
    """
    db = _connect(_uri(path, mode="rwc" if create else "rw"))
    try:
        mode = _set_journal_mode(db, "WAL")
        if mode != "wal":
            _set_journal_mode(db, "DELETE")
        db.execute(f"PRAGMA synchronous = {'NORMAL' if mode == 'wal' else 'FULL'}")
        db.execute("PRAGMA wal_autocheckpoint = 4000")
    except BaseException:
        db.close()
        raise
    return db


def _set_journal_mode(db: sqlite3.Connection, mode: str) -> str:
    """Ask for a mode and prove it with a transaction (network shares may fail only then)."""
    try:
        got = str(db.execute(f"PRAGMA journal_mode = {mode}").fetchone()[0]).lower()
        db.execute("BEGIN IMMEDIATE")
        db.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if mode != "WAL" or is_full(error):
            raise
        return ""
    return got


class UnfinishedWriteError(ProjectError):
    """A writer was killed in DELETE mode, and what it began must be rolled back first."""


def connect_for_reading(path: Path) -> sqlite3.Connection:
    """Open read-only beside a writer, or in a folder that cannot be written.

    A folder that nobody can write is read as immutable. Where such a folder still holds a
    write-ahead log or a rollback journal, a private copy is read, since neither can be merged
    in place.

    Raises:
        UnfinishedWriteError: A journal must be rolled back, and the folder can be written.
        ProjectError: The private copy cannot be made.
    """
    is_logged = any(log.exists() and log.stat().st_size for log in _logs(path))
    if not os.access(path.parent, os.W_OK) and not is_logged:
        return _check_readable(_connect(_uri(path, mode="ro", immutable="1")))
    try:  # another account may be writing: its shared memory file or its locks let us join in
        return _check_readable(_connect(_uri(path, mode="ro")))
    except sqlite3.OperationalError as error:
        if not os.access(path.parent, os.W_OK):
            return _read_into_memory(path)
        if getattr(error, "sqlite_errorcode", 0) != sqlite3.SQLITE_READONLY_ROLLBACK:
            raise
        raise UnfinishedWriteError(
            f"{path.parent.name} was not closed in order last time; open it for writing once.",
            path=path.parent,
        ) from error


def is_shared(db: sqlite3.Connection) -> bool:
    """Whether a writer can commit while this connection reads, as WAL mode has it."""
    mode = str(db.execute("PRAGMA journal_mode").fetchone()[0]).lower()
    return mode in ("wal", "memory")


def copied_aside(db: sqlite3.Connection) -> sqlite3.Connection:
    """A private copy of all that is stored, in a file without a name that goes when it is closed.

    Raises:
        sqlite3.Error: There is no room for it.
    """
    copy = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    try:
        db.backup(copy)
        copy.execute("PRAGMA trusted_schema = OFF")
        copy.execute("PRAGMA query_only = ON")
    except BaseException:
        copy.close()
        raise
    return copy


def _check_readable(db: sqlite3.Connection) -> sqlite3.Connection:
    try:
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        db.close()
        raise
    return db


def _logs(path: Path) -> list[Path]:
    """Where SQLite keeps what is not in the file yet, and what was in it before."""
    return [path.with_name(path.name + suffix) for suffix in ("-wal", _JOURNAL)]


@contextmanager
def merged_copy(path: Path) -> Iterator[sqlite3.Connection]:
    """A private copy of a file on disk, with its log or journal merged; nobody else may write.

    Raises:
        ProjectError: It cannot be made, or the journal is none of a project.
    """
    with tempfile.TemporaryDirectory(prefix="ifc-project-", ignore_cleanup_errors=True) as folder:
        try:
            _refuse_strange_journal(path)
            for file in (path, *_logs(path)):
                if file.exists():
                    shutil.copyfile(file, Path(folder, file.name))
        except OSError as error:
            raise ProjectError(
                f"{path.parent.name} cannot be copied to {tempfile.gettempdir()} to look at it: "
                f"{(error.strerror or str(error)).lower()}.",
                path=path.parent,
            ) from error
        db = _connect(_uri(Path(folder, path.name), mode="rw"))
        try:
            yield _check_readable(db)
        finally:
            db.close()


def _refuse_strange_journal(path: Path) -> None:
    """Refuse a journal of several databases: SQLite would delete the file that it names."""
    journal = path.with_name(path.name + _JOURNAL)
    if not journal.exists():
        return
    with journal.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - len(_NAMES_ANOTHER)))
        if file.read() == _NAMES_ANOTHER:
            raise ProjectError(
                f"The journal of {path.parent.name} names another file, which that of no project "
                "does; it is not opened.",
                path=path.parent,
            )


def _read_into_memory(path: Path) -> sqlite3.Connection:
    with merged_copy(path) as db:
        memory = sqlite3.connect(":memory:", isolation_level=None)
        db.backup(memory)
    memory.execute("PRAGMA trusted_schema = OFF")
    memory.execute("PRAGMA query_only = ON")
    return memory


def older(place: Path, why: str = "") -> OlderProjectError:
    """That a project of an earlier version has to be brought up to date first.

    Args:
        place: The project folder.
        why: A sentence why it cannot be, where that was tried.
    """
    name = f"{place.name} was made by an earlier version"
    sentence = f"{name}; open it once where it can be written, which brings it up to date."
    if why:
        sentence = f"{name} and was not brought up to date: {why}"
    return OlderProjectError(sentence, path=place)


def verify(db: sqlite3.Connection, folder: Path) -> int:
    """Check that a file of unknown origin is a project and nothing but data.

    Returns:
        Its schema version.

    Raises:
        ProjectError: It is none, is of a later version, or carries code (triggers, views).
    """
    version = schema.file_version(db)
    if version == 0:
        raise ProjectError(f"{folder.name} is not an IFC Studio project.", path=folder)
    if version > schema.SCHEMA_VERSION:
        raise ProjectError(
            f"{folder.name} was made by a later version of IFC Studio; update the program.",
            path=folder,
        )
    rows = db.execute("SELECT type, name FROM sqlite_master").fetchall()
    if any(kind in ("trigger", "view") for kind, _ in rows):
        raise ProjectError(
            f"{folder.name} carries database triggers or views, which no project has; "
            "it is not opened.",
            path=folder,
        )
    missing = schema.TABLE_NAMES - {name for kind, name in rows if kind == "table"}
    if missing and version == schema.SCHEMA_VERSION:
        raise ProjectError(
            f"{folder.name} is damaged: it lacks {', '.join(sorted(missing))}.", path=folder
        )
    return version


def is_full(error: sqlite3.Error) -> bool:
    """Whether the disk (or the file's page limit) is full."""
    return _code(error) == sqlite3.SQLITE_FULL


def _code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


_SENTENCES = {
    sqlite3.SQLITE_FULL: "The disk is full: nothing was changed. Free some space and try again.",
    sqlite3.SQLITE_READONLY: "The project cannot be written here: nothing was changed. "
    "Copy it to a folder that can be written.",
    sqlite3.SQLITE_BUSY: "Another program is using the project file: nothing was changed. "
    "Try again in a moment.",
    sqlite3.SQLITE_LOCKED: "The project file is in use: nothing was changed. Try again.",
    sqlite3.SQLITE_IOERR: "The disk could not be read or written: nothing was changed. "
    "Check the disk and try again.",
    sqlite3.SQLITE_CANTOPEN: "The project file cannot be opened; check the folder's permissions.",
    sqlite3.SQLITE_CORRUPT: "The project file is damaged; run `ifc-studio project check` on it "
    "and go back to a copy.",
    sqlite3.SQLITE_NOTADB: "The project file is not a database; it was overwritten or damaged.",
}


def project_error(error: sqlite3.Error, folder: Path) -> ProjectError:
    """What an error of SQLite means to a person, in one sentence."""
    sentence = _SENTENCES.get(_code(error), f"The project file failed: {error}.")
    return ProjectError(sentence, path=folder)


@contextmanager
def translated(folder: Path) -> Iterator[None]:
    """Turn SQLite's errors into a :class:`ProjectError` with one sentence."""
    try:
        yield
    except sqlite3.Error as error:
        raise project_error(error, folder) from error


@contextmanager
def translated_at_opening(folder: Path) -> Iterator[None]:
    """The same where a file is opened, and the description of its tables is read."""
    try:
        with translated(folder):
            yield
    except UnicodeDecodeError as error:  # SQLite quotes what is damaged, which Python cannot read
        raise ProjectError(
            f"{folder.name} is damaged: its tables cannot be read; go back to a copy.", path=folder
        ) from error


@contextmanager
def writing(db: sqlite3.Connection, folder: Path) -> Iterator[None]:
    """One transaction: all of it or nothing, whatever fails inside."""
    with translated(folder):
        db.execute("BEGIN IMMEDIATE")
        try:
            yield
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
