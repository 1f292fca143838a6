"""What tiles and the whole frame see of one object is put together; large ones are seen whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ifc_core.inference import tile_merger
from ifc_core.inference.results import FrameMask, FrameResult, InstanceSummary
from ifc_core.inference.tile_merger import TileMerger
from ifc_core.structures import RLEMask

SIZE = (40, 100)
LEFT, RIGHT, WHOLE = (0, 0, 60, 40), (40, 0, 60, 40), (0, 0, 100, 40)
LARGE_PX = 1000


def box(left, right, region):
    """A bar from column to column, as far as a tile sees it."""
    mask = np.zeros(SIZE, bool)
    mask[10:30, max(left, region[0]) : min(right, region[0] + region[2])] = True
    return RLEMask.from_array(mask) if mask.any() else None


def seen(frame, *bars):
    """What both tiles say of bars (left, right, id in the left tile, id in the right tile)."""
    tiles = []
    for place, region in ((2, LEFT), (3, RIGHT)):
        masks = [
            FrameMask(bar[place], rle, 0.1, 0.9, 0.8, 0)
            for bar in bars
            if (rle := box(bar[0], bar[1], region)) is not None
        ]
        tiles.append(FrameResult(frame, tuple(masks)))
    return tiles


def test_an_object_that_moves_from_tile_to_tile_keeps_its_number():
    merger = TileMerger((LEFT, RIGHT))
    frames = [merger.merge(seen(t, (5 + 8 * t, 20 + 8 * t, 4, 7))) for t in range(10)]
    assert [[m.instance_id for m in f.masks] for f in frames] == [[0]] * 10
    assert [f.masks[0].rle.bbox_xywh[0] for f in frames] == [5 + 8 * t for t in range(10)]
    assert frames[4].masks[0].rle.area == 15 * 20


def test_two_objects_stay_two():
    merger = TileMerger((LEFT, RIGHT))
    frame = merger.merge(seen(0, (2, 20, 0, 9), (80, 95, 9, 0)))
    assert [m.instance_id for m in frame.masks] == [0, 1]
    touching = merger.merge(seen(1, (42, 49, 1, 1), (51, 58, 2, 2)))
    assert len(touching.masks) == 2


def square(number, left, top, side):
    mask = np.zeros(SIZE, bool)
    mask[top : top + side, left : left + side] = True
    return FrameMask(number, RLEMask.from_array(mask), None, None, 0.9, 0)


def frame_of(frame, *regions):
    return [FrameResult(frame, tuple(masks)) for masks in regions]


def test_three_that_turn_out_to_be_one_on_the_same_frame_are_one():
    merger = TileMerger((LEFT, RIGHT, WHOLE), LARGE_PX)
    unlike = ([square(0, 42, 2, 5)], [square(0, 50, 20, 8)], [square(0, 45, 10, 20)])
    assert len(merger.merge(frame_of(0, *unlike)).masks) == 3
    alike = [[square(0, 44, 10, 12)]] * 3
    counts = [len(merger.merge(frame_of(t, *alike)).masks) for t in range(1, 6)]
    assert counts == [3, 3, 1, 1, 1]


def test_things_that_meet_now_and_then_stay_two():
    merger = TileMerger((LEFT, RIGHT, WHOLE), LARGE_PX)
    for t in range(200):
        meets = t % 40 == 20
        near_or_far = square(0, 22 if meets else 80, 10, 12)
        found = merger.merge(frame_of(t, [square(0, 20, 10, 12)], [], [near_or_far]))
        assert len(found.masks) == 2
        assert {m.instance_id for m in found.masks} == {0, 1}


def test_what_was_joined_and_parts_again_is_seen_on_both_places():
    merger = TileMerger((LEFT, RIGHT, WHOLE), LARGE_PX)
    large = square(0, 4, 2, 35)
    for t in range(5):
        merger.merge(frame_of(t, [large], [], [large]))
    (apart,) = merger.merge(frame_of(5, [large], [], [square(0, 60, 2, 35)])).masks
    assert apart.rle.area == 2 * 35 * 35


@pytest.mark.parametrize("side", [10, 18])
def test_numbers_that_the_whole_frame_exchanges_stay_in_the_tiles(side):
    merger = TileMerger((LEFT, RIGHT, WHOLE), 200)  # the larger ones are large there
    for t in range(12):
        one, other = (square(number, left, 5, side) for number, left in ((0, 41), (1, 75)))
        swapped = (square(1, 41, 5, side), square(0, 75, 5, side))
        in_whole = (one, other) if t < 4 else swapped
        found = merger.merge(frame_of(t, [one], [one, other], in_whole))
        places = {m.instance_id: m.rle.bbox_xywh[0] for m in found.masks}
        assert places == {0: 41, 1: 75}
        assert [m.rle.area for m in found.masks] == [side**2] * 2


def test_late_agreement_joins_from_then_on():
    merger = TileMerger((LEFT, RIGHT))
    apart = [FrameResult(0, (FrameMask(0, box(5, 30, LEFT), None, None, 0.6, 0),))]
    apart.append(FrameResult(0, (FrameMask(0, box(70, 90, RIGHT), None, None, 0.7, 0),)))
    assert [m.instance_id for m in merger.merge(apart).masks] == [0, 1]
    numbers = [
        [m.instance_id for m in merger.merge(seen(t, (20, 80, 0, 0))).masks] for t in range(1, 5)
    ]
    assert numbers == [[0, 1], [0, 1], [0], [0]]


def tracked(instance_id, left, right, region=WHOLE, score=0.8):
    return FrameMask(instance_id, box(left, right, region), 0.1, 0.9, score, 0)


def together(frame, *, left=(), right=(), whole=()):
    return [FrameResult(frame, tuple(masks)) for masks in (left, right, whole)]


def summary(prob, num_frames=3):
    return InstanceSummary(0, (prob, 1 - prob), prob, 0, 0, num_frames - 1, num_frames)


def with_whole():
    return TileMerger((LEFT, RIGHT, WHOLE), LARGE_PX)


def test_a_small_object_is_taken_from_its_tile_and_a_large_one_from_the_whole_frame():
    merger = with_whole()
    frame = merger.merge(
        together(
            0,
            left=[tracked(0, 5, 15), tracked(1, 21, 60, LEFT)],
            right=[tracked(4, 40, 95, RIGHT)],
            whole=[tracked(0, 4, 18), tracked(1, 20, 96)],
        )
    )
    boxes = [mask.rle.bbox_xywh for mask in frame.masks]
    assert boxes == [(5, 10, 10, 20), (20, 10, 76, 20)]
    assert [mask.instance_id for mask in frame.masks] == [0, 1]


def test_what_one_side_alone_sees_stays():
    merger = with_whole()
    frame = merger.merge(together(0, left=[tracked(3, 2, 8)], whole=[tracked(5, 70, 90)]))
    assert [mask.rle.bbox_xywh[0] for mask in frame.masks] == [2, 70]
    found = merger.instances({(0, 3): summary(0.6), (2, 5): summary(0.9)}, 0.5)
    assert sorted(s.certainty for s in found) == pytest.approx([0.6, 0.9])


def test_a_small_object_before_a_large_one_stays():
    merger = with_whole()
    for t in range(3):
        frame = merger.merge(together(t, left=[tracked(0, 20, 28)], whole=[tracked(7, 18, 80)]))
        assert [mask.rle.area for mask in frame.masks] == [8 * 20, 62 * 20]
    assert len(merger.instances({(0, 0): summary(0.95), (2, 7): summary(0.9)}, 0.5)) == 2


def test_a_blob_over_two_objects_does_not_make_them_one():
    merger = with_whole()
    merger.merge(
        together(
            0, left=[tracked(0, 35, 52)], right=[tracked(0, 54, 70)], whole=[tracked(0, 35, 70)]
        )
    )
    both = (
        [tracked(0, 35, 52), tracked(1, 54, 60, LEFT)],
        [tracked(1, 40, 52), tracked(0, 54, 70)],
    )
    for t in range(1, 5):
        frame = merger.merge(together(t, left=both[0], right=both[1]))
        boxes = sorted(mask.rle.bbox_xywh[::2] for mask in frame.masks)
        assert boxes == [(35, 17), (54, 16)]


def test_objects_are_united_after_frames_and_not_after_pairs():
    """Three runs that agree in one frame, where two had numbers: the next frames decide."""
    merger = with_whole()
    merger.merge(together(0, left=[tracked(0, 5, 30)], right=[tracked(0, 70, 90)]))
    late = {"left": [tracked(0, 30, 60, LEFT)], "right": [tracked(0, 40, 80)]}
    late["whole"] = [tracked(0, 30, 80)]
    numbers = [
        {mask.instance_id for mask in merger.merge(together(t, **late)).masks} for t in range(1, 5)
    ]
    assert [len(n) for n in numbers] == [2, 2, 1, 1]
    found = {(0, 0): summary(0.9), (1, 0): summary(0.9), (2, 0): summary(0.9)}
    assert all(s.num_frames and s.first_frame >= 0 for s in merger.instances(found, 0.5))


def test_a_guess_of_a_tile_and_a_piece_do_not_stand_for_what_the_whole_frame_shows():
    for seen in (tracked(0, 5, 15, score=0.1), tracked(0, 44, 60, LEFT)):
        merger = with_whole()
        for t in range(2):
            whole = [tracked(0, 4, 16) if seen.score < 0.5 else tracked(0, 44, 93)]
            frame = merger.merge(together(t, left=[seen], whole=whole))
            assert [mask.rle for mask in frame.masks] == [whole[0].rle]


def test_an_object_is_as_certain_as_the_surer_side_says():
    merger = with_whole()
    for t in range(3):
        merger.merge(together(t, left=[tracked(0, 5, 15)], whole=[tracked(1, 5, 16)]))
    (kept,) = merger.instances({(0, 0): summary(0.2), (2, 1): summary(0.9)}, 0.5)
    assert kept.certainty == pytest.approx(0.9)
    assert (kept.first_frame, kept.last_frame, kept.num_frames) == (0, 2, 3)
    (kept,) = merger.instances({(0, 0): summary(0.8), (2, 1): summary(0.4)}, 0.5)
    assert kept.certainty == pytest.approx(0.8)


@given(st.data())
def test_the_part_of_a_mask_in_a_region(data):
    height, width = data.draw(st.tuples(st.integers(3, 12), st.integers(3, 12)))
    mask = data.draw(arrays.arrays(bool, (height, width)))
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    w, h = data.draw(st.integers(1, width - x)), data.draw(st.integers(1, height - y))
    expected = mask[y : y + h, x : x + w]
    found = tile_merger._cut(RLEMask.from_array(mask), (x, y, w, h))
    if found is None:
        assert expected.sum() < tile_merger._FEWEST_SHARED_PX
    else:
        np.testing.assert_array_equal(found, expected)
