"""What the window says after an export."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from ifc_core.annotation import Project, edits
from ifc_core.annotation.exporting import (
    ExportPart,
    ExportReport,
    ExportScope,
    WaitingTrack,
    export_project,
)
from ifc_core.structures import Category, RLEMask
from napari_ifc.controllers.export_words import empty_text, folder_text, report_text


def test_each_count_is_said_once():
    report = ExportReport(Path("/data/out/a.json"), 1, 5, 1, 5, 79, 1)
    assert report_text(report) == (
        "Wrote a.json in /data/out: 5 tracks, 5 masks on 1 frame.\n"
        "Left out as not reviewed or not chosen: 79 frames, 1 track."
    )
    report = ExportReport(Path("/data/b.json"), 3, 1, 2000, 1, notes=("12 pixels are hidden.",))
    assert report_text(report) == (
        "Wrote b.json in /data: 1 track, 1 mask on 2,000 frames of 3 videos.\n12 pixels are hidden."
    )


def test_a_long_folder_is_told_by_its_end():
    deep = Path("/home/somebody/recordings/of-this-year/drift.ifcproj/exports/a.json")
    assert folder_text(deep) == "…/exports"
    assert folder_text(Path("/data/out/a.json")) == "/data/out"
    assert folder_text(Path("/a.json")) == "/"


def test_what_the_core_says_of_the_same_is_not_repeated(session, tmp_path):
    project: Project = session.project
    project.apply(edits.SetCategory(Category(1, "fish")))
    mask = RLEMask.from_array(np.eye(*session.entry.size, dtype=np.uint8))
    for frame in (0, 1):
        project.apply(edits.NewTrack(session.entry.id, 1, frame, mask))
    report = export_project(project, tmp_path / "a.json")
    assert report.frames_left_out
    assert any("of them wait for" in note for note in report.notes)
    assert report_text(report).count("eft out") == 1
    assert "of them wait" not in report_text(report)


def test_what_waits_is_told_with_the_track_it_waits_for_and_a_way(tmp_path):
    waiting = tuple(WaitingTrack("a", number, "", 120 - number) for number in range(6, 11))
    facts = {"frames_left_out": 130, "tracks_left_out": 2, "frames_waiting": 119}
    report = ExportReport(Path("/data/a.json"), 1, 5, 1, 5, waiting_for=waiting[:1], **facts)
    assert report_text(report).splitlines()[1:] == [
        "Left out: 119 frames on which track 6 is not reviewed. Approve or reject it, or export "
        "approved tracks only.",
        "Left out as not reviewed or not chosen: 11 frames, 2 tracks.",
    ]
    named = (replace(waiting[0], name="coach"), *waiting[1:])
    report = replace(report, waiting_for=named, tracks_left_out=0, frames_left_out=119)
    assert report_text(report).splitlines()[1:] == [
        "Left out: 119 frames on which not all of track 6 (coach), track 7, track 8, 2 more are "
        "reviewed. Approve or reject them, or export approved tracks only."
    ]
    assert "track 7" in empty_text(replace(report, frames=0), ExportScope.REVIEWED)
    chosen = replace(report, waiting_for=waiting[:1], approved_tracks_only=True)
    assert report_text(chosen).splitlines()[1:] == [
        "Left out: 119 frames on which not everything is reviewed of track 6. Approve or draw "
        "masks there, or mark objects as absent."
    ]
    table = ExportReport(Path("/data/a.csv"), 1, 5, 9, 40, masks_left_out=3)
    assert report_text(table).endswith("Left out as not reviewed or not chosen: 3 masks.")


def test_parts_are_told_with_their_videos():
    parts = (
        ExportPart("train.json", ("a", "b", "c", "d", "e"), 7, 1200, 2400),
        ExportPart("valid.json", ("f",), 1, 1, 1),
    )
    report = ExportReport(Path("/data/out"), 6, 8, 1201, 2401, parts=parts)
    assert report_text(report).splitlines() == [
        "Wrote out in /data: 8 tracks, 2,401 masks on 1,201 frames of 6 videos.",
        "train.json: 5 videos, 2,400 masks on 1,200 frames (a, b, c, 2 more).",
        "valid.json: 1 video, 1 mask on 1 frame (f).",
    ]
