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
        path: The file, made where there is none; one that cannot be read is made anew.

    Raises:
        InputError: Another process uses the file.
        OutputError: There is no room on the disk, here and while masks are added.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._folder = Path(gettempdir()) if path is None else path.parent
        with self._needing_room():
            self._db = sqlite3.connect("") if path is None else _open_file(path)
            self._db.executescript(_TABLES)

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
        """The last state of each video that has one."""
        rows = self._db.execute("SELECT video, state FROM states")
        return {video: json.loads(state) for video, state in rows}

    def clear(self) -> None:
        """Forget everything."""
        self._db.execute("DELETE FROM masks")
        self._db.execute("DELETE FROM states")
        self._db.commit()

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
        rows = self._db.execute(
            "SELECT position, height, width, counts FROM masks WHERE video = ? AND instance = ?",
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


def _open_file(path: Path) -> sqlite3.Connection:
    """The database in a file, for this process alone."""
    try:
        return _locked(path)
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise InputError("The same command is running already; wait for it to end.") from error
        raise
    except sqlite3.DatabaseError:
        path.unlink()
        return _locked(path)


def _locked(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=0)
    try:
        db.execute("PRAGMA trusted_schema = OFF")
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("BEGIN IMMEDIATE")
        db.commit()
        db.execute("PRAGMA schema_version").fetchone()  # fails on what is no database
    except BaseException:
        db.close()
        raise
    return db
