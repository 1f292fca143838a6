import queue

import numpy as np
import pytest
from fake_engine import NUM_FRAMES, SIZE, FakeEngine, disc

from ifc_core.annotation import Project, Scope, StagedMask, edits
from ifc_core.errors import EditError
from ifc_core.structures import Category, FrameState, MaskSource, RLEMask
from napari_ifc.controllers.correction import SpreadController, SpreadRequest
from napari_ifc.controllers.spread_frames import SpreadFrames


class Bench:
    """A spread controller on a track with one corrected frame, pumped by hand."""

    def __init__(self, session, engine):
        self.events = queue.Queue()
        self.states, self.frames, self.ends = [], [], []
        self.project = session.project
        self.video_id = session.entry.id
        self.mask = disc(SIZE, (20, 30), 8)
        self.project.apply(edits.SetCategory(Category(1, "fish")))
        new = self.project.apply(edits.NewTrack(self.video_id, 1, 3, self.mask))
        (self.track_id,) = new.tracks_added
        self.controller = SpreadController(
            session.project,
            session.entry,
            engine,
            lambda callback: lambda event: self.events.put((callback, event)),
            session.project.apply,
            self.states.append,
            self.frames.append,
            lambda outcome, sentence: self.ends.append((outcome, sentence)),
        )

    def request(self, **changes):
        return SpreadRequest(self.track_id, changes.pop("frame_index", 3), **changes)

    def start(self, **changes):
        self.controller.start(self.request(**changes), {"video": "clip"})

    def pump(self, until):
        while not until():
            callback, event = self.events.get(timeout=20)
            callback(event)

    def run(self, **changes):
        self.start(**changes)
        self.pump(lambda: self.ends)
        return self.ends.pop()

    def states_of(self):
        return {f.frame_index: f.state for f in self.project.track_frames(self.track_id)}

    def source(self, frame_index):
        record = self.project.mask(self.track_id, frame_index)
        return None if record is None else record.source


@pytest.fixture
def engine():
    made = FakeEngine(SIZE, NUM_FRAMES)
    yield made
    made.close()


@pytest.fixture
def bench(session, engine):
    return Bench(session, engine)


def test_one_correction_becomes_one_edit_over_the_track(bench, engine):
    outcome, sentence = bench.run()
    assert (outcome, sentence) == (
        "succeeded",
        f"Track {bench.track_id} was found on 7 frames; on the others it was not seen.",
    )
    kind, params = engine.requests[0]
    assert kind == "spread"
    assert params["corrected"] == [{"frame_index": 3, "rle": bench.mask.to_coco()}]
    assert (params["start"], params["stop"]) == (0, NUM_FRAMES)
    assert params["correct"] == {"method": "fused"}
    assert bench.project.history()[0].kind == "AcceptPropagation"
    assert bench.states_of() == {
        **dict.fromkeys(range(8), FrameState.PROPOSED),
        3: FrameState.CORRECTED,
    }
    assert bench.source(5) is MaskSource.DERIVED
    assert bench.source(3) is MaskSource.HUMAN
    bench.project.undo()
    assert set(bench.states_of()) == {3}


def test_only_frames_that_got_a_mask_are_counted(bench, engine):
    here = {"scope": "clip", "clip_length": 3, "frame_index": 3}
    assert bench.run(**here)[1] == f"Track {bench.track_id} was taken to 2 frames."
    bench.project.apply(edits.ClearMasks((bench.track_id,), Scope.whole()))
    bench.project.apply(edits.SetMask(bench.track_id, 9, bench.mask))
    nowhere = {"scope": "clip", "clip_length": 2, "frame_index": 9}
    assert bench.run(**nowhere)[1] == f"Track {bench.track_id} was not seen on any other frame."


def test_frames_that_a_person_drew_meanwhile_are_not_counted_as_reached(bench, engine):
    engine.pause_after = 4
    bench.start(scope="forward")
    bench.pump(lambda: len(bench.controller.staged_frames) == 5)
    bench.project.apply(edits.SetMask(bench.track_id, 5, bench.mask))
    engine.release()
    bench.pump(lambda: bench.ends)
    assert "was found on 3 frames; on the others" in bench.ends[0][1]  # 4, 6 and 7


