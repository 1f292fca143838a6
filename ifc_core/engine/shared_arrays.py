"""Arrays through shared memory, with one clear owner at each moment.

The sender makes a segment and names it in a message. The receiver copies the array, removes
the segment's name and says so (``release``); then the sender lets go of its mapping. Names
count up, so that after the death of a peer the names it may still have made are known and
removed. The interpreter's resource tracker is kept out: it would remove segments in use, warn
about those that were handed over, and be one more process beside the window.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import sys
import threading
from collections.abc import Iterable
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ifc_core.engine.posix_segment import PosixSegment
from ifc_core.errors import DeviceMemoryError, EngineError

_KEY = "__array__"
_POSIX = os.name == "posix"
_TRACKED = sys.version_info < (3, 13)
_LINUX_FOLDER = Path("/dev/shm")  # noqa: S108 - where Linux keeps named shared memory
_STALE = re.compile(r"ifcs([0-9a-f]+)-[0-9a-f]{6}-")
_SWEEP_AHEAD = 64

Segment = SharedMemory | PosixSegment


def new_prefix() -> str:
    """A prefix for the names of one session, short enough for macOS (31 characters a name)."""
    return f"ifcs{os.getpid():x}-{secrets.token_hex(3)}-"


class ArrayChannel:
    """One side's end: packs its own arrays, unpacks the other's.

    Args:
        prefix: What the names of the session begin with.
        side: One letter, other than the peer's.
        peer: The peer's letter.
    """

    def __init__(self, prefix: str, side: str, peer: str) -> None:
        self._own = prefix + side
        self._theirs = prefix + peer
        self._lock = threading.Lock()
        self._made = 0
        self._seen = 0
        self._held: dict[str, Segment] = {}

    def pack(self, value: Any) -> Any:
        """Replace the arrays in nested lists and dictionaries by descriptions.

        Args:
            value: JSON values and arrays of numbers.

        Returns:
            JSON values.

        Raises:
            DeviceMemoryError: Shared memory is full.
        """
        if isinstance(value, np.ndarray):
            return self._share(value)
        if isinstance(value, dict):
            return {name: self.pack(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.pack(item) for item in value]
        if isinstance(value, np.generic):
            return value.item()
        return value

    def unpack(self, value: Any) -> tuple[Any, list[str]]:
        """Put copies of the arrays back in their places.

        Args:
            value: What the peer's :meth:`pack` gave.

        Returns:
            The value, and the names to send in a ``release`` message.

        Raises:
            EngineError: A description is malformed, or its segment is gone.
        """
        names: list[str] = []
        return self._restore(value, names), names

    def release(self, names: Iterable[str]) -> None:
        """Let go of segments that the peer has copied."""
        for name in names:
            with self._lock:
                segment = self._held.pop(name, None)
            if segment is not None:
                _remove(segment)

    def close(self) -> None:
        """Remove everything of this session, also what a dead peer left."""
        with self._lock:
            held, self._held = list(self._held.values()), {}
        for segment in held:
            _remove(segment)
        if _POSIX:
            for number in range(self._seen + 1, self._seen + 1 + _SWEEP_AHEAD):
                _remove_name(f"{self._theirs}{number}")

    def _share(self, array: npt.NDArray[Any]) -> dict[str, Any]:
        if array.dtype.kind not in "biuf":
            raise EngineError(f"An array of {array.dtype} cannot be sent to the engine.")
        _check_room(array.nbytes)
        with self._lock:
            self._made += 1
            name = f"{self._own}{self._made}"
            segment = _open(name, max(1, array.nbytes))
            self._held[name] = segment
        view: npt.NDArray[Any] = np.ndarray(array.shape, array.dtype, buffer=segment.buf)
        view[...] = array
        del view
        return {_KEY: name, "shape": list(array.shape), "dtype": array.dtype.str}

    def _restore(self, value: Any, names: list[str]) -> Any:
        if isinstance(value, list):
            return [self._restore(item, names) for item in value]
        if not isinstance(value, dict):
            return value
        if _KEY in value:
            array = self._take(value)
            names.append(value[_KEY])
            return array
        return {name: self._restore(item, names) for name, item in value.items()}

    def _take(self, description: dict[str, Any]) -> npt.NDArray[Any]:
        name, shape, dtype = _checked(description, self._theirs)
        try:
            segment = _open(name, 0)
        except FileNotFoundError as error:
            raise EngineError("A shared array is gone; the engine may have stopped.") from error
        self._seen = max(self._seen, int(name[len(self._theirs) :]))
        try:
            num_bytes = int(np.prod(shape, dtype=object)) * dtype.itemsize
            if num_bytes > segment.size:
                raise EngineError("A shared array is smaller than it was said to be.")
            view: npt.NDArray[Any] = np.ndarray(shape, dtype, buffer=segment.buf)
            array = view.copy()
            del view
        finally:
            _remove(segment)
        return array


def sweep_dead_sessions() -> None:
    """Remove what sessions left whose both sides were killed at once (Linux only).

    What another account left stays; its next session removes it.
    """
    if not sys.platform.startswith("linux") or not _LINUX_FOLDER.is_dir():
        return
    for path in _LINUX_FOLDER.glob("ifcs*"):
        match = _STALE.match(path.name)
        if match and not Path(f"/proc/{int(match[1], 16)}").exists():
            with contextlib.suppress(OSError):
                path.unlink()


def _checked(
    description: dict[str, Any], prefix: str
) -> tuple[str, tuple[int, ...], np.dtype[Any]]:
    name, shape, code = (description.get(key) for key in (_KEY, "shape", "dtype"))
    valid = (
        isinstance(name, str)
        and name.startswith(prefix)
        and name[len(prefix) :].isdecimal()
        and isinstance(shape, list)
        and len(shape) <= 16
        and all(type(n) is int and 0 <= n < 1 << 40 for n in shape)
        and isinstance(code, str)
        and re.fullmatch(r"[<>|=]?[biuf][0-9]{1,2}", code) is not None
    )
    if not valid:
        raise EngineError("A shared array is described in a way that makes no sense.")
    try:
        return str(name), tuple(shape or ()), np.dtype(str(code))
    except TypeError as error:
        raise EngineError("A shared array has an unknown type of numbers.") from error


def _check_room(num_bytes: int) -> None:
    """Writing past the end of a full shared-memory file system kills the process."""
    if sys.platform.startswith("linux") and _LINUX_FOLDER.is_dir():
        free = shutil.disk_usage(_LINUX_FOLDER).free
        if num_bytes > free:
            raise DeviceMemoryError(
                f"Shared memory ({_LINUX_FOLDER}) has {free >> 20} MiB left where "
                f"{num_bytes >> 20} MiB are needed; enlarge it or use a smaller input.",
                device="cpu",
            )


def _open(name: str, size: int) -> Segment:
    """Create (``size`` > 0) or attach, unknown to the resource tracker."""
    if _TRACKED and _POSIX:
        return PosixSegment(name, create=size > 0, size=size)
    untracked: dict[str, Any] = {} if _TRACKED else {"track": False}
    return SharedMemory(name, create=size > 0, size=size, **untracked)


def _remove(segment: Segment) -> None:
    segment.close()
    if _POSIX:
        with contextlib.suppress(FileNotFoundError):
            segment.unlink()


def _remove_name(name: str) -> None:
    try:
        segment = _open(name, 0)
    except (FileNotFoundError, ValueError):
        return
    _remove(segment)
