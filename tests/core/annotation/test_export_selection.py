"""What counts as reviewed in an export: tracks that do not span the video, and ones that wait."""

import csv
import json

import numpy as np
import pytest

from ifc_core.annotation import Scope, edits
from ifc_core.annotation.export_notes import left_out_notes
from ifc_core.annotation.exporting import (
    TABLE_FORMATS,
    ExportFormat,
    ExportOptions,
    ExportScope,
    WaitingTrack,
    export_project,
)
from ifc_core.annotation.film_export import FILM_LABELS, FilmStyle
from ifc_core.annotation.importing import import_annotations
from ifc_core.annotation.selection import Criteria, select_video
from ifc_core.io.video import open_video
from ifc_core.structures import Category, FrameState, RLEMask

from .conftest import NUM_FRAMES, box

APPROVED = ExportOptions(ExportScope.APPROVED)
FRAME_FORMATS = [f for f in ExportFormat if f not in (*TABLE_FORMATS, ExportFormat.OVERLAY)]
SUFFIXES = {ExportFormat.CSV: ".csv", ExportFormat.CSV_TRACKS: ".csv", ExportFormat.OVERLAY: ".mp4"}


def add_track(project, frames, place=(1, 2)):
    """A track that a person drew on some frames."""
    first, *others = frames
    track_id = project.apply(edits.NewTrack(1, 1, first, box(*place))).tracks_added[0]
    for frame in others:
        project.apply(edits.SetMask(track_id, frame, box(*place)))
    return track_id


@pytest.fixture
def halves(empty):
    """Track 1 on all frames, 2 on the first half, 3 on the second half, all of them approved."""
    everywhere, half = range(NUM_FRAMES), NUM_FRAMES // 2
    ids = [
        add_track(empty, everywhere, (1, 2)),
        add_track(empty, everywhere[:half], (8, 2)),
        add_track(empty, everywhere[half:], (8, 20)),
    ]
    empty.apply(edits.ApproveTracks(tuple(ids)))
    return empty


def target_of(folder, form):
    name = {"davis": "d", "mots": "m", "ctc": "c"}.get(form, f"out{SUFFIXES.get(form, '.json')}")
    return folder / name


@pytest.mark.parametrize("form", [*FRAME_FORMATS, *TABLE_FORMATS])
@pytest.mark.parametrize("options", [ExportOptions(), APPROVED])
def test_approved_tracks_need_not_span_the_video(halves, tmp_path, form, options):
    report = export_project(halves, target_of(tmp_path, form), form, options)
    assert (report.tracks, report.frames, report.masks) == (3, NUM_FRAMES, 2 * NUM_FRAMES)
    assert (report.frames_left_out, report.frames_waiting, report.waiting_for) == (0, 0, ())
    assert not [note for note in report.notes if "left out" in note]


def test_what_an_approved_track_has_no_mask_on_stays_not_annotated_in_the_key(halves, tmp_path):
    export_project(halves, tmp_path / "out.json")
    (_, second, _) = json.loads((tmp_path / "out.json").read_text())["annotations"]
    half = NUM_FRAMES // 2
    assert second["ifc_studio"]["states"] == [["approved", half], [None, half]]
    assert second["segmentations"][half:] == [None] * half
    halves.apply(edits.DeleteTracks((1, 2, 3)))
    import_annotations(halves, tmp_path / "out.json")
    again = [t.id for t in halves.tracks(1)]
    assert [len(halves.track_frames(track_id)) for track_id in again] == [NUM_FRAMES, half, half]
    assert export_project(halves, tmp_path / "again.json").frames == NUM_FRAMES


