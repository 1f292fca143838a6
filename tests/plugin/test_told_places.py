"""Projects of which no video is found: asked where one is, and opened there."""

from __future__ import annotations

import shutil
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from fake_engine import SIZE
from qtpy.QtCore import Qt

from ifc_core.annotation import Project, ProjectReader
from ifc_core.annotation.locking import WriterLock
from ifc_core.errors import ProjectError, VideosMissingError
from ifc_core.io.video import open_video
from ifc_core.jobs import JobContext
from napari_ifc import contributions
from napari_ifc.controllers import told_places
from napari_ifc.controllers.session import open_session
from napari_ifc.controllers.told_places import open_at
from napari_ifc.controllers.videos import absent_videos, adding, look_at, look_through
from napari_ifc.features.videos import Videos

pytestmark = pytest.mark.window
WHERE = "The frames of clip.ifcproj are not where they were."


class Asked:
    """Answers the question where a video is, and remembers it."""

    def __init__(self):
        self.questions, self.answer = [], None

    def __call__(self, name, parent, why=""):
        self.questions.append((name, why))
        return self.answer


@pytest.fixture
def desk(tidied_desk):
    return tidied_desk


@pytest.fixture
def asked(monkeypatch):
    made = Asked()
    monkeypatch.setattr("napari_ifc.features.opening.ask_for_place", made)
    return made


@pytest.fixture
def lost(desk, clip, tmp_path):
    """A project whose only video has another place and name now, and that place."""
    folder = desk.project.folder
    desk.studio.close_project()
    place = tmp_path / "far" / "away" / "renamed"
    place.parent.mkdir(parents=True)
    clip.rename(place)
    return folder, place


@pytest.fixture
def several(desk, second, clip, tmp_path):
    """The same of a project with two videos."""
    folder = desk.project.folder
    desk.studio.close_project()
    far = tmp_path / "far" / "away"
    far.mkdir(parents=True)
    clip.rename(far / "clip")
    (tmp_path / "other").rename(far / "other")
    return folder, far


@pytest.fixture
def another(tmp_path):
    """A video of its own."""
    folder = tmp_path / "another"
    folder.mkdir()
    for number in range(3):
        picture = np.full((*SIZE, 3), 30 + number, np.uint8)
        cv2.imwrite(str(folder / f"{number}.png"), picture)
    return folder


def is_free(folder):
    """Whether nobody holds the project, whose only edit is the one that added the video."""
    with Project.open(folder) as project:
        assert project.undo_label == "Add video clip"
        return not project.read_only


def test_it_is_asked_where_the_video_is_and_opens_there(desk, lost, asked, qtbot, monkeypatch):
    opened = []

    def opening(path, context=None, **how):
        opened.append((threading.current_thread().name, context is not None))
        return open_video(path, context, **how)

    for module in ("controllers.told_places", "controllers.session", "controllers.videos"):
        monkeypatch.setattr(f"napari_ifc.{module}.open_video", opening)
    folder, asked.answer = lost
    with qtbot.waitSignal(desk.studio.opened):
        desk.studio.begin_open(folder)
    assert asked.questions == [("clip", WHERE)]
    assert desk.said == "clip is found."
    session = desk.studio.workspace.session
    assert (session.entry.path, session.source) == (asked.answer, folder)
    assert opened == [(opened[0][0], True)]
    assert opened[0][0] != threading.main_thread().name
    project = desk.studio.project
    assert project.undo_label == "Locate video clip"
    assert desk.studio.run_action("edit.undo")
    assert project.video(desk.video_id).path == desk.project.folder.parent.parent / "clip"
    assert desk.studio.run_action("edit.redo")
    desk.studio.close_project()
    with qtbot.waitSignal(desk.studio.opened):
        desk.studio.begin_open(folder)
    assert len(asked.questions) == 1


