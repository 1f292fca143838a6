"""Taking the video out that is shown: its neighbour is opened beside the window first."""

from __future__ import annotations

import shutil
import threading

import pytest

from ifc_core.annotation import edits
from ifc_core.errors import VideoError
from ifc_core.io.video import open_video
from ifc_core.jobs import JobContext
from napari_ifc.controllers.tasks import Task
from napari_ifc.controllers.videos import adding, look_through
from napari_ifc.features.videos import Videos

pytestmark = pytest.mark.window


@pytest.fixture
def desk(tidied_desk):
    return tidied_desk


@pytest.fixture
def third(desk, second, tmp_path, clip):
    """Id of a third video of the project."""
    place = tmp_path / "third"
    shutil.copytree(clip, place)
    for path in sorted(place.iterdir())[-2:]:
        path.unlink()
    edit, _ = adding(desk.project, look_through([place], JobContext()))
    desk.editor.apply(edit)
    return desk.project.videos()[2].id


class Gate:
    """Opens files in the worker's thread once it may, or refuses to."""

    def __init__(self, monkeypatch):
        self.opened = []
        self.error = None
        self._free = threading.Event()
        monkeypatch.setattr("napari_ifc.features.opening.open_video", self._open)

    def let_go(self, error=None):
        self.error = error
        self._free.set()

    def _open(self, path, context=None, **how):
        self.opened.append((path.name, threading.current_thread().name))
        assert self._free.wait(20)
        if self.error is not None:
            raise self.error
        return open_video(path, context, **how)


@pytest.fixture
def gate(monkeypatch):
    made = Gate(monkeypatch)
    yield made
    made.let_go()


def ids(desk):
    return [entry.id for entry in desk.project.videos()]


def ended(desk, qtbot):
    qtbot.waitUntil(lambda: not desk.studio.tasks.is_running, timeout=20_000)


def test_the_neighbour_is_opened_beside_the_window_and_undo_brings_all_back(
    desk, second, gate, qtbot
):
    studio, shown = desk.studio, desk.video_id
    track = desk.corrected()
    assert studio.run_action("videos.remove")
    assert studio.tasks.texts == ("Opening other",)
    assert studio.workspace.session.entry.id == shown
    assert ids(desk) == [shown, second]
    assert "Wait for what is going on" in studio.actions["videos.remove"].why_not()
    with qtbot.waitSignal(studio.opened, timeout=20_000):
        gate.let_go()
    assert studio.workspace.session.entry.id == second
    assert ids(desk) == [second]
    assert [name for name, _ in gate.opened] == ["other"]
    assert threading.main_thread().name not in {thread for _, thread in gate.opened}
    assert desk.said == "Removed clip with 1 track from the project; Ctrl+Z brings it back."
    assert desk.project.undo_label == "Remove video clip"
    assert studio.run_action("edit.undo")
    assert ids(desk) == [shown, second]
    assert [known.id for known in desk.project.tracks(shown)] == [track]


def test_the_last_one_of_the_list_makes_room_for_the_one_before(desk, second, qtbot):
    studio = desk.studio
    assert studio.show_video(second)
    with qtbot.waitSignal(studio.opened, timeout=20_000):
        assert studio.run_action("videos.remove")
    assert studio.workspace.session.entry.id == desk.video_id
    assert ids(desk) == [desk.video_id]


def test_one_that_is_not_shown_goes_at_once(desk, second):
    desk.studio.feature(Videos).list.choose(second)
    assert desk.studio.run_action("videos.remove")
    assert ids(desk) == [desk.video_id]
    assert not desk.studio.tasks.is_running


@pytest.mark.parametrize("end", ["broken", "cancelled"])
def test_nothing_is_lost_where_the_neighbour_is_not_opened(desk, second, gate, qtbot, clip, end):
    studio, shown = desk.studio, desk.video_id
    track = desk.corrected()
    steps = len(desk.project.history())
    assert studio.run_action("videos.remove")
    if end == "cancelled":
        studio.tasks.cancel()
    error = VideoError("other cannot be read.", path=clip)
    gate.let_go(error if end == "broken" else None)
    ended(desk, qtbot)
    assert desk.sentences == (["other cannot be read."] if end == "broken" else [])
    assert studio.workspace.session.entry.id == shown
    assert (ids(desk), len(desk.project.history())) == ([shown, second], steps)
    assert [known.id for known in desk.project.tracks(shown)] == [track]
    assert studio.feature(Videos).list.chosen() == shown