def test_one_stroke_on_another_track_is_told_as_what_the_frames_wait_for(halves, tmp_path):
    stroke = add_track(halves, [3], (14, 10))
    halves.apply(edits.SetTrack(stroke, name="coach"))
    report = export_project(halves, tmp_path / "out.json", ExportFormat.COCO)
    assert (report.tracks, report.frames, report.masks) == (4, 1, 3)
    assert report.frames_waiting == report.frames_left_out == NUM_FRAMES - 1
    assert report.waiting_for == (WaitingTrack("a", stroke, "coach", NUM_FRAMES - 1),)
    (told,) = [note for note in report.notes if "reviewed there" in note]
    assert told.startswith(f"{NUM_FRAMES - 1} of them wait for exported tracks")
    assert f"track {stroke} on {NUM_FRAMES - 1}." in told
    options = ExportOptions(approved_tracks_only=True)
    report = export_project(halves, tmp_path / "b.json", ExportFormat.COCO, options)
    assert (report.tracks, report.frames, report.masks) == (3, NUM_FRAMES, 2 * NUM_FRAMES)
    halves.apply(edits.ApproveTracks((stroke,)))
    assert export_project(halves, tmp_path / "c.json", ExportFormat.COCO).frames == NUM_FRAMES


def test_the_tracks_that_block_most_frames_come_first_and_many_are_counted(halves, tmp_path):
    for length in range(1, 8):
        add_track(halves, range(length), (14, 10))
    report = export_project(halves, tmp_path / "out.json")
    assert report.frames == 1
    assert [track.frames for track in report.waiting_for] == [11, 10, 9, 8, 7, 6, 5]
    (told,) = [note for note in report.notes if "reviewed there" in note]
    assert "track 4 on 11, track 5 on 10, track 6 on 9, track 7 on 8, track 8 on 7 and more" in told


