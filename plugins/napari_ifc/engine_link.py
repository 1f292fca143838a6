"""The studio's way to its engine process: started with the first job, ended with the studio."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from ifc_core.errors import EngineError
from napari_ifc.language import tr

if TYPE_CHECKING:
    from ifc_core.engine.client import EngineClient, JobHandle
    from ifc_core.engine.protocol import JobEnd, JobEvent

PATIENCE_SECONDS = 1.5
"""How long a process may take to end by itself once the window is closed."""
_KEPT_JOBS = 16


class EngineLink:
    """Makes the client when it is first needed.

    Args:
        factory: Makes the client; the usual engine if ``None``.

    Attributes:
        on_started: Called when the engine was made, before its first request.
        on_asked: Called with the kind of each request, before it is made.
    """

    def __init__(self, factory: Callable[[], EngineClient] | None = None) -> None:
        self._factory = factory or usual_engine
        self._client: EngineClient | None = None
        self._is_closed = False
        self.on_started: Callable[[], None] = lambda: None
        self.on_asked: Callable[[str], None] = lambda kind: None
        self._jobs: deque[JobHandle] = deque(maxlen=_KEPT_JOBS)

    @property
    def pid(self) -> int | None:
        """Process number of the engine, ``None`` while there is none."""
        return None if self._client is None else self._client.pid

    def request(
        self,
        kind: str,
        params: Mapping[str, Any] | None = None,
        on_event: Callable[[JobEvent | JobEnd], None] | None = None,
        *,
        frames: Callable[[int], Any] | None = None,
    ) -> JobHandle:
        """Start a job; see ``EngineClient.request``.

        Raises:
            EngineError: The engine cannot be started.
        """
        _refuse(self._is_closed)
        if self._client is None:
            self._client = self._factory()
            self.on_started()
        self.on_asked(kind)
        job = self._client.request(kind, params, on_event, frames=frames)
        self._jobs.append(job)
        return job

    def release_device(self) -> None:
        """Let go of models and device memory, if the engine was started."""
        if self._client is not None:
            self._client.request("unload")

    def begin_close(self) -> Callable[[], None]:
        """Ask what goes on to stop, and start nothing more.

        Returns:
            Ends the process; for any thread.
        """
        client, self._client, self._is_closed = self._client, None, True
        jobs = tuple(self._jobs)
        self._jobs.clear()

        def cancel() -> None:
            for job in jobs:  # a cancelled step ends sooner than a process
                job.cancel()

        def end() -> None:
            if client is None:
                return
            # An engine that no longer reads holds whoever tells it something, until it is ended.
            teller = threading.Thread(target=cancel, name="ifc-cancelling", daemon=True)
            teller.start()
            teller.join(PATIENCE_SECONDS / 2)
            client.close(timeout_seconds=PATIENCE_SECONDS)
            teller.join()

        return end

    def close(self) -> None:
        """End the process."""
        self.begin_close()()


class Trainers:
    """The processes that fine-tune; knows them, so that they can end beside the engine.

    Args:
        factory: Makes a client; the usual one if ``None``.
    """

    def __init__(self, factory: Callable[[], EngineClient] | None = None) -> None:
        self._factory = factory or usual_trainer
        self._clients: list[EngineClient] = []
        self._ending: list[threading.Thread] = []
        self._is_closed = False

    def __call__(self) -> EngineClient:
        """Make a client.

        Raises:
            EngineError: The window closes.
        """
        _refuse(self._is_closed)
        client = self._factory()
        self._clients.append(client)
        return client

    def let_go(self, client: EngineClient) -> None:
        """End a process that has nothing more to do, beside the window: it holds much memory."""
        if client not in self._clients:
            return
        self._clients.remove(client)
        self._ending = [thread for thread in self._ending if thread.is_alive()]
        end = partial(client.close, timeout_seconds=PATIENCE_SECONDS)
        self._ending.append(threading.Thread(target=end, name="ifc-trainer-end"))
        self._ending[-1].start()

    def begin_close(self) -> Callable[[], None]:
        """Start nothing more.

        Returns:
            Ends the processes; for any thread. What they train goes on from its last
            checkpoint some day.
        """
        clients, self._clients, self._is_closed = self._clients, [], True
        ending, self._ending = self._ending, []

        def end() -> None:
            for client in clients:
                client.close(timeout_seconds=PATIENCE_SECONDS)
            for thread in ending:
                thread.join()

        return end


def _refuse(is_closed: bool) -> None:
    if is_closed:
        raise EngineError(tr("The window closes; nothing more is started."))


def close_together(*parts: Callable[[], None]) -> Callable[[], None]:
    """Let several things end at the same time.

    Args:
        parts: Each ends one; called in a thread of its own, at once.

    Returns:
        Waits until all have ended.
    """
    threads = [threading.Thread(target=part, name="ifc-closing") for part in parts]
    for thread in threads:
        thread.start()

    def wait() -> None:
        for thread in threads:
            thread.join()

    return wait


def usual_engine(name: str = "engine") -> EngineClient:
    """A client with the person's settings."""
    from ifc_core.config import read_settings
    from ifc_core.engine.client import EngineClient

    threads = read_settings().num_threads
    return EngineClient(name, num_threads=threads, patience_seconds=PATIENCE_SECONDS)


def usual_trainer() -> EngineClient:
    """A client of a second process, for fine-tuning."""
    return usual_engine("finetune")
