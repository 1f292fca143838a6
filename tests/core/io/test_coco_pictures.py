"""COCO files of other programs: paths of Windows, tracks of CVAT, names without a folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ifc_core.annotation import Project
from ifc_core.annotation.importing import import_annotations
from ifc_core.errors import FormatError
from ifc_core.io.coco import read_coco
from ifc_core.io.video import open_video

SIZE = {"height": 48, "width": 80}
BOX = [[10, 10, 30, 10, 30, 20, 10, 20]]


def written(path: Path, names: list[str], **more: object) -> Path:
    """A box on each picture; the masks have further keys."""
    images = [{"id": n, "file_name": name, **SIZE} for n, name in enumerate(names, start=1)]
    masks = [
        {"id": n, "image_id": n, "category_id": 2, "segmentation": BOX, "iscrowd": 0, **more}
        for n in range(1, len(names) + 1)
    ]
    classes = [{"id": 2, "name": "cat"}]
    path.write_text(json.dumps({"images": images, "annotations": masks, "categories": classes}))
    return path


def test_names_of_windows_have_folders(tmp_path: Path) -> None:
    file = read_coco(written(tmp_path / "a.json", ["clip\\0.jpg", "clip\\1.jpg"]))
    assert [video.name for video in file.videos] == ["clip", "clip"]
    with pytest.raises(FormatError, match="no path inside"):
        read_coco(written(tmp_path / "a.json", ["..\\clip\\0.jpg"]))


@pytest.mark.parametrize("more", [{"attributes": {"track_id": 4}}, {"track_id": 4}])
def test_tracks_of_cvat_go_through_the_pictures_of_a_folder(tmp_path: Path, more) -> None:
    names = ["clip/frame_10.jpg", "clip/frame_9.jpg", "other/frame_1.jpg"]
    file = read_coco(written(tmp_path / "a.json", names, **more))
    found = {video.name: video for video in file.videos}
    assert found["clip"].file_names == ("clip/frame_9.jpg", "clip/frame_10.jpg")
    assert sorted(track.video_id for track in file.tracks) == sorted(v.id for v in file.videos)
    assert sorted(len(track.segmentations) for track in file.tracks) == [1, 2]
    assert all(None not in track.segmentations for track in file.tracks)


@pytest.mark.parametrize("more", [{}, {"attributes": {"occluded": False}}, {"instance_id": 4}])
def test_pictures_without_tracks_stay_single(tmp_path: Path, more) -> None:
    file = read_coco(written(tmp_path / "a.json", ["clip/0.jpg", "clip/1.jpg"], **more))
    assert len(file.videos) == len(file.tracks) == 2


@pytest.fixture
def project(tmp_path: Path, clip_folder: Path):
    """A project of a folder of frames, and the names of these."""
    with Project.create(tmp_path / "p.ifcproj") as project, open_video(clip_folder) as reader:
        project.add_video(reader.video)
        yield project, [path.name for path in sorted(clip_folder.iterdir())]


def test_names_without_a_folder_are_those_of_the_pictures_of_a_video(tmp_path, project) -> None:
    opened, names = project
    (tmp_path / "far").mkdir()
    file = written(tmp_path / "far" / "instances.json", [names[4], names[2]])
    report = import_annotations(opened, file)
    assert (report.videos, report.missing_videos) == (0, ())
    assert any("whose pictures have the names" in note for note in report.notes)
    shown = [frame for frame in range(len(names)) if opened.masks_at(1, frame)]
    assert shown == [2, 4]


def test_names_that_two_videos_have_are_not_guessed(tmp_path, project, clip_folder) -> None:
    opened, names = project
    other = shutil.copytree(clip_folder, tmp_path / "other")
    sorted(other.iterdir())[-1].unlink()
    with open_video(other) as reader:
        opened.add_video(reader.video)
    (tmp_path / "far").mkdir()
    for wanted in (names[:2], ["nowhere.png", names[1]]):
        report = import_annotations(opened, written(tmp_path / "far" / "a.json", wanted))
        assert report.missing_videos == ("far",)
        opened.undo()


def test_masks_without_a_track_are_not_those_of_a_track_of_the_same_number(tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", ["clip/0.jpg", "clip/1.jpg", "clip/2.jpg"])
    raw = json.loads(path.read_text())
    for mask in raw["annotations"][:2]:
        mask["attributes"] = {"track_id": 3}
    path.write_text(json.dumps(raw))
    shown = [[mask is not None for mask in t.segmentations] for t in read_coco(path).tracks]
    assert shown == [[True, True, False], [False, False, True]]


def test_an_attribute_of_text_is_no_track(tmp_path: Path) -> None:
    file = read_coco(written(tmp_path / "a.json", ["a.jpg"], attributes={"track_id": "T3"}))
    assert len(file.tracks) == 1