def test_a_table_chooses_mask_by_mask(halves, tmp_path):
    stroke = add_track(halves, [3, 7], (14, 10))
    halves.apply(edits.InterpolateMasks(stroke, 3, 7))  # three proposals
    report = export_project(halves, tmp_path / "out.csv", ExportFormat.CSV)
    assert (report.tracks, report.frames, report.masks) == (4, NUM_FRAMES, 2 * NUM_FRAMES + 2)
    assert (report.masks_left_out, report.frames_left_out, report.waiting_for) == (3, 0, ())
    assert "3 masks were left out: not reviewed." in report.notes
    with (tmp_path / "out.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["track"] == str(stroke)]
    assert [(row["frame"], row["state"]) for row in rows] == [
        ("3", "corrected"),
        ("7", "corrected"),
    ]
    report = export_project(halves, tmp_path / "b.csv", ExportFormat.CSV, APPROVED)
    assert (report.tracks, report.masks, report.tracks_left_out) == (3, 2 * NUM_FRAMES, 1)
    halves.apply(edits.ApproveFrames(1, Scope.this_frame(4)))
    report = export_project(halves, tmp_path / "c.csv", ExportFormat.CSV, APPROVED)
    assert (report.tracks, report.masks, report.masks_left_out) == (4, 2 * NUM_FRAMES + 1, 4)
    assert "4 masks were left out: not approved." in report.notes
    some = ExportOptions(frame_scope=Scope(6, 8), frame_step=2)
    report = export_project(halves, tmp_path / "d.csv", ExportFormat.CSV, some)
    assert (report.frames, report.masks, report.masks_left_out) == (2, 4, 1)


def test_a_film_shows_the_masks_that_are_reviewed_and_no_others(empty, tmp_path, clip_file):
    with open_video(clip_file) as clip:
        video_id = empty.add_video(clip.video)
        plain = [clip.read(frame).astype(int) for frame in range(9)]
    empty.apply(edits.SetCategory(Category(1, "cat")))
    mask = np.zeros((48, 80), dtype=bool)
    mask[10:40, 10:60] = True
    for first in (0, 8):
        empty.apply(edits.NewTrack(video_id, 1, first, RLEMask.from_array(mask)))
    empty.apply(edits.SetMask(1, 4, RLEMask.from_array(mask)))
    empty.apply(edits.InterpolateMasks(1, 0, 4))
    report = export_project(empty, tmp_path / "out.mp4", ExportFormat.OVERLAY)
    assert (report.masks, report.masks_left_out) == (3, 3)
    with open_video(tmp_path / "out.mp4") as film:
        changed = [np.abs(film.read(f) - plain[f])[14:36, 14:56].mean() for f in range(9)]
    assert sorted(np.argsort(changed)[-3:].tolist()) == [0, 4, 8]


def test_a_film_has_the_labels_that_are_asked_for(halves):
    halves.apply(edits.SetTrack(2, name="keeper"))
    tracks, classes = halves.tracks(1)[:2], {1: "cat"}
    told = {
        kind: [FilmStyle(labels=kind).label(t, classes) for t in tracks] for kind in FILM_LABELS
    }
    assert told == {"name": ["1", "keeper"], "number": ["1", "2"], "class": ["cat", "cat"]}


def test_proposals_that_came_after_the_approval_are_waited_for(halves, tmp_path):
    halves.apply(edits.ClearMasks((1,), Scope(4, 6)))
    assert export_project(halves, tmp_path / "a.json").frames == NUM_FRAMES
    halves.apply(edits.InterpolateMasks(1, 3, 7))
    report = export_project(halves, tmp_path / "b.json")
    assert report.frames == NUM_FRAMES - 3
    assert [(t.track_id, t.frames) for t in report.waiting_for] == [(1, 3)]


def test_a_rejected_mask_leaves_its_frame_open(halves, tmp_path):
    halves.apply(edits.RejectMasks((2,), Scope.this_frame(2)))
    report = export_project(halves, tmp_path / "a.json")
    assert (report.frames, report.waiting_for[0].track_id) == (NUM_FRAMES - 1, 2)


def test_frames_nobody_said_anything_of_are_not_taken_for_empty(empty, tmp_path):
    empty.apply(edits.ApproveTracks((add_track(empty, range(2, 6)),)))
    report = export_project(empty, tmp_path / "a.json")
    assert (report.frames, report.frames_left_out) == (4, 0)


def test_what_lies_between_every_nth_frame_is_not_taken_for_absent(empty, tmp_path):
    dense, sparse = add_track(empty, range(NUM_FRAMES)), add_track(empty, range(1, 12, 3), (8, 2))
    empty.apply(edits.ApproveTracks((dense, sparse)))
    export_project(empty, tmp_path / "a.json")
    video = json.loads((tmp_path / "a.json").read_text())["videos"][0]
    assert video["ifc_studio"]["frame_indices"] == [1, 4, 7, 10]
    empty.apply(edits.ClearMasks((sparse,), Scope(4, 4)))  # three masks, which may be a short track
    assert export_project(empty, tmp_path / "b.json").frames == NUM_FRAMES
    empty.apply(edits.SetVideo(1, annotation_step=4))
    report = export_project(empty, tmp_path / "c.json")
    assert report.frames == 3 + len({1, 7, 10})
    assert report.frames_waiting == 0  # what lies between the steps waits for nobody


def test_an_approved_frame_with_an_object_that_is_left_out_is_not_complete(halves, tmp_path):
    add_track(halves, [3, 4], (14, 10))
    halves.apply(edits.ApproveFrames(1, Scope(3, 4)))
    flags = {}
    for only in (False, True):
        options = ExportOptions(approved_tracks_only=only)
        report = export_project(halves, tmp_path / "a.json", options=options)
        video = json.loads((tmp_path / "a.json").read_text())["videos"][0]["ifc_studio"]
        flags[only] = (report.frames, report.tracks, video["exhaustive"])
    assert flags[False] == (2, 4, [[True, 2]])
    assert flags[True] == (NUM_FRAMES, 3, [[False, NUM_FRAMES]])


def test_an_absent_mark_is_as_good_as_an_approval(halves, tmp_path):
    other = add_track(halves, range(NUM_FRAMES - 1), (14, 10))
    halves.apply(edits.MarkAbsent(other, Scope.this_frame(NUM_FRAMES - 1)))
    assert export_project(halves, tmp_path / "a.json").frames == NUM_FRAMES
    assert halves.mask(other, NUM_FRAMES - 1).state is FrameState.ABSENT


def test_notes_name_several_videos_together(halves):
    add_track(halves, [3], (14, 10))
    other = halves.apply(edits.NewTrack(2, 1, 0, box(1, 2))).tracks_added[0]
    last = halves.apply(edits.NewTrack(2, 1, 1, box(9, 2))).tracks_added[0]
    found = [select_video(halves, v, Criteria(), set()) for v in halves.videos()]
    notes = left_out_notes(found, ExportScope.REVIEWED, objects_only=False)
    assert notes[1].startswith("13 of them wait for exported tracks")
    assert f"track 4 on 11, track {other} on 1, track {last} on 1." in notes[1]


@pytest.fixture
def kinds(empty):
    """A cat on frames 0 to 3, a dog on 2 to 5; frames 0 to 7 are approved."""
    empty.apply(edits.SetCategory(Category(2, "dog")))
    add_track(empty, range(4))
    dog = empty.apply(edits.NewTrack(1, 2, 2, box(8, 20))).tracks_added[0]
    for frame in range(3, 6):
        empty.apply(edits.SetMask(dog, frame, box(8, 20)))
    empty.apply(edits.ApproveFrames(1, Scope(0, 7)))
    return empty


def flags_of(path):
    """Frames of the first video in a file, and those that it calls complete."""
    details = json.loads(path.read_text())["videos"][0]["ifc_studio"]
    flags = [flag for flag, count in details["exhaustive"] for _ in range(count)]
    frames = details["frame_indices"]
    return frames, [frame for frame, flag in zip(frames, flags, strict=True) if flag]


@pytest.mark.parametrize("scope", list(ExportScope))
def test_an_export_of_one_class_calls_no_frame_complete_that_shows_another(kinds, tmp_path, scope):
    options = ExportOptions(scope, category_ids=(2,))
    report = export_project(kinds, tmp_path / "dogs.json", options=options)
    frames, complete = flags_of(tmp_path / "dogs.json")
    assert frames == list(range(NUM_FRAMES if scope is ExportScope.EVERYTHING else 8))
    assert complete == [4, 5, 6, 7]
    told = "4 approved frames do not count as complete in the export, since not all of their"
    assert [note for note in report.notes if note.startswith(told)]
    one = ExportOptions(scope, category_ids=(2,), frame_scope=Scope(3, 4))
    report = export_project(kinds, tmp_path / "one.json", options=one)
    assert [note for note in report.notes if note.startswith("1 approved frame does not count")]
    (dog,) = json.loads((tmp_path / "dogs.json").read_text())["annotations"]
    assert dog["ifc_studio"]["states"][0] == ["absent", 2]  # frames 0 and 1, by the approval
    everything = export_project(kinds, tmp_path / "all.json", options=ExportOptions(scope))
    assert flags_of(tmp_path / "all.json")[1] == list(range(8))
    assert not [note for note in everything.notes if "complete" in note]


def test_what_was_exported_of_one_class_comes_back_as_incomplete(kinds, tmp_path):
    options = ExportOptions(ExportScope.APPROVED, category_ids=(2,))
    export_project(kinds, tmp_path / "dogs.json", options=options)
    kinds.apply(edits.DeleteTracks((1, 2)))
    kinds.apply(edits.UnapproveFrames(1, Scope()))
    import_annotations(kinds, tmp_path / "dogs.json")
    assert list(kinds.exhaustive_frames(1)) == [4, 5, 6, 7]
    (dog,) = kinds.tracks(1)
    absent = [kinds.mask(dog.id, frame).state is FrameState.ABSENT for frame in range(4)]
    assert absent == [True, True, False, False]


def test_a_rejected_mask_of_another_class_leaves_its_frame_complete(kinds, tmp_path):
    kinds.apply(edits.RejectTracks((1,)))
    kinds.apply(edits.ApproveFrames(1, Scope(0, 7)))
    options = ExportOptions(ExportScope.APPROVED, category_ids=(2,))
    report = export_project(kinds, tmp_path / "dogs.json", options=options)
    assert flags_of(tmp_path / "dogs.json")[1] == list(range(8))
    assert not [note for note in report.notes if "complete" in note]


def test_a_table_or_film_of_one_class_shows_what_it_did(kinds, tmp_path):
    options = ExportOptions(category_ids=(2,))
    report = export_project(kinds, tmp_path / "dogs.csv", ExportFormat.CSV, options)
    assert (report.tracks, report.masks) == (1, 4)
    assert not [note for note in report.notes if "complete" in note]
