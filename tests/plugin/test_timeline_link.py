"""The strip under the canvas in a real window: playing, ranges, large videos."""

from __future__ import annotations

import pytest
from fake_engine import NUM_FRAMES
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from ifc_core.structures import FrameState, MaskSource
from napari_ifc.controllers import tracks
from napari_ifc.features.correction import Correction
from napari_ifc.features.timeline import TimelineLink
from napari_ifc.rows import FrameRange
from napari_ifc.views.lane_picture import LANE_PX
from napari_ifc.views.timeline_painter import HEAD_PX

pytestmark = pytest.mark.window


@pytest.fixture
def studio(tidied_desk, qtbot):
    """A studio with two accepted tracks on all frames of the clip."""
    made = tidied_desk.studio
    with qtbot.waitSignal(made.run_finished):
        assert made.propose()
    return made


def states(studio, track_id):
    frames = studio.project.track_frames(track_id)
    return {f.frame_index: f.state for f in frames}


def test_a_marked_range_is_approved_cleared_extended_and_each_is_one_step(studio):
    first, second = (t.id for t in studio.project.tracks(1))
    timeline = studio.timeline
    assert not studio.run_action("range.approve")
    assert "mark a range" in studio.panel.banner.text
    timeline.mark(FrameRange(2, 4, (first,)))
    before = len(studio.project.history())
    assert studio.run_action("range.approve")
    assert studio.panel.banner.text == "Approved 3 masks."
    assert {f for f, s in states(studio, first).items() if s is FrameState.APPROVED} == {2, 3, 4}
    timeline.mark(FrameRange(5, 7, (first, second)))
    assert studio.run_action("range.delete")
    assert studio.panel.banner.text == "Deleted 6 masks."
    assert studio.run_action("range.extend")
    assert studio.panel.banner.text == "Filled 6 frames."
    assert studio.run_action("range.absent")
    assert states(studio, second)[6] is FrameState.ABSENT
    assert len(studio.project.history()) == before + 4
    studio.select((first,))
    assert studio.run_action("view.hide")
    timeline.mark(FrameRange(0, 1))
    assert studio.run_action("range.approve")
    assert studio.panel.banner.text == (
        "1 hidden track is shown; approve again to approve the frames with all their tracks."
    )
    assert studio.project.exhaustive_frames(1) == []
    assert not studio.run_action("range.absent")
    assert studio.run_action("range.approve")
    assert studio.project.exhaustive_frames(1) == [0, 1]
    assert studio.feature(TimelineLink).progress.approved_frames == 2
    for _ in range(5):
        assert studio.run_action("edit.undo")
    assert set(states(studio, first).values()) == {FrameState.PROPOSED}


def test_no_marked_range_of_a_lane_is_approved_unseen(studio):
    first, second = (t.id for t in studio.project.tracks(1))
    studio.select((first,))
    assert studio.run_action("view.hide")
    studio.timeline.mark(FrameRange(2, 4, (second,)))
    assert studio.run_action("range.approve")
    assert studio.panel.banner.text == "Approved 3 masks."  # what is hidden is not concerned
    assert studio.workspace.look.hidden == {first}
    studio.timeline.mark(FrameRange(2, 4, (first, second)))
    assert studio.run_action("range.approve")
    assert studio.panel.banner.text == (
        "1 hidden track is shown; approve again to approve the marked masks."
    )
    assert set(states(studio, first).values()) == {FrameState.PROPOSED}
    assert not studio.workspace.look.hidden
    assert studio.run_action("range.approve")
    assert {f for f, s in states(studio, first).items() if s is FrameState.APPROVED} == {2, 3, 4}


def test_a_drag_along_a_lane_marks_that_lane_alone(studio, qapp):
    timeline, bar = studio.timeline, studio.timeline_panel._range_bar
    studio.timeline_panel.layout().activate()  # as in a window that is seen
    second = timeline._data.lanes[1].track_id
    view, left = timeline.viewport(), Qt.MouseButton.LeftButton
    y = HEAD_PX + LANE_PX + LANE_PX // 2
    places = [view.mapToGlobal(QPoint(int(timeline.x_of(f + 0.5)), y)) for f in (2, 4, 6)]
    QTest.mousePress(view, left, pos=view.mapFromGlobal(places[0]))
    for place in places[1:]:  # the pointer stays where it is on the screen
        QTest.mouseMove(view, view.mapFromGlobal(place))
        for _ in range(4):
            qapp.processEvents()
        assert timeline.marked.track_ids == (second,)
        assert bar.isHidden()
    QTest.mouseRelease(view, left, pos=view.mapFromGlobal(places[-1]))
    assert timeline.marked == FrameRange(2, 6, (second,))
    assert not bar.isHidden()
    qapp.processEvents()
    assert view.mapFromGlobal(places[-1]).y() == y  # the lane stays under the pointer
    QTest.mouseClick(view, left, pos=QPoint(int(timeline.x_of(8.5)), y))
    assert timeline.marked is None
    assert bar.isHidden()


