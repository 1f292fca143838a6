"""The whole job without a screen: propose, export, and a picture of the real window."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

import ifc_resources
from ifc_app.display import virtual_display
from ifc_core.errors import IFCError, OutputError
from ifc_core.io.atomic import atomic_output
from napari_ifc.controllers.sample import SAMPLE_VIDEO

if TYPE_CHECKING:
    from qtpy.QtCore import SignalInstance

    from ifc_app.window import DesktopWindow

_WINDOW_PX = (1440, 900)


def run_headless(path: str | None, out_folder: Path) -> int:
    """Propose on a clip in the real window on a virtual display and write what comes out.

    Args:
        path: The clip; the bundled sample if ``None``.
        out_folder: Gets ``STEM.json`` (YTVIS), ``STEM-overlay.mp4`` and ``STEM-window.png``.

    Returns:
        The exit code.

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
    with virtual_display(*_WINDOW_PX), tempfile.TemporaryDirectory(prefix="ifc-") as scratch:
        from ifc_app.window import DesktopWindow

        window = DesktopWindow()
        try:
            written = propose_and_write(window, path, out_folder, Path(scratch), console)
        finally:
            _close(window)
    for what, file in written.items():
        print(f"{what}: {file.resolve()}")  # noqa: T201 - the command's own output
    return 0


def propose_and_write(
    window: DesktopWindow, path: str | None, out_folder: Path, scratch: Path, console: Console
) -> dict[str, Path]:
    """Propose in a window and write what comes out.

    Args:
        window: The desktop window.
        path: The clip, whose project lies where the window would make it; the sample if
            ``None``, in a new project, so that neither earlier nor later work on it matters.
        out_folder: Gets the files.
        scratch: Where the sample's project is made.
        console: Told what goes on.

    Returns:
        The files by what they are.

    Raises:
        IFCError: The clip cannot be opened, the run failed or a file cannot be written.
    """
    sentences: list[str] = []
    window.studio.failed.connect(sentences.append)
    window.show()
    window.main.resize(*_WINDOW_PX)
    if path is None:
        studio = window.studio
        studio.settings = replace(studio.settings, projects_folder=scratch)
    clip = ifc_resources.path(SAMPLE_VIDEO) if path is None else Path(path)
    if not window.open_path(clip):
        raise IFCError(sentences[-1] if sentences else f"{clip} could not be opened.")
    console.print("Proposing tracks ...")
    ends: list[str] = []
    window.studio.run_finished.connect(ends.append)
    if not window.studio.propose():
        raise IFCError(sentences[-1] if sentences else "The run could not be started.")
    _wait_for(window.studio.run_finished, lambda: bool(ends))
    if ends[-1] != "succeeded":
        raise IFCError(sentences[-1] if sentences else f"Proposing {ends[-1]}.")
    stem = Path(path).stem if path else "sample"
    files = {
        "annotations": out_folder / f"{stem}.json",
        "overlay": out_folder / f"{stem}-overlay.mp4",
        "window": out_folder / f"{stem}-window.png",
    }
    window.studio.export_ytvis(files["annotations"], everything=True)
    window.studio.export_overlay(files["overlay"])
    window.studio.show_busiest_frame()
    _settle()
    with atomic_output(files["window"]) as temporary:
        if not window.main.grab().save(str(temporary)):
            raise OutputError(f"{files['window']} cannot be written.", path=files["window"])
    return files


def _wait_for(signal: SignalInstance, done: Callable[[], bool]) -> None:
    """Run the event loop until ``done()`` holds, looked at whenever ``signal`` comes."""
    from qtpy.QtCore import QEventLoop

    loop = QEventLoop()
    signal.connect(lambda *_: loop.quit() if done() else None)
    if not done():
        loop.exec()


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
