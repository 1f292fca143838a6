"""A frame that cannot be decoded, in a real window: told, passed by, and never written on."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from fake_engine import disc

from ifc_core.errors import VideoError
from napari_ifc.frame_cache import Fetched
from napari_ifc.rows import FrameRange

pytestmark = pytest.mark.window

SIZE, NUM_FRAMES, BROKEN = (40, 60), 30, 20  # far from what is decoded ahead


@pytest.fixture
def film(tmp_path):
    folder = tmp_path / "film"
    folder.mkdir()
    for index in range(NUM_FRAMES):
        picture = np.full((*SIZE, 3), 8 * index, np.uint8)
        assert cv2.imwrite(str(folder / f"{index:03d}.png"), picture)
    return folder


@pytest.fixture
def studio(empty_desk, film):
    """A window on a folder one of whose pictures is damaged after it was opened."""
    made = empty_desk.studio
    assert made.open_path(film)
    path = film / f"{BROKEN:03d}.png"
    made.whole = path.read_bytes()
    path.write_bytes(b"no picture")
    return made


def places(studio):
    return studio.layers.frame_index, studio.workspace.editor.frame_index


def by_us(studio, frame_index):
    studio.layers.go_to(frame_index)


def by_napari(studio, frame_index):
    studio.viewer.dims.set_current_step(0, frame_index)


@pytest.mark.parametrize("go", [by_us, by_napari])
def test_canvas_and_editor_are_on_the_same_frame_which_is_locked(studio, qtbot, go):
    studio.workspace.editor.commit_rle(disc(SIZE, (20, 20), 6), "Paint")
    by_us(studio, 18)
    with qtbot.waitSignal(studio.failed) as failed:
        go(studio, BROKEN)
    assert f"{BROKEN:03d}.png" in failed.args[0]
    assert places(studio) == (BROKEN, BROKEN)
    assert studio.layers.picture_index == 18
    assert studio.layers.has_failed
    assert not studio.layers.layers[2].editable
    reason = studio.actions["frame.approve"].why_not()
    assert reason == "Frame 20 cannot be decoded; go to another frame."
    assert not studio.run_action("frame.approve")
    label = studio.timeline_panel._waiting
    assert label.text() == "Frame 20 cannot be decoded; the picture is frame 18"
    studio.layers.settle()  # napari slices it too
    assert studio.viewer.dims.current_step[0] == BROKEN
    by_us(studio, 22)
    assert not studio.layers.is_waiting
    assert places(studio) == (22, 22)
    assert studio.layers.layers[2].editable
    assert studio.run_action("frame.approve")
    assert studio.project.exhaustive_frames(1) == [22]


def test_the_timeline_says_it_too(studio, qtbot):
    with qtbot.waitSignal(studio.failed):
        studio.timeline.seek_requested.emit(BROKEN)
    assert places(studio) == (BROKEN, BROKEN)


def test_what_concerns_no_frame_goes_on(studio, qtbot):
    studio.workspace.editor.commit_rle(disc(SIZE, (20, 20), 6), "Paint")
    track = studio.workspace.editor.current
    studio.select(())
    by_us(studio, BROKEN)
    assert studio.layers.has_failed
    no_selection = ("class.1", "overlap.top", "track.recolor", "edit.undo")
    for action_id in ("file.import", "class.edit", "videos.add", *no_selection):
        assert studio.actions[action_id].why_not() == "", action_id
    studio.select((track,))
    for action_id in ("class.1", "track.relabel", "track.approve", "track.delete"):
        assert studio.actions[action_id].why_not() == "", action_id
    studio.timeline.mark(FrameRange(2, 5, (track,)))
    for action_id in ("range.approve", "range.absent", "range.delete"):
        assert studio.actions[action_id].why_not() == "", action_id
    assert studio.run_action("tool.paint"), "a tool may be chosen before there is a picture"
    assert not studio.layers.layers[2].editable, "but nothing is drawn on one that is not seen"
    for action_id in ("track.absent", "track.split", "track.clear", "frame.approve"):
        assert "cannot be decoded" in studio.actions[action_id].why_not(), action_id
    assert "decoded" not in studio.proposing.why_not()


def test_going_there_again_tries_anew(studio, film, qtbot):
    by_us(studio, BROKEN)
    with qtbot.waitSignal(studio.failed):
        by_us(studio, BROKEN)
    (film / f"{BROKEN:03d}.png").write_bytes(studio.whole)
    by_us(studio, BROKEN)
    assert not studio.layers.is_waiting
    assert studio.layers.picture_index == BROKEN
    assert np.asarray(studio.viewer.layers[0].data[BROKEN])[0, 0, 0] == 8 * BROKEN
    assert not studio.timeline_panel._waiting.isVisibleTo(studio.timeline_panel)


def test_a_far_frame_that_turns_out_broken_says_so(studio, monkeypatch, qtbot):
    asked = []
    cache = studio.workspace.cache
    monkeypatch.setattr(cache, "is_quick", lambda frame_index: frame_index == 0)
    monkeypatch.setattr(cache, "ask", lambda frame_index, tell: asked.append(tell))
    by_us(studio, 9)
    assert "still being decoded" in studio.actions["frame.approve"].why_not()
    with qtbot.waitSignal(studio.failed):
        asked[0](Fetched(9, 9, VideoError("Frame 9 is broken.", path="x", frame_index=9)))
    assert "cannot be decoded" in studio.actions["frame.approve"].why_not()
    brush = studio.panel.tools._buttons["paint"]
    assert not brush.isEnabled()
    assert "cannot be decoded" in brush.toolTip()
    by_us(studio, 9)
    assert brush.isEnabled()
    assert len(asked) == 2
    assert "still being decoded" in studio.actions["frame.approve"].why_not()


@pytest.fixture
def opened(empty_desk):
    """Opens a film whose damage was there before."""

    def open_it(film):
        assert empty_desk.studio.open_path(film)
        return empty_desk.studio

    return open_it


def cut_body(path):
    path.write_bytes(path.read_bytes()[:-20])


def cut_whole(path):
    path.write_bytes(b"no picture")


@pytest.mark.parametrize("damage", [cut_body, cut_whole])
def test_a_video_whose_first_frames_are_broken_opens_on_the_next(opened, film, damage):
    for broken in (0, 1):
        damage(film / f"{broken:03d}.png")
    studio = opened(film)
    assert places(studio) == (2, 2)
    assert not studio.layers.is_waiting
    assert studio.viewer.dims.current_step[0] == 2
    assert studio.timeline._frame_index == 2
    assert np.asarray(studio.layers.layers[0]._data_view)[0, 0, 0] == 16
    studio.workspace.editor.commit_rle(disc(SIZE, (20, 20), 6), "Paint")
    track = studio.workspace.editor.current
    assert studio.project.mask(track, 2) is not None
    for frame_index in (0, 1):
        by_us(studio, frame_index)
        assert places(studio) == (frame_index, frame_index)
        assert studio.layers.has_failed
        assert not studio.layers.layers[2].editable
        reason = studio.actions["frame.approve"].why_not()
        assert reason == f"Frame {frame_index} cannot be decoded; go to another frame."
    by_napari(studio, 3)
    assert not studio.layers.is_waiting
    assert np.asarray(studio.layers.layers[0]._data_view)[0, 0, 0] == 24


def test_a_video_without_one_whole_frame_is_black_and_locked(opened, film):
    for path in film.iterdir():
        cut_body(path)
    studio = opened(film)
    assert places(studio) == (0, 0)
    assert studio.layers.has_failed
    assert not studio.layers.layers[2].editable
    assert not np.asarray(studio.layers.layers[0]._data_view).any()
    assert "cannot be decoded" in studio.actions["frame.approve"].why_not()
    by_us(studio, 4)
    assert studio.layers.has_failed
