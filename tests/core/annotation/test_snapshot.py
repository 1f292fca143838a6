"""The frozen annotation that a training reads: which files it names, and that they are right."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ifc_core.annotation import Project, Scope
from ifc_core.annotation.edits import ApproveFrames, ApproveTracks, NewTrack, SetCategory
from ifc_core.annotation.exporting import (
    ExportFormat,
    ExportOptions,
    ExportScope,
    export_project,
)
from ifc_core.annotation.importing import import_annotations
from ifc_core.annotation.snapshot import make_snapshot, read_snapshot, relocate_snapshot
from ifc_core.data.video_source import read_ytvis_videos
from ifc_core.errors import ProjectError
from ifc_core.io.video import open_video
from ifc_core.structures import Category, RLEMask


@pytest.fixture
def clip(tmp_path: Path, clip_file: Path) -> Path:
    """The clip, in a folder of its own."""
    place = tmp_path / "films" / "square.mp4"
    place.parent.mkdir()
    shutil.copy(clip_file, place)
    return place


@pytest.fixture
def folder(tmp_path: Path, clip: Path) -> Path:
    """A project in which one frame of the clip was approved."""
    mask = np.zeros((48, 80), np.bool_)
    mask[12:32, 0:20] = True
    with Project.create(tmp_path / "squares.ifcproj") as project:
        with open_video(clip) as reader:
            video_id = project.add_video(reader.video)
        project.apply(SetCategory(Category(1, "square")))
        project.apply(NewTrack(video_id, 1, 0, RLEMask.from_array(mask)))
        project.apply(ApproveFrames(video_id, Scope.this_frame(0)))
    return tmp_path / "squares.ifcproj"


def replace_content(path: Path) -> None:
    """Another film of the same length in bytes, where the annotated one was."""
    content = bytearray(path.read_bytes())
    content[-40:] = bytes(40)
    path.write_bytes(content)


def make(folder: Path) -> Path:
    with Project.open(folder) as project:
        make_snapshot(project, project.folder / "runs" / "r1")
    return folder / "runs" / "r1"


def test_another_film_in_the_place_of_the_annotated_one_is_not_learned_from(
    folder: Path, clip: Path
) -> None:
    replace_content(clip)
    with pytest.raises(ProjectError, match=r"is not the file that was annotated; locate"):
        make(folder)
    clip.unlink()
    with pytest.raises(ProjectError, match=r"square.* is not at .*; locate it"):
        make(folder)
    assert not (folder / "runs" / "r1").exists()


def test_an_approved_track_claims_nothing_where_it_has_no_mask(folder: Path) -> None:
    """An export reads it as absent; its object may go on in another track, so it is not taught."""
    mask = np.zeros((48, 80), np.bool_)
    mask[4:9, 40:60] = True
    with Project.open(folder) as project:
        (track_id,) = project.apply(NewTrack(1, 1, 3, RLEMask.from_array(mask))).tracks_added
        project.apply(ApproveTracks((track_id,)))
        report = export_project(project, folder.parent / "out.json")
        assert (report.frames, report.frames_waiting) == (1, 1)  # frame 3 waits for track 1
        project.apply(ApproveTracks((1,)))
        assert export_project(project, folder.parent / "out.json").frames == 2
    (video,) = read_snapshot(make(folder)).videos
    assert [sorted(track.masks) for track in video.tracks] == [[0], [3]]
    ((read,), _) = read_ytvis_videos(folder.parent / "out.json", folder.parent / "films")
    assert [sorted(track.masks) for track in read.tracks] == [[0], [1]]


def test_a_frame_on_which_something_was_proposed_since_claims_no_completeness(folder: Path) -> None:
    mask = np.zeros((48, 80), np.bool_)
    mask[30:40, 40:60] = True
    assert read_snapshot(make(folder)).videos[0].exhaustive == (0,)
    results = folder.parent / "results.json"
    with Project.open(folder) as project:
        project.apply(NewTrack(1, 1, 0, RLEMask.from_array(mask)))
        everything = ExportOptions(ExportScope.EVERYTHING)
        export_project(project, results, ExportFormat.YTVIS_RESULTS, everything)
        project.undo()
        import_annotations(project, results)  # as proposals
    (video,) = read_snapshot(make(folder)).videos
    assert video.exhaustive == ()
    assert [sorted(track.masks) for track in video.tracks] == [[0]]
    with Project.open(folder) as project:
        project.apply(ApproveFrames(1, Scope.this_frame(0)))
    (video,) = read_snapshot(make(folder)).videos
    assert video.exhaustive == (0,)
    assert [sorted(track.masks) for track in video.tracks] == [[0], [0], [0]]


def test_a_snapshot_knows_what_was_annotated(folder: Path, clip: Path) -> None:
    (video,) = read_snapshot(make(folder)).videos
    with Project.open(folder) as project:
        assert video.fingerprint == project.videos()[0].fingerprint != ""
    video.check_file()
    replace_content(clip)
    with pytest.raises(ProjectError, match="is not the file that was annotated"):
        video.check_file()


def test_a_snapshot_of_earlier_versions_is_read(folder: Path, clip: Path) -> None:
    run = make(folder)
    content = json.loads((run / "snapshot.json").read_text())
    del content["videos"][0]["fingerprint"]
    (run / "snapshot.json").write_text(json.dumps(content))
    (video,) = read_snapshot(run).videos
    assert video.fingerprint is None
    replace_content(clip)
    video.check_file()


def test_a_snapshot_follows_its_project_its_videos_and_its_parent(
    folder: Path, clip: Path, tmp_path: Path
) -> None:
    with Project.open(folder) as project:
        weights = project.folder / "models" / "own.safetensors"
        weights.write_bytes(b"weights")
        project.add_model("own", weights, activate=True)
    before = read_snapshot(make(folder))
    moved = tmp_path / "elsewhere" / "renamed.ifcproj"
    moved.parent.mkdir()
    folder.rename(moved)
    other = clip.rename(moved.parent / "other name.mp4")
    with Project.open(moved) as project:
        relocate_snapshot(project, moved / "runs" / "r1")
    after = read_snapshot(moved / "runs" / "r1")
    assert after.videos[0].path == other
    assert after.parent_path == str(moved / "models" / "own.safetensors")
    assert (after.videos[0].tracks, after.created_at) == (
        before.videos[0].tracks,
        before.created_at,
    )


def test_a_snapshot_never_follows_to_another_film(folder: Path, clip: Path) -> None:
    run = make(folder)
    replace_content(clip)
    written = (run / "snapshot.json").read_bytes()
    with (
        Project.open(folder) as project,
        pytest.raises(ProjectError, match="is not the file that was annotated"),
    ):
        relocate_snapshot(project, run)
    assert (run / "snapshot.json").read_bytes() == written
