"""A project as a table of measurements."""

import csv

import cv2
import numpy as np
import pytest
import tifffile

from ifc_core.annotation import Project
from ifc_core.annotation.annotation_files import open_annotations
from ifc_core.annotation.edits import (
    LinkDivision,
    NewTrack,
    RejectTracks,
    SetCategory,
    SetMask,
    SetVideo,
)
from ifc_core.annotation.exporting import ExportFormat, ExportOptions, export_project
from ifc_core.annotation.selection import ExportScope
from ifc_core.errors import FormatError
from ifc_core.io.video import open_video
from ifc_core.jobs import JobCancelled, JobContext
from ifc_core.structures import Category, RLEMask, TrackKind

ALL = ExportOptions(scope=ExportScope.EVERYTHING)
GREY = np.arange(4 * 20 * 30).reshape(4, 20, 30).astype(np.uint16)


def box(top, left, height=2, width=3):
    bits = np.zeros((20, 30), bool)
    bits[top : top + height, left : left + width] = True
    return RLEMask.from_array(bits)


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def project_on(folder, video):
    project = Project.create(folder)
    with open_video(video) as reader:
        project.add_video(reader.video)
    project.apply(SetCategory(Category(1, "cell")))
    project.apply(NewTrack(1, 1, 0, box(1, 2), name="Tom"))
    project.apply(SetMask(1, 1, box(3, 4)))
    project.apply(NewTrack(1, 1, 2, box(10, 8)))
    project.apply(LinkDivision(1, (2,)))
    return project


@pytest.fixture
def stack(tmp_path):
    tifffile.imwrite(tmp_path / "cells.tif", GREY, imagej=True, metadata={"axes": "TYX"})
    return tmp_path / "cells.tif"


def test_one_line_a_mask_with_kin_and_the_values_of_the_stack(tmp_path, stack):
    with project_on(tmp_path / "p.ifcproj", stack) as project:
        report = export_project(project, tmp_path / "out.csv", ExportFormat.CSV, ALL)
        assert (report.masks, report.tracks, report.notes) == (3, 2, ())
        rows = read(tmp_path / "out.csv")
    assert [(r["frame"], r["track"], r["parent"], r["name"]) for r in rows] == [
        ("0", "1", "", "Tom"),
        ("1", "1", "", "Tom"),
        ("2", "2", "1", ""),
    ]
    assert {(r["video"], r["class"], r["state"], r["source"]) for r in rows} == {
        ("cells", "cell", "corrected", "human")
    }
    assert [(r["x_px"], r["y_px"], r["area_px"]) for r in rows][2] == ("9.0", "10.5", "6")
    assert rows[0]["time_s"] == ""  # nobody says how fast the pages follow each other
    expected = [
        GREY[f, t : t + 2, x : x + 3].mean() for f, t, x in ((0, 1, 2), (1, 3, 4), (2, 10, 8))
    ]
    assert [float(r["mean_intensity"]) for r in rows] == pytest.approx(expected)


def test_a_stack_that_tells_its_scale_has_times_and_micrometres(tmp_path):
    path = tmp_path / "cells.tif"
    told = {"axes": "TYX", "unit": "um", "finterval": 90.0}
    tifffile.imwrite(path, GREY, imagej=True, resolution=(2, 2), metadata=told)
    with project_on(tmp_path / "p.ifcproj", path) as project:
        export_project(project, tmp_path / "out.csv", ExportFormat.CSV, ALL)
    rows = read(tmp_path / "out.csv")
    assert [float(row["time_s"]) for row in rows] == [0, 90, 180]
    assert {float(row["um_per_px"]) for row in rows} == {0.5}


def test_a_film_has_times_and_no_intensities(tmp_path, clip_file):
    with open_video(clip_file) as reader:
        pts, size = reader.pts_seconds, reader.video.size
    with Project.create(tmp_path / "p.ifcproj") as project:
        with open_video(clip_file) as reader:
            project.add_video(reader.video)
        project.apply(SetCategory(Category(1, "car")))
        bits = np.zeros(size, bool)
        bits[3:6, 2:9] = True
        project.apply(NewTrack(1, 1, 3, RLEMask.from_array(bits)))
        export_project(project, tmp_path / "out.csv", ExportFormat.CSV, ALL)
    (row,) = read(tmp_path / "out.csv")
    assert float(row["time_s"]) == pytest.approx(pts[3], abs=1e-6)
    assert not any(name.startswith("mean") for name in row)


