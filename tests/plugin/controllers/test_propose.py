import dataclasses
import queue

import pytest
from fake_engine import NUM_FRAMES, SIZE, FakeEngine

from ifc_core.annotation import RunState, Scope, edits
from ifc_core.errors import DeviceMemoryError, EditError, EngineLostError, ProjectError
from ifc_core.inference.settings import ProposeSettings
from ifc_core.jobs import Progress
from napari_ifc.controllers.open_runs import is_offered, open_run_text
from napari_ifc.controllers.propose import ProposeController
from napari_ifc.controllers.run_words import brief_duration_text, duration_text, progress_view


class Bench:
    """A propose controller whose events are taken in only when ``pump`` is called."""

    def __init__(self, session, engine):
        self.events = queue.Queue()
        self.states, self.frames, self.ends = [], [], []
        self.project = session.project
        self.controller = ProposeController(
            session.project,
            session.entry,
            engine,
            lambda callback: lambda event: self.events.put((callback, event)),
            session.project.apply,
            self.states.append,
            self.frames.append,
            lambda outcome, sentence: self.ends.append((outcome, sentence)),
        )

    def pump(self, until):
        while not until():
            callback, event = self.events.get(timeout=20)
            callback(event)


@pytest.fixture
def engine():
    made = FakeEngine(SIZE, NUM_FRAMES)
    yield made
    made.close()


@pytest.fixture
def bench(session, engine):
    return Bench(session, engine)


def test_a_run_becomes_tracks_in_one_edit(bench, engine, session):
    settings = ProposeSettings(clip_length=3, score_threshold=0.2)
    bench.controller.start(settings, {"video": "clip"})
    kind, params = engine.requests[0]
    assert kind == "propose"
    assert ProposeSettings.from_json(params["settings"]) == settings
    bench.pump(lambda: bench.ends)
    assert bench.ends == [("succeeded", "2 objects were found.")]
    assert bench.frames == list(range(NUM_FRAMES))
    assert bench.project.history()[0].kind == "AcceptRun"
    assert not bench.controller.is_running
    assert bench.controller.rows() == []
    assert not bench.states[-1].active


def test_rows_lanes_and_masks_are_there_while_it_runs(bench, engine):
    engine.pause_after = 4
    bench.controller.start(ProposeSettings(), {})
    bench.pump(lambda: bench.frames == list(range(5)))
    rows = bench.controller.rows()
    assert [r.track_id for r in rows] == [-1, -2]
    assert all(r.provisional and r.num_frames == 5 for r in rows)
    assert bench.controller.lanes()[0].spans[0].stop == 5
    assert {m.rle for m in bench.controller.provisional_at(3)} == {
        engine.mask(i, 3) for i in (0, 1)
    }
    assert bench.controller.provisional_at(9) == []
    engine.release()
    bench.pump(lambda: bench.ends)


def test_corrected_frames_are_never_touched(bench, engine, session):
    project = bench.project
    bench.controller.start(ProposeSettings(), {})
    bench.pump(lambda: bench.ends)
    track = project.tracks(session.entry.id)[0]
    mine = engine.mask(1, 0)
    project.apply(edits.SetMask(track.id, 6, mine))
    project.apply(edits.MarkAbsent(track.id, Scope.this_frame(7)))
    bench.ends.clear()
    bench.controller.start(ProposeSettings(), {})
    bench.pump(lambda: bench.ends)
    assert project.mask(track.id, 6).rle == mine
    assert project.mask(track.id, 7).rle is None


@pytest.mark.parametrize("cancelled", [False, True])
def test_events_of_an_abandoned_run_are_dropped(bench, engine, cancelled):
    engine.pause_after = 2
    bench.controller.start(ProposeSettings(), {})
    bench.pump(lambda: len(bench.frames) == 3 and bench.controller.can_go_on_later)
    if cancelled:
        bench.controller.cancel()
        assert not bench.controller.can_go_on_later
    bench.controller.abandon()
    assert [run.frames_staged for run in bench.project.open_runs()] == ([] if cancelled else [3])
    engine.close()
    while not bench.events.empty():
        callback, event = bench.events.get()
        callback(event)
    assert bench.frames == [0, 1, 2]
    assert bench.ends == []


def test_a_run_of_which_too_little_is_known_is_abandoned_for_good(bench, engine):
    engine.pause_after = 0
    bench.controller.start(ProposeSettings(), {})
    assert not bench.controller.can_go_on_later
    bench.controller.abandon()
    assert bench.project.open_runs() == []


