"""Divisions: links between tracks, and what becomes of them when tracks change."""

import json
from dataclasses import replace

import pytest

from ifc_core.annotation import (
    Project,
    Scope,
    StagedInstance,
    StagedMask,
    TrackFilter,
)
from ifc_core.annotation.edits import (
    AcceptRun,
    AddVideo,
    ApproveTracks,
    DeleteTracks,
    LinkDivision,
    MarkAbsent,
    MergeTracks,
    NewTrack,
    RejectTracks,
    RelabelTracks,
    RemoveVideo,
    SetMask,
    SplitTrack,
    SwapIdentities,
    TrimTrack,
    UnlinkTracks,
)
from ifc_core.annotation.exporting import ExportFormat, ExportOptions, export_project
from ifc_core.annotation.importing import import_annotations
from ifc_core.annotation.lineage import rings_of
from ifc_core.annotation.selection import ExportScope
from ifc_core.errors import EditError
from ifc_core.io.ytvis import read_ytvis, validate_ytvis, write_ytvis
from ifc_core.structures import TrackState

from .conftest import box, fill, state_of, video
from .test_edits import do, new_track

ALL = ExportOptions(scope=ExportScope.EVERYTHING)


def parents(project, video_id=1):
    return {t.id: t.parent_id for t in project.tracks(video_id) if t.parent_id is not None}


def track_of_frames(project, first, last, row=0):
    return new_track(project, *((f, row, 2) for f in range(first, last + 1)))


@pytest.fixture
def family(empty):
    """A mother on frames 0 to 3, her daughters 2 (frames 4 to 7) and 3 (4 to 6)."""
    for first, last, row in ((0, 3, 0), (4, 7, 6), (4, 6, 13)):
        track_of_frames(empty, first, last, row)
    empty.apply(LinkDivision(1, (2, 3)))
    return empty


def test_a_division_links_daughters_and_is_taken_back(empty):
    for first, last in ((0, 3), (4, 7), (4, 6)):
        track_of_frames(empty, first, last)
    result = do(empty, LinkDivision(1, (2, 3)))
    assert parents(empty) == {2: 1, 3: 1}
    assert set(result.tracks_changed) == {2, 3}
    assert empty.history()[0].label == "Divide track 1 into tracks 2 and 3"
    do(empty, UnlinkTracks((3,)))
    assert parents(empty) == {2: 1}
    with pytest.raises(EditError, match="None of these tracks came from a division"):
        empty.apply(UnlinkTracks((1, 3)))


def test_a_track_that_went_on_as_one_of_its_daughters_is_split(empty):
    track_of_frames(empty, 0, 7)
    track_of_frames(empty, 4, 6, row=9)
    do(empty, LinkDivision(1, (1, 2)))
    assert [f.frame_index for f in empty.track_frames(1)] == [0, 1, 2, 3]
    assert [f.frame_index for f in empty.track_frames(3)] == [4, 5, 6, 7]
    assert parents(empty) == {2: 1, 3: 1}


def test_a_track_is_not_split_before_it_is_seen(empty):
    track_of_frames(empty, 0, 7)
    empty.apply(MarkAbsent(1, Scope(0, 2)))
    track_of_frames(empty, 4, 6, row=9)
    with pytest.raises(EditError, match="track 1 is not seen before frame 3"):
        empty.apply(LinkDivision(1, (1, 2), 3))
    assert len(empty.tracks(1)) == 2


def test_a_mother_may_go_on_beside_her_bud(empty):
    track_of_frames(empty, 0, 7)
    track_of_frames(empty, 4, 6, row=9)
    do(empty, LinkDivision(1, (2,)))
    assert parents(empty) == {2: 1}
    assert len(empty.track_frames(1)) == 8


@pytest.mark.parametrize(("lingering", "is_reviewed"), [(0, False), (1, False), (2, True)])
def test_a_mother_keeps_what_is_more_than_lingers_or_was_looked_at(empty, lingering, is_reviewed):
    mother, left, right = proposed_family(empty)
    if is_reviewed:
        empty.apply(ApproveTracks((mother,), Scope(4, 4)))
    do(empty, LinkDivision(mother, (left, right), lingering=lingering))
    assert [f.frame_index for f in empty.track_frames(mother)] == [0, 1, 2, 3, 4]
    assert parents(empty) == {left: mother, right: mother}
    assert empty.history()[0].label.startswith("Bud ")


def test_masks_of_a_mother_that_linger_beside_her_daughters_go(empty):
    mother, left, right = proposed_family(empty)
    result = do(empty, LinkDivision(mother, (left, right), lingering=2))
    assert result.changed_frames == {mother: (3, 4)}
    assert [f.frame_index for f in empty.track_frames(mother)] == [0, 1, 2]
    assert {t.state for t in empty.tracks(1)} == {TrackState.PROPOSED}
    expected = f"Divide track {mother} into tracks {left} and {right}"
    assert empty.history()[0].label == expected


