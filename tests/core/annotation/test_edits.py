"""What each edit does, and that undo takes exactly that back."""

import numpy as np
import pytest

from ifc_core.annotation import Scope, TrackFilter
from ifc_core.annotation.edits import (
    ApproveFrames,
    ApproveTracks,
    Batch,
    ClearMasks,
    CopyMask,
    DeleteTracks,
    ExtendTrack,
    InterpolateMasks,
    MarkAbsent,
    MergeTracks,
    NewTrack,
    OverlapRule,
    PatchMask,
    RejectMasks,
    RejectTracks,
    RelabelTracks,
    RemoveCategory,
    RemoveVideo,
    RestoreTracks,
    SetCategory,
    SetMask,
    SetTrack,
    SetVideo,
    SetZOrder,
    SplitTrack,
    SwapIdentities,
    TrimTrack,
    UnapproveFrames,
)
from ifc_core.annotation.transaction import EditTransaction
from ifc_core.errors import EditError
from ifc_core.structures import (
    Category,
    FrameState,
    MaskSource,
    RLEMask,
    TrackKind,
    TrackState,
)

from .conftest import NUM_FRAMES, SIZE, box, state_of


def frames(project, track_id):
    return {f.frame_index: f for f in project.track_frames(track_id)}


def new_track(project, *boxes, category=1):
    """A track with a human mask on each (frame, row, column)."""
    track_id = project.apply(NewTrack(1, category)).tracks_added[0]
    for frame_index, top, left in boxes:
        project.apply(SetMask(track_id, frame_index, box(top, left)))
    return track_id


def do(project, edit):
    """Apply an edit after making sure that undo and redo are exact."""
    before = state_of(project)
    result = project.apply(edit)
    after = state_of(project)
    assert (result.seq > 0) == (before != after)
    if before != after:
        undone = project.undo()
        assert state_of(project) == before
        assert undone.changed_frames == result.changed_frames
        assert undone.tracks_added == result.tracks_removed
        project.redo()
        assert state_of(project) == after
    return result


def test_set_mask_stores_a_human_record_with_time_and_name(project):
    result = do(project, SetMask(1, 4, box(3, 3), seconds_spent=2.5, tool="Fill"))
    record = project.mask(1, 4)
    assert record.rle == box(3, 3)
    assert (record.source, record.state) == (MaskSource.HUMAN, FrameState.CORRECTED)
    assert result.label == "Fill track 1, frame 4"
    assert result.changed_frames == {1: (4,)}
    stored = project._db.execute(
        "SELECT annotators.name, seconds_spent, run_id FROM masks "
        "JOIN annotators ON annotators.id = annotator_id WHERE masks.id = ?",
        (record.id,),
    )
    assert stored.fetchone() == ("ann", 2.5, None)


def test_records_are_appended_and_old_ones_stay(project):
    old = project.mask(1, 2)
    do(project, SetMask(1, 2, box(9, 9)))
    new = project.mask(1, 2)
    assert new.id > old.id
    assert new.revision == old.revision + 1
    project.undo()
    assert project.mask(1, 2) == old


@pytest.mark.parametrize("corner", [(0, 0), (14, 22), (5, 10)])
def test_patch_mask_changes_only_its_rectangle(project, corner):
    top, left = corner
    patch = np.array([[1, 0, 1], [1, 1, 0]], dtype=bool)
    expected = project.mask(1, 2).rle.to_array().copy()
    expected[top : top + 2, left : left + 3] = patch
    do(project, PatchMask(1, 2, top, left, patch))
    assert np.array_equal(project.mask(1, 2).rle.to_array(), expected)


def test_patch_mask_begins_a_mask_where_there_is_none(project):
    do(project, PatchMask(1, 9, 2, 2, np.ones((3, 4), dtype=bool)))
    assert project.mask(1, 9).rle == box(2, 2, 3, 4)


def test_erasing_everything_means_absent(project):
    do(project, SetMask(1, 2, RLEMask.empty(SIZE)))
    record = project.mask(1, 2)
    assert record.rle is None
    assert record.state is FrameState.ABSENT
    assert project.masks_at(1, 2) == []


def test_the_three_states_stay_apart(project):
    do(project, MarkAbsent(1, Scope.this_frame(4)))
    assert project.mask(1, 3) is None
    assert project.mask(1, 4).rle is None
    assert project.mask(1, 2).rle is not None


