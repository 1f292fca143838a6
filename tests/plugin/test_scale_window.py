"""Scale and rate of a video in a real window."""

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication

from napari_ifc.features.scale import VideoScale
from napari_ifc.views.rate_dialog import RateDialog
from napari_ifc.views.scale_dialog import ScaleDialog, length_text

pytestmark = pytest.mark.window


@pytest.fixture
def desk(tidied_desk):
    return tidied_desk


@pytest.fixture
def scale(desk):
    return desk.studio.feature(VideoScale)


def entry(desk):
    return desk.project.video(desk.video_id)


def rate_dialog_of(desk):
    return desk.studio.panel.findChildren(RateDialog)[-1]


def press(layer, key):
    {str(known): call for known, call in layer.keymap.items()}[key](layer)


def dialog_of(desk):
    return desk.studio.panel.findChildren(ScaleDialog)[-1]


def test_a_typed_scale_is_stored_shown_again_and_undone(desk):
    assert desk.studio.run_action("videos.scale")
    dialog = dialog_of(desk)
    assert (dialog.field.text(), dialog.unit.currentText()) == ("", "m")
    dialog.field.setText("2,5")
    dialog.unit.setCurrentText("cm")
    dialog.button.click()
    assert entry(desk).um_per_px == 25_000
    assert "1 pixel of clip is 2.5 cm" in desk.said
    assert desk.studio.run_action("videos.scale")
    again = dialog_of(desk)
    assert (again.field.text(), again.unit.currentText()) == ("2.5", "cm")
    again.field.setText("")
    again.button.click()
    assert entry(desk).um_per_px is None
    assert desk.studio.run_action("edit.undo")
    assert entry(desk).um_per_px == 25_000
    assert desk.studio.run_action("edit.undo")
    assert entry(desk).um_per_px is None


@pytest.mark.parametrize(("text", "unit"), [("1e-12", "nm"), ("5000", "km")])
def test_a_scale_that_no_picture_has_is_not_taken(desk, text, unit):
    assert desk.studio.run_action("videos.scale")
    dialog = dialog_of(desk)
    dialog.field.setText(text)
    dialog.unit.setCurrentText(unit)
    dialog.button.click()
    assert "0.001 nm" in dialog.problem.text()
    assert not dialog.problem.isHidden()
    assert entry(desk).um_per_px is None
    dialog.reject()


@pytest.mark.parametrize("text", ["much", "-2", "0", "nan", "inf"])
def test_what_is_no_length_is_said_in_the_form(desk, text):
    assert desk.studio.run_action("videos.scale")
    dialog = dialog_of(desk)
    dialog.field.setText(text)
    dialog.button.click()
    assert not dialog.problem.isHidden()
    assert entry(desk).um_per_px is None
    dialog.reject()


def test_a_line_over_something_of_known_length_gives_the_scale(desk, scale):
    assert desk.studio.run_action("videos.scale")
    dialog_of(desk).line_button.click()
    assert scale.line.is_drawing
    assert "Drag a line" in desk.said
    layer = desk.studio.viewer.layers.selection.active
    layer.add_lines(np.array([[10.0, 10.0], [10.0, 10.5]]))  # a click
    QApplication.processEvents()
    assert scale.line.is_drawing
    layer = desk.studio.viewer.layers.selection.active
    layer.add_lines(np.array([[5.0, 10.0], [35.0, 50.0]]))
    QApplication.processEvents()
    assert not scale.line.is_drawing
    assert layer not in desk.studio.viewer.layers
    dialog = dialog_of(desk)
    assert dialog.line_button.isHidden()
    dialog.button.click()
    assert not dialog.problem.isHidden()  # a line has a length
    dialog.field.setText("100")
    dialog.button.click()
    assert entry(desk).um_per_px == pytest.approx(2e6)


def test_a_line_that_is_not_drawn_goes_with_its_video(desk, scale, second):
    scale._draw_line()
    layer = desk.studio.viewer.layers.selection.active
    desk.studio.open_path(desk.project.folder)
    assert not scale.line.is_drawing
    assert layer not in desk.studio.viewer.layers


@pytest.mark.parametrize("tool", ["paint", "pan_zoom"])
def test_a_tool_calls_the_line_off(desk, scale, tool):
    scale._draw_line()
    line = desk.studio.viewer.layers.selection.active
    assert desk.studio.run_action(f"tool.{tool}")
    assert not scale.line.is_drawing
    QApplication.processEvents()
    assert line not in desk.studio.viewer.layers
    assert desk.studio.viewer.layers.selection.active is desk.layer
    assert "Drag a line" not in desk.said