@pytest.mark.parametrize("way", ["file", "reader"])
def test_every_way_to_open_a_project_asks(desk, lost, asked, qtbot, monkeypatch, way):
    folder, asked.answer = lost
    monkeypatch.setattr(contributions, "studio_for", lambda viewer: desk.studio)
    monkeypatch.setattr(contributions, "_current_viewer", lambda: desk.studio.viewer)
    with qtbot.waitSignal(desk.studio.opened):
        if way == "file":
            desk.studio.begin_open(folder / "project.sqlite")
        else:
            contributions.project_reader(str(folder))(str(folder))
    assert desk.studio.workspace.session.entry.path == asked.answer


def test_cancelled_nothing_is_changed_and_what_is_open_stays(desk, lost, another, asked, qtbot):
    folder, _ = lost
    assert desk.studio.open_path(another)
    present = desk.studio.project
    with qtbot.waitSignal(desk.studio.failed):
        desk.studio.begin_open(folder)
    assert desk.said == "clip.ifcproj was not opened, since its frames are not found."
    assert asked.questions == [("clip", WHERE)]
    assert desk.studio.project is present
    assert is_free(folder)
    desk.studio.begin_open(another)  # nothing is being opened any more
    with qtbot.waitSignal(desk.studio.opened):
        pass


def test_another_video_is_refused_and_the_project_stays_closed(desk, lost, another, asked, qtbot):
    folder, asked.answer = lost[0], another
    with qtbot.waitSignal(desk.studio.failed):
        desk.studio.begin_open(folder)
    assert desk.said.startswith("another is not the video clip: it has 64x48 pixels and 3 frames,")
    assert desk.studio.workspace is None
    assert is_free(folder)


def test_a_file_that_cannot_be_read_leaves_the_project_closed(desk, lost, asked, qtbot, tmp_path):
    folder, asked.answer = lost[0], tmp_path / "notes.mp4"
    asked.answer.write_text("no video")
    with qtbot.waitSignal(desk.studio.failed):
        desk.studio.begin_open(folder)
    assert "notes.mp4" in desk.said
    assert desk.studio.workspace is None
    assert is_free(folder)


def test_cancelled_while_it_is_looked_through_nothing_is_changed(
    desk, lost, asked, qtbot, monkeypatch
):
    go_on = threading.Event()

    def slow(path, context=None, **how):
        go_on.wait(20)
        return open_video(path, JobContext(), **how)  # it comes to its end all the same

    monkeypatch.setattr(told_places, "open_video", slow)
    folder, asked.answer = lost
    desk.studio.begin_open(folder)
    qtbot.waitUntil(lambda: bool(asked.questions) and desk.studio.tasks.is_running)
    desk.studio.tasks.cancel()
    go_on.set()
    qtbot.waitUntil(lambda: desk.said == "Opening was cancelled.")
    assert desk.studio.workspace is None
    assert is_free(folder)


def test_a_project_that_cannot_be_written_is_not_asked_about(desk, lost, asked, qtbot):
    folder, asked.answer = lost
    with Project.open(folder), qtbot.waitSignal(desk.studio.failed):
        desk.studio.begin_open(folder)
    assert desk.said.startswith(f"{WHERE[:-1]}; put clip beside it. clip.ifcproj is open in ano")
    assert desk.said.endswith("so it is read-only here.")
    assert asked.questions == []


def test_nor_one_in_a_folder_that_cannot_be_written(desk, lost, asked, qtbot, monkeypatch):
    def refuse(lock):
        raise PermissionError(13, "Permission denied")

    folder, asked.answer = lost
    with monkeypatch.context() as patch:
        patch.setattr(WriterLock, "acquire", refuse)
        with qtbot.waitSignal(desk.studio.failed):
            desk.studio.begin_open(folder)
    assert desk.said.endswith("clip.ifcproj cannot be written here, so it is open read-only.")
    assert asked.questions == []
    assert desk.studio.workspace is None


def test_one_that_was_locked_meanwhile_is_told(desk, lost):
    folder, place = lost
    with Project.open(folder), pytest.raises(ProjectError, match="read-only here"):
        open_at(folder, place, JobContext())
    assert is_free(folder)