def test_mark_absent_from_here_on(project):
    do(project, MarkAbsent(1, Scope.from_here(6)))
    states = frames(project, 1)
    assert set(states) == {2, *range(6, NUM_FRAMES)}
    assert {states[f].state for f in range(6, NUM_FRAMES)} == {FrameState.ABSENT}


def test_clear_masks_of_proposals_spares_human_work(project):
    project.apply(InterpolateMasks(1, 2, 6))
    result = do(project, ClearMasks((1,), Scope.whole(), proposals_only=True))
    assert set(frames(project, 1)) == {2, 6}
    assert "kept" in result.note
    do(project, ClearMasks((1,), Scope.whole()))
    assert frames(project, 1) == {}


def test_clear_masks_by_area(project):
    project.apply(SetMask(1, 4, box(0, 0, 2, 2)))
    project.apply(MarkAbsent(1, Scope.this_frame(5)))
    do(project, ClearMasks((1,), Scope.whole(), area_below_px=5))
    assert set(frames(project, 1)) == {2, 5, 6}


def test_copy_mask(project):
    do(project, CopyMask(1, 2, (3, 6)))
    assert project.mask(1, 3).rle == project.mask(1, 6).rle == box(1, 2)
    copied = project.mask(1, 6)
    assert (copied.source, copied.state) == (MaskSource.HUMAN, FrameState.CORRECTED)


def test_interpolation_moves_on_a_line_and_keeps_reviewed_frames(project):
    project.apply(SetMask(1, 3, box(0, 0)))
    result = do(project, InterpolateMasks(1, 2, 6))
    assert project.mask(1, 3).rle == box(0, 0)
    middle = project.mask(1, 4)
    assert middle.rle == box(6, 11)
    assert (middle.source, middle.state) == (MaskSource.DERIVED, FrameState.PROPOSED)
    assert result.changed_frames == {1: (4, 5)}
    assert "1 reviewed" in result.note


def test_extend_fills_only_what_is_not_annotated(project):
    project.apply(MarkAbsent(1, Scope.this_frame(8)))
    do(project, ExtendTrack(1, 10))
    assert set(frames(project, 1)) == {2, 6, 7, 8, 9, 10}
    assert project.mask(1, 8).rle is None
    assert project.mask(1, 10).rle == box(11, 20)
    do(project, ExtendTrack(1, 0))
    assert project.mask(1, 0).rle == box(1, 2)


def test_filling_may_be_limited_to_some_frames(project):
    do(project, InterpolateMasks(1, 2, 6, Scope(4, 9)))
    assert set(frames(project, 1)) == {2, 4, 5, 6}
    do(project, ExtendTrack(1, 11, Scope(8, 9)))
    do(project, ExtendTrack(1, 0, Scope.this_frame(0)))
    assert set(frames(project, 1)) == {0, 2, 4, 5, 6, 8, 9}


def test_trim(project):
    do(project, TrimTrack(1, Scope(3, 11)))
    assert set(frames(project, 1)) == {6}


def test_a_frame_from_which_a_mask_was_taken_away_is_complete_no_longer(project):
    project.apply(MarkAbsent(1, Scope.this_frame(4)))
    project.apply(ApproveFrames(1, Scope(1, 7)))
    result = do(project, ClearMasks((1,), Scope(3, 5)))
    assert result.note == "Approved as complete no longer: 1 frame."
    assert project.exhaustive_frames(1) == [1, 2, 3, 5, 6, 7]
    do(project, TrimTrack(1, Scope(0, 3)))
    assert project.exhaustive_frames(1) == [1, 2, 3, 5, 7]


def test_a_rejected_mask_that_is_taken_away_leaves_its_frame_complete(project):
    project.apply(ApproveFrames(1, Scope(2, 6)))
    project.apply(RejectMasks((1,), Scope.this_frame(2)))
    do(project, ClearMasks((1,), Scope.this_frame(2)))
    project.apply(RejectTracks((1,)))
    do(project, TrimTrack(1, Scope(0, 3)))
    assert frames(project, 1) == {}
    assert project.exhaustive_frames(1) == [2, 3, 4, 5, 6]


def test_new_track_lies_on_top_in_a_fresh_colour(project):
    second = new_track(project, (2, 1, 2))
    tracks = project.tracks(1)
    assert [t.id for t in tracks] == [1, second]
    assert tracks[0].color_rgb != tracks[1].color_rgb
    assert [r.track_id for r in project.masks_at(1, 2)] == [1, second]


