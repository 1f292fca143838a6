"""Long work beside the window: in a worker thread, or in short steps in the window's thread."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from ifc_core.errors import IFCError
from ifc_core.jobs import JobCancelled, JobContext, Progress
from napari_ifc.controllers.run_words import brief_duration_text, duration_text
from napari_ifc.language import tr
from napari_ifc.rows import RunView

R = TypeVar("R")
Post = Callable[[Callable[[Any], None]], Callable[[Any], None]]
"""Wraps a callback so that, called in any thread, it runs in the window's thread."""

_PROGRESS_SECONDS = 0.1
_STEP_SECONDS = 0.012
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Task(Generic[R]):
    """Something that takes long.

    Attributes:
        text: What is being done, such as ``"Exporting annotations"``.
        on_done: Called in the window's thread with the result.
        on_failed: Called there with the error.
        on_cancelled: Called there when a person cancelled it.
        drop: Called there with a result that came after the person had cancelled.
    """

    text: str
    on_done: Callable[[R], None]
    on_failed: Callable[[IFCError], None]
    on_cancelled: Callable[[], None] = lambda: None
    drop: Callable[[R], None] = lambda result: None


class _Running:
    """A task that goes on."""

    def __init__(self, task: Task[Any], context: JobContext) -> None:
        self.task = task
        self.context = context
        self.view = RunView(True, task.text)
        self.thread: threading.Thread | None = None
        self.steps: Generator[Progress, None, Any] | None = None


class Tasks:
    """Runs tasks; each ends in exactly one of done, failed and cancelled.

    Args:
        post: Carries calls into the window's thread.
        later: Calls something in the window's thread after it had time for other things.
        on_view: Called with the :class:`RunView` of the newest task whenever it changes.
        clock: Seconds, monotonic; replaced in tests.
    """

    def __init__(
        self,
        post: Post,
        later: Callable[[Callable[[], None]], None],
        on_view: Callable[[RunView], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._post = post
        self._later = later
        self._on_view = on_view
        self._clock = clock
        self._running: list[_Running] = []

    @property
    def is_running(self) -> bool:
        """Whether any task goes on."""
        return bool(self._running)

    @property
    def texts(self) -> tuple[str, ...]:
        """What is being done."""
        return tuple(running.task.text for running in self._running)

    @property
    def writing(self) -> tuple[str, ...]:
        """What is being done that writes to the project, and ends with it."""
        return tuple(running.task.text for running in self._running if running.steps is not None)

    def start(self, task: Task[R], work: Callable[[JobContext], R]) -> None:
        """Do something in a worker thread; returns at once.

        Args:
            task: What to tell of it, and whom.
            work: Does it. Gets what it needs frozen, and connections of its own.
        """
        running = self._begin(task)
        post = self._post(lambda end: self._end(running, *end))
        show = self._post(lambda progress: self._progress(running, progress))
        running.context = JobContext(_throttled(show, self._clock))

        def body() -> None:
            try:
                end: tuple[Any, BaseException | None] = (work(running.context), None)
            except Exception as error:
                end = (None, error)
            post(end)

        running.thread = threading.Thread(target=body, name=f"ifc-task {task.text}", daemon=True)
        running.thread.start()

    def start_steps(
        self, task: Task[R], work: Callable[[JobContext], Generator[Progress, None, R]]
    ) -> None:
        """Do something in the window's thread, a few milliseconds at a time.

        For what needs the one writing connection of the project.

        Args:
            task: What to tell of it, and whom.
            work: Gives a generator whose value is the result; closed when cancelled.
        """
        running = self._begin(task)
        running.context = JobContext(
            _throttled(lambda progress: self._progress(running, progress), self._clock)
        )
        running.steps = work(running.context)
        self._later(lambda: self._step(running))

    def cancel(self) -> None:
        """Ask the newest task to stop."""
        if self._running:
            running = self._running[-1]
            running.context.cancel()
            self._show(running, replace(running.view, text=tr("Stopping"), stopping=True))

    def stop_steps(self) -> None:
        """End at once what writes to the project, which is being closed."""
        for running in [r for r in self._running if r.steps is not None]:
            assert running.steps is not None  # noqa: S101 - chosen above
            running.steps.close()
            self._end(running, None, JobCancelled())

    def close(self, patience_seconds: float = 5.0) -> None:
        """Cancel everything and wait for the threads; nothing is told any more."""
        self.stop_steps()
        gone, self._running = self._running, []
        for running in gone:
            running.context.cancel()
        deadline = self._clock() + patience_seconds
        for running in gone:
            if running.thread is not None:
                running.thread.join(max(0.0, deadline - self._clock()))

    def _begin(self, task: Task[Any]) -> _Running:
        running = _Running(task, JobContext())
        self._running.append(running)
        self._show(running, running.view)
        return running

    def _step(self, running: _Running) -> None:
        if running not in self._running or running.steps is None:
            return
        until = self._clock() + _STEP_SECONDS
        try:
            while self._clock() < until:
                next(running.steps)
        except StopIteration as end:
            self._end(running, end.value, None)
        except Exception as error:
            self._end(running, None, error)
        else:
            self._later(lambda: self._step(running))

    def _progress(self, running: _Running, progress: Progress) -> None:
        if running in self._running and not running.context.is_cancelled:
            self._show(running, _view(running.task.text, progress))

    def _show(self, running: _Running, view: RunView) -> None:
        running.view = view
        if running is self._running[-1]:
            self._on_view(view)

    def _end(self, running: _Running, result: Any, error: BaseException | None) -> None:
        if running not in self._running:
            if error is None:
                running.task.drop(result)
            return
        self._running.remove(running)
        self._on_view(self._running[-1].view if self._running else RunView())
        task = running.task
        if isinstance(error, JobCancelled) or (error is None and running.context.is_cancelled):
            if error is None:
                task.drop(result)
            task.on_cancelled()
        elif error is None:
            task.on_done(result)
        elif isinstance(error, IFCError):
            task.on_failed(error)
        else:
            _log.error("%s failed", task.text, exc_info=error)
            task.on_failed(
                IFCError(
                    tr("{text} failed unexpectedly ({error}); see the log.").format(
                        text=task.text, error=error
                    )
                )
            )


def _throttled(
    show: Callable[[Progress], None], clock: Callable[[], float]
) -> Callable[[Progress], None]:
    """Let through at most ten a second, so that a fast job does not flood the window."""
    last = [-_PROGRESS_SECONDS]

    def tell(progress: Progress) -> None:
        now = clock()
        if now - last[0] >= _PROGRESS_SECONDS:
            last[0] = now
            show(progress)

    return tell


def _view(text: str, progress: Progress) -> RunView:
    count = (
        tr("{done} of {total}").format(done=progress.done, total=progress.total)
        if progress.total
        else f"{progress.done}"
    )
    detail, left = f"{count} {tr(progress.unit)}", ""
    if progress.eta_seconds is not None and progress.elapsed_seconds > 1.0:
        left = brief_duration_text(progress.eta_seconds)
        detail += tr(" · {duration_text} left").format(
            duration_text=duration_text(progress.eta_seconds)
        )
    return RunView(True, text, detail, progress.fraction, left=left)
