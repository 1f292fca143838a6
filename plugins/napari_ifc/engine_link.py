"""The studio's way to its engine process: started with the first job, ended with the studio."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ifc_core.engine.client import EngineClient, JobHandle
    from ifc_core.engine.protocol import JobEnd, JobEvent

_PATIENCE_SECONDS = 1.5
_KEPT_JOBS = 16


class EngineLink:
    """Makes the client when it is first needed.

    Args:
        factory: Makes the client; the usual engine if ``None``.

    Attributes:
        on_started: Called when the engine was made, before its first request.
    """

    def __init__(self, factory: Callable[[], EngineClient] | None = None) -> None:
        self._factory = factory or usual_engine
        self._client: EngineClient | None = None
        self.on_started: Callable[[], None] = lambda: None
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
        if self._client is None:
            self._client = self._factory()
            self.on_started()
        job = self._client.request(kind, params, on_event, frames=frames)
        self._jobs.append(job)
        return job

    def release_device(self) -> None:
        """Let go of models and device memory, if the engine was started."""
        if self._client is not None:
            self._client.request("unload")

    def close(self) -> None:
        """End the process."""
        client, self._client = self._client, None
        if client is not None:
            for job in self._jobs:  # a cancelled step ends sooner than a process
                job.cancel()
            client.close(timeout_seconds=_PATIENCE_SECONDS)
        self._jobs.clear()


def usual_engine(name: str = "engine") -> EngineClient:
    """A client with the person's settings."""
    from ifc_core.config import read_settings
    from ifc_core.engine.client import EngineClient

    return EngineClient(name, num_threads=read_settings().num_threads)


def usual_trainer() -> EngineClient:
    """A client of a second process, for fine-tuning."""
    return usual_engine("finetune")
