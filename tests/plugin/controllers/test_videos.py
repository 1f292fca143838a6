"""What the list of a project's videos says, without a window."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from fake_engine import SIZE, disc

from ifc_core.annotation import Scope, edits
from ifc_core.config import cache_dir
from ifc_core.errors import VideoError
from ifc_core.jobs import JobCancelled, JobContext
from napari_ifc.controllers.editing import EditController
from napari_ifc.controllers.session import show_video
from napari_ifc.controllers.tracks import TrackIndex
from napari_ifc.controllers.videos import (
    PICTURE_WIDTH_PX,
    adding,
    first_picture,
    look_through,
    look_through_each,
    neighbour,
    video_rows,
)


@pytest.fixture
def other(clip, tmp_path):
    """A second clip: the first one's frames without the last three."""
    folder = tmp_path / "other"
    shutil.copytree(clip, folder)
    for frame in sorted(folder.iterdir())[-3:]:
        frame.unlink()
    return folder


def test_videos_are_added_once_in_one_undo_step(session, clip, other):
    project = session.project
    found = look_through([other, clip, other], JobContext())
    edit, told = adding(project, found)
    project.apply(edit)
    assert [(row.name, row.num_frames) for row in video_rows(project)] == [
        ("clip", 10),
        ("other", 7),
    ]
    assert told == "Added 1 video. clip is in this project already."
    assert adding(project, found)[0] is None
    project.undo()
    assert len(video_rows(project)) == 1


def test_a_video_that_only_annotations_told_of_is_found_when_it_is_added(session, other, tmp_path):
    project = session.project
    (whole,) = look_through([other], JobContext())
    part = replace(whole, path=tmp_path / "no" / "other", num_frames=3)
    video_id = project.add_video(part)
    edit, told = adding(project, [whole])
    assert told == "other was missing and is found."
    project.apply(edit)
    assert project.video(video_id).video == whole
    assert adding(project, [whole]) == (None, "other is in this project already.")
    project.undo()
    assert project.video(video_id).num_frames == 3


def test_a_video_that_is_shown_is_whole(session, other):
    project = session.project
    (whole,) = look_through([other], JobContext())
    video_id = project.add_video(replace(whole, num_frames=3))
    shown = show_video(project, video_id)
    shown.reader.close()
    assert shown.entry.num_frames == whole.num_frames == 7


def test_nothing_is_added_where_one_file_cannot_be_read(session, other, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_text("no video")
    with pytest.raises(VideoError):
        look_through([other, broken], JobContext())
    assert len(video_rows(session.project)) == 1


def test_what_can_be_read_is_found_beside_what_cannot(other, clip, tmp_path):
    broken, gone = tmp_path / "broken.mp4", tmp_path / "gone.mp4"
    broken.write_text("no video")
    found = look_through_each([clip, broken, gone, other], JobContext())
    assert [video.path for video in found.videos] == [clip, other]
    assert list(found.unreadable) == [broken, gone]
    context = JobContext()
    context.cancel()
    with pytest.raises(JobCancelled):
        look_through_each([broken, other], context)


def test_the_state_follows_the_review(session):
    project, video_id = session.project, session.entry.id

    def state():
        return video_rows(project)[0].state

    assert state() == "no tracks"
    project.apply(edits.SetCategory(_category()))
    project.apply(edits.NewTrack(video_id, 1))
    assert state() == "to review"
    project.apply(edits.ApproveTracks((1,)))
    assert state() == "1 / 1 tracks approved"
    project.apply(edits.ApproveFrames(video_id, Scope(0, 3)))
    assert state() == "40% of frames complete"
    project.apply(edits.ApproveFrames(video_id, Scope(0, 9)))
    assert state() == "complete"


def _category():
    from ifc_core.structures import Category

    return Category(1, "thing")


def test_neighbours_end_at_the_ends(session, other):
    edit, _ = adding(session.project, look_through([other], JobContext()))
    session.project.apply(edit)
    rows = video_rows(session.project)
    first, second = (row.video_id for row in rows)
    assert neighbour(rows, first, 1) == second
    assert neighbour(rows, second, 1) is None
    assert neighbour(rows, first, -1) is None
    assert neighbour(rows, 99, 1) is None


def test_a_picture_is_read_once_and_kept(session, clip):
    picture = first_picture(session.entry, clip)
    assert picture.shape == (96, PICTURE_WIDTH_PX, 3)
    assert len(list(cache_dir().rglob("*.png"))) == 1
    again = first_picture(session.entry, None)  # its file may be gone meanwhile
    assert np.array_equal(again, picture)


def test_a_video_that_is_gone_has_no_picture(session, tmp_path):
    assert first_picture(session.entry, None) is None
    assert first_picture(session.entry, tmp_path / "missing.mp4") is None


def test_an_added_video_is_undone_unless_it_is_the_one_shown(session, other):
    project = session.project
    first = project.videos()[0]

    def editor(entry):
        return EditController(project, entry, TrackIndex(project, entry.id), lambda result: None)

    drawing = editor(first)
    drawing.commit_rle(disc(SIZE, (20, 20), 6), "Paint")
    begun = drawing.history()[0].number
    edit, _ = adding(project, look_through([other], JobContext()))
    drawing.apply(edit)
    second = project.videos()[1]
    assert editor(second).why_not_undo() == (
        "The last step brought this video in; show another one to undo it."
    )
    assert drawing.why_not_undo() == ""
    drawing.undo()
    assert len(project.videos()) == 1
    drawing.redo()
    drawing.go_to_step(begun - 1)  # the history goes back past it too
    assert len(project.videos()) == 1
    assert project.tracks(first.id) == []
    assert drawing.why_not_undo() == "There is nothing to undo."
