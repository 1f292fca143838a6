"""What goes on when another video is shown, or something else is opened."""

from __future__ import annotations

import shutil

import pytest
from fake_engine import SIZE, disc

from napari_ifc.controllers.tasks import Task
from napari_ifc.features import opening
from napari_ifc.features.imports import Imports
from napari_ifc.features.opening import Opening

pytestmark = pytest.mark.window


@pytest.fixture
def desk(tidied_desk):
    return tidied_desk


@pytest.fixture
def written(desk, tmp_path):
    """A file of three tracks of the first video, which has none any more."""
    for column in (10, 25, 40):
        desk.studio.select(())
        desk.editor.commit_rle(disc(SIZE, (20, column), 4), "Paint")
    path = tmp_path / "out.json"
    desk.studio.export_ytvis(path, everything=True)
    for _ in range(3):
        assert desk.studio.run_action("edit.undo")
    return path


@pytest.fixture
def asked(monkeypatch):
    """What was asked before something was left; each time the person stays."""
    found = []
    monkeypatch.setattr(opening, "ask_to_stop", lambda work, parent: found.append(work))
    return found


def test_an_import_goes_on_while_another_video_is_shown(desk, second, written, asked, qtbot):
    tasks = desk.studio.tasks
    desk.studio.feature(Imports).begin_import(written)
    assert desk.studio.feature(Opening).may_put_down(keep_project=True)
    assert asked == []
    assert desk.studio.show_video(second)
    assert tasks.writing == ("Importing out.json",)
    qtbot.waitUntil(lambda: not tasks.is_running)
    assert len(desk.project.tracks(desk.video_id)) == 3
    assert desk.said.startswith("Imported 3 tracks")
    assert len(desk.studio.workspace.index) == 0  # the video that is shown has none
    assert desk.studio.show_video(desk.video_id)
    assert len(desk.studio.workspace.index) == 3


def test_an_import_is_not_ended_without_asking(desk, written, asked, tmp_path):
    desk.studio.feature(Imports).begin_import(written)
    desk.studio.begin_open(tmp_path / "clip")
    desk.studio.run_action("file.close")
    assert asked == [["Importing out.json"]] * 2
    assert desk.studio.workspace is not None
    assert desk.studio.tasks.writing


def other_clip(desk, tmp_path):
    """Another folder of frames that can be opened."""
    return shutil.copytree(desk.studio.workspace.session.reader.video.path, tmp_path / "other")


def test_no_import_begins_while_something_is_opened_that_would_end_it(
    desk, written, asked, tmp_path, qtbot
):
    desk.studio.begin_open(other_clip(desk, tmp_path))
    desk.studio.feature(Imports).begin_import(written)
    assert desk.said == "Wait until this has ended, or cancel it: Opening other."
    assert desk.studio.tasks.writing == ()
    assert desk.studio.actions["file.import"].why_not() == desk.said
    desk.studio.tasks.cancel()
    qtbot.waitUntil(lambda: not desk.studio.tasks.is_running)
    assert desk.studio.actions["file.import"].enabled
    desk.studio.feature(Imports).begin_import(written)
    qtbot.waitUntil(lambda: not desk.studio.tasks.is_running)
    assert len(desk.project.tracks(desk.video_id)) == 3


def test_what_is_opened_waits_its_turn(desk, asked, tmp_path, qtbot):
    other = other_clip(desk, tmp_path)
    desk.studio.begin_open(other)
    with qtbot.waitSignal(desk.studio.opened):
        desk.studio.begin_open(tmp_path / "missing.mp4")
        assert desk.said == "Wait until this has ended, or cancel it: Opening other."
    with qtbot.waitSignal(desk.studio.failed):
        desk.studio.begin_open(tmp_path / "missing.mp4")
    assert desk.studio.workspace.session.entry.name == "other"


def test_one_import_after_the_other(desk, written, qtbot):
    imports = desk.studio.feature(Imports)
    imports.begin_import(written)
    imports.begin_import(written)
    assert desk.said == "Wait until this has ended, or cancel it: Importing out.json."
    assert not desk.studio.import_annotations(written)
    qtbot.waitUntil(lambda: not desk.studio.tasks.is_running)
    assert len(desk.project.tracks(desk.video_id)) == 3
    assert len(desk.studio.workspace.index) == 3


def test_what_was_begun_while_something_was_opened_is_asked_about_when_it_is_there(
    desk, asked, tmp_path, qtbot
):
    def endless(context):
        while True:
            yield context.advance(1, None)

    project = desk.project
    desk.studio.begin_open(other_clip(desk, tmp_path))
    task = Task("Writing", lambda result: None, desk.studio.fail)
    desk.studio.tasks.start_steps(task, endless)
    qtbot.waitUntil(lambda: desk.said == "other was not opened.")
    assert asked == [["Writing"]]
    assert desk.studio.project is project
    assert desk.studio.tasks.writing == ("Writing",)
    desk.studio.tasks.stop_steps()


def test_an_import_tells_of_its_own_edit_alone(desk, written, qtbot, monkeypatch):
    assert desk.studio.import_annotations(written)
    followed = []
    monkeypatch.setattr(desk.editor, "follow", followed.append)
    desk.studio.feature(Imports).begin_import(written)
    steps = desk.studio.tasks._running[0].steps
    next(steps)
    assert desk.studio.run_action("edit.undo")
    qtbot.waitUntil(lambda: not desk.studio.tasks.is_running)
    assert [(result.kind, result.direction) for result in followed] == [("ImportTracks", "do")]
