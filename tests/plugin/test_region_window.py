"""The rectangle that Propose looks at, drawn in a real window, and called off."""

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication

from napari_ifc.features.scale import VideoScale
from napari_ifc.region_layer import REGION

pytestmark = pytest.mark.window

FIRST = (8, 5, 33, 26)


@pytest.fixture
def desk(tidied_desk):
    return tidied_desk


@pytest.fixture
def region(desk):
    desk.studio.panel.show_page("propose")
    return desk.studio.proposing._region


def ask(desk):
    """Press the button; gives the layer on which the rectangle is awaited."""
    desk.studio.panel.propose._draw_region.click()
    return desk.studio.viewer.layers.selection.active


def drag(layer, top, left, bottom, right):
    layer.add_rectangles(np.array([[top, left], [top, right], [bottom, right], [bottom, left]]))
    QApplication.processEvents()


def press(layer, key):
    {str(known): call for known, call in layer.keymap.items()}[key](layer)


def shown(desk):
    return [x for x in desk.studio.viewer.layers if x.metadata.get("ifc") == REGION]


def lit(desk):
    """The tools that look chosen."""
    tools = desk.studio.panel.tools
    return [name for name, button in tools._buttons.items() if button.isChecked()]


def test_escape_and_the_button_of_the_message_call_the_rectangle_off(desk, region):
    banner = desk.studio.panel.banner
    for leave in ("Escape", "Cancel"):
        layer = ask(desk)
        assert region.is_picking
        assert desk.said == "Drag a rectangle on the frame; Esc leaves it."
        desk.studio.inform("Something else.")
        banner.clear()
        QApplication.processEvents()
        assert desk.said.startswith("Drag a rectangle")  # for as long as one is awaited
        if leave == "Escape":
            press(layer, leave)
        else:
            assert banner._button.text() == leave
            banner._button.click()
        assert not region.is_picking
        assert shown(desk) == []
        assert not desk.said
        assert desk.studio.panel.propose.region_xywh is None
    assert not desk.studio.run_action("propose.leave_region")


@pytest.mark.parametrize("tool", ["paint", "pan_zoom"])
def test_a_tool_calls_the_rectangle_off(desk, region, tool):
    layer = ask(desk)
    assert desk.studio.run_action(f"tool.{tool}")
    assert not region.is_picking
    QApplication.processEvents()
    assert layer not in desk.studio.viewer.layers
    assert desk.studio.viewer.layers.selection.active is desk.layer
    assert not desk.said
    drag(layer, 5, 8, 30, 40)  # of a drag that went on
    assert desk.studio.panel.propose.region_xywh is None


def test_another_layer_calls_the_rectangle_off_and_stays_chosen(desk, region):
    ask(desk)
    other = desk.studio.layers.layers[0]
    desk.studio.viewer.layers.selection.active = other
    assert not region.is_picking
    QApplication.processEvents()
    assert desk.studio.viewer.layers.selection.active is other


def test_another_layer_stays_chosen_where_the_rectangle_before_comes_back(desk, region):
    drag(ask(desk), 5, 8, 30, 40)
    ask(desk)
    other, selection = desk.studio.layers.layers[0], desk.studio.viewer.layers.selection
    selection.active = other
    QApplication.processEvents()
    assert selection.active is other
    assert set(selection) == {other}
    (again,) = shown(desk)
    assert again.name == REGION
    assert not desk.said


def test_the_rectangle_before_stays_away_when_the_button_is_pressed_twice(desk, region):
    drag(ask(desk), 5, 8, 30, 40)
    ask(desk)
    layer = ask(desk)
    assert region.is_picking
    assert shown(desk) == [layer]


def test_showing_the_rectangle_leaves_the_line_of_the_scale_awaited(desk, region):
    drag(ask(desk), 5, 8, 30, 40)
    desk.studio.panel.show_page("review")
    assert shown(desk) == []
    scale = desk.studio.feature(VideoScale)
    scale._draw_line()
    line = desk.studio.viewer.layers.selection.active
    desk.studio.panel.show_page("propose")
    QApplication.processEvents()
    assert len(shown(desk)) == 1
    assert scale.line.is_drawing
    assert desk.studio.viewer.layers.selection.active is line
    assert desk.said.startswith("Drag a line")


