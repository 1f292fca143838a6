"""Bringing what was committed safely to disk, a moment later and off the window's thread.

In WAL mode SQLite leaves the log in the system's cache until a checkpoint. That is safe against
the end of the process; syncing the log's file soon after makes it safe against a power loss too.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path


def sync_file(path: Path) -> None:
    """Wait until a file's content is on disk; nothing to do where there is no such file."""
    with suppress(FileNotFoundError), path.open("rb+") as file:
        os.fsync(file.fileno())


class QuietSyncer:
    """Syncs a file at most once in ``delay_seconds``, beginning that long after a change.

    Only the file is touched, never the database, so it may run beside the writer's thread.

    Args:
        path: The write-ahead log.
        delay_seconds: Longest age of a change that a power loss may cost, but for the time
            that syncing takes.
    """

    def __init__(self, path: Path, delay_seconds: float = 1.0) -> None:
        self._path = path
        self._delay_seconds = delay_seconds
        self._changed = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def touch(self) -> None:
        """Something was committed."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="ifc-project-sync", daemon=True)
            self._thread.start()
        self._changed.set()

    def close(self) -> None:
        """End the thread; what is left to sync is left to the caller."""
        self._stopped.set()
        self._changed.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._changed.wait()
            if self._stopped.wait(self._delay_seconds):
                return
            self._changed.clear()
            with suppress(OSError):  # the next checkpoint meets it again, and reports it
                sync_file(self._path)
