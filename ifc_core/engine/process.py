"""The child process as the client sees it: start, pipes, log file, death. No torch, no Qt."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, cast

from ifc_core.config import log_dir
from ifc_core.engine.protocol import PROTOCOL_VERSION, Message, read_message
from ifc_core.engine.send_queue import SendQueue
from ifc_core.engine.shared_arrays import ArrayChannel, new_prefix, sweep_dead_sessions
from ifc_core.errors import EngineError, EngineLostError

KEPT_LOGS = 20
_log = logging.getLogger(__name__)


def engine_command() -> list[str]:
    """How to start the engine; a frozen program answers to the same words itself."""
    return [sys.executable, "-m", "ifc_core.engine"]


def engine_environment(num_threads: int = 0) -> dict[str, str]:
    """Environment of the child.

    Args:
        num_threads: Processor threads for the arithmetic; 0 leaves the choice to torch.

    Returns:
        This process's environment with the engine's additions.
    """
    environment = dict(os.environ)
    environment["PYTHONUTF8"] = "1"
    environment.setdefault("PYTORCH_ENABLE_MPS_FALLBACK", "1")
    if num_threads > 0:
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            environment[name] = str(num_threads)
    return environment


def new_log_file(name: str, folder: Path | None = None) -> Path:
    """A fresh log file; only the newest :data:`KEPT_LOGS` of a kind are kept.

    Args:
        name: Beginning of the file's name.
        folder: Where; the user's log folder where left out.

    Returns:
        The file, not made yet.

    Raises:
        EngineError: The folder cannot be made.
    """
    target = folder or log_dir()
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EngineError(
            f"The engine's log cannot be written to {target}: {error.strerror or error}."
        ) from error
    for old in sorted(target.glob(f"{name}-*.log"))[: -(KEPT_LOGS - 1)]:
        with contextlib.suppress(OSError):
            old.unlink()
    stamp = time.strftime("%Y%m%d-%H%M%S")
    return target / f"{name}-{stamp}-{secrets.token_hex(3)}.log"


class EngineProcess:
    """One child, from its start to its end. It is not started again.

    Args:
        command: What to run.
        environment: Its environment.
        log_path: Where its standard error goes.
        on_message: Called with each message after the greeting, in the reading thread.
        on_exit: Called once, in the reading thread, when the child is gone and reaped.

    Raises:
        EngineError: The child cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        log_path: Path,
        on_message: Callable[[EngineProcess, Message], None],
        on_exit: Callable[[EngineProcess, EngineError], None],
    ) -> None:
        sweep_dead_sessions()
        self.log_path = log_path
        self._on_message = on_message
        self._on_exit = on_exit
        self._greeted = False
        self._problem = ""
        prefix = new_prefix()
        self.arrays = ArrayChannel(prefix, "c", "s")
        self._popen = _start(command, environment, log_path)
        self._stdout = cast("BinaryIO", self._popen.stdout)
        self.writer = SendQueue(cast("BinaryIO", self._popen.stdin))
        self._reader = threading.Thread(target=self._read, name="engine-reader", daemon=True)
        self.writer.send({"type": "hello", "protocol": PROTOCOL_VERSION, "prefix": prefix})
        self._reader.start()

    @property
    def pid(self) -> int:
        """Process number of the child."""
        return self._popen.pid

    @property
    def is_alive(self) -> bool:
        """Whether the child still runs."""
        return self._popen.poll() is None

    def stop(self, timeout_seconds: float) -> None:
        """End the child: politely, then by force. Returns when it is gone.

        Args:
            timeout_seconds: How long it may take to end by itself.
        """
        deadline = time.monotonic() + timeout_seconds
        if self.writer.close(timeout_seconds / 2):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(max(0.0, deadline - time.monotonic()))
        if self.is_alive:
            self._kill()
        if threading.current_thread() is not self._reader:
            self._reader.join(max(1.0, timeout_seconds))

    def _kill(self) -> None:
        """End the child by force, and with it the workers that it has started."""
        if self.is_alive:
            self._kill_group()
        self._popen.kill()

    def _kill_group(self) -> None:
        """End what is left of the group that the child leads: itself and its workers."""
        if os.name == "posix":
            with contextlib.suppress(OSError):
                os.killpg(self._popen.pid, signal.SIGKILL)

    def _read(self) -> None:
        try:
            while (message := read_message(self._stdout)) is not None:
                if self._greeted:
                    self._on_message(self, message)
                else:
                    self._greet(message)
        except EngineError as error:
            self._problem = str(error)
        except Exception:
            _log.exception("reading from the engine failed")
            self._problem = "The engine sent something that cannot be understood."
        finally:
            self._finish()

    def _greet(self, message: Message) -> None:
        if message["type"] != "hello" or message.get("protocol") != PROTOCOL_VERSION:
            raise EngineError(
                "The engine process is of another version than the program; install it again."
            )
        self._greeted = True

    def _finish(self) -> None:
        if self._problem:
            self._kill()
        try:
            status = self._popen.wait(10)
        except subprocess.TimeoutExpired:  # it closed its pipe but does not end
            self._kill()
            status = self._popen.wait()
        self._kill_group()  # a child that was killed could not end its workers
        self.writer.close()
        self._stdout.close()
        self.arrays.close()
        self._on_exit(self, EngineLostError(self._sentence(status)))

    def _sentence(self, status: int) -> str:
        if self._problem:
            happened = self._problem.rstrip(".")
        elif status < 0:
            happened = f"The engine process was ended by {_signal_name(-status)}"
            if -status == getattr(signal, "SIGKILL", None):
                happened += " (often for want of memory)"
        elif self._greeted:
            happened = f"The engine process ended unexpectedly with status {status}"
        else:
            happened = f"The engine process could not start (status {status})"
        return f"{happened}; it starts again with the next request, details are in {self.log_path}"


def _start(
    command: Sequence[str], environment: Mapping[str, str], log_path: Path
) -> subprocess.Popen[bytes]:
    """Start the child, out of reach of a Ctrl-C meant for the parent."""
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
    try:
        with log_path.open("ab") as log:
            return subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=dict(environment),
                start_new_session=os.name == "posix",
                creationflags=flags,
            )
    except OSError as error:
        raise EngineError(
            f"The engine process cannot be started ({error.strerror or error})."
        ) from error


def _signal_name(number: int) -> str:
    try:
        return f"signal {number}, {signal.Signals(number).name}"
    except ValueError:
        return f"signal {number}"
