"""Divisions in the review queue: for cells, until they are linked or turned down."""

from pathlib import Path

import numpy as np
import pytest

from ifc_core.annotation import Project, ProjectReader, Scope, StagedInstance, StagedMask, edits
from ifc_core.inference.review_queue import QueueEntry, Reason, VideoQueue
from ifc_core.inference.review_suspicions import find_suspicions, standing
from ifc_core.jobs import JobCancelled, JobContext
from ifc_core.structures import FrameState, RLEMask, Video

from .test_review_queue import listed, queue_of

SIZE = (60, 120)
NUM_FRAMES = 16
AT = 8
YY, XX = np.mgrid[: SIZE[0], : SIZE[1]]


def disc(y, x, radius):
    return RLEMask.from_array((YY - y) ** 2 + (XX - x) ** 2 < radius**2)


def family(t, y=20, is_kept=False):
    """(number, mask) of a cell that divides at ``AT``; 0 goes on as a daughter where kept."""
    if t < AT:
        return [(0, disc(y, 60, 11))]
    return [(0 if is_kept else 1, disc(y, 52, 7.5)), (2, disc(y, 68, 7.5))]


def accepted(project, name, rows):
    """Propose and accept rows of (number, mask); number -> track id."""
    run = project.begin_run("propose", 1, {}, "m")
    for t, row in enumerate(rows):
        project.stage(run, t, [StagedMask(i, rle, 0.9, 0.05, 0.95) for i, rle in row])
    numbers = sorted({i for row in rows for i, _ in row})
    project.stage_instances(run, [StagedInstance(i, name, 0.9) for i in numbers])
    project.finish_run(run)
    tracks = project.apply(edits.AcceptRun(run)).tracks_added
    first = {
        i: next((t, m) for t, row in enumerate(rows) for j, m in row if i == j) for i in numbers
    }
    return {
        i: next(k for k in tracks if (r := project.mask(k, t)) is not None and r.rle == mask)
        for i, (t, mask) in first.items()
    }


@pytest.fixture
def project(tmp_path):
    with Project.create(tmp_path / "p.ifcproj") as made:
        made.add_video(Video(Path("/clip.mp4"), NUM_FRAMES, *SIZE, 30.0, "1-a"))
        yield made


def divisions(queue):
    return [entry for entry in listed(queue) if entry.reason is Reason.DIVISION]


def followed(project, queue, result):
    """What is listed after a change, by the queue and by a new one."""
    with ProjectReader.open(project.folder) as reader:
        queue.update(reader, (*result.tracks, *result.tracks_added))
    return divisions(queue)


def link(entry: QueueEntry):
    daughters = (entry.track_id, entry.other_id)
    return edits.LinkDivision(entry.parent_id, daughters, entry.frame_index)


def test_a_division_is_listed_until_it_is_linked_and_again_after_undo(project):
    ids = accepted(project, "cell", [family(t) for t in range(NUM_FRAMES)])
    queue = queue_of(project)
    (entry,) = divisions(queue)
    assert {entry.track_id, entry.other_id} == {ids[1], ids[2]}
    assert (entry.parent_id, entry.first, entry.last, entry.frame_index) == (ids[0], AT, AT, AT)
    assert 0.85 < entry.need < 0.9
    assert followed(project, queue, project.apply(link(entry))) == []
    assert divisions(queue_of(project)) == []
    assert followed(project, queue, project.undo()) == [entry]


def test_a_mother_whose_track_goes_on_is_split_by_the_link(project):
    rows = [family(t, is_kept=True) for t in range(NUM_FRAMES)]
    ids = accepted(project, "cell", rows)
    queue = queue_of(project)
    (entry,) = divisions(queue)
    assert entry.parent_id == ids[0]
    assert {entry.track_id, entry.other_id} == {ids[0], ids[2]}
    result = project.apply(link(entry))
    assert followed(project, queue, result) == divisions(queue_of(project)) == []
    tracks = {track.id: track for track in project.tracks(1)}
    assert len(tracks) == 3
    assert {track.parent_id for track in tracks.values()} == {None, ids[0]}
    assert followed(project, queue, project.undo()) == [entry]


FIRST, SECOND = 4, 11


def dividing_twice(t):
    """(number, mask) of a cell whose number goes on twice as one of its daughters."""
    if t < FIRST:
        return [(0, disc(30, 60, 14))]
    if t < SECOND:
        return [(0, disc(30, 50, 9.8)), (2, disc(30, 72, 9.8))]
    return [(0, disc(30, 42, 6.8)), (2, disc(30, 72, 9.8)), (3, disc(30, 57, 6.8))]