def test_a_run_can_be_paused_once_it_could_go_on(bench, engine):
    engine.pause_after = 0
    bench.controller.start(ProposeSettings(), {})
    assert bench.states[-1].why_not_pause.startswith("Too little of the run is known")
    bench.pump(lambda: bench.controller.can_go_on_later)
    assert bench.states[-1].why_not_pause == bench.controller.why_not_pause() == ""
    bench.controller.cancel()
    bench.pump(lambda: bench.ends)
    assert bench.controller.why_not_pause() == "No run is going on."


def test_a_run_with_tiles_says_that_it_cannot_be_paused(bench):
    bench.controller.start(ProposeSettings(tiles="2x2"), {})
    assert "with tiles" in bench.states[-1].why_not_pause
    bench.controller.abandon()


def paused(bench, engine, after=3):
    """The open run that is left by a pause after some frames."""
    engine.pause_after = after
    bench.controller.start(ProposeSettings(clip_length=4), {"video": "clip"})
    bench.pump(lambda: len(bench.frames) == after + 1)
    bench.controller.pause()
    bench.pump(lambda: bench.ends)
    assert bench.ends.pop() == ("paused", "")
    assert not bench.controller.is_running
    (run,) = bench.project.open_runs()
    return run


def ended(bench, engine):
    """Wait until the engine is done; nothing of it is taken in yet."""
    bench.controller.start(ProposeSettings(clip_length=4), {"video": "clip"})
    engine.jobs[0].thread.join()


def test_a_run_that_was_done_before_it_heard_of_the_cancel_leaves_nothing(bench, engine, session):
    ended(bench, engine)
    bench.controller.cancel()
    bench.pump(lambda: bench.ends)
    assert bench.ends == [("cancelled", "The run was cancelled; nothing is kept.")]
    assert bench.project.tracks(session.entry.id) == []
    assert bench.project.runs() == []


def test_a_run_that_was_done_before_it_heard_of_the_pause_is_complete_and_offered(
    bench, engine, session
):
    ended(bench, engine)
    bench.controller.pause()
    bench.pump(lambda: bench.ends)
    assert bench.ends == [("paused", "")]
    assert bench.project.tracks(session.entry.id) == []
    (run,) = bench.project.open_runs()
    assert (run.state, run.frames_staged) == (RunState.FINISHED, NUM_FRAMES)
    assert is_offered(run)
    bench.project.apply(edits.AcceptRun(run.id))
    assert len(bench.project.tracks(session.entry.id)) == 2


def test_the_shots_of_an_edited_video_are_told(bench, engine):
    engine.num_shots = 3
    bench.controller.start(ProposeSettings(clip_length=3), {"video": "clip"})
    bench.pump(lambda: bench.ends)
    assert bench.ends == [("succeeded", "2 objects were found. 3 shots were told apart.")]


def test_a_paused_run_goes_on_where_it_was(bench, engine, session):
    run = paused(bench, engine)
    assert run.frames_staged == 4
    engine.pause_after = None
    bench.controller.resume(run, {"video": "clip"})
    params = engine.requests[-1][1]
    assert params["resume"] == {"next_position": 4}
    assert ProposeSettings.from_json(params["settings"]).clip_length == 4
    assert [row.num_frames for row in bench.controller.rows()] == [4, 4]
    bench.pump(lambda: bench.ends)
    assert bench.ends == [("succeeded", "2 objects were found.")]
    assert bench.frames == list(range(NUM_FRAMES))
    track = bench.project.tracks(session.entry.id)[0]
    assert len(bench.project.track_frames(track.id)) == NUM_FRAMES
    assert bench.project.run_checkpoint(run.id) is None


def test_a_run_that_goes_on_can_be_cancelled(bench, engine):
    run = paused(bench, engine)
    engine.pause_after = 6
    bench.controller.resume(run, {})
    bench.pump(lambda: len(bench.frames) == 7)
    bench.controller.cancel()
    bench.pump(lambda: bench.ends)
    assert bench.ends[0][0] == "cancelled"
    assert bench.project.open_runs() == []
    assert bench.project.run_checkpoint(run.id) is None


def test_a_run_of_which_too_little_is_known_cannot_go_on(bench, engine):
    run = paused(bench, engine)
    for file in (bench.project.folder / "runs").iterdir():
        file.write_text("{", encoding="utf-8")
    with pytest.raises(EditError, match="keep what it found or discard"):
        bench.controller.resume(run, {})
    assert bench.project.open_runs() == [run]


def test_nothing_found_says_what_to_do(bench, engine):
    engine.num_instances = 0
    bench.controller.start(ProposeSettings(score_threshold=0.4), {})
    bench.pump(lambda: bench.ends)
    outcome, sentence = bench.ends[0]
    assert outcome == "succeeded"
    assert "0.40" in sentence
    assert "lower" in sentence
    assert bench.project.open_runs() == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (59.4, "59 s"), (61, "1 min 01 s"), (3661, "1 h 1 min")],
)
def test_durations_read_as_people_say_them(seconds, text):
    assert duration_text(seconds) == text