def test_a_heat_map_leaves_the_rectangle_awaited_and_another_layer_chosen(desk, region):
    layers, heat = desk.studio.layers, np.full((6, 8), 0.5, np.float32)
    layer = ask(desk)
    for values in (heat, None, heat):
        layers.show_heat(values)
        QApplication.processEvents()
        assert desk.studio.viewer.layers.selection.active is layer
        assert region.is_picking
    drag(layer, 5, 8, 30, 40)
    own = desk.studio.viewer.add_points(np.zeros((1, 2)))
    layers.show_heat(None)
    layers.show_heat(heat)
    assert desk.studio.viewer.layers.selection.active is own
    layers.show_heat(None)


def test_the_line_of_the_scale_takes_the_place_of_an_awaited_rectangle(desk, region):
    drag(ask(desk), 5, 8, 30, 40)
    ask(desk)
    scale = desk.studio.feature(VideoScale)
    scale._draw_line()
    QApplication.processEvents()
    assert not region.is_picking
    assert len(shown(desk)) == 1
    assert scale.line.is_drawing
    assert desk.said.startswith("Drag a line")


def test_the_keys_of_the_program_hold_while_a_rectangle_is_awaited(desk, region):
    layer = ask(desk)
    assert {str(key) for key in desk.layer.keymap} <= {str(key) for key in layer.keymap}
    press(layer, "B")
    assert desk.studio.layers.mode == "paint"
    assert not region.is_picking


def test_the_rectangle_that_was_there_comes_back_where_no_other_is_drawn(desk, region):
    drag(ask(desk), 5, 8, 30, 40)
    assert desk.studio.panel.propose.region_xywh == FIRST
    (before,) = shown(desk)
    corners = np.array(before.data[0])
    layer = ask(desk)
    assert shown(desk) == [layer]
    press(layer, "Escape")
    (again,) = shown(desk)
    assert np.array_equal(again.data[0], corners)
    assert desk.studio.panel.propose.region_xywh == FIRST


def test_after_a_click_the_rectangle_is_still_awaited(desk, region):
    drag(ask(desk), 5, 8, 7, 10)
    assert region.is_picking
    assert desk.said.startswith("Drag a rectangle")
    drag(desk.studio.viewer.layers.selection.active, 5, 8, 30, 40)
    assert not region.is_picking
    assert desk.studio.panel.propose.region_xywh == FIRST


def test_a_rectangle_that_is_not_drawn_goes_with_its_video(desk, region):
    layer = ask(desk)
    desk.studio.close_project()
    assert not region.is_picking
    assert layer not in desk.studio.viewer.layers
    assert not desk.said


def test_no_tool_looks_chosen_while_a_shape_is_awaited(desk, region):
    for begin, end in (
        (lambda: ask(desk), "propose.leave_region"),
        (desk.studio.feature(VideoScale)._draw_line, "videos.leave_line"),
    ):
        assert desk.studio.run_action("tool.paint")
        assert lit(desk) == ["paint"]
        begin()
        assert lit(desk) == []
        assert desk.studio.run_action(end)
        assert lit(desk) == ["paint"]
        begin()
        desk.studio.panel.tools._buttons["pan_zoom"].click()
        QApplication.processEvents()
        assert lit(desk) == ["pan_zoom"]
        assert desk.studio.layers.mode == "pan_zoom"


def test_the_canvas_has_the_keys_once_a_shape_is_awaited(desk, region):
    panel = desk.studio.panel
    for begin in (lambda: ask(desk), desk.studio.feature(VideoScale)._draw_line):
        panel.propose._draw_region.setFocus()
        assert panel.window().focusWidget() is panel.propose._draw_region
        begin()
        focused = panel.window().focusWidget()
        assert focused is not None
        assert not panel.isAncestorOf(focused)
        desk.studio.run_action("tool.pan_zoom")
        QApplication.processEvents()
