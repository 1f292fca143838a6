"""The classes as a line of buttons: those without room are counted, listed and found."""

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_ifc.rows import ClassRow
from napari_ifc.views.class_bar import ClassBar
from napari_ifc.views.class_dialog import ClassesDialog

pytestmark = pytest.mark.window

NAMES = (
    *("mouse", "mouse with an implant behind the ear", "car", "truck", "bus", "bicycle"),
    *("pedestrian", "motorbike", "tram", "dog", "cat", "something & else"),
)
ROWS = tuple(
    ClassRow(number, name, (200, 90, 20 * number), hotkey=str(number) if number < 10 else "")
    for number, name in enumerate(NAMES, start=1)
)


@pytest.fixture
def bar(qtbot):
    made = ClassBar()
    qtbot.addWidget(made)
    made.resize(360, 34)
    made.show_classes(ROWS, 1)
    QApplication.processEvents()
    return made


def shown(bar):
    return [row.class_id for row, b in zip(ROWS, bar._buttons, strict=True) if b.isVisible()]


def test_the_line_keeps_its_place_in_a_project_without_classes(bar):
    height = bar.sizeHint().height()
    bar.show_classes((), None)
    QApplication.processEvents()
    assert bar.isVisible()
    assert bar._none.isVisible()
    assert bar.sizeHint().height() == height
    bar.show_classes(ROWS, 1)
    assert not bar._none.isVisible()
    bar.show_classes((), None, is_open=False)
    assert not bar.isVisible()


def test_classes_without_room_are_counted(bar):
    here = shown(bar)
    assert 1 < len(here) < len(ROWS)
    assert bar.more.text() == f"+{len(ROWS) - len(here)} ▾"
    last = max(b.geometry().right() for b in (*bar._buttons, bar.more, bar._edit) if b.isVisible())
    assert last < bar.width()
    bar.resize(2000, 34)
    assert shown(bar) == [row.class_id for row in ROWS]
    assert not bar.more.isVisible()


def test_the_current_class_is_in_sight(bar):
    assert 11 not in shown(bar)
    bar.show_classes(ROWS, 11)
    here = shown(bar)
    assert here[0] == 1
    assert here[-1] == 11
    QApplication.processEvents()
    marked = bar._buttons[10]
    assert marked.isChecked()
    assert marked.geometry().right() < bar.more.geometry().left()
    bar.resize(90, 34)  # alone rather than not at all
    assert shown(bar) == [11]


def test_a_class_is_found_by_typing(bar, qtbot):
    bar.show_classes(ROWS, 3)
    bar.menu.popup(bar.mapToGlobal(bar.rect().bottomLeft()))
    qtbot.waitUntil(bar.menu.isVisible)
    assert [entry.text() for entry in bar.menu.listed()][-1] == "something && else"
    assert [entry.isChecked() for entry in bar.menu.listed()].index(True) == 2
    qtbot.keyClicks(bar.menu.field, "MO")
    assert [entry.text().split("\t")[0] for entry in bar.menu.listed()] == [
        *("mouse", "mouse with an implant behind the ear", "motorbike")
    ]
    qtbot.keyClicks(bar.menu.field, "t")
    with qtbot.waitSignal(bar.class_requested) as asked:
        qtbot.keyClick(bar.menu.field, Qt.Key.Key_Return)
    assert asked.args == [8]
    assert not bar.menu.isVisible()
    bar.menu.popup(bar.mapToGlobal(bar.rect().bottomLeft()))
    assert len(bar.menu.listed()) == len(ROWS)  # from the beginning again
    qtbot.keyClick(bar.menu.field, Qt.Key.Key_Down)
    assert bar.menu.activeAction() is bar.menu.listed()[0]
    bar.menu.close()


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter])
def test_a_menu_without_a_match_says_so_and_stays(bar, qtbot, key):
    bar.show_classes(ROWS, 3)
    bar.menu.popup(bar.mapToGlobal(bar.rect().bottomLeft()))
    qtbot.waitUntil(bar.menu.isVisible)
    assert not bar.menu.none.isVisible()
    qtbot.keyClicks(bar.menu.field, "zebra")
    assert bar.menu.listed() == []
    assert bar.menu.none.isVisible()
    assert bar.menu.none.text() == "No class matches; “Edit classes…” adds one"
    qtbot.keyClick(bar.menu.field, key)
    assert bar.menu.isVisible()
    bar.menu.field.clear()
    assert not bar.menu.none.isVisible()
    assert len(bar.menu.listed()) == len(ROWS)
    bar.menu.close()


def test_a_chosen_class_is_marked_over_the_whole_line(qtbot):
    dialog = ClassesDialog([ClassRow(1, "cat", (9, 9, 9), "", "1", 3)])
    qtbot.addWidget(dialog)
    dialog.table.selectRow(0)
    chosen = {index.column() for index in dialog.table.selectedIndexes()}
    assert dialog.table.columnCount() - 1 in chosen
    assert not dialog.table.item(0, 4).flags() & Qt.ItemFlag.ItemIsEditable
