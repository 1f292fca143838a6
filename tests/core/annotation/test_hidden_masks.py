"""A mask that was rejected is hidden: no edit begins with it, and nothing counts it as shown."""

import numpy as np
import pytest

from ifc_core.annotation import Scope, TrackFilter
from ifc_core.annotation.edits import (
    CopyMask,
    ExtendTrack,
    InterpolateMasks,
    PatchMask,
    RejectMasks,
    RejectTracks,
    SeparatePieces,
)
from ifc_core.errors import EditError
from ifc_core.structures import FrameState, RLEMask

from .conftest import SIZE, box


@pytest.fixture
def half_hidden(project):
    """Track 1 shows a mask on frame 2; that of frame 6 is rejected."""
    project.apply(RejectMasks((1,), Scope.this_frame(6)))
    return project


def test_a_track_is_extended_from_its_last_mask_that_is_shown(half_hidden):
    half_hidden.apply(ExtendTrack(1, 8))
    frames = {f.frame_index: f.state for f in half_hidden.track_frames(1)}
    assert list(frames) == [2, 3, 4, 5, 6, 7, 8]
    assert frames[6] is FrameState.REJECTED
    assert half_hidden.mask(1, 8).rle == box(1, 2)


def test_a_track_of_hidden_masks_alone_has_none_to_extend(half_hidden):
    half_hidden.apply(RejectMasks((1,), Scope.this_frame(2)))
    with pytest.raises(EditError, match="no mask to extend"):
        half_hidden.apply(ExtendTrack(1, 8))


@pytest.mark.parametrize(
    "edit",
    [CopyMask(1, 6, (7,)), InterpolateMasks(1, 2, 6), SeparatePieces(1, 6)],
    ids=lambda e: type(e).__name__,
)
def test_a_hidden_mask_is_neither_copied_nor_blended_nor_taken_apart(half_hidden, edit):
    history = half_hidden.history()
    with pytest.raises(EditError):
        half_hidden.apply(edit)
    assert half_hidden.history() == history


def test_a_stroke_on_a_hidden_mask_begins_a_new_one(half_hidden):
    half_hidden.apply(PatchMask(1, 6, 0, 0, np.ones((2, 3), bool)))
    expected = np.zeros(SIZE, bool)
    expected[:2, :3] = True
    assert half_hidden.mask(1, 6).rle == RLEMask.from_array(expected)


def test_filters_and_counts_know_what_is_shown_alone(half_hidden):
    assert half_hidden.find_tracks(1, TrackFilter(frames_at_least=2)) == []
    assert half_hidden.find_tracks(1, TrackFilter(fewer_frames_than=2)) == [1]
    assert half_hidden.find_tracks(1, TrackFilter(scope=Scope(5, 7))) == []
    assert half_hidden.review(1).annotated == 1
    half_hidden.apply(RejectTracks((1,)))
    assert half_hidden.review(1).annotated == 0
