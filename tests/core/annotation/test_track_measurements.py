"""The table with a line a track agrees with the table with a line a mask."""

import csv
import math
from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest
import tifffile

from ifc_core.annotation import Project
from ifc_core.annotation.edits import (
    ApproveTracks,
    LinkDivision,
    NewTrack,
    RejectTracks,
    SetCategory,
    SetMask,
    SetVideo,
)
from ifc_core.annotation.exporting import ExportFormat, ExportOptions, export_project
from ifc_core.annotation.records import Scope
from ifc_core.annotation.selection import ExportScope
from ifc_core.io.measurements import intensity_columns
from ifc_core.io.track_measurements import TRACK_COLUMNS
from ifc_core.io.video import open_video
from ifc_core.jobs import JobCancelled, JobContext
from ifc_core.structures import Category, RLEMask

ALL = ExportOptions(scope=ExportScope.EVERYTHING)
SIZE = (40, 60)
NUM_FRAMES = 12


def box(top, left, height=4, width=6):
    bits = np.zeros(SIZE, bool)
    bits[top : top + height, left : left + width] = True
    return RLEMask.from_array(bits)


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def project(tmp_path):
    """A stack with a mother that moves and grows, two daughters, and one with a gap."""
    values = np.random.default_rng(0).integers(0, 60_000, (NUM_FRAMES, *SIZE)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "cells.tif", values, imagej=True, metadata={"axes": "TYX"})
    project = Project.create(tmp_path / "p.ifcproj")
    with open_video(tmp_path / "cells.tif") as reader:
        project.add_video(reader.video)
    project.apply(SetCategory(Category(1, "cell")))
    project.apply(NewTrack(1, 1, 0, box(2, 3), name="=Ma"))
    for frame in range(1, 5):
        project.apply(SetMask(1, frame, box(2 + frame, 3 + 2 * frame, 4 + frame, 5)))
    for top in (5, 20):
        daughter = 2 if top == 5 else 3
        project.apply(NewTrack(1, 1, 5, box(top, 12)))
        for frame in range(6, NUM_FRAMES):
            project.apply(SetMask(daughter, frame, box(top + frame % 3, 12 + frame)))
    project.apply(NewTrack(1, 1, 1, box(30, 2)))
    for frame, left in ((2, 5), (7, 9), (8, 2)):  # 3 to 6 are missing
        project.apply(SetMask(4, frame, box(30, left)))
    project.apply(LinkDivision(1, (2, 3)))
    project.apply(NewTrack(1, 1, 11, box(1, 1, 1, 9)))  # one mask, a line of pixels
    project.apply(SetVideo(1, given_fps=4.0, um_per_px=0.65))
    yield project
    project.close()


def tables(project, folder, options=ALL):
    """Both tables: the masks of each track, and the line of each."""
    masks, tracks = folder / "masks.csv", folder / "tracks.csv"
    by_mask = export_project(project, masks, ExportFormat.CSV, options)
    by_track = export_project(project, tracks, ExportFormat.CSV_TRACKS, options)
    assert by_mask.masks == by_track.masks
    of_track = defaultdict(list)
    for row in read(masks):
        of_track[row["track"]].append(row)
    lines = read(tracks)
    assert sorted(of_track, key=int) == [line["track"] for line in lines]
    assert by_track.tracks == len(lines)
    return of_track, {line["track"]: line for line in lines}


def numbers(rows, name):
    return [float(row[name]) for row in rows if row[name] != ""]


