"""Proposing again: what a person said of tracks of proposals stays said."""

import pytest

from ifc_core.annotation import Scope, StagedInstance, StagedMask, TrackFilter
from ifc_core.annotation.edits import (
    AcceptRun,
    LinkDivision,
    MarkAbsent,
    MergeTracks,
    RejectTracks,
    RelabelTracks,
    RestoreTracks,
    SetMask,
    SetTrack,
    SplitTrack,
    SwapIdentities,
    UnlinkTracks,
)
from ifc_core.structures import TrackState

from .conftest import NUM_FRAMES, box, state_of

LEFT, RIGHT = (0, 0), (14, 20)
LEFT_AGAIN, RIGHT_AGAIN = (0, 1), (14, 21)
ALL = range(NUM_FRAMES)


def propose(project, *instances):
    """Accept a run of instances, each frame -> (row, column); undo and redo are exact."""
    run_id = project.begin_run("propose", 1, {})
    for frame in ALL:
        there = [(i, at[frame]) for i, at in enumerate(instances) if frame in at]
        project.stage(run_id, frame, [StagedMask(i, box(*at), 0.5) for i, at in there])
    names = [StagedInstance(i, "dog", 0.9 - 0.1 * i) for i in range(len(instances))]
    project.stage_instances(run_id, names)
    project.finish_run(run_id)
    before = state_of(project)
    result = project.apply(AcceptRun(run_id))
    after = state_of(project)
    project.undo()
    assert state_of(project) == before
    project.redo()
    assert state_of(project) == after
    return result


def still(place, frames=ALL):
    """An object that stays in its place."""
    return dict.fromkeys(frames, place)


def places(project, track_id):
    """Frame -> the mask that a track shows."""
    frames = [f.frame_index for f in project.track_frames(track_id) if f.area_px]
    return {f: project.mask(track_id, f).rle for f in frames}


def boxes(at):
    return {frame: box(*place) for frame, place in at.items()}


@pytest.fixture
def two(empty):
    """The project with two tracks of proposals, the first one at the left."""
    first, second = propose(empty, still(LEFT), still(RIGHT)).tracks_added
    assert places(empty, first) == boxes(still(LEFT))
    return empty, first, second


def test_class_name_and_place_in_the_order_stay(two):
    project, first, second = two
    project.apply(RelabelTracks((first,), 1))
    project.apply(SetTrack(first, name="Alice", color_rgb=(9, 8, 7)))
    header = project.track(first)
    assert header.state is TrackState.CORRECTED
    result = propose(project, still(RIGHT_AGAIN), still(LEFT_AGAIN))
    assert project.track(first) == header
    assert places(project, first) == boxes(still(LEFT_AGAIN))
    assert result.tracks_removed == (second,)  # a mere proposal is replaced
    assert len(result.tracks_added) == 1


def test_a_swap_stays_whatever_the_run_takes_for_one_object(two):
    project, first, second = two
    project.apply(SwapIdentities(first, second, Scope.from_here(5)))
    result = propose(project, still(LEFT_AGAIN), still(RIGHT_AGAIN))
    left, right = still(LEFT_AGAIN), still(RIGHT_AGAIN)
    assert places(project, first) == boxes({f: (left if f < 5 else right)[f] for f in ALL})
    assert places(project, second) == boxes({f: (right if f < 5 else left)[f] for f in ALL})
    assert result.tracks_added == result.tracks_removed == ()


def test_a_merge_and_a_split_stay(two):
    project, first, _ = two
    (rest,) = project.apply(SplitTrack(first, 4)).tracks_added
    result = propose(project, still(LEFT_AGAIN), still(RIGHT))
    assert places(project, first) == boxes(still(LEFT_AGAIN, range(4)))
    assert places(project, rest) == boxes(still(LEFT_AGAIN, range(4, NUM_FRAMES)))
    assert len(result.tracks_added) == 1
    project.apply(MergeTracks(first, (rest,)))
    early, late = still(LEFT, range(6)), still(LEFT_AGAIN, range(6, NUM_FRAMES))
    result = propose(project, early, still(RIGHT), late)  # the run breaks what was merged
    assert places(project, first) == boxes(early | late)
    assert len(result.tracks_added) == 1


def test_a_track_goes_on_where_the_run_sees_more_of_it(empty):
    (track,) = propose(empty, still(LEFT, range(3, 7))).tracks_added
    empty.apply(SetTrack(track, name="Alice"))
    result = propose(empty, still(LEFT_AGAIN, range(5, NUM_FRAMES)))
    assert result.tracks_added == ()
    assert places(empty, track) == boxes(still(LEFT_AGAIN, range(5, NUM_FRAMES)))


def test_what_only_passes_by_is_another_object(empty):
    (track,) = propose(empty, still(LEFT)).tracks_added
    empty.apply(SetTrack(track, name="Alice"))
    passing = {f: LEFT if f in (6, 7) else RIGHT for f in ALL}
    (other,) = propose(empty, passing, still(LEFT_AGAIN, range(6))).tracks_added
    assert places(empty, track) == boxes(still(LEFT_AGAIN, range(6)))
    assert places(empty, other) == boxes(passing)


def test_a_named_track_that_the_run_does_not_find_keeps_what_it_has(two):
    project, first, _ = two
    project.apply(SetTrack(first, name="Alice"))
    before = project.track_frames(first)
    propose(project, still(RIGHT))
    assert project.track_frames(first) == before


