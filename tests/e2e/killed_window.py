"""A window in a process of its own, in which somebody paints until it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import sys
sys.path.insert(0, {folder!r})
from ifc_app.launcher import prepare_environment
prepare_environment()
from ifc_app.window import DesktopWindow
from killed_window import go_to, paint
window = DesktopWindow()
window.show()
assert window.open_path({clip!r})
for frame, row, column in {strokes!r}:
    go_to(window, frame)
    paint(window, row, column)
print("painted", flush=True)
sys.stdin.read()
"""


def go_to(window, frame: int) -> None:
    """Show a frame, and wait until it is seen: nothing is drawn on it before."""
    from qtpy.QtCore import QEventLoop
    from qtpy.QtWidgets import QApplication

    layers = window.studio.layers
    layers.go_to(frame)
    while layers.is_waiting and not layers.has_failed:
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)


def paint(window, row: int, column: int) -> None:
    """One stroke of the brush, and what follows its release."""
    layer = next(x for x in window.viewer.layers if x.metadata.get("ifc") == "Edit")
    layer.brush_size = 9
    with layer.block_history():
        layer.paint((row, column), 1)
    window.studio.layers.flush()


def paint_and_kill(clip: Path, home: Path, strokes: list[tuple[int, int, int]]) -> None:
    """Open a clip in another process, paint, and kill the process at once.

    Args:
        clip: The video.
        home: Settings and data of that process.
        strokes: (frame, row, column) of each.
    """
    program = _PROGRAM.format(folder=str(Path(__file__).parent), clip=str(clip), strokes=strokes)
    child = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
        env={**os.environ, "IFC_STUDIO_HOME": str(home)},
    )
    assert child.stdout.readline() == "painted\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdin.close()
    child.stdout.close()
