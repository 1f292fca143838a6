"""The operating system's lock by which a project has one writer.

The lock belongs to the process and goes with it, however it ends. The text inside the lock
file says who holds it; text that is still there when the lock is free means that the last
writer did not close the project.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from ifc_core.annotation.rows import moment, read_object
from ifc_core.io.problems import is_int, printable

LOCK_NAME = "project.lock"
_MOST_PID = 1 << 32

if sys.platform == "win32":
    import msvcrt

    _BYTE = 1 << 30  # far behind the text, which stays readable for others

    def _lock(file: IO[bytes]) -> bool:
        file.seek(_BYTE)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def is_locked(folder: Path, name: str = LOCK_NAME) -> bool:
    """Whether anybody holds the lock of a project folder now; it is not taken.

    Args:
        folder: Of the project.
        name: Of the lock file in it.

    Raises:
        OSError: There is no lock file, or its disk knows no locks.
    """
    with (folder / name).open("r+b", buffering=0) as file:  # what is locked here goes with it
        return not _lock(file)


class WriterLock:
    """The lock of one project folder, held from :meth:`acquire` to :meth:`release`.

    Args:
        folder: That is locked.
        name: Of the lock file in it.

    Attributes:
        unclean: Whether the writer before did not close the project.
        holder: Who holds the lock (or held it last), in words; may be empty.
        held_since: When that one took it, seconds since 1970; 0 where that is not known.
    """

    def __init__(self, folder: Path, name: str = LOCK_NAME) -> None:
        self._path = folder / name
        self._file: IO[bytes] | None = None
        self.unclean = False
        self.holder = ""
        self.held_since = 0.0

    def acquire(self) -> bool:
        """Try to get the lock.

        Returns:
            Whether this process now holds it.

        Raises:
            OSError: The folder cannot be written, or its disk knows no locks.
        """
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
        file = os.fdopen(descriptor, "r+b", buffering=0)
        try:
            locked = _lock(file)
        except OSError:
            file.close()
            raise
        file.seek(0)
        text = file.read(4096) or b""
        self.holder, self.held_since = _describe(text), _since(text)
        if not locked:
            file.close()
            return False
        self._file = file
        try:
            self._write(_own_text())
        except OSError:
            self.release(clean=False)  # or nobody could open it while this process lives
            raise
        self.unclean = bool(text.strip())
        return True

    def release(self, clean: bool = True) -> None:
        """Give the lock back.

        Args:
            clean: The project was closed in order; otherwise the next writer checks it.
        """
        if self._file is None:
            return
        if clean:
            with suppress(OSError):  # its share is gone: the next writer checks it
                self._write(b"")
        file, self._file = self._file, None
        with suppress(OSError):  # the lock goes with the descriptor all the same
            file.close()

    def _write(self, text: bytes) -> None:
        if self._file is None:
            return
        self._file.seek(0)
        self._file.write(text)  # first, since a full disk has no room for more than there was
        self._file.truncate(len(text))
        os.fsync(self._file.fileno())


def _own_text() -> bytes:
    facts = {"pid": os.getpid(), "host": platform.node(), "since": time.time()}
    return json.dumps(facts).encode()


def _since(text: bytes) -> float:
    """0 where the text, which may be anybody's, tells no time."""
    return moment((read_object(text) or {}).get("since"))


def _describe(text: bytes) -> str:
    held = read_object(text) or {}
    pid, host = held.get("pid"), held.get("host")
    if not is_int(pid) or not 0 < pid < _MOST_PID:
        return ""
    if not isinstance(host, str) or not host:
        return f"process {pid}"
    return f"process {pid} on {printable(host[:100])}"
