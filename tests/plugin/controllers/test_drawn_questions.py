import queue

import pytest
from fake_engine import NUM_FRAMES, SIZE, FakeEngine, disc

from ifc_core.annotation import Scope, edits
from ifc_core.errors import EngineError
from ifc_core.structures import FrameState, MaskSource
from napari_ifc.controllers.drawn_questions import DrawnQuestions
from napari_ifc.controllers.editing import EditController
from napari_ifc.controllers.overlaps import PaintOver
from napari_ifc.controllers.tracks import TrackIndex

BOX = (10.0, 10.0, 30.0, 30.0)


class Bench:
    """Boxes and scribbles, answered by hand."""

    def __init__(self, session, engine):
        self.engine = engine
        self.events = queue.Queue()
        self.done, self.counts = [], []
        self.project, self.video_id = session.project, session.entry.id
        index = TrackIndex(session.project, session.entry.id)
        self.editor = EditController(session.project, session.entry, index, lambda result: None)
        self.drawn = DrawnQuestions(
            session.project,
            session.entry,
            self.editor,
            engine,
            lambda callback: lambda event: self.events.put((callback, event)),
            lambda: self.counts.append(self.drawn.num_asked),
            lambda sentence, is_error: self.done.append((sentence, is_error)),
        )

    def finds(self, rle):
        self.engine.answer = {"rle": None if rle is None else rle.to_coco()}

    def pump(self):
        callback, event = self.events.get(timeout=20)
        callback(event)

    def scribble(self, *points, positive=True):
        self.drawn.ask_scribble({}, points, 2.0, positive=positive)

    @property
    def tracks(self):
        return self.project.tracks(self.video_id)


@pytest.fixture
def bench(session):
    engine = FakeEngine(SIZE, NUM_FRAMES)
    yield Bench(session, engine)
    engine.close()


def test_a_box_without_a_track_begins_one_as_a_guess(bench):
    found = disc(SIZE, (20, 20), 9)
    bench.finds(found)
    bench.editor.go_to(2)
    bench.drawn.ask_box({"video": "clip"}, BOX)
    bench.editor.go_to(7)  # the person has moved on; the answer belongs to frame 2
    bench.editor.commit_rle(disc(SIZE, (20, 50), 4), "Paint")
    other = bench.editor.current
    bench.pump()
    track = next(t for t in bench.tracks if t.id != other)
    record = bench.project.mask(track.id, 2)
    assert bench.project.mask(other, 2) is None
    assert record.rle == found
    assert (record.source, record.state) == (MaskSource.DERIVED, FrameState.PROPOSED)
    assert bench.project.mask(track.id, 7) is None
    assert bench.editor.selected == (track.id,)
    assert "guess from the box" in bench.done[-1][0]
    bench.editor.undo()
    assert [t.id for t in bench.tracks] == [other]


def test_a_guess_scores_what_finder_and_box_are_worth(bench):
    """As a track of the person it scored 1, which no filter for unlikely ones finds."""
    found = disc(SIZE, (20, 20), 9)  # its box is 19 pixels wide and high
    for score, box in ((0.5, (11, 11, 30, 30)), (1.0, (11, 11, 30, 49))):
        bench.finds(found)
        bench.engine.answer["score"] = score
        bench.editor.select(())
        bench.drawn.ask_box({}, tuple(map(float, box)))
        bench.pump()
    assert [track.score for track in bench.tracks] == pytest.approx([0.5, 0.5], abs=0.05)


def test_a_box_on_a_selected_track_says_that_its_mask_is_another_one(bench):
    before, found = disc(SIZE, (20, 20), 9), disc(SIZE, (20, 50), 6)
    bench.editor.commit_rle(before, "Paint")
    track_id = bench.editor.current
    bench.finds(found)
    bench.drawn.ask_box({}, (40.0, 10.0, 60.0, 30.0))
    bench.pump()
    told, is_error = bench.done[-1]
    assert f"gave track {track_id} another mask" in told
    assert not is_error
    record = bench.project.mask(track_id, 0)
    assert (record.rle, record.state) == (found, FrameState.PROPOSED)
    assert bench.project.history()[0].label == f"Box track {track_id}, frame 0"
    bench.editor.undo()
    record = bench.project.mask(track_id, 0)
    assert (record.rle, record.state) == (before, FrameState.CORRECTED)