def test_its_confidence_is_stored_as_uncertainty(bench):
    bench.run()
    doubts = {f.frame_index: f.uncertainty for f in bench.project.track_frames(bench.track_id)}
    assert doubts[4] == pytest.approx(0.1)
    assert doubts[7] == pytest.approx(0.4)
    assert doubts[3] is None


def test_reviewed_frames_are_never_touched(bench):
    other = disc(SIZE, (30, 10), 4)
    project, track_id = bench.project, bench.track_id
    for frame in (1, 5, 6):
        project.apply(edits.SetMask(track_id, frame, other))
    project.apply(edits.ApproveFrames(bench.video_id, Scope.this_frame(6)))
    project.apply(edits.MarkAbsent(track_id, Scope.this_frame(2)))
    project.apply(edits.ApproveFrames(bench.video_id, Scope.this_frame(7)))
    before = {f: project.mask(track_id, f) for f in (1, 2, 3, 5, 6, 7)}
    bench.run()
    assert {f: project.mask(track_id, f) for f in before} == before
    assert project.mask(track_id, 4) is not None
    assert set(bench.frames) == {0, 4, 8, 9}


@pytest.mark.parametrize(
    ("scope", "here", "expected"),
    [
        ("forward", 3, {4, 5, 7, 8, 9}),
        ("backward", 3, {0, 1, 2}),
        ("both", 3, {0, 1, 2, 4, 5, 7, 8, 9}),
        ("next", 3, {0, 1, 2, 4, 5}),
        ("next", 4, {4, 5}),
        ("clip", 3, {2, 4}),
    ],
)
def test_scopes(bench, scope, here, expected):
    bench.project.apply(edits.SetMask(bench.track_id, 6, bench.mask))
    bench.run(scope=scope, frame_index=here, clip_length=3)
    assert set(bench.frames) == expected


def test_frames_beyond_the_reach_of_corrections_are_not_promised(bench, monkeypatch):
    monkeypatch.setattr("napari_ifc.controllers.spread_frames.DEFAULT_REACH", 4)
    outcome, sentence = bench.run()
    assert outcome == "succeeded"
    assert set(bench.frames) == {0, 1, 2, 4, 5, 6, 7}
    assert sentence == (
        f"Track {bench.track_id} was taken to 7 frames. "
        "Frames more than 4 away from a correction were left; correct one there."
    )
    near = bench.run(scope="clip", frame_index=3, clip_length=3)[1]
    assert "were left" not in near


def test_only_the_nearest_corrections_outside_the_scope_count(bench, engine):
    for frame in (0, 1, 8, 9):
        bench.project.apply(edits.SetMask(bench.track_id, frame, bench.mask))
    bench.run(scope="clip", frame_index=3, clip_length=3)
    assert [c["frame_index"] for c in engine.requests[0][1]["corrected"]] == [1, 3, 8]


def test_a_cancelled_one_leaves_nothing(bench, engine):
    engine.pause_after = 2
    history = [e.seq for e in bench.project.history()]
    bench.start()
    bench.pump(lambda: len(bench.controller.staged_frames) == 3)
    assert len(bench.controller.provisional_at(bench.frames[0])) == 1
    assert set(bench.states_of()) == {3}
    bench.controller.cancel()
    assert bench.controller.view.stopping
    bench.pump(lambda: bench.ends)
    assert bench.ends[0][0] == "cancelled"
    assert [e.seq for e in bench.project.history()] == history
    assert bench.project.runs() == []
    assert set(bench.states_of()) == {3}
    assert bench.frames[3:] == sorted(bench.frames[:3])  # those that lost their mask
    assert not bench.controller.is_running


def test_one_that_was_done_before_it_heard_of_the_cancel_leaves_nothing(bench, engine):
    bench.start()
    engine.jobs[0].thread.join()  # its end is on the way
    bench.controller.cancel()
    bench.controller.pause()  # too late for that
    bench.pump(lambda: bench.ends)
    assert bench.ends == [("cancelled", "The propagation was cancelled; nothing is kept.")]
    assert set(bench.states_of()) == {3}
    assert bench.project.runs() == []


def test_undo_during_a_run_takes_back_the_stroke(bench, engine):
    engine.pause_after = 2
    bench.start()
    bench.pump(lambda: len(bench.controller.staged_frames) == 3)
    bench.project.apply(edits.SetMask(bench.track_id, 9, bench.mask))
    assert bench.project.undo().kind == "SetMask"
    engine.release()
    bench.pump(lambda: bench.ends)
    assert bench.project.history()[0].kind == "AcceptPropagation"


