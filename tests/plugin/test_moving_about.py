"""The canvas as a person moves about in it: fitting, picking, going to another video and back."""

from __future__ import annotations

import shutil

import napari
import numpy as np
import pytest
from fake_engine import NUM_FRAMES, SIZE, FakeEngine, disc
from fake_pointer import drag
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from ifc_core.config import read_settings
from napari_ifc.features import opening
from napari_ifc.features.opening import Opening
from napari_ifc.features.picking import Picking
from napari_ifc.features.preferences import PreferencesFeature
from napari_ifc.features.videos import Videos
from napari_ifc.settings import StudioSettings
from napari_ifc.studio import Studio

pytestmark = pytest.mark.window


@pytest.fixture(scope="module")
def viewer(qapp, unwatched):
    """A window of its own, since the size of its canvas changes."""
    made = unwatched(napari.Viewer(show=False))
    yield made
    made.close()


@pytest.fixture
def engine():
    return FakeEngine(SIZE, NUM_FRAMES)


@pytest.fixture
def studio(viewer, engine, clip, tmp_path):
    made = Studio(
        viewer,
        engine_factory=lambda: engine,
        settings=StudioSettings(projects_folder=tmp_path / "projects"),
    )
    assert made.open_path(clip)
    yield made
    made.close()
    viewer.layers.clear()


@pytest.fixture
def two_tracks(studio):
    """Two discs side by side on frame 0; nothing is selected."""
    editor = studio.workspace.editor
    ids = []
    for column in (15, 45):
        editor.select(())
        ids += editor.commit_rle(disc(SIZE, (24, column), 8), "Paint").tracks_added
    studio.select(())
    return ids


def test_a_fitted_picture_stays_fitted_and_a_zoom_of_ones_own_is_kept(studio, viewer):
    camera = viewer.scene.camera
    viewer.canvas.size = (480, 640)
    assert camera.zoom == pytest.approx(9.5)
    viewer.canvas.size = (240, 640)
    assert camera.zoom == pytest.approx(4.75)
    camera.zoom = 7.0
    viewer.canvas.size = (480, 640)
    assert camera.zoom == 7.0
    assert studio.run_action("view.fit")
    assert camera.zoom == pytest.approx(9.5)
    viewer.canvas.size = (240, 320)
    assert camera.zoom == pytest.approx(4.75)
    assert tuple(camera.center[-2:]) == pytest.approx((23.5, 31.5))


def test_a_click_on_a_mask_selects_its_track(studio, viewer, two_tracks):
    first, second = two_tracks
    told = []
    studio.selection_changed.connect(told.append)
    drag(viewer, (15, 24))
    drag(viewer, (45, 24))
    drag(viewer, (15, 24), modifiers=("Shift",))
    drag(viewer, (2, 2))
    assert told == [(first,), (second,), (first, second), ()]
    drag(viewer, (15, 24), (20, 24))  # moves the picture
    studio.layers.set_mode("paint")
    drag(viewer, (15, 24))
    assert studio.workspace.editor.selected == ()


def test_a_merge_keeps_the_track_clicked_last_wherever_the_clicks_were(studio, viewer, two_tracks):
    first, second = two_tracks
    drag(viewer, (15, 24))
    drag(viewer, (45, 24), modifiers=("Shift",))
    on_canvas = studio.workspace.editor.selected
    studio.select(())
    view = studio.panel.tracks.view
    lines = dict(zip(studio.panel.tracks.listed(), range(2), strict=True))
    for track_id, key in (
        (first, Qt.KeyboardModifier.NoModifier),
        (second, Qt.KeyboardModifier.ControlModifier),
    ):
        place = view.visualRect(view.model().index(lines[track_id], 1)).center()
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, key, place)
    in_table = studio.workspace.editor.selected
    studio.select(())
    studio.timeline.track_requested.emit(first, False)
    studio.timeline.track_requested.emit(second, True)
    in_timeline = studio.workspace.editor.selected
    assert on_canvas == in_table == in_timeline == (second, first)
    assert studio.run_action("track.merge")
    assert studio.workspace.index.track_ids() == (second,)


