"""Tiles cover the frame, each is a run, and so is the whole of it."""

from dataclasses import replace

import numpy as np
import pytest

from ifc_core.errors import ConfigError
from ifc_core.inference.settings import ProposeSettings
from ifc_core.inference.tiling import (
    looked_at_regions,
    predict,
    tile_counts,
    tile_regions,
    too_small_notice,
    whole_from_px,
)
from ifc_core.jobs import JobCancelled, JobContext


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


@pytest.mark.parametrize(
    ("smallest", "counts"),
    [("12px", (16, 16)), ("24px", (8, 8)), ("48px", (4, 4)), ("600px", (1, 1)), ("4px", (16, 16))],
)
def test_counts_for_the_smallest_object(smallest, counts):
    assert tile_counts(smallest, (2160, 3840), 216) == counts


@pytest.mark.parametrize("smallest", [10, 17, 24, 31, 60])
def test_tiles_show_the_smallest_object_large_enough(smallest):
    area = (0, 0, 3000, 2000)
    for x, y, width, height in looked_at_regions(
        area, ProposeSettings(tiles=f"{smallest}px", short_side=360), 360
    )[:-1]:
        assert smallest * 360 / min(width, height) >= 14.9
        assert x + width <= 3000
        assert y + height <= 2000


def test_tiles_that_cannot_show_the_smallest_object_say_so():
    area = (0, 0, 3840, 2160)
    for tiles in ("12px", "24px", "600px", "16x16", "auto"):
        assert too_small_notice(tiles, area, 216) is None
    told = too_small_notice("4px", area, 216)
    assert told is not None
    assert "about 11 pixels" in told
    assert too_small_notice("11px", area, 216) is None
    assert too_small_notice("12px", (0, 0, 7680, 4320), 216) is not None


def test_a_run_says_what_its_tiles_cannot_show(tiny_model, scene):
    settings = ProposeSettings(tiles="4px", short_side=64, region_xywh=(0, 0, 96, 64))
    run = predict(tiny_model, [(0, np.repeat(scene[0], 40, axis=0))], settings)
    assert run.notices == ()
    small = replace(settings, region_xywh=None)
    told = predict(tiny_model, [(0, np.repeat(scene[0], 40, axis=0))], small)
    assert len(list(run)) == len(list(told)) == 1
    assert run.notices == ()
    assert ["16 x 4 tiles" in notice for notice in told.notices] == [True]


@pytest.mark.parametrize(
    "tiles", ["3px", "px", "24 px", "0x3", "17x2", "2x", "x", "2x3x4", "-1x2", "2X3", "٢x٣"]
)
def test_tiles_that_are_none_are_refused(tiles):
    with pytest.raises(ConfigError, match="such as 24px"):
        ProposeSettings(tiles=tiles)


def test_tiles_of_a_few_pixels_are_refused(tiny_model, scene):
    with pytest.raises(ConfigError, match="choose fewer"):
        looked_at_regions((0, 0, 96, 64), ProposeSettings(tiles="16x16"), 64)
    with pytest.raises(ConfigError, match="choose fewer"):
        list(predict(tiny_model, enumerate(scene), ProposeSettings(tiles="16x16")))


@pytest.mark.parametrize("tiles", ["", "2x2"])
@pytest.mark.parametrize("is_offline", [False, True])
def test_a_cancel_is_heard_before_a_frame_is_finished(tiny_model, scene, tiles, is_offline):
    """While clips wait for a look ahead, or all frames for one clip, nothing is given out."""
    context, read = JobContext(), []

    def frames():
        for index in range(60):
            read.append(index)
            if index == 9:
                context.cancel()
            yield index, scene[index % len(scene)]

    settings = ProposeSettings(tiles=tiles, offline=is_offline, lookahead=20, short_side=32)
    with pytest.raises(JobCancelled):
        next(predict(tiny_model, frames(), settings, context))
    assert read[-1] == 9


def test_the_area_itself_is_looked_at_beside_its_tiles():
    area = (7, 5, 203, 101)
    regions = looked_at_regions(area, ProposeSettings(tiles="2x3"), 64)
    assert regions == [*tile_regions(area, 2, 3), area]
    assert looked_at_regions(area, ProposeSettings(tiles="auto"), 64) == [area]


def test_large_is_what_the_whole_frame_shows_well_or_what_a_tile_can_hardly_hold():
    area = (0, 0, 3840, 2160)
    coarse = looked_at_regions(area, ProposeSettings(tiles="2x2"), 216)
    assert whole_from_px(coarse, 216) == 16 * 80**2  # cells of 8 pixels, each ten of the frame
    fine = looked_at_regions(area, ProposeSettings(tiles="16x16"), 216)
    assert whole_from_px(fine, 216) == fine[0][2] * fine[0][3] / 4 < 16 * 80**2


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
