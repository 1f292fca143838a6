"""Long work: progress with an estimate, and cancellation.

Long work is a generator (or a function) that takes a :class:`JobContext`. It calls
:meth:`JobContext.advance` as it goes and :meth:`JobContext.raise_if_cancelled` at
least once per clip. Its partial results are what it yields. A job ends in exactly one
way: it returns, it raises an error, or it raises :class:`JobCancelled`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass


class JobCancelled(Exception):  # noqa: N818 - it is an outcome, not an error
    """The person asked for the job to stop. Exit code 130 on the command line."""

    exit_code = 130


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job has come.

    Attributes:
        done: Units finished (frames, iterations; ``unit`` says which).
        total: Units in all, or ``None`` where it is not known.
        message: What is being done now, in a few words.
        elapsed_seconds: Time since the job began.
        eta_seconds: Estimated time to the end, or ``None`` before it can be estimated.
        unit: What ``done`` and ``total`` count.
    """

    done: int
    total: int | None
    message: str
    elapsed_seconds: float
    eta_seconds: float | None
    unit: str = "frames"

    @property
    def fraction(self) -> float | None:
        """Share of the work that is done, 0 to 1, or ``None`` where unknown."""
        if not self.total:
            return None
        return min(1.0, self.done / self.total)


class JobContext:
    """What a job is given to report progress and to learn that it should stop.

    Args:
        on_progress: Called with each :class:`Progress`, in the thread of the job.
        cancelled: An event that another thread sets to ask the job to stop.
        clock: Seconds, monotonic; replaced in tests.
    """

    def __init__(
        self,
        on_progress: Callable[[Progress], None] | None = None,
        cancelled: threading.Event | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_progress = on_progress
        self._cancelled = cancelled or threading.Event()
        self._clock = clock
        self._start = clock()
        self._last: tuple[int, int | None, str] = (0, None, "")
        self._base: tuple[int, float] | None = None  # first units done, and when

    def quiet(self) -> JobContext:
        """A context for a part of the job: cancelled with it, its progress told to nobody."""
        return JobContext(None, self._cancelled, self._clock)

    def cancel(self) -> None:
        """Ask the job to stop at its next check."""
        self._cancelled.set()

    @property
    def is_cancelled(self) -> bool:
        """Whether the job was asked to stop."""
        return self._cancelled.is_set()

    def raise_if_cancelled(self) -> None:
        """Raise if the job was asked to stop.

        Raises:
            JobCancelled: The job was asked to stop.
        """
        if self._cancelled.is_set():
            raise JobCancelled("The job was cancelled.")

    def advance(
        self, done: int, total: int | None, message: str = "", unit: str = "frames"
    ) -> Progress:
        """Report progress, then check for cancellation.

        The time left is told from the second report on that has units to count: what came
        before the first one (loading a model, units that an earlier run did) says nothing of it.

        Args:
            done: Units finished so far.
            total: Units in all, or ``None``.
            message: What is being done now.
            unit: What is counted.

        Returns:
            The progress that was reported.

        Raises:
            JobCancelled: The job was asked to stop.
        """
        elapsed = self._clock() - self._start
        eta = self._seconds_left(done, total, unit, elapsed)
        progress = Progress(done, total, message, elapsed, eta, unit)
        if self._on_progress is not None:
            self._on_progress(progress)
        self.raise_if_cancelled()
        return progress

    def _seconds_left(
        self, done: int, total: int | None, unit: str, elapsed: float
    ) -> float | None:
        before, self._last = self._last, (done, total, unit)
        if (total, unit) != before[1:] or done < before[0]:
            self._base = None  # another part of the job
        if not total or done <= 0:
            return None
        if self._base is None:
            self._base = (done, elapsed)
        first, began = self._base
        if done == first:
            return None
        return (elapsed - began) * max(0, total - done) / (done - first)
