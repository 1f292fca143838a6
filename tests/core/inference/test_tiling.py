"""Tiles cover the frame, and what two of them see alike is one object."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ifc_core.inference import tiling
from ifc_core.inference.results import FrameMask, FrameResult
from ifc_core.inference.settings import ProposeSettings
from ifc_core.inference.tiling import TileMerger, predict, tile_counts, tile_regions
from ifc_core.jobs import JobCancelled, JobContext
from ifc_core.structures import RLEMask

SIZE = (40, 100)
LEFT, RIGHT = (0, 0, 60, 40), (40, 0, 60, 40)


@pytest.mark.parametrize("counts", [(1, 1), (1, 3), (2, 2), (4, 3)])
def test_tiles_cover_the_area_and_overlap(counts):
    area = (7, 5, 203, 101)
    covered = np.zeros((120, 220), int)
    regions = tile_regions(area, *counts)
    assert len(regions) == counts[0] * counts[1]
    for x, y, width, height in regions:
        covered[y : y + height, x : x + width] += 1
    inside = covered[5:106, 7:210]
    assert (inside >= 1).all()
    assert covered.sum() == inside.sum()
    if counts != (1, 1):
        assert (inside >= 2).any()


def test_counts():
    assert tile_counts("2x3", (100, 100), 360) == (2, 3)
    assert tile_counts("auto", (720, 1280), 360) == (1, 1)
    assert tile_counts("auto", (2160, 3840), 360) == (3, 3)
    assert tile_counts("auto", (2160, 3840), 144) == (8, 8)
    assert tile_counts("auto", (9000, 9000), 144) == (8, 8)


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


def test_late_agreement_joins_from_then_on():
    merger = TileMerger((LEFT, RIGHT))
    apart = [FrameResult(0, (FrameMask(0, box(5, 30, LEFT), None, None, 0.6, 0),))]
    apart.append(FrameResult(0, (FrameMask(0, box(70, 90, RIGHT), None, None, 0.7, 0),)))
    assert [m.instance_id for m in merger.merge(apart).masks] == [0, 1]
    numbers = [
        [m.instance_id for m in merger.merge(seen(t, (20, 80, 0, 0))).masks] for t in range(1, 5)
    ]
    assert numbers == [[0, 1], [0, 1], [0], [0]]


def test_a_run_in_tiles(tiny_model, scene):
    settings = ProposeSettings(
        clip_length=3, precision="fp32", score_threshold=0.0, tiles="1x2", short_side=64
    )
    reports = []
    run = predict(
        tiny_model, enumerate(scene[:5]), settings, JobContext(reports.append), num_frames=5
    )
    frames = list(run)
    assert [f.frame_index for f in frames] == list(range(5))
    table = {i.instance_id: i for i in run.instances}
    found = {m.instance_id for f in frames for m in f.masks}
    assert found == set(table)
    assert {m.rle.size for f in frames for m in f.masks} == {(64, 96)}
    for number, row in table.items():
        held = [f.frame_index for f in frames if number in {m.instance_id for m in f.masks}]
        assert (row.first_frame, row.last_frame, row.num_frames) == (held[0], held[-1], len(held))
        assert sum(row.class_probs) == pytest.approx(1.0, abs=1e-5)
    assert [p.done for p in reports] == list(range(1, 6))
    assert run.checkpoint() is None


def test_without_tiles_it_is_the_plain_run_and_tiles_can_be_cancelled(tiny_model, scene):
    plain = ProposeSettings(clip_length=3, precision="fp32")
    assert hasattr(predict(tiny_model, enumerate(scene[:2]), plain), "num_held_frames")
    assert list(predict(tiny_model, iter(()), ProposeSettings(tiles="auto"))) == []
    context = JobContext()
    context.cancel()
    tiled = ProposeSettings(clip_length=3, precision="fp32", tiles="1x2")
    with pytest.raises(JobCancelled):
        list(predict(tiny_model, enumerate(scene[:4]), tiled, context))


@given(st.data())
def test_the_part_of_a_mask_in_a_region(data):
    height, width = data.draw(st.tuples(st.integers(3, 12), st.integers(3, 12)))
    mask = data.draw(arrays.arrays(bool, (height, width)))
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    w, h = data.draw(st.integers(1, width - x)), data.draw(st.integers(1, height - y))
    expected = mask[y : y + h, x : x + w]
    found = tiling._cut(RLEMask.from_array(mask), (x, y, w, h))
    if found is None:
        assert expected.sum() < tiling._FEWEST_SHARED_PX
    else:
        np.testing.assert_array_equal(found, expected)