def test_colours_are_measured_apart_and_a_video_that_is_gone_is_told_of(tmp_path):
    (tmp_path / "frames").mkdir()
    picture = np.zeros((20, 30, 3), np.uint8)
    picture[..., :] = (30, 20, 10)  # OpenCV's order
    for number in range(3):
        cv2.imwrite(str(tmp_path / "frames" / f"{number}.png"), picture)
    with project_on(tmp_path / "p.ifcproj", tmp_path / "frames") as project:
        export_project(project, tmp_path / "out.csv", ExportFormat.CSV, ALL)
        row = read(tmp_path / "out.csv")[0]
        means = [row[f"mean_intensity_{n}"] for n in (1, 2, 3)]
        assert [float(mean) for mean in means] == [10, 20, 30]
        (tmp_path / "frames").rename(tmp_path.parent / f"{tmp_path.name}-gone")
        report = export_project(project, tmp_path / "again.csv", ExportFormat.CSV, ALL)
    assert report.notes[-1] == (
        "Without times and intensities, since the video cannot be read: frames."
    )
    assert len(read(tmp_path / "again.csv")) == 3


@pytest.fixture
def grey_folder(tmp_path):
    (tmp_path / "frames").mkdir()
    for number, picture in enumerate(GREY):
        cv2.imwrite(str(tmp_path / "frames" / f"{number}.png"), picture)
    return tmp_path / "frames"


@pytest.mark.parametrize(
    ("broken", "note"),
    [
        ((0,), "The picture of 1 frame cannot be read, so its masks have no intensities."),
        ((0, 2), "The pictures of 2 frames cannot be read, so their masks have no intensities."),
    ],
)
def test_a_broken_first_picture_does_not_say_what_the_others_hold(
    tmp_path, grey_folder, broken, note
):
    for number in broken:
        (grey_folder / f"{number}.png").write_bytes(b"no picture")
    with project_on(tmp_path / "p.ifcproj", grey_folder) as project:
        report = export_project(project, tmp_path / "out.csv", ExportFormat.CSV, ALL)
    assert report.notes == (note,)
    rows = read(tmp_path / "out.csv")
    assert all(None not in row and None not in row.values() for row in rows)  # cells and names fit
    means = [GREY[f, t : t + 2, x : x + 3].mean() for f, t, x in ((0, 1, 2), (1, 3, 4), (2, 10, 8))]
    expected = ["" if frame in broken else str(mean) for frame, mean in enumerate(means)]
    assert [row["mean_intensity"] for row in rows] == expected


def test_videos_of_several_kinds_are_open_one_at_a_time(
    tmp_path, stack, grey_folder, clip_file, monkeypatch
):
    opened, ever = [], []

    def counted(path, context=None):
        reader = open_video(path, context)
        close = reader.close

        def closed():
            opened.remove(path)
            close()

        opened.append(path)
        assert len(opened) == 1
        ever.append(path.name)
        monkeypatch.setattr(reader, "close", closed)
        return reader

    colours = tmp_path / "colours.tif"
    tifffile.imwrite(colours, np.repeat(GREY[..., None], 3, 3).astype(np.uint8), photometric="rgb")
    with project_on(tmp_path / "p.ifcproj", stack) as project:
        for path in (clip_file, grey_folder, colours):
            with open_video(path) as reader:
                video_id = project.add_video(reader.video)
            bits = np.zeros(reader.video.size, bool)
            bits[1:3, 2:5] = True
            project.apply(NewTrack(video_id, 1, 0, RLEMask.from_array(bits)))
        monkeypatch.setattr("ifc_core.io.video.open_video", counted)
        report = export_project(project, tmp_path / "out.csv", ExportFormat.CSV, ALL)
        assert not opened
        assert ever.count(clip_file.name) == 1  # whose index may take long
        assert report.masks == 6
        context = JobContext(on_progress=lambda progress: context.cancel())
        with pytest.raises(JobCancelled):
            export_project(project, tmp_path / "no.csv", ExportFormat.CSV, ALL, context)
        assert not opened
    rows = read(tmp_path / "out.csv")
    number_of_means = [
        sum(bool(row[f"mean_intensity_{number}"]) for number in (1, 2, 3)) for row in rows
    ]
    assert number_of_means == [1, 1, 1, 0, 1, 3]
    assert [bool(row["time_s"]) for row in rows] == [False] * 3 + [True] + [False] * 2


@pytest.mark.parametrize("kind", [TrackKind.CROWD, TrackKind.IGNORE])
def test_regions_are_no_objects_and_not_measured(tmp_path, stack, kind):
    with project_on(tmp_path / "p.ifcproj", stack) as project:
        project.apply(NewTrack(1, 1, 1, box(5, 5, 9, 9), kind=kind))
        report = export_project(project, tmp_path / "out.csv", ExportFormat.CSV, ALL)
        assert (report.masks, report.tracks_left_out) == (3, 1)
        assert {row["track"] for row in read(tmp_path / "out.csv")} == {"1", "2"}


