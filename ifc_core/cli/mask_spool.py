"""Masks of a run, kept on disk until the run knows which instances it found."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir
from types import TracebackType
from typing import Any, Self

from ifc_core.errors import InputError, OutputError
from ifc_core.inference.results import FrameResult
from ifc_core.structures import RLEMask

_TABLES = """
CREATE TABLE IF NOT EXISTS masks (video INT, instance INT, position INT, height INT, width INT,
    counts BLOB, PRIMARY KEY (video, instance, position)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS states (video INTEGER PRIMARY KEY, state TEXT);
"""


class MaskSpool:
    """Takes masks frame by frame, gives them back track by track.

    A long recording has more masks than fit into memory. They go into a private temporary
    database, which the system removes when it is closed or the process dies; or into a file, to
    go on from there. Nothing enters the file but together with a state (:meth:`save`).

    Args:
        path: The file, made where there is none; one that is damaged is made anew.
        anew: Begin with nothing, whatever the file holds.

    Raises:
        InputError: Another process uses the file.
        OutputError: There is no room on the disk, here and in all that is done later.
    """

    def __init__(self, path: Path | None = None, *, anew: bool = False) -> None:
        self._folder = Path(gettempdir()) if path is None else path.parent
        with self._needing_room():
            self._db = _temporary() if path is None else _open_file(path, anew)

    @contextmanager
    def _needing_room(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise OutputError(
                f"The masks found so far cannot be kept in {self._folder}: {error}.",
                path=self._folder,
            ) from error

    def add(self, video: int, position: int, frame: FrameResult) -> None:
        """Keep the masks of a frame.

        Args:
            video: Number of the video.
            position: Place of the frame among those that were looked at.
            frame: The frame.
        """
        rows = [
            (video, mask.instance_id, position, *mask.rle.size, mask.rle.counts)
            for mask in frame.masks
        ]
        with self._needing_room():
            self._db.executemany("INSERT INTO masks VALUES (?, ?, ?, ?, ?, ?)", rows)

    def save(self, video: int, state: dict[str, Any]) -> None:
        """Make all that was added outlive the process, with a note of where the video stands."""
        text = json.dumps(state)
        with self._needing_room():
            self._db.execute("INSERT OR REPLACE INTO states VALUES (?, ?)", (video, text))
            self._db.commit()

    def states(self) -> dict[int, dict[str, Any]]:
        """The last state of each video that has one.

        Raises:
            ValueError: One is no JSON.
        """
        with self._needing_room():
            rows = self._db.execute("SELECT video, CAST(state AS BLOB) FROM states").fetchall()
        return {video: json.loads(state) for video, state in rows}

    def track(self, video: int, instance: int, length: int) -> tuple[RLEMask | None, ...]:
        """All masks of one instance.

        Args:
            video: Number of the video.
            instance: Number of the instance.
            length: Frames that were looked at.

        Returns:
            One entry a frame, ``None`` where the instance has no mask.
        """
        masks: list[RLEMask | None] = [None] * length
        with self._needing_room():
            rows = self._db.execute(
                "SELECT position, height, width, counts FROM masks"
                " WHERE video = ? AND instance = ?",
                (video, instance),
            )
            for position, height, width, counts in rows:
                masks[position] = RLEMask((height, width), counts)
        return tuple(masks)

    def index_by_frame(self) -> None:
        """Prepare for :meth:`frame`."""
        with self._needing_room():
            self._db.execute("CREATE INDEX IF NOT EXISTS frames ON masks (video, position)")

    def frame(self, video: int, position: int) -> dict[int, RLEMask]:
        """The masks of one frame, by instance."""
        with self._needing_room():
            rows = self._db.execute(
                "SELECT instance, height, width, counts FROM masks"
                " WHERE video = ? AND position = ? ORDER BY instance",
                (video, position),
            )
            return {i: RLEMask((height, width), counts) for i, height, width, counts in rows}

    def close(self) -> None:
        """Let go; what is in no file, or was added after the last state, is gone."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def remove_spool(path: Path) -> None:
    """Remove the file of a spool that is closed, and what SQLite keeps beside it.

    Args:
        path: The file; nothing happens where there is none.

    Raises:
        OSError: It cannot be removed.
    """
    for suffix in ("-journal", "-wal", "-shm", ""):  # the file last: it leads to the others
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _temporary() -> sqlite3.Connection:
    db = sqlite3.connect("")
    db.executescript(_TABLES)
    return db


def _open_file(path: Path, anew: bool) -> sqlite3.Connection:
    """The database in a file, for this process alone."""
    try:
        db = _locked(path)  # whoever begins anew may not take the file from a running command
        if not anew:
            return db
        db.close()
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise InputError("The same command is running already; wait for it to end.") from error
        if not anew:
            raise
    except (sqlite3.DatabaseError, UnicodeDecodeError):  # SQLite may quote the damage
        pass
    try:
        remove_spool(path)
    except OSError as error:
        raise OutputError(
            f"{path} is left from an earlier run and cannot be removed ({error.strerror}).",
            path=path,
        ) from error
    return _locked(path)


def _locked(path: Path) -> sqlite3.Connection:
    """The database in a file, after a look at all of it.

    Raises:
        sqlite3.OperationalError: Another process has it, or the disk does not play along.
        sqlite3.DatabaseError: It is damaged, or no database.
        UnicodeDecodeError: The same, said with bytes out of the file.
    """
    db = sqlite3.connect(path, timeout=0)
    try:
        db.execute("PRAGMA trusted_schema = OFF")
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("BEGIN IMMEDIATE")
        db.commit()
        found = db.execute("PRAGMA quick_check(1)").fetchone()  # fails on what is no database
        if found != ("ok",):
            raise sqlite3.DatabaseError(found)
        db.executescript(_TABLES)
    except BaseException:
        db.close()
        raise
    return db
