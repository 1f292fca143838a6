"""Going to a step of the journal: one account of all that changed."""

import cv2
import numpy as np
import pytest
from fake_engine import SIZE, disc

from ifc_core.annotation import edits
from ifc_core.errors import EditError
from ifc_core.jobs import JobContext
from ifc_core.structures import Category
from napari_ifc.controllers.editing import EditController
from napari_ifc.controllers.journal_walk import joined, walk
from napari_ifc.controllers.tracks import TrackIndex
from napari_ifc.controllers.videos import adding, look_through


@pytest.fixture
def desk(session):
    """An edit controller and what it told, with edits of every kind in the journal."""
    told = []
    index = TrackIndex(session.project, session.entry.id)
    editor = EditController(session.project, session.entry, index, told.append)
    for frame_index, column in ((0, 20), (4, 25), (7, 30)):
        editor.go_to(frame_index)
        editor.commit_rle(disc(SIZE, (20, column), 5), "Paint")
    first = editor.current
    editor.approve_frame()
    editor.go_to(5)
    editor.split()
    editor.relabel("fish")
    editor.select((first,))
    editor.delete()
    editor.select(())
    editor.commit_rle(disc(SIZE, (10, 10), 4), "Paint")
    editor.mark_absent()
    told.clear()
    return editor, session, told, index


def shown(index, session):
    """What table and timeline would show, and what they show after reading all of it anew."""
    fresh = TrackIndex(session.project, session.entry.id)
    return [
        (i.rows(), i.timeline(session.num_frames, 10.0), i.approved_frames) for i in (index, fresh)
    ]


def same(left, right):
    """Rows and approved frames are compared as they are, lanes by their parts."""
    counts = (left[1].counts, left[1].doubtful), (right[1].counts, right[1].doubtful)
    lanes = [
        [(ln.track_id, ln.label, list(ln.spans.start), list(ln.spans.stop)) for ln in one.lanes]
        for one in (left[1], right[1])
    ]
    return (
        (left[0], left[2]) == (right[0], right[2])
        and lanes[0] == lanes[1]
        and all(np.array_equal(a, b) for a, b in zip(*counts, strict=True))
    )


def test_from_any_step_to_any_other_the_lists_are_as_if_read_anew(desk):
    editor, session, told, index = desk
    numbers = [entry.seq for entry in session.project.history()]
    for start in numbers:
        for stop in numbers:
            editor.go_to_step(start)
            told.clear()
            editor.go_to_step(stop)
            standing = [e.seq for e in session.project.history() if not e.undone]
            assert standing[0] == stop
            assert len(told) == (start != stop)
            assert same(*shown(index, session)), (start, stop)


def test_a_class_that_was_renamed_beside_a_new_track_has_its_old_name_again(session):
    index = TrackIndex(session.project, session.entry.id)
    editor = EditController(session.project, session.entry, index, lambda result: None)
    editor.apply(edits.SetCategory(Category(1, "cat")))
    editor.commit_rle(disc(SIZE, (20, 20), 5), "Paint")
    before = editor.history()[0].number
    editor.apply(edits.SetCategory(Category(1, "dog")))
    editor.apply(edits.NewTrack(session.entry.id, 1, 4, disc(SIZE, (30, 40), 5)))
    assert [row.class_name for row in index.rows()] == ["dog", "dog"]
    assert len(index.timeline(session.num_frames, 10.0).lanes) == 2
    editor.go_to_step(before)
    assert [row.class_name for row in index.rows()] == ["cat"]
    assert index.timeline(session.num_frames, 10.0).lanes[0].detail.startswith("cat,")


def test_the_history_is_read_once_however_many_steps(desk, monkeypatch):
    editor, session, told, _ = desk
    read = []
    kept = session.project.history
    monkeypatch.setattr(session.project, "history", lambda *a: read.append(1) or kept(*a))
    editor.go_to_step(kept()[-1].seq)
    assert read == [1]
    assert [result.direction for result in told] == ["undo"]


def test_a_track_that_came_and_went_between_is_not_told_of(desk):
    editor, session, _, _ = desk
    project = session.project
    first = project.history()[-1].seq
    editor.select(())
    begun = editor.commit_rle(disc(SIZE, (40, 50), 4), "Paint").tracks_added[0]
    editor.delete()
    one = joined(list(walk(project, first)))
    assert begun not in one.tracks
    assert not one.tracks_added
    assert one.num_masks == sum(map(len, one.changed_frames.values()))
    assert one.masks_gained == -1  # track 3 is absent there, so no mask of it goes
    assert set(one.reviewed_frames) == {session.entry.id}
    assert one.categories_changed == (1, 2)


def test_one_step_is_told_as_it_was(desk):
    _, session, _, _ = desk
    result = session.project.undo()
    assert joined([result]) == result


def test_a_number_that_is_not_listed_moves_nothing(desk):
    editor, session, told, _ = desk
    editor.go_to_step(10_000)
    assert told == []
    assert not any(entry.undone for entry in session.project.history())


def test_it_ends_before_the_step_that_brought_the_shown_video_in(session, tmp_path, clip):
    project = session.project
    first = project.videos()[0]
    editor = EditController(project, first, TrackIndex(project, first.id), lambda result: None)
    editor.commit_rle(disc(SIZE, (20, 20), 6), "Paint")
    painted = editor.history()[0].number
    folder = tmp_path / "other"
    folder.mkdir()
    for number in range(4):
        picture = np.full((*SIZE, 3), 40 + number, np.uint8)
        cv2.imwrite(str(folder / f"{number}.png"), picture)
    edit, _ = adding(project, look_through([folder], JobContext()))
    editor.apply(edit)
    second = project.videos()[1]
    told = []
    other = EditController(project, second, TrackIndex(project, second.id), told.append)
    other.commit_rle(disc(SIZE, (20, 20), 6), "Paint")
    told.clear()
    with pytest.raises(EditError, match="brought the video in"):
        other.go_to_step(painted)
    assert len(project.videos()) == 2
    assert len(project.tracks(second.id)) == 0
    assert [result.tracks_removed for result in told] == [(2,)]
