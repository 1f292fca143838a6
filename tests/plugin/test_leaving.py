"""What goes on when another video is shown, or something else is opened."""

from __future__ import annotations

import pytest
from fake_engine import SIZE, disc

from napari_ifc.features import opening
from napari_ifc.features.files import Files
from napari_ifc.features.opening import Opening

pytestmark = pytest.mark.window


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
    desk.studio.feature(Files).begin_import(written)
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
    desk.studio.feature(Files).begin_import(written)
    desk.studio.begin_open(tmp_path / "clip")
    desk.studio.run_action("file.close")
    assert asked == [["Importing out.json"]] * 2
    assert desk.studio.workspace is not None
    assert desk.studio.tasks.writing
