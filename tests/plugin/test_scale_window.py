"""Scale and rate of a video in a real window."""

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication, QInputDialog

from napari_ifc.features.scale import VideoScale
from napari_ifc.views.scale_dialog import ScaleDialog, length_text

pytestmark = pytest.mark.window


@pytest.fixture
def scale(desk):
    return desk.studio.feature(VideoScale)


def entry(desk):
    return desk.project.video(desk.video_id)


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


def test_pictures_get_a_rate_which_timeline_and_head_show_and_undo_takes_away(desk, monkeypatch):
    session = desk.studio.workspace.session
    assert session.fps == 0
    asked = []

    def answer(*words):
        asked.append(words[3])
        return 4.0, True

    monkeypatch.setattr(QInputDialog, "getDouble", answer)
    assert desk.studio.run_action("videos.fps")
    assert asked == [25.0]
    assert entry(desk).given_fps == 4
    assert session.fps == 4
    desk.studio.presenter.lists()
    assert desk.studio.timeline._data.fps == 4
    assert "4 fps" in desk.studio.workspace.summary().facts
    assert "4 frames per second" in desk.said
    assert desk.studio.run_action("videos.fps")
    assert asked[-1] == 4
    assert desk.studio.run_action("edit.undo")
    assert session.fps == 0


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
