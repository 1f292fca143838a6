"""Annotations of a part of a video that is found later, or in several files."""

import json
import shutil

import numpy as np
import pytest

from ifc_core.annotation import Project, Scope, edits
from ifc_core.annotation.exporting import ExportOptions, ExportScope, export_project
from ifc_core.annotation.importing import import_annotations
from ifc_core.errors import FormatError
from ifc_core.io.video import open_video
from ifc_core.structures import Category, RLEMask

from .conftest import state_of


@pytest.fixture
def parts(tmp_path, clip_file):
    """Exports of frames 0 to 2, 3 to 5 and 6 to 8 of a clip with an object on every frame."""
    folder = tmp_path / "far"
    folder.mkdir()
    with Project.create(tmp_path / "a.ifcproj") as project:
        with open_video(clip_file) as reader:
            project.add_video(reader.video)
        project.apply(edits.SetCategory(Category(1, "cat")))
        eye = RLEMask.from_array(np.eye(*project.video(1).size, dtype=bool))
        project.apply(edits.NewTrack(1, 1, 0, eye))
        for frame in range(1, 9):
            project.apply(edits.SetMask(1, frame, eye))
        files = []
        for first in (0, 3, 6):
            files.append(folder / f"part{first}.json")
            scope = Scope(first, first + 2)
            options = ExportOptions(scope=ExportScope.EVERYTHING, frame_scope=scope)
            export_project(project, files[-1], options=options)
    return files


@pytest.fixture
def other(tmp_path):
    with Project.create(tmp_path / "far" / "b.ifcproj") as project:
        yield project


def annotated(project):
    return [[f.frame_index for f in project.track_frames(t.id)] for t in project.tracks(1)]


def test_a_video_that_is_not_found_grows_with_the_files_of_it(parts, other):
    """Each holds as many frames, so that their number alone tells nothing."""
    first = import_annotations(other, parts[0])
    assert (first.videos, first.missing_videos) == (1, ("square",))
    before = state_of(other)
    second = import_annotations(other, parts[1])
    assert (second.videos, second.tracks) == (0, 1)
    assert [entry.num_frames for entry in other.videos()] == [6]
    assert annotated(other) == [[0, 1, 2], [3, 4, 5]]
    other.undo()
    assert state_of(other) == before
    other.redo()
    import_annotations(other, parts[0])
    assert other.video(1).num_frames == 6


def test_a_video_that_was_found_meanwhile_is_whole_with_the_next_file(parts, other, clip_file):
    import_annotations(other, parts[0])
    shutil.copyfile(clip_file, parts[0].parent / "square.mp4")
    import_annotations(other, parts[1])
    assert other.video(1).num_frames == 9
    assert annotated(other) == [[0, 1, 2], [3, 4, 5]]


def test_frames_that_the_video_does_not_have_are_refused(parts, other, clip_file):
    shutil.copyfile(clip_file, parts[0].parent / "square.mp4")
    import_annotations(other, parts[0])
    content = json.loads(parts[2].read_text())
    content["videos"][0]["ifc_studio"]["frame_indices"] = [7, 8, 9]
    parts[2].write_text(json.dumps(content))
    with pytest.raises(FormatError, match=r"frame 9 of square, and square ends with frame 8\."):
        import_annotations(other, parts[2])


@pytest.mark.parametrize("is_there", [False, True])
def test_one_file_may_hold_a_video_in_parts(parts, other, clip_file, is_there):
    if is_there:
        shutil.copyfile(clip_file, parts[0].parent / "square.mp4")
    whole = json.loads(parts[0].read_text())
    for number, part in enumerate(parts[1:], start=2):
        content = json.loads(part.read_text())
        for entry in (*content["videos"], *content["annotations"]):
            entry["id"] = number
        content["annotations"][0]["video_id"] = number
        whole["videos"] += content["videos"]
        whole["annotations"] += content["annotations"]
    parts[0].write_text(json.dumps(whole))
    report = import_annotations(other, parts[0])
    assert (report.videos, report.tracks) == (1, 3)
    assert report.missing_videos == (() if is_there else ("square",))
    assert [entry.num_frames for entry in other.videos()] == [9]
    assert sorted(annotated(other)) == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
