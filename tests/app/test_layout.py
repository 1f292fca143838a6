"""The window comes back as it was left."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow

from ifc_app.layout import keep_layout, restore_layout


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
