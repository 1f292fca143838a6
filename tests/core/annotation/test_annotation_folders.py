"""Folders of annotations are told from folders of frames, and their frames are found."""

import shutil

import numpy as np
import pytest

from ifc_core.annotation import Project
from ifc_core.annotation.annotation_folders import annotation_format
from ifc_core.annotation.exporting import ExportFormat, ExportOptions, ExportScope, export_project
from ifc_core.annotation.importing import detect_format, import_annotations
from ifc_core.io.label_images import write_palette_png
from ifc_core.io.video import open_video

DAVIS, MOTS = ExportFormat.DAVIS, ExportFormat.MOTS


@pytest.fixture
def davis(tmp_path, clip_folder):
    """A dataset as it is published: one video with its pictures."""
    root = tmp_path / "DAVIS"
    shutil.copytree(clip_folder, root / "JPEGImages" / "480p" / "square")
    with open_video(clip_folder) as reader:
        labels = np.zeros(reader.video.size, np.uint16)
    labels[5:20, 5:20] = 1
    folder = root / "Annotations" / "480p" / "square"
    folder.mkdir(parents=True)
    for number in range(len(list(clip_folder.iterdir()))):
        write_palette_png(labels, folder / f"{number:05d}.png")
    return root


@pytest.mark.parametrize(
    "inside", [".", "Annotations", "Annotations/480p", "Annotations/480p/square"]
)
def test_a_davis_folder_is_known_from_any_of_its_levels(davis, inside):
    assert annotation_format(davis / inside) is DAVIS
    assert annotation_format(davis / "JPEGImages" / "480p" / "square") is None
    assert annotation_format(davis / "JPEGImages") is None


def test_folders_of_palette_pictures_without_the_layout_are_known_too(davis, tmp_path):
    (davis / "Annotations" / "480p").rename(tmp_path / "labels")
    assert annotation_format(tmp_path / "labels") is DAVIS
    assert annotation_format(tmp_path / "labels" / "square") is None  # frames may have palettes
    assert annotation_format(tmp_path / "gone") is None


@pytest.mark.parametrize("inside", [".", "instances", "instances_txt"])
def test_a_mots_folder_is_known_from_its_root_and_its_parts(davis, tmp_path, inside):
    with Project.create(tmp_path / "a.ifcproj") as project:
        import_annotations(project, davis)
        options = ExportOptions(scope=ExportScope.EVERYTHING)
        export_project(project, tmp_path / "mots", MOTS, options)
    assert annotation_format(tmp_path / "mots" / inside) is MOTS
    assert detect_format(tmp_path / "mots" / inside) is MOTS
    with Project.create(tmp_path / "b.ifcproj") as project:
        assert import_annotations(project, tmp_path / "mots" / inside).tracks == 1


@pytest.mark.parametrize("inside", [".", "Annotations", "Annotations/480p"])
def test_the_frames_of_the_published_layout_are_found(davis, tmp_path, inside):
    with Project.create(tmp_path / "a.ifcproj") as project:
        report = import_annotations(project, davis / inside)
        assert (report.videos, report.missing_videos) == (1, ())
        assert project.video(1).path == davis / "JPEGImages" / "480p" / "square"
