"""Work of a second person on the same objects is told, and settled as the person says."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ifc_core.annotation import Project, Scope, edits
from ifc_core.annotation.covered_tracks import CoveredTracks, Overlaps
from ifc_core.annotation.exporting import ExportFormat, ExportOptions, ExportScope, export_project
from ifc_core.annotation.importing import import_annotations, iter_import
from ifc_core.annotation.known_tracks import KnownTracks
from ifc_core.errors import FormatError
from ifc_core.structures import Category, FrameState, RLEMask, TrackState

from .conftest import NUM_FRAMES, SIZE, box, state_of, video

EVERYTHING = ExportOptions(scope=ExportScope.EVERYTHING)


def annotate(place, shift, frames, name, state="approved"):
    """A project of one video with a mouse on some frames, drawn ``shift`` pixels to the right."""
    project = Project.create(place)
    project.add_video(video("a.mp4", "1-aa"))
    project.apply(edits.SetCategory(Category(1, name)))
    project.apply(edits.NewTrack(1, 1, frames[0], mouse(frames[0], shift)))
    for frame in frames[1:]:
        project.apply(edits.SetMask(1, frame, mouse(frame, shift)))
    if state == "approved":
        project.apply(edits.ApproveFrames(1, Scope(frames[0], frames[-1])))
    return project


def mouse(frame, shift):
    return box(2, 1 + frame + shift, height=10, width=10)


def shown(project, track_id):
    """Frame -> (mask, state) of what can be seen of a track."""
    records = project.track_masks(track_id)
    return {
        r.frame_index: (r.rle, r.state)
        for r in records
        if r.rle is not None and r.state is not FrameState.REJECTED
    }


@pytest.fixture
def ours(tmp_path):
    """The first person's project: frames 0 to 5, and a cage that nobody else drew."""
    with annotate(tmp_path / "ours.ifcproj", 0, range(6), "mouse") as project:
        project.apply(edits.NewTrack(1, 1, 3, box(15, 20, height=4, width=4)))
        project.apply(edits.ApproveFrames(1, Scope.this_frame(3)))
        yield project


@pytest.fixture
def theirs(tmp_path):
    """The second person's export: frames 4 to 8, two pixels beside the first one's."""
    target = tmp_path / "theirs.json"
    with annotate(tmp_path / "theirs.ifcproj", 2, range(4, 9), "Mouse") as project:
        export_project(project, target)
    return target


def told(report):
    return [note for note in report.notes if "of the project with a mean IoU" in note]


def test_both_stay_and_are_told_with_how_well_they_agree(ours, theirs):
    report = import_annotations(ours, theirs)
    assert told(report) == [
        "1 track covers one of the project with a mean IoU of 0.67: both are there now."
    ]
    assert (report.covered, report.tracks) == (1, 1)
    assert report.agreement == pytest.approx(8 / 12)
    assert sorted(shown(ours, 1)) == list(range(6))
    assert sorted(shown(ours, 3)) == list(range(4, 9))


def test_ours_stay_where_both_show_the_object(ours, theirs):
    report = import_annotations(ours, theirs, overlaps=Overlaps.OURS)
    assert "theirs was left out" in told(report)[0]
    assert shown(ours, 1) == {f: (mouse(f, 0), FrameState.APPROVED) for f in range(6)}
    assert shown(ours, 3) == {f: (mouse(f, 2), FrameState.APPROVED) for f in range(6, 9)}
    assert report.masks == 3
    assert ours.exhaustive_frames(1) == list(range(9))


def test_ours_that_are_not_approved_are_not_approved_by_what_was_left_out(tmp_path, theirs):
    with annotate(tmp_path / "p.ifcproj", 0, range(6), "mouse", state="drawn") as project:
        import_annotations(project, theirs, overlaps=Overlaps.OURS)
        assert project.exhaustive_frames(1) == [6, 7, 8]


def test_a_track_of_which_nothing_is_left_does_not_come_in(ours, tmp_path):
    export_project(ours, tmp_path / "own.json")
    report = import_annotations(ours, tmp_path / "own.json", overlaps=Overlaps.OURS)
    assert (report.tracks, report.masks, report.covered, report.agreement) == (0, 0, 2, 1.0)
    assert len(ours.tracks(1)) == 2


