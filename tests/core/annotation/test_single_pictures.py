"""Plain COCO: pictures of a folder are frames of one video."""

import json

import cv2
import numpy as np
import pytest

from ifc_core.annotation import Project
from ifc_core.annotation.importing import import_annotations
from ifc_core.io.video import open_video
from ifc_core.structures import RLEMask

NUMBERS = (12, 3, 7)  # in the order of the file


def mask(number: int) -> RLEMask:
    picture = np.zeros((20, 30), dtype=bool)
    picture[5:10, number : number + 5] = True
    return RLEMask.from_array(picture)


def write_coco(path, folder, size=(20, 30)):
    """Three pictures, the second of them of another size where one is given."""
    sizes = [(20, 30), size, (20, 30)]
    entries = list(zip(NUMBERS, sizes, strict=True))
    masks = [mask(n) if s == (20, 30) else RLEMask.empty(s) for n, s in entries]
    content = {
        "images": [
            {"id": n, "file_name": f"{folder}{n:05d}.jpg", "height": s[0], "width": s[1]}
            for n, s in entries
        ],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [
            {"id": n, "image_id": n, "category_id": 1, "segmentation": m.to_coco()}
            for n, m in zip(NUMBERS, masks, strict=True)
        ],
    }
    path.write_text(json.dumps(content))
    return path


def write_pictures(folder, size=(20, 30)):
    """Those of the file and one more; the third of another size where one is given."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in (1, *NUMBERS):
        height, width = size if number == 3 else (20, 30)
        picture = np.full((height, width, 3), 10 * number, dtype=np.uint8)
        cv2.imwrite(str(folder / f"{number:05d}.jpg"), picture)


def shown(project):
    """Frame -> mask of every track of the first video."""
    records = (r for t in project.tracks(1) for r in project.track_masks(t.id))
    return {record.frame_index: record.rle for record in records}


@pytest.mark.parametrize(
    ("name", "pictures", "video"),
    [
        ("images/", "images", "images"),
        ("", "", "data"),
        ("", "JPEGImages", "data"),
        ("train/cats/", "JPEGImages/train/cats", "cats"),
    ],
)
def test_pictures_of_a_folder_are_frames_of_one_video(tmp_path, name, pictures, video):
    data = tmp_path / "data"
    write_pictures(data / pictures)
    with Project.create(tmp_path / "p.ifcproj") as project:
        report = import_annotations(project, write_coco(data / "coco.json", name))
        assert (report.videos, report.tracks, report.missing_videos) == (1, 3, ())
        assert report.notes[0].startswith("1 video carries no review states")
        (entry,) = project.videos()
        assert (entry.name, entry.path, entry.num_frames) == (video, data / pictures, 4)
        assert shown(project) == {1: mask(3), 2: mask(7), 3: mask(12)}
        assert project.exhaustive_frames(1) == [1, 2, 3]  # of the first picture nothing is known
        assert project.check() == []


def test_the_folder_may_be_in_the_project_under_another_name(tmp_path):
    write_pictures(tmp_path / "data")
    with Project.create(tmp_path / "p.ifcproj") as project:
        with open_video(tmp_path / "data") as reader:
            project.add_video(reader.video, name="mine")
        path = write_coco(tmp_path / "data" / "coco.json", "")
        assert import_annotations(project, path).videos == 0
        assert sorted(shown(project)) == [1, 2, 3]


@pytest.mark.parametrize(("name", "video"), [("images/", "images"), ("", "data")])
def test_pictures_that_are_not_there_are_one_video_to_be_found(tmp_path, name, video):
    data = tmp_path / "data"
    data.mkdir()
    with Project.create(tmp_path / "p.ifcproj") as project:
        report = import_annotations(project, write_coco(data / "coco.json", name))
        assert report.missing_videos == (video,)
        assert [(e.name, e.num_frames) for e in project.videos()] == [(video, 3)]
        assert project.find_video_file(1) is None
        assert shown(project) == {0: mask(3), 1: mask(7), 2: mask(12)}
        import_annotations(project, data / "coco.json")  # again to the same place
        assert [len(project.tracks(e.id)) for e in project.videos()] == [6]


def test_why_a_folder_cannot_be_used_is_said(tmp_path):
    write_pictures(tmp_path / "images", size=(24, 30))
    path = write_coco(tmp_path / "coco.json", "images/", size=(24, 30))
    with Project.create(tmp_path / "p.ifcproj") as project:
        report = import_annotations(project, path)
        assert [e.num_frames for e in project.videos()] == [2, 1]  # by size
        assert "all frames must have one size" in " ".join(report.notes)


def test_one_annotated_picture_of_a_folder_of_tiff_files_is_a_frame_of_it(tmp_path):
    root = tmp_path / "frames"
    root.mkdir()
    for number in range(5):
        cv2.imwrite(str(root / f"img{number}.tif"), np.full((20, 30), 40 * number, np.uint8))
    box = {"size": [20, 30], "counts": RLEMask.from_array(np.ones((20, 30), bool)).counts.decode()}
    image = {"id": 1, "file_name": "img3.tif", "height": 20, "width": 30}
    note = {"id": 1, "image_id": 1, "category_id": 1, "segmentation": box, "iscrowd": 0}
    note |= {"area": 600, "bbox": [0, 0, 30, 20]}
    content = {"images": [image], "annotations": [note], "categories": [{"id": 1, "name": "a"}]}
    (root / "coco.json").write_text(json.dumps(content))
    with Project.create(tmp_path / "a.ifcproj") as project:
        import_annotations(project, root / "coco.json")
        (video,) = project.videos()
        assert (video.path, video.num_frames) == (root, 5)
        assert project.mask(project.tracks(1)[0].id, 3) is not None