def summed_up(rows):
    """What a person would compute from the lines of a track's masks."""
    first, last = rows[0], rows[-1]
    out = {"masks": len(rows), "first_frame": int(first["frame"])}
    out["last_frame"] = int(last["frame"])
    frames = [int(row["frame"]) for row in rows]
    out["longest_gap_frames"] = max([b - a - 1 for a, b in pairwise(frames)], default=0)
    out["first_time_s"], out["last_time_s"] = float(first["time_s"]), float(last["time_s"])
    out["duration_s"] = out["last_time_s"] - out["first_time_s"]
    areas, scale = numbers(rows, "area_px"), float(first["um_per_px"])
    for name, value in (("mean", np.mean(areas)), ("min", min(areas)), ("max", max(areas))):
        out[f"{name}_area_px"], out[f"{name}_area_um2"] = value, value * scale**2
    for name in ("perimeter", "major_axis", "minor_axis"):
        out[f"mean_{name}_px"] = np.mean(numbers(rows, f"{name}_px"))
    out["mean_intensity"] = np.mean(numbers(rows, "mean_intensity"))
    for end, row in (("first", first), ("last", last)):
        out[f"{end}_x_px"], out[f"{end}_y_px"] = float(row["x_px"]), float(row["y_px"])
    if len(rows) > 1:
        steps = zip(numbers(rows, "dx_px"), numbers(rows, "dy_px"), strict=True)
        ways = [math.hypot(*step) for step in steps]
        out["path_px"] = sum(ways)
        out["displacement_px"] = math.hypot(
            out["last_x_px"] - out["first_x_px"], out["last_y_px"] - out["first_y_px"]
        )
        out["path_um"] = out["path_px"] * scale
        out["displacement_um"] = out["displacement_px"] * scale
        out["straightness"] = out["displacement_px"] / out["path_px"]
        out["mean_speed_px_s"] = out["path_px"] / out["duration_s"]
        out["mean_speed_um_s"] = out["path_um"] / out["duration_s"]
        out["mean_speed_m_s"] = out["path_um"] / out["duration_s"] / 1e6
        for unit in ("px", "um", "m"):
            out[f"max_speed_{unit}_s"] = max(numbers(rows, f"speed_{unit}_s"))
    return out


def test_it_says_what_one_computes_from_the_masks(project, tmp_path):
    masks, tracks = tables(project, tmp_path)
    assert list(tracks) == ["1", "2", "3", "4", "5"]
    assert tuple(tracks["1"]) == (*TRACK_COLUMNS, "mean_intensity")
    for track_id, line in tracks.items():
        expected = summed_up(masks[track_id])
        for name, value in expected.items():
            # Cells of the masks have a hundredth of a pixel, speeds six digits.
            assert float(line[name]) == pytest.approx(value, rel=2e-3, abs=6e-3), (track_id, name)
        told = {"video", "um_per_px", "track", "parent", "daughters", "class", "name", "score"}
        rest = set(line) - set(expected) - told - {"state", "mean_elongation"}
        assert {line[name] for name in rest} <= {""}, track_id
        same = ("video", "um_per_px", "parent", "class", "name", "score")
        assert [line[name] for name in same] == [masks[track_id][0][name] for name in same]


def test_kin_states_and_what_a_spreadsheet_must_not_take_for_a_formula(project, tmp_path):
    project.apply(ApproveTracks((2,)))
    _, tracks = tables(project, tmp_path)
    assert [(t["parent"], t["daughters"]) for t in tracks.values()] == [
        *(("", "2 3"), ("1", ""), ("1", ""), ("", ""), ("", ""))
    ]
    assert tracks["1"]["name"] == "'=Ma"
    assert [t["state"] for t in tracks.values()] == [
        *("corrected", "approved", "corrected", "corrected", "corrected")
    ]


def test_a_path_goes_straight_across_a_gap_and_its_time_counts(project, tmp_path):
    _, tracks = tables(project, tmp_path)
    line = tracks["4"]  # 2 to 5 in a quarter of a second, 5 to 9 in 5/4, 9 to 2 in a quarter
    assert (line["masks"], line["longest_gap_frames"], line["duration_s"]) == ("4", "4", "1.75")
    assert (line["path_px"], line["displacement_px"]) == ("14.0", "0.0")
    assert (line["straightness"], line["mean_speed_px_s"], line["max_speed_px_s"]) == (
        *("0.0", "8.0", "28.0"),
    )
    assert float(line["max_speed_um_s"]) == pytest.approx(28 * 0.65)


