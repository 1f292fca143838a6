"""In 3-D and along other axes napari would decode a whole video; it gets one frame."""

import pytest

from ifc_core.io.video import open_video
from napari_ifc.features.opening import Opening

pytestmark = pytest.mark.window


@pytest.fixture
def desk(tidied_desk):
    return tidied_desk


WORDS = "The video and drawing rest in 3-D and along other axes."


@pytest.fixture
def turned(desk):
    """The clip in 3-D; the window is flat again for the next test."""
    desk.studio.viewer.dims.ndisplay = 3
    assert desk.studio.panel.banner.text == WORDS
    yield desk
    desk.studio.viewer.dims.ndisplay = 2


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
    assert banner.text == WORDS
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


def test_nothing_is_told_of_a_turned_view_once_the_video_is_closed(turned, clip, qtbot):
    studio, banner = turned.studio, turned.studio.panel.banner
    studio.close_project()
    assert banner.text == ""
    studio.inform("Something else.")
    banner.clear()
    qtbot.waitUntil(lambda: not banner._return_timer.isActive())
    assert banner.text == ""  # nor does it come back
    studio.viewer.dims.ndisplay = 2
    assert studio.open_path(clip)
    qtbot.waitUntil(lambda: not banner._return_timer.isActive())
    assert banner.text == ""


def test_a_video_that_comes_into_a_turned_view_tells_the_way_back(turned, clip, qtbot):
    studio, banner = turned.studio, turned.studio.panel.banner
    studio.close_project()
    assert banner.text == ""
    assert studio.actions["view.flat"].why_not() == "Open a video first."
    assert studio.open_path(clip)
    qtbot.waitUntil(lambda: banner.text == WORDS)
    assert not studio.layers.layers[2].editable
    banner._button.click()
    assert studio.viewer.dims.ndisplay == 2
    assert banner.text == ""
    qtbot.waitUntil(lambda: studio.layers.layers[2].editable)


def test_the_first_frames_of_a_file_can_be_turned_back_too(turned, clip):
    studio, banner = turned.studio, turned.studio.panel.banner
    studio.close_project()
    opening = studio.feature(Opening)
    opening.show_preview(open_video(clip))
    assert banner.text == WORDS
    assert studio.actions["view.flat"].why_not() == ""
    opening.end_preview()
    assert banner.text == ""
