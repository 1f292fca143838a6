"""What a person did is kept and shown, whatever else goes on in the window at that moment."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from fake_engine import NUM_FRAMES, SIZE, disc
from fake_pointer import pointer
from napari.utils.interactions import mouse_press_callbacks, mouse_release_callbacks

from ifc_core.annotation import RunState, Scope, StagedInstance
from ifc_core.engine.protocol import JobEnd, JobStatus
from ifc_core.inference.review_queue import QueueEntry, Reason
from napari_ifc.controllers import tracks
from napari_ifc.features import opening
from napari_ifc.features.opening import Opening
from napari_ifc.features.propose import ProposeLink
from napari_ifc.features.review import Review
from napari_ifc.features.timeline import TimelineLink
from napari_ifc.rows import FrameRange

pytestmark = pytest.mark.window


@pytest.fixture
def desk(tidied_desk):
    return tidied_desk


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


class Slow:
    """An answer to boxes that comes when it is told to."""

    def __init__(self, desk):
        self.rle = disc(SIZE, (20, 20), 7)
        self.go = threading.Event()
        desk.engine._answers["box"] = self.answer

    def answer(self, number, job, tell):
        while not (self.go.wait(0.01) or job.cancelled.is_set()):
            pass
        if job.cancelled.is_set():
            tell(JobEnd(number, JobStatus.CANCELLED, {}))
        else:
            tell(JobEnd(number, JobStatus.SUCCEEDED, {"rle": self.rle.to_coco()}))


def ask_box(desk):
    assert desk.studio.run_action("tool.box")
    desk.drag((12, 12), (28, 28))
    assert desk.correction.questions.num_asked


def test_a_box_is_answered_on_its_frame_though_another_one_is_shown(desk, qtbot):
    slow = Slow(desk)
    ask_box(desk)
    desk.studio.layers.go_to(1)
    slow.go.set()
    qtbot.waitUntil(lambda: len(desk.project.tracks(desk.video_id)) == 1)
    (track,) = desk.project.tracks(desk.video_id)
    assert [f.frame_index for f in desk.project.track_frames(track.id)] == [0]
    assert desk.project.mask(track.id, 0).rle == slow.rle


def test_a_second_box_waits_in_sight_for_its_answer(desk, qtbot):
    slow = Slow(desk)
    ask_box(desk)
    desk.drag((40, 12), (56, 28))
    strip = desk.correction.strip
    assert strip._pages.currentIndex() == 3
    assert "1 more wait" in strip._asked.text()
    assert desk.picture.any()  # the boxes
    desk.studio.layers.go_to(1)
    assert not desk.picture.any()
    slow.go.set()
    qtbot.waitUntil(lambda: len(desk.project.tracks(desk.video_id)) == 2)
    assert strip._pages.currentIndex() == 0
    assert desk.sentences == []


def test_what_waits_for_an_answer_can_be_dropped(desk):
    Slow(desk)
    ask_box(desk)
    assert desk.studio.run_action("drawn.drop")
    assert not desk.picture.any()
    assert desk.studio.actions["drawn.drop"].why_not() == "No box or stroke waits for an answer."


def quietly_propagating(desk, qtbot):
    """A track whose propagation nobody asked for stands after two frames."""
    desk.correction._auto_timer.setInterval(1)
    assert desk.studio.run_action("correct.auto")
    desk.engine.pause_after = 1
    track_id = desk.corrected()
    spreader = desk.correction.spreader
    qtbot.waitUntil(lambda: spreader.is_quiet and len(spreader.staged_frames) == 2)
    return track_id


def test_the_key_for_propagating_works_while_a_quiet_one_runs(desk, qtbot):
    quietly_propagating(desk, qtbot)
    desk.engine.pause_after = None
    assert desk.studio.actions["correct.propagate"].why_not() == ""
    with qtbot.waitSignal(desk.correction.signals.spread_finished) as ended:
        assert desk.studio.run_action("correct.propagate")
    assert ended.args == ["succeeded"]
    assert "found on 7 frames; on the others it was not seen." in desk.said
    assert desk.sentences == []


def test_a_quiet_propagation_gives_way_to_a_box_and_goes_on_after_it(desk, qtbot):
    track_id = quietly_propagating(desk, qtbot)
    slow = Slow(desk)
    assert desk.studio.run_action("correct.auto")  # off: the box's own track is left alone
    desk.studio.select(())
    ask_box(desk)
    assert desk.correction.spreader.is_paused
    asked = zip(desk.engine.requests, desk.engine.jobs, strict=True)
    assert [job.cancelled.is_set() for (kind, _), job in asked if kind == "spread"] == [True]
    desk.engine.release()
    slow.go.set()
    qtbot.waitUntil(lambda: len(desk.project.tracks(desk.video_id)) == 2)
    frames = set(range(8))
    qtbot.waitUntil(lambda: {f.frame_index for f in desk.project.track_frames(track_id)} == frames)


def test_the_window_says_that_a_box_waits_for_a_run(desk, qtbot):
    slow = Slow(desk)
    desk.engine.pause_after = 2
    assert desk.studio.propose()
    ask_box(desk)
    assert desk.said == "This is answered after what the model is doing now."
    slow.go.set()
    with qtbot.waitSignal(desk.correction.signals.answered):
        pass
    assert "guess from the box" in desk.said  # in its place


def test_showing_another_video_pauses_a_run_which_goes_on_there_later(desk, second, qtbot):
    desk.engine.pause_after = 6
    assert desk.studio.propose()
    proposer = desk.studio.workspace.proposer
    qtbot.waitUntil(lambda: proposer.can_go_on_later and proposer.rows()[0].num_frames == 7)
    assert desk.studio.feature(Opening).may_put_down(keep_project=True)  # asks for nothing
    assert desk.studio.show_video(second)
    assert desk.said == "The run on clip was paused; it goes on when you show that video again."
    assert desk.studio.show_video(desk.video_id)
    assert desk.said == "A run was stopped after 7 frames. Go on?"
    desk.engine.release()
    with qtbot.waitSignal(desk.studio.run_finished) as ended:
        assert desk.studio.run_action("run.continue")
    assert ended.args == ["succeeded"]
    assert len(desk.project.tracks(desk.video_id)) == 2


def pause_a_run(desk, qtbot, num_frames):
    """Propose, and pause after some frames."""
    desk.engine.pause_after = num_frames - 1
    assert desk.studio.propose()
    proposer = desk.studio.workspace.proposer
    qtbot.waitUntil(
        lambda: proposer.can_go_on_later and proposer.rows()[0].num_frames == num_frames
    )
    with qtbot.waitSignal(desk.studio.run_finished) as ended:
        assert desk.studio.run_action("propose.pause")
    assert ended.args == ["paused"]
    desk.engine.pause_after = None


def test_a_run_that_was_stopped_is_offered_again_when_another_one_was_made(desk, qtbot):
    pause_a_run(desk, qtbot, 7)
    with qtbot.waitSignal(desk.studio.run_finished) as ended:
        assert desk.studio.propose()
    assert ended.args == ["succeeded"]
    assert desk.said.endswith("A run was stopped after 7 frames. Go on?")
    assert desk.studio.run_action("run.discard")
    with qtbot.waitSignal(desk.studio.run_finished):
        assert desk.studio.propose()
    assert "A run was stopped" not in desk.said


def test_a_run_that_found_nothing_before_it_was_stopped_goes_on(desk, qtbot):
    """The person was told that it can go on later; no mask was staged by then."""
    desk.engine.num_instances, desk.engine.pause_after = 0, 4
    assert desk.studio.propose()
    qtbot.waitUntil(lambda: desk.studio.workspace.proposer.can_go_on_later)
    with qtbot.waitSignal(desk.studio.run_finished) as ended:
        assert desk.studio.run_action("propose.pause")
    assert ended.args == ["paused"]
    assert desk.said == "A run was stopped before it found anything. Go on?"
    before = desk.project.history()
    assert desk.studio.run_action("run.keep")
    assert desk.said == "The run had found nothing yet; continue or discard it."
    assert desk.project.history() == before
    desk.engine.num_instances, desk.engine.pause_after = 2, None
    with qtbot.waitSignal(desk.studio.run_finished) as ended:
        assert desk.studio.run_action("run.continue")
    assert ended.args == ["succeeded"]
    assert desk.engine.requests[-1][1]["resume"]
    assert len(desk.project.tracks(desk.video_id)) == 2


def test_a_stopped_run_is_kept_with_classes_and_scores(desk, qtbot):
    pause_a_run(desk, qtbot, 3)
    assert desk.studio.run_action("run.keep")
    kept = [(r.class_name, r.score, r.num_frames) for r in desk.studio.workspace.index.rows()]
    assert kept == [("object", 0.9, 3), ("object", 0.8, 3)]
    (run,) = desk.project.runs()
    assert (run.state, run.finished_at) == (RunState.ACCEPTED, None)  # not taken for a whole one
    assert desk.project.run_checkpoint(run.id) is None


def test_a_run_that_is_stopped_again_at_once_keeps_classes_and_scores(desk, qtbot):
    """Also of what is not seen again, and before the engine has named its classes."""
    pause_a_run(desk, qtbot, 3)
    (run,) = desk.project.open_runs()
    named = [StagedInstance(0, "fish", 0.9), StagedInstance(1, "crab", 0.8)]
    desk.project.stage_instances(run.id, named)
    desk.engine.num_instances = 1
    desk.engine.pause_after = 3
    assert desk.studio.run_action("run.continue")
    proposer = desk.studio.workspace.proposer
    assert {(r.class_name, r.score) for r in proposer.rows()} >= {("crab", 0.8)}
    qtbot.waitUntil(lambda: proposer.rows()[0].num_frames == 4)
    with qtbot.waitSignal(desk.studio.run_finished):
        assert desk.studio.run_action("propose.pause")
    kept = [(i.label, i.score) for i in desk.project.staged_instances(run.id)]
    assert kept == [("object", 0.9), ("crab", 0.8)]  # the engine calls the first one so


def test_a_run_on_a_range_that_never_came_to_it_is_not_kept(desk, qtbot):
    with qtbot.waitSignal(desk.studio.run_finished):
        assert desk.studio.propose()
    desk.engine.pause_after = 2
    assert desk.studio.feature(ProposeLink).start(scope=Scope(5, 7))
    proposer = desk.studio.workspace.proposer
    qtbot.waitUntil(lambda: proposer.can_go_on_later and proposer.rows()[0].num_frames == 3)
    with qtbot.waitSignal(desk.studio.run_finished):
        assert desk.studio.run_action("propose.pause")
    desk.studio.run_action("run.keep")
    assert desk.said == "The run had not come to its range yet; continue or discard it."
    counts = [len(desk.project.masks_at(desk.video_id, f)) for f in range(8)]
    assert counts == [2] * 8
    assert len(desk.project.open_runs()) == 1


def test_keeping_a_stopped_run_leaves_the_frames_that_it_never_reached(desk, qtbot):
    with qtbot.waitSignal(desk.studio.run_finished):
        assert desk.studio.propose()
    before = desk.project.masks_at(desk.video_id, 7)
    pause_a_run(desk, qtbot, 3)
    assert desk.studio.run_action("run.keep")
    assert [m.rle for m in desk.project.masks_at(desk.video_id, 7)] == [m.rle for m in before]
    assert len(before) == len(desk.project.masks_at(desk.video_id, 1)) == 2
    assert desk.project.history()[0].kind == "AcceptRun"


def test_what_a_person_undid_is_not_offered(desk, qtbot, clip):
    desk.engine.answer = {
        "rle": disc(SIZE, (10, 50), 6).to_coco(),
        "source": "network",
        "score": 0.5,
        "category": None,
    }
    with qtbot.waitSignal(desk.correction.signals.answered):
        ask_box(desk)
    with qtbot.waitSignal(desk.studio.run_finished):
        assert desk.studio.propose()
    for _ in range(2):
        assert desk.studio.run_action("edit.undo")
    assert len(desk.project.open_runs()) == 2
    desk.corrected()  # there is nothing to redo any more
    with qtbot.waitSignal(desk.studio.run_finished):
        assert desk.studio.propose()
    assert desk.said == "2 objects were found."
    assert not desk.studio.run_action("run.keep")
    assert desk.studio.open_path(clip)
    assert "Keep" not in desk.said


def test_a_marked_range_lets_go_of_tracks_that_are_gone(desk):
    first = desk.corrected()
    desk.studio.select(())
    (second,) = desk.editor.commit_rle(disc(SIZE, (40, 50), 4), "Paint").tracks_added
    timeline = desk.studio.timeline
    timeline.mark(FrameRange(2, 5, (first, second)))
    desk.studio.select((first,))
    assert desk.studio.run_action("track.delete")
    assert timeline.marked == FrameRange(2, 5, (second,))
    desk.studio.select((second,))
    assert desk.studio.run_action("track.delete")
    assert timeline.marked is None
    assert not desk.studio.run_action("range.approve")


def test_a_project_that_is_closed_while_it_is_proposed_on_goes_on_later(desk, qtbot):
    desk.engine.pause_after = 6
    assert desk.studio.propose()
    (begun,) = desk.studio.work_going_on()
    assert "nothing of it is kept" in begun
    proposer, folder = desk.studio.workspace.proposer, desk.project.folder
    qtbot.waitUntil(lambda: proposer.can_go_on_later and proposer.rows()[0].num_frames == 7)
    (enough,) = desk.studio.work_going_on()
    assert "can go on later" in enough
    desk.studio.close_project()
    assert desk.studio.open_path(folder)
    assert desk.said == "A run was stopped after 7 frames. Go on?"
    desk.engine.release()
    with qtbot.waitSignal(desk.studio.run_finished) as ended:
        assert desk.studio.run_action("run.continue")
    assert ended.args == ["succeeded"]
    assert len(desk.studio.project.tracks(desk.video_id)) == 2


def test_the_queue_asks_before_it_leaves_a_video_where_something_goes_on(
    desk, second, qtbot, monkeypatch
):
    asked = []
    monkeypatch.setattr(opening, "ask_to_stop", lambda work, parent: asked.append(work))
    desk.corrected()
    desk.engine.pause_after = 2
    assert desk.studio.run_action("correct.propagate")
    review = desk.studio.feature(Review)
    entry = QueueEntry(second, 0, 0, 0, 0, 0, 0.1, 0.0, Reason.COMPLETE)
    assert not review._show_entry(entry)
    assert asked == [["Propagating a correction; nothing of it is kept"]]
    assert desk.correction.spreader.is_running
    assert desk.studio.workspace.session.entry.id == desk.video_id


def test_nothing_is_seen_under_the_brush_that_is_not_stored(desk, qtbot):
    desk.corrected()
    desk.studio.select(())
    assert desk.studio.run_action("overlap.forbid")
    new = desk.editor.commit_rle(disc(SIZE, (40, 50), 4), "Paint").tracks_added[0]
    desk.studio.select((new,))
    brush(desk)
    desk.drag((30.5, 20.5))  # wholly inside the other track
    assert desk.layer.data[20, 30] == 1
    qtbot.waitUntil(lambda: desk.layer.data[20, 30] == 0)
    assert not pixel(desk, new, (30.5, 20.5))


def test_an_import_is_told_to_every_list(desk, qtbot, tmp_path, monkeypatch):
    with qtbot.waitSignal(desk.studio.run_finished):
        assert desk.studio.propose()
    written = tmp_path / "out.json"
    desk.studio.export_ytvis(written, everything=True)
    assert desk.studio.run_action("edit.undo")
    queue = desk.studio.feature(Review).controller
    qtbot.waitUntil(lambda: not queue.is_busy)
    assert len(queue.entries) == 0
    monkeypatch.setattr(tracks, "AT_ONCE", 5)  # a worker reads what is more
    assert desk.studio.import_annotations(written), desk.sentences
    index = desk.studio.workspace.index
    qtbot.waitUntil(lambda: index.is_loaded and len(queue.entries) > 0)
    assert [row.num_frames for row in index.rows()] == [NUM_FRAMES] * 2
    assert not desk.studio.timeline.data.loading
    assert desk.studio.feature(TimelineLink).progress.num_tracks == 2
    assert desk.project.history()[0].kind == "ImportTracks"


def test_a_layer_that_is_open_can_be_annotated_once_more(desk, qtbot):
    desk.studio.close_project()
    frames = np.random.default_rng(0).integers(0, 255, (5, *SIZE)).astype(np.uint8)
    desk.studio.viewer.add_image(frames, name="stack")
    with qtbot.waitSignal(desk.studio.opened):
        assert desk.studio.run_action("file.open_layer")
    assert desk.studio.actions["file.open_layer"].why_not() == ""
    with qtbot.waitSignal(desk.studio.opened):
        assert desk.studio.run_action("file.open_layer")
    assert not desk.studio.project.read_only
    assert desk.sentences == []


def test_a_turned_view_keeps_no_word_of_a_run_back(desk, second, qtbot):
    studio = desk.studio
    desk.engine.pause_after = 6
    assert studio.propose()
    proposer = studio.workspace.proposer
    qtbot.waitUntil(lambda: proposer.can_go_on_later and proposer.rows()[0].num_frames == 7)
    studio.viewer.dims.ndisplay = 3
    try:
        turned = desk.said
        assert "rest in 3-D" in turned
        assert studio.show_video(second)
        assert desk.said == "The run on clip was paused; it goes on when you show that video again."
        studio.panel.banner.clear()
        qtbot.waitUntil(lambda: desk.said == turned)
        assert studio.show_video(desk.video_id)
        assert desk.said == "A run was stopped after 7 frames. Go on?"
    finally:
        studio.viewer.dims.ndisplay = 2
    desk.engine.release()
