import shutil
from dataclasses import replace

import pytest
from fake_engine import NUM_FRAMES

from ifc_core.annotation import Project, edits
from ifc_core.errors import IFCError, InputError, ProjectError, VideoError
from ifc_core.io.frame_folder import FolderReader
from ifc_core.io.video import open_video
from ifc_core.structures import Category
from ifc_resources import path as resource
from napari_ifc.controllers.session import open_session, show_video


def close(session):
    session.reader.close()
    session.project.close()


def test_a_video_gets_a_project_beside_it_and_the_same_one_again(clip):
    first = open_session(clip)
    assert first.project.folder == clip.parent / "clip.ifcproj"
    assert first.num_frames == NUM_FRAMES
    video_id = first.entry.id
    close(first)
    again = open_session(clip)
    assert again.entry.id == video_id
    assert len(again.project.videos()) == 1
    close(again)


def test_another_video_of_the_same_name_gets_its_own_project(clip, tmp_path):
    home = tmp_path / "projects"
    close(open_session(clip, home))
    other = tmp_path / "other" / "clip"
    shutil.copytree(clip, other)
    for name in ("00000.png", "00001.png"):
        (other / name).unlink()
    session = open_session(other, home)
    assert session.num_frames == NUM_FRAMES - 2
    assert len(list(home.iterdir())) == 2
    close(session)
    again = open_session(other, home)
    assert len(list(home.iterdir())) == 2
    close(again)


def test_a_folder_of_frames_has_no_rate_unless_somebody_said_one(session):
    assert session.fps == 0.0
    with open_video(resource("sample/bedroom.mp4")) as reader:
        assert replace(session, reader=reader).fps == session.entry.fps > 0
    assert replace(session, entry=replace(session.entry, fps=30.0)).fps == 30.0


def test_a_project_opens_by_folder_and_by_file(session):
    folder = session.project.folder
    session.project.close()
    for path in (folder, folder / "project.sqlite"):
        opened = open_session(path)
        assert opened.entry.name == "clip"
        close(opened)


def test_a_second_window_reads_only_and_says_so(session):
    second = open_session(session.project.folder)
    assert second.project.read_only
    assert any("read" in n for n in second.notices)
    close(second)


def test_an_empty_project_and_a_lost_video_are_one_sentence(tmp_path, clip, session):
    Project.create(tmp_path / "empty.ifcproj").close()
    with pytest.raises(ProjectError, match="no video"):
        open_session(tmp_path / "empty.ifcproj")
    session.project.close()
    session.reader.close()
    shutil.move(clip, tmp_path / "hidden-elsewhere")
    with pytest.raises(VideoError, match="not where they were"):
        open_session(session.project.folder)


@pytest.mark.parametrize("content", ["{", '{"videos": []}', "[]"])
def test_a_bad_annotation_file_leaves_no_project(tmp_path, content):
    path = tmp_path / "bad.json"
    path.write_text(content)
    with pytest.raises(IFCError):
        open_session(path)
    assert not list(tmp_path.rglob("*.ifcproj"))


def test_nothing_there(tmp_path):
    with pytest.raises(InputError, match="no file"):
        open_session(tmp_path / "nothing.mp4")


@pytest.fixture
def partly_known(tmp_path, clip):
    """A project that knows three frames of the clip, with an edit that was undone."""
    with Project.create(tmp_path / "clip.ifcproj") as project:
        with open_video(clip) as reader:
            project.add_video(replace(reader.video, num_frames=3))
        project.apply(edits.SetCategory(Category(1, "cat")))
        project.undo()
        yield project


def test_looking_at_a_video_of_which_a_part_was_known_is_no_edit(partly_known):
    session = show_video(partly_known, 1)
    session.reader.close()
    assert session.num_frames == NUM_FRAMES
    assert partly_known.undo_label == "Add video clip"
    assert partly_known.redo_label == "Add category cat"


def test_opening_a_video_of_which_a_part_was_known_is_no_edit(partly_known, clip):
    partly_known.close()
    session = open_session(clip)
    assert session.project.folder == partly_known.folder
    assert session.num_frames == NUM_FRAMES
    assert session.project.redo_label == "Add category cat"
    close(session)


def test_frames_are_let_go_of_where_the_project_cannot_take_them(partly_known, monkeypatch):
    closed = []

    def refuse(*_, **__):
        raise ProjectError("The disk is full.", path=partly_known.folder)

    monkeypatch.setattr(Project, "complete_video", refuse)
    monkeypatch.setattr(FolderReader, "close", lambda reader: closed.append(reader))
    with pytest.raises(ProjectError, match="disk is full"):
        show_video(partly_known, 1)
    assert len(closed) == 1


@pytest.mark.parametrize("by_project", [False, True])
def test_a_folder_that_a_camera_filled_further_opens_with_its_work(by_project, clip, tmp_path):
    frames = tmp_path / "camera"
    shutil.copytree(clip, frames)
    late = sorted(frames.iterdir())[-1]
    late.rename(tmp_path / late.name)
    first = open_session(frames)
    folder = first.project.folder
    first.project.apply(edits.SetCategory(Category(1, "cat")))
    first.project.undo()
    close(first)
    (tmp_path / late.name).rename(late)
    session = open_session(folder if by_project else frames)
    assert session.project.folder == folder
    assert session.num_frames == session.entry.num_frames == NUM_FRAMES
    assert (
        f"camera went on being recorded: it has {NUM_FRAMES} frames, not {NUM_FRAMES - 1}; look "
        f"at the last ones before {NUM_FRAMES - 1} again."
    ) in session.notices
    assert session.project.redo_label == "Add category cat"
    close(session)
    again = open_session(frames)
    assert not any("went on" in notice for notice in again.notices)
    close(again)
