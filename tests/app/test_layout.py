"""The window comes back as it was left."""

import pytest
from qtpy.QtCore import QRect, QSize, Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow

from ifc_app.layout import bound_minimum, keep_layout, place_first, restore_layout


def make(qtbot):
    window = QMainWindow()
    qtbot.addWidget(window)
    for name in ("one", "two"):
        dock = QDockWidget(name, window)
        dock.setObjectName(name)
        window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
    return window


def test_panels_come_back_where_they_were(qtbot, tmp_path):
    file = tmp_path / "new" / "window.json"
    first = make(qtbot)
    first.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, first.findChild(QDockWidget, "two"))
    first.findChild(QDockWidget, "one").hide()
    keep_layout(first, file)
    second = make(qtbot)
    assert restore_layout(second, file)
    assert second.findChild(QDockWidget, "one").isHidden()
    two = second.findChild(QDockWidget, "two")
    assert second.dockWidgetArea(two) == Qt.DockWidgetArea.LeftDockWidgetArea


def test_nothing_and_nonsense_change_nothing(qtbot, tmp_path):
    window = make(qtbot)
    assert not restore_layout(window, tmp_path / "missing.json")
    for text in ("{", "[]", '{"version": 99}', '{"version": 1, "geometry": 3, "state": ""}'):
        (tmp_path / "bad.json").write_text(text)
        assert not restore_layout(window, tmp_path / "bad.json")


class Screen:
    """A screen of which some is taken by a bar."""

    def __init__(self, room):
        self.availableGeometry = lambda: room


@pytest.mark.parametrize(
    ("room", "size"),
    [
        (QRect(0, 0, 1280, 680), QSize(1280, 644)),
        (QRect(60, 30, 1366, 738), QSize(1366, 702)),
        (QRect(0, 25, 911, 480), QSize(911, 444)),
        (QRect(1920, 0, 2560, 1400), QSize(1440, 900)),
    ],
)
def test_a_window_that_was_never_left_fits_on_its_screen(qtbot, room, size):
    window = QMainWindow()
    qtbot.addWidget(window)
    window.setMinimumSize(960, 600)
    window.screen = lambda: Screen(room)
    bound_minimum(window)
    place_first(window)
    assert window.geometry().size() == size
    assert room.contains(window.geometry())
    assert window.geometry().top() > room.top()  # its title is seen


@pytest.mark.window
def test_a_wide_window_has_a_wide_panel_until_a_person_drags_its_edge(window, qtbot):
    main, dock = window.main, window.studio.docks["studio"]
    for width, panel in ((1280, 372), (1440, 420), (1900, 470), (1280, 372)):
        main.resize(width, 800)
        qtbot.waitUntil(lambda panel=panel: dock.width() == panel)
    main.resizeDocks([dock], [500], Qt.Orientation.Horizontal)
    qtbot.waitUntil(lambda: dock.width() == 500)
    main.resize(1440, 800)
    timer = window._panel_width._timer
    qtbot.waitUntil(timer.isActive)
    qtbot.waitUntil(lambda: not timer.isActive())
    qtbot.waitUntil(lambda: main.width() == 1440)
    assert dock.width() == 500
