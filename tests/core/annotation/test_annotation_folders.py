"""Folders of annotations are told from folders of frames, and their frames are found."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image

from ifc_core.annotation import Project
from ifc_core.annotation.annotation_files import detect_format
from ifc_core.annotation.annotation_folders import annotation_format, named_format
from ifc_core.annotation.exporting import ExportFormat, ExportOptions, ExportScope, export_project
from ifc_core.annotation.importing import import_annotations, iter_import
from ifc_core.errors import FormatError
from ifc_core.io import ctc_folders
from ifc_core.io.ctc_folders import undoubted_masks
from ifc_core.io.label_images import read_labels, write_label_tiff, write_palette_png
from ifc_core.io.video import open_video
from ifc_core.jobs import JobCancelled, JobContext
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


@pytest.fixture
def cells(tmp_path, clip_folder):
    """Writes masks of one cell for the clip into a folder, with names that begin with a stem."""
    with open_video(clip_folder) as reader:
        size, count = reader.video.size, reader.video.num_frames
    labels = np.zeros(size, np.uint16)
    labels[5:20, 5:20] = 7

    def put(folder, stem="mask"):
        folder.mkdir(parents=True)
        for number in range(count):
            write_label_tiff(labels, folder / f"{stem}{number:03d}.tif")
        return folder

    return put


@pytest.mark.parametrize("name", ["film", "film_RES"])
@pytest.mark.parametrize("mode", ["RGB", "I;16", "L"])
def test_frames_that_are_called_masks_are_frames(tmp_path, name, mode):
    taken = pictures(tmp_path / "taken", mode, ".tif")
    folder = tmp_path / name
    folder.mkdir()
    for number, path in enumerate(sorted(taken.iterdir())):
        path.rename(folder / f"mask{number:04d}.tif")
    (folder / "res_track.txt").write_text("1 0 2 0\n")
    assert annotation_format(folder) is None
    assert annotation_format(tmp_path) is None
    assert detect_format(folder) is CTC  # whoever imports it is told what is wrong with it


def test_masks_of_cells_need_a_text_or_a_name_and_no_other_pictures(tmp_path, cells):
    folder = cells(tmp_path / "some")
    assert annotation_format(folder) is None
    (folder / "res_track.txt").write_text("7 0 8 0\n")
    assert annotation_format(folder) is CTC
    (folder / "frame0.png").write_bytes(b"")
    assert annotation_format(folder) is None
    assert annotation_format(cells(tmp_path / "b" / "01_RES")) is CTC
    (tmp_path / "b" / "01_RES" / "man_track000.tif").write_bytes(b"")
    assert annotation_format(tmp_path / "b") is None


def test_a_stray_mask_among_frames_and_results_below_them_make_no_annotations(tmp_path, cells):
    pictures(tmp_path / "film_RES", "RGB")
    write_label_tiff(np.ones((40, 50), np.uint16), tmp_path / "film_RES" / "mask001.tif")
    assert annotation_format(tmp_path / "film_RES") is None
    frames = tmp_path / "film"
    results = cells(frames / "x_RES")
    for number in range(3):
        write_label_tiff(np.full((40, 50), number, np.uint16), frames / f"t{number:03d}.tif")
    assert annotation_format(frames) is None
    assert annotation_format(results) is CTC


def test_hundreds_of_cells_are_labels(tmp_path):
    across, down = np.meshgrid(np.arange(240) // 8, np.arange(240) // 8)
    for name, most in (("deep_RES", 900), ("small_RES", 250)):
        labels = (across + 30 * down) % most + 1
        folder = tmp_path / name
        folder.mkdir()
        dtype = np.uint16 if most > 255 else np.uint8
        Image.fromarray(labels.astype(dtype)).save(folder / "mask000.tif")
        assert annotation_format(folder) is CTC


def test_volumes_and_outlines_without_tracks_are_told_when_they_are_imported(tmp_path, cells):
    outlines = cells(tmp_path / "01_GT" / "SEG", "man_seg")
    volumes = tmp_path / "02_RES"
    volumes.mkdir()
    planes = [Image.fromarray(np.zeros((40, 50), np.uint16)) for _ in range(3)]
    planes[0].save(volumes / "mask000.tif", save_all=True, append_images=planes[1:])
    with Project.create(tmp_path / "a.ifcproj") as project:
        for folder, told in ((outlines, "are no tracks"), (volumes, "planes of a volume")):
            assert annotation_format(folder) is CTC
            with pytest.raises(FormatError, match=told):
                import_annotations(project, folder)


def test_a_long_folder_of_frames_is_not_gone_through(tmp_path, monkeypatch):
    for number in range(1000):
        (tmp_path / f"t{number:04d}.tif").write_bytes(b"")
    real, seen, scans = os.scandir, [], []

    class Counted:
        def __init__(self, folder):
            scans.append(folder)
            self._entries = real(folder)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self._entries.close()

        def __iter__(self):
            return (seen.append(entry.name) or entry for entry in self._entries)

    monkeypatch.setattr(ctc_folders.os, "scandir", Counted)
    assert undoubted_masks(tmp_path, 50) == []
    assert (len(scans), len(seen)) == (1, 51)


@pytest.mark.parametrize("suffix", [".mp4", ".MP4"])
@pytest.mark.parametrize("inside", [".", "cells_RES"])
def test_a_file_beside_its_results_is_found(tmp_path, clip_file, cells, inside, suffix):
    base = tmp_path / "exp"
    cells(base / "cells_RES")
    shutil.copy(clip_file, base / f"cells{suffix}")
    with Project.create(tmp_path / "a.ifcproj") as project:
        report = import_annotations(project, base / inside)
        assert report.missing_videos == ()
        assert project.video(1).path == base / f"cells{suffix}"


def test_a_stack_beside_its_results_is_found_and_makes_no_folder_of_frames(
    tmp_path, clip_frames, cells
):
    base = tmp_path / "exp"
    cells(base / "cells_RES")
    planes = [Image.fromarray(frame[..., 0]) for frame in clip_frames]
    for name in ("cells", "others"):
        planes[0].save(base / f"{name}.tif", save_all=True, append_images=planes[1:])
        assert annotation_format(base) is CTC
    with Project.create(tmp_path / "a.ifcproj") as project:
        report = import_annotations(project, base)
        assert (report.videos, report.missing_videos) == (1, ())
        assert project.video(1).path == base / "cells.tif"


def test_truth_is_approved_where_another_video_has_results(tmp_path, clip_folder, cells):
    root = tmp_path / "challenge"
    shutil.copytree(clip_folder, root / "01")
    shutil.copytree(clip_folder, root / "02")
    cells(root / "01_GT" / "TRA", "man_track")
    cells(root / "02_RES")
    first = sorted((root / "02").iterdir())[0]
    Image.open(first).transpose(Image.Transpose.ROTATE_180).save(first)  # another video
    with Project.create(tmp_path / "a.ifcproj") as project:
        report = import_annotations(project, root)
        count = project.video(1).num_frames
        states = {project.video(v).name: project.tracks(v)[0].state for v in (1, 2)}
        assert states == {"01": TrackState.APPROVED, "02": TrackState.PROPOSED}
        assert project.exhaustive_frames(1) == list(range(count))
        assert project.exhaustive_frames(2) == []
        assert report.notes == (
            "These are true masks: all frames of 01 count as approved, and tracks as absent where "
            "they have no mask.",
        )


def test_masks_are_brought_in_frame_by_frame_and_may_be_cancelled(tmp_path, clip_folder, cells):
    shutil.copytree(clip_folder, tmp_path / "square")
    folder = cells(tmp_path / "square_RES")
    count = len(list(folder.iterdir()))
    with Project.create(tmp_path / "a.ifcproj") as project:
        steps = iter_import(project, folder)
        told = [next(steps) for _ in range(count)]
        assert [(p.done, p.total, p.unit) for p in told] == [
            (number, count, "frames") for number in range(1, count + 1)
        ]
        assert next(steps).unit == "tracks"
        steps.close()
        context = JobContext()
        steps = iter_import(project, folder, context=context)
        next(steps)
        context.cancel()
        with pytest.raises(JobCancelled):
            next(steps)
        assert (project.videos(), project.history()) == ([], [])


def test_an_import_says_what_truth_counts_as_and_what_was_linked(davis, tmp_path, cells):
    with Project.create(tmp_path / "a.ifcproj") as project:
        (note,) = import_annotations(project, davis).notes
        assert note.startswith("These are true masks: tracks of square count as approved, and as")
        assert project.tracks(1)[0].state is TrackState.APPROVED
        assert project.exhaustive_frames(1) == []
        (note,) = import_annotations(project, davis, assume_exhaustive=True).notes[:1]
        assert note.startswith("These are true masks: all frames of square count as approved")
        assert len(project.exhaustive_frames(1)) == project.video(1).num_frames
    folder = cells(tmp_path / "01_RES")
    labels = read_labels(folder / "mask000.tif")
    last = sorted(folder.iterdir())[-1]
    write_label_tiff(np.where(np.indices(labels.shape)[0] < 12, labels, 9 * (labels > 0)), last)
    (folder / "res_track.txt").write_text("7 0 8 0\n9 8 8 7\n")
    with Project.create(tmp_path / "b.ifcproj") as project:
        assert (
            import_annotations(project, folder).notes[-1] == "1 daughter was linked to its mother."
        )


@pytest.mark.parametrize("form", [DAVIS, MOTS])
def test_davis_and_mots_are_brought_in_frame_by_frame_too(davis, tmp_path, form):
    folder = davis
    if form is MOTS:
        folder = tmp_path / "mots"
        with Project.create(tmp_path / "a.ifcproj") as project:
            import_annotations(project, davis)
            options = ExportOptions(scope=ExportScope.EVERYTHING)
            export_project(project, folder, MOTS, options)
    with Project.create(tmp_path / "b.ifcproj") as project:
        context = JobContext()
        steps = iter_import(project, folder, context=context)
        assert next(steps).done == 1
        context.cancel()
        with pytest.raises(JobCancelled):
            next(steps)
        assert (project.videos(), project.categories(), project.history()) == ([], [], [])
        told = [(p.done, p.total, p.unit) for p in iter_import(project, folder)]
        count = len(told) - 1
        assert told == [*((n, count, "frames") for n in range(1, count + 1)), (1, None, "tracks")]
        assert count == project.video(1).num_frames
        assert [c.name for c in project.categories()] == ["object"]
        (track,) = project.tracks(1)
        masks = list(project.track_masks(track.id))
        assert (track.state, len(masks)) == (TrackState.APPROVED, count)


def test_a_project_is_no_folder_of_annotations(tmp_path):
    Project.create(tmp_path / "b.ifcproj").close()
    with pytest.raises(FormatError, match=r"b\.ifcproj is a project, .* --scope everything"):
        named_format(tmp_path / "b.ifcproj")


def test_a_folder_of_videos_is_no_folder_of_annotations(tmp_path, clip_file):
    shutil.copy(clip_file, tmp_path / "a.mp4")
    with pytest.raises(FormatError, match="holds videos and no annotations; name the videos"):
        named_format(tmp_path)
    (tmp_path / "instances_txt").mkdir()  # beside which videos may lie
    assert named_format(tmp_path) is ExportFormat.MOTS