def test_overlapping_masks_keep_their_hidden_pixels(project):
    second = new_track(project, (2, 1, 2))
    do(project, SetZOrder(1, (second, 1)))
    assert [r.track_id for r in project.masks_at(1, 2)] == [second, 1]
    assert [r.rle for r in project.masks_at(1, 2)] == [box(1, 2), box(1, 2)]


def test_delete_tracks(project):
    result = do(project, DeleteTracks((1,)))
    assert result.tracks_removed == (1,)
    assert project.tracks(1) == []
    assert project.masks_at(1, 2) == []
    with pytest.raises(EditError, match="does not exist"):
        project.apply(SetMask(1, 2, box(1, 1)))


def test_relabel_the_whole_track_and_from_a_frame_on(project):
    do(project, RelabelTracks((1,), 2))
    assert project.track(1).category_id == 2
    result = do(project, RelabelTracks((1,), 1, Scope.from_here(6)))
    (new,) = result.tracks_added
    assert project.track(1).category_id == 2
    assert project.track(new).category_id == 1
    assert set(frames(project, 1)) == {2}
    assert project.mask(new, 6).rle == box(11, 20)


def test_relabelling_looks_at_no_mask_where_none_is_left_out(project, monkeypatch):
    monkeypatch.setattr(EditTransaction, "pointers", None)
    for scope in (Scope(), Scope(0, None), Scope(2, 6), Scope(0, 90)):
        do(project, RelabelTracks((1,), 3 - project.track(1).category_id, scope))
        assert len(project.tracks(1)) == 1
    with pytest.raises(TypeError):  # a frame is left out
        project.apply(RelabelTracks((1,), 1, Scope(3, 6)))


def test_split_and_merge_are_opposites(project):
    before = {f: project.mask(1, f).rle for f in frames(project, 1)}
    (new,) = do(project, SplitTrack(1, 5)).tracks_added
    assert set(frames(project, 1)) == {2}
    assert set(frames(project, new)) == {6}
    assert do(project, MergeTracks(1, (new,))).note == ""
    assert {f: project.mask(1, f).rle for f in frames(project, 1)} == before


def test_split_needs_frames_on_both_sides(project):
    before = state_of(project)
    with pytest.raises(EditError, match="no frames on one side"):
        project.apply(SplitTrack(1, 2))
    assert state_of(project) == before


def test_swap_identities_from_a_frame_on(project):
    other = new_track(project, (2, 9, 9), (8, 3, 3))
    do(project, SwapIdentities(1, other, Scope.from_here(5)))
    assert set(frames(project, 1)) == {2, 8}
    assert set(frames(project, other)) == {2, 6}
    assert project.mask(1, 8).track_id == 1
    assert project.mask(other, 6).rle == box(11, 20)


def test_a_swap_leaves_no_track_without_frames(project):
    other = new_track(project, (8, 3, 3))
    mine = frames(project, 1)
    project.apply(ApproveTracks((other,)))
    result = do(project, SwapIdentities(1, other, Scope(0, 6)))  # its undo is exact, too
    assert [track.id for track in project.tracks(1)] == [other]
    assert set(frames(project, other)) == {*mine, 8}
    assert result.note == "Nothing is left of track 1, which was removed."
    project.undo()
    result = do(project, SwapIdentities(1, other, Scope.from_here(3)))
    assert result.note == ""  # each has something left


def test_a_track_that_says_absent_stays_after_a_swap(project):
    other = project.apply(NewTrack(1, 1)).tracks_added[0]
    project.apply(MarkAbsent(1, Scope.this_frame(9)))
    do(project, SwapIdentities(1, other, Scope(0, 8)))
    assert set(frames(project, 1)) == {9}


def test_set_track_name_kind_colour(project):
    do(project, SetTrack(1, name="Tom", kind=TrackKind.CROWD, color_rgb=(9, 8, 7)))
    track = project.track(1)
    assert (track.name, track.kind, track.color_rgb) == ("Tom", TrackKind.CROWD, (9, 8, 7))


