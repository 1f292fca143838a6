"""The Edit layer, once it was deleted and put back: the tool that is shown is the real one."""

import pytest

pytestmark = pytest.mark.window


@pytest.fixture
def desk(tidied_desk):
    return tidied_desk


@pytest.fixture
def delete(desk, qtbot):
    """Deletes the Edit layer as a person does, and waits for the new one."""

    def do():
        gone, layers = desk.layer, desk.studio.viewer.layers
        layers.remove(gone)
        qtbot.waitUntil(lambda: desk.layer is not gone and desk.layer in layers)

    return do


@pytest.mark.parametrize(
    ("tool", "mode"),
    [("paint", "paint"), ("smart_erase", "erase"), ("polygon", "polygon"), ("box", "pan_zoom")],
)
def test_the_tool_stays(desk, delete, tool, mode):
    desk.studio.layers.set_mode(tool)
    before = desk.layer.cursor
    delete()
    assert desk.studio.layers.mode == tool
    assert str(desk.layer.mode) == mode
    assert not desk.layer.mouse_pan  # a drag does not move the picture
    assert desk.layer.cursor == before


def test_the_brush_draws_on(desk, delete, qtbot):
    desk.studio.layers.set_mode("paint")
    delete()
    desk.drag((5, 5), (9, 9))
    desk.studio.layers.flush()
    qtbot.waitUntil(lambda: len(desk.project.masks_at(desk.video_id, 0)) == 1)


def test_the_tool_comes_back_with_the_flat_view(desk, delete, qtbot):
    desk.studio.layers.set_mode("paint")
    desk.studio.viewer.dims.ndisplay = 3
    delete()
    assert not desk.layer.editable
    desk.studio.viewer.dims.ndisplay = 2
    qtbot.waitUntil(lambda: desk.layer.editable)
    assert str(desk.layer.mode) == desk.studio.layers.mode == "paint"


def test_keys_that_are_held_stay(desk, delete):
    pressed = []
    desk.studio.layers.hold_keys({"Enter": lambda: pressed.append("Enter")})
    delete()
    bound = {str(key): callback for key, callback in desk.layer.keymap.items()}
    bound["Enter"](desk.layer)
    assert pressed == ["Enter"]
    desk.studio.layers.hold_keys({})
    assert "Enter" not in map(str, desk.layer.keymap)
