"""The review queue: what is in it, in which order, why, and how it follows edits."""

from pathlib import Path

import numpy as np
import pytest

from ifc_core.annotation import Project, ProjectReader, Scope, StagedInstance, StagedMask, edits
from ifc_core.inference import review_suspicions
from ifc_core.inference.review_queue import (
    Reason,
    VideoQueue,
    entry_at,
    sorted_by_need,
    stretches,
)
from ifc_core.inference.uncertainty import SuspectedSwap
from ifc_core.jobs import JobContext
from ifc_core.structures import Category, RLEMask, TrackKind, Video

SIZE = (60, 120)
NUM_FRAMES = 40


def square(top, left, side=10):
    mask = np.zeros(SIZE, dtype=bool)
    mask[top : top + side, left : left + side] = True
    return RLEMask.from_array(mask)


@pytest.fixture
def project(tmp_path):
    """Three tracks: calm; unsure on 10 to 12 with a jump at 30; calm with a low score."""
    made = Project.create(tmp_path / "p.ifcproj")
    video = made.add_video(Video(Path("/clip.mp4"), NUM_FRAMES, *SIZE, 30.0, "1-a"))
    run = made.begin_run("propose", video, {}, "m")
    for f in range(5, NUM_FRAMES):
        jumped = 60 if f >= 30 else 0
        unsure = 0.9 if 10 <= f <= 12 else 0.05
        made.stage(
            run,
            f,
            [
                StagedMask(0, square(2, f), 0.9, 0.05, 0.95),
                StagedMask(1, square(20, f + jumped), 0.8, unsure, 0.95),
                StagedMask(2, square(45, f), 0.2, 0.05, 0.95),
            ],
        )
    instances = [StagedInstance(i, "fish", s) for i, s in ((0, 0.9), (1, 0.8), (2, 0.2))]
    made.stage_instances(run, instances)
    made.finish_run(run)
    made.apply(edits.AcceptRun(run))
    yield made
    made.close()


def ids(project):
    return {round(t.score, 1): t.id for t in project.tracks(1)}


def queue_of(project):
    queue = VideoQueue(project.videos()[0])
    with ProjectReader.open(project.folder) as reader:
        queue.build(reader, JobContext())
        queue.find_suspicions(reader, JobContext())
    return queue


def listed(queue):
    table = sorted_by_need([queue.entries()])
    return [entry_at(table, place) for place in range(len(table))]


def test_doubtful_stretches_come_before_whole_tracks_and_say_why(project):
    found = listed(queue_of(project))
    doubtful = ids(project)[0.8]
    assert [(e.track_id, e.reason) for e in found[:2]] == [
        (doubtful, Reason.UNCERTAIN),
        (doubtful, Reason.MOVE),
    ] or [(e.track_id, e.reason) for e in found[:2]] == [
        (doubtful, Reason.MOVE),
        (doubtful, Reason.UNCERTAIN),
    ]
    unsure = next(e for e in found if e.reason is Reason.UNCERTAIN)
    assert (unsure.first, unsure.last) == (10, 12)
    assert unsure.value == pytest.approx(0.9, abs=0.01)
    jump = next(e for e in found if e.reason is Reason.MOVE)
    assert jump.frame_index == 30
    assert jump.value > 5
    assert [e.reason for e in found[2:]].count(Reason.LOW_SCORE) == 1
    needs = [e.need for e in found]
    assert needs == sorted(needs, reverse=True)


def test_a_mask_that_seems_to_fit_badly_is_listed_with_its_estimate(project):
    run = project.begin_run("propose", 1, {}, "m")
    for f in range(NUM_FRAMES):
        poor = f in (20, 21)
        project.stage(run, f, [StagedMask(0, square(30, f), 0.7, 0.05, 0.95, 0.3 if poor else 0.9)])
    project.stage_instances(run, [StagedInstance(0, "fish", 0.7)])
    project.finish_run(run)
    project.apply(edits.AcceptRun(run))
    (poor,) = [e for e in listed(queue_of(project)) if e.reason is Reason.POOR_FIT]
    assert (poor.track_id, poor.first, poor.last) == (ids(project)[0.7], 20, 21)
    assert poor.value == pytest.approx(0.3, abs=1e-3)


