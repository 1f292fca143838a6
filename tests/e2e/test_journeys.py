"""First start to export, and crash to recovery, by buttons and keys of the real window."""

from __future__ import annotations

import json

import pytest
from killed_window import paint_and_kill
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QPushButton, QWidget

from ifc_core.io.ytvis import validate_ytvis
from ifc_core.structures import MaskSource
from napari_ifc.views.dialogs import ExportDialog

pytestmark = [pytest.mark.window, pytest.mark.timeout(600)]

LONG_MS = 120_000


def canvas_of(window) -> QWidget:
    """The widget that takes the mouse over the picture."""
    found = [w for w in window.main.findChildren(QWidget) if "Canvas" in type(w).__name__]
    return max((w for w in found if w.isVisible()), key=lambda w: w.width() * w.height())


def button(parent: QWidget, text: str) -> QPushButton:
    """The button that begins with a text."""
    return next(b for b in parent.findChildren(QPushButton) if b.text().startswith(text))


def stroke(window, places) -> None:
    """Drag the left button over places of the canvas, given as shares of its size."""
    canvas = canvas_of(window)
    points = [QPoint(round(x * canvas.width()), round(y * canvas.height())) for x, y in places]
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QTest.mousePress(canvas, left, none, points[0])
    for point in points[1:]:
        QTest.mouseMove(canvas, point)
    QTest.mouseRelease(canvas, left, none, points[-1])
    window.studio.layers.flush()


def test_first_start_to_export(window, qtbot, tmp_path, monkeypatch):
    monkeypatch.setenv("IFC_STUDIO_HOME", str(tmp_path / "home"))
    studio = window.studio
    window.main.resize(1280, 800)
    qtbot.waitExposed(window.main)
    window.main.activateWindow()

    # The sample is one click away, and its proposals are there.
    with qtbot.waitSignal(studio.opened, timeout=LONG_MS):
        qtbot.mouseClick(button(window.start_page, "Try the sample"), Qt.MouseButton.LeftButton)
    assert not window.start_page.isVisible()
    project, video_id = studio.project, studio.workspace.session.entry.id
    tracks = project.tracks(video_id)
    assert tracks
    assert studio.workspace.summary().steps == (True, False, False, False)

    # A track is chosen in the table, a stroke is drawn with the mouse, the frame is approved.
    table = studio.panel.tracks.view
    place = table.visualRect(table.model().index(0, 0)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    current = studio.workspace.editor.current
    assert current is not None
    frame = studio.layers.frame_index
    before = project.mask(current, frame)
    qtbot.waitUntil(lambda: not studio.layers.is_waiting)  # nothing is drawn on an unseen frame
    table.setFocus()
    qtbot.waitUntil(table.hasFocus)
    qtbot.keyClick(table, Qt.Key.Key_B)
    assert studio.layers.mode == "paint"
    qtbot.wait(50)
    stroke(window, [(0.30, 0.30), (0.34, 0.34), (0.38, 0.34)])
    after = project.mask(current, frame)
    assert after.source is MaskSource.HUMAN
    assert before is None or after.rle != before.rle
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_A)
    assert project.exhaustive_frames(video_id) == [frame]
    assert studio.workspace.summary().steps == (True, True, True, False)

    # What was approved is exported by the dialog; other programs read the file.
    assert studio.run_action("file.export")
    dialog = studio.panel.findChild(ExportDialog)
    target = tmp_path / "sample.json"
    dialog.path.setText(str(target))
    qtbot.mouseClick(dialog.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(target.exists, timeout=LONG_MS)
    assert validate_ytvis(target) == []
    data = json.loads(target.read_text())
    told = {track.id for track in tracks if project.mask(track.id, frame) is not None}
    assert current in told
    assert {a["id"] for a in data["annotations"]} == told
    assert data["videos"][0]["length"] == 1  # the one approved frame
    assert all(a["segmentations"][0] is not None for a in data["annotations"])


@pytest.mark.slow
def test_crash_and_recover(window, qtbot, clip, tmp_path):
    paint_and_kill(clip, tmp_path / "other", [(0, 30, 50), (3, 20, 40)])

    # The window that opens it next says what is there, and goes on where the other stopped.
    assert window.open_path(clip)
    studio = window.studio
    assert "edits" in studio.panel.banner.text
    (track,) = studio.project.tracks(studio.workspace.session.entry.id)
    assert studio.project.mask(track.id, 0).rle.to_array()[30, 50]
    assert studio.project.mask(track.id, 3).rle.to_array()[20, 40]
    assert not studio.project.read_only
    assert studio.run_action("edit.undo")
    assert studio.project.mask(track.id, 3) is None
    assert studio.run_action("edit.redo")
    assert studio.project.mask(track.id, 3).rle.to_array()[20, 40]
