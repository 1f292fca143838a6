"""The whole job without a screen: propose, export, and a picture of the real window."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

import ifc_resources
from ifc_app.display import virtual_display
from ifc_core.annotation.exporting import ExportFormat, ExportOptions, ExportScope, export_project
from ifc_core.errors import IFCError, OutputError
from ifc_core.io.atomic import atomic_output
from ifc_core.jobs import JobCancelled, JobContext
from ifc_core.stop_signals import stop_on_signals
from napari_ifc.controllers.sample import SAMPLE_VIDEO

if TYPE_CHECKING:
    from types import TracebackType

    from qtpy.QtCore import QEventLoop, SignalInstance

    from ifc_app.window import DesktopWindow

_WINDOW_PX = (1440, 900)
_LOOK_MS = 100
_CANCEL_SECONDS = 3.0


def run_headless(path: str | None, out_folder: Path) -> int:
    """Propose on a clip in the real window on a virtual display and write what comes out.

    Args:
        path: The clip; the bundled sample if ``None``.
        out_folder: Gets ``STEM.json`` (YTVIS), ``STEM-overlay.mp4`` and ``STEM-window.png``.

    Returns:
        The exit code; 130 after Ctrl-C or a request to end. These leave no process and no file
        half written, and nothing of a run that goes on; what a run that had ended proposed stays
        in the project of the clip, and files that were written by then stay too.

    Raises:
        IFCError: The clip cannot be opened, the run failed or a file cannot be written.
    """
    console = Console(stderr=True, highlight=False)
    try:
        out_folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{out_folder} cannot be made: {error.strerror}.", path=out_folder
        ) from error
    console.print("No display: working on a virtual one.")
    try:
        with stop_on_signals() as context:
            written = _work(path, out_folder, console, context)
    except (JobCancelled, KeyboardInterrupt):
        console.print("Stopped.")
        return JobCancelled.exit_code
    for what, file in written.items():
        print(f"{what}: {file.resolve()}")  # noqa: T201 - the command's own output
    return 0


def _work(
    path: str | None, out_folder: Path, console: Console, context: JobContext
) -> dict[str, Path]:
    """The job, in a window of its own on a display of its own."""
    with virtual_display(*_WINDOW_PX), tempfile.TemporaryDirectory(prefix="ifc-") as scratch:
        from ifc_app.window import DesktopWindow

        window = DesktopWindow()
        try:
            return propose_and_write(window, path, out_folder, Path(scratch), console, context)
        finally:
            _close(window)


def propose_and_write(
    window: DesktopWindow,
    path: str | None,
    out_folder: Path,
    scratch: Path,
    console: Console,
    context: JobContext | None = None,
) -> dict[str, Path]:
    """Propose in a window and write what comes out.

    Args:
        window: The desktop window, in which nothing is open.
        path: The clip, whose project lies where the window would make it; the sample if
            ``None``, in a new project, so that neither earlier nor later work on it matters.
        out_folder: Gets the files.
        scratch: Where the sample's project is made.
        console: Told what goes on.
        context: Asked whether to stop.

    Returns:
        The files by what they are.

    Raises:
        IFCError: The clip cannot be opened, the run failed or a file cannot be written.
        JobCancelled: It was stopped; a run that had not ended by then is not kept.
        KeyboardInterrupt: A second signal came; as above.
    """
    from napari_ifc.controllers.session import open_session

    studio, context = window.studio, context or JobContext()
    context.raise_if_cancelled()
    window.show()
    window.main.resize(*_WINDOW_PX)
    if path is None:
        studio.settings = replace(studio.settings, projects_folder=scratch)
    clip = ifc_resources.path(SAMPLE_VIDEO) if path is None else Path(path)
    studio.take_up(open_session(clip, studio.settings.projects_folder, context))
    context.raise_if_cancelled()
    if in_vain := studio.proposing.why_in_vain():
        console.print(in_vain)
    else:
        console.print("Proposing tracks ...")
        _propose(window, context)
    try:
        return _write(window, out_folder, Path(path).stem if path else "sample", context)
    except (JobCancelled, KeyboardInterrupt):
        if path is not None:
            kept = studio.open_workspace().session.project.folder
            console.print(f"The proposed tracks are kept in {kept}.", markup=False)
        raise


def _propose(window: DesktopWindow, context: JobContext) -> None:
    """Run, and wait for its end; one that is cancelled before leaves nothing."""
    studio = window.studio
    sentences: list[str] = []
    ends: list[str] = []
    studio.failed.connect(sentences.append)
    studio.run_finished.connect(ends.append)
    if not studio.propose():
        raise IFCError(sentences[-1] if sentences else "The run could not be started.")
    try:
        _wait_for(studio.run_finished, lambda: bool(ends) or context.is_cancelled)
    finally:
        if not ends:
            studio.open_workspace().proposer.cancel()  # a run that is closed else pauses
    if not ends:
        began = time.monotonic()
        _wait_for(
            studio.run_finished,
            lambda: bool(ends) or time.monotonic() - began > _CANCEL_SECONDS,
        )
    if ends[-1:] == ["succeeded"]:
        return
    context.raise_if_cancelled()
    raise IFCError(sentences[-1] if sentences else f"Proposing {ends[-1]}.")


def _write(
    window: DesktopWindow, out_folder: Path, stem: str, context: JobContext
) -> dict[str, Path]:
    """Annotations, film and a picture of the window."""
    files = {
        "annotations": out_folder / f"{stem}.json",
        "overlay": out_folder / f"{stem}-overlay.mp4",
        "window": out_folder / f"{stem}-window.png",
    }
    context.raise_if_cancelled()
    project = window.studio.open_workspace().session.project
    everything = ExportOptions(scope=ExportScope.EVERYTHING)
    export_project(project, files["annotations"], ExportFormat.YTVIS, everything, context)
    window.studio.export_overlay(files["overlay"], context)
    context.raise_if_cancelled()
    window.studio.show_busiest_frame()
    _settle()
    with atomic_output(files["window"]) as temporary:
        if not window.main.grab().save(str(temporary)):
            raise OutputError(f"{files['window']} cannot be written.", path=files["window"])
    return files


def _wait_for(came: SignalInstance, done: Callable[[], bool]) -> None:
    """Run the event loop until ``done()`` holds, looked at whenever the signal comes and often.

    Raises:
        KeyboardInterrupt: A second signal came.
    """
    from qtpy.QtCore import QEventLoop, QTimer

    loop, timer = QEventLoop(), QTimer()

    def look(*_: object) -> None:
        if done():
            loop.quit()

    came.connect(look)
    timer.timeout.connect(look)  # also lets the handlers of signals run
    timer.start(_LOOK_MS)
    try:
        if not done():
            _run_loop(loop)
    finally:
        timer.stop()
        came.disconnect(look)


def _run_loop(loop: QEventLoop) -> None:
    """Run an event loop that a second signal ends; Qt gives errors of slots to the hook alone."""
    interrupts: list[BaseException] = []
    hook = sys.excepthook

    def take(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            hook(kind, error, trace)
            return
        interrupts.append(error)
        loop.quit()

    sys.excepthook = take
    try:
        loop.exec()
    finally:
        sys.excepthook = hook
    if interrupts:
        raise KeyboardInterrupt from interrupts[0]


def _close(window: DesktopWindow) -> None:
    """End the window and Qt itself, before its display goes away."""
    from qtpy.QtWidgets import QApplication

    window.studio.close()
    window.viewer.close()
    application = QApplication.instance()
    if application is not None:
        application.processEvents()
        application.shutdown()


def _settle() -> None:
    """Let the canvas draw what was asked of it."""
    from qtpy.QtWidgets import QApplication

    for _ in range(20):
        QApplication.processEvents()
