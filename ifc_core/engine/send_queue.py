"""Sending without waiting: a thread that writes what others want sent, in order."""

from __future__ import annotations

import contextlib
import queue
import threading
from typing import BinaryIO

from ifc_core.engine.protocol import Message, MessageWriter, encode_message


class SendQueue:
    """Sends messages from any thread; nobody waits until the other side reads them.

    A pipe holds a few messages only, and a child that starts or is busy does not read.

    Args:
        stream: A binary stream; it is flushed after each message.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._writer = MessageWriter(stream)
        self._waiting: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._is_closed = False
        self._thread = threading.Thread(target=self._write, name="engine-writer", daemon=True)
        self._thread.start()

    def send(self, message: Message) -> None:
        """Have a message sent after those before it; it may be changed afterwards.

        Where the other side is gone it is dropped.

        Args:
            message: JSON values with a ``type``.

        Raises:
            EngineError: The message is too large.
            TypeError: The message holds something that is not JSON.
            BrokenPipeError: The stream is closed.
        """
        data = encode_message(message)
        with self._lock:
            if self._is_closed:
                raise BrokenPipeError("the stream is closed")
            self._waiting.put(data)

    def close(self, timeout_seconds: float = 1.0) -> bool:
        """Send what waits and close the stream; a peer that is gone is no error.

        Args:
            timeout_seconds: How long the other side may take to read what waits.

        Returns:
            Whether the stream is closed: ``False`` if the other side does not read; it is closed
            as soon as that side reads or is gone.
        """
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                self._waiting.put(None)
        self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    def _write(self) -> None:
        with contextlib.suppress(OSError):  # the other side is gone; its reader tells of it
            while (data := self._waiting.get()) is not None:
                self._writer.write(data)
        self._writer.close()