def test_it_follows_edits_as_a_fresh_one_would(project):
    queue = queue_of(project)
    calm, doubtful, low = (ids(project)[s] for s in (0.9, 0.8, 0.2))
    steps = [
        lambda: project.apply(edits.ApproveTracks((doubtful,), Scope(10, 12))),
        lambda: project.apply(edits.ApproveTracks((calm,))),
        lambda: project.apply(edits.DeleteTracks((low,))),
        lambda: project.apply(edits.ApproveTracks((doubtful,))),
        lambda: project.apply(edits.ApproveFrames(1, Scope(0, 20))),
        project.undo,
        project.undo,
    ]
    for step in steps:
        result = step()
        with ProjectReader.open(project.folder) as reader:
            queue.update(reader, result.tracks)
        assert listed(queue) == listed(queue_of(project))


def test_a_reviewed_project_has_an_empty_queue(project):
    for track in project.tracks(1):
        project.apply(edits.ApproveTracks((track.id,)))
    (only,) = listed(queue_of(project))
    assert (only.reason, only.first, only.last) == (Reason.COMPLETE, 0, NUM_FRAMES - 1)
    project.apply(edits.ApproveFrames(1, Scope(only.first, only.last)))
    assert listed(queue_of(project)) == []


def test_a_region_to_ignore_waits_for_nobody(project):
    doubtful = ids(project)[0.8]
    project.apply(edits.SetTrack(doubtful, kind=TrackKind.IGNORE))
    assert doubtful not in {entry.track_id for entry in listed(queue_of(project))}
    project.undo()
    assert doubtful in {entry.track_id for entry in listed(queue_of(project))}


def test_a_swap_is_suspected_until_it_is_fixed_and_comes_back_with_undo(tmp_path):
    with Project.create(tmp_path / "s.ifcproj") as project:
        video = project.add_video(Video(Path("/clip.mp4"), NUM_FRAMES, *SIZE, 30.0, "1-b"))
        run = project.begin_run("propose", video, {}, "m")
        for f in range(NUM_FRAMES):
            places = [square(2, f), square(45, 100 - f)]
            if f >= 20:
                places.reverse()
            masks = [
                StagedMask(i, m, 0.9, 0.1, 0.1 if f == 20 else 0.9) for i, m in enumerate(places)
            ]
            project.stage(run, f, masks)
        project.stage_instances(run, [StagedInstance(i, "fish", 0.9) for i in range(2)])
        project.finish_run(run)
        project.apply(edits.AcceptRun(run))
        queue = queue_of(project)
        first = listed(queue)[0]
        assert first.reason is Reason.SWAP
        assert first.frame_index == 20
        fix = edits.SwapIdentities(first.track_id, first.other_id, Scope.from_here(20))
        for change, expected in ((lambda: project.apply(fix), 0), (project.undo, 1)):
            result = change()
            with ProjectReader.open(project.folder) as reader:
                queue.update(reader, result.tracks)
            assert [e.reason for e in listed(queue)].count(Reason.SWAP) == expected


def test_stretches_join_what_is_near():
    assert stretches(np.array([1, 2, 4, 9, 10]), 2) == [(1, 4), (9, 10)]
    assert stretches(np.array([], dtype=np.int64), 2) == []


def propagated(project, track_id, found, lost, asked=None):
    """Accept a propagation that found a track on some frames and lost it on others."""
    run = project.begin_run("propagate", 1, {} if asked is None else {"frames": asked})
    for f in (*found, *lost):
        rle = square(2, f) if f in found else None
        project.stage(run, f, [StagedMask(track_id, rle, 0.4, 0.1)])
    project.stage_instances(run, [StagedInstance(track_id, "", 1.0, track_id)])
    project.finish_run(run)
    return project.apply(edits.AcceptPropagation(run))


@pytest.fixture
def drawn(tmp_path):
    """A track that a person drew on frame 10 of an empty project, and its id."""
    with Project.create(tmp_path / "d.ifcproj") as made:
        made.add_video(Video(Path("/clip.mp4"), NUM_FRAMES, *SIZE, 30.0, "1-c"))
        made.apply(edits.SetCategory(Category(1, "fish")))
        (track_id,) = made.apply(edits.NewTrack(1, 1, 10, square(2, 10))).tracks_added
        yield made, track_id


def gaps(project):
    return [
        (e.reason, e.first, e.last, e.frame_index)
        for e in listed(queue_of(project))
        if e.reason in (Reason.LOST, Reason.UNREACHED)
    ]


