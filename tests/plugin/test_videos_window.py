"""The list of a project's videos in a real window."""

from __future__ import annotations

import shutil

import napari
import pytest
from fake_engine import NUM_FRAMES, SIZE, FakeEngine
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QInputDialog

from ifc_core.errors import EditError
from napari_ifc.features.videos import Videos
from napari_ifc.settings import StudioSettings
from napari_ifc.studio import Studio

pytestmark = pytest.mark.window


@pytest.fixture
def studio(qapp, tmp_path, unwatched):
    viewer = unwatched(napari.Viewer(show=True))
    engine = FakeEngine(SIZE, NUM_FRAMES)
    made = Studio(
        viewer,
        engine_factory=lambda: engine,
        settings=StudioSettings(projects_folder=tmp_path / "projects"),
    )
    yield made
    made.close()
    viewer.close()


def test_videos_are_added_shown_by_keyboard_and_removed(studio, clip, tmp_path, qtbot, monkeypatch):
    other = tmp_path / "other"
    shutil.copytree(clip, other)
    sorted(other.iterdir())[-1].unlink()
    assert studio.open_path(clip)
    videos = studio.feature(Videos)
    first = studio.workspace.session.entry.id
    assert not videos.is_shown
    assert not studio.run_action("videos.next")
    assert "keeps at least one video" in studio.actions["videos.remove"].why_not()

    videos.begin_add([other])
    qtbot.waitUntil(lambda: videos.is_shown, timeout=20_000)
    rows = videos.list.model.rows
    assert [row.name for row in rows] == ["clip", "other"]
    assert videos.list.chosen() == first
    qtbot.waitUntil(lambda: len(videos.list.model.pictures) == 2, timeout=20_000)

    qtbot.keyClick(videos.list.view, Qt.Key.Key_Down)
    with qtbot.waitSignal(studio.opened, timeout=20_000):
        qtbot.keyClick(videos.list.view, Qt.Key.Key_Return)
    assert studio.workspace.session.entry.name == "other"
    assert studio.workspace.session.num_frames == NUM_FRAMES - 1
    with pytest.raises(EditError, match="brought the video in"):
        studio.workspace.editor.undo()

    with qtbot.waitSignal(studio.opened, timeout=20_000):
        studio.run_action("videos.remove")  # the shown one: its neighbour comes first
    assert studio.workspace.session.entry.id == first
    assert [row.name for row in videos.list.model.rows] == ["clip"]
    studio.run_action("edit.undo")
    assert [row.name for row in videos.list.model.rows] == ["clip", "other"]
    with qtbot.waitSignal(studio.opened, timeout=20_000):
        studio.run_action("videos.next")
    with pytest.raises(EditError, match="removes the video that is shown"):
        studio.workspace.editor.redo()
    assert len(videos.list.model.rows) == 2
    entry = studio.workspace.session.entry
    monkeypatch.setattr(QInputDialog, "getInt", lambda *asked: (asked[3] + 4, True))
    assert studio.run_action("videos.step")
    assert studio.project.video(entry.id).annotation_step == 5
    studio.run_action("edit.undo")
    assert studio.project.video(entry.id).annotation_step == 1
    studio.close_project()
    assert not videos.is_shown
    assert not videos.list.model.rows
