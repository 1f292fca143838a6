"""Which proposals a propagation leaves."""

import pytest
from fake_engine import SIZE, disc

from ifc_core.annotation import Scope, StagedInstance, StagedMask, edits
from ifc_core.structures import Category
from napari_ifc.controllers.spread_astray import compare, frames_astray
from napari_ifc.controllers.spread_frames import GAP, RANGE, SpreadRequest

OLD, NEW = disc(SIZE, (20, 30), 8), disc(SIZE, (40, 6), 4)


@pytest.fixture
def project(session):
    made = session.project
    made.apply(edits.SetCategory(Category(1, "fish")))
    return made


@pytest.fixture
def track_id(project, session):
    """A track on all ten frames; on 7 the model thinks its mask fits badly."""
    run_id = project.begin_run("propose", session.entry.id, {})
    for frame in range(10):
        quality = 0.1 if frame == 7 else 0.9
        project.stage(run_id, frame, [StagedMask(0, OLD, 0.9, 0.1, 0.9, quality)])
    project.stage_instances(run_id, [StagedInstance(0, "fish", 0.9)])
    project.finish_run(run_id)
    (made,) = project.apply(edits.AcceptRun(run_id)).tracks_added
    project.apply(edits.SetMask(made, 1, OLD))
    return made


@pytest.fixture
def run_id(project, session, track_id):
    """A propagation that follows it to frame 3, loses it on 4 and finds something else on 5."""
    made = project.begin_run("propagate", session.entry.id, {})
    for frame, rle in enumerate([OLD, None, OLD, OLD, None, *[NEW] * 5]):
        if frame != 1:
            project.stage(made, frame, [StagedMask(track_id, rle, 0.3, 0.7)])
    project.finish_run(made)
    return made


def astray(project, track_id, run_id, scope="both", lost=(4,)):
    found = {0, 2, 3, *range(5, 10)}
    return frames_astray(project, SpreadRequest(track_id, 1, scope), run_id, found, lost, [1])


def test_proposals_that_fit_better_than_what_came_astray_are_left(project, track_id, run_id):
    assert astray(project, track_id, run_id) == (5, 6, 8, 9)
    assert astray(project, track_id, run_id, lost=()) == ()


def test_what_a_person_decided_or_a_propagation_made_is_not_asked_about(project, track_id, run_id):
    project.apply(edits.SetMask(track_id, 5, OLD))
    project.apply(edits.ClearMasks((track_id,), Scope.this_frame(6)))
    project.apply(edits.CopyMask(track_id, 9, (8,)))
    assert astray(project, track_id, run_id) == (9,)


@pytest.mark.parametrize("scope", [GAP, RANGE])
def test_where_frames_were_named_all_is_taken_as_asked(project, track_id, run_id, scope):
    assert astray(project, track_id, run_id, scope) == ()


FOUND = (0, 2, 3, *range(5, 10))


def seen_as_they_came(project, request, run_id):
    staged = {f: project.staged_masks_at(run_id, f)[0] for f in FOUND}
    pairs = (
        (f, compare(project, request, f, m.rle, 1.0 - m.uncertainty)) for f, m in staged.items()
    )
    return {f: seen for f, seen in pairs if seen is not None}


def test_masks_that_were_compared_as_they_came_are_not_read_again(
    project, track_id, run_id, monkeypatch
):
    request = SpreadRequest(track_id, 1)
    compared = seen_as_they_came(project, request, run_id)
    assert set(compared) == set(FOUND)

    def refuse(*args):
        raise AssertionError(args)

    monkeypatch.setattr(project, "staged_masks_at", refuse)
    monkeypatch.setattr(project, "mask", refuse)
    assert frames_astray(project, request, run_id, FOUND, (4,), [1], compared) == (5, 6, 8, 9)


def test_a_proposal_that_changed_since_is_compared_anew(project, track_id, run_id, session):
    request = SpreadRequest(track_id, 1)
    compared = seen_as_they_came(project, request, run_id)
    again = project.begin_run("propose", session.entry.id, {})  # puts NEW on 5 as a proposal
    project.stage(again, 5, [StagedMask(track_id, NEW, 0.9, 0.1, 0.9, 0.9)])
    project.stage_instances(again, [StagedInstance(track_id, "fish", 0.9, track_id)])
    project.finish_run(again)
    project.apply(edits.AcceptRun(again, scope=Scope.this_frame(5)))
    assert project.mask(track_id, 5).rle == NEW
    expected = frames_astray(project, request, run_id, FOUND, (4,), [1])
    assert 5 not in expected
    assert frames_astray(project, request, run_id, FOUND, (4,), [1], compared) == expected