def proposed_family(project):
    """Proposals: a mother on frames 0 to 4, and two tracks that begin on frame 3."""
    run = project.begin_run("propose", 1, {})
    for frame in range(8):
        rows = ((0, 0, frame < 5), (1, 6, frame > 2), (2, 13, frame > 2))
        project.stage(run, frame, [StagedMask(i, box(row, 2)) for i, row, there in rows if there])
    project.stage_instances(run, [StagedInstance(i, "cat", 0.9 - i / 10) for i in range(3)])
    project.finish_run(run)
    return project.apply(AcceptRun(run)).tracks_added


def test_what_cannot_be_a_daughter_is_refused(family):
    track_of_frames(family, 0, 2)
    family.apply(LinkDivision(3, (track_of_frames(family, 8, 9),)))
    for parent, daughters, why in (
        (1, (1,), "needs a track that begins later"),
        (1, (), "needs a track that begins later"),
        (1, (4,), "track 4 does not begin after track 1"),
        (2, (3,), "track 3 does not begin after track 2"),
        (5, (1,), "track 5 descends from track 1 already"),
        (1, (99,), "does not exist"),
    ):
        with pytest.raises(EditError, match=why):
            family.apply(LinkDivision(parent, daughters))
    assert parents(family) == {2: 1, 3: 1, 5: 3}


def test_where_a_track_is_absent_it_does_not_begin(empty):
    first, second = track_of_frames(empty, 0, 3), track_of_frames(empty, 4, 7)
    empty.apply(MarkAbsent(first, Scope(0, 3)))
    with pytest.raises(EditError, match="does not begin after"):
        empty.apply(LinkDivision(first, (second,)))
    empty.apply(MarkAbsent(second, Scope(4, 5)))
    third = track_of_frames(empty, 5, 7)
    with pytest.raises(EditError, match=f"track {third} does not begin after track {second}"):
        empty.apply(LinkDivision(second, (third,)))


def test_an_ancestor_cannot_descend_from_its_own_children(family):
    family.apply(SwapIdentities(1, 2, Scope.whole()))  # now 2 is the mother of 1
    assert parents(family) == {1: 2, 3: 2}
    with pytest.raises(EditError, match="descends from track 2 already"):
        family.apply(LinkDivision(1, (2,)))


def test_a_deleted_mother_leaves_orphans_until_it_is_undone(family):
    do(family, DeleteTracks((1,)))
    assert parents(family) == {}
    family.undo()
    assert parents(family) == {2: 1, 3: 1}
    do(family, DeleteTracks((1, 2)))
    assert parents(family) == {}
    family.undo()
    do(family, RemoveVideo(1))


def test_daughters_follow_the_last_masks_of_a_split_mother(family):
    do(family, SplitTrack(1, 2))
    assert parents(family) == {2: 4, 3: 4}
    do(family, SplitTrack(2, 6))  # the first masks of a daughter keep the mother
    assert parents(family) == {2: 4, 3: 4}


def test_a_class_for_some_frames_takes_the_links_at_their_ends_along(family):
    do(family, RelabelTracks((2, 1), 2, Scope(0, 4)))
    assert family.track(1).category_id == 2
    assert parents(family) == {4: 1, 3: 1}  # frame 4 of daughter 2 is track 4 now
    assert [f.frame_index for f in family.track_frames(4)] == [4]


def test_tracks_of_one_relabelling_keep_apart_in_the_stack(family):
    track_of_frames(family, 0, 5)
    family.apply(RelabelTracks((1, 2, 3), 2, Scope(1, 5)))
    orders = [track.z_order for track in family.tracks(1)]
    assert len(set(orders)) == len(orders)


def test_merged_tracks_share_mother_and_daughters(family):
    grand = track_of_frames(family, 8, 9)
    family.apply(LinkDivision(3, (grand,)))
    do(family, MergeTracks(2, (3,)))
    assert parents(family) == {2: 1, grand: 2}
    do(family, MergeTracks(1, (2,)))  # the mother goes on as her daughter
    assert parents(family) == {grand: 1}


def test_a_merged_track_gets_the_mother_of_the_other_where_it_has_none(family):
    later = track_of_frames(family, 8, 9)
    do(family, MergeTracks(later, (3,)))
    assert parents(family) == {2: 1, later: 1}


def test_no_merge_makes_a_track_its_own_ancestor(family):
    grand = track_of_frames(family, 8, 9)
    family.apply(LinkDivision(3, (grand,)))
    do(family, MergeTracks(1, (grand,)))
    assert parents(family) == {2: 1, 3: 1}


