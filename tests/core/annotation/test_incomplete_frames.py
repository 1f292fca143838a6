"""Approved frames of which an export lacks something, and what the export says of them."""

import json

import pytest

from ifc_core.annotation import Project, Scope, edits
from ifc_core.annotation.exporting import (
    TABLE_FORMATS,
    ExportFormat,
    ExportOptions,
    ExportScope,
    export_project,
)
from ifc_core.annotation.importing import import_annotations
from ifc_core.structures import TrackKind, TrackState

from .conftest import box, fill

SAYS_NOTHING = "2 approved frames lack some of their objects, which this format cannot say; import"
SAID = "2 approved frames do not count as complete in the export"
NOT_READ = (*TABLE_FORMATS, ExportFormat.OVERLAY, ExportFormat.YOLO)
FORMS = [f for f in ExportFormat if f not in NOT_READ]


@pytest.fixture
def kinds(empty):
    """A cat on frames 2 to 5 and a dog on 2 and 3; these four frames are approved."""
    for category_id, row, frames in ((1, 1, range(2, 6)), (2, 11, (2, 3))):
        result = empty.apply(edits.NewTrack(1, category_id, 2, box(row, 2)))
        for frame in frames:
            empty.apply(edits.SetMask(result.tracks_added[0], frame, box(row, 2)))
    empty.apply(edits.ApproveFrames(1, Scope(2, 5)))
    return empty


def imported(tmp_path, target, form, **options):
    """Frames that count as complete in a new project after the import."""
    with Project.create(tmp_path / f"q{len(list(tmp_path.iterdir()))}.ifcproj") as other:
        fill(other)
        import_annotations(other, target, form, **options)
        return list(other.exhaustive_frames(1))


@pytest.mark.parametrize("with_key", [True, False])
@pytest.mark.parametrize("form", FORMS)
def test_what_is_said_of_incomplete_frames_is_what_an_import_takes(kinds, tmp_path, form, with_key):
    options = ExportOptions(category_ids=(1,), include_studio_key=with_key)
    report = export_project(kinds, tmp_path / "out", form, options)
    taken = {2, 3} & set(imported(tmp_path, tmp_path / "out", form))
    expected = SAYS_NOTHING if taken else SAID
    (note,) = [n for n in report.notes if "approved frames" in n]
    assert note.startswith(expected)
    assert not imported(tmp_path, tmp_path / "out", form, assume_exhaustive=False) or not taken


def test_one_such_frame_is_told_in_the_singular(kinds, tmp_path):
    options = ExportOptions(category_ids=(1,), frame_scope=Scope(3, 4))
    report = export_project(kinds, tmp_path / "out.json", ExportFormat.COCO, options)
    told = "1 approved frame lacks some of its objects, which this format cannot say; "
    assert f"{told}import it with --no-exhaustive." in report.notes


def test_what_a_model_would_learn_from_them_is_told(kinds, tmp_path):
    options = ExportOptions(category_ids=(1,), frame_scope=Scope(3, 4))
    report = export_project(kinds, tmp_path / "one", ExportFormat.YOLO, options)
    told = "1 approved frame lacks some of its objects; a model learns from it that nothing is "
    assert f"{told}there." in report.notes
    options = ExportOptions(category_ids=(1,))
    report = export_project(kinds, tmp_path / "both", ExportFormat.YOLO, options)
    told = "2 approved frames lack some of their objects; a model learns from them that nothing is "
    assert f"{told}there." in report.notes


@pytest.mark.parametrize("kind", [TrackKind.IGNORE, TrackKind.CROWD])
def test_a_frame_whose_region_is_left_out_is_not_complete(kinds, tmp_path, kind):
    """Its ground would be learnt as one on which nothing is."""
    kinds.apply(edits.SetTrack(2, kind=kind))
    kinds.apply(edits.ApproveTracks((1,)))
    assert kinds.track(2).state is not TrackState.APPROVED
    target = tmp_path / "out.json"
    report = export_project(kinds, target, options=ExportOptions(approved_tracks_only=True))
    assert (report.tracks, report.frames) == (1, 4)
    assert imported(tmp_path, target, ExportFormat.YTVIS) == [4, 5]
    assert [note for note in report.notes if note.startswith(SAID)]
    kinds.apply(edits.ApproveTracks((2,)))
    export_project(kinds, target, options=ExportOptions(approved_tracks_only=True))
    assert imported(tmp_path, target, ExportFormat.YTVIS) == [2, 3, 4, 5]


