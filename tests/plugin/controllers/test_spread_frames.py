"""Which frames a gap and a marked range hold, and what they are filled from."""

import pytest
from fake_engine import NUM_FRAMES, SIZE, disc

from ifc_core.annotation import Scope, StagedInstance, StagedMask, edits
from ifc_core.structures import Category
from napari_ifc.controllers.spread_frames import (
    GAP,
    RANGE,
    SpreadFrames,
    SpreadRequest,
    nothing_wanted_text,
)

MASK = disc(SIZE, (20, 30), 8)


@pytest.fixture
def project(session):
    made = session.project
    made.apply(edits.SetCategory(Category(1, "fish")))
    return made


@pytest.fixture
def frames(session):
    return SpreadFrames(session.project, session.entry)


@pytest.fixture
def track_id(project, session):
    """A track that a model proposed on frames 0 to 2 and 7 to 8, of ten."""
    run_id = project.begin_run("propose", session.entry.id, {})
    for frame_index in (0, 1, 2, 7, 8):
        project.stage(run_id, frame_index, [StagedMask(0, MASK)])
    project.stage_instances(run_id, [StagedInstance(0, "fish", 0.9)])
    project.finish_run(run_id)
    (made,) = project.apply(edits.AcceptRun(run_id)).tracks_added
    return made


@pytest.mark.parametrize("here", [3, 5, 6])
def test_a_gap_goes_out_from_the_masks_beside_it_whoever_made_them(frames, track_id, here):
    request = SpreadRequest(track_id, here, GAP)
    assert frames.wanted(request) == [3, 4, 5, 6]
    assert frames.anchor_frames(request) == [2, 7]


def test_a_gap_beside_the_frame_that_is_shown_is_meant_too(project, frames, track_id):
    project.apply(edits.SetMask(track_id, 2, MASK))
    for here, wanted in ((2, [3, 4, 5, 6]), (7, [3, 4, 5, 6]), (8, [9])):
        request = SpreadRequest(track_id, here, GAP)
        assert frames.wanted(request) == wanted
        assert here in frames.anchor_frames(request)
    inside = SpreadRequest(track_id, 1, GAP)
    assert frames.wanted(inside) == []
    assert "no gap here" in nothing_wanted_text(inside)


def test_a_persons_masks_farther_off_count_for_a_gap_as_well(project, frames, track_id):
    project.apply(edits.SetMask(track_id, 1, MASK))
    project.apply(edits.MarkAbsent(track_id, Scope.this_frame(5)))
    request = SpreadRequest(track_id, 3, GAP)
    assert frames.wanted(request) == [3, 4]  # up to where a person said that nothing is there
    assert frames.anchor_frames(request) == [1, 2, 5]


@pytest.fixture
def doubtful(project, session):
    """A track of frames 0 to 2 and 7 to 8 of which 7 is likely wrong."""
    run_id = project.begin_run("propose", session.entry.id, {})
    for frame_index in (0, 1, 2, 7, 8):
        quality = 0.2 if frame_index == 7 else 0.9
        project.stage(run_id, frame_index, [StagedMask(0, MASK, 0.9, 0.1, 0.9, quality)])
    project.stage_instances(run_id, [StagedInstance(0, "fish", 0.9)])
    project.finish_run(run_id)
    (made,) = project.apply(edits.AcceptRun(run_id)).tracks_added
    return made


def test_a_proposal_that_is_likely_wrong_is_no_end_to_join(project, frames, doubtful):
    assert frames.anchor_frames(SpreadRequest(doubtful, 4, GAP)) == [2]
    assert frames.wanted(SpreadRequest(doubtful, 4, GAP)) == [3, 4, 5, 6]
    assert frames.anchor_frames(marked(doubtful, 3, 6)) == [2]
    assert frames.anchor_frames(SpreadRequest(doubtful, 7, GAP)) == [2, 7, 8]  # it is looked at
    project.apply(edits.ClearMasks((doubtful,), Scope(0, 2)))
    assert frames.anchor_frames(SpreadRequest(doubtful, 4, GAP)) == [7]  # there is nothing else
    project.apply(edits.SetMask(doubtful, 7, MASK))
    assert frames.anchor_frames(SpreadRequest(doubtful, 4, GAP)) == [7]


def test_approved_frames_end_a_gap(project, session, frames, track_id):
    project.apply(edits.ApproveFrames(session.entry.id, Scope.this_frame(4)))
    assert frames.wanted(SpreadRequest(track_id, 5, GAP)) == [5, 6]


def test_no_mask_of_another_kind_is_touched_by_a_gap(project, frames, track_id):
    request = SpreadRequest(track_id, 8, GAP)
    assert frames.kept(request) == {0, 1, 2, 7, 8}
    assert frames.kept(SpreadRequest(track_id, 8, "both")) == set()


def marked(track_id, first, last, here=None):
    return SpreadRequest(
        track_id, first if here is None else here, RANGE, frames=range(first, last + 1)
    )


def test_a_marked_range_holds_its_frames_and_no_others(project, frames, track_id):
    project.apply(edits.SetMask(track_id, 5, MASK))
    request = marked(track_id, 1, 7)
    assert frames.wanted(request) == [1, 2, 3, 4, 6, 7]
    assert frames.anchor_frames(request) == [5]  # what was drawn in it, not what lies beside it
    assert frames.wanted(marked(track_id, 8, 40)) == list(range(8, NUM_FRAMES))


def test_a_range_without_a_correction_joins_the_masks_beside_it(project, frames, track_id):
    project.apply(edits.SetMask(track_id, 0, MASK))
    request = marked(track_id, 2, 6)
    assert frames.wanted(request) == [2, 3, 4, 5, 6]  # the proposal in it is made anew
    assert frames.anchor_frames(request) == [0, 1, 7]
    assert frames.anchor_frames(marked(track_id, 3, 6)) == [0, 2, 7]


def test_a_range_that_holds_all_the_masks_goes_out_from_the_one_that_is_shown(frames, track_id):
    assert frames.anchor_frames(marked(track_id, 0, 9, here=7)) == [7]
    assert frames.anchor_frames(marked(track_id, 0, 9, here=4)) == []


@pytest.mark.parametrize("scope", ["both", "next", "clip", GAP])
def test_the_frames_of_a_track_are_read_once_for_an_answer(
    project, frames, track_id, monkeypatch, scope
):
    read = project.track_columns
    asked = []
    monkeypatch.setattr(project, "track_frames", lambda *args: pytest.fail("an object a frame"))
    monkeypatch.setattr(project, "track_columns", lambda i: asked.append(i) or read(i))
    plan = frames.plan(SpreadRequest(track_id, 3 if scope == GAP else 2, scope))
    assert asked == [track_id]
    assert plan.anchors
    assert plan.wanted