def test_links_follow_swapped_masks(family):
    do(family, SwapIdentities(2, 3, Scope.from_here(5)))
    assert parents(family) == {2: 1, 3: 1}
    other = track_of_frames(family, 0, 3, row=9)
    do(family, SwapIdentities(1, other, Scope.from_here(2)))  # the one with the last masks
    assert parents(family) == {2: other, 3: other}
    grand = track_of_frames(family, 8, 9)
    family.apply(LinkDivision(3, (grand,)))
    do(family, SwapIdentities(2, 3, Scope(5, 6)))  # frame 7 of track 3 stays its last
    assert parents(family)[grand] == 3


@pytest.fixture
def yeast(empty):
    """A mother on frames 0 to 9 whose buds begin on frames 2 (track 2) and 6 (track 3)."""
    for first, row in ((0, 0), (2, 6), (6, 13)):
        track_of_frames(empty, first, 9, row)
    empty.apply(LinkDivision(1, (2, 3)))
    return empty


def test_a_bud_stays_with_the_part_of_a_split_mother_that_it_came_off(yeast):
    do(yeast, SplitTrack(1, 4))
    assert parents(yeast) == {2: 1, 3: 4}


def test_a_bud_stays_with_its_mother_where_a_later_one_gets_the_rest(yeast):
    yeast.apply(UnlinkTracks((3,)))
    do(yeast, LinkDivision(1, (1, 3)))
    assert parents(yeast) == {2: 1, 3: 1, 4: 1}


def test_a_bud_stays_with_the_masks_of_its_mother_that_are_swapped_or_get_a_class(yeast):
    other = track_of_frames(yeast, 0, 9, 18)
    do(yeast, SwapIdentities(1, other, Scope.from_here(4)))
    assert parents(yeast) == {2: 1, 3: other}
    do(yeast, RelabelTracks((other,), 2, Scope(5, 6)))
    assert parents(yeast) == {2: 1, 3: 5}


def test_a_merged_track_that_begins_with_another_one_has_that_ones_mother(empty):
    for first, last, row in ((3, 4, 0), (5, 9, 6), (0, 2, 13)):
        track_of_frames(empty, first, last, row)
    empty.apply(LinkDivision(1, (2,)))
    result = do(empty, MergeTracks(2, (3,)))  # track 2 begins before its mother now
    assert parents(empty) == {}
    assert "fit no more were taken away: 1." in result.note


def test_of_two_mothers_the_one_of_the_first_mask_stays(empty):
    for first, last, row in ((0, 1, 0), (2, 9, 6), (0, 4, 13), (5, 9, 18)):
        track_of_frames(empty, first, last, row)
    empty.apply(LinkDivision(1, (2,)))
    empty.apply(LinkDivision(3, (4,)))
    result = do(empty, MergeTracks(4, (2,)))
    assert parents(empty) == {4: 1}
    assert "fit no more were taken away: 1." in result.note


def test_a_link_that_fits_no_masks_stays_while_nothing_else_is_said(empty):
    first, second = track_of_frames(empty, 0, 3), track_of_frames(empty, 4, 7)
    empty.apply(LinkDivision(first, (second,)))
    empty.apply(TrimTrack(first, Scope(3, 3)))
    empty.apply(SetMask(second, 2, box(0, 0)))  # now it begins before its mother
    do(empty, SplitTrack(second, 6))
    assert parents(empty) == {second: first}


def test_a_swap_that_leaves_nothing_of_the_mother_drops_the_link(empty):
    track_of_frames(empty, 0, 3)
    track_of_frames(empty, 4, 7)
    empty.apply(LinkDivision(1, (2,)))
    do(empty, SwapIdentities(1, 2, Scope.from_here(4)))
    assert parents(empty) == {}
    assert [f.frame_index for f in empty.track_frames(1)] == list(range(8))


def test_linked_proposals_stay_proposals_and_count_as_touched(empty):
    run = empty.begin_run("propose", 1, {})
    for frame in range(6):
        empty.stage(run, frame, [StagedMask(int(frame > 2), box(frame, 3))])
    empty.stage_instances(run, [StagedInstance(0, "cat", 0.9), StagedInstance(1, "cat", 0.8)])
    empty.finish_run(run)
    empty.apply(AcceptRun(run))
    mother, daughter = sorted(t.id for t in empty.tracks(1))
    do(empty, LinkDivision(mother, (daughter,)))
    untouched = TrackFilter(untouched_only=True)
    assert {t.state for t in empty.tracks(1)} == {TrackState.PROPOSED}
    assert empty.find_tracks(1, untouched) == []
    do(empty, UnlinkTracks((daughter,)))
    assert {t.state for t in empty.tracks(1)} == {TrackState.PROPOSED}
    assert empty.find_tracks(1, untouched) == [mother, daughter]


