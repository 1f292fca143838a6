"""Folders of annotations are told from folders of frames, and their frames are found."""

import shutil

import numpy as np
import pytest
from PIL import Image

from ifc_core.annotation import Project
from ifc_core.annotation.annotation_folders import annotation_format
from ifc_core.annotation.exporting import ExportFormat, ExportOptions, ExportScope, export_project
from ifc_core.annotation.importing import detect_format, import_annotations
from ifc_core.io.label_images import write_label_tiff, write_palette_png
from ifc_core.io.video import open_video
from ifc_core.structures import TrackState

CTC, DAVIS, MOTS = ExportFormat.CTC, ExportFormat.DAVIS, ExportFormat.MOTS


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


def pictures(folder, mode, suffix=".png", is_noise=True):
    """Three pictures of a camera, the first one dark, or of two labels."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for number in range(3):
        most = 4000 if mode == "I;16" else 250
        values = rng.integers(0, most, (40, 50)).astype(np.uint16)
        values = values * bool(number) if is_noise else values // (most // 2)
        if mode == "I;16":
            image = Image.fromarray(values)
        else:
            image = Image.fromarray(values.astype(np.uint8)).convert(mode)
        image.save(folder / f"{number:04d}{suffix}")
    return folder


@pytest.mark.parametrize(
    "inside", ["Annotations/mouse1", "Annotations", "instances", "instances/a"]
)
@pytest.mark.parametrize(
    ("mode", "suffix"), [("L", ".jpg"), ("RGB", ".jpg"), ("L", ".png"), ("RGB", ".png")]
)
def test_frames_are_frames_whatever_their_folder_is_called(tmp_path, inside, mode, suffix):
    folder = pictures(tmp_path / inside, mode, suffix)
    assert annotation_format(folder) is None
    assert annotation_format(tmp_path / inside.split("/")[0]) is None
    assert annotation_format(tmp_path) is None


def test_deep_frames_are_no_annotations_of_mots(tmp_path):
    assert annotation_format(pictures(tmp_path / "instances", "I;16")) is None
    deep = pictures(tmp_path / "b" / "instances" / "0001", "I;16", is_noise=False)
    assert annotation_format(deep.parent) is MOTS
    (deep.parent / "preview.jpg").write_bytes(b"")
    assert annotation_format(deep.parent) is None
    assert detect_format(deep.parent) is MOTS  # whoever imports it is told what is wrong with it
    assert detect_format(tmp_path / "b") is MOTS
    assert detect_format(deep) is DAVIS


def test_grey_labels_of_davis_are_known_and_a_folder_of_frames_beside_them_is_none(tmp_path):
    labels = pictures(tmp_path / "film" / "Annotations" / "a", "L", is_noise=False)
    for folder in (labels, labels.parent, labels.parents[1]):
        assert annotation_format(folder) is DAVIS
    pictures(tmp_path / "film", "RGB", ".jpg")
    assert annotation_format(tmp_path / "film") is None
    assert annotation_format(labels.parent) is DAVIS


@pytest.mark.parametrize("inside", [".", "square_RES"])
def test_results_of_cell_tracking_are_proposals_and_truth_is_approved(
    tmp_path, clip_folder, inside
):
    root = tmp_path / "challenge"
    shutil.copytree(clip_folder, root / "square")
    with open_video(clip_folder) as reader:
        size, count = reader.video.size, reader.video.num_frames
    labels = np.zeros(size, np.uint16)
    labels[5:20, 5:20] = 7
    results = root / "square_RES"
    results.mkdir()
    for number in range(count):
        write_label_tiff(labels, results / f"mask{number:03d}.tif")
    (results / "res_track.txt").write_text(f"7 0 {count - 1} 0\n")
    assert annotation_format(root / inside) is CTC
    assert detect_format(root / inside) is CTC
    assert annotation_format(root / "square") is None
    with Project.create(tmp_path / "a.ifcproj") as project:
        report = import_annotations(project, root / inside)
        assert (report.tracks, report.masks, report.missing_videos) == (1, count, ())
        assert project.video(1).path == root / "square"
        (track,) = project.tracks(1)
        assert (track.state, project.exhaustive_frames(1)) == (TrackState.PROPOSED, [])
        assert [category.name for category in project.categories()] == ["cell"]
    truth = root / "square_GT" / "TRA"
    truth.parent.mkdir()
    results.rename(truth)
    for path in truth.glob("mask*.tif"):
        path.rename(truth / path.name.replace("mask", "man_track"))
    (truth / "res_track.txt").rename(truth / "man_track.txt")
    with Project.create(tmp_path / "b.ifcproj") as project:
        import_annotations(project, root)
        (track,) = project.tracks(1)
        assert track.state is TrackState.APPROVED
        assert len(project.exhaustive_frames(1)) == count
