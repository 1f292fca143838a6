"""The way to an engine process as far as controllers use it; tests put a fake in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ifc_core.engine.protocol import JobEnd, JobEvent

OnEvent = Callable[[JobEvent | JobEnd], None]
Deliver = Callable[[OnEvent], OnEvent]
"""Wraps a callback so that it is called in the thread of the controller."""


class Job(Protocol):
    """A job in the engine."""

    def cancel(self) -> None:
        """Ask it to stop."""
        ...


class Engine(Protocol):
    """Starts jobs."""

    def request(
        self,
        kind: str,
        params: Mapping[str, Any] | None = None,
        on_event: OnEvent | None = None,
        *,
        frames: Callable[[int], Any] | None = None,
    ) -> Job:
        """Start a job; see ``EngineClient.request``."""
        ...
