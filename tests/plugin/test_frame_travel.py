"""A seek far away in a real window: what is seen, what is said, and that nothing is painted."""

from __future__ import annotations

import numpy as np
import pytest
from fake_engine import SIZE, disc

pytestmark = pytest.mark.window


@pytest.fixture
def studio(tidied_desk):
    """A window on the clip; its reader says that frame 0 is the only key frame."""
    reader = tidied_desk.studio.workspace.session.reader
    reader.keyframe_before = lambda frame_index: 0
    return tidied_desk.studio


def hold_up(studio, monkeypatch):
    """From now on every frame but the first takes long; gives what was asked for."""
    asked = []
    cache = studio.workspace.cache
    monkeypatch.setattr(cache, "is_quick", lambda frame_index: frame_index == 0)
    monkeypatch.setattr(cache, "ask", lambda frame_index, tell: asked.append((frame_index, tell)))
    return asked


def test_the_dimensions_follow_once_it_rests(studio, qtbot):
    steps = []
    studio.viewer.dims.events.current_step.connect(lambda event: steps.append(event.value[0]))
    for frame in (3, 4, 5):
        studio.layers.go_to(frame)
    assert studio.layers.frame_index == 5
    assert steps == []
    assert np.asarray(studio.viewer.layers[0]._data_view)[0, 0].tolist() == [155, 100, 100]
    qtbot.waitUntil(lambda: studio.viewer.dims.current_step[0] == 5)
    assert steps == [5]
    assert np.asarray(studio.viewer.layers[0].data[2])[0, 0, 2] == 40


def test_napari_s_own_slider_still_leads(studio):
    studio.viewer.dims.set_current_step(0, 7)
    assert studio.layers.frame_index == 7
    assert studio.workspace.editor.frame_index == 7


def test_tools_can_be_chosen_while_a_frame_is_decoded_and_stay_so(studio, monkeypatch, qtbot):
    from napari_ifc.frame_cache import Fetched

    button = studio.panel.tools._buttons["erase"]
    studio.layers.set_mode("paint")
    asked = hold_up(studio, monkeypatch)
    studio.layers.go_to(9)
    assert studio.layers.is_waiting
    assert button.isEnabled()
    button.click()
    assert studio.layers.mode == "erase"
    asked[0][1](Fetched(9, 9))
    qtbot.waitUntil(lambda: not studio.layers.is_waiting)
    assert button.isEnabled()
    assert button.isChecked()
    assert studio.layers.mode == "erase"


def test_nothing_is_painted_or_approved_on_another_frame_s_picture(studio, monkeypatch, qtbot):
    studio.workspace.editor.commit_rle(disc(SIZE, (20, 20), 6), "Paint")
    studio.layers.set_mode("paint")
    asked = hold_up(studio, monkeypatch)
    studio.layers.go_to(9)
    (frame_index, tell) = asked[0]
    layers, label = studio.layers, studio.timeline_panel._waiting
    assert (frame_index, layers.frame_index, layers.picture_index) == (9, 9, 0)
    assert layers.is_waiting
    assert layers.mode == "paint"
    edit = layers.layers[2]
    assert not edit.editable
    assert str(edit.mode) == "pan_zoom"
    assert label.text() == "Decoding frame 9; the picture is frame 0"
    assert "still being decoded" in studio.actions["frame.approve"].why_not()
    assert not studio.run_action("frame.approve")
    assert not np.asarray(layers.layers[1].data).any()

    from napari_ifc.frame_cache import Fetched

    tell(Fetched(5, 5))  # out of date
    tell(Fetched(9, 4))
    qtbot.waitUntil(lambda: layers.picture_index == 4)
    assert layers.is_waiting
    seen = layers.layers[0]
    assert np.asarray(seen._data_view)[0, 0, 2] == 80
    tell(Fetched(9, 9))
    qtbot.waitUntil(lambda: not layers.is_waiting)
    assert np.asarray(seen._data_view)[0, 0, 2] == 180
    assert edit.editable
    assert str(edit.mode) == "paint"
    assert not label.isVisibleTo(studio.timeline_panel)
    assert studio.run_action("frame.approve")
    assert studio.project.exhaustive_frames(1) == [9]


def test_a_frame_that_cannot_be_decoded_is_said_and_stays_locked(studio, monkeypatch, qtbot):
    from ifc_core.errors import VideoError
    from napari_ifc.frame_cache import Fetched

    asked = hold_up(studio, monkeypatch)
    studio.layers.go_to(9)
    with qtbot.waitSignal(studio.failed) as failed:
        asked[0][1](Fetched(9, 9, VideoError("Frame 9 is broken.", path="x", frame_index=9)))
    assert failed.args == ["Frame 9 is broken."]
    assert studio.layers.is_waiting
    studio.layers.go_to(0)
    assert not studio.layers.is_waiting
    assert studio.layers.layers[2].editable


def test_zooming_out_draws_masks_at_the_size_of_the_screen(empty_desk, tmp_path, qtbot):
    import cv2

    film = tmp_path / "film"
    film.mkdir()
    cv2.imwrite(str(film / "0.png"), np.zeros((900, 1700, 3), np.uint8))
    studio, viewer = empty_desk.studio, empty_desk.studio.viewer
    assert studio.open_path(film)
    studio.workspace.editor.commit_rle(disc((900, 1700), (300, 400), 100), "Paint")
    studio.select(())
    viewer.scene.camera.zoom = 1.0
    qtbot.waitUntil(lambda: studio.layers.layers[1].data.shape[:2] == (900, 1700))
    viewer.scene.camera.zoom = 0.4
    qtbot.waitUntil(lambda: studio.layers.layers[1].data.shape[:2] == (300, 567))
    overlay = studio.layers.layers[1]
    assert overlay.data[100, 133].any()
    assert overlay.scale.tolist() == [3, 3]
    np.testing.assert_allclose(overlay.extent.world[0], [1, 1])  # middle of the first pixel


def test_napari_s_slider_does_not_wait_for_a_far_frame_either(studio, monkeypatch):
    asked, got = hold_up(studio, monkeypatch), []
    cache = studio.workspace.cache
    real = cache.get
    monkeypatch.setattr(cache, "get", lambda index: got.append(index) or real(index))
    studio.viewer.dims.set_current_step(0, 8)
    assert [frame_index for frame_index, _ in asked] == [8]
    assert studio.layers.is_waiting
    assert 8 not in got, "the window would have stood still until it was decoded"
