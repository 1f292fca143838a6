"""What the program exports without its key comes back to the videos that it is of."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from ifc_core.annotation import Project, Scope, edits
from ifc_core.annotation.exporting import ExportFormat, ExportOptions, export_project
from ifc_core.annotation.importing import import_annotations
from ifc_core.io.davis import read_davis
from ifc_core.io.video import open_video
from ifc_core.structures import Category, RLEMask, Video

from .conftest import NUM_FRAMES, SIZE, box, video

PLAIN = ExportOptions(include_studio_key=False)
FORMATS = [
    ExportFormat.YTVIS,
    ExportFormat.COCO,
    ExportFormat.DAVIS,
    ExportFormat.MOTS,
    ExportFormat.CTC,
    ExportFormat.LABELME,
]


def annotated(project, names):
    """Videos of one size and length, the n-th with a box that is its own on all frames."""
    project.apply(edits.SetCategory(Category(1, "dog")))
    for number, name in enumerate(names, start=1):
        project.add_video(video(f"{number}/{name}.mp4", f"{number}-aa"), name=name)
        result = project.apply(edits.NewTrack(number, 1, 0, box(1, number)))
        (track,) = result.tracks_added
        for frame in range(1, NUM_FRAMES):
            project.apply(edits.SetMask(track, frame, box(1, number)))
        project.apply(edits.ApproveFrames(number, Scope(0, NUM_FRAMES - 1)))
    return project


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    "names",
    [("my clip", "bed (2)"), ("my clip", "my_clip"), ("my_clip", "my clip", "my  clip")],
)
def test_an_export_comes_back_to_its_videos_whatever_they_are_called(tmp_path, names, form):
    with annotated(Project.create(tmp_path / "p.ifcproj"), names) as project:
        export_project(project, tmp_path / "out", form, PLAIN)
        report = import_annotations(project, tmp_path / "out", form)
        assert (report.videos, report.missing_videos) == (0, ())
        for number in range(1, len(names) + 1):
            first, second = project.tracks(number)
            masks = [project.mask(track.id, 3).rle for track in (first, second)]
            assert masks == [box(1, number)] * 2


def test_a_name_with_a_number_is_not_the_video_without_it(tmp_path):
    """``cell_2`` is another video than ``cell``, unless there are two of that name."""
    content = {
        "videos": [{"id": 1, "height": SIZE[0], "width": SIZE[1], "length": NUM_FRAMES}],
        "categories": [{"id": 1, "name": "dog"}],
        "annotations": [],
    }
    content["videos"][0]["file_names"] = [f"cell_2/{n:05d}.jpg" for n in range(NUM_FRAMES)]
    (tmp_path / "labels").mkdir()
    file = tmp_path / "labels" / "label.json"
    file.write_text(json.dumps(content))
    with Project.create(tmp_path / "p.ifcproj") as project:
        project.add_video(Video(Path("/a/cell.mp4"), NUM_FRAMES, *SIZE, 9.0, "1-a"))
        assert import_annotations(project, file, likely=()).missing_videos == ("cell_2",)
        project.undo()
        project.add_video(Video(Path("/b/cell.mp4"), NUM_FRAMES, *SIZE, 9.0, "2-a"))
        assert import_annotations(project, file, likely=()).videos == 0


def pictures(folder, size):
    folder.mkdir()
    for frame in range(3):
        cv2.imwrite(str(folder / f"{frame:05d}.jpg"), np.full((*size, 3), 40 * frame, np.uint8))
    return folder


@pytest.fixture
def two_sizes(tmp_path):
    """A DAVIS export of a video 480 pixels high and one that is not, with their frames."""
    with Project.create(tmp_path / "p.ifcproj") as project:
        project.apply(edits.SetCategory(Category(1, "dog")))
        for number, (name, size) in enumerate({"low": (24, 40), "high": (480, 64)}.items(), 1):
            with open_video(pictures(tmp_path / name, size)) as reader:
                project.add_video(reader.video)
            mask = np.zeros(size, bool)
            mask[2:9, 3 : 9 + number] = True
            project.apply(edits.NewTrack(number, 1, 0, RLEMask.from_array(mask)))
            project.apply(edits.ApproveFrames(number, Scope(0, 2)))
        options = ExportOptions(write_frames=True)
        export_project(project, tmp_path / "davis", ExportFormat.DAVIS, options)
    return tmp_path / "davis"


@pytest.mark.parametrize("part", ["", "Annotations"])
def test_davis_of_two_heights_is_read_whole_with_its_frames(tmp_path, two_sizes, part):
    assert (two_sizes / "Annotations" / "480p" / "high").is_dir()
    assert (two_sizes / "Annotations" / "Full-Resolution" / "low").is_dir()
    with Project.create(tmp_path / "other.ifcproj") as project:
        report = import_annotations(project, two_sizes / part)
        assert (report.videos, report.masks, report.missing_videos) == (2, 2, ())
        found = {entry.name: entry.size for entry in project.videos()}
        assert found == {"low": (24, 40), "high": (480, 64)}


def test_davis_of_two_heights_goes_back_to_its_videos(tmp_path, two_sizes):
    with Project.open(tmp_path / "p.ifcproj") as project:
        assert import_annotations(project, two_sizes).videos == 0
        assert [len(project.tracks(number)) for number in (1, 2)] == [2, 2]


def test_a_video_in_two_resolutions_is_read_once(two_sizes):
    low = two_sizes / "Annotations" / "Full-Resolution" / "low"
    low.rename(low.with_name("high"))
    (entry,) = read_davis(two_sizes).videos
    assert (entry.name, entry.height) == ("high", 480)