def test_theirs_take_the_place_of_ours_and_undo_brings_them_back(ours, theirs):
    before = state_of(ours)
    report = import_annotations(ours, theirs, overlaps=Overlaps.THEIRS)
    assert "what was there is rejected" in told(report)[0]
    assert sorted(shown(ours, 1)) == [0, 1, 2, 3]
    assert shown(ours, 3) == {f: (mouse(f, 2), FrameState.APPROVED) for f in range(4, 9)}
    assert ours.track(1).state is not TrackState.REJECTED
    assert ours.check() == []
    ours.undo()
    after = state_of(ours)
    assert (after["current"], after["exhaustive"]) == (before["current"], before["exhaustive"])
    assert sorted(shown(ours, 1)) == list(range(6))


def test_a_track_that_is_replaced_everywhere_is_rejected(tmp_path, theirs):
    with annotate(tmp_path / "p.ifcproj", 0, range(4, 7), "mouse") as project:
        import_annotations(project, theirs, overlaps=Overlaps.THEIRS)
        assert project.track(1).state is TrackState.REJECTED
        assert [len(project.masks_at(1, frame)) for frame in range(4, 9)] == [1] * 5


def test_results_of_a_program_do_not_take_the_place_of_work(ours, tmp_path):
    results = tmp_path / "results.json"
    with annotate(tmp_path / "theirs.ifcproj", 2, range(4, 9), "mouse") as project:
        export_project(project, results, ExportFormat.YTVIS_RESULTS, EVERYTHING)
    import_annotations(ours, results, overlaps=Overlaps.THEIRS)
    assert sorted(shown(ours, 1)) == list(range(6))


def test_theirs_as_proposals_are_to_be_looked_at(ours, theirs):
    report = import_annotations(ours, theirs, overlaps=Overlaps.PROPOSALS)
    assert "the new ones are proposals" in told(report)[0]
    assert sorted(shown(ours, 1)) == list(range(6))
    assert shown(ours, 3) == {f: (mouse(f, 2), FrameState.PROPOSED) for f in range(4, 9)}
    assert ours.track(3).state is TrackState.PROPOSED
    assert ours.exhaustive_frames(1) == list(range(6))


def test_what_shows_another_object_is_as_it_was(ours, tmp_path):
    for overlaps in Overlaps:
        with Project.create(tmp_path / f"{overlaps}_new.ifcproj") as project:
            project.add_video(video("a.mp4", "1-aa"))
            project.apply(edits.SetCategory(Category(1, "mouse")))
            project.apply(edits.NewTrack(1, 1, 3, mouse(3, 7)))  # less than half of it in common
            export_project(ours, tmp_path / f"{overlaps}.json")
            report = import_annotations(project, tmp_path / f"{overlaps}.json", overlaps=overlaps)
            assert (told(report), report.tracks, report.agreement) == ([], 2, None)
            assert sorted(shown(project, 2)) == list(range(6))


def test_of_many_alike_the_right_one_is_found(tmp_path):
    """Masks as large as it lie on all frames; the one that it covers is there on one frame."""
    with Project.create(tmp_path / "p.ifcproj") as project:
        project.add_video(video("a.mp4", "1-aa"))
        project.apply(edits.SetCategory(Category(1, "cell")))
        project.apply(edits.NewTrack(1, 1, 0, box(14, 20)))
        for frame in range(1, NUM_FRAMES):
            project.apply(edits.SetMask(1, frame, box(14, 20)))
        project.apply(edits.NewTrack(1, 1, 7, box(0, 0)))
        found = CoveredTracks(project, KnownTracks(project)).covered_by(
            1, {frame: box(0, 1) for frame in range(NUM_FRAMES)}
        )
        assert found is not None
        assert (found.track_id, list(found.states)) == (2, [7])
        assert found.iou == pytest.approx(5 / 7)


def crossing(place, away):
    """A project of a mouse on frames 2 to 5, which is somewhere else on frame 3."""
    with annotate(place, 0, range(2, 6), "mouse") as project:
        project.apply(edits.SetMask(1, 3, box(2, 1 + away, height=4, width=4)))
        project.apply(edits.ApproveFrames(1, Scope(2, 5)))
        export_project(project, place.with_suffix(".json"))
    return place.with_suffix(".json")