def turn_down(entry: QueueEntry):
    daughters = (entry.track_id, entry.other_id)
    return edits.RefuseDivision(entry.parent_id, daughters, entry.frame_index)


def searched_again(project, queue, result):
    """What is listed after a change, which a search anew only adds to where tracks came or went."""
    listed = followed(project, queue, result)
    with ProjectReader.open(project.folder) as reader:
        queue.find_suspicions(reader, JobContext())
    if not (result.tracks_added or result.tracks_removed):
        assert divisions(queue) == listed
    assert divisions(queue_of(project)) == divisions(queue)
    return divisions(queue)


@pytest.mark.parametrize("decide", [link, turn_down])
@pytest.mark.parametrize("then", [link, turn_down])
@pytest.mark.parametrize("order", [(FIRST, SECOND), (SECOND, FIRST)])
@pytest.mark.parametrize("every", [1, 5])
def test_a_track_that_divides_twice_is_asked_about_twice(tmp_path, decide, then, order, every):
    """Whichever is decided first, and however: the other one is still asked about."""
    with Project.create(tmp_path / "twice.ifcproj") as project:
        project.add_video(Video(Path("/clip.mp4"), every * NUM_FRAMES, *SIZE, 30.0, "1-a"))
        rows = [dividing_twice(t // every) if t % every == 0 else [] for t in range(every * 16)]
        ids = accepted(project, "cell", rows)
        queue = queue_of(project)
        listed = {entry.frame_index // every: entry for entry in divisions(queue)}
        assert sorted(listed) == [FIRST, SECOND]
        for at, number in ((FIRST, 2), (SECOND, 3)):
            entry = listed[at]
            assert entry.parent_id == ids[0]
            assert {entry.track_id, entry.other_id} == {ids[0], ids[number]}
        (left,) = searched_again(project, queue, project.apply(decide(listed[order[0]])))
        assert left.frame_index == order[1] * every
        assert ids[2 if order[1] == FIRST else 3] in (left.track_id, left.other_id)
        assert searched_again(project, queue, project.apply(then(left))) == []
        tracks = project.tracks(1)
        linked = [decide, then].count(link)
        assert len([track for track in tracks if track.parent_id is not None]) == 2 * linked
        assert searched_again(project, queue, project.undo()) == [left]


def test_a_bud_from_before_hides_no_division_and_one_from_there_does(project):
    """Links that a person made from the same mother, of tracks that nothing is suspected of."""
    for begin, count in ((AT - 6, 1), (AT - 1, 0), (AT + 1, 0), (AT + 5, 1)):
        rows = [
            [*family(t), *([(5, disc(50, 20, 6))] if t >= begin else [])] for t in range(NUM_FRAMES)
        ]
        ids = accepted(project, "cell", rows)
        queue = queue_of(project)
        assert len(divisions(queue)) == 1
        result = project.apply(edits.LinkDivision(ids[0], (ids[5],)))
        assert len(followed(project, queue, result)) == count
        project.apply(edits.DeleteTracks(tuple(track.id for track in project.tracks(1))))


def test_tracks_are_gone_through_once_for_all_suspicions(project):
    class Counted(dict):
        passes = 0

        def values(self):
            Counted.passes += 1
            return super().values()

    ids = accepted(project, "cell", [dividing_twice(t) for t in range(NUM_FRAMES)])
    with ProjectReader.open(project.folder) as reader:
        columns = reader.frame_columns(1)
        tracks = Counted((track.id, track) for track in project.tracks(1))
        found = find_suspicions(reader, 1, dict(tracks), JobContext())
    noted = [item.noted(columns) for item in found if item.reason is Reason.DIVISION]
    assert [item.parent_id for item in standing(noted, columns, tracks)] == [ids[0]] * 2
    assert Counted.passes == 1


def test_saying_so_turns_it_down_and_approves_nothing(project):
    ids = accepted(project, "cell", [family(t) for t in range(NUM_FRAMES)])
    queue = queue_of(project)
    (entry,) = divisions(queue)
    no = turn_down(entry)
    assert followed(project, queue, project.apply(no)) == divisions(queue_of(project)) == []
    assert project.mask(ids[1], AT).state is FrameState.PROPOSED
    assert followed(project, queue, project.undo()) == [entry]


def test_approving_its_masks_or_frames_decides_nothing(project):
    """Truth that is imported without parents is asked about, too."""
    accepted(project, "cell", [family(t) for t in range(NUM_FRAMES)])
    queue = queue_of(project)
    (entry,) = divisions(queue)
    every = Scope(0, NUM_FRAMES - 1)
    for yes in (
        edits.ApproveTracks((entry.track_id, entry.other_id), Scope(entry.first, entry.last)),
        edits.ApproveTracks(tuple(track.id for track in project.tracks(1))),
        edits.ApproveFrames(1, every),
    ):
        assert followed(project, queue, project.apply(yes)) == [entry]
        assert divisions(queue_of(project)) == [entry]
    assert followed(project, queue, project.apply(link(entry))) == []


def test_what_is_turned_down_stays_so_where_its_masks_change_a_little(project):
    ids = accepted(project, "cell", [family(t) for t in range(NUM_FRAMES)])
    (entry,) = divisions(queue_of(project))
    project.apply(turn_down(entry))
    project.apply(edits.SetMask(ids[2], AT, disc(20, 68, 7)))
    assert divisions(queue_of(project)) == []
    project.apply(edits.ClearMasks((ids[2],), Scope.this_frame(AT)))
    assert divisions(queue_of(project)) == []
    project.undo()
    project.undo()
    project.undo()
    assert divisions(queue_of(project)) == [entry]


def test_turning_one_down_says_nothing_of_others(project):
    rows = [
        [*family(t, 15), *((i + 10, rle) for i, rle in family(t, 45))] for t in range(NUM_FRAMES)
    ]
    ids = accepted(project, "cell", rows)
    queue = queue_of(project)
    first, second = sorted(divisions(queue), key=lambda entry: entry.parent_id != ids[0])
    assert followed(project, queue, project.apply(turn_down(first))) == [second]
    far = edits.RefuseDivision(ids[10], (ids[11], ids[12]), 0)  # at another time
    assert followed(project, queue, project.apply(far)) == [second]


def test_a_daughter_who_is_seen_a_little_later_is_part_of_the_entry(project):
    rows = [[(i, m) for i, m in family(t) if i != 2 or t > AT] for t in range(NUM_FRAMES)]
    accepted(project, "cell", rows)
    queue = queue_of(project)
    (entry,) = divisions(queue)
    assert (entry.first, entry.last, entry.frame_index) == (AT, AT + 1, AT)
    assert followed(project, queue, project.apply(turn_down(entry))) == []


@pytest.mark.parametrize("who", [0, 2])
def test_it_is_listed_no_more_where_its_tracks_changed(project, who):
    ids = accepted(project, "cell", [family(t) for t in range(NUM_FRAMES)])
    queue = queue_of(project)
    (entry,) = divisions(queue)
    assert followed(project, queue, project.apply(edits.DeleteTracks((ids[who],)))) == []
    assert followed(project, queue, project.undo()) == [entry]
    edit = edits.SetMask(ids[who], AT if who else AT - 1, disc(20, 60, 3))
    assert followed(project, queue, project.apply(edit)) == []


def test_a_daughter_that_a_person_linked_otherwise_is_not_asked_for(project):
    rows = [[*family(t), (5, disc(50, 20, 6))] for t in range(NUM_FRAMES)]
    ids = accepted(project, "cell", rows)
    queue = queue_of(project)
    assert len(divisions(queue)) == 1
    project.apply(edits.LinkDivision(ids[5], (ids[2],)))
    assert divisions(queue_of(project)) == []


@pytest.mark.parametrize(
    ("name", "count"),
    [("ball", 0), ("cell phone", 0), ("", 0), ("HeLa Cell", 1), ("nuclei", 1), ("yeast", 1)],
)
def test_only_classes_of_cells_are_asked_about(project, name, count):
    accepted(project, name, [family(t) for t in range(NUM_FRAMES)])
    assert len(divisions(queue_of(project))) == count


def test_a_class_in_which_something_divided_is_asked_about_from_then_on(project):
    rows = [
        [*family(t, 15), *((i + 10, rle) for i, rle in family(t, 45))] for t in range(NUM_FRAMES)
    ]
    ids = accepted(project, "amoeba", rows)
    assert divisions(queue_of(project)) == []
    project.apply(edits.LinkDivision(ids[0], (ids[1], ids[2])))
    (entry,) = divisions(queue_of(project))
    assert entry.parent_id == ids[10]


def test_looking_for_them_reads_no_frame_and_can_be_cancelled(project):
    accepted(project, "cell", [family(t) for t in range(NUM_FRAMES)])
    queue, read = VideoQueue(project.videos()[0]), []
    with ProjectReader.open(project.folder) as reader:
        queue.build(reader, JobContext())
        queue.find_suspicions(reader, JobContext(), read.append)
        assert len(divisions(queue)) == 1
        context = JobContext()
        context.cancel()
        with pytest.raises(JobCancelled):
            queue.find_suspicions(reader, context)
    assert read == []
    assert len(divisions(queue)) == 1
