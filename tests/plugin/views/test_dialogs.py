"""Palette, class and export dialogs."""

from itertools import product
from pathlib import Path

import pytest
from qtpy.QtCore import Qt

from ifc_core.annotation.export_options import (
    FILE_SUFFIXES,
    FOLDER_FORMATS,
    SPLIT_FORMATS,
    UNNAMED_FORMATS,
    ExportFormat,
)
from ifc_core.config import Settings
from napari_ifc.actions import Action, ActionTable
from napari_ifc.rows import FrameRange
from napari_ifc.views.class_dialog import ClassDialog
from napari_ifc.views.command_palette import CommandPalette
from napari_ifc.views.dialogs import ExportDialog
from napari_ifc.views.export_choices import ExportChoice, ExportOffer
from napari_ifc.views.quality_dialog import QualityDialog
from napari_ifc.views.settings_dialog import SettingsDialog
from napari_ifc.views.system_dialog import SystemDialog
from napari_ifc.views.theme import palette_for, style_sheet

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
    palette.field.setText("  frobnicate ")
    assert palette.list.count() == 1
    assert "“frobnicate”" in palette.list.item(0).text()
    with qtbot.assertNotEmitted(palette.action_requested):
        qtbot.keyClick(palette.field, Qt.Key.Key_Return)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_what_is_not_possible_is_muted_in_the_palette(qtbot, theme):
    colors, actions = palette_for(theme), ActionTable()
    actions.add(Action("a.one", "Delete masks", lambda: None, group="Track"))
    actions.add(Action("a.two", "Delete tracks", lambda: None, group="Track"))
    actions.add(Action("a.three", "Delete it", lambda: None, group="File", why_not=lambda: "No."))
    palette = CommandPalette(actions)
    palette.setStyleSheet(style_sheet(colors))
    qtbot.addWidget(palette)
    palette.show()
    qtbot.waitExposed(palette)

    def inks(line):
        place = palette.list.visualItemRect(palette.list.item(line))
        picture = palette.list.viewport().grab(place).toImage()
        points = product(range(picture.width()), range(picture.height()))
        return {picture.pixelColor(x, y).name() for x, y in points}

    assert colors.text in inks(1)
    assert colors.text not in inks(2)
    assert colors.muted in inks(2)


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