def test_a_frame_with_a_guess_on_it_is_approved_no_longer(bench):
    bench.project.apply(edits.ApproveFrames(bench.video_id, Scope(0, 1)))
    bench.finds(disc(SIZE, (20, 20), 9))
    bench.drawn.ask_box({}, BOX)
    bench.pump()
    (track,) = bench.tracks
    assert bench.project.mask(track.id, 0).state is FrameState.PROPOSED
    assert bench.project.exhaustive_frames(bench.video_id) == [1]


def test_proposing_again_leaves_the_guess(bench):
    bench.finds(disc(SIZE, (20, 20), 9))
    bench.drawn.ask_box({}, BOX)
    bench.pump()
    (track,) = bench.tracks
    run_id = bench.project.begin_run("propose", bench.video_id, {}, "")
    bench.project.finish_run(run_id)
    bench.project.apply(edits.AcceptRun(run_id))
    assert bench.project.mask(track.id, 0).rle == disc(SIZE, (20, 20), 9)


def test_a_box_with_nothing_in_it_says_so_and_marks_nothing_absent(bench):
    drawn = disc(SIZE, (20, 20), 9)
    bench.editor.commit_rle(drawn, "Paint")
    for found in (None, drawn.empty(SIZE)):
        bench.finds(found)
        bench.drawn.ask_box({}, BOX)
        bench.pump()
        assert bench.done[-1][0].startswith("Nothing was found in the box")
        assert bench.project.mask(bench.editor.current, 0).rle == drawn


def test_a_guess_stays_off_other_tracks_where_that_is_chosen(bench):
    other = disc(SIZE, (20, 30), 8)
    bench.editor.commit_rle(other, "Paint")
    bench.editor.select(())
    bench.editor.paint_over = PaintOver.FORBID
    bench.finds(disc(SIZE, (20, 20), 9))
    bench.drawn.ask_box({}, BOX)
    bench.pump()
    mask = bench.project.mask(bench.editor.current, 0).rle.to_array()
    assert mask.any()
    assert not (mask & other.to_array()).any()


def test_boxes_that_come_while_one_is_asked_are_all_answered(bench):
    bench.finds(disc(SIZE, (20, 20), 9))
    bench.drawn.ask_box({}, BOX)
    bench.drawn.ask_box({}, (40.0, 10.0, 60.0, 30.0))
    bench.editor.go_to(5)
    bench.drawn.ask_box({}, BOX)
    assert len(bench.engine.requests) == 1
    assert bench.counts == [1, 2, 3]
    drawn = bench.drawn.drawn_at(0)
    assert [rle.to_array()[10, 20] for rle in drawn] == [True, False]  # outlines, in sight
    for left in (2, 1, 0):
        bench.pump()
        assert bench.drawn.num_asked == left
    boxes = [params["box_xyxy"][0] for _, params in bench.engine.requests]
    assert boxes == [10.0, 40.0, 10.0]
    shown = [[f.frame_index for f in bench.project.track_frames(t.id)] for t in bench.tracks]
    assert shown == [[0], [0], [5]]


@pytest.mark.parametrize("waits", [True, False])
def test_a_box_beside_the_last_one_is_another_object_however_fast_it_comes(bench, waits):
    bench.finds(disc(SIZE, (20, 20), 9))
    bench.drawn.ask_box({}, BOX)
    if not waits:
        bench.pump()  # the new track is selected now, by nobody
    bench.drawn.ask_box({}, (40.0, 10.0, 60.0, 30.0))
    while bench.drawn.num_asked:
        bench.pump()
    assert len(bench.tracks) == 2


def test_a_box_over_the_last_one_is_another_try(bench):
    for waits in (True, False):
        bench.editor.select(())
        count = len(bench.tracks)
        for radius in (9, 7):
            bench.finds(disc(SIZE, (20, 20), radius))
            bench.drawn.ask_box({}, BOX)
            if not waits:
                bench.pump()
        while bench.drawn.num_asked:
            bench.pump()
        assert len(bench.tracks) == count + 1


def test_a_track_that_the_person_selected_takes_the_box_wherever_it_is(bench):
    bench.editor.commit_rle(disc(SIZE, (20, 20), 9), "Paint")
    chosen = bench.editor.current
    bench.finds(disc(SIZE, (20, 50), 6))
    bench.drawn.ask_box({}, (40.0, 10.0, 60.0, 30.0))
    bench.pump()
    assert [t.id for t in bench.tracks] == [chosen]