def test_what_a_person_draws_during_a_run_stays(bench, engine):
    engine.pause_after = 4
    bench.start()
    bench.pump(lambda: len(bench.controller.staged_frames) == 5)
    drawn = disc(SIZE, (30, 10), 4)
    bench.project.apply(edits.SetMask(bench.track_id, 4, drawn))
    engine.release()
    bench.pump(lambda: bench.ends)
    assert bench.project.mask(bench.track_id, 4).rle == drawn
    assert "1 reviewed masks were kept." in bench.ends[0][1]


def test_pausing_lets_the_engine_go_and_resuming_asks_for_the_rest(bench, engine):
    engine.pause_after = 2
    bench.start()
    bench.pump(lambda: len(bench.controller.staged_frames) == 3)
    bench.controller.pause()
    assert bench.controller.is_paused
    assert bench.controller.view.paused
    assert engine.jobs[0].cancelled.is_set()
    assert len(bench.controller.staged_frames) == 3
    engine.release()
    bench.controller.resume()
    bench.pump(lambda: bench.ends)
    assert engine.requests[1][1]["skip"] == [0, 1, 2]
    assert bench.ends[0][0] == "succeeded"
    assert set(bench.states_of()) == set(range(8))
    assert len(bench.project.history()) == 4  # the video, a class, the track, the propagation


def pause(bench, engine, **request):
    """A run that is paused after three frames."""
    engine.pause_after = 2
    bench.start(**request)
    bench.pump(lambda: len(bench.controller.staged_frames) == 3)
    bench.controller.pause()


def resume(bench, engine):
    """Let the paused run end; what the engine was asked for, and what was said."""
    engine.release()
    bench.controller.resume()
    bench.pump(lambda: bench.ends)
    return engine.requests[-1][1], bench.ends.pop()


def test_corrections_of_a_pause_count_when_it_goes_on(bench, engine):
    pause(bench, engine)
    drawn, other = disc(SIZE, (30, 10), 4), disc(SIZE, (40, 50), 5)
    bench.project.apply(edits.SetMask(bench.track_id, 5, drawn))
    bench.project.apply(edits.NewTrack(bench.video_id, 1, 6, other))
    params, (outcome, sentence) = resume(bench, engine)
    assert [c["frame_index"] for c in params["corrected"]] == [3, 5]
    assert params["fixed"] == [3, 5]
    assert [a["frame_index"] for a in params["avoid"]] == [6]
    assert params["skip"] == [0, 1, 2]  # they lie beyond frame 3, which is as it was
    assert outcome == "succeeded"
    assert "kept" not in sentence
    assert bench.project.mask(bench.track_id, 7).rle == drawn


def test_frames_beside_a_correction_of_the_pause_are_asked_for_anew(bench, engine):
    pause(bench, engine, scope="forward")
    drawn = disc(SIZE, (30, 10), 4)
    bench.project.apply(edits.SetMask(bench.track_id, 5, drawn))
    bench.frames.clear()
    params, (outcome, sentence) = resume(bench, engine)
    assert params["skip"] == []
    assert bench.frames[:3] == [4, 5, 6]  # what they showed is gone
    assert (outcome, "kept" in sentence) == ("succeeded", False)
    shown = {f: bench.project.mask(bench.track_id, f).rle for f in (4, 5, 6, 7)}
    assert shown == {4: bench.mask, **dict.fromkeys((5, 6, 7), drawn)}


def test_what_was_made_before_a_correction_was_changed_in_the_pause_is_not_kept(bench, engine):
    pause(bench, engine)
    drawn = disc(SIZE, (30, 10), 4)
    bench.project.apply(edits.SetMask(bench.track_id, 3, drawn))
    params, (outcome, _) = resume(bench, engine)
    assert params["skip"] == []
    assert outcome == "succeeded"
    assert bench.project.mask(bench.track_id, 0).rle == drawn


def test_nothing_goes_on_where_no_correction_is_left(bench, engine):
    pause(bench, engine)
    bench.project.undo()
    with pytest.raises(EditError, match="Draw the object"):
        bench.controller.resume()
    assert bench.controller.is_paused
    bench.project.redo()
    assert resume(bench, engine)[0]["skip"] == [0, 1, 2]


