"""What a person did in the window is kept, whatever else goes on in it at that moment."""

from __future__ import annotations

import threading

import napari
import pytest
from desk import Desk
from fake_pointer import pointer
from napari.utils.interactions import mouse_press_callbacks, mouse_release_callbacks

pytestmark = pytest.mark.window


@pytest.fixture(scope="module")
def shared_viewer(qapp):
    """One window for all tests of this file: making one takes seconds."""
    viewer = napari.Viewer(show=False)
    yield viewer
    viewer.close()


@pytest.fixture
def desk(shared_viewer, tmp_path, clip):
    made = Desk(shared_viewer, tmp_path / "projects", clip)
    yield made
    made.studio.close()
    made.engine.close()
    shared_viewer.layers.clear()


def brush(desk):
    """Choose the brush; a click then paints a few pixels."""
    assert desk.studio.run_action("tool.paint")
    desk.layer.brush_size = 3


def pixel(desk, track_id, xy, frame_index=3):
    """Whether a pixel is stored as the track's."""
    return bool(desk.project.mask(track_id, frame_index).rle.to_array()[int(xy[1]), int(xy[0])])


def test_a_frame_of_a_run_that_comes_with_the_release_leaves_the_stroke(desk, qtbot):
    track_id, place = desk.corrected(), (5.5, 44.5)
    brush(desk)
    mouse_press_callbacks(desk.layer, pointer("mouse_press", place))
    # The engine's thread tells of a frame before the window has handled the release.
    tell = desk.studio.deliver(lambda frame: desk.correction._on_frame(frame))
    thread = threading.Thread(target=tell, args=(3,))
    thread.start()
    thread.join()
    mouse_release_callbacks(desk.layer, pointer("mouse_release", place))
    qtbot.waitUntil(lambda: pixel(desk, track_id, place))
    assert desk.project.undo_label.startswith("Paint")
    assert desk.layer.data[44, 5] == 1


def test_what_is_drawn_anew_between_release_and_storing_comes_after_it(desk, qtbot):
    track_id = desk.corrected()
    brush(desk)
    desk.drag((5.5, 5.5))
    desk.studio.presenter.canvas()
    assert desk.layer.data[5, 5] == 1
    qtbot.waitUntil(lambda: pixel(desk, track_id, (5.5, 5.5)))