def test_absent_stays_absent_and_brings_no_second_track(two):
    project, first, _ = two
    project.apply(MarkAbsent(first, Scope(4, 6)))
    absent = project.track_frames(first)[4:7]
    result = propose(project, still(LEFT_AGAIN), still(RIGHT))
    assert project.track_frames(first)[4:7] == absent
    seen = [f for f in ALL if f not in (4, 5, 6)]
    assert places(project, first) == boxes(still(LEFT_AGAIN, seen))
    assert len(result.tracks_added) == 1  # for the one at the right, as ever


def test_a_mask_of_a_person_says_who_a_track_is(two):
    project, first, _ = two
    project.apply(SetMask(first, 3, box(*RIGHT)))  # it was the other one all the time
    propose(project, still(LEFT_AGAIN), still(RIGHT_AGAIN))
    seen = {f: RIGHT if f == 3 else RIGHT_AGAIN for f in ALL}
    assert places(project, first) == boxes(seen)


def test_saying_what_is_so_already_touches_no_track(two):
    project, first, second = two
    category = project.track(first).category_id
    for edit in (RelabelTracks((first,), category), SetTrack(first, name="")):
        assert project.apply(edit).seq == 0
    assert project.track(first).state is TrackState.PROPOSED
    project.apply(RelabelTracks((first,), 1))
    assert project.find_tracks(1, TrackFilter(untouched_only=True)) == [second]


def test_a_rejected_track_stays_rejected_whatever_it_is_called(two):
    project, first, _ = two
    project.apply(RejectTracks((first,)))
    project.apply(RelabelTracks((first,), 1))
    project.apply(SetTrack(first, name="Alice"))
    assert project.track(first).state is TrackState.REJECTED
    project.apply(RestoreTracks((first,)))
    assert project.track(first).state is TrackState.CORRECTED


def test_a_restored_track_is_not_replaced(two):
    project, first, second = two
    category = project.track(first).category_id
    project.apply(RelabelTracks((first,), 1))
    for edit in (RejectTracks, RestoreTracks):
        project.apply(edit((first, second)))
    propose(project, still(LEFT_AGAIN), still(RIGHT_AGAIN))
    kept = project.tracks(1, include_rejected=False)
    assert {track.id for track in kept} == {first, second}
    assert project.track(first).category_id == 1 != category


def test_a_restored_track_counts_as_touched_and_goes_on(two):
    project, first, second = two
    for edit in (RejectTracks, RestoreTracks):
        project.apply(edit((first,)))
    assert project.find_tracks(1, TrackFilter(untouched_only=True)) == [second]
    propose(project, still(LEFT_AGAIN))
    assert places(project, first) == boxes(still(LEFT_AGAIN))


EARLY, LATE = range(5), range(5, NUM_FRAMES)


@pytest.fixture
def lineage(empty):
    """A mother on frames 0 to 4 at the left, one daughter there and one at the right."""
    mother, left, right = propose(
        empty, still(LEFT, EARLY), still(LEFT, LATE), still(RIGHT, LATE)
    ).tracks_added
    empty.apply(LinkDivision(mother, (left, right)))
    return empty, mother, left, right


def parents(project):
    return {t.id: t.parent_id for t in project.tracks(1) if t.parent_id is not None}


def test_linked_proposals_go_on_in_their_tracks(lineage):
    project, mother, left, right = lineage
    result = propose(
        project, still(RIGHT_AGAIN, LATE), still(LEFT_AGAIN, LATE), still(LEFT_AGAIN, EARLY)
    )
    assert result.tracks_added == result.tracks_removed == ()
    assert parents(project) == {left: mother, right: mother}
    assert places(project, mother) == boxes(still(LEFT_AGAIN, EARLY))
    assert places(project, left) == boxes(still(LEFT_AGAIN, LATE))
    assert places(project, right) == boxes(still(RIGHT_AGAIN, LATE))
    assert {t.state for t in project.tracks(1)} == {TrackState.PROPOSED}


def test_a_run_that_sees_no_division_leaves_the_linked_tracks_apart(lineage):
    project, mother, left, right = lineage
    propose(project, still(LEFT_AGAIN))  # the mother's number goes on, the daughter is not found
    assert parents(project) == {left: mother, right: mother}
    assert places(project, mother) == boxes(still(LEFT_AGAIN, EARLY))
    assert places(project, left) == boxes(still(LEFT_AGAIN, LATE))
    assert places(project, right) == boxes(still(RIGHT, LATE))  # as it was


def test_some_frames_proposed_again_leave_the_linked_tracks(lineage):
    project, mother, left, right = lineage
    run_id = project.begin_run("propose", 1, {})
    project.stage(run_id, 5, [StagedMask(0, box(*RIGHT_AGAIN), 0.5)])
    project.finish_run(run_id)
    project.apply(AcceptRun(run_id, scope=Scope(0, 5)))
    assert parents(project) == {left: mother, right: mother}
    assert places(project, right)[5] == box(*RIGHT_AGAIN)
    assert places(project, mother) == boxes(still(LEFT, EARLY))


def test_what_is_linked_no_more_is_replaced_as_other_proposals_are(lineage):
    project, mother, left, right = lineage
    project.apply(UnlinkTracks((right,)))
    result = propose(project, still(RIGHT_AGAIN, LATE))
    assert result.tracks_removed == (right,)
    assert parents(project) == {left: mother}


def test_a_track_that_a_link_split_stays_split_without_the_link(empty):
    first, second = propose(empty, still(LEFT), still(RIGHT, LATE)).tracks_added
    (rest,) = empty.apply(LinkDivision(first, (first, second))).tracks_added
    empty.apply(UnlinkTracks((rest, second)))
    propose(empty, still(LEFT_AGAIN))
    assert places(empty, first) == boxes(still(LEFT_AGAIN, EARLY))
    assert places(empty, rest) == boxes(still(LEFT_AGAIN, LATE))