def test_formats_without_regions_wait_for_none(kinds, tmp_path):
    kinds.apply(edits.SetTrack(2, kind=TrackKind.IGNORE))
    target = tmp_path / "out.json"
    export_project(kinds, target, ExportFormat.YTVIS_RESULTS, ExportOptions(ExportScope.APPROVED))
    (result,) = json.loads(target.read_text())
    assert [i for i, mask in enumerate(result["segmentations"]) if mask] == [2, 3, 4, 5]


def test_who_exports_approved_tracks_only_is_not_advised_to(kinds, tmp_path):
    kinds.apply(edits.UnapproveFrames(1, Scope()))
    kinds.apply(edits.ApproveTracks((1, 2)))
    kinds.apply(edits.RejectMasks((2,), Scope(3, 3)))
    target = tmp_path / "out.json"
    advice = "or export the tracks approved as a whole only"
    options = ExportOptions(approved_tracks_only=True)
    (told,) = [n for n in export_project(kinds, target, options=options).notes if "wait" in n]
    assert "track 2 on 1. Approved as a whole, they still have a proposal or a rejected" in told
    assert advice not in told
    (told,) = [n for n in export_project(kinds, target).notes if "wait" in n]
    assert advice in told


def late_proposal(kinds, tmp_path):
    """A track that came as a proposal after the frames were approved; frame 7 is corrected."""
    with Project.create(tmp_path / "from.ifcproj") as other:
        fill(other)
        other.apply(edits.DeleteTracks(tuple(track.id for track in other.tracks(1))))
        track_id = other.apply(edits.NewTrack(1, 1, 2, box(8, 20))).tracks_added[0]
        for frame in (2, 3, 7):
            other.apply(edits.SetMask(track_id, frame, box(8, 20)))
        other.apply(edits.ApproveTracks((track_id,)))
        export_project(other, tmp_path / "late.json", ExportFormat.YTVIS_RESULTS)
    import_annotations(kinds, tmp_path / "late.json")
    late = max(track.id for track in kinds.tracks(1))
    kinds.apply(edits.SetMask(late, 7, box(8, 20)))
    return late


def test_an_approved_frame_waits_for_what_was_proposed_since(kinds, tmp_path):
    late = late_proposal(kinds, tmp_path)
    target = tmp_path / "out.json"
    report = export_project(kinds, target)
    assert list(kinds.exhaustive_frames(1)) == [2, 3, 4, 5]
    assert imported(tmp_path, target, ExportFormat.YTVIS) == [4, 5]
    assert late in {one.track_id for one in report.waiting_for if one.frames == 2}
    everything = ExportOptions(ExportScope.EVERYTHING)
    export_project(kinds, target, options=everything)  # with its states, as it is
    assert imported(tmp_path, target, ExportFormat.YTVIS) == [2, 3, 4, 5]
    kinds.apply(edits.ApproveFrames(1, Scope(2, 3)))
    export_project(kinds, target)
    assert imported(tmp_path, target, ExportFormat.YTVIS) == [2, 3, 4, 5]


def test_a_table_takes_no_proposal_of_an_approved_frame(kinds, tmp_path):
    before = export_project(kinds, tmp_path / "before.csv", ExportFormat.CSV)
    late_proposal(kinds, tmp_path)
    report = export_project(kinds, tmp_path / "out.csv", ExportFormat.CSV)
    assert (report.masks, report.masks_left_out) == (before.masks + 1, before.masks_left_out + 2)
    kinds.apply(edits.ApproveFrames(1, Scope(2, 3)))
    report = export_project(kinds, tmp_path / "out.csv", ExportFormat.CSV)
    assert (report.masks, report.masks_left_out) == (before.masks + 3, before.masks_left_out)