@pytest.mark.parametrize("overlaps", list(Overlaps))
def test_where_the_two_lie_apart_both_stay(ours, tmp_path, overlaps):
    path = crossing(tmp_path / "c.ifcproj", 20)
    report = import_annotations(ours, path, overlaps=overlaps)
    assert report.notes[-1] == (
        "On 1 frame such masks have an IoU of less than 0.5: both are there."
    )
    assert report.agreement == pytest.approx(3 / 4)
    assert shown(ours, 1)[3] == (mouse(3, 0), FrameState.APPROVED)
    assert shown(ours, 3)[3][0] == box(2, 21, height=4, width=4)
    if overlaps is Overlaps.OURS:
        assert list(shown(ours, 3)) == [3]
    if overlaps is Overlaps.THEIRS:
        assert list(shown(ours, 1)) == [0, 1, 3]


@pytest.mark.parametrize(("begin", "is_covered"), [(5, False), (4, True)])
def test_a_frame_in_common_does_not_settle_a_track(ours, tmp_path, begin, is_covered):
    """Of tracks of five frames and more they must share a third, or ten frames."""
    with annotate(tmp_path / "n.ifcproj", 0, range(begin, 10), "mouse") as project:
        export_project(project, tmp_path / "n.json")
    report = import_annotations(ours, tmp_path / "n.json", overlaps=Overlaps.PROPOSALS)
    assert report.covered == is_covered
    assert (ours.track(3).state is TrackState.PROPOSED) == is_covered


def test_few_frames_are_looked_at_first_and_all_where_they_tell_nothing(tmp_path, monkeypatch):
    asked = []
    whole = KnownTracks.as_large_as

    def as_large_as(self, video_id, masks, min_ratio):
        asked.append(len(masks))
        return whole(self, video_id, masks, min_ratio)

    monkeypatch.setattr(KnownTracks, "as_large_as", as_large_as)
    with Project.create(tmp_path / "p.ifcproj") as project:
        project.add_video(replace(video("a.mp4", "1-aa"), num_frames=40))
        project.apply(edits.SetCategory(Category(1, "cell")))
        project.apply(edits.NewTrack(1, 1, 0, box(0, 0)))
        project.apply(edits.SetMask(1, 8, box(0, 0)))
        for frame in (17, 19, 21):  # none of the round ones
            project.apply(edits.NewTrack(1, 1, frame, box(14, 20)))
        covered = CoveredTracks(project, KnownTracks(project))
        found = covered.covered_by(1, {frame: box(0, 0) for frame in range(40)})
        assert found is not None
        assert list(found.states) == [0, 8]
        assert asked == [12]
        found = covered.covered_by(1, {frame: box(14, 20) for frame in range(40)})
        assert found is not None
        assert found.track_id in (2, 3, 4)
        assert asked == [12, 12, 28]
        assert covered.covered_by(1, {frame: box(8, 10) for frame in range(40)}) is None


def results(path, length):
    mask = RLEMask.from_array(mouse(0, 0).to_array()).to_coco()
    track = {"video_id": 1, "category_id": 1, "score": 0.5, "segmentations": [mask] * length}
    path.write_text(json.dumps([track]))
    return path


def test_results_say_that_they_went_by_the_ids_of_the_project(ours, tmp_path):
    notes = import_annotations(ours, results(tmp_path / "r.json", NUM_FRAMES)).notes
    assert "ids, which were taken for those of this project: a." in " ".join(notes)
    with pytest.raises(FormatError, match="--annotations FILE"):
        import_annotations(ours, results(tmp_path / "short.json", 5))
    file = {
        "videos": [{"id": 1, "height": SIZE[0], "width": SIZE[1], "length": NUM_FRAMES}],
        "categories": [{"id": 1, "name": "rat"}],
    }
    file["videos"][0]["file_names"] = [f"a/{n:05d}.jpg" for n in range(NUM_FRAMES)]
    (tmp_path / "file.json").write_text(json.dumps(file))
    report = import_annotations(ours, tmp_path / "r.json", annotations=tmp_path / "file.json")
    assert "taken for those of this project" not in " ".join(report.notes)
    assert [(video.name, video.masks) for video in report.by_video] == [("a", NUM_FRAMES)]


def test_a_track_that_is_deleted_during_an_import_is_in_the_way_of_none(ours, theirs):
    steps = iter_import(ours, theirs, overlaps=Overlaps.THEIRS)
    next(steps)  # the one track of the file is to take the place of ours
    ours.apply(edits.DeleteTracks((1,)))
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert (end.value.value.tracks, end.value.value.covered) == (1, 1)
    assert [len(shown(ours, track.id)) for track in ours.tracks(1)] == [1, 5]
    assert ours.check() == []