def test_approving_frames_sets_states_and_the_flag(project):
    project.apply(InterpolateMasks(1, 2, 6))
    result = do(project, ApproveFrames(1, Scope(2, 4)))
    assert project.exhaustive_frames(1) == [2, 3, 4]
    assert result.reviewed_frames == {1: (2, 3, 4)}
    states = {f: p.state for f, p in frames(project, 1).items()}
    assert states[3] is FrameState.APPROVED
    assert states[5] is FrameState.PROPOSED
    do(project, UnapproveFrames(1, Scope(2, 3)))
    assert project.exhaustive_frames(1) == [4]
    assert frames(project, 1)[3].state is FrameState.PROPOSED
    assert frames(project, 1)[2].state is FrameState.CORRECTED


def test_frames_between_the_annotated_ones_are_not_approved_with_them(project):
    project.apply(SetVideo(1, annotation_step=3))
    project.apply(ExtendTrack(1, 9))
    do(project, ApproveFrames(1, Scope(5, 10), at_annotation_step=True))
    assert project.exhaustive_frames(1) == [6, 9]
    approved = {f for f, p in frames(project, 1).items() if p.state is FrameState.APPROVED}
    assert approved == {6, 9}
    do(project, ApproveFrames(1, Scope(5, 7)))
    assert project.exhaustive_frames(1) == [5, 6, 7, 9]


def test_what_a_person_made_stays_corrected_when_an_approval_is_taken_back(project):
    other = new_track(project, (2, 2, 3))
    project.apply(CopyMask(1, 2, (4,)))
    project.apply(MergeTracks(1, (other,), OverlapRule.UNION))
    assert project.mask(1, 2).source is MaskSource.HUMAN
    do(project, ApproveFrames(1, Scope(2, 4)))
    do(project, UnapproveFrames(1, Scope(2, 4)))
    states = {f: p.state for f, p in frames(project, 1).items()}
    assert states == dict.fromkeys((2, 4, 6), FrameState.CORRECTED)


def test_a_union_of_proposals_is_one(project):
    other = new_track(project, (2, 0, 0), (6, 0, 0))
    for track_id in (1, other):
        project.apply(InterpolateMasks(track_id, 2, 6))
    do(project, MergeTracks(1, (other,), OverlapRule.UNION))
    both = project.mask(1, 4)
    assert (both.source, both.state) == (MaskSource.DERIVED, FrameState.PROPOSED)


def test_a_restored_track_keeps_what_a_person_drew(project):
    project.apply(InterpolateMasks(1, 2, 6))
    project.apply(RejectMasks((1,), Scope(2, 3)))
    do(project, RestoreTracks((1,)))
    assert frames(project, 1)[2].state is FrameState.CORRECTED
    assert frames(project, 1)[3].state is FrameState.PROPOSED


def test_approve_reject_restore_tracks(project):
    do(project, ApproveTracks((1,)))
    assert project.track(1).state is TrackState.APPROVED
    assert frames(project, 1)[2].state is FrameState.APPROVED
    do(project, RejectTracks((1,)))
    assert project.masks_at(1, 2) == []
    assert len(project.masks_at(1, 2, include_hidden=True)) == 1
    assert project.tracks(1, include_rejected=False) == []
    do(project, RestoreTracks((1,)))
    assert project.track(1).state is TrackState.CORRECTED
    assert len(project.masks_at(1, 2)) == 1


def test_reject_masks_hides_them(project):
    do(project, RejectMasks((1,), Scope.this_frame(2)))
    assert project.masks_at(1, 2) == []
    assert project.mask(1, 2).state is FrameState.REJECTED


def test_categories(project):
    do(project, SetCategory(Category(3, "bird")))
    do(project, SetCategory(Category(1, "lion", "cats")))
    assert [c.name for c in project.categories()] == ["lion", "dog", "bird"]
    with pytest.raises(EditError, match="already"):
        project.apply(SetCategory(Category(4, "dog")))
    with pytest.raises(EditError, match="1 tracks are lion"):
        project.apply(RemoveCategory(1))
    do(project, RemoveCategory(1, replace_with=3))
    assert project.track(1).category_id == 3