def test_a_tilde_before_a_name_that_is_no_users_is_part_of_the_name(qtbot, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    dialog = ExportDialog(tmp_path / "out.json")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    for typed, place in (
        ("~nobody_here.json", tmp_path / "~nobody_here.json"),
        ("~/a.json", tmp_path / "home" / "a.json"),
    ):
        dialog.path.setText(typed)
        assert dialog.report.isHidden()
        with qtbot.waitSignal(dialog.export_requested) as asked:
            dialog.button.click()
        assert asked.args[0] == str(place)


@pytest.mark.parametrize("kind", [SystemDialog, QualityDialog, settings_dialog])
def test_return_in_a_field_closes_what_only_shows(qtbot, kind):
    dialog = kind()
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitExposed(dialog)
    with qtbot.waitSignal(dialog.accepted):
        qtbot.keyClick(dialog, Qt.Key.Key_Return)


@pytest.fixture
def make_export(qtbot):
    """Makes export dialogs that stay after they close."""

    def make(suggested):
        dialog = ExportDialog(suggested)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        qtbot.addWidget(dialog)
        return dialog

    return make


def test_export_never_replaces_unasked(qtbot, tmp_path, make_export):
    target = tmp_path / "out.json"
    target.write_text("mine")
    dialog = make_export(target)
    assert "exists already" in dialog.report.text()  # before anything is pressed
    with qtbot.assertNotEmitted(dialog.export_requested):
        dialog.button.click()
    assert "exists already" in dialog.report.text()
    dialog.replace.setChecked(True)
    with qtbot.waitSignal(dialog.export_requested) as asked:
        dialog.button.click()
    assert asked.args == [str(target), "reviewed", 1, "ytvis"]


def test_what_browse_confirmed_holds_for_that_file_only(qtbot, tmp_path, make_export, monkeypatch):
    confirmed, other = tmp_path / "confirmed.json", tmp_path / "other.json"
    for file in (confirmed, other):
        file.write_text("mine")
    dialog = make_export(tmp_path / "out.json")
    chosen = [str(tmp_path / "new.json")]
    monkeypatch.setattr(
        "napari_ifc.views.dialogs.QFileDialog.getSaveFileName", lambda *_: (chosen[0], "")
    )
    dialog._browse()
    assert not dialog.replace.isChecked()  # nobody was asked about a file that is not there
    chosen[0] = str(confirmed)
    dialog._browse()
    assert dialog.replace.isChecked()
    dialog.path.setText(str(other))
    assert not dialog.replace.isChecked()
    with qtbot.assertNotEmitted(dialog.export_requested):
        dialog.button.click()
    assert "other.json exists already" in dialog.report.text()


def test_another_format_agrees_to_nothing(qtbot, tmp_path, make_export):
    (tmp_path / "mine.json").write_text("mine")
    dialog = make_export(tmp_path / "out.json")
    dialog.path.setText(str(tmp_path / "mine.json"))
    dialog.replace.setChecked(True)
    dialog.format.setCurrentIndex(dialog.format.findData("coco"))
    assert dialog.path.text() == str(tmp_path / "mine.json")  # the person's own name
    assert not dialog.replace.isChecked()


def test_each_format_has_a_name_of_its_own(tmp_path, make_export):
    dialog = make_export(tmp_path / "clip.v2.json")
    names = []
    for index in range(dialog.format.count()):
        dialog.format.setCurrentIndex(index)
        names.append(dialog.path.text().removeprefix(f"{tmp_path}/"))
    assert names == [
        *("clip.v2.json", "clip.v2-results.json", "clip.v2-coco.json"),
        *("clip.v2-davis", "clip.v2-mots", "clip.v2-ctc", "clip.v2-cvat.xml"),
        *("clip.v2-labelme", "clip.v2-yolo", "clip.v2-measurements.csv"),
        *("clip.v2-tracks.csv", "clip.v2-masks.mp4"),
    ]


def test_a_folder_that_is_there_is_not_suggested_and_not_taken(qtbot, tmp_path, make_export):
    (tmp_path / "out-davis").mkdir()
    (tmp_path / "out-davis" / "mine.txt").write_text("mine")
    dialog = make_export(tmp_path / "out.json")
    dialog.format.setCurrentIndex(dialog.format.findData("davis"))
    assert dialog.path.text() == str(tmp_path / "out-davis-2")
    assert dialog.report.isHidden()
    dialog.path.setText(str(tmp_path / "out-davis"))
    assert "choose a new folder" in dialog.report.text()
    with qtbot.assertNotEmitted(dialog.export_requested):
        dialog.button.click()
    dialog.path.setText("elsewhere")  # beside what was suggested, not wherever the program began
    with qtbot.waitSignal(dialog.export_requested) as asked:
        dialog.button.click()
    assert asked.args[0] == str(tmp_path / "elsewhere")


def test_pictures_are_ticked_for_what_needs_them_until_the_person_decides(tmp_path, make_export):
    dialog = make_export(tmp_path / "out.json")
    pictures = dialog.choices.pictures

    def ticked(*formats):
        for form in formats:
            dialog.format.setCurrentIndex(dialog.format.findData(form))
            yield pictures.isChecked()

    assert [*ticked("yolo", "coco", "yolo")] == [True, False, True]
    pictures.click()
    assert [*ticked("coco", "yolo")] == [False, False]
    pictures.click()
    assert [*ticked("coco", "yolo")] == [True, True]


def test_a_form_offers_what_its_format_knows(qtbot, tmp_path):
    offer = ExportOffer(120, FrameRange(20, 35), ((1, "player"), (2, "R&D"), (3, "ball")), 2)
    dialog = ExportDialog(tmp_path / "out.json", offer=offer)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.show()
    choices = dialog.choices
    assert choices.chosen() == ExportChoice(frames=FrameRange(20, 35))
    choices.first.setValue(40)
    assert choices.last.value() == 40  # a range does not end before it begins
    choices.first.setValue(0)
    choices.last.setValue(119)
    assert choices.chosen().frames is None
    choices.pictures.click()
    choices.shown_only.setChecked(True)
    ball = choices._menu.actions()[2]
    ball.trigger()
    assert choices.classes.text() == "player, R&D ▾"
    assert choices.chosen() == ExportChoice(shown_only=True, class_ids=(1, 2), pictures=True)
    seen = {}
    for index in range(dialog.format.count()):
        dialog.format.setCurrentIndex(index)
        rows = (choices.pictures, choices.labels, choices.shown_only)
        seen[dialog.format.currentData()] = tuple(row.isVisible() for row in rows)
    with_pictures = dict.fromkeys(
        ("ytvis", "coco", "davis", "mots", "ctc", "cvat", "labelme", "yolo"), (True, False, True)
    )
    without = dict.fromkeys(("ytvis-results", "csv", "csv-tracks"), (False, False, True))
    assert seen == with_pictures | without | {"overlay": (False, True, False)}
    chosen = choices.chosen()  # of a film: no pictures, and always the video that is shown
    assert (chosen.pictures, chosen.shown_only) == (False, True)


def test_a_range_says_that_it_is_one_of_each_video(qtbot, tmp_path):
    dialog = ExportDialog(tmp_path / "out.json", offer=ExportOffer(120, FrameRange(20, 35), (), 2))
    qtbot.addWidget(dialog)
    dialog.show()
    each = dialog.choices.each
    assert each.isVisible()
    dialog.choices.shown_only.setChecked(True)
    assert not each.isVisible()
    dialog.choices.shown_only.setChecked(False)
    assert each.isVisible()
    dialog.choose_format("overlay")  # a film is one of the video that is shown
    assert not each.isVisible()
    alone = ExportDialog(tmp_path / "out.json", offer=ExportOffer(120, FrameRange(20, 35)))
    qtbot.addWidget(alone)
    alone.show()
    assert alone.choices.first.isVisible()
    assert not alone.choices.each.isVisible()


def test_a_class_that_is_chosen_again_takes_the_complaint_away(qtbot, tmp_path):
    dialog = ExportDialog(
        tmp_path / "out.json", offer=ExportOffer(120, None, ((1, "player"), (2, "ball")))
    )
    qtbot.addWidget(dialog)
    player, ball = dialog.choices.classes.menu().actions()
    player.trigger()
    ball.trigger()
    assert dialog.choices.classes.text() == "None ▾"
    assert dialog.report.text() == "Choose at least one class."
    assert not dialog.report.isHidden()
    ball.trigger()
    assert dialog.report.isHidden()
    with qtbot.waitSignal(dialog.export_requested):
        dialog.button.click()


def test_the_form_knows_each_format_as_the_export_does(qtbot, tmp_path):
    dialog = ExportDialog(tmp_path / "out.json", offer=ExportOffer(120, None, (), 3))
    qtbot.addWidget(dialog)
    dialog.show()
    offered = [dialog.format.itemData(index) for index in range(dialog.format.count())]
    assert offered == list(ExportFormat)
    assert {*FILE_SUFFIXES} == {*ExportFormat} - {*FOLDER_FORMATS}
    for index, form in enumerate(ExportFormat):
        dialog.format.setCurrentIndex(index)
        assert Path(dialog.path.text()).suffix == FILE_SUFFIXES.get(form, "")
        assert dialog.choices.split.isVisible() == (form in SPLIT_FORMATS)
        assert dialog.choices.pictures.isVisible() == (form not in UNNAMED_FORMATS)


def test_videos_for_validation_make_a_folder(qtbot, tmp_path):
    dialog = ExportDialog(tmp_path / "out.json", offer=ExportOffer(120, None, (), 3))
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.show()
    choices = dialog.choices
    assert choices.split.isVisible()
    assert not choices.share.isEnabled()
    assert choices.chosen().valid_share is None
    choices.split.setChecked(True)
    choices.share.setValue(25)
    assert choices.chosen().valid_share == 0.25
    assert dialog.path.text() == str(tmp_path / "out-parts")
    assert not dialog.replace.isVisible()
    dialog.format.setCurrentIndex(dialog.format.findData("coco"))
    assert dialog.path.text() == str(tmp_path / "out-coco-parts")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").touch()
    dialog.path.setText(str(tmp_path / "full"))
    assert "choose a new folder" in dialog.report.text()
    dialog.path.setText(str(tmp_path / "train.json"))
    assert dialog.report.text() == "train.json is the name of a file; name a folder."
    dialog.path.setText(str(tmp_path / "mine.v2"))
    choices.split.setChecked(False)
    assert dialog.path.text() == str(tmp_path / "mine.v2.json")
    choices.split.setChecked(True)
    assert dialog.path.text() == str(tmp_path / "mine.v2")
    seen = {}
    for index in range(dialog.format.count()):
        dialog.format.setCurrentIndex(index)
        seen[dialog.format.currentData()] = choices.split.isVisible()
        assert choices.splits() == choices.split.isVisible()
    without = ("ytvis-results", "cvat", "csv", "csv-tracks", "overlay")
    assert {form for form, is_offered in seen.items() if not is_offered} == set(without)
    dialog.choose_format("ytvis")
    choices.shown_only.setChecked(True)  # one video is not parted
    assert not choices.split.isVisible()
    assert choices.chosen().valid_share is None
    assert dialog.path.text().endswith(".json")
    alone = ExportDialog(tmp_path / "out.json", offer=ExportOffer(120))
    qtbot.addWidget(alone)
    alone.show()
    assert not alone.choices.split.isVisible()


def test_a_long_action_is_read_without_scrolling_sideways(qtbot):
    reason = "Every frame of this video is approved already, so that nothing would be changed by it"
    actions = ActionTable()
    actions.add(Action("long", "Import the active Labels layer as tracks", lambda: None))
    actions.add(Action("not", "Propose", lambda: None, why_not=lambda: reason))
    palette = CommandPalette(actions)
    qtbot.addWidget(palette)
    palette.resize(300, 300)
    palette.show()
    assert palette.list.horizontalScrollBar().maximum() == 0
    line = palette.list.fontMetrics().height()
    assert palette.list.visualItemRect(palette.list.item(1)).height() > 2 * line