def test_where_a_propagation_lost_its_object_is_listed_until_a_person_decided(drawn):
    project, track_id = drawn
    propagated(project, track_id, range(11, 20), (*range(5, 10), *range(20, 26)))
    assert gaps(project) == [(Reason.LOST, 5, 9, 9), (Reason.LOST, 20, 25, 20)]
    project.apply(edits.SetMask(track_id, 20, square(2, 20)))
    project.apply(edits.ApproveFrames(1, Scope(21, 22)))
    assert gaps(project) == [(Reason.LOST, 5, 9, 9), (Reason.LOST, 23, 25, 23)]
    project.apply(edits.MarkAbsent(track_id, Scope(0, 24), unannotated_only=True))
    assert gaps(project) == [(Reason.LOST, 25, 25, 25)]
    assert project.mask(track_id, 20).rle == square(2, 20)
    project.apply(edits.ApproveTracks((track_id,)))
    assert gaps(project) == []


def test_of_several_propagations_the_last_one_says_where_the_object_is_lost(drawn):
    project, track_id = drawn
    propagated(project, track_id, range(11, 15), range(15, 20))
    again = propagated(project, track_id, range(11, 18), range(18, 20))
    assert gaps(project) == [(Reason.LOST, 18, 19, 18)]
    project.undo()
    assert gaps(project) == [(Reason.LOST, 15, 19, 15)]
    project.redo()
    project.apply(edits.ClearMasks((track_id,), Scope(16, 17)))
    assert gaps(project) == [(Reason.LOST, 18, 19, 18)]
    assert again.seq


def test_the_queue_of_an_object_that_is_found_nowhere_follows_its_run(drawn):
    project, track_id = drawn
    queue = queue_of(project)
    result = propagated(project, track_id, (), range(11, 20))
    assert not result.tracks
    with ProjectReader.open(project.folder) as reader:
        queue.update(reader, result.tracks)
    assert listed(queue) == listed(queue_of(project))
    assert Reason.LOST in {e.reason for e in listed(queue)}


def test_a_track_that_a_later_edit_brought_back_waits_for_its_own_update(drawn):
    project, track_id = drawn
    propagated(project, track_id, range(11, 20), range(20, 26))
    project.apply(edits.NewTrack(1, 1, 5, square(40, 60)))
    project.apply(edits.DeleteTracks((track_id,)))
    queue = queue_of(project)
    other = project.apply(edits.ApproveFrames(1, Scope(5, 5)))
    project.undo()
    back = project.undo()  # before the first of these was looked at
    for result in (other, back):
        with ProjectReader.open(project.folder) as reader:
            queue.update(reader, result.tracks)
        is_lost = Reason.LOST in {e.reason for e in listed(queue)}
        assert is_lost is (result is back)
    assert listed(queue) == listed(queue_of(project))


