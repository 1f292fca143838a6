"""Reviewing fifty tracks by keyboard alone, through the real window."""

from __future__ import annotations

import cv2
import napari
import numpy as np
import pytest
from fake_engine import NUM_FRAMES, SIZE, FakeEngine
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from ifc_core.annotation import StagedInstance, StagedMask, edits
from ifc_core.inference.review_queue import Reason
from ifc_core.structures import RLEMask, TrackState
from napari_ifc.features.bulk import BulkEdits
from napari_ifc.features.review import Review
from napari_ifc.features.timeline import TimelineLink
from napari_ifc.settings import StudioSettings
from napari_ifc.studio import Studio

pytestmark = pytest.mark.window

NUM_TRACKS = 50


def place(number, frame):
    """Where an object is: a small square in its own cell of the picture, moving slowly."""
    top, left = 1 + 6 * (number // 8), 8 * (number % 8) + frame // 4
    return slice(top, top + 4), slice(left, left + 4)


def mask(number, frame):
    pixels = np.zeros(SIZE, dtype=bool)
    pixels[place(number, frame)] = True
    return RLEMask.from_array(pixels)


@pytest.fixture
def film(tmp_path):
    """A folder of frames on which each object has its own colour."""
    colors = np.random.default_rng(3).integers(0, 256, (NUM_TRACKS, 3))
    folder = tmp_path / "film"
    folder.mkdir()
    for f in range(NUM_FRAMES):
        picture = np.full((*SIZE, 3), 90, np.uint8)
        for number in range(NUM_TRACKS):
            picture[place(number, f)] = colors[number]
        cv2.imwrite(str(folder / f"{f:05d}.png"), picture)
    return folder


@pytest.fixture
def studio(qapp, tmp_path, film, unwatched):
    """A window on a film with fifty proposed tracks; two of them swap on frame 5."""
    viewer = unwatched(napari.Viewer(show=True))
    engine = FakeEngine(SIZE, NUM_FRAMES)
    made = Studio(
        viewer,
        engine_factory=lambda: engine,
        settings=StudioSettings(projects_folder=tmp_path / "projects"),
    )
    assert made.open_path(film)
    project, entry = made.project, made.workspace.session.entry
    run = project.begin_run("propose", entry.id, {}, "")
    for f in range(NUM_FRAMES):
        order = list(range(NUM_TRACKS))
        if f >= 5:
            order[0], order[40] = order[40], order[0]
        unsure = {3: 0.9, 7: 0.8}
        masks = [
            StagedMask(i, mask(order[i], f), 0.9, unsure.get(i, 0.05), 0.95)
            for i in range(NUM_TRACKS)
        ]
        project.stage(run, f, masks)
    scores = [StagedInstance(i, "fish", 0.3 + 0.01 * i) for i in range(NUM_TRACKS)]
    project.stage_instances(run, scores)
    project.finish_run(run)
    made.workspace.editor.apply(edits.AcceptRun(run))
    yield made
    made.close()
    viewer.close()


def press(qtbot, studio, key, keys=Qt.KeyboardModifier.NoModifier):
    widget = studio.panel.window().focusWidget()
    assert widget is not None
    QTest.keyClick(widget, key, keys)


def test_fifty_tracks_by_keyboard_only(studio, qtbot):
    review = studio.feature(Review)
    queue = review.controller
    qtbot.waitExposed(studio.panel.window())
    studio.panel.window().activateWindow()
    studio.panel.show_page("review")
    qtbot.waitUntil(lambda: len(queue.entries) > NUM_TRACKS and not queue.is_busy, timeout=60_000)
    qtbot.waitUntil(lambda: review.page.view.hasFocus())
    press(qtbot, studio, Qt.Key.Key_Q)
    assert queue.current.reason is Reason.SWAP
    assert studio.layers.frame_index == queue.current.frame_index
    assert len(studio.workspace.editor.selected) == 2
    pair = studio.workspace.editor.selected
    before = studio.project.mask(pair[0], NUM_FRAMES - 1).rle
    press(qtbot, studio, Qt.Key.Key_Y)
    assert studio.project.mask(pair[1], NUM_FRAMES - 1).rle == before
    rejected = 0
    for _ in range(5 * NUM_TRACKS):
        if not len(queue.entries):
            qtbot.waitUntil(lambda: not queue.is_busy, timeout=60_000)
            if not len(queue.entries):
                break
        entry = queue.current
        assert entry is not None
        if entry.reason is Reason.LOW_SCORE and rejected < 2:
            rejected += 1
            press(qtbot, studio, Qt.Key.Key_U)
        else:
            press(qtbot, studio, Qt.Key.Key_Space)
    tracks = studio.project.tracks(1)
    assert [t.state for t in tracks].count(TrackState.REJECTED) == 2
    assert [t.state for t in tracks].count(TrackState.APPROVED) == NUM_TRACKS - 2
    assert studio.project.exhaustive_frames(1) == list(range(NUM_FRAMES))
    assert studio.feature(TimelineLink).progress.approved_frames == NUM_FRAMES
    assert "100%" in studio.feature(TimelineLink).progress.short
    press(qtbot, studio, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert studio.project.exhaustive_frames(1) == []
    qtbot.waitUntil(lambda: len(queue.entries) == 1, timeout=60_000)
    press(qtbot, studio, Qt.Key.Key_Q)
    press(qtbot, studio, Qt.Key.Key_Space)
    assert studio.project.exhaustive_frames(1) == list(range(NUM_FRAMES))


def test_low_scores_that_say_nothing_of_the_masks_are_not_told(desk, qtbot):
    desk.engine.num_instances = 9
    edges = desk.studio.panel.propose._edges
    edges.setCurrentIndex(edges.findData("off"))
    with qtbot.waitSignal(desk.studio.run_finished):
        assert desk.studio.propose()
    assert desk.said == "9 objects were found."


def test_what_is_probably_nothing_is_two_presses_from_gone(desk, qtbot):
    desk.engine.num_instances = 9  # the last two score 0.2 and 0.1
    assert desk.studio.actions["bulk.unlikely"].why_not() == "No untouched track has a low score."
    with qtbot.waitSignal(desk.studio.run_finished):
        assert desk.studio.propose()
    assert desk.said == (
        "9 objects were found. 2 tracks have a score below 0.3 and are probably nothing."
    )
    panel = desk.studio.panel
    panel.banner._button.click()
    assert panel.current_page == "tracks"
    low = [t.id for t in desk.project.tracks(desk.video_id) if t.score < 0.3]
    assert sorted(desk.studio.feature(BulkEdits)._found) == sorted(low)
    assert desk.studio.run_action("bulk.reject")
    shown = {record.track_id for record in desk.project.masks_at(desk.video_id, 0)}
    assert len(shown) == 7
    assert not shown & set(low)
    assert not desk.studio.run_action("bulk.unlikely")
    assert desk.studio.run_action("edit.undo")
    assert len(desk.project.masks_at(desk.video_id, 0)) == 9


def test_what_is_not_listed_is_not_deleted(desk, qtbot):
    desk.engine.num_instances = 9
    with qtbot.waitSignal(desk.studio.run_finished):
        assert desk.studio.propose()
    table = desk.studio.panel.tracks
    bulk = desk.studio.feature(BulkEdits)
    assert desk.studio.actions["bulk.delete"].why_not() == "Set a condition of the filter first."
    table.filters.search.setText("9")
    assert desk.studio.actions["bulk.delete"].why_not() == ""
    table.filters._score[1].setValue(0.6)
    listed = table.view.model()
    assert [listed.index(i, 0).data() for i in range(listed.rowCount())] == ["9"]
    assert bulk._found == (9,)
    assert table.filters._count.text() == "1 of 9 tracks"
    assert desk.studio.run_action("bulk.delete")
    assert {t.id for t in desk.project.tracks(desk.video_id)} == set(range(1, 9))
    assert desk.studio.actions["bulk.delete"].why_not() == "No track meets the filter."
    assert listed.rowCount() == 0
    table.filters.clear_button.click()
    assert listed.rowCount() == 8


def test_a_run_that_found_what_is_likely_says_no_more(desk, qtbot):
    with qtbot.waitSignal(desk.studio.run_finished):
        assert desk.studio.propose()
    assert desk.said == "2 objects were found."
