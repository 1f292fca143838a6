"""Masks painted ahead: the same picture as painted on the spot, and never another one's."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from fake_engine import NUM_FRAMES, SIZE, disc

from ifc_core.errors import ProjectError
from napari_ifc.overlay import DrawnMask, OverlayPainter, OverlayStyle, draw_overlay
from napari_ifc.overlay_ahead import OverlayAhead, Plan

STYLE = OverlayStyle()


def painted_all(ahead):
    """Wait until nothing is left to paint."""
    with ahead._changed:
        assert ahead._changed.wait_for(lambda: not (ahead._plans or ahead._busy_with), 20)


@pytest.fixture
def ahead():
    made = OverlayAhead()
    yield made
    made.close()


def plan_of(key, read=None):
    masks = [DrawnMask(1, disc(SIZE, (20, 20), 6), (200, 0, 0))]
    painter = OverlayPainter(SIZE, 1)
    return Plan(key, read or (lambda: masks), lambda given: painter.paint_ground(given, STYLE))


def test_a_picture_is_given_once_and_only_for_its_key(ahead):
    ahead.plan([plan_of("a"), plan_of("b")])
    painted_all(ahead)
    assert ahead.take("c") is None
    first = ahead.take("a")
    assert np.array_equal(first.ground.pixels, draw_overlay(SIZE, first.masks, STYLE))
    assert ahead.take("a") is None
    ahead.plan([plan_of("d")])
    assert ahead.take("b") is None, "it was not among the plans any more"


def test_the_window_waits_for_the_one_in_work_and_not_for_those_behind(ahead):
    begun, go_on = threading.Event(), threading.Event()

    def slow():
        begun.set()
        assert go_on.wait(20)
        return []

    ahead.plan([plan_of("slow", slow), plan_of("behind")])
    assert begun.wait(20)
    assert ahead.take("behind") is None
    taken = []
    window = threading.Thread(target=lambda: taken.append(ahead.take("slow")))
    window.start()
    go_on.set()
    window.join(20)
    assert taken[0] is not None
    assert ahead.take("behind") is None, "the window has painted it itself by now"


def test_what_fails_is_left_to_the_window_and_the_next_is_painted(ahead):
    def broken():
        raise ProjectError("A damaged mask.", path="x")

    ahead.plan([plan_of("broken", broken), plan_of("whole")])
    painted_all(ahead)
    assert ahead.take("broken") is None
    assert ahead.take("whole") is not None


def test_closing_ends_the_thread():
    ahead = OverlayAhead()
    ahead.plan([plan_of("a")])
    ahead.close()
    assert not any(t.name == "ifc-overlay-ahead" for t in threading.enumerate())
    ahead.plan([plan_of("b")])
    assert ahead.take("b") is None


# In a window


@pytest.fixture
def studio(tidied_desk):
    """A window on a clip with two tracks that move."""
    made = tidied_desk.studio
    editor = made.workspace.editor
    for start in (10, 25):
        made.select(())
        for frame_index in range(NUM_FRAMES):
            mask = disc(SIZE, (start, 8 + 3 * frame_index), 5)
            editor.commit_rle(mask, "Paint", frame_index=frame_index)
    made.select(())
    yield made
    made.close_project()
    assert not any(t.name == "ifc-overlay-ahead" for t in threading.enumerate())


def seen(studio):
    """What the picture of masks shows, as napari hands it to the screen."""
    return np.asarray(studio.viewer.layers[1]._data_view)


def truth(studio):
    """What it should show: drawn from what is stored, now."""
    workspace, layers = studio.workspace, studio.layers
    records = workspace.session.project.masks_at(workspace.session.entry.id, layers.frame_index)
    selected = workspace.editor.selected
    masks = [
        DrawnMask(
            record.track_id,
            record.rle,
            workspace.index.header(record.track_id).color_rgb,
            selected=record.track_id in selected,
            filled=record.track_id not in selected[:1],
        )
        for record in records
    ]
    overlay = layers._overlay
    return draw_overlay(SIZE, masks, overlay.drawn_style, overlay._painter.scale)


@pytest.fixture
def taken(studio, monkeypatch):
    """Frames whose masks had been painted ahead when they were shown."""
    frames = []
    overlay = studio.layers._overlay
    real = overlay.draw_planned

    def draw_planned(key):
        painted_all(overlay._ahead)
        done = real(key)
        if done:
            frames.append(studio.layers.frame_index)
        return done

    monkeypatch.setattr(overlay, "draw_planned", draw_planned)
    return frames


@pytest.mark.window
def test_forward_backward_and_in_steps_each_frame_has_its_own_masks(studio, taken):
    for frame_index in (0, 1, 2, 3, 2, 1, 3, 5, 7, 0):
        studio.layers.go_to(frame_index)
        assert np.array_equal(seen(studio), truth(studio)), frame_index
    assert taken == [2, 3, 1, 5, 7]


@pytest.mark.window
def test_an_edit_of_a_coming_frame_is_seen_there_and_so_is_its_undoing(studio, taken):
    studio.layers.go_to(1)
    studio.layers.go_to(2)
    painted_all(studio.layers._overlay._ahead)
    first = studio.workspace.index.track_ids()[0]
    mask = disc(SIZE, (20, 30), 9)
    studio.workspace.editor.commit_rle(mask, "Paint", track_id=first, frame_index=3)
    studio.layers.go_to(3)
    assert np.array_equal(seen(studio), truth(studio))
    painted_all(studio.layers._overlay._ahead)
    studio.project.undo()
    studio.project.undo()  # of another frame's, without the window being told
    studio.layers.go_to(4)
    assert np.array_equal(seen(studio), truth(studio))
    assert taken == [2]


@pytest.mark.window
@pytest.mark.usefixtures("own_studio")
def test_selection_and_style_are_those_of_now(studio, taken):
    studio.layers.go_to(1)
    studio.layers.go_to(2)
    studio.select((studio.workspace.index.track_ids()[1],))
    assert np.array_equal(seen(studio), truth(studio))
    studio.layers.go_to(3)
    assert np.array_equal(seen(studio), truth(studio))
    studio.layers.go_to(4)
    assert np.array_equal(seen(studio), truth(studio))
    studio.layers.set_style(OverlayStyle(opacity=0.9, show_ids=False))
    studio.layers.go_to(5)
    assert np.array_equal(seen(studio), truth(studio))
    assert taken == [2, 4]


@pytest.mark.window
def test_a_stroke_after_a_frame_painted_ahead_changes_that_frame(studio, taken):
    first = studio.workspace.index.track_ids()[0]
    studio.select((first,))
    studio.layers.go_to(1)
    studio.layers.go_to(2)
    assert taken == [2]
    editing = studio.layers.layers[2]
    editing.data_setitem((np.array([0, 1]), np.array([0, 0])), 1)
    studio.layers._edit._on_paint()
    studio.layers.flush()
    stored = studio.project.mask(first, 2).rle.to_array()
    assert stored[0, 0]
    assert not studio.project.mask(first, 1).rle.to_array()[0, 0]
    assert np.array_equal(seen(studio), truth(studio))
    assert np.array_equal(studio.layers.edited_mask(), stored)


@pytest.mark.window
def test_a_hidden_layer_shows_the_frame_of_now_once_it_is_seen_again(studio, taken):
    layer = studio.viewer.layers[1]
    layer.visible = False
    for frame_index in (1, 2, 3):
        studio.layers.go_to(frame_index)
    layer.visible = True
    assert np.array_equal(seen(studio), truth(studio))
    assert taken