def test_a_swap_with_a_track_that_a_later_edit_brought_back_is_not_listed_yet(project):
    queue = queue_of(project)
    calm, doubtful = (ids(project)[s] for s in (0.9, 0.8))
    late = project.apply(edits.NewTrack(1, 1, 5, square(40, 60)))
    (new,) = late.tracks_added
    frames = SuspectedSwap(5, new, doubtful, 1.0), SuspectedSwap(5, calm, doubtful, 1.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(review_suspicions, "suspected_swaps", lambda *args, **kwargs: frames)
        with ProjectReader.open(project.folder) as reader:
            queue.find_suspicions(reader, JobContext())
    swaps = [(e.track_id, e.other_id) for e in listed(queue) if e.reason is Reason.SWAP]
    assert swaps == [(calm, doubtful)]


def test_frames_that_a_propagation_did_not_come_to_are_listed_where_it_stopped(drawn):
    project, track_id = drawn
    propagated(project, track_id, range(11, 20), range(5, 10), asked=[0, NUM_FRAMES - 1])
    stopped = (Reason.UNREACHED, 20, NUM_FRAMES - 1, 20)
    assert gaps(project) == [
        (Reason.LOST, 5, 9, 9),
        (Reason.UNREACHED, 0, 4, 4),
        stopped,
    ]
    project.apply(edits.MarkAbsent(track_id, Scope(0, 9)))
    assert gaps(project) == [stopped]
    propagated(project, track_id, range(20, NUM_FRAMES), ())
    assert gaps(project) == []


def test_frames_with_a_lost_object_are_not_asked_for_as_complete(drawn):
    project, track_id = drawn
    propagated(project, track_id, (), range(20, 26))
    complete = [e for e in listed(queue_of(project)) if e.reason is Reason.COMPLETE]
    assert [(e.first, e.last) for e in complete] == [(0, 19), (26, NUM_FRAMES - 1)]


def lost_and_complete(queue):
    wanted = (Reason.LOST, Reason.UNREACHED, Reason.COMPLETE)
    found = [(e.track_id, e.reason, e.first, e.last) for e in listed(queue) if e.reason in wanted]
    return sorted(found)


COMPLETE_BESIDE = [(0, Reason.COMPLETE, 0, 10), (0, Reason.COMPLETE, 26, NUM_FRAMES - 1)]


@pytest.mark.parametrize("kind", ["merge", "swap", "split", "split and propagate"])
def test_a_lost_stretch_goes_with_what_was_found_beside_it(drawn, kind):
    project, track_id = drawn
    propagated(project, track_id, range(11, 20), range(20, 26))
    (other,) = project.apply(edits.NewTrack(1, 1, 20, square(40, 60))).tracks_added
    for f in range(21, 26):
        project.apply(edits.SetMask(other, f, square(40, 60)))
    if kind == "merge":
        project.apply(edits.ClearMasks((other,), Scope(20, 25)))
        project.apply(edits.SetMask(other, 30, square(40, 60)))
    queue = queue_of(project)
    assert (track_id, Reason.LOST, 20, 25) in lost_and_complete(queue)
    if kind == "merge":
        result = project.apply(edits.MergeTracks(other, (track_id,)))
    elif kind == "swap":
        result = project.apply(edits.SwapIdentities(track_id, other, Scope.from_here(18)))
    else:
        result = project.apply(edits.SplitTrack(track_id, 15))
        (other,) = result.tracks_added
    with ProjectReader.open(project.folder) as reader:
        queue.update(reader, (*result.tracks, *result.tracks_added))
    assert lost_and_complete(queue) == [*COMPLETE_BESIDE, (other, Reason.LOST, 20, 25)]
    if kind == "split and propagate":
        found = propagated(project, other, range(16, 23), range(23, 26))
        cleared = project.apply(edits.ClearMasks((other,), Scope(21, 22)))
        for result in (found, cleared):
            with ProjectReader.open(project.folder) as reader:
                queue.update(reader, result.tracks)
        assert (other, Reason.LOST, 23, 25) in lost_and_complete(queue)
        assert project.undo()
    assert lost_and_complete(queue_of(project))[-1][:2] == (other, Reason.LOST)
    project.apply(edits.MarkAbsent(other, Scope(20, 25), unannotated_only=True))
    assert all(
        reason is Reason.COMPLETE for _, reason, _, _ in lost_and_complete(queue_of(project))
    )


def test_a_deleted_track_takes_its_lost_stretch_along_until_it_comes_back(drawn):
    project, track_id = drawn
    propagated(project, track_id, range(11, 20), range(20, 26))
    before = gaps(project)
    project.apply(edits.DeleteTracks((track_id,)))
    assert gaps(project) == []
    project.undo()
    assert gaps(project) == before


def test_an_edit_does_not_read_again_what_propagations_staged(drawn):
    project, track_id = drawn
    propagated(project, track_id, range(11, 20), range(20, 26))
    queue = queue_of(project)
    for edit in (edits.SetMask(track_id, 20, square(2, 20)), edits.ApproveFrames(1, Scope(21, 22))):
        result = project.apply(edit)
        with ProjectReader.open(project.folder) as reader:
            statements = []
            reader._db.set_trace_callback(statements.append)
            queue.update(reader, result.tracks)
        assert not [text for text in statements if "FROM staged" in text]
        assert listed(queue) == listed(queue_of(project))
    result = propagated(project, track_id, range(23, 25), range(25, 28))
    with ProjectReader.open(project.folder) as reader:
        queue.update(reader, result.tracks)
    assert listed(queue) == listed(queue_of(project))


def test_compaction_keeps_where_a_propagation_lost_its_object(drawn):
    project, track_id = drawn
    propagated(project, track_id, range(11, 20), range(20, 26))
    before = gaps(project)
    project.compact(keep_edits=0)
    assert gaps(project) == before == [(Reason.LOST, 20, 25, 20)]
    assert project.check() == []
