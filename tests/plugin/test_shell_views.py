"""Settings, system, comparison, attention bars: what they show and what they ask for."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QApplication

import ifc_core.training
from ifc_core.annotation import ModelVersion
from ifc_core.config import Settings
from ifc_core.training.outcome import figure_pair
from napari_ifc.actions import Action, ActionTable
from napari_ifc.finetune_state import FinetuneView, Outcome
from napari_ifc.rows import RunView, Summary
from napari_ifc.views.attention_bars import ScaleBar, TokenBars, share_text
from napari_ifc.views.banner import Banner
from napari_ifc.views.compare_view import CompareView
from napari_ifc.views.finetune_page import MINUTES, FinetunePage, outcome_rows, plan_text
from napari_ifc.views.header import Header, RunStrip
from napari_ifc.views.propose_panel import ProposePanel
from napari_ifc.views.settings_dialog import SettingsDialog
from napari_ifc.views.system_dialog import SystemDialog
from napari_ifc.views.theme import palette_for, style_sheet


@pytest.fixture
def actions():
    table = ActionTable()
    table.add(Action("edit.undo", "Undo", lambda: None, shortcut="Ctrl+Z", group="Edit"))
    table.add(Action("track.merge", "Merge tracks", lambda: None, shortcut="G", group="Track"))
    return table


@pytest.fixture
def dialog(qtbot, actions):
    made = SettingsDialog(Settings(theme="light", overlay_opacity=0.3), actions)
    qtbot.addWidget(made)
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    made.show()
    return made


class TestSettingsDialog:
    def test_it_shows_and_tells_of_changes(self, dialog):
        told = []
        dialog.changed.connect(lambda name, value: told.append((name, value)))
        assert dialog._fields["theme"].currentData() == "light"
        assert dialog._fields["overlay_opacity"].value() == 30
        dialog.show_settings(Settings())
        assert told == []
        dialog._fields["overlay_opacity"].setValue(80)
        dialog._fields["show_ids"].click()
        assert told == [("overlay_opacity", 0.8), ("show_ids", False)]

    def test_searching_hides_what_does_not_match(self, dialog):
        dialog.search.setText("opacity")
        assert dialog._fields["overlay_opacity"].isVisible()
        assert not dialog._fields["device"].isVisible()
        dialog.search.setText("merge")
        assert [dialog.keys.isRowHidden(row) for row in range(2)] == [True, False]

    def test_a_key_is_asked_for_the_selected_action(self, dialog, qtbot):
        asked = []
        dialog.shortcut_requested.connect(lambda *values: asked.append(values))
        assert not dialog._set.isEnabled()
        dialog.keys.selectRow(1)
        dialog._edit.setKeySequence("Ctrl+M")
        dialog._set.click()
        dialog._clear.click()
        assert asked == [("track.merge", "Ctrl+M"), ("track.merge", "")]


def test_the_system_dialog_copies_diagnostics(qtbot, tmp_path):
    dialog = SystemDialog()
    qtbot.addWidget(dialog)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    dialog.show_facts([("torch", "2"), ("Device cpu", "x86")], "all of it")
    dialog.show_logs([tmp_path / "engine-1.log"])
    dialog.show_log(["one", "two"])
    assert dialog.text.toPlainText() == "one\ntwo"
    dialog.copy.click()
    assert QGuiApplication.clipboard().text() == "all of it"
    dialog.show_facts([], "")
    assert dialog._facts.rowCount() == 0


@pytest.fixture
def comparison(qtbot, tmp_path):
    panels = [np.full((40, 60, 3), value, np.uint8) for value in (250, 100, 20)]
    path = tmp_path / "picture.png"
    cv2.imwrite(str(path), np.hstack(panels))
    view = CompareView()
    qtbot.addWidget(view)
    view.resize(300, 200)
    view.set_picture(path)
    view.show()
    return view


class TestComparison:
    def gray(self, view, x, y=150):
        """Brightness of a place; a virtual screen may have few colours."""
        return pytest.approx(view.grab().toImage().pixelColor(x, y).red(), abs=9)

    def test_before_lies_left_of_the_divider_and_after_right(self, comparison, qtbot):
        assert (self.gray(comparison, 30), self.gray(comparison, 270)) == (100, 20)
        qtbot.mouseClick(comparison, Qt.MouseButton.LeftButton, pos=QPoint(285, 100))
        assert comparison.share == pytest.approx(0.95, abs=0.01)
        assert self.gray(comparison, 270) == 100

    def test_it_takes_no_more_height_than_its_picture(self, comparison, qtbot):
        comparison.resize(150, 400)
        qtbot.waitUntil(lambda: comparison.height() == 100)

    def test_keys_move_it_and_show_the_label(self, comparison, qtbot):
        qtbot.keyClick(comparison, Qt.Key.Key_Left)
        assert comparison.share == pytest.approx(0.45)
        qtbot.keyPress(comparison, Qt.Key.Key_L)
        assert self.gray(comparison, 270) == 250
        qtbot.keyRelease(comparison, Qt.Key.Key_L)
        assert self.gray(comparison, 270) == 20

    def test_no_picture_is_no_widget(self, comparison, tmp_path):
        comparison.set_picture(tmp_path / "missing.png")
        assert not comparison.isVisible()


def test_a_bar_names_its_token(qtbot):
    bars = TokenBars()
    qtbot.addWidget(bars)
    asked = []
    bars.token_requested.connect(asked.append)
    bars.resize(240, 100)
    bars.set_shares(((4, 0.7), (1, 0.2), (0, 0.1)), 4)
    bars.show()
    qtbot.mouseClick(bars, Qt.MouseButton.LeftButton, pos=QPoint(100, 25))
    assert asked == [1]
    assert bars.token_at(999) is None
    bars.set_shares((), 0)
    assert not bars.isVisible()


def test_the_scale_is_shown_with_the_heat_only(qtbot):
    bar = ScaleBar()
    qtbot.addWidget(bar)
    bar.set_maximum(0.25)
    bar.show()
    assert bar.isVisible()
    assert not bar.grab().isNull()
    bar.set_maximum(None)
    assert not bar.isVisible()


def test_the_minutes_are_those_of_the_presets():
    folder = Path(ifc_core.training.__file__).parent / "presets" / "finetune"
    found = {p.stem: tomllib.loads(p.read_text())["minutes"] for p in folder.glob("*.toml")}
    assert found == MINUTES
    assert "7 minutes" in plan_text("quick", 1)
    assert "2 hours" in plan_text("thorough", 10)
    assert "kept aside" in plan_text("quick", 10)


def test_the_header_says_what_comes_next_and_takes_clicks_on_steps(qtbot):
    header = Header(Banner())
    qtbot.addWidget(header)
    steps = []
    header.step_requested.connect(steps.append)
    header.show_summary(Summary("clip", num_frames=3, hint="Next: paint."))
    header.show()
    assert header._hint.text() == "Next: paint."
    qtbot.mouseClick(header._chips[3], Qt.MouseButton.LeftButton)
    assert steps == ["improve"]
    header.show_summary(Summary("clip", num_frames=3, steps=(True,) * 4))
    assert not header._hint.isVisible()


def test_a_strip_hides_without_work(qtbot):
    strip = RunStrip()
    qtbot.addWidget(strip)
    strip.show_view(RunView(True, "Exporting", "3 of 9 tracks", 1 / 3))
    assert strip.isVisible()
    strip.show_view(RunView())
    assert not strip.isVisible()


def test_a_region_becomes_a_setting(qtbot):
    form = ProposePanel()
    qtbot.addWidget(form)
    told = []
    form.changed.connect(lambda: told.append(form.settings().region_xywh))
    form.show_region((10, 20, 100, 80))
    assert "100 × 80" in form._region_text.text()
    assert "10, 20" in form._region_text.toolTip()
    form._clear_region.click()
    assert told == [(10, 20, 100, 80), None]
    assert not form._clear_region.isEnabled()


def test_a_region_of_a_large_frame_makes_the_form_no_wider(qtbot):
    form = ProposePanel()
    qtbot.addWidget(form)
    form.setStyleSheet(style_sheet(palette_for("dark")))
    form.resize(372, 700)
    form.show()
    before = form._draw_region.mapTo(form, QPoint(0, 0)), form._model.width()
    form.show_region((12345, 12345, 10000, 10000))
    QApplication.processEvents()
    assert (form._draw_region.mapTo(form, QPoint(0, 0)), form._model.width()) == before
    assert form._region_text.width() >= form._region_text.sizeHint().width()


def test_devices_keep_the_choice(qtbot):
    form = ProposePanel()
    qtbot.addWidget(form)
    form.show_hardware("cpu", "fp32")
    form.set_devices(["auto", "cuda:0", "cpu"])
    assert form.settings().device == "cpu"
    assert form.settings().precision == "fp32"


def test_the_end_of_a_fine_tuning_is_told_once_and_beside_each_other(qtbot):
    outcome = Outcome("cats-1", "base", "better", 0.6, 0.75, 32, (0.5, 0.49), (), 90.0, (0.3, 0.5))
    assert outcome_rows(outcome) == [
        ("Mean J on 32 held-out masks", "0.60", "0.75"),
        ("AP on them, by class", "0.30", "0.50"),
        ("Old task (generated clips)", "0.50", "0.49"),
    ]
    assert figure_pair(0.7620, 0.7595) == ("0.762", "0.759")  # "not better" is seen
    page = FinetunePage()
    qtbot.addWidget(page)
    page.show_view(FinetuneView(running=True, text="Training"), "busy")
    assert not page._state.isHidden()
    assert page._choices.isHidden()
    page.show_view(FinetuneView(text="cats-1 is better.", outcome=outcome), "")
    assert page._state.isHidden()
    assert not page.card.isHidden()
    assert not page._choices.isHidden()
    assert page.card._figures.count() == 12
    page.card.show_outcome(Outcome("cats-2", "base", "not better", None, None, 0, None, (), 9.0))
    assert page.card._figures.count() == 0


def test_a_little_attention_is_not_nothing():
    assert [share_text(s) for s in (0.0, 0.0002, 0.0005, 0.25)] == [
        "0.0%",
        "<0.1%",
        "0.1%",
        "25.0%",
    ]


def test_where_the_project_is_read_only_no_version_can_be_used(qtbot):
    page = FinetunePage()
    qtbot.addWidget(page)
    versions = tuple(
        ModelVersion(number, f"v{number}", f"v{number}", "", "", 9.0, {}, {}, active=number == 1)
        for number in (1, 2)
    )
    locked = FinetuneView(models=versions, why_not_use="The project is read-only.")
    page.show_view(locked, "The project is read-only.")
    page._models.setCurrentRow(1)
    assert not page._use.isEnabled()
    assert not page._roll_back.isEnabled()
    assert page._use.toolTip() == page._roll_back.toolTip() == "The project is read-only."
    page.show_view(FinetuneView(models=versions), "")
    assert page._models.currentRow() == 1
    assert page._use.isEnabled()
    assert page._roll_back.isEnabled()
    page._models.setCurrentRow(0)
    assert page._use.toolTip() == "It is in use"
    page._models.setCurrentRow(-1)
    assert page._use.toolTip() == "Select a version first"


def test_nothing_comes_before_the_bundled_model(qtbot):
    page = FinetunePage()
    qtbot.addWidget(page)
    version = ModelVersion(1, "v1", "v1", "", "", 9.0, {}, {}, active=True)
    page.show_view(FinetuneView(models=(version,)), "")
    assert page._roll_back.isEnabled()
    page.show_view(FinetuneView(models=(replace(version, active=False),)), "")
    assert not page._roll_back.isEnabled()
    assert page._roll_back.toolTip() == "Bundled model is in use; select a version instead"
