"""A polygon that is being drawn is taken back by corner, and stays on its frame."""

import numpy as np
import pytest

from napari_ifc.features.polygon import Polygon

pytestmark = pytest.mark.window


@pytest.fixture
def desk(tidied_desk):
    return tidied_desk


CORNERS = ([5.5, 5.5], [5.5, 15.5], [15.5, 15.5], [15.5, 5.5])
POINTER = [30.5, 30.5]


@pytest.fixture
def drawn(desk):
    """A track with a mask on this frame, and four corners beside it."""
    desk.corrected(3)
    desk.studio.layers.set_mode("polygon")
    overlay = desk.layer._overlays["polygon"]
    for number in range(1, 5):  # as clicks do, one after the other
        overlay.points = [*CORNERS[:number], POINTER]
    return desk


def points(desk):
    return desk.layer._overlays["polygon"].points


def masks(desk):
    return {r.track_id: r.rle for r in desk.project.masks_at(desk.video_id, 3)}


def press(desk, key):
    bound = {str(known): call for known, call in desk.layer.keymap.items()}
    bound[key](desk.layer)


@pytest.mark.parametrize("key", ["Ctrl+Z", "Backspace"])
def test_a_key_takes_the_last_corner_and_nothing_else(drawn, key):
    before = masks(drawn)
    for left in (3, 2, 1):
        press(drawn, key)
        assert points(drawn) == [*CORNERS[:left], POINTER]
    press(drawn, key)
    assert points(drawn) == []
    assert masks(drawn) == before != {}
    press(drawn, key)  # and now what it always means
    assert masks(drawn) != before


def shown_in_menus(desk):
    """Text of each entry of the panel's menu, by action."""
    texts = {}
    waiting = [group.menu() for group in desk.studio.panel.menu_button.menu().actions()]
    while waiting:
        menu = waiting.pop()
        menu.aboutToShow.emit()
        texts |= {entry.data(): entry.text() for entry in menu.actions()}
        waiting += [entry.menu() for entry in menu.actions() if entry.menu() is not None]
    return texts


def test_menus_and_buttons_name_what_taking_back_means(drawn):
    undo, history = drawn.studio.panel.tools._buttons["undo"], drawn.studio.panel.history.undo
    menu = drawn.studio.panel.tools._menus["track"]

    def named():
        menu.aboutToShow.emit()
        texts = shown_in_menus(drawn)
        assert texts["track.clear"] in {entry.text() for entry in menu.actions()}
        palette = {action.id: action.text for action in drawn.studio.actions.search("")}
        assert texts["edit.undo"] == palette["edit.undo"] + "\tCtrl+Z"
        return texts["edit.undo"], texts["track.clear"], undo.toolTip(), history.text()

    corner = (
        *("Undo the last corner\tCtrl+Z", "Remove the last corner\tBackspace"),
        *("Undo the last corner (Ctrl+Z)", "Undo the last corner"),
    )
    assert named() == corner
    undo.click()
    assert points(drawn) == [*CORNERS[:3], POINTER]
    history.click()
    assert points(drawn) == [*CORNERS[:2], POINTER]
    assert named() == corner
    drawn.studio.run_action("track.clear")
    drawn.studio.run_action("track.clear")
    usual = named()
    assert usual[:2] == ("Undo\tCtrl+Z", "Clear the mask on this frame\tBackspace")
    assert usual[2].startswith("Undo “")
    assert usual[3] == "Undo"
    assert masks(drawn)


def test_a_corner_can_be_taken_back_where_there_is_no_step_to_undo(desk):
    tools, history = desk.studio.panel.tools, desk.studio.panel.history
    desk.studio.layers.set_mode("polygon")
    assert not tools._buttons["undo"].isEnabled()
    desk.layer._overlays["polygon"].points = [CORNERS[0], POINTER]
    assert tools._buttons["undo"].isEnabled()
    assert history.undo.isEnabled()
    assert not history.undo.toolTip()
    tools._buttons["undo"].click()
    assert points(desk) == []
    assert not tools._buttons["undo"].isEnabled()
    assert history.undo.toolTip() == "There is nothing to undo."


def test_closing_ends_what_was_begun(drawn):
    drawn.studio.close_project()
    assert drawn.studio.actions["edit.undo"].text == "Undo"
    assert not drawn.studio.panel.tools._buttons["undo"].isEnabled()
    assert not drawn.studio.run_action("edit.undo")


def test_enter_fills_what_the_corners_enclose(drawn, qtbot):
    before = next(iter(masks(drawn).values())).to_array()
    press(drawn, "Enter")
    qtbot.waitUntil(lambda: next(iter(masks(drawn).values())).area > before.sum())
    added = next(iter(masks(drawn).values())).to_array() & ~before
    rows, columns = np.nonzero(added)
    assert (rows.min(), columns.min()) == (5, 5)
    assert rows.max() <= 16  # not up to the pointer
    assert points(drawn) == []
    assert "Enter" not in {str(known) for known in drawn.layer.keymap}


def test_two_corners_are_no_polygon(drawn):
    drawn.layer._overlays["polygon"].points = [*CORNERS[:2], POINTER]
    press(drawn, "Enter")
    assert drawn.said == "A polygon has three corners at least."
    assert len(points(drawn)) == 3


def test_another_frame_or_tool_drops_it_and_says_so(drawn):
    drawn.studio.layers.go_to(4)
    assert points(drawn) == []
    assert drawn.said == "The polygon was dropped with its frame; Enter finishes it first."
    drawn.layer._overlays["polygon"].points = [*CORNERS, POINTER]
    drawn.studio.layers.set_mode("paint")
    assert points(drawn) == []
    assert drawn.said == "The polygon was dropped with its tool; Enter finishes it first."
    assert drawn.studio.feature(Polygon).corners == []


def test_the_tip_says_how_corners_are_taken_back(drawn):
    tip = drawn.studio.actions["tool.polygon"].tip
    assert all(word in tip for word in ("right-click", "Backspace", "Esc", "Enter"))


def test_a_layer_that_is_put_back_is_drawn_on_as_the_one_before(drawn, qtbot):
    gone = drawn.layer
    drawn.studio.viewer.layers.remove(gone)
    qtbot.waitUntil(lambda: drawn.layer is not gone and drawn.layer in drawn.studio.viewer.layers)
    overlay = drawn.layer._overlays["polygon"]
    for number in range(1, 5):
        overlay.points = [*CORNERS[:number], POINTER]
    press(drawn, "Backspace")
    assert points(drawn) == [*CORNERS[:3], POINTER]
    before = next(iter(masks(drawn).values())).area
    press(drawn, "Enter")
    qtbot.waitUntil(lambda: next(iter(masks(drawn).values())).area > before)