def test_another_layer_calls_the_line_off_and_stays_chosen(desk, scale):
    scale._draw_line()
    other = desk.studio.layers.layers[0]
    desk.studio.viewer.layers.selection.active = other
    assert not scale.line.is_drawing
    QApplication.processEvents()
    assert desk.studio.viewer.layers.selection.active is other


def test_escape_and_the_button_of_the_message_call_the_line_off(desk, scale):
    banner, viewer = desk.studio.panel.banner, desk.studio.viewer
    for leave in ("Escape", "Cancel"):
        scale._draw_line()
        line = viewer.layers.selection.active
        assert desk.said.startswith("Drag a line")
        desk.studio.inform("Something else.")
        banner.clear()
        QApplication.processEvents()
        assert desk.said.startswith("Drag a line")  # for as long as a line is awaited
        if leave == "Escape":
            press(line, leave)
        else:
            assert banner._button.text() == leave
            banner._button.click()
        assert not scale.line.is_drawing
        assert line not in viewer.layers
        assert not desk.said
    assert not desk.studio.run_action("videos.leave_line")


def test_the_keys_of_the_program_hold_while_a_line_is_awaited(desk, scale):
    scale._draw_line()
    line = desk.studio.viewer.layers.selection.active
    bound = {str(key) for key in line.keymap}
    assert {str(key) for key in desk.layer.keymap} <= bound
    press(line, "B")
    assert desk.studio.layers.mode == "paint"
    assert not scale.line.is_drawing
    line.add_lines(np.array([[5.0, 10.0], [35.0, 50.0]]))  # of a drag that went on
    QApplication.processEvents()
    assert not desk.studio.panel.findChildren(ScaleDialog)


def test_pictures_get_a_rate_which_timeline_and_head_show_and_undo_takes_away(desk):
    session = desk.studio.workspace.session
    assert session.fps == 0
    assert desk.studio.run_action("videos.fps")
    assert rate_dialog_of(desk).field.text() == ""  # nobody knows
    rate_dialog_of(desk).field.setText("4")
    rate_dialog_of(desk).button.click()
    assert entry(desk).given_fps == 4
    assert session.fps == 4
    desk.studio.presenter.lists()
    assert desk.studio.timeline._data.fps == 4
    assert "4 fps" in desk.studio.workspace.summary().facts
    assert "4 frames per second" in desk.said
    assert desk.studio.run_action("videos.fps")
    assert rate_dialog_of(desk).field.text() == "4"
    rate_dialog_of(desk).reject()
    assert desk.studio.run_action("edit.undo")
    assert session.fps == 0


@pytest.mark.parametrize("text", ["often", "-1", "nan", "2e6"])
def test_what_is_no_rate_is_said_in_the_form(desk, text):
    assert desk.studio.run_action("videos.fps")
    dialog = rate_dialog_of(desk)
    dialog.field.setText(text)
    dialog.button.click()
    assert not dialog.problem.isHidden()
    assert entry(desk).given_fps is None
    dialog.reject()


def test_a_rate_is_shown_short_and_stays_as_exact_as_it_was(desk):
    desk.studio.feature(VideoScale).set_fps(24_000 / 1001)
    assert desk.studio.run_action("videos.fps")
    dialog = rate_dialog_of(desk)
    assert dialog.field.text() == "23.976"
    dialog.button.click()
    assert entry(desk).given_fps == 24_000 / 1001


def test_a_rate_that_cannot_be_stored_is_said(desk, scale):
    scale.set_fps(-1.0)
    assert "a number above 0" in desk.said
    assert entry(desk).given_fps is None


def test_they_are_found_by_what_they_are_for(desk):
    for words in ("speed", "metre", "position"):
        found = {action.id for action in desk.studio.actions.search(words)}
        assert {"videos.scale", "file.export_measurements"} <= found


@pytest.mark.parametrize(
    ("length", "text"),
    [(25_000.0, "2.5 cm"), (0.325, "325 nm"), (1.0, "1 µm"), (3e6, "3 m"), (2e9, "2 km")],
)
def test_a_length_is_told_in_the_unit_that_suits_it(length, text):
    assert length_text(length) == text
