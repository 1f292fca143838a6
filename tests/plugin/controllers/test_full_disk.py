"""A propagation whose results cannot be stored ends, and the next one can be begun."""

import queue

import pytest
from fake_engine import NUM_FRAMES, SIZE, FakeEngine, disc

from ifc_core.annotation import edits
from ifc_core.errors import ProjectError
from ifc_core.structures import Category
from napari_ifc.controllers.correction import SpreadController, SpreadRequest


@pytest.fixture
def engine():
    made = FakeEngine(SIZE, NUM_FRAMES)
    yield made
    made.close()


def test_a_propagation_that_cannot_be_stored_ends(session, engine, monkeypatch):
    events, ends = queue.Queue(), []
    project = session.project
    project.apply(edits.SetCategory(Category(1, "fish")))
    new = project.apply(edits.NewTrack(session.entry.id, 1, 3, disc(SIZE, (20, 30), 8)))
    (track_id,) = new.tracks_added
    controller = SpreadController(
        project,
        session.entry,
        engine,
        lambda callback: lambda event: events.put((callback, event)),
        project.apply,
        lambda view: None,
        lambda frame: None,
        lambda outcome, sentence: ends.append((outcome, sentence)),
    )

    def pump(number):
        while len(ends) < number:
            callback, event = events.get(timeout=20)
            callback(event)

    def refuse(*_):
        raise ProjectError("The disk is full.", path=project.folder)

    monkeypatch.setattr("ifc_core.annotation.staging._FLUSH_SECONDS", 0.0)
    request = SpreadRequest(track_id, 3)
    controller.start(request, {"video": "clip"})
    with monkeypatch.context() as disk:
        disk.setattr("ifc_core.annotation.staging.writing", refuse)
        pump(1)
    assert ends == [("failed", "The disk is full.")]
    assert not controller.is_running
    assert engine.jobs[0].cancelled.is_set()
    assert [e.kind for e in project.history()[:1]] == ["NewTrack"]
    controller.start(request, {"video": "clip"})
    pump(2)
    assert ends[1][0] == "succeeded"