def test_only_tracks_of_one_video_are_linked(empty):
    track_of_frames(empty, 0, 3)
    empty.apply(NewTrack(2, 1, 5, box(0, 0)))
    with pytest.raises(EditError, match="Only tracks of one video"):
        empty.apply(LinkDivision(1, (2,)))


def test_an_export_carries_links_and_an_import_brings_them_back(family, tmp_path):
    path = tmp_path / "out.json"
    export_project(family, path, ExportFormat.YTVIS, ALL)
    file = read_ytvis(path)
    assert {t.id: t.parent_id for t in file.tracks} == {1: None, 2: 1, 3: 1}
    assert validate_ytvis(path) == []
    with Project.create(tmp_path / "q.ifcproj") as other:
        fill(other)
        new_track(other, (0, 0, 0))
        report = import_annotations(other, path)
        assert report.tracks == 3
        assert parents(other) == {3: 2, 4: 2}
        before = state_of(other)
        other.undo()
        assert parents(other) == {}
        other.redo()
        assert state_of(other) == before


def test_links_of_a_file_that_make_no_sense_are_left_out_with_a_word(family, tmp_path):
    path = tmp_path / "out.json"
    export_project(family, path, ExportFormat.YTVIS, ALL)
    file = read_ytvis(path)
    ring = {1: 2, 2: 1, 3: 77}
    tracks = tuple(replace(t, parent_id=ring[t.id]) for t in file.tracks)
    write_ytvis(replace(file, tracks=tracks), path)
    places = [problem.where for problem in validate_ytvis(path)]
    assert "annotations[2].ifc_studio.parent" in places
    with Project.create(tmp_path / "q.ifcproj") as other:
        fill(other)
        report = import_annotations(other, path)
        assert any(note.endswith("were left out: 2.") for note in report.notes)
        assert parents(other) == {2: 1}


@pytest.mark.parametrize("bad", ["1", 1.0, True, -1, [1]])
def test_a_parent_that_is_no_id_is_a_problem_of_the_file(family, tmp_path, bad):
    path = tmp_path / "out.json"
    export_project(family, path, ExportFormat.YTVIS, ALL)
    raw = json.loads(path.read_text())
    raw["annotations"][1]["ifc_studio"]["parent"] = bad
    path.write_text(json.dumps(raw))
    (problem,) = validate_ytvis(path)
    assert problem.where == "annotations[1].ifc_studio.parent"


def test_a_daughter_that_is_exported_alone_has_no_parent(family, tmp_path):
    family.apply(RejectTracks((1,)))
    path = tmp_path / "out.json"
    export_project(family, path, ExportFormat.YTVIS, ALL)
    assert {t.parent_id for t in read_ytvis(path).tracks} == {None}
    assert validate_ytvis(path) == []


def test_cell_tracking_folders_keep_divisions(family, tmp_path):
    family.apply(TrimTrack(3, Scope(4, 5)))
    export_project(family, tmp_path / "ctc", ExportFormat.CTC, ALL)
    (text,) = (tmp_path / "ctc").rglob("res_track.txt")
    assert text.read_text().splitlines() == ["1 0 3 0", "2 4 7 1", "3 4 5 1"]
    with Project.create(tmp_path / "q.ifcproj") as other:
        other.apply(AddVideo(video(text.parent.name.removesuffix("_RES") + ".mp4", "1-cc")))
        import_annotations(other, tmp_path / "ctc", ExportFormat.CTC)
        assert parents(other) == {2: 1, 3: 1}


def test_a_ring_is_found_wherever_one_begins_to_look():
    links = {1: 2, 2: 3, 3: 4, 4: 2, 5: 1, 6: 7}
    assert sorted(rings_of(links)) == [2, 3, 4]
    assert list(rings_of({9: 9})) == [9]
    assert list(rings_of({n: n + 1 for n in range(50_000)})) == []


def test_what_is_no_number_is_no_parent(family):
    family._db.execute("UPDATE tracks SET parent_id = x'00' WHERE id = 2")
    assert family.track(2).parent_id is None
    assert len(family.check()) == 1
    family.apply(SplitTrack(1, 2))
    assert parents(family) == {3: 4}


def test_check_finds_rings(family):
    family._db.execute("UPDATE tracks SET parent_id = 2 WHERE id = 1")
    assert [fault for fault in family.check() if "descends" in fault] == [
        "Track 1 descends from itself.",
        "Track 2 descends from itself.",
    ]


def test_check_finds_links_that_lead_nowhere(family):
    assert family.check() == []
    family._db.execute("UPDATE tracks SET parent_id = 50 WHERE id = 2")
    family._db.execute("UPDATE tracks SET parent_id = 3 WHERE id = 3")
    faults = family.check()
    assert len(faults) == 2
    assert all("descends from one that its video does not have" in fault for fault in faults)
