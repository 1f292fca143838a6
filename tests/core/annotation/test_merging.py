"""Merging tracks: which mask stays where both have one, and what it costs for many."""

import pytest

from ifc_core.annotation import Scope
from ifc_core.annotation.edits import (
    Batch,
    InterpolateMasks,
    MarkAbsent,
    MergeTracks,
    OverlapRule,
    RejectMasks,
)
from ifc_core.structures import FrameState, RLEMask

from .conftest import box
from .test_edits import do, frames, new_track


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (OverlapRule.KEEP, box(1, 2)),
        (OverlapRule.TAKE, box(2, 3)),
        (OverlapRule.UNION, RLEMask.union([box(1, 2), box(2, 3)])),
        (OverlapRule.PREFER_HUMAN, box(1, 2)),
    ],
)
def test_merge_overlap_rules(project, rule, expected):
    other = new_track(project, (2, 2, 3), (7, 0, 0))
    result = do(project, MergeTracks(1, (other,), rule))
    assert ("On 1 frame both" in result.note) == (rule is not OverlapRule.UNION)
    assert project.mask(1, 2).rle == expected
    assert project.mask(1, 7).rle == box(0, 0)


def test_merge_prefers_a_human_mask_over_a_proposal_and_a_mask_over_absent(project):
    project.apply(InterpolateMasks(1, 2, 6))
    project.apply(MarkAbsent(1, Scope.this_frame(8)))
    other = new_track(project, (4, 0, 0), (8, 2, 2))
    do(project, MergeTracks(1, (other,)))
    assert project.mask(1, 4).rle == box(0, 0)
    assert project.mask(1, 8).rle == box(2, 2)


@pytest.mark.parametrize("rule", list(OverlapRule))
def test_merging_many_is_merging_one_after_the_other(project, rule):
    others = [new_track(project, (2, n, n), (n, 3, 3), (6, 11, n)) for n in (3, 4, 5)]
    project.apply(MarkAbsent(others[1], Scope(4, 6)))
    for other in others:
        project.apply(MergeTracks(1, (other,), rule))
    expected = {
        f: (m.state, m.revision, project.mask(1, f).rle) for f, m in frames(project, 1).items()
    }
    for _ in others:
        project.undo()
    do(project, MergeTracks(1, tuple(others), rule))
    found = {
        f: (m.state, m.revision, project.mask(1, f).rle) for f, m in frames(project, 1).items()
    }
    assert found == expected


@pytest.mark.parametrize("merges", [True, False])
def test_an_edit_of_many_tracks_asks_for_the_video_and_the_kept_track_once(project, merges):
    others = [new_track(project, (3, 0, n)) for n in range(12)]
    absent = Batch(tuple(MarkAbsent(other, Scope.this_frame(3)) for other in others))
    asked = []
    project._db.set_trace_callback(asked.append)
    project.apply(MergeTracks(1, tuple(others)) if merges else absent)
    project._db.set_trace_callback(None)
    assert sum("FROM videos" in query for query in asked) < 4
    assert sum("FROM current WHERE track_id = 1 " in query for query in asked) < 4


@pytest.mark.parametrize("rule", list(OverlapRule))
@pytest.mark.parametrize("is_kept_rejected", [True, False])
def test_merge_takes_a_rejected_mask_only_where_there_is_nothing(project, rule, is_kept_rejected):
    project.apply(MarkAbsent(1, Scope.this_frame(8)))
    other = new_track(project, (2, 0, 0), (3, 0, 0), (8, 0, 0))
    project.apply(RejectMasks((other,), Scope(2, 8)))
    kept, given = (other, 1) if is_kept_rejected else (1, other)
    result = do(project, MergeTracks(kept, (given,), rule))
    assert result.note == ""  # nothing visible was given up
    assert project.mask(kept, 2).rle == box(1, 2)
    assert project.mask(kept, 2).state is FrameState.CORRECTED
    assert project.mask(kept, 3).state is FrameState.REJECTED
    assert project.mask(kept, 8).state is FrameState.ABSENT


@pytest.mark.parametrize(
    ("rule", "note"),
    [
        (
            OverlapRule.KEEP,
            "On 2 frames both tracks had a mask, of which that of track 1 was kept.",
        ),
        (
            OverlapRule.TAKE,
            "On 2 frames both tracks had a mask, of which that of track {other} was kept.",
        ),
        (
            OverlapRule.PREFER_HUMAN,
            "On 2 frames both tracks had a mask: that of track 1 was kept on 1, of track {other} "
            "on 1.",
        ),
        (OverlapRule.UNION, "Masks were joined on 2 frames."),
    ],
)
def test_a_merge_says_whose_masks_stayed(project, rule, note):
    project.apply(InterpolateMasks(1, 2, 6))  # what it fills in is nobody's own
    other = new_track(project, (2, 2, 3), (4, 0, 0), (7, 0, 0))
    result = do(project, MergeTracks(1, (other,), rule))
    assert result.note == note.format(other=other)


def test_masks_are_joined_on_each_frame_and_come_back_with_undo(project):
    project.apply(InterpolateMasks(1, 2, 6))
    other = new_track(project, (2, 2, 3), (4, 0, 0), (7, 0, 0))
    before = {f: project.mask(1, f).rle for f in (2, 4)}
    do(project, MergeTracks(1, (other,), OverlapRule.UNION))
    assert project.mask(1, 4).rle == RLEMask.union([before[4], box(0, 0)])
    assert project.mask(1, 4).state is FrameState.CORRECTED
    assert project.mask(1, 7).rle == box(0, 0)
    project.undo()
    assert {f: project.mask(1, f).rle for f in (2, 4)} == before
    assert project.mask(other, 2).rle == box(2, 3)