def test_a_range_is_proposed_again_into_the_same_tracks(studio, qtbot):
    first, second = (t.id for t in studio.project.tracks(1))
    kept = {f: studio.project.mask(first, f).id for f in (0, 1, 9)}
    studio.timeline.mark(FrameRange(3, 6, (second,)))
    assert studio.run_action("range.delete")
    studio.timeline.mark(FrameRange(3, 6))
    with qtbot.waitSignal(studio.run_finished) as ended:
        assert studio.run_action("range.repropose")
    assert ended.args == ["succeeded"]
    assert [t.id for t in studio.project.tracks(1)] == [first, second]
    assert sorted(states(studio, second)) == list(range(NUM_FRAMES))
    assert {f: studio.project.mask(first, f).id for f in (0, 1, 9)} == kept


def test_a_propagation_stays_within_the_marked_range(studio, qtbot):
    first, second = (t.id for t in studio.project.tracks(1))
    correction = studio.feature(Correction)
    studio.select((first,))
    studio.layers.go_to(8)
    before = {f: studio.project.mask(second, f).id for f in range(NUM_FRAMES)}
    assert not studio.run_action("range.propagate")
    studio.timeline.mark(FrameRange(3, 6, (second,)))
    with qtbot.waitSignal(correction.signals.spread_finished) as ended:
        assert studio.run_action("range.propagate")
    assert ended.args == ["succeeded"]
    after = {f: studio.project.mask(second, f).id for f in range(NUM_FRAMES)}
    assert {f for f in after if after[f] != before[f]} == {3, 4, 5, 6}
    assert studio.project.mask(second, 4).source is MaskSource.DERIVED
    assert studio.run_action("edit.undo")  # it is one step
    assert {f: studio.project.mask(second, f).id for f in range(NUM_FRAMES)} == before


def test_a_range_of_several_tracks_is_propagated_for_the_selected_one(studio, qtbot):
    first, second = (t.id for t in studio.project.tracks(1))
    correction = studio.feature(Correction)
    studio.timeline.mark(FrameRange(3, 4, (first, second)))
    studio.select(())
    assert not studio.run_action("range.propagate")
    assert "lane of one track" in studio.panel.banner.text
    studio.select((first,))
    with qtbot.waitSignal(correction.signals.spread_finished):
        assert studio.run_action("range.propagate")
    assert studio.project.mask(first, 3).source is MaskSource.DERIVED
    assert studio.project.mask(second, 3).source is MaskSource.MODEL


def test_the_strip_offers_the_gap(studio, qtbot):
    first, _ = (t.id for t in studio.project.tracks(1))
    correction = studio.feature(Correction)
    studio.select((first,))
    assert not studio.run_action("correct.propagate_gap")
    assert "no gap here" in studio.panel.banner.text
    studio.timeline.mark(FrameRange(4, 5, (first,)))
    assert studio.run_action("range.delete")
    studio.layers.go_to(4)
    kept = {f: studio.project.mask(first, f).id for f in (0, 1, 2, 3, 6, 7, 8, 9)}
    correction.strip.choose("gap", "light")
    with qtbot.waitSignal(correction.signals.spread_finished):
        assert correction.propagate()
    assert {f: studio.project.mask(first, f).id for f in kept} == kept
    assert studio.project.mask(first, 4) is not None
    assert studio.project.mask(first, 5) is not None


def test_playing_goes_to_the_end_and_stops(studio, qtbot):
    link = studio.feature(TimelineLink)
    assert studio.run_action("play.toggle")
    assert link.is_playing
    qtbot.waitUntil(lambda: not link.is_playing)
    assert studio.layers.frame_index == NUM_FRAMES - 1
    assert studio.run_action("play.toggle")
    assert studio.run_action("play.toggle")
    assert not link.is_playing


@pytest.mark.parametrize("frame_index", [1, 7])
def test_playing_goes_on_from_where_one_goes_meanwhile(studio, monkeypatch, frame_index):
    link, layers, now = studio.feature(TimelineLink), studio.layers, [100.0]
    monkeypatch.setattr(link._playback, "_clock", lambda: now[0])
    layers.go_to(4)
    assert studio.run_action("play.toggle")
    link._timer.stop()  # the test is the clock
    link._tick()
    layers.go_to(frame_index)
    link._tick()
    assert layers.frame_index == frame_index
    now[0] += 1.01 / studio.workspace.session.entry.fps
    link._tick()
    assert layers.frame_index == frame_index + 1
    assert link.is_playing


def test_a_video_with_very_many_masks_is_read_beside_the_window(studio, qtbot, monkeypatch):
    folder = studio.project.folder
    studio.close_project()
    monkeypatch.setattr(tracks, "AT_ONCE", 3)
    assert studio.open_path(folder)
    qtbot.waitUntil(lambda: not studio.timeline.data.loading)
    assert studio.timeline.data.counts.tolist() == [2] * NUM_FRAMES
    assert len(studio.timeline.data.lanes[0].spans) == 1


def test_what_an_edit_of_very_many_masks_changed_is_read_beside_the_window(
    studio, qtbot, monkeypatch
):
    monkeypatch.setattr(tracks, "AT_ONCE", 3)
    studio.select(studio.workspace.index.track_ids())
    for action, kind in (("track.approve", "approved"), ("edit.undo", "proposed")):
        assert studio.run_action(action)
        assert studio.timeline.data.loading
        qtbot.waitUntil(lambda: not studio.timeline.data.loading)
        for lane in studio.timeline.data.lanes:
            assert [span.kind.value for span in lane.spans] == [kind]
