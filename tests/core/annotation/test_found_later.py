"""Annotations of a part of a video that is found later, or in several files."""

import json
import shutil

import numpy as np
import pytest

from ifc_core.annotation import Project, Scope, edits
from ifc_core.annotation.exporting import ExportOptions, ExportScope, export_project
from ifc_core.annotation.importing import import_annotations
from ifc_core.annotation.locating import Around, Nearby, find_longer
from ifc_core.errors import FormatError, ProjectError
from ifc_core.io.video import open_video
from ifc_core.structures import Category, RLEMask, Video

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


@pytest.fixture
def beginning(tmp_path, clip_file):
    """A project that knows the first 4 of 9 frames of a clip by their annotations alone."""
    with Project.create(tmp_path / "c.ifcproj") as project, open_video(clip_file) as reader:
        whole = reader.video
        project.add_video(Video(tmp_path / "no" / clip_file.name, 4, *whole.size, 30.0, ""))
        project.apply(edits.SetCategory(Category(1, "cat")))
        eye = RLEMask.from_array(np.eye(*whole.size, dtype=bool))
        project.apply(edits.NewTrack(1, 1, 3, eye))
        yield project


def test_a_person_may_say_that_a_longer_file_is_what_annotations_began(beginning, clip_file):
    before = state_of(beginning)
    beginning.relink_video(1, clip_file)
    assert beginning.video(1).num_frames == 9
    assert beginning.video(1).fingerprint
    assert annotated(beginning) == [[3]]
    beginning.undo()
    assert state_of(beginning) == before
    assert beginning.locate_video(1, [clip_file.parent]) is None  # nobody said so


def test_the_only_longer_file_of_the_name_is_found_where_one_looks(beginning, clip_file, tmp_path):
    def found():
        entries = beginning.videos()
        around = Around(beginning.folder, [tmp_path / "in"], Nearby(), entries)
        return find_longer(entries[0], around)

    (tmp_path / "in").mkdir()
    shutil.copy(clip_file, tmp_path / "in" / "other.mp4")
    assert found() is None
    place = shutil.copy(clip_file, tmp_path / "in" / clip_file.name)
    video = found()
    assert video is not None
    assert str(video.path) == str(place)
    (tmp_path / "in" / "b").mkdir()
    second = tmp_path / "in" / "b" / clip_file.name
    second.write_bytes(clip_file.read_bytes() + b"\0")  # another content
    assert found() is None
    second.unlink()
    beginning.add_video(video)  # the project has it as another one
    assert found() is None
    with pytest.raises(ProjectError, match=r"9 frames, not .* 4"):
        beginning.relink_video(1, clip_file)
