"""Two things in one mask become two tracks."""

import numpy as np
import pytest

from ifc_core.annotation import Scope, StagedInstance, StagedMask
from ifc_core.annotation.edits import (
    AcceptRun,
    ApproveTracks,
    NewTrack,
    RejectMasks,
    SeparatePieces,
    SetMask,
)
from ifc_core.annotation.mask_pieces import find_pieces, follow, take_apart
from ifc_core.errors import EditError
from ifc_core.structures import FrameState, MaskSource, RLEMask, TrackState

from .conftest import SIZE, box
from .test_edits import do, frames


def joined(*masks):
    """Several masks as one."""
    return RLEMask.union(masks)


LARGE, SMALL, CRUMB = box(2, 2, 6, 6), box(10, 20, 4, 4), box(17, 2, 1, 2)


def moved(right):
    """Both things, further to the right."""
    return box(2, 2 + right, 6, 6), box(10, 20 + right, 4, 4)


@pytest.fixture
def pair(empty):
    """Track 1 of both things on frame 3, painted, and as proposals on 4 to 7, where they meet."""
    run_id = empty.begin_run("propose", 1, {})
    for frame in range(3, 9):
        both = joined(*moved(frame - 3)) if frame < 7 else box(2, 2, 12, 25)
        empty.stage(run_id, frame, [StagedMask(0, both)])
    empty.stage_instances(run_id, [StagedInstance(0, "dog", 0.4)])
    empty.finish_run(run_id)
    empty.apply(AcceptRun(run_id))
    return empty


def test_the_largest_piece_stays_and_the_other_is_a_track_of_the_class(pair):
    above = pair.apply(NewTrack(1, 1)).tracks_added[0]
    before = frames(pair, 1)
    result = do(pair, SeparatePieces(1, 3))
    (new,) = result.tracks_added
    assert result.label == "Separate track 1 into 2 tracks, frame 3"
    assert (pair.mask(1, 3).rle, pair.mask(new, 3).rle) == (LARGE, SMALL)
    for track_id in (1, new):
        record = pair.mask(track_id, 3)
        assert (record.source, record.state) == (MaskSource.HUMAN, FrameState.CORRECTED)
    header = pair.track(new)
    assert (header.category_id, header.score) == (pair.track(1).category_id, 0.4)
    assert header.state is TrackState.CORRECTED
    assert pair.track(1).state is TrackState.CORRECTED  # a person said something of it
    order = [track.id for track in pair.tracks(1)]
    assert order == [1, new, above]
    assert set(frames(pair, new)) == {3}
    assert {f: p for f, p in frames(pair, 1).items() if f > 3} == {
        f: p for f, p in before.items() if f > 3
    }


def test_no_pixel_is_lost_and_crumbs_stay(pair):
    pair.apply(SetMask(1, 3, joined(LARGE, SMALL, CRUMB)))
    (new,) = do(pair, SeparatePieces(1, 3)).tracks_added
    assert pair.mask(1, 3).rle == joined(LARGE, CRUMB)
    assert pair.mask(new, 3).rle == SMALL


def test_three_pieces_are_three_tracks(pair):
    third = box(2, 22, 3, 4)
    pair.apply(SetMask(1, 3, joined(LARGE, SMALL, third)))
    result = do(pair, SeparatePieces(1, 3))
    assert [pair.mask(i, 3).rle for i in sorted(result.tracks_added)] == [SMALL, third]


def test_onward_each_is_followed_until_they_cannot_be_told_apart(pair):
    result = do(pair, SeparatePieces(1, 3, onward=True))
    (new,) = result.tracks_added
    assert result.label == "Separate track 1 into 2 tracks, frames 3 to 6"
    assert result.note == (
        "From frame 7 on the pieces cannot be told apart, so the mask stays whole."
    )
    for frame in range(3, 7):
        assert (pair.mask(1, frame).rle, pair.mask(new, frame).rle) == moved(frame - 3)
        record = pair.mask(new, frame)
        is_seen = frame == 3  # nobody looked at the others yet
        assert record.source is (MaskSource.HUMAN if is_seen else MaskSource.DERIVED)
        assert record.state is (FrameState.CORRECTED if is_seen else FrameState.PROPOSED)
    assert pair.mask(1, 7).rle == box(2, 2, 12, 25)
    assert pair.mask(new, 7) is None


def test_onward_the_first_track_stays_with_its_thing_though_it_is_the_smaller_one_now(pair):
    pair.apply(SetMask(1, 4, joined(box(4, 4, 3, 3), box(9, 19, 8, 8))))
    pair.apply(RejectMasks((1,), Scope(5, 5)))  # passed over
    (new,) = do(pair, SeparatePieces(1, 3, onward=True)).tracks_added
    assert pair.mask(1, 4).rle == box(4, 4, 3, 3)
    assert pair.mask(new, 4).rle == box(9, 19, 8, 8)
    assert pair.mask(new, 4).source is MaskSource.HUMAN  # as what it was taken from
    assert pair.mask(new, 5) is None
    assert pair.mask(new, 6).rle == moved(3)[1]


def test_approved_masks_are_a_persons_afterwards(pair):
    pair.apply(ApproveTracks((1,)))
    (new,) = do(pair, SeparatePieces(1, 3, onward=True)).tracks_added
    assert {pair.mask(new, f).state for f in range(3, 7)} == {FrameState.CORRECTED}


@pytest.mark.parametrize("frame", [0, 7])
def test_what_is_in_one_piece_or_not_there_is_refused(pair, frame):
    with pytest.raises(EditError, match="not in several pieces"):
        pair.apply(SeparatePieces(1, frame))


def test_pieces_share_a_mask_out():
    rng = np.random.default_rng(3)
    for _ in range(20):
        rle = RLEMask.from_array(rng.random(SIZE) > 0.75)
        pieces = find_pieces(rle, 4)
        parts = take_apart(rle, pieces) if pieces else [rle]
        assert sum(part.area for part in parts) == rle.area
        assert RLEMask.union(parts) == rle
        areas = [piece.area_px for piece in pieces]
        assert areas == sorted(areas, reverse=True)
    assert find_pieces(RLEMask.empty(SIZE)) == []


def test_a_ring_and_what_lies_in_it_are_told_apart_though_they_have_one_centre():
    def both(right):
        whole = np.zeros(SIZE, bool)
        whole[2:15, 2 + right : 15 + right] = True
        whole[4:13, 4 + right : 13 + right] = False
        whole[6:11, 6 + right : 11 + right] = True
        return find_pieces(RLEMask.from_array(whole))

    ring, disc = both(0)
    moved_ring, moved_disc = both(1)
    assert follow([ring, disc], [moved_ring, moved_disc]) == [moved_ring, moved_disc]
    assert follow([disc, ring], [moved_ring, moved_disc]) == [moved_disc, moved_ring]
    assert follow([ring, disc], [moved_ring]) is None