def test_a_click_is_not_a_selection_while_attention_reads_places(studio, two_tracks):
    picking = studio.feature(Picking)
    assert picking._is_meant()
    studio.panel.show_page("attention")
    assert not picking._is_meant()
    studio.panel.show_page("tracks")


def test_an_edit_that_begins_a_track_tells_of_the_selection(studio):
    told = []
    studio.selection_changed.connect(told.append)
    studio.workspace.editor.commit_rle(disc(SIZE, (24, 20), 8), "Paint")
    (track_id,) = studio.workspace.index.track_ids()
    assert told == [(track_id,)]
    assert studio.timeline._selected == frozenset({track_id})
    studio.run_action("edit.undo")
    assert told == [(track_id,), ()]


def test_another_video_starts_at_its_own_place(studio, two_tracks, clip, tmp_path, qtbot):
    other = tmp_path / "other"
    shutil.copytree(clip, other)
    sorted(other.iterdir())[-1].unlink()  # the same pictures would be the same video
    videos = studio.feature(Videos)
    first = studio.workspace.session.entry.id
    videos.begin_add([other])
    qtbot.waitUntil(lambda: len(videos.list.model.rows) == 2, timeout=20_000)
    second = next(row.video_id for row in videos.list.model.rows if row.video_id != first)
    studio.select(tuple(two_tracks))
    studio.layers.go_to(6)
    assert studio.show_video(second)
    assert studio.layers.frame_index == 0
    assert studio.timeline._frame_index == 0
    assert studio.timeline._selected == frozenset()
    studio.layers.go_to(2)
    assert studio.show_video(first)
    assert studio.layers.frame_index == studio.timeline._frame_index == 6


def test_leaving_a_run_asks_first(studio, engine, clip, tmp_path, qtbot, monkeypatch):
    other = tmp_path / "other"
    shutil.copytree(clip, other)
    asked = []
    answer = [False]
    monkeypatch.setattr(
        opening, "ask_to_stop", lambda work, parent: asked.append(work) or answer[0]
    )
    assert studio.feature(Opening).may_put_down()
    assert not asked
    engine.pause_after = 2
    assert studio.propose()
    assert "Looking for objects" in studio.panel.tracks.empty_text()
    studio.begin_open(other)
    studio.run_action("file.close")
    assert len(asked) == 2
    assert "Proposing" in asked[0][0]
    assert not studio.tasks.is_running
    assert studio.workspace.proposer.is_running
    answer[0] = True
    with qtbot.waitSignal(studio.opened, timeout=20_000):
        studio.begin_open(other)
    assert studio.workspace.session.entry.name == "other"


def test_an_image_layer_of_napari_is_offered_while_nothing_is_open(studio, viewer, qtbot):
    table = studio.panel.tracks
    studio.close_project()
    assert "YouTube-VIS" in table.empty_text()
    layer = viewer.add_image(np.zeros((3, 20, 30), np.uint16), name="cells")
    qtbot.waitUntil(lambda: "cells" in table.empty_text())
    assert table._empty_action == "file.open_layer"
    viewer.layers.remove(layer)
    qtbot.waitUntil(lambda: "YouTube-VIS" in table.empty_text())
    viewer.add_image(np.zeros((20, 30)), name="a picture")  # has no time
    qtbot.wait(0)
    assert "a picture" not in table.empty_text()


def test_numbers_that_were_hidden_stay_hidden_whatever_else_is_set(studio, two_tracks):
    preferences = studio.feature(PreferencesFeature).controller
    assert studio.layers.style.show_ids
    assert studio.run_action("view.ids")
    preferences.change(overlay_opacity=0.8)
    assert not studio.layers.style.show_ids
    assert studio.layers.style.opacity == 0.8
    assert not read_settings().show_ids  # and in the next window
    assert studio.run_action("view.ids")
    assert studio.layers.style.show_ids
    assert preferences.settings.show_ids
