"""Tab leads through every dialog; a table holds nobody."""

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from ifc_core.config import Settings
from napari_ifc.actions import Action, ActionTable
from napari_ifc.rows import ClassRow
from napari_ifc.views.class_dialog import ClassesDialog
from napari_ifc.views.settings_dialog import SettingsDialog

pytestmark = pytest.mark.window


def shortcuts_page():
    actions = ActionTable()
    for number in range(40):
        actions.add(Action(f"do.{number}", f"Do {number}", lambda: None, group="Edit"))
    dialog = SettingsDialog(Settings(), actions)
    dialog.show_keys()
    return dialog, dialog.keys


def classes():
    rows = [ClassRow(n, f"class {n}", (200, 30, 30)) for n in range(1, 6)]
    dialog = ClassesDialog(rows)
    return dialog, dialog.table


@pytest.mark.parametrize("make", [shortcuts_page, classes])
@pytest.mark.parametrize("key", [Qt.Key.Key_Tab, Qt.Key.Key_Backtab])
def test_tab_leads_out_of_a_table(qtbot, make, key):
    dialog, table = make()
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isVisible)
    table.setFocus()
    table.setCurrentCell(2, 1)
    QTest.keyClick(table, key)
    assert dialog.focusWidget() is not table
