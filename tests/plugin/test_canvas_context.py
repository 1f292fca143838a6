"""Beside layers of a person's own a video is closed and the window goes on being drawn."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

pytestmark = pytest.mark.window

# In a process of its own: where the canvas is drawn with freed memory, the process ends.
_PROGRAM = """
import napari, numpy as np
from qtpy.QtCore import QEventLoop
from qtpy.QtGui import QOpenGLContext
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import QApplication

from napari_ifc.contributions import studio_for

viewer = napari.Viewer()
stack = viewer.add_image(np.zeros((10, 200, 260), np.uint16))
viewer.add_labels(np.zeros((10, 200, 260), int))
viewer.layers.selection.active = stack
studio = studio_for(viewer)
canvas = studio.panel.window().centralWidget().findChild(QOpenGLWidget)
drawn = []
canvas.frameSwapped.connect(lambda: drawn.append(1))


def wait_until(condition):
    while not condition():
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)


def draw():
    before = len(drawn)
    canvas.update()
    wait_until(lambda: len(drawn) > before)


def draw_often():
    for _ in range(3):
        draw()


assert studio.run_action("file.open_layer")
wait_until(lambda: studio.layers.is_shown)
draw_often()
freed_in = []
viewer.layers.events.removed.connect(lambda: freed_in.append(QOpenGLContext.currentContext()))
assert studio.run_action("file.close")
print(len(freed_in), all(context == canvas.context() for context in freed_in))
draw_often()
studio.close()
draw_often()
assert len(viewer.layers) == 2
print("drawn", flush=True)
viewer.close()
"""


def test_the_canvas_is_drawn_once_the_video_beside_own_labels_is_closed():
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", _PROGRAM],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.stdout.split("\n") == ["3 True", "drawn", ""], done.stderr
    assert done.returncode == 0, done.stderr


def test_the_canvas_is_made_current_for_as_long_as_the_studio_is_open(desk, monkeypatch):
    context, made = desk.studio.window._context, []
    monkeypatch.setattr(context.canvas, "makeCurrent", lambda: made.append(1))
    own = desk.studio.viewer.add_image(np.zeros((4, 4)))
    desk.studio.viewer.layers.remove(own)
    assert made == [1]
    desk.studio.close()
    made.clear()
    desk.studio.viewer.layers.remove(desk.studio.viewer.add_image(np.zeros((4, 4))))
    assert made == []
