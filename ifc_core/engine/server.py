"""What runs inside the engine process: a loop over requests and one thread for jobs.

The thread that reads never works and never writes, so that a cancel, an answer or the end of
the stream is seen at once. Jobs run one after the other in the job thread; quick questions
(:data:`~ifc_core.engine.protocol.QUICK_KINDS`) are answered beside a running job.
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from ifc_core.engine.error_codec import decode_error, encode_error
from ifc_core.engine.protocol import (
    PROTOCOL_VERSION,
    QUICK_KINDS,
    JobStatus,
    Message,
    MessageWriter,
    field,
    read_message,
)
from ifc_core.engine.shared_arrays import ArrayChannel
from ifc_core.errors import EngineError, InputError
from ifc_core.jobs import JobCancelled, JobContext, Progress
from ifc_core.version import __version__

STATUS_PROTOCOL = 3
STOP_GRACE_SECONDS = 5.0
_log = logging.getLogger(__name__)


class ServerJob:
    """What a handler gets: a context to report to, and the way back to the client.

    Args:
        job_id: Number of the request.
        kind: Kind of the request.
        server: The server that runs it.
    """

    def __init__(self, job_id: int, kind: str, server: Server) -> None:
        self.id = job_id
        self.kind = kind
        self._server = server
        self._cancelled = threading.Event()
        self._answers: queue.Queue[tuple[int, Any]] = queue.Queue()
        self._asked = 0
        self.context = JobContext(self._report, self._cancelled)

    def emit(self, name: str, data: Any) -> None:
        """Send an event.

        Args:
            name: What kind of event.
            data: JSON values and arrays.
        """
        packed = self._server.arrays.pack(data)
        self._server.send({"type": "event", "id": self.id, "name": name, "data": packed})

    def ask(self, name: str, data: Any) -> Any:
        """Ask the client for something and wait for it.

        Args:
            name: What is asked for.
            data: JSON values that say which.

        Returns:
            The answer, with arrays in place.

        Raises:
            JobCancelled: The job was cancelled meanwhile.
            IFCError: The client could not answer.
        """
        self._asked += 1
        message = {"type": "ask", "id": self.id, "ask": self._asked, "name": name, "data": data}
        self._server.send(message)
        while True:
            number, answer = self._answers.get()
            self.context.raise_if_cancelled()
            if number == self._asked:
                if isinstance(answer, BaseException):
                    raise answer
                return answer

    def cancel(self) -> None:
        """Ask the job to stop; called in the thread that reads."""
        self._cancelled.set()
        self._answers.put((0, None))  # wakes a waiting ask()

    def answer(self, number: int, value: Any) -> None:
        """Deliver an answer; called in the thread that reads."""
        self._answers.put((number, value))

    def _report(self, progress: Progress) -> None:
        names = ("done", "total", "message", "elapsed_seconds", "eta_seconds", "unit")
        self.emit("progress", {name: getattr(progress, name) for name in names})


Handler = Callable[[dict[str, Any], ServerJob], dict[str, Any]]
"""Does one kind of job: ``(params, job) -> result``; raises one of our errors to fail."""


class Server:
    """The request loop.

    Args:
        stdin: Where messages come from.
        stdout: Where messages go.
        handlers: Kind -> what does it.
    """

    def __init__(self, stdin: BinaryIO, stdout: BinaryIO, handlers: Mapping[str, Handler]) -> None:
        self._stdin = stdin
        self._writer = MessageWriter(stdout)
        self._handlers = handlers
        self._jobs: dict[int, ServerJob] = {}
        self._lock = threading.Lock()
        self._last_id = 0
        self._work: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._quick: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._threads = [
            threading.Thread(target=_drain, args=(tasks,), name=name, daemon=True)
            for tasks, name in ((self._work, "jobs"), (self._quick, "quick"))
        ]
        self.arrays = ArrayChannel("", "s", "c")

    def send(self, message: Message) -> None:
        """Send a message; a client that is gone ends the process through its end of stream."""
        try:
            self._writer.send(message)
        except (OSError, ValueError):
            _log.info("the client is gone; dropped a %s message", message["type"])

    def serve(self) -> int:
        """Answer until the stream ends or the client says so.

        Returns:
            Exit status: 0, or 3 if the client broke the protocol.
        """
        status = 0
        try:
            if self._greet():
                for thread in self._threads:
                    thread.start()
                while (message := read_message(self._stdin)) is not None:
                    if message["type"] == "shutdown":
                        break
                    self._take(message)
        except EngineError as error:
            _log.error("protocol broken: %s", error)
            status = STATUS_PROTOCOL
        self._stop()
        return status

    def _greet(self) -> bool:
        message = read_message(self._stdin)
        if message is None:
            return False
        if message["type"] != "hello":
            raise EngineError("The first message must be 'hello'.")
        self.arrays = ArrayChannel(field(message, "prefix", str), "s", "c")
        self.send(
            {
                "type": "hello",
                "protocol": PROTOCOL_VERSION,
                "version": __version__,
                "pid": os.getpid(),
            }
        )
        if field(message, "protocol", int) != PROTOCOL_VERSION:
            raise EngineError(f"The client speaks protocol {message['protocol']}.")
        return True

    def _take(self, message: Message) -> None:
        """Act on one message, without working and without writing."""
        kind = message["type"]
        if kind == "release":
            self.arrays.release(str(name) for name in field(message, "names", list))
        elif kind == "request":
            self._enqueue(message)
        elif kind in ("cancel", "answer"):
            job_id = field(message, "id", int)
            with self._lock:
                job = self._jobs.get(job_id)
            if job is None:  # it has just ended
                if kind == "answer":
                    self._let_go(message)
            elif kind == "cancel":
                job.cancel()
            else:
                self._deliver(job, message)
        else:
            raise EngineError(f"There is no message type {kind!r}.")

    def _enqueue(self, message: Message) -> None:
        job_id, kind = field(message, "id", int), field(message, "kind", str)
        params = field(message, "params", dict)
        if job_id <= self._last_id:
            raise EngineError(f"The number {job_id} was used before.")
        self._last_id = job_id
        job = ServerJob(job_id, kind, self)
        with self._lock:
            self._jobs[job_id] = job
        tasks = self._quick if kind in QUICK_KINDS else self._work
        tasks.put(lambda: self._run(job, params))

    def _deliver(self, job: ServerJob, message: Message) -> None:
        number = field(message, "ask", int)
        if "error" in message:
            job.answer(number, decode_error(message["error"]))
            return
        try:
            value, names = self.arrays.unpack(message.get("data"))
        except EngineError as error:
            job.answer(number, error)
            return
        self._release(names)
        job.answer(number, value)

    def _let_go(self, message: Message) -> None:
        """Free the arrays of an answer that nobody waits for any more."""
        with contextlib.suppress(EngineError):
            self._release(self.arrays.unpack(message.get("data"))[1])

    def _release(self, names: list[str]) -> None:
        self._quick.put(lambda: self.send({"type": "release", "names": names}))

    def _run(self, job: ServerJob, params: dict[str, Any]) -> None:
        end: Message = {"type": "end", "id": job.id}
        try:
            job.context.raise_if_cancelled()
            handler = self._handlers.get(job.kind)
            if handler is None:
                raise EngineError(f"The engine knows no job called {job.kind!r}.")
            result = self.arrays.pack(handler(params, job))
            end |= {"status": JobStatus.SUCCEEDED, "result": result}
        except JobCancelled:
            end |= {"status": JobStatus.CANCELLED}
        except BaseException as error:
            expected = isinstance(error, InputError)
            _log.error("job %d (%s) failed: %s", job.id, job.kind, error, exc_info=not expected)
            end |= {"status": JobStatus.FAILED, "error": encode_error(error, job.kind)}
        with self._lock:
            self._jobs.pop(job.id, None)
        self._send_end(end)

    def _send_end(self, end: Message) -> None:
        try:
            self.send(end)
        except (EngineError, TypeError) as error:  # a result that is too large or no JSON
            _log.exception("the end of job %d cannot be sent", end["id"])
            failed = {"status": JobStatus.FAILED, "error": encode_error(error, "the result")}
            self.send({"type": "end", "id": end["id"], **failed})

    def _stop(self) -> None:
        with self._lock:
            jobs = list(self._jobs.values())
        for job in jobs:
            job.cancel()
        for tasks in (self._work, self._quick):
            tasks.put(None)
        deadline = time.monotonic() + STOP_GRACE_SECONDS
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))
        self.arrays.close()


def _drain(tasks: queue.Queue[Callable[[], None] | None]) -> None:
    while (task := tasks.get()) is not None:
        task()


def main(handlers: Mapping[str, Handler] | None = None) -> int:
    """Be the engine process: standard input and output carry the protocol, nothing else.

    Whatever prints to standard output after this goes to standard error, which the client
    has pointed at the log file.

    Args:
        handlers: What to do for each kind; the program's own where left out.

    Returns:
        The exit status.
    """
    stdin, stdout = _reserve_pipes()
    faulthandler.enable(sys.stderr)
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s",
    )
    if handlers is None:
        from ifc_core.engine.handlers import build_handlers

        handlers = build_handlers()
    _log.info("engine %s started, process %d", __version__, os.getpid())
    status = Server(stdin, stdout, handlers).serve()
    _log.info("engine ends with status %d", status)
    if threading.active_count() > 1:
        # A step that cannot be interrupted still runs; nobody waits for its result.
        logging.shutdown()
        os._exit(status)
    return status


def _reserve_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Take the two pipes away from everything else in the process, and from its children."""
    stdin = os.fdopen(os.dup(0), "rb")
    stdout = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    if sys.stderr is None:  # a bundled program without a console
        sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, encoding="utf-8", errors="replace")
    sys.stdout = sys.stderr

    def forget_pipes() -> None:
        """A forked worker that holds the pipe would hide this process's death."""
        os.dup2(nothing, stdin.fileno())
        os.dup2(nothing, stdout.fileno())

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=forget_pipes)
    return stdin, stdout
