"""The studio in a real window on a virtual display, with an engine that makes masks up."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import napari
import numpy as np
import pytest
from fake_engine import NUM_FRAMES, SIZE, FakeEngine
from pycocotools import mask as coco_mask
from qtpy.QtCore import Qt

from ifc_core.annotation import Project
from ifc_core.structures import FrameState, MaskSource
from napari_ifc.layers import EDIT, HEAT, OVERLAY, VIDEO
from napari_ifc.settings import StudioSettings
from napari_ifc.studio import Studio

pytestmark = pytest.mark.window


@pytest.fixture
def desk(empty_desk):
    """A studio with nothing open."""
    return empty_desk


def video_of(desk):
    """Id of the video that is open."""
    return desk.studio.workspace.session.entry.id


def paint(desk, row, column):
    """One stroke of the brush at a place, and what follows its release."""
    layer = desk.studio.layers.layers[2]
    with layer.block_history():
        layer.paint((row, column), 1)
    desk.studio.layers.flush()


@pytest.fixture
def proposed(desk, clip, qtbot):
    """A studio with two accepted tracks on the clip."""
    assert desk.studio.open_path(clip)
    with qtbot.waitSignal(desk.studio.run_finished):
        assert desk.studio.propose()
    return desk


def kinds(viewer):
    return [layer.metadata.get("ifc") for layer in viewer.layers]


def test_opening_shows_layers_and_facts(desk, clip):
    with_video = []
    desk.studio.opened.connect(with_video.append)
    assert desk.studio.open_path(clip)
    assert kinds(desk.studio.viewer) == [VIDEO, OVERLAY, EDIT]
    assert with_video[0].num_frames == NUM_FRAMES
    assert desk.studio.viewer.dims.nsteps[0] == NUM_FRAMES
    desk.studio.layers.go_to(3)
    shown = np.asarray(desk.studio.viewer.layers[0].data[3])
    assert shown[0, 0].tolist() == [195, 100, 60]


@pytest.mark.parametrize("name", ["missing.mp4", "text.mp4", "empty"])
def test_bad_input_is_one_sentence(desk, tmp_path, name):
    path = tmp_path / name
    if name == "text.mp4":
        path.write_text("not a video")
    elif name == "empty":
        path.mkdir()
    assert not desk.studio.open_path(path)
    assert len(desk.sentences) == 1
    assert desk.studio.panel.banner.text == desk.sentences[0]
    assert desk.studio.workspace is None
    assert not list(tmp_path.rglob("*.ifcproj"))


def test_a_run_is_provisional_then_one_edit(desk, clip, qtbot):
    desk.engine.pause_after = 4
    assert desk.studio.open_path(clip)
    with qtbot.waitSignal(desk.studio.run_changed, check_params_cb=lambda v: "5 of" in v.detail):
        assert desk.studio.propose()
    table = desk.studio.panel.tracks.model
    qtbot.waitUntil(lambda: table.rowCount() == 2)
    assert table.row_at(0).provisional
    assert desk.studio.project.tracks(video_of(desk)) == []
    assert desk.studio.project.history()[0].kind == "AddVideo"
    assert desk.studio.why_not_propose()
    with qtbot.waitSignal(desk.studio.run_finished) as ended:
        desk.engine.release()
    assert ended.args == ["succeeded"]
    assert desk.studio.project.history()[0].kind == "AcceptRun"
    tracks = desk.studio.project.tracks(video_of(desk))
    assert len(tracks) == 2
    expected = {desk.engine.mask(i, 7) for i in range(2)}
    assert {m.rle for m in desk.studio.project.masks_at(video_of(desk), 7)} == expected
    assert desk.studio.run_action("edit.undo")
    assert desk.studio.project.tracks(video_of(desk)) == []


def test_undo_in_a_run_takes_back_the_stroke_not_the_run(desk, clip, qtbot):
    desk.engine.pause_after = 4
    assert desk.studio.open_path(clip)
    assert desk.studio.propose()
    qtbot.waitUntil(lambda: bool(desk.studio.workspace.proposer.rows()))
    paint(desk, 10, 10)
    assert len(desk.studio.project.tracks(video_of(desk))) == 1
    assert desk.studio.run_action("edit.undo")
    assert desk.studio.project.tracks(video_of(desk)) == []
    assert desk.studio.workspace.proposer.is_running
    with qtbot.waitSignal(desk.studio.run_finished):
        desk.engine.release()


def test_a_cancelled_run_leaves_nothing(desk, clip, qtbot):
    desk.engine.pause_after = 3
    assert desk.studio.open_path(clip)
    assert desk.studio.propose()
    qtbot.waitUntil(lambda: bool(desk.studio.workspace.proposer.rows()))
    with qtbot.waitSignal(desk.studio.run_finished) as ended:
        qtbot.mouseClick(desk.studio.panel.run.cancel, Qt.MouseButton.LeftButton)
    assert ended.args == ["cancelled"]
    assert desk.studio.project.open_runs() == []
    assert desk.studio.panel.tracks.model.rowCount() == 0
    assert desk.sentences == []


def test_a_failed_run_says_why_and_leaves_nothing(desk, clip, qtbot):
    desk.engine.error = "The engine ran out of luck."
    assert desk.studio.open_path(clip)
    with qtbot.waitSignal(desk.studio.run_finished) as ended:
        assert desk.studio.propose()
    assert ended.args == ["failed"]
    assert desk.sentences == ["The engine ran out of luck."]
    assert desk.studio.project.open_runs() == []


def test_a_stroke_is_stored_on_release(proposed):
    studio = proposed.studio
    track = proposed.studio.project.tracks(video_of(proposed))[0]
    studio.select((track.id,))
    before = proposed.studio.project.mask(track.id, 0)
    studio.layers.set_mode("paint")
    paint(proposed, 5, 40)
    after = proposed.studio.project.mask(track.id, 0)
    assert after.source is MaskSource.HUMAN
    assert after.state is FrameState.CORRECTED
    assert after.rle.area > before.rle.area
    assert np.array_equal(after.rle.to_array(), studio.layers.edited_mask() != 0)
    studio.run_action("edit.undo")
    assert proposed.studio.project.mask(track.id, 0).rle == before.rle
    assert np.array_equal(studio.layers.edited_mask() != 0, before.rle.to_array())
    studio.run_action("edit.redo")
    assert proposed.studio.project.mask(track.id, 0).rle == after.rle


def test_moving_on_stores_a_stroke_that_is_still_pending(proposed):
    studio = proposed.studio
    track = proposed.studio.project.tracks(video_of(proposed))[0]
    studio.select((track.id,))
    layer = studio.layers.layers[2]
    with layer.block_history():
        layer.paint((40, 5), 1)
    proposed.studio.viewer.dims.set_current_step(0, 1)
    stored = proposed.studio.project.mask(track.id, 0)
    assert stored.rle.to_array()[40, 5]
    assert proposed.studio.project.mask(track.id, 1).source is MaskSource.MODEL


def test_polygon_and_fill_and_eraser_reach_the_project(proposed):
    studio = proposed.studio
    track = proposed.studio.project.tracks(video_of(proposed))[0]
    studio.select((track.id,))
    layer = studio.layers.layers[2]
    studio.layers.set_mode("polygon")
    layer.paint_polygon([(2, 2), (2, 12), (12, 12), (12, 2)], 1)
    studio.layers.flush()
    assert proposed.studio.project.mask(track.id, 0).rle.to_array()[6, 6]
    studio.layers.set_mode("fill")
    layer.fill((6, 6), 0)
    studio.layers.flush()
    assert not proposed.studio.project.mask(track.id, 0).rle.to_array()[6, 6]
    studio.layers.set_mode("erase")
    layer.brush_size = 200
    with layer.block_history():
        layer.paint((24, 32), 0)
    studio.layers.flush()
    record = proposed.studio.project.mask(track.id, 0)
    assert record.rle is None
    assert record.state is FrameState.ABSENT


def test_painting_without_a_track_begins_one(desk, clip):
    assert desk.studio.open_path(clip)
    assert desk.studio.run_action("track.new")
    assert desk.studio.layers.mode == "paint"
    paint(desk, 20, 20)
    (track,) = desk.studio.project.tracks(video_of(desk))
    assert desk.studio.workspace.editor.selected == (track.id,)
    assert desk.studio.project.mask(track.id, 0).rle.to_array()[20, 20]


def test_track_actions_and_their_inverses(proposed):
    studio, project = proposed.studio, proposed.studio.project
    first, second = (t.id for t in project.tracks(video_of(proposed)))
    mask = {i: project.mask(i, 8).rle for i in (first, second)}
    studio.select((first, second))
    studio.layers.go_to(5)
    assert studio.run_action("track.swap")
    assert studio.panel.banner.text == (
        f"Tracks {first} and {second} have changed places from frame 5 on."
    )
    assert project.mask(first, 8).rle == mask[second]
    assert project.mask(first, 2).rle != mask[second]
    studio.run_action("edit.undo")
    assert project.mask(first, 8).rle == mask[first]
    studio.select((first,))
    assert studio.run_action("track.split")
    assert studio.panel.banner.text.startswith(f"Track {first} ends before frame 5; ")
    assert f"track {studio.workspace.editor.current}, " in studio.panel.banner.text
    assert len(project.tracks(video_of(proposed))) == 3
    studio.run_action("edit.undo")
    studio.select((first, second))
    assert studio.run_action("track.merge")
    assert studio.panel.banner.text.startswith(f"Merged track {second} into track {first}")
    assert (
        "both tracks had a mask" in studio.panel.banner.text
    )  # what the edit itself has to say stays
    assert len(project.tracks(video_of(proposed))) == 1
    studio.run_action("edit.undo")
    studio.select((second,))
    assert studio.run_action("track.absent")
    assert project.mask(second, 5).state is FrameState.ABSENT
    studio.relabel("cat")
    assert "cat" in [c.name for c in project.categories()]
    assert studio.run_action("track.approve")
    assert studio.run_action("track.delete")
    assert [t.id for t in project.tracks(video_of(proposed))] == [first]


def test_disabled_actions_say_why(desk, clip):
    studio = desk.studio
    assert not studio.run_action("track.delete")
    assert "Open a video" in studio.panel.banner.text
    assert studio.open_path(clip)
    assert not studio.run_action("track.merge")
    assert "Select" in studio.panel.banner.text
    for action in studio.actions:
        assert action.text
        assert action.group
        reason = action.why_not()
        assert reason == "" or reason.endswith(".")


def test_clicking_a_row_selects_and_jumps(proposed, qtbot):
    studio, project = proposed.studio, proposed.studio.project
    second = project.tracks(video_of(proposed))[1].id
    studio.select((second,))
    studio.layers.go_to(7)
    assert studio.run_action("track.split")
    new = studio.workspace.editor.selected[0]
    studio.layers.go_to(0)
    table = studio.panel.tracks
    index = table.view.model().index(table.model.line_of(new), 1)
    place = table.view.visualRect(index).center()
    qtbot.mouseClick(table.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert studio.workspace.editor.selected == (new,)
    assert studio.layers.frame_index == 7


def test_lost_layers_come_back_and_the_project_is_untouched(proposed, qtbot):
    viewer, studio = proposed.studio.viewer, proposed.studio
    tracks = proposed.studio.project.tracks(video_of(proposed))
    viewer.layers.remove(viewer.layers[1])
    viewer.layers.remove(viewer.layers[1])
    qtbot.waitUntil(lambda: kinds(viewer) == [VIDEO, OVERLAY, EDIT])
    viewer.layers.move(0, 3)
    qtbot.waitUntil(lambda: kinds(viewer) == [VIDEO, OVERLAY, EDIT])
    assert proposed.studio.project.tracks(video_of(proposed)) == tracks
    studio.select((tracks[0].id,))
    paint(proposed, 3, 3)
    assert proposed.studio.project.mask(tracks[0].id, 0).rle.to_array()[3, 3]


def test_drawing_rests_in_3d(proposed, qtbot):
    viewer, studio = proposed.studio.viewer, proposed.studio
    viewer.dims.ndisplay = 3
    assert not studio.layers.layers[2].editable
    viewer.dims.ndisplay = 2
    qtbot.waitUntil(lambda: studio.layers.layers[2].editable)


def test_keys_are_bound_on_our_layers_only(proposed):
    viewer, studio = proposed.studio.viewer, proposed.studio
    other = viewer.add_labels(np.zeros(SIZE, np.uint8))
    layer = studio.layers.layers[2]
    assert proposed.studio.project.undo_label
    assert set(layer.keymap) - set(other.keymap)
    press = {str(key): call for key, call in layer.keymap.items()}
    press["Ctrl+Z"](layer)
    assert proposed.studio.project.tracks(video_of(proposed)) == []
    press["Ctrl+Shift+Z"](layer)
    assert len(proposed.studio.project.tracks(video_of(proposed))) == 2


def test_export_equals_the_screen_and_comes_back(proposed, tmp_path):
    target = tmp_path / "out.json"
    report = proposed.studio.export_ytvis(target, everything=True)
    assert report.tracks == 2
    data = json.loads(target.read_text())
    shown = {}
    for record in proposed.studio.project.masks_at(video_of(proposed), 4):
        shown[record.rle.counts] = record.rle.to_array()
    assert len(shown) == 2
    for annotation in data["annotations"]:
        rle = annotation["segmentations"][4]
        decoded = coco_mask.decode({**rle, "counts": rle["counts"].encode()})
        assert np.array_equal(decoded.astype(bool), shown[rle["counts"].encode()])
    assert proposed.studio.run_action("track.delete") is False
    before = {m.rle for m in proposed.studio.project.masks_at(video_of(proposed), 4)}
    assert proposed.studio.run_action("edit.undo")
    assert proposed.studio.import_annotations(target), proposed.sentences
    assert {m.rle for m in proposed.studio.project.masks_at(video_of(proposed), 4)} == before


def test_the_film_has_every_frame(proposed, tmp_path):
    from ifc_core.io.video import open_video

    target = tmp_path / "film.mp4"
    proposed.studio.export_overlay(target)
    with open_video(target) as film:
        assert film.video.num_frames == NUM_FRAMES


def test_everything_is_there_after_reopening(proposed, clip):
    studio = proposed.studio
    track = proposed.studio.project.tracks(video_of(proposed))[0]
    studio.select((track.id,))
    paint(proposed, 3, 3)
    painted = proposed.studio.project.mask(track.id, 0).rle
    folder = proposed.studio.project.folder
    studio.close_project()
    assert studio.workspace is None
    assert len(proposed.studio.viewer.layers) == 0
    assert studio.open_path(folder)
    assert proposed.studio.project.mask(track.id, 0).rle == painted
    assert studio.run_action("edit.undo")
    studio.close_project()
    assert studio.open_path(clip)
    assert proposed.studio.project.folder == folder


def test_the_form_shows_what_the_projects_last_run_was_made_with(desk, clip, qtbot):
    form = desk.studio.panel.propose
    usual = form.settings()
    wanted = replace(usual, duplicate_iou=0.4, tiles="2x2")
    assert desk.studio.open_path(clip)
    form.show_settings(wanted)
    with qtbot.waitSignal(desk.studio.run_finished):
        form.button.click()
    (asked,) = [params for kind, params in desk.engine.requests if kind == "propose"]
    assert asked["settings"]["duplicate_iou"] == 0.4
    desk.studio.close_project()
    form.show_settings(usual)
    assert desk.studio.open_path(clip)
    assert form.settings() == wanted


def test_a_run_cut_off_by_a_crash_is_offered(desk, clip, tmp_path):
    from ifc_core.annotation import StagedInstance, StagedMask

    assert desk.studio.open_path(clip)
    folder, video_id = desk.studio.project.folder, video_of(desk)
    desk.studio.close_project()
    project = Project.open(folder)
    run = project.begin_run("propose", video_id, {}, "")
    project.stage(run, 2, [StagedMask(0, desk.engine.mask(0, 2), 0.8)])
    project.stage_instances(run, [StagedInstance(0, "object", 0.8)])
    project.close()
    assert desk.studio.open_path(folder)
    assert "was stopped after" in desk.studio.panel.banner.text
    assert desk.studio.run_action("run.keep"), desk.sentences
    assert len(desk.studio.project.tracks(video_id)) == 1


def test_a_run_is_paused_and_goes_on_by_its_buttons(desk, clip, qtbot):
    assert desk.studio.open_path(clip)
    strip, banner = desk.studio.panel.run, desk.studio.panel.banner
    desk.engine.pause_after = 3
    assert desk.studio.propose()
    assert strip.pause.isVisibleTo(strip)
    assert not strip.pause.isEnabled()  # nothing would be kept yet
    assert not desk.studio.run_action("propose.pause")
    assert desk.studio.workspace.proposer.is_running
    rows = desk.studio.workspace.proposer.rows
    qtbot.waitUntil(lambda: bool(rows()) and rows()[0].num_frames == 4)
    qtbot.waitUntil(strip.pause.isEnabled)
    with qtbot.waitSignal(desk.studio.run_finished) as ended:
        strip.pause.click()
    assert ended.args == ["paused"]
    assert "Go on?" in banner.text
    desk.engine.pause_after = None
    with qtbot.waitSignal(desk.studio.run_finished) as ended:
        assert desk.studio.run_action("run.continue"), desk.sentences
    assert ended.args == ["succeeded"]
    tracks = desk.studio.project.tracks(video_of(desk))
    assert [len(desk.studio.project.track_frames(t.id)) for t in tracks] == [NUM_FRAMES] * 2


@pytest.mark.usefixtures("own_studio")
def test_devices_are_asked_for_when_the_page_is_shown(desk, clip, qtbot):
    assert desk.studio.open_path(clip)
    desk.studio.panel.show_page("propose")
    qtbot.waitUntil(lambda: desk.studio.panel.propose.devices() == ["auto", "cuda:0", "cpu"])
    assert "system" in [kind for kind, _ in desk.engine.requests]


def test_an_empty_video_says_what_a_run_will_take(desk, clip, qtbot):
    assert desk.studio.open_path(clip)
    table = desk.studio.panel.tracks
    qtbot.waitUntil(lambda: "About 1 min 15 s and 0.6 GB on this CPU." in table.empty_text())
    desk.studio.panel.propose._step.setValue(2)
    assert "About" not in table.empty_text()
    with qtbot.waitSignal(desk.studio.run_finished):
        assert desk.studio.propose()


def test_the_button_counts_the_frames_that_are_looked_at(desk, clip, qtbot):
    assert desk.studio.open_path(clip)
    form = desk.studio.panel.propose
    assert form.button.text() == f"Propose {NUM_FRAMES} frames"
    form._step.setValue(5)
    assert form.button.text() == f"Propose {-(-NUM_FRAMES // 5)} frames"


def test_opening_what_is_open_keeps_it_writable(proposed, clip):
    assert proposed.studio.open_path(clip)
    assert not proposed.studio.project.read_only
    assert len(proposed.studio.project.tracks(video_of(proposed))) == 2


def test_a_heat_map_lies_under_the_brush(desk, clip):
    assert desk.studio.open_path(clip)
    heat = np.full((6, 8), 0.5, np.float32)
    desk.studio.layers.show_heat(heat)
    assert kinds(desk.studio.viewer) == [VIDEO, OVERLAY, HEAT, EDIT]
    centers = desk.studio.viewer.layers[2].extent.world[:, -2:]
    assert np.allclose(centers, [[3.5, 3.5], [SIZE[0] - 4.5, SIZE[1] - 4.5]])
    desk.studio.layers.show_heat(None)
    assert kinds(desk.studio.viewer) == [VIDEO, OVERLAY, EDIT]


def test_close_leaves_no_thread_and_no_engine(clip, tmp_path, qtbot):
    before = set(threading.enumerate())
    engine = FakeEngine(SIZE, NUM_FRAMES, pause_after=3)
    viewer = napari.Viewer(show=False)
    studio = Studio(
        viewer,
        engine_factory=lambda: engine,
        settings=StudioSettings(projects_folder=tmp_path / "projects"),
    )
    assert studio.open_path(clip)
    folder = studio.project.folder
    assert studio.propose()
    proposer = studio.workspace.proposer
    qtbot.waitUntil(lambda: proposer.can_go_on_later and bool(proposer.rows()))
    viewer.close()
    assert studio.is_closed
    assert engine.closed
    assert set(threading.enumerate()) <= before
    with Project.open(folder) as project:
        assert not project.read_only
        (run,) = project.open_runs()  # goes on later
        assert run.frames_staged > 0