def test_cancelling_a_paused_run_leaves_nothing(bench, engine):
    engine.pause_after = 2
    bench.start()
    bench.pump(lambda: len(bench.controller.staged_frames) == 3)
    bench.controller.pause()
    bench.controller.cancel()
    assert bench.ends[0][0] == "cancelled"
    assert bench.project.runs() == []


def test_a_failed_one_leaves_nothing_and_says_why(bench, engine):
    engine.error = "The engine ran out of luck."
    assert bench.run() == ("failed", "The engine ran out of luck.")
    assert bench.project.runs() == []
    assert set(bench.states_of()) == {3}


def test_an_abandoned_run_is_silent(bench, engine):
    engine.pause_after = 1
    bench.start()
    bench.pump(lambda: len(bench.controller.staged_frames) == 2)
    bench.controller.abandon()
    engine.jobs[0].thread.join()
    while not bench.events.empty():
        callback, event = bench.events.get()
        callback(event)
    assert bench.ends == []
    assert bench.project.runs() == []


def test_a_proposal_is_carried_where_nothing_is_corrected(bench, session):
    track_id, project = bench.track_id, bench.project
    project.apply(edits.ClearMasks((track_id,), Scope.whole()))
    project.apply(edits.SetMask(track_id, 5, bench.mask))
    project.apply(edits.ExtendTrack(track_id, 6))
    project.apply(edits.ClearMasks((track_id,), Scope.this_frame(5)))
    assert bench.states_of() == {6: FrameState.PROPOSED}
    assert bench.run(frame_index=6)[0] == "succeeded"
    assert project.mask(track_id, 2) is not None


def test_every_refusal_has_a_sentence(bench, engine):
    controller, request = bench.controller, bench.request()
    assert controller.why_not(None) == "Select a track first."
    assert controller.why_not(request) == ""
    bench.project.apply(edits.ClearMasks((bench.track_id,), Scope.whole()))
    assert "Draw the object" in controller.why_not(request)
    with pytest.raises(EditError, match="Draw the object"):
        bench.start()
    bench.project.undo()
    engine.pause_after = 1
    bench.start()
    assert "going on" in controller.why_not(request)
    controller.abandon()
    bench.project.apply(edits.ApproveFrames(bench.video_id, Scope.whole()))
    assert "already" in controller.why_not(request)


def test_a_read_only_project_is_left_alone(bench, session, engine):
    with Project.open(session.project.folder, read_only=True) as project:
        controller = SpreadController(
            project, session.entry, engine, lambda c: c, project.apply, print, print, print
        )
        assert "reading only" in controller.why_not(bench.request())


def test_the_light_method_is_fused_without_a_model(bench, engine):
    bench.run(method="light")
    assert engine.requests[0][1]["correct"] == {"method": "fused"}


def test_what_a_person_drew_for_other_tracks_is_not_the_object(bench, engine):
    other = disc(SIZE, (40, 50), 5)
    new = bench.project.apply(edits.NewTrack(bench.video_id, 1, 4, other))
    third = disc(SIZE, (10, 50), 4)
    bench.project.apply(edits.NewTrack(bench.video_id, 1, 4, third))
    bench.project.apply(edits.SetMask(new.tracks_added[0], 3, other))  # not a frame to be filled
    bench.run()
    (avoided,) = engine.requests[0][1]["avoid"]
    assert avoided["frame_index"] == 4
    union = RLEMask.from_coco(avoided["rle"]).to_array()
    assert np.array_equal(union, other.to_array() | third.to_array())


def test_pixels_to_avoid_are_read_at_once_however_many_tracks_there_are(bench, session):
    frames = SpreadFrames(bench.project, session.entry)
    asked = []
    bench.project._db.set_trace_callback(asked.append)
    frames.avoided(bench.request())
    alone = len(asked)
    bench.project._db.set_trace_callback(None)
    run_id = bench.project.begin_run("propose", bench.video_id, {}, "")
    masks = [StagedMask(i, disc(SIZE, (5 + i, 9 + i), 3)) for i in range(20)]
    bench.project.stage(run_id, 4, masks)
    bench.project.finish_run(run_id)
    made = bench.project.apply(edits.AcceptRun(run_id)).tracks_added
    assert len(made) == 20
    bench.project.apply(edits.ApproveTracks((made[0],)))
    bench.project.apply(edits.MarkAbsent(made[1], Scope.this_frame(4)))
    bench.project.apply(edits.ApproveTracks((made[2],)))
    bench.project.apply(edits.RejectTracks((made[2],)))
    asked.clear()
    bench.project._db.set_trace_callback(asked.append)
    avoided = frames.avoided(bench.request())
    bench.project._db.set_trace_callback(None)
    assert len(asked) == alone + 1  # the one mask that a person decided on
    assert avoided == [{"frame_index": 4, "rle": bench.project.mask(made[0], 4).rle.to_coco()}]