def test_strokes_that_begin_one_object_go_on_with_its_track(bench):
    first, second = disc(SIZE, (20, 20), 9), disc(SIZE, (20, 20), 5)
    bench.finds(first)
    bench.scribble((20.0, 20.0), (22.0, 20.0))
    bench.scribble((12.0, 20.0), (12.0, 22.0), positive=False)
    bench.pump()
    bench.finds(second)
    assert bench.engine.requests[1][1]["mask"] == first.to_coco()
    assert len(bench.engine.requests[1][1]["negative"]) == 1
    bench.events.get(timeout=20)  # answered before it was told what to find: as the first
    bench.drawn._take(bench.drawn._generation, _end(bench.engine.answer))
    (track,) = bench.tracks
    assert bench.project.mask(track.id, 0).rle == second


def _end(result):
    from ifc_core.engine.protocol import JobEnd, JobStatus

    return JobEnd(1, JobStatus.SUCCEEDED, result)


def test_scribbles_refit_the_mask_that_is_there(bench):
    before, after = disc(SIZE, (20, 20), 9), disc(SIZE, (20, 20), 5)
    bench.editor.commit_rle(before, "Paint")
    bench.finds(after)
    bench.scribble((5.0, 5.0), (9.0, 5.0), positive=False)
    params = bench.engine.requests[0][1]
    assert params["mask"] == before.to_coco()
    assert params["positive"] == []
    assert params["negative"] == [{"points_xy": [[5.0, 5.0], [9.0, 5.0]], "radius_px": 2.0}]
    bench.pump()
    assert bench.project.mask(bench.editor.current, 0).rle == after
    assert bench.project.history()[0].label.startswith("Scribble")
    bench.editor.undo()
    assert bench.project.mask(bench.editor.current, 0).rle == before


def test_a_scribble_may_take_the_whole_mask_away(bench):
    bench.editor.commit_rle(disc(SIZE, (20, 20), 9), "Paint")
    bench.finds(None)
    bench.scribble((5.0, 5.0), positive=False)
    bench.pump()
    assert bench.project.mask(bench.editor.current, 0).state is FrameState.ABSENT


def test_a_scribble_on_a_mask_that_was_changed_is_asked_again_with_it(bench):
    bench.editor.commit_rle(disc(SIZE, (20, 20), 9), "Paint")
    after, changed = disc(SIZE, (20, 20), 5), disc(SIZE, (30, 30), 4)
    bench.finds(after)
    bench.scribble((20.0, 20.0))
    bench.editor.commit_rle(changed, "Paint")
    bench.pump()
    assert bench.project.mask(bench.editor.current, 0).rle == changed
    assert bench.engine.requests[1][1]["mask"] == changed.to_coco()
    assert bench.done == []
    bench.pump()
    assert bench.project.mask(bench.editor.current, 0).rle == after


def test_the_guess_for_a_mask_that_was_painted_meanwhile_is_dropped(bench):
    bench.editor.commit_rle(disc(SIZE, (20, 20), 9), "Paint")
    bench.finds(disc(SIZE, (20, 20), 5))
    bench.drawn.ask_box({}, BOX)
    changed = disc(SIZE, (30, 30), 4)
    bench.editor.commit_rle(changed, "Paint")
    bench.pump()
    assert bench.project.mask(bench.editor.current, 0).rle == changed
    assert "dropped" in bench.done[-1][0]


def test_one_that_fails_does_not_take_the_others_along(bench):
    bench.engine.error = "The engine ran out of luck."
    bench.drawn.ask_box({}, BOX)
    bench.drawn.ask_box({}, BOX)
    bench.engine.jobs[0].thread.join(20)
    bench.engine.error = ""
    bench.finds(disc(SIZE, (20, 20), 9))
    bench.pump()
    assert bench.done == [("The engine ran out of luck.", True)]
    bench.pump()
    assert len(bench.tracks) == 1


def test_without_an_engine_nothing_waits_for_ever(bench):
    def broken(*args, **options):
        raise EngineError("The engine does not start.")

    bench.engine.request = broken
    with pytest.raises(EngineError):
        bench.drawn.ask_box({}, BOX)
    assert bench.drawn.num_asked == 0


def test_what_is_given_up_is_not_answered(bench):
    bench.finds(disc(SIZE, (20, 20), 9))
    bench.drawn.ask_box({}, BOX)
    bench.drawn.ask_box({}, BOX)
    bench.drawn.abandon()
    bench.pump()
    assert bench.tracks == []
    assert bench.drawn.num_asked == 0