def test_of_the_project_that_is_open_it_is_told_what_can_be_done_here(
    desk, clip, asked, qtbot, tmp_path
):
    clip.rename(tmp_path / "hidden-elsewhere")
    shutil.move(tmp_path / "hidden-elsewhere", desk.project.folder / "exports" / "hidden")
    with qtbot.waitSignal(desk.studio.failed):
        desk.studio.begin_open(desk.project.folder)
    assert "say where it is (menu Videos, Locate this video)" in desk.said
    assert asked.questions == []
    assert desk.studio.project is desk.project


def test_further_videos_beside_it_are_found_in_the_same_step(desk, several, asked, qtbot):
    folder, far = several
    asked.answer = far / "clip"
    with qtbot.waitSignal(desk.studio.opened):
        desk.studio.begin_open(folder)
    assert asked.questions[0][1].startswith("None of the 2 videos of clip.ifcproj is where it was")
    assert desk.said == "clip, other are found."
    project = desk.studio.project
    assert [entry.path for entry in project.videos()] == [far / "clip", far / "other"]
    assert project.undo_label == "Locate 2 videos"
    assert desk.studio.run_action("edit.undo")
    assert {entry.path.parent for entry in project.videos()} == {folder.parent.parent}


def test_another_video_of_the_project_will_do(desk, several, asked, qtbot):
    folder, far = several
    shutil.rmtree(far / "clip")
    asked.answer = far / "other"
    with qtbot.waitSignal(desk.studio.opened):
        desk.studio.begin_open(folder)
    assert desk.studio.workspace.session.entry.name == "other"
    assert desk.said == "other is found."
    assert desk.studio.project.undo_label == "Locate video other"


def test_a_folder_of_videos_will_do_where_it_is_among_them(tmp_path):
    stack = np.zeros((3, *SIZE), np.uint8)
    for number, name in enumerate(("wanted", "other")):
        tifffile.imwrite(tmp_path / f"{name}.tif", stack + 9 * number, photometric="minisblack")
    folder = tmp_path / "a.ifcproj"
    with Project.create(folder) as project:
        edit, _ = adding(project, look_through([tmp_path / "wanted.tif"], JobContext()))
        project.apply(edit)
        entry = project.videos()[0]
    far = tmp_path / "far" / "away"
    far.mkdir(parents=True)
    for name in ("wanted", "other"):
        (tmp_path / f"{name}.tif").rename(far / f"renamed {name}.tif")
    with closing(open_at(folder, far, JobContext())) as session:
        session.keep_places()
        assert session.project.video(1).path == far / "renamed wanted.tif"
    found, others = look_at(folder, entry, far, JobContext())
    assert (found.path, others) == (far / "renamed wanted.tif", {})
    (far / "renamed wanted.tif").rename(tmp_path / "far" / "wanted.tif")
    with Project.open(folder) as project:
        project.undo()
    with pytest.raises(ProjectError, match=r"The video wanted is not in away\."):
        look_at(folder, entry, far, JobContext())


def test_the_ordinary_way_finds_those_beside_it_too(desk, second, tmp_path, qtbot):
    far = tmp_path / "far" / "away"
    far.mkdir(parents=True)
    third = tmp_path / "third"
    shutil.copytree(tmp_path / "other", third)
    sorted(third.iterdir())[0].unlink()
    edit, _ = adding(desk.project, look_through([third], JobContext()))
    desk.editor.apply(edit)
    for name in ("other", "third"):
        (tmp_path / name).rename(far / name)
    desk.studio.feature(Videos).begin_locate(second, far / "other")
    qtbot.waitUntil(lambda: desk.said == "other, third are found.")
    assert desk.project.undo_label == "Locate 2 videos"
    assert desk.project.videos()[2].path == far / "third"


def test_a_project_opened_and_waited_for_says_what_to_do(desk, lost, asked):
    assert not desk.studio.open_path(lost[0])
    assert desk.said == f"{WHERE[:-1]}; put clip beside it."
    assert asked.questions == []


