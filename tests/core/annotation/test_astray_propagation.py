"""A propagation whose masks came astray leaves a model's proposals, until a person takes them."""

import pytest

from ifc_core.annotation import Scope, StagedInstance, StagedMask
from ifc_core.annotation.edits import (
    AcceptPropagation,
    AcceptRun,
    ApproveFrames,
    ClearMasks,
    SetMask,
    TakePropagated,
)
from ifc_core.errors import EditError
from ifc_core.structures import MaskSource

from .conftest import NUM_FRAMES, box, state_of

OLD, NEW = box(8, 8), box(3, 3)


@pytest.fixture
def track(project):
    """A track of a model's proposals on all frames, of which frame 3 was corrected."""
    run_id = project.begin_run("propose", 1, {})
    for frame in range(NUM_FRAMES):
        project.stage(run_id, frame, [StagedMask(0, OLD)])
    project.stage_instances(run_id, [StagedInstance(0, "dog", 0.9)])
    project.finish_run(run_id)
    (made,) = project.apply(AcceptRun(run_id)).tracks_added
    project.apply(SetMask(made, 3, box(8, 9)))
    return made


def stage(project, track):
    """A finished propagation that found the track on frames 4 to 11."""
    run_id = project.begin_run("propagate", 1, {})
    for frame in range(4, NUM_FRAMES):
        project.stage(run_id, frame, [StagedMask(track, NEW, 0.4, 0.6)])
    project.finish_run(run_id)
    return run_id


def shown(project, track):
    return {f: project.mask(track, f).rle for f in range(4, NUM_FRAMES)}


def expected(*left):
    return {f: OLD if f in left else NEW for f in range(4, NUM_FRAMES)}


def test_proposals_stay_where_it_came_astray(project, track):
    result = project.apply(AcceptPropagation(stage(project, track), astray=(8, 9)))
    assert shown(project, track) == expected(8, 9)
    assert result.label == f"Propagate track {track}, 6 masks"
    assert result.note == (
        "Proposals were kept where the new masks hardly overlap them and are less sure: 2 frames."
    )
    project.undo()
    assert shown(project, track) == dict.fromkeys(range(4, NUM_FRAMES), OLD)


def test_what_no_model_proposed_is_no_reason_to_stay(project, track):
    project.apply(ClearMasks((track,), Scope.this_frame(9)))
    project.apply(AcceptPropagation(stage(project, track)))
    assert shown(project, track) == expected()
    result = project.apply(AcceptPropagation(stage(project, track), astray=(8, 9)))
    assert project.mask(track, 8).source is MaskSource.DERIVED
    assert result.note == ""


def test_a_person_takes_the_new_masks_there_as_one_step(project, track):
    run_id = stage(project, track)
    project.apply(AcceptPropagation(run_id, astray=(8, 9)))
    before = state_of(project)["current"]
    result = project.apply(TakePropagated(run_id, (8, 9)))
    assert result.label == f"Propagate track {track}, 2 masks"
    assert shown(project, track) == expected()
    after = state_of(project)["current"]
    project.undo()
    assert state_of(project)["current"] == before
    project.redo()
    assert state_of(project)["current"] == after


def test_only_proposals_that_are_still_there_are_replaced(project, track):
    run_id = stage(project, track)
    project.apply(AcceptPropagation(run_id, astray=(7, 8, 9, 10)))
    project.apply(SetMask(track, 8, box(1, 1)))
    project.apply(ApproveFrames(1, Scope.this_frame(9)))
    project.apply(ClearMasks((track,), Scope.this_frame(10)))
    result = project.apply(TakePropagated(run_id, (7, 8, 9, 10)))
    assert result.label == f"Propagate track {track}, 1 mask"
    assert project.mask(track, 7).rle == NEW
    assert project.mask(track, 8).rle == box(1, 1)
    assert project.mask(track, 9).rle == OLD
    assert project.mask(track, 10) is None
    with pytest.raises(EditError, match="None of the proposals"):
        project.apply(TakePropagated(run_id, (7, 8, 9, 10)))


def test_nothing_is_taken_of_a_propagation_that_was_taken_back(project, track):
    run_id = stage(project, track)
    project.apply(AcceptPropagation(run_id, astray=(8, 9)))
    project.undo()
    for unknown in (run_id, 999):
        with pytest.raises(EditError, match="taken back"):
            project.apply(TakePropagated(unknown, (8, 9)))
    assert shown(project, track) == dict.fromkeys(range(4, NUM_FRAMES), OLD)


def test_of_a_propagation_that_was_compacted_nothing_is_left(project, track):
    run_id = stage(project, track)
    project.apply(AcceptPropagation(run_id, astray=(8, 9)))
    project.compact(keep_edits=0)
    with pytest.raises(EditError, match="None of the proposals"):
        project.apply(TakePropagated(run_id, (8, 9)))
    assert shown(project, track) == expected(8, 9)
