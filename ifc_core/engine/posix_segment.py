"""Named shared memory without the interpreter's resource tracker.

From Python 3.13 on ``SharedMemory(track=False)`` does this. Before, every use of
``SharedMemory`` starts a tracker process that lives until the interpreter ends.
"""

from __future__ import annotations

import contextlib
import mmap
import os


class PosixSegment:
    """One segment: made where ``create`` is set, else opened. The name outlives the object.

    Args:
        name: Without the leading slash.
        create: Make it; a name that is taken raises ``FileExistsError``.
        size: Bytes of a new one.

    Attributes:
        name: As given.
        size: Bytes.
        buf: Its memory; let go of every view of it before ``close``.

    Raises:
        FileNotFoundError: There is none of this name to open.
    """

    def __init__(self, name: str, create: bool, size: int) -> None:
        import _posixshmem  # type: ignore[import-not-found]  # the standard library, not on Windows

        self.name = name
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR if create else os.O_RDWR
        descriptor = _posixshmem.shm_open("/" + name, flags, mode=0o600)
        try:
            if create:
                os.ftruncate(descriptor, size)
            self.size = os.fstat(descriptor).st_size
            self._map = mmap.mmap(descriptor, self.size)
        except (OSError, ValueError):  # no room, or another made it and did not size it yet
            if create:
                self.unlink()
            raise
        finally:
            os.close(descriptor)
        self.buf = memoryview(self._map)

    def close(self) -> None:
        """Let go of the memory."""
        self.buf.release()
        with contextlib.suppress(BufferError):  # a view is still held; it goes with that
            self._map.close()

    def unlink(self) -> None:
        """Take the name away; who has it open keeps it.

        Raises:
            FileNotFoundError: It is gone already.
        """
        import _posixshmem

        _posixshmem.shm_unlink("/" + self.name)