def test_nothing_is_lost_where_the_neighbour_is_not_found(desk, second, tmp_path):
    studio, videos = desk.studio, desk.studio.feature(Videos)
    shutil.rmtree(tmp_path / "other")
    studio.run_action("videos.remove")
    assert desk.said.startswith("The video other is not where it was")
    assert ids(desk) == [desk.video_id, second]
    assert videos.list.chosen() == desk.video_id  # so that the key takes no other one out


def test_of_two_neighbours_the_one_is_shown_that_is_found(desk, second, third, tmp_path, qtbot):
    studio, videos = desk.studio, desk.studio.feature(Videos)
    assert studio.show_video(second)
    shutil.rmtree(tmp_path / "third")
    videos.absent.add(third)
    with qtbot.waitSignal(studio.opened, timeout=20_000):
        assert studio.run_action("videos.remove")
    assert studio.workspace.session.entry.id == desk.video_id
    assert ids(desk) == [desk.video_id, third]


@pytest.mark.parametrize("what", ["another video", "other work"])
def test_what_is_begun_meanwhile_keeps_it_and_is_told(desk, second, third, gate, qtbot, what):
    studio, shown = desk.studio, desk.video_id
    assert studio.run_action("videos.remove")
    free = threading.Event()
    if what == "another video":
        assert studio.show_video(third)
    else:
        task = Task("Exporting", lambda result: None, lambda error: None)
        studio.tasks.start(task, lambda context: free.wait(20))
    gate.let_go()
    qtbot.waitUntil(lambda: "clip was not removed" in desk.said, timeout=20_000)
    free.set()
    ended(desk, qtbot)
    assert studio.workspace.session.entry.id == (third if what == "another video" else shown)
    assert ids(desk) == [shown, second, third]


def test_nothing_is_told_in_another_project(desk, second, gate, qtbot, tmp_path, clip):
    studio = desk.studio
    shutil.copytree(clip, tmp_path / "elsewhere")
    folder = desk.project.folder
    assert studio.run_action("videos.remove")
    assert studio.open_path(tmp_path / "elsewhere")
    said = desk.said
    gate.let_go()
    ended(desk, qtbot)
    assert (desk.said, studio.workspace.session.entry.name) == (said, "elsewhere")
    assert studio.open_path(folder)
    assert [entry.name for entry in studio.project.videos()] == ["clip", "other"]


def test_a_change_that_is_made_meanwhile_comes_back_with_it(desk, second, gate, qtbot):
    studio = desk.studio
    assert studio.run_action("videos.remove")
    track = desk.corrected()
    with qtbot.waitSignal(studio.opened, timeout=20_000):
        gate.let_go()
    assert desk.project.tracks(desk.video_id) == []
    assert studio.run_action("edit.undo")
    assert [known.id for known in desk.project.tracks(desk.video_id)] == [track]


def test_a_removal_that_is_refused_is_told(desk, second, gate, qtbot, monkeypatch):
    studio = desk.studio
    assert studio.run_action("videos.remove")

    def refuse(edit, tx):
        tx.fail("It stays.")

    monkeypatch.setattr(edits.RemoveVideo, "perform", refuse)
    with qtbot.waitSignal(studio.opened, timeout=20_000):
        gate.let_go()
    qtbot.waitUntil(lambda: desk.said == "It stays.")
    assert ids(desk) == [desk.video_id, second]


def test_what_brings_it_back_is_told_as_it_is_set(desk, second, qtbot):
    studio = desk.studio
    studio.actions.set_shortcut("edit.undo", "")
    with qtbot.waitSignal(studio.opened, timeout=20_000):
        assert studio.run_action("videos.remove")
    assert desk.said == "Removed clip with 0 tracks from the project; undo brings it back."
