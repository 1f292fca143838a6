"""What client and server agree on: frames of JSON, message types, how a job ends.

A message is four bytes of length (big-endian) and that many bytes of JSON, an object with a
``type``. The client sends ``hello`` first and the server answers it; both name
:data:`PROTOCOL_VERSION`. Then:

==========  =========  =================================================================
from        type       fields
==========  =========  =================================================================
client      request    ``id``, ``kind``, ``params``
client      cancel     ``id``
client      answer     ``id``, ``ask``, ``data`` or ``error``
client      shutdown   none; the end of the stream means the same
either      release    ``names`` of shared memory that the receiver has copied
server      event      ``id``, ``name``, ``data``
server      ask        ``id``, ``ask``, ``name``, ``data``: the job needs something
server      end        ``id``, ``status``, then ``result`` or ``error``; once a job
==========  =========  =================================================================
"""

from __future__ import annotations

import contextlib
import json
import struct
import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, BinaryIO

from ifc_core.errors import EngineError, IFCError
from ifc_core.jobs import JobCancelled

PROTOCOL_VERSION = 1
MAX_MESSAGE_BYTES = 64 << 20
QUICK_KINDS = frozenset({"ping", "system"})
"""Answered beside a running job; others wait for their turn."""
_LENGTH = struct.Struct(">I")

Message = dict[str, Any]


class JobStatus(StrEnum):
    """The three ways a job can end."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class JobEvent:
    """Something that a running job reports.

    Attributes:
        job_id: The job.
        name: ``progress``, ``frame``, ``instances``, ``metrics``, ...
        data: ``Progress`` for ``progress``, ``FrameResult`` for ``frame``, a tuple of
            ``InstanceSummary`` for ``instances``, else plain values and arrays.
    """

    job_id: int
    name: str
    data: Any


@dataclass(frozen=True, slots=True)
class JobEnd:
    """The one end of a job.

    Attributes:
        job_id: The job.
        status: How it ended.
        result: What it returned; empty unless it succeeded.
        error: Why it failed; ``None`` unless it did.
    """

    job_id: int
    status: JobStatus
    result: dict[str, Any]
    error: IFCError | None = None

    def value(self) -> dict[str, Any]:
        """The result.

        Raises:
            IFCError: The job failed.
            JobCancelled: The job was cancelled.
        """
        if self.error is not None:
            raise self.error
        if self.status is JobStatus.CANCELLED:
            raise JobCancelled("The job was cancelled.")
        return self.result


def read_message(stream: BinaryIO, limit: int = MAX_MESSAGE_BYTES) -> Message | None:
    """Read one message.

    Args:
        stream: A blocking binary stream.
        limit: Largest message accepted, in bytes.

    Returns:
        The message, or ``None`` at the end of the stream.

    Raises:
        EngineError: The stream ends inside a message, or holds something that is none.
    """
    header = _read_exactly(stream, _LENGTH.size)
    if not header:
        return None
    if len(header) < _LENGTH.size:
        raise EngineError("The engine's pipe ended inside a message.")
    (length,) = _LENGTH.unpack(header)
    if length > limit:
        raise EngineError(f"The engine's pipe announced a message of {length} bytes.")
    body = _read_exactly(stream, length)
    if len(body) < length:
        raise EngineError("The engine's pipe ended inside a message.")
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise EngineError("The engine's pipe holds something that is not JSON.") from error
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise EngineError("The engine's pipe holds a message without a type.")
    return message


def _read_exactly(stream: BinaryIO, length: int) -> bytes:
    """Read ``length`` bytes; fewer only at the end of the stream."""
    parts: list[bytes] = []
    missing = length
    while missing:
        part = stream.read(min(missing, 1 << 20))
        if not part:
            break
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def encode_message(message: Message) -> bytes:
    """A message as it is sent, its length before it.

    Args:
        message: JSON values with a ``type``.

    Raises:
        EngineError: The message is too large.
        TypeError: The message holds something that is not JSON.
    """
    body = json.dumps(message, separators=(",", ":")).encode()
    if len(body) > MAX_MESSAGE_BYTES:
        raise EngineError(f"A message of {len(body)} bytes is more than the engine's pipe takes.")
    return _LENGTH.pack(len(body)) + body


class MessageWriter:
    """Sends messages, from any thread.

    Args:
        stream: A binary stream; it is flushed after each message.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        """Send one message.

        Args:
            message: JSON values with a ``type``.

        Raises:
            EngineError: The message is too large.
            OSError: The other side is gone.
        """
        self.write(encode_message(message))

    def write(self, data: bytes) -> None:
        """Send what :func:`encode_message` made; returns when the pipe has taken it.

        Raises:
            OSError: The other side is gone.
        """
        with self._lock:
            if self._stream.closed:
                raise BrokenPipeError("the stream is closed")
            self._stream.write(data)
            self._stream.flush()

    def close(self, timeout_seconds: float = 1.0) -> bool:
        """Close the stream; a peer that is gone is no error.

        Args:
            timeout_seconds: How long to wait for another thread that is sending.

        Returns:
            Whether the stream is closed: ``False`` if a send hangs.
        """
        if not self._lock.acquire(timeout=timeout_seconds):
            return False
        try:
            with contextlib.suppress(OSError):
                self._stream.close()
        finally:
            self._lock.release()
        return True


def field(message: Message, name: str, kind: type[Any]) -> Any:
    """A field of a message, checked.

    Args:
        message: The message.
        name: The field.
        kind: What it must be.

    Returns:
        The value.

    Raises:
        EngineError: The field is missing or of another kind.
    """
    value = message.get(name)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise EngineError(f"A {message['type']!r} message lacks a valid {name!r}.")
    return value