def test_progress_in_words():
    view = progress_view(Progress(3, 10, "", 3.0, 7.0))
    assert view.detail == "3 of 10 frames · 7 s left"
    assert view.fraction == pytest.approx(0.3)
    assert view.left == "7 s"
    assert [brief_duration_text(s) for s in (40, 320, 4000)] == ["40 s", "5 min", "1 h 6 min"]
    assert progress_view(Progress(3, None, "x", 1.0, None)).fraction is None


def test_an_undone_run_is_not_called_stopped(bench, engine):
    bench.controller.start(ProposeSettings(clip_length=3), {"video": "clip"})
    bench.pump(lambda: bench.ends)
    bench.project.undo()
    (run,) = bench.project.open_runs()
    said = open_run_text(run)
    assert said == f"A run found masks on {NUM_FRAMES} frames that no track holds."
    stopped = dataclasses.replace(run, state=RunState.RUNNING, frames_staged=3)
    assert open_run_text(stopped) == "A run was stopped after 3 frames."


def fill_disk(monkeypatch, project):
    """From now on nothing can be written to the project."""

    def refuse(*_):
        raise ProjectError("The disk is full.", path=project.folder)

    monkeypatch.setattr("ifc_core.annotation.staging.writing", refuse)


def test_a_run_that_cannot_be_stored_any_more_goes_on_later(bench, engine, monkeypatch):
    """On a full disk; it was neither ended nor told of, and nothing else could be begun."""
    engine.pause_after = 4
    bench.controller.start(ProposeSettings(), {})
    bench.pump(lambda: bench.controller.can_go_on_later and len(bench.frames) == 5)
    (run_id,) = (run.id for run in bench.project.runs())
    with monkeypatch.context() as disk:
        fill_disk(disk, bench.project)
        engine.release()
        bench.pump(lambda: bench.ends)
    assert bench.ends == [("paused", "The disk is full.")]
    assert not bench.controller.is_running
    assert engine.jobs[0].cancelled.is_set()
    (run,) = bench.project.open_runs()
    assert (run.id, run.state) == (run_id, RunState.RUNNING)
    engine.pause_after = None
    bench.controller.resume(run, {})
    bench.pump(lambda: len(bench.ends) == 2)
    assert bench.ends[1] == ("succeeded", "2 objects were found.")
    assert len(bench.project.masks_at(run.video_id, NUM_FRAMES - 1)) == 2


def test_a_run_that_cannot_be_stored_at_all_ends(bench, engine, monkeypatch):
    bench.controller.start(ProposeSettings(), {})
    with monkeypatch.context() as disk:
        fill_disk(disk, bench.project)
        bench.pump(lambda: bench.ends)
    assert bench.ends == [("failed", "The disk is full.")]
    assert not bench.controller.is_running


def test_a_video_is_left_though_its_run_cannot_be_stored(bench, engine, monkeypatch):
    engine.pause_after = 4
    bench.controller.start(ProposeSettings(), {})
    bench.pump(lambda: len(bench.frames) == 5)
    with monkeypatch.context() as disk:
        fill_disk(disk, bench.project)
        bench.controller.abandon()
    assert not bench.controller.is_running


@pytest.mark.parametrize(
    "error",
    [EngineLostError("Out of memory."), DeviceMemoryError("Out of memory.", device="cuda:0")],
)
def test_a_run_whose_engine_was_lost_goes_on_later(bench, engine, monkeypatch, error):
    """A process that the system ends for want of memory is no reason to begin anew."""
    monkeypatch.setattr("fake_engine.EngineError", lambda text: error)
    engine.error = str(error)
    bench.controller.start(ProposeSettings(), {})
    bench.pump(lambda: bench.ends)
    assert bench.ends == [("paused", "Out of memory.")]
    engine.error = ""
    bench.controller.resume(bench.project.open_runs()[0], {})
    bench.pump(lambda: len(bench.ends) == 2)
    assert bench.ends[1] == ("succeeded", "2 objects were found.")


def test_a_whole_run_that_cannot_be_accepted_is_offered(bench, engine, monkeypatch):
    def refuse(edit):
        raise ProjectError("The disk is full.", path=bench.project.folder)

    monkeypatch.setattr(bench.controller, "_apply", refuse)
    bench.controller.start(ProposeSettings(), {})
    bench.pump(lambda: bench.ends)
    assert bench.ends == [("paused", "The disk is full.")]
    (run,) = bench.project.open_runs()
    assert (run.state, run.frames_staged) == (RunState.FINISHED, NUM_FRAMES)
