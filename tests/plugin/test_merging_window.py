"""Merging two parts of one object in a real window."""

import pytest
from fake_engine import SIZE, disc

from ifc_core.structures import RLEMask

pytestmark = pytest.mark.window


@pytest.fixture
def desk(tidied_desk):
    return tidied_desk


@pytest.fixture
def parts(desk):
    """Two tracks on one frame, side by side, the left one first."""
    left = desk.corrected()
    desk.studio.select(())
    (right,) = desk.editor.commit_rle(disc(SIZE, (20, 48), 6), "Paint").tracks_added
    desk.studio.select((left, right))
    return left, right


def test_masks_are_joined_where_one_asks_for_it(desk, parts):
    left, right = parts
    whole = RLEMask.union(desk.project.mask(i, 3).rle for i in parts)
    found = [action.id for action in desk.studio.actions.search("merge union")]
    assert "track.merge_joined" in found
    assert desk.studio.run_action("track.merge_joined")
    assert desk.project.mask(left, 3).rle == whole
    assert desk.said == f"Merged track {right} into track {left}. Masks were joined on 1 frame."
    assert desk.studio.run_action("edit.undo")
    assert desk.project.mask(right, 3).rle == disc(SIZE, (20, 48), 6)


def test_a_merge_that_leaves_a_mask_out_says_whose_stayed_and_what_keeps_both(desk, parts):
    left, _ = parts
    assert desk.studio.run_action("track.merge")
    assert f"of which that of track {left} was kept." in desk.said
    assert "choose Merge tracks, masks joined" in desk.said
