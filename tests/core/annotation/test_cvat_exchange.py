"""Projects go to CVAT and come back."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from ifc_core.annotation import Project, edits
from ifc_core.annotation.annotation_files import detect_format
from ifc_core.annotation.exporting import (
    ExportFormat,
    ExportOptions,
    ExportScope,
    export_project,
)
from ifc_core.annotation.importing import import_annotations
from ifc_core.io.video import open_video
from ifc_core.structures import Category, TrackKind
from tests.core.annotation.conftest import NUM_FRAMES, box

EVERYTHING = ExportOptions(scope=ExportScope.EVERYTHING)


def images(path: Path) -> dict[str, list[str]]:
    """Name of each image -> the groups of its masks."""
    found = ET.parse(path).getroot().iter("image")  # noqa: S314 - our own
    return {i.attrib["name"]: [s.attrib["group_id"] for s in i.iter("mask")] for i in found}


def shown(project: Project, video: int) -> dict[str, dict[int, object]]:
    """Class -> frame -> mask."""
    names = {c.id: c.name for c in project.categories()}
    return {
        names[t.category_id]: {
            r.frame_index: r.rle for r in project.track_masks(t.id) if r.rle is not None
        }
        for t in project.tracks(video)
    }


def test_masks_come_back_where_they_were(project, tmp_path):
    project.apply(edits.NewTrack(1, 2, 2, box(3, 4)))  # lies over track 1
    options = ExportOptions(scope=ExportScope.EVERYTHING, video_ids=(1,))
    report = export_project(project, tmp_path / "out.xml", ExportFormat.CVAT, options)
    assert detect_format(tmp_path / "out.xml") is ExportFormat.CVAT
    assert (report.videos, report.hidden_pixels) == (1, 0)
    assert not any("CVAT" in note for note in report.notes)
    before = shown(project, 1)
    with Project.create(tmp_path / "b.ifcproj") as other:
        imported = import_annotations(other, tmp_path / "out.xml")
        assert imported.masks == report.masks
        assert shown(other, 1) == before
        assert other.exhaustive_frames(1) == list(range(NUM_FRAMES))
    named = images(tmp_path / "out.xml")
    assert list(named)[:2] == ["frame_000000", "frame_000001"]
    assert named["frame_000002"] == ["1", "2"]


def test_frames_that_were_left_out_stay_away(project, tmp_path):
    options = ExportOptions(scope=ExportScope.EVERYTHING, video_ids=(1,), frame_step=3)
    export_project(project, tmp_path / "out.xml", ExportFormat.CVAT, options)
    assert list(images(tmp_path / "out.xml")) == [f"frame_{n:06d}" for n in range(0, 12, 3)]
    before = shown(project, 1)
    report = import_annotations(project, tmp_path / "out.xml")  # into the video of its name
    assert report.videos == 0
    (new,) = [t.id for t in project.tracks(1)][1:]
    frames = [r.frame_index for r in project.track_masks(new) if r.rle is not None]
    assert frames == [f for f in before["cat"] if f % 3 == 0]


def test_several_videos_are_tasks_of_a_project(project, tmp_path):
    project.apply(edits.NewTrack(2, 2, 5, box(1, 1)))
    report = export_project(project, tmp_path / "out.xml", ExportFormat.CVAT, EVERYTHING)
    assert any("one task at a time, and here are 2 videos" in note for note in report.notes)
    with Project.create(tmp_path / "b.ifcproj") as other:
        import_annotations(other, tmp_path / "out.xml")
        assert [v.name for v in other.videos()] == [v.name for v in project.videos()]
        for video in (1, 2):
            assert shown(other, video) == shown(project, video)


def test_pictures_keep_their_names(tmp_path, clip_folder):
    with Project.create(tmp_path / "a.ifcproj") as project:
        with open_video(clip_folder) as frames:
            project.add_video(frames.video)
        project.apply(edits.SetCategory(Category(1, 'big & "small" <cats>', color_rgb=(1, 2, 3))))
        entry = project.videos()[0]
        mask = box(1, 1).to_array().repeat(8, 0).repeat(8, 1)[: entry.height, : entry.width]
        inside = type(box(1, 1)).from_array(mask)
        project.apply(edits.NewTrack(1, 1, 2, inside))
        export_project(project, tmp_path / "out.xml", ExportFormat.CVAT, EVERYTHING)
        names = sorted(path.name for path in clip_folder.glob("*.png"))
        assert list(images(tmp_path / "out.xml")) == names
        report = import_annotations(project, tmp_path / "out.xml")
        assert (report.videos, report.masks, report.categories) == (0, 1, 0)
        assert [r.frame_index for r in project.track_masks(2) if r.rle is not None] == [2]
    with Project.create(tmp_path / "b.ifcproj") as other:
        import_annotations(other, tmp_path / "out.xml")
        assert [(c.name, c.color_rgb) for c in other.categories()] == [
            ('big & "small" <cats>', (1, 2, 3))
        ]


@pytest.mark.parametrize("kind", [TrackKind.CROWD, TrackKind.IGNORE])
def test_regions_are_no_shapes_of_objects(empty, tmp_path, kind):
    empty.apply(edits.NewTrack(1, 1, 0, box(1, 1), kind=kind))
    empty.apply(edits.NewTrack(1, 1, 0, box(9, 9)))
    report = export_project(empty, tmp_path / "out.xml", ExportFormat.CVAT, EVERYTHING)
    assert (report.masks, report.tracks_left_out) == (1, 1)