def test_places_that_cannot_be_stored_are_told(desk, lost, asked, qtbot, monkeypatch):
    def refuse(project, edit):
        raise ProjectError("The disk is full.", path=project.folder)

    folder, asked.answer = lost
    with monkeypatch.context() as patch:
        patch.setattr(Project, "apply", refuse)
        with qtbot.waitSignal(desk.studio.failed):
            desk.studio.begin_open(folder)
    assert desk.said == "The disk is full."
    assert desk.studio.workspace is None
    assert is_free(folder)


# The list


def row_of(videos, video_id):
    return next(row for row in videos.list.model.rows if row.video_id == video_id)


def said_of(videos, video_id, role):
    model = videos.list.model
    return model.data(model.index(model.line_of(video_id)), role)


def test_videos_that_are_not_found_are_marked_as_soon_as_the_project_is_open(
    desk, second, tmp_path, qtbot
):
    studio, videos, folder = desk.studio, desk.studio.feature(Videos), desk.project.folder
    studio.close_project()
    place = tmp_path / "far" / "other"
    place.parent.mkdir()
    (tmp_path / "other").rename(place)
    assert studio.open_path(folder)
    qtbot.waitUntil(lambda: row_of(videos, second).is_absent)
    assert not row_of(videos, desk.video_id).is_absent
    assert row_of(videos, second).short == "not found · 9 fr. · 0 tracks"
    roles = Qt.ItemDataRole
    assert said_of(videos, second, roles.ToolTipRole).endswith("no tracks, not found")
    assert said_of(videos, second, roles.AccessibleTextRole) == "other, not found"
    assert said_of(videos, second, roles.AccessibleDescriptionRole).endswith("not found")
    assert said_of(videos, desk.video_id, roles.AccessibleTextRole) is None
    videos.begin_locate(second, place)
    qtbot.waitUntil(lambda: not row_of(videos, second).is_absent)
    assert studio.run_action("edit.undo")
    qtbot.waitUntil(lambda: row_of(videos, second).is_absent)


def test_it_is_looked_for_again_when_the_list_comes_and_never_in_the_windows_thread(
    desk, second, tmp_path, qtbot, monkeypatch
):
    looking = []
    find = ProjectReader.find_video_file

    def finding(*given, **named):
        looking.append(threading.current_thread())
        return find(*given, **named)

    monkeypatch.setattr(ProjectReader, "find_video_file", finding)
    videos = desk.studio.feature(Videos)
    assert not row_of(videos, second).is_absent
    shutil.move(tmp_path / "other", tmp_path / "far" / "other")
    videos.list.shown.emit()  # the window of this test is never shown
    qtbot.waitUntil(lambda: row_of(videos, second).is_absent)
    assert threading.main_thread() not in looking
    shutil.move(tmp_path / "far" / "other", tmp_path / "other")
    videos.list.shown.emit()
    qtbot.waitUntil(lambda: not row_of(videos, second).is_absent)


def test_nothing_is_opened_to_mark_a_video(session, monkeypatch, tmp_path):
    project = session.project
    ghost = replace(session.reader.video, path=Path("nowhere/ghost.mp4"), fingerprint="")
    unclear = project.add_video(ghost)
    gone = project.add_video(replace(ghost, path=Path("nowhere/lost.mp4")))
    (project.folder.parent / "ghost.mp4").write_bytes(b"of the same name")
    monkeypatch.setattr("ifc_core.io.video.open_video", None)
    assert absent_videos(project.folder, JobContext()) == ({gone}, {unclear})


def test_a_project_without_its_only_video_says_so_without_a_window(session, tmp_path, clip):
    session.close()
    clip.rename(tmp_path / "hidden")
    (tmp_path / "hidden").rename(tmp_path / "projects" / "clip.ifcproj" / "exports" / "hidden")
    with pytest.raises(VideosMissingError) as caught:
        open_session(session.project.folder)
    assert caught.value.names == ("clip",)
    assert caught.value.can_be_told
