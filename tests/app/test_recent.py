"""The list of recently opened items."""

from pathlib import Path

import numpy as np
import pytest

from ifc_app.recent import RecentList
from ifc_core.errors import OutputError


def _clip(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"x")
    return path


def test_newest_comes_first_and_is_listed_once(tmp_path):
    ticks = iter([1.0, 2.0, 3.0])
    recent = RecentList(tmp_path / "data", clock=lambda: next(ticks))
    first, second = _clip(tmp_path, "a.mp4"), _clip(tmp_path, "b.mp4")
    recent.add(first, 10)
    recent.add(second, 20)
    recent.add(first, 10)
    assert [item.name for item in recent.items()] == ["a.mp4", "b.mp4"]
    assert recent.items()[0].opened_unix_seconds == 3.0


def test_what_was_deleted_is_not_offered(tmp_path):
    recent = RecentList(tmp_path / "data")
    path = _clip(tmp_path, "a.mp4")
    recent.add(path, 10)
    path.unlink()
    assert recent.items() == []


def test_one_that_may_not_be_looked_at_does_not_hide_the_others(tmp_path, monkeypatch):
    recent = RecentList(tmp_path / "data")
    shut, plain = _clip(tmp_path, "shut.mp4"), _clip(tmp_path, "plain.mp4")
    recent.add(shut, 10)
    recent.add(plain, 10)
    exists = Path.exists

    def look(path):
        if path == shut:
            raise PermissionError(13, "Permission denied")
        return exists(path)

    monkeypatch.setattr(Path, "exists", look)
    assert [item.name for item in recent.items()] == ["plain.mp4"]


def test_the_thumbnail_is_small_and_keeps_its_shape(tmp_path):
    import cv2

    recent = RecentList(tmp_path / "data")
    frame = np.full((540, 960, 3), (200, 30, 60), np.uint8)
    recent.add(_clip(tmp_path, "a.mp4"), 10, frame)
    picture = cv2.imread(str(recent.thumbnail(recent.items()[0])))
    assert picture.shape == (135, 240, 3)
    assert picture[60, 120].tolist() == [60, 30, 200]


def test_a_damaged_list_counts_as_empty_and_is_replaced(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "recent.json").write_text('{"not": "a list"')
    recent = RecentList(folder)
    assert recent.items() == []
    recent.add(_clip(tmp_path, "a.mp4"), 10)
    assert len(recent.items()) == 1


def test_a_folder_that_cannot_be_made_is_one_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be made"):
        RecentList(tmp_path / "file" / "data").add(_clip(tmp_path, "a.mp4"), 10)


def test_only_a_dozen_are_kept(tmp_path):
    recent = RecentList(tmp_path / "data")
    for number in range(15):
        recent.add(_clip(tmp_path, f"{number}.mp4"), 1)
    assert [item.name for item in recent.items()][:2] == ["14.mp4", "13.mp4"]
    assert len(recent.items()) == 12


def test_progress_is_noted_and_kept_when_it_is_opened_again(tmp_path):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"x")
    recent = RecentList(tmp_path / "data")
    recent.add(clip, 10)
    recent.note_progress(clip, num_tracks=2, approved_frames=5)
    recent.note_progress(tmp_path / "other.mp4", num_tracks=9, approved_frames=9)
    recent.add(clip, 10)
    (item,) = recent.items()
    assert (item.num_tracks, item.approved_frames) == (2, 5)


def test_an_item_takes_the_place_of_another(tmp_path):
    recent = RecentList(tmp_path / "data")
    clip, project = _clip(tmp_path, "a.mp4"), _clip(tmp_path, "a.ifcproj")
    recent.add(clip, 10)
    recent.add(_clip(tmp_path, "b.mp4"), 10)
    recent.add(project, 20, instead_of=clip)
    assert [item.name for item in recent.items()] == ["a.ifcproj", "b.mp4"]
    recent.note_progress(project, num_tracks=2, approved_frames=5)
    recent.add(project, 20, instead_of=project)
    assert recent.items()[0].num_tracks == 2