def test_what_an_undone_correction_was_taken_to_is_offered_not_taken_in(bench, engine):
    slip = disc(SIZE, (40, 50), 3)
    bench.project.apply(edits.SetMask(bench.track_id, 3, slip))
    engine.pause_after = 2
    bench.start()
    bench.pump(lambda: len(bench.controller.staged_frames) == 3)
    assert bench.project.undo().kind == "SetMask"  # the slip, from which the run began
    engine.release()
    bench.pump(lambda: bench.ends)
    outcome, sentence = bench.ends.pop()
    assert outcome == "offered"
    assert f"track {bench.track_id}" in sentence
    assert set(bench.states_of()) == {3}
    assert bench.project.redo_label is not None  # what was undone can be done again
    assert bench.frames[-9:] == [f for f in range(NUM_FRAMES) if f != 3]  # they lost their masks
    assert bench.controller.is_offered
    bench.controller.keep()
    assert bench.project.mask(bench.track_id, 5).rle == slip
    assert not bench.controller.is_offered
    with pytest.raises(EditError, match="No propagation"):
        bench.controller.keep()


def test_the_next_propagation_takes_the_place_of_one_that_is_offered(bench, engine):
    engine.pause_after = 2
    bench.start()
    bench.pump(lambda: len(bench.controller.staged_frames) == 3)
    redrawn = disc(SIZE, (22, 30), 6)
    bench.project.apply(edits.SetMask(bench.track_id, 3, redrawn))
    engine.release()
    bench.pump(lambda: bench.ends)
    assert bench.ends.pop()[0] == "offered"
    assert bench.run()[0] == "succeeded"
    assert bench.project.mask(bench.track_id, 5).rle == redrawn
    assert not bench.controller.is_offered
    assert bench.project.open_runs() == []


def test_a_quiet_run_gives_way_to_one_that_is_asked_for(bench, engine):
    engine.pause_after = 1
    bench.controller.start(bench.request(), {"video": "clip"}, quiet=True)
    assert bench.controller.is_quiet
    assert bench.controller.why_not(bench.request(scope="forward")) == ""
    engine.pause_after = None
    bench.start(scope="forward")
    assert engine.jobs[0].cancelled.is_set()
    assert not bench.controller.is_quiet
    bench.pump(lambda: bench.ends)
    assert bench.ends[0][0] == "succeeded"
    assert min(bench.states_of()) == 3  # nothing of the quiet one, which went both ways


def test_this_clip_is_as_wide_as_the_frame_step_makes_it(bench):
    bench.run(scope="clip", frame_index=4, clip_length=3, frame_step=2)
    assert set(bench.frames) == {0, 1, 2, 4}  # the clip of frames 0, 2 and 4; 3 is corrected


def test_the_guess_for_a_box_is_carried_and_stays(bench, session, engine):
    """Nobody approved it, but a person said where the object is."""
    from napari_ifc.controllers.editing import EditController
    from napari_ifc.controllers.guesses import take_guess
    from napari_ifc.controllers.tracks import TrackIndex

    index = TrackIndex(session.project, session.entry.id)
    editor = EditController(session.project, session.entry, index, lambda result: None)
    guess = disc(SIZE, (30, 10), 4)
    bench.run()
    take_guess(
        *(bench.project, session.entry, editor, guess, (5.0, 25.0, 15.0, 35.0)),
        track_id=bench.track_id,
        frame_index=6,
    )
    bench.run()
    corrected = [c["frame_index"] for c in engine.requests[-1][1]["corrected"]]
    assert corrected == [3, 6]
    assert bench.project.mask(bench.track_id, 6).rle == guess
    assert bench.project.mask(bench.track_id, 5).rle == guess  # from the nearer one
