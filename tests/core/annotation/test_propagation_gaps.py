"""What stays known of an accepted propagation when its place in the history is forgotten."""

import pytest

from ifc_core.annotation import Scope, StagedInstance, StagedMask, edits

from .conftest import box


@pytest.fixture
def track_id(project):
    """A track that a person drew on frame 0."""
    (made,) = project.apply(edits.NewTrack(1, 1, 0, box(1, 1))).tracks_added
    return made


def propagate(project, track_id, found, lost, asked=None):
    run_id = project.begin_run("propagate", 1, {"reach": 9} | ({"frames": asked} if asked else {}))
    for f in (*found, *lost):
        project.stage(run_id, f, [StagedMask(track_id, box(1, 1) if f in found else None)])
    project.stage_instances(run_id, [StagedInstance(track_id, "", 1.0, track_id)])
    project.finish_run(run_id)
    project.apply(edits.AcceptPropagation(run_id))


def gaps(project):
    found = project.propagation_gaps(1).items()
    return {track_id: (g.lost.tolist(), g.unreached.tolist()) for track_id, g in found}


def test_frames_that_a_person_cleared_are_no_gaps_after_compaction(project, track_id):
    propagate(project, track_id, range(1, 5), range(5, 7), asked=[0, 8])
    project.apply(edits.ClearMasks((track_id,), Scope(2, 3)))
    assert gaps(project) == {track_id: ([5, 6], [7, 8])}
    project.compact(keep_edits=0)
    assert gaps(project) == {track_id: ([5, 6], [])}
    assert [run.settings for run in project.runs()] == [{"reach": 9}]
    assert project.check() == []


def test_frames_that_a_later_propagation_found_are_not_lost_after_compaction(project, track_id):
    propagate(project, track_id, range(1, 3), range(3, 8))
    propagate(project, track_id, range(1, 6), ())
    project.apply(edits.ClearMasks((track_id,), Scope(4, 4)))
    assert gaps(project) == {track_id: ([6, 7], [])}
    for _ in range(2):
        project.compact(keep_edits=0)
        assert gaps(project) == {track_id: ([6, 7], [])}
    project.apply(edits.ClearMasks((track_id,), Scope(3, 5)))
    assert gaps(project) == {track_id: ([6, 7], [])}


def test_lost_frames_go_with_their_object_after_compaction_too(project, track_id):
    propagate(project, track_id, range(1, 5), range(5, 7))
    project.compact(keep_edits=0)
    (other,) = project.apply(edits.NewTrack(1, 1, 8, box(1, 1))).tracks_added
    project.apply(edits.MergeTracks(other, (track_id,)))
    assert gaps(project) == {other: ([5, 6], [])}
    project.compact(keep_edits=0)
    assert gaps(project) == {other: ([5, 6], [])}


def test_what_is_undone_after_compaction_brings_its_lost_frames_back(project, track_id):
    propagate(project, track_id, range(1, 5), range(5, 7))
    project.apply(edits.MarkAbsent(track_id, Scope(5, 5)))
    project.apply(edits.ApproveFrames(1, Scope(6, 6)))
    project.compact(keep_edits=2)
    assert gaps(project) == {}
    project.undo()
    project.undo()
    assert gaps(project) == {track_id: ([5, 6], [])}


def test_a_track_that_is_propagated_again_after_a_swap_keeps_no_old_gap(project, track_id):
    propagate(project, track_id, range(1, 5), range(5, 7))
    (other,) = project.apply(edits.NewTrack(1, 1, 8, box(1, 1))).tracks_added
    project.apply(edits.SwapIdentities(track_id, other, Scope.from_here(3)))
    assert gaps(project) == {other: ([5, 6], [])}
    propagate(project, other, range(5, 7), ())
    project.apply(edits.ClearMasks((other,), Scope(5, 6)))
    assert gaps(project) == {}
    project.compact(keep_edits=0)
    assert gaps(project) == {}
