"""Starting the program with something to open."""

import cv2
import napari
import numpy as np
import pytest

import ifc_app.window
from ifc_app.launcher import _run_window

pytestmark = pytest.mark.window


def test_what_is_named_on_the_command_line_opens_beside_the_window(
    qapp, qtbot, tmp_path, monkeypatch
):
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(3):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((40, 60, 3), 50 * number, np.uint8))
    made = []

    class Window(ifc_app.window.DesktopWindow):
        def __init__(self):
            super().__init__()
            made.append(self)

    def run():
        """The event loop: by then it goes on, can be cancelled, and nothing waited for it."""
        (window,) = made
        assert window.studio.tasks.texts == ("Opening frames",)
        assert window.studio.workspace is None
        assert window.start_page._task.isVisible()
        with qtbot.waitSignal(window.studio.opened):
            pass
        assert window.viewer.title == "frames - IFC Studio"

    names = qapp.applicationName(), qapp.applicationDisplayName(), qapp.desktopFileName()
    monkeypatch.setattr(ifc_app.window, "DesktopWindow", Window)
    monkeypatch.setattr(napari, "run", run)
    try:
        assert _run_window(str(folder), sample=True) == 0
    finally:
        for window in made:
            window.studio.close()
            window.viewer.close()
        qapp.setApplicationName(names[0])
        qapp.setApplicationDisplayName(names[1])
        qapp.setDesktopFileName(names[2])
