"""The way to the engine for windows and scripts: start it, ask it, survive it. No Qt, no torch."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ifc_core.engine.error_codec import decode_error, encode_error
from ifc_core.engine.process import (
    EngineProcess,
    engine_command,
    engine_environment,
    new_log_file,
)
from ifc_core.engine.protocol import JobEnd, JobEvent, JobStatus, Message, field
from ifc_core.engine.result_codec import decode_event
from ifc_core.errors import EngineError

_log = logging.getLogger(__name__)

OnEvent = Callable[[JobEvent | JobEnd], None]
FrameSource = Callable[[int], npt.NDArray[np.uint8]]


class JobHandle:
    """A job in the engine.

    Attributes:
        id: Its number.
        kind: Its kind.
    """

    def __init__(
        self,
        job_id: int,
        kind: str,
        on_event: OnEvent | None,
        frames: FrameSource | None,
        send: Callable[[Message], None],
    ) -> None:
        self.id = job_id
        self.kind = kind
        self._on_event = on_event
        self._frames = frames
        self._send = send
        self._end: JobEnd | None = None
        self._ended = threading.Event()

    @property
    def is_done(self) -> bool:
        """Whether the job has ended."""
        return self._ended.is_set()

    def cancel(self) -> None:
        """Ask the job to stop; its end comes as usual. Does nothing once it has ended."""
        if not self.is_done:
            self._send({"type": "cancel", "id": self.id})

    def wait(self, timeout_seconds: float | None = None) -> JobEnd:
        """Wait for the end. Never call it in ``on_event``.

        Args:
            timeout_seconds: How long; ``None`` for as long as it takes.

        Returns:
            How the job ended.

        Raises:
            TimeoutError: It has not ended in time (and goes on).
        """
        if not self._ended.wait(timeout_seconds) or self._end is None:
            raise TimeoutError(f"job {self.id} ({self.kind}) has not ended")
        return self._end

    def result(self, timeout_seconds: float | None = None) -> dict[str, Any]:
        """Wait for the end and give the result.

        Args:
            timeout_seconds: How long; ``None`` for as long as it takes.

        Returns:
            What the job returned.

        Raises:
            IFCError: The job failed.
            JobCancelled: The job was cancelled.
            TimeoutError: It has not ended in time (and goes on).
        """
        return self.wait(timeout_seconds).value()

    def _deliver(self, event: JobEvent) -> None:
        self._notify(event)

    def _finish(self, end: JobEnd) -> None:
        """Take the end; a second one is dropped."""
        if self._end is None:
            self._end = end
            self._notify(end)
            self._ended.set()

    def _notify(self, event: JobEvent | JobEnd) -> None:
        if self._on_event is not None:
            try:
                self._on_event(event)
            except Exception:
                _log.exception("a callback of job %d (%s) failed", self.id, self.kind)

    def _read_frames(self, data: Any) -> dict[str, Any]:
        if self._frames is None:
            raise EngineError("The engine asked for frames that nobody offers.")
        frames = np.stack([self._frames(int(index)) for index in data["indices"]])
        if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3:
            raise EngineError(f"A frame must be (H, W, 3) uint8, not {frames.shape[1:]}.")
        return {"frames": frames}


class EngineClient:
    """Owns at most one engine process at a time; starts it with the first request.

    When the child dies, every open job fails with :class:`EngineError` and the next request
    starts a new child. Fine-tuning beside proposing takes a second client.

    Args:
        name: Beginning of the log files' names.
        command: What to run instead of the engine (for tests).
        num_threads: Processor threads of the child; 0 leaves it to torch.
        environment: Whole environment of the child instead of the usual one.
        log_folder: Where log files go; the user's log folder where left out.
        on_death: Called in a thread of the client when the child died unasked.
        patience_seconds: How long the child may take to end, unless :meth:`close` says so.
    """

    def __init__(
        self,
        name: str = "engine",
        *,
        command: Sequence[str] | None = None,
        num_threads: int = 0,
        environment: Mapping[str, str] | None = None,
        log_folder: Path | None = None,
        on_death: Callable[[EngineError], None] | None = None,
        patience_seconds: float = 10.0,
    ) -> None:
        self._name = name
        self._patience_seconds = patience_seconds
        self._command = list(command or engine_command())
        self._environment = environment or engine_environment(num_threads)
        self._log_folder = log_folder
        self._on_death = on_death
        self._lock = threading.Lock()
        self._process: EngineProcess | None = None
        self._jobs: dict[int, tuple[EngineProcess, JobHandle]] = {}
        self._count = 0
        self._closed = False

    @property
    def pid(self) -> int | None:
        """Process number of the child, ``None`` while there is none."""
        process = self._process
        return process.pid if process is not None and process.is_alive else None

    @property
    def log_path(self) -> Path | None:
        """Log file of the present or last child."""
        return None if self._process is None else self._process.log_path

    def request(
        self,
        kind: str,
        params: Mapping[str, Any] | None = None,
        on_event: OnEvent | None = None,
        *,
        frames: FrameSource | None = None,
    ) -> JobHandle:
        """Start a job; returns at once, also while the child starts or is busy.

        Args:
            kind: What to do (see :mod:`ifc_core.engine.handlers`).
            params: JSON values.
            on_event: Called in the client's reading thread with each :class:`JobEvent` and,
                last and exactly once, with the :class:`JobEnd`. It must not block.
            frames: Gives the frame of an index, (H, W, 3) uint8, for jobs on pictures that
                are not in a file; called in the reading thread.

        Returns:
            The job.

        Raises:
            EngineError: The client is closed, the child cannot be started, or ``params`` is
                too large.
            TypeError: ``params`` holds something that is not JSON.
        """
        with self._lock:
            if self._closed:
                raise EngineError("The engine was closed.")
            process = self._running()
            self._count += 1
            handle = JobHandle(
                self._count, kind, on_event, frames, lambda m: self._send(process, m)
            )
            self._jobs[handle.id] = (process, handle)
            request = {"type": "request", "id": handle.id, "kind": kind}
            try:
                self._send(process, request | {"params": dict(params or {})})
            except Exception:  # too large, or no JSON: never sent
                del self._jobs[handle.id]
                raise
        return handle

    def close(self, timeout_seconds: float | None = None) -> None:
        """End the child; what is open ends as cancelled. May be called twice, and at once.

        Args:
            timeout_seconds: How long the child may take before it is killed; the client's
                patience if ``None``.
        """
        with self._lock:
            self._closed = True
            process = self._process
        if process is not None:
            patience = self._patience_seconds if timeout_seconds is None else timeout_seconds
            process.stop(patience)

    def __enter__(self) -> EngineClient:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _running(self) -> EngineProcess:
        """The living child, a new one if need be; the lock is held."""
        process = self._process
        if process is None or not process.is_alive:
            process = EngineProcess(
                self._command,
                self._environment,
                new_log_file(self._name, self._log_folder),
                self._on_message,
                self._on_exit,
            )
            self._process = process
        return process

    def _send(self, process: EngineProcess, message: Message) -> None:
        # A pipe that is broken or closed is the child's death: its reader ends the jobs.
        with contextlib.suppress(OSError):
            process.writer.send(message)

    def _on_message(self, process: EngineProcess, message: Message) -> None:
        kind = message["type"]
        if kind == "release":
            process.arrays.release(str(name) for name in field(message, "names", list))
            return
        _, handle = self._jobs.get(field(message, "id", int), (process, None))
        if kind == "ask":
            self._answer(process, handle, message)
            return
        key = "data" if kind == "event" else "result"
        data, names = process.arrays.unpack(message.get(key))
        if names:
            self._send(process, {"type": "release", "names": names})
        if handle is None:
            return
        if kind == "event":
            handle._deliver(decode_event(handle.id, field(message, "name", str), data))
        elif kind == "end":
            self._end(handle, message, data)
        else:
            raise EngineError(f"The engine sent a message of unknown type {kind!r}.")

    def _end(self, handle: JobHandle, message: Message, result: Any) -> None:
        with self._lock:
            self._jobs.pop(handle.id, None)
        status = JobStatus(field(message, "status", str))
        error = decode_error(message.get("error")) if status is JobStatus.FAILED else None
        handle._finish(JobEnd(handle.id, status, result or {}, error))

    def _answer(self, process: EngineProcess, handle: JobHandle | None, message: Message) -> None:
        answer: Message = {"type": "answer", "id": message["id"], "ask": message["ask"]}
        try:
            if handle is None:
                raise EngineError("The job has ended.")
            answer["data"] = process.arrays.pack(handle._read_frames(message["data"]))
        except Exception as error:
            _log.exception("frames for the engine cannot be read")
            answer["error"] = encode_error(error, "reading frames")
        self._send(process, answer)

    def _on_exit(self, process: EngineProcess, error: EngineError) -> None:
        with self._lock:
            asked_to_stop = self._closed
            handles = [handle for owner, handle in self._jobs.values() if owner is process]
            for handle in handles:
                del self._jobs[handle.id]
        for handle in handles:
            if asked_to_stop:
                handle._finish(JobEnd(handle.id, JobStatus.CANCELLED, {}))
            else:
                handle._finish(JobEnd(handle.id, JobStatus.FAILED, {}, error))
        if not asked_to_stop and self._on_death is not None:
            self._on_death(error)
