"""In 3-D and along other axes napari would decode a whole video; it gets one frame."""

import pytest

pytestmark = pytest.mark.window


@pytest.mark.parametrize("turn", ["3-D", "other axes"])
def test_a_turned_view_decodes_no_whole_video_and_gives_the_tool_back(desk, qtbot, turn):
    studio, viewer = desk.studio, desk.studio.viewer
    cache, decoded = studio.workspace.cache, []
    taken = cache.get
    cache.get = lambda index: decoded.append(index) or taken(index)
    studio.layers.set_mode("paint")
    if turn == "3-D":
        viewer.dims.ndisplay = 3
    else:
        viewer.dims.roll()
    assert len(set(decoded)) <= 1
    assert not studio.layers.layers[2].editable
    banner = studio.panel.banner
    assert banner.text == "The video and drawing rest in 3-D and along other axes."
    banner._button.click()
    assert viewer.dims.ndisplay == 2
    assert viewer.dims.displayed == (1, 2)
    assert banner.text == ""
    assert studio.layers.mode == "paint"
    qtbot.waitUntil(lambda: studio.layers.layers[2].editable)
    assert len(set(decoded)) <= 1
    assert studio.layers.mode == "paint"
    assert studio.actions["view.flat"].why_not() == "Frames are shown as they are."
    desk.drag((5, 5), (9, 9))
    studio.layers.flush()
    qtbot.waitUntil(lambda: len(desk.project.masks_at(desk.video_id, 0)) == 1)
