"""What a closed studio leaves: nothing in memory, and nothing that can still happen."""

from __future__ import annotations

import gc
import threading
import weakref

import napari
import numpy as np
import pytest
from desk import Desk
from fake_engine import NUM_FRAMES, SIZE, FakeEngine
from qtpy.QtCore import QCoreApplication, QEvent, QObject
from qtpy.QtWidgets import QApplication, QPushButton

import napari_ifc.engine_link
import napari_ifc.window
from napari_ifc.contributions import studio_for
from napari_ifc.dock_widget import StudioDock
from napari_ifc.features.correction import Correction

pytestmark = pytest.mark.window


def settle():
    """Let happen what waits, what Qt is to delete included, and collect garbage."""
    for _ in range(3):
        QApplication.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        gc.collect()


@pytest.fixture
def engines(monkeypatch):
    """Studios of the plugin get an engine that answers at once."""
    monkeypatch.setattr(
        napari_ifc.engine_link, "usual_engine", lambda name="engine": FakeEngine(SIZE, NUM_FRAMES)
    )


def used(viewer, folder, clip):
    """A studio in which something was done, closed; the viewer stays."""
    desk = Desk(viewer, folder, clip)
    desk.editor.select((desk.corrected(),))
    desk.studio.run_action("tool.paint")
    desk.drag((5.0, 5.0), (30.0, 40.0))
    settle()
    desk.studio.close()
    desk.engine.close()
    return weakref.ref(desk.studio)


def test_closed_studios_leave_memory(clear_viewer, clip, tmp_path):
    closed = [used(clear_viewer, tmp_path / f"projects {i}", clip) for i in range(3)]
    settle()
    assert [studio() is None for studio in closed] == [True] * 3


def test_a_studio_leaves_memory_with_its_window(qapp, clip, tmp_path):
    viewer = napari.Viewer(show=True)
    desk = Desk(viewer, tmp_path / "projects", clip)
    studio = weakref.ref(desk.studio)
    viewer.close()
    assert studio().is_closed
    desk.engine.close()
    del desk, viewer
    settle()
    assert studio() is None


def closed_by_its_cross(viewer, clip):
    """A studio that a person opened from napari's menu of plugins, and closed there."""
    panel = StudioDock(viewer)
    dock = viewer.window.add_dock_widget(panel, name="IFC Studio", area="right")
    studio = panel.studio
    assert studio_for(viewer) is studio
    assert studio.open_path(clip)
    dock.destroyOnClose()
    assert studio.is_closed
    assert not viewer.layers
    assert not viewer.window.dock_widgets
    return weakref.ref(studio)


def test_the_panel_closed_in_napari_closes_its_studio_and_comes_again(clear_viewer, clip, engines):
    closed = []
    for _ in range(3):
        closed.append(closed_by_its_cross(clear_viewer, clip))
        settle()
    assert [studio() is None for studio in closed] == [True] * 3


def test_the_studio_of_a_command_ends_with_its_panel(clear_viewer, engines):
    studio = studio_for(clear_viewer)
    studio.docks["timeline"].destroyOnClose()
    settle()
    studio.docks["studio"].destroyOnClose()
    assert studio.is_closed
    assert not clear_viewer.window.dock_widgets


@pytest.mark.parametrize("from_menu", [False, True])
def test_the_cross_on_the_panel_asks_before_it_ends_a_run(
    clear_viewer, clip, engines, monkeypatch, from_menu
):
    if from_menu:
        panel = StudioDock(clear_viewer)
        dock = clear_viewer.window.add_dock_widget(panel, name="IFC Studio", area="right")
        studio = panel.studio
    else:
        studio = studio_for(clear_viewer)
        dock = studio.docks["studio"]
    assert studio.open_path(clip)
    asked, answers = [], [False, True]

    def ask(work, parent):
        asked.append(work)
        return answers.pop(0)

    monkeypatch.setattr(napari_ifc.window, "ask_to_close", ask)
    monkeypatch.setattr(studio, "work_going_on", lambda: ["Proposing"])
    dock.setFloating(True)  # napari makes another cross for it
    for closed in (False, True):
        dock.titleBarWidget().findChild(QPushButton, "QTitleBarCloseButton").click()
        assert studio.is_closed == closed
        settle()
    assert asked == [["Proposing"]] * 2
    assert not clear_viewer.window.dock_widgets


def test_what_comes_after_the_end_finds_nobody(clear_viewer, clip, tmp_path, qtbot):
    desk = Desk(clear_viewer, tmp_path / "projects", clip)
    studio, correction = desk.studio, desk.studio.feature(Correction)
    heard = []
    tell = studio.deliver(heard.append)
    before = threading.Thread(target=tell, args=("on its way",))
    before.start()
    before.join()
    studio.panel.propose.changed.emit()  # an estimate is asked for in a moment
    correction.actions_changed()
    studio.close()
    studio.presenter.lists_soon()
    settle()
    with qtbot.captureExceptions() as errors:
        after = threading.Thread(target=tell, args=("too late",))
        after.start()
        after.join()
        correction.actions_changed()
        clear_viewer.add_image(np.zeros((3, 8, 8)))
        clear_viewer.dims.set_point(0, 2)
        clear_viewer.theme = "light"
        clear_viewer.theme = "dark"
        qtbot.wait(1)
        settle()
    studio.close()
    assert (heard, errors) == ([], [])
    desk.engine.close()


class Styled(QObject):
    """Counts how often widgets are styled anew."""

    times = 0

    def eventFilter(self, watched, event):  # noqa: N802
        self.times += event.type() == QEvent.Type.StyleChange
        return False


def test_what_goes_with_a_closed_studio_is_not_styled_anew(desk):
    styled = Styled()
    for widget in (desk.studio.panel.status, desk.studio.timeline):
        widget.installEventFilter(styled)
    desk.studio.panel.setStyleSheet("")
    assert styled.times
    styled.times = 0
    desk.studio.close()
    assert styled.times == 0
    assert not desk.studio.viewer.window.dock_widgets
