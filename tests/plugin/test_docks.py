"""The docks beside the panel in an ordinary napari: napari's cross hides them, no more."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QCoreApplication, QEvent, Qt
from qtpy.QtWidgets import QApplication, QPushButton, QWidget

pytestmark = pytest.mark.window

SHOWN_BY = {"timeline": "view.timeline", "videos": "videos.list"}


def settle():
    """Let happen what waits, what Qt is to delete included."""
    QApplication.processEvents()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def press_cross(dock):
    """What a person does who wants a dock gone."""
    dock.titleBarWidget().findChild(QPushButton, "QTitleBarCloseButton").click()
    settle()


@pytest.mark.parametrize("floating", [False, True])
@pytest.mark.parametrize("name", SHOWN_BY)
def test_the_cross_hides_a_dock_that_can_be_shown_again(desk, second, qtbot, name, floating):
    studio, dock = desk.studio, desk.studio.docks[name]
    docks = dict(studio.docks)
    assert studio.window.is_shown(name)
    dock.setFloating(floating)  # napari makes another cross for it
    with qtbot.captureExceptions() as errors:
        for step in range(2):
            press_cross(dock)
            assert not studio.window.is_shown(name)
            assert studio.run_action("frame.next")
            assert studio.run_action(SHOWN_BY[name])
            assert studio.window.is_shown(name)
            assert studio.run_action("frame.next")
            assert studio.layers.frame_index == 2 * step + 2
            assert studio.run_action(SHOWN_BY[name])
            assert not studio.window.is_shown(name)
            assert studio.run_action(SHOWN_BY[name])
    assert (errors, studio.docks) == ([], docks)


@pytest.fixture
def main(desk, second):
    """The window, seen: only there do keys go anywhere."""
    made = desk.studio.panel.window()
    made.show()
    settle()
    yield made
    made.hide()


def by_its_key(studio, name):
    assert studio.run_action(SHOWN_BY[name])


def by_a_button_of_napari(button):
    def hide(studio, name):
        made = studio.docks[name].titleBarWidget().findChild(QPushButton, button)
        made.setFocus(Qt.FocusReason.MouseFocusReason)
        made.click()

    return hide


HIDDEN = {
    "key": by_its_key,
    "cross": by_a_button_of_napari("QTitleBarCloseButton"),
    "eye": by_a_button_of_napari("QTitleBarHideButton"),
}


@pytest.mark.parametrize("way", HIDDEN)
@pytest.mark.parametrize("name", SHOWN_BY)
def test_a_hidden_dock_gives_its_keys_to_the_canvas(desk, main, name, way):
    studio, dock = desk.studio, desk.studio.docks[name]
    fields = dock.widget().findChildren(QWidget)
    next(
        f for f in fields if f.focusPolicy() & Qt.FocusPolicy.TabFocus and f.isEnabled()
    ).setFocus()
    assert dock.isAncestorOf(main.focusWidget())
    HIDDEN[way](studio, name)
    settle()
    assert not studio.window.is_shown(name)
    assert main.focusWidget() is main.centralWidget()


def test_keys_stay_where_they_are_while_the_window_is_away(desk, main):
    view = desk.studio.docks["videos"].widget().view
    view.setFocus()
    main.hide()
    settle()
    assert main.focusWidget() is view


def test_a_closed_list_stays_away_until_another_project_is_opened(desk, second, qtbot):
    studio, first = desk.studio, desk.project.videos()[0].id
    folder = desk.project.folder
    press_cross(studio.docks["videos"])
    for video_id in (second, first):
        assert studio.show_video(video_id)
        assert not studio.window.is_shown("videos")
    studio.close_project()
    assert studio.open_path(folder)
    assert studio.window.is_shown("videos")


def test_a_second_video_shows_the_list_that_was_closed(desk, request):
    dock = desk.studio.docks["videos"]
    dock.show()
    press_cross(dock)
    request.getfixturevalue("second")
    assert desk.studio.window.is_shown("videos")
    press_cross(dock)
    desk.studio.close()
    assert not desk.studio.viewer.window.dock_widgets
