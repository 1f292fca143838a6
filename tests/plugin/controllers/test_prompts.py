import queue

import pytest
from fake_engine import NUM_FRAMES, SIZE, FakeEngine, disc

from ifc_core.annotation import Scope, edits
from ifc_core.errors import EditError
from ifc_core.structures import FrameState, MaskSource
from napari_ifc.controllers.editing import EditController
from napari_ifc.controllers.prompts import PromptController
from napari_ifc.controllers.tracks import TrackIndex


class Bench:
    """A prompt controller, pumped by hand."""

    def __init__(self, session, engine):
        self.engine = engine
        self.events = queue.Queue()
        self.views, self.done = [], []
        self.project, self.video_id = session.project, session.entry.id
        index = TrackIndex(session.project, session.entry.id)
        self.editor = EditController(session.project, session.entry, index, lambda result: None)
        self.controller = PromptController(
            session.project,
            session.entry,
            self.editor,
            engine,
            lambda callback: lambda event: self.events.put((callback, event)),
            self.views.append,
            lambda sentence, is_error: self.done.append((sentence, is_error)),
        )

    def pump(self):
        callback, event = self.events.get(timeout=20)
        callback(event)

    def candidates(self, *names):
        found = [
            {
                "source": "network" if name else "colour",
                "score": 0.9 - 0.1 * place,
                "category": name,
                "masks": [
                    {"frame_index": f, "rle": disc(SIZE, (20, 10 + f), 6 + place).to_coco()}
                    for f in (2, 3, 4)
                ]
                + [{"frame_index": 5, "rle": None}],
            }
            for place, name in enumerate(names)
        ]
        self.engine.answer = {"candidates": found, "used": [], "notices": []}
        self.editor.go_to(3)
        self.controller.ask_candidates({"video": "clip"}, place=(13.0, 20.0))
        self.pump()

    @property
    def tracks(self):
        return self.project.tracks(self.video_id)


@pytest.fixture
def bench(session):
    engine = FakeEngine(SIZE, NUM_FRAMES)
    yield Bench(session, engine)
    engine.close()


def test_candidates_are_shown_one_after_the_other(bench):
    bench.candidates("fish", "fish", None)
    kind, params = bench.engine.requests[0]
    assert (kind, params["frame_index"], params["point_xy"]) == ("candidates", 3, [13.0, 20.0])
    controller = bench.controller
    assert controller.view.text == "1 of 3: fish, 0.90"
    assert controller.mask_at(4).area == disc(SIZE, (20, 14), 6).area
    assert controller.mask_at(9) is None
    controller.next()
    assert controller.view.place == 1
    controller.next(-2)
    assert controller.view.text == "3 of 3: by colour, 0.70"
    assert bench.tracks == []


def test_accepting_makes_a_track_over_the_clip_in_one_edit(bench):
    bench.candidates("fish", "cat")
    bench.controller.next()
    before = len(bench.project.history())
    bench.controller.accept()
    (track,) = bench.tracks
    assert bench.editor.selected == (track.id,)
    assert [c.name for c in bench.project.categories()] == ["cat"]
    frames = {f.frame_index: f.state for f in bench.project.track_frames(track.id)}
    assert frames == dict.fromkeys((2, 3, 4), FrameState.PROPOSED)
    assert bench.project.mask(track.id, 3).source is MaskSource.MODEL
    assert len(bench.project.history()) == before + 1
    assert not bench.controller.view.active
    bench.project.undo()
    assert bench.tracks == []


def test_accepting_into_a_track_spares_what_is_corrected(bench):
    drawn = disc(SIZE, (30, 30), 5)
    bench.editor.commit_rle(drawn, "Paint", frame_index=4)
    track_id = bench.editor.current
    bench.candidates("fish")
    bench.controller.accept(into_current=True)
    assert [t.id for t in bench.tracks] == [track_id]
    assert bench.project.mask(track_id, 4).rle == drawn
    assert bench.project.mask(track_id, 3).rle == disc(SIZE, (20, 13), 6)


def test_two_candidates_for_one_place_become_two_tracks(bench):
    for _ in range(2):
        bench.candidates("fish")
        bench.controller.accept()
    assert len(bench.tracks) == 2


def test_approved_frames_take_no_candidate(bench):
    bench.project.apply(edits.ApproveFrames(bench.video_id, Scope(2, 3)))
    bench.candidates("fish")
    bench.controller.accept()
    (track,) = bench.tracks
    assert [f.frame_index for f in bench.project.track_frames(track.id)] == [4]


def test_dismissing_leaves_nothing_and_late_answers_are_dropped(bench):
    bench.candidates("fish")
    bench.controller.dismiss()
    assert bench.controller.shown is None
    with pytest.raises(EditError, match="no candidate"):
        bench.controller.accept()
    bench.controller.ask_candidates({}, place=(1.0, 1.0))
    bench.controller.ask_candidates({}, place=(0.0, 0.0, 9.0, 9.0))
    for _ in range(2):
        bench.pump()
    assert bench.engine.requests[-1][1]["box_xyxy"] == [0.0, 0.0, 9.0, 9.0]
    assert bench.controller.view.count == 1
    assert bench.project.runs() == []


def test_nothing_there_is_said(bench):
    bench.candidates()
    assert not bench.controller.view.active
    assert "nothing there" in bench.done[0][0]


def test_a_failure_is_said(bench):
    bench.engine.error = "The engine ran out of luck."
    bench.candidates("fish")
    assert bench.done == [("The engine ran out of luck.", True)]
    assert not bench.controller.view.active