def test_no_category_gets_the_id_of_one_that_was_removed(project):
    highest = max(category.id for category in project.categories())
    assert project.free_category_id() == highest + 1
    project.apply(SetCategory(Category(highest + 1, "bolt")))
    project.apply(RemoveCategory(highest + 1))
    assert project.free_category_id() == highest + 2
    project.undo()
    project.undo()
    assert project.free_category_id() == highest + 2  # redo would bring it back
    project._db.execute("DELETE FROM meta WHERE key = 'highest_category'")  # an older project
    project.apply(SetCategory(Category(highest + 1, "bolt")))
    project._db.execute("DELETE FROM meta WHERE key = 'highest_category'")
    project.apply(RemoveCategory(highest + 1))
    assert project.free_category_id() == highest + 2


def test_videos(project):
    do(project, SetVideo(1, name="b"))
    assert project.video(1).name == "b_2"
    do(project, RemoveVideo(1))
    assert [v.id for v in project.videos()] == [2]
    assert project._db.execute("SELECT count(*) FROM current").fetchone()[0] == 0


def test_a_batch_is_one_step_and_all_or_nothing(project):
    before = state_of(project)
    edits = (SetMask(1, 3, box(0, 0)), SetMask(1, 3, box(1, 1)), NewTrack(1, 2, 3, box(5, 5)))
    result = do(project, Batch(edits, "Three things"))
    assert result.label == "Three things"
    assert project.history(1)[0].num_masks == 2
    assert result.masks_gained == 2
    with pytest.raises(EditError):
        project.apply(Batch((SetMask(1, 4, box(0, 0)), DeleteTracks((99,)))))
    assert project.mask(1, 4) is None
    project.undo()
    assert state_of(project) == before


def test_bulk_filters(project):
    other = new_track(project, (0, 0, 0), category=2)
    project.apply(SetMask(other, 0, box(0, 0, 1, 1)))
    assert project.find_tracks(1, TrackFilter(mean_area_below_px=10)) == [other]
    assert project.find_tracks(1, TrackFilter(category_ids=(1,))) == [1]
    assert project.find_tracks(1, TrackFilter(fewer_frames_than=2)) == [other]
    assert project.find_tracks(1, TrackFilter(scope=Scope(4, 8))) == [1]
    assert project.find_tracks(1, TrackFilter(untouched_only=True)) == []
    assert project.find_tracks(1, TrackFilter(states=(TrackState.CORRECTED,))) == [1, other]


def test_review_counts(project):
    project.apply(InterpolateMasks(1, 2, 6))
    project.apply(MarkAbsent(1, Scope.this_frame(9)))
    project.apply(ApproveFrames(1, Scope.this_frame(2)))
    review = project.review(1)
    counts = (review.proposed, review.corrected, review.approved, review.absent)
    assert counts == (3, 1, 1, 1)
    assert (review.exhaustive, review.annotated, review.num_frames) == (1, 5, NUM_FRAMES)


@pytest.mark.parametrize(
    "edit",
    [
        SetMask(7, 0, box(0, 0)),
        SetMask(1, NUM_FRAMES, box(0, 0)),
        SetMask(1, 0, RLEMask.empty((3, 3))),
        NewTrack(9, 1),
        NewTrack(1, 9),
        CopyMask(1, 5, (6,)),
        InterpolateMasks(1, 2, 5),
        InterpolateMasks(1, 6, 2),
        MergeTracks(1, ()),
        SwapIdentities(1, 1, Scope()),
        SetZOrder(1, (4,)),
        MarkAbsent(1, Scope.from_here(50)),
        Batch(()),
    ],
    ids=lambda e: type(e).__name__,
)
def test_an_edit_that_does_not_fit_changes_nothing(project, edit):
    before, history = state_of(project), project.history()
    with pytest.raises(EditError) as caught:
        project.apply(edit)
    assert caught.value.path == project.folder
    assert state_of(project) == before
    assert project.history() == history


def test_an_edit_without_effect_is_not_in_the_history(project):
    history = project.history()
    assert project.apply(TrimTrack(1, Scope())).seq == 0
    assert project.history() == history


def test_integers_of_numpy_are_integers(project):
    track, frame = np.int64(1), np.int32(4)
    do(project, SetMask(track, frame, box(3, 3)))
    do(project, ApproveFrames(np.int64(1), Scope(np.int64(4), np.int64(5))))
    assert project.mask(1, 4).rle == box(3, 3)
    assert project.exhaustive_frames(1) == [4, 5]
    kinds = "SELECT DISTINCT typeof(frame_index), typeof(track_id) FROM current"
    assert project._db.execute(kinds).fetchall() == [("integer", "integer")]
    assert project.check() == []
