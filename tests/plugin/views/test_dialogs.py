"""Palette, class and export dialogs."""

import pytest
from qtpy.QtCore import Qt

from ifc_core.config import Settings
from napari_ifc.actions import Action, ActionTable
from napari_ifc.views.class_dialog import ClassDialog
from napari_ifc.views.command_palette import CommandPalette
from napari_ifc.views.dialogs import ExportDialog
from napari_ifc.views.quality_dialog import QualityDialog
from napari_ifc.views.settings_dialog import SettingsDialog
from napari_ifc.views.system_dialog import SystemDialog

ORANGE = (230, 159, 0)


def settings_dialog():
    return SettingsDialog(Settings(), ActionTable())


def test_palette_finds_and_runs_only_what_is_possible(qtbot):
    actions = ActionTable()
    actions.add(Action("a.one", "Delete tracks", lambda: None, group="Track"))
    actions.add(
        Action("a.two", "Delete project", lambda: None, group="File", why_not=lambda: "Not now.")
    )
    palette = CommandPalette(actions)
    qtbot.addWidget(palette)
    palette.field.setText("delete")
    assert palette.list.count() == 2
    assert "Not now." in palette.list.item(1).text()
    palette.list.setCurrentRow(1)
    with qtbot.assertNotEmitted(palette.action_requested):
        qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    qtbot.keyClick(palette.field, Qt.Key.Key_Up)
    with qtbot.waitSignal(palette.action_requested) as asked:
        qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert asked.args == ["a.one"]


def test_class_dialog_takes_a_new_name(qtbot):
    dialog = ClassDialog(["fish", "cat"], "cat")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    assert dialog.box.currentText() == "cat"
    dialog.box.setCurrentText("  seahorse ")
    with qtbot.waitSignal(dialog.chosen) as asked:
        dialog.button.click()
    assert asked.args == ["seahorse", "track"]


def test_return_in_a_field_exports(qtbot, tmp_path):
    dialog = ExportDialog(tmp_path / "out.json")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitExposed(dialog)
    with qtbot.waitSignal(dialog.export_requested):
        qtbot.keyClick(dialog.path, Qt.Key.Key_Return)


@pytest.mark.parametrize("kind", [SystemDialog, QualityDialog, settings_dialog])
def test_return_in_a_field_closes_what_only_shows(qtbot, kind):
    dialog = kind()
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitExposed(dialog)
    with qtbot.waitSignal(dialog.accepted):
        qtbot.keyClick(dialog, Qt.Key.Key_Return)


def test_export_never_replaces_unasked(qtbot, tmp_path):
    target = tmp_path / "out.json"
    target.write_text("mine")
    dialog = ExportDialog(target)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    with qtbot.assertNotEmitted(dialog.export_requested):
        dialog.button.click()
    assert "exists already" in dialog.report.text()
    dialog.replace.setChecked(True)
    with qtbot.waitSignal(dialog.export_requested) as asked:
        dialog.button.click()
    assert asked.args == [str(target), "reviewed", 1, "ytvis"]