def test_one_mask_is_no_way_and_a_line_of_pixels_no_ellipse(project, tmp_path):
    _, tracks = tables(project, tmp_path)
    line = tracks["5"]
    assert (line["masks"], line["duration_s"], line["mean_area_px"]) == ("1", "0.0", "9.0")
    empty = ("path_px", "straightness", "mean_speed_px_s", "max_speed_m_s", "mean_elongation")
    assert {line[name] for name in empty} == {""}
    ratio = float(tracks["4"]["mean_elongation"])  # boxes of 4 by 6
    assert ratio == pytest.approx(math.sqrt((6**2 - 1) / (4**2 - 1)), abs=1e-3)


def test_without_rate_and_scale_there_are_pixels_and_no_speeds(project, tmp_path):
    project.apply(SetVideo(1, given_fps=0.0, um_per_px=0.0))
    _, tracks = tables(project, tmp_path)
    line = tracks["1"]
    without = [name for name in line if name.endswith(("_s", "_um", "_um2", "um_per_px"))]
    assert len(without) == 15
    assert {line[name] for name in without} == {""}
    assert float(line["path_px"]) > 0


def test_a_range_a_step_and_what_is_left_out_count_in_both_alike(project, tmp_path):
    project.apply(RejectTracks((3,)))
    some = ExportOptions(scope=ExportScope.EVERYTHING, frame_scope=Scope(2, 9), frame_step=2)
    masks, tracks = tables(project, tmp_path, some)
    assert {i: len(rows) for i, rows in masks.items()} == {"1": 2, "2": 2, "4": 2}
    assert {i: line["masks"] for i, line in tracks.items()} == dict.fromkeys("124", "2")
    assert (tracks["1"]["daughters"], tracks["1"]["longest_gap_frames"]) == ("2", "1")
    assert "3" not in tracks


def test_several_videos_and_channels_and_one_that_is_gone(project, tmp_path):
    colours = np.random.default_rng(1).integers(0, 255, (3, *SIZE, 3)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "colours.tif", colours, photometric="rgb")
    with open_video(tmp_path / "colours.tif") as reader:
        video_id = project.add_video(reader.video)
    project.apply(NewTrack(video_id, 1, 0, box(2, 3)))
    project.apply(SetMask(6, 1, box(3, 3)))
    masks, tracks = tables(project, tmp_path)
    assert [tracks[i]["video"] for i in "1456"] == ["cells", "cells", "cells", "colours"]
    for name in intensity_columns(3):
        mean = np.mean(numbers(masks["6"], name))
        assert float(tracks["6"][name]) == pytest.approx(mean, abs=1e-3)
    assert tracks["1"]["mean_intensity_2"] == ""
    (tmp_path / "cells.tif").rename(tmp_path.parent / f"{tmp_path.name}-gone.tif")
    report = export_project(project, tmp_path / "c.csv", ExportFormat.CSV_TRACKS, ALL)
    assert report.notes[-1].startswith("Without times and intensities")
    line = read(tmp_path / "c.csv")[0]
    assert (line["mean_intensity_1"], line["masks"]) == ("", "5")


def test_each_mask_is_measured_once_and_a_cancelled_table_leaves_nothing(
    project, tmp_path, monkeypatch
):
    from ifc_core.annotation import measurement_export

    measured, real = [], measurement_export.measure_masks
    monkeypatch.setattr(
        measurement_export,
        "measure_masks",
        lambda rles, *args: (measured.extend(rles), real(rles, *args))[1],
    )
    report = export_project(project, tmp_path / "t.csv", ExportFormat.CSV_TRACKS, ALL)
    assert len(measured) == report.masks == 24
    context = JobContext(on_progress=lambda progress: context.cancel())
    with pytest.raises(JobCancelled):
        export_project(project, tmp_path / "no.csv", ExportFormat.CSV_TRACKS, ALL, context)
    assert not (tmp_path / "no.csv").exists()