def test_a_mother_that_is_not_in_the_table_is_not_named(tmp_path, stack):
    with project_on(tmp_path / "p.ifcproj", stack) as project:
        project.apply(RejectTracks((1,)))
        export_project(project, tmp_path / "out.csv", ExportFormat.CSV, ALL)
        assert [(r["track"], r["parent"]) for r in read(tmp_path / "out.csv")] == [("2", "")]


def test_what_is_left_out_is_left_out_here_too(tmp_path, stack):
    with project_on(tmp_path / "p.ifcproj", stack) as project:
        project.apply(RejectTracks((2,)))
        report = export_project(project, tmp_path / "out.csv", ExportFormat.CSV, ALL)
        assert report.tracks_left_out == 1
        assert {row["track"] for row in read(tmp_path / "out.csv")} == {"1"}


def test_a_cancelled_table_leaves_no_file(tmp_path, stack):
    context = JobContext()
    with project_on(tmp_path / "p.ifcproj", stack) as project:
        context.cancel()
        with pytest.raises(JobCancelled):
            export_project(project, tmp_path / "out.csv", ExportFormat.CSV, ALL, context)
        assert not list(tmp_path.glob("*.csv"))
        with pytest.raises(FormatError, match="table of measurements holds no annotations"):
            open_annotations(project, tmp_path / "out.csv", ExportFormat.CSV)


def moved(tmp_path, video, **told):
    """Rows of a table of a track that moves 3 right and 4 down over two frames, then rests."""
    with Project.create(tmp_path / "p.ifcproj") as project:
        with open_video(video) as reader:
            project.add_video(reader.video)
        project.apply(SetCategory(Category(1, "car")))
        project.apply(NewTrack(1, 1, 0, box(1, 2)))
        project.apply(SetMask(1, 2, box(5, 5)))
        project.apply(SetMask(1, 3, box(5, 5)))
        if told:
            project.apply(SetVideo(1, **told))
        export_project(project, tmp_path / "out.csv", ExportFormat.CSV, ALL)
    return read(tmp_path / "out.csv")


WAY = ("dx_px", "dy_px", "speed_px_s", "speed_um_s", "speed_m_s")


def test_speeds_are_those_from_the_previous_mask_over_the_time_between(tmp_path, stack):
    rows = moved(tmp_path, stack, given_fps=10.0, um_per_px=20_000.0)
    assert [float(row["time_s"]) for row in rows] == [0, 0.2, 0.3]
    assert {float(row["um_per_px"]) for row in rows} == {20_000}
    assert [rows[0][name] for name in WAY] == [""] * 5
    assert [float(rows[1][name]) for name in WAY] == [3, 4, 25, 500_000, 0.5]
    assert [float(rows[2][name]) for name in WAY] == [0] * 5


def test_without_times_there_is_a_way_and_no_speed_and_without_scale_pixels_alone(tmp_path, stack):
    rows = moved(tmp_path, stack)
    assert [rows[1][name] for name in WAY] == ["3.0", "4.0", "", "", ""]
    (tmp_path / "p.ifcproj").rename(tmp_path / "before.ifcproj")
    rows = moved(tmp_path, stack, given_fps=2.0)
    assert [rows[1][name] for name in WAY] == ["3.0", "4.0", "5.0", "", ""]


def test_a_persons_scale_and_rate_count_more_than_those_of_a_stack(tmp_path):
    path = tmp_path / "cells.tif"
    told = {"axes": "TYX", "unit": "um", "finterval": 90.0}
    tifffile.imwrite(path, GREY, imagej=True, resolution=(2, 2), metadata=told)
    rows = moved(tmp_path, path, given_fps=0.5, um_per_px=3.0)
    assert [float(row["time_s"]) for row in rows] == [0, 4, 6]
    assert {float(row["um_per_px"]) for row in rows} == {3}
    assert float(rows[1]["speed_um_s"]) == 15 / 4


def test_the_times_of_a_film_are_its_own_whatever_rate_was_given(tmp_path, clip_file):
    with open_video(clip_file) as reader:
        pts, size = reader.pts_seconds, reader.video.size
    bits = np.zeros(size, bool)
    bits[2:5, 2:5] = True
    with Project.create(tmp_path / "p.ifcproj") as project:
        with open_video(clip_file) as reader:
            project.add_video(reader.video)
        project.apply(SetCategory(Category(1, "car")))
        project.apply(NewTrack(1, 1, 0, RLEMask.from_array(bits)))
        project.apply(SetMask(1, 2, RLEMask.from_array(np.roll(bits, 2, axis=1))))
        project.apply(SetVideo(1, given_fps=1000.0, um_per_px=1e6))
        export_project(project, tmp_path / "out.csv", ExportFormat.CSV, ALL)
    rows = read(tmp_path / "out.csv")
    assert float(rows[1]["time_s"]) == pytest.approx(pts[2], abs=1e-5)
    assert float(rows[1]["speed_m_s"]) == pytest.approx(2 / (pts[2] - pts[0]), rel=1e-4)
