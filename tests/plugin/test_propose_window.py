"""Propose in the window: its estimate, and when it is not offered."""

import pytest
from fake_engine import NUM_FRAMES

from ifc_core.annotation import Scope, edits
from ifc_core.engine.protocol import JobEnd, JobStatus


@pytest.fixture
def desk(tidied_desk):
    return tidied_desk


def test_an_estimate_that_gave_way_to_a_run_is_made_after_it(desk, qtbot):
    studio = desk.studio
    assert studio.presenter.estimate == ""
    with qtbot.waitSignal(studio.run_finished):
        assert studio.propose()
    assert "estimate" not in [kind for kind, _ in desk.engine.requests]
    qtbot.waitUntil(lambda: studio.presenter.estimate.startswith("About"))  # else it waits for ever
    assert studio.panel.propose._estimate.text() == studio.presenter.estimate


def test_an_estimate_gives_way_to_what_a_person_asks_for_and_is_made_after_it(
    desk, qtbot, monkeypatch
):
    studio, engine = desk.studio, desk.engine

    def waits(number, job, tell):
        job.cancelled.wait()
        tell(JobEnd(number, JobStatus.CANCELLED, {}))

    monkeypatch.setattr(engine, "_describe", waits)
    studio.proposing._timer.stop()  # else it may come between
    studio.proposing._ask_estimate()
    estimate = engine.jobs[-1]
    studio.ask_engine("system", {}, print)  # is answered beside it
    assert not estimate.cancelled.is_set()
    studio.ask_engine("box", {}, print)
    assert estimate.cancelled.is_set()
    monkeypatch.undo()
    qtbot.waitUntil(lambda: studio.presenter.estimate.startswith("About"))


def test_what_the_bundled_model_was_not_made_for_is_said_where_it_is_offered(desk):
    form, table = desk.studio.panel.propose, desk.studio.panel.tracks
    assert "bundled model for cells" in form._model.toolTip()
    assert "bundled model for cells" in table.empty_text()
    form.set_models([("default", "Bundled model"), ("models/v1", "v1")], "models/v1")
    assert "bundled model for cells" not in table.empty_text()


def test_a_run_that_would_change_nothing_is_not_offered(desk):
    studio, propose = desk.studio, desk.studio.proposing
    last = NUM_FRAMES - 1
    desk.project.apply(edits.ApproveFrames(desk.video_id, Scope(0, last - 1)))
    studio.workspace.index.reload()
    assert studio.why_not_propose() == ""  # one frame is left
    assert propose.why_not(Scope(2, 5)).startswith("All 4 marked frames are approved;")
    assert propose.why_not(Scope(2, 2)).startswith("The frame is approved;")
    assert propose.why_not(Scope(2, last)) == ""
    desk.editor.apply(edits.ApproveFrames(desk.video_id, Scope(last, last)))
    assert studio.panel.propose._estimate.text() == (
        f"All {NUM_FRAMES} frames are approved; proposing would change nothing."
    )
    assert not studio.panel.propose.button.isEnabled()
    assert not studio.propose()
    assert not studio.workspace.proposer.is_running
    studio.run_action("edit.undo")
    assert studio.panel.propose.button.isEnabled()


def test_an_estimate_is_there_once_frames_are_approved_no_longer(desk, qtbot):
    studio = desk.studio
    line = studio.panel.propose._estimate
    desk.editor.apply(edits.ApproveFrames(desk.video_id, Scope(0, NUM_FRAMES - 1)))
    studio.proposing._timer.stop()  # else it may come between
    studio.proposing._ask_estimate()
    assert line.text().startswith("All ")
    qtbot.waitUntil(lambda: studio.presenter.estimate != "")
    assert line.text().startswith("All ")
    studio.run_action("edit.undo")
    assert line.text() == studio.presenter.estimate
    assert line.text().startswith("About")
