"""Generated microscopy: exact masks of cells that touch, crawl and divide, shown in many ways."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest

from ifc_core.data.sample import ClipSample
from ifc_core.data.synthetic import DIFFICULTIES, ClipSpec, render_clip, stains
from ifc_core.data.synthetic.cells import cell_lineage, render_cells
from ifc_core.data.synthetic.stains import NO_CELL, Fields, draw_stain
from ifc_core.errors import ConfigError


def clip(seed: int, difficulty: str = "medium", frames: int = 3, **fields: object) -> ClipSample:
    spec = ClipSpec(128, 160, frames, difficulty, world="cells", **fields)  # type: ignore[arg-type]
    return render_clip(seed, spec)


def middle(mask: np.ndarray) -> np.ndarray:
    return np.argwhere(mask).mean(axis=0)


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_no_mask_is_a_speck_or_of_no_frame(difficulty: str) -> None:
    for seed in range(6):
        sample = clip(seed, difficulty)
        assert sample.exhaustive.all()
        areas = sample.masks.sum(axis=(2, 3))
        assert ((areas == 0) | (areas >= 20)).all()
        assert (areas > 0).any(axis=1).all()
        assert not sample.labels.any()


def test_a_seed_gives_the_same_clip_and_another_one_another() -> None:
    first, again, other = clip(5), clip(5), clip(6)
    assert np.array_equal(first.frames, again.frames)
    assert np.array_equal(first.masks, again.masks)
    assert not np.array_equal(first.frames, other.frames)


def test_harder_clips_hold_more_cells_and_never_more_than_asked_for() -> None:
    counts = [np.mean([len(clip(s, d, 1).masks) for s in range(12)]) for d in DIFFICULTIES]
    assert counts[0] < counts[1] < counts[2]
    for seed in range(12):
        assert len(clip(seed, "hard", 5, max_objects=9).masks) <= 9


def test_crowds_come_with_hard_clips_of_many_objects() -> None:
    def most(difficulty: str, asked: int) -> int:
        return max(len(clip(s, difficulty, 1, max_objects=asked).masks) for s in range(12))

    assert most("hard", 80) > 40
    assert most("hard", 30) <= 30
    assert most("medium", 80) <= 30


def test_the_folders_of_other_worlds_are_not_needed(tmp_path: object) -> None:
    assert len(clip(1, cutout_dir=f"{tmp_path}/none", sprite_dir=f"{tmp_path}/none").masks)


def test_cells_that_meet_share_a_border() -> None:
    """They take ground from each other: no gap of ground runs between all of them."""
    touching = 0
    for seed in range(10):
        masks = clip(seed, "hard", 1).masks[:, 0]
        grown = [cv2.dilate(m.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0 for m in masks]
        touching += sum(bool((a & b).any()) for i, a in enumerate(grown) for b in masks[i + 1 :])
    assert touching > 20


def test_a_cell_that_divides_ends_where_its_daughters_begin() -> None:
    divided = 0
    for seed in range(60):
        masks = clip(seed, frames=6).masks
        there = masks.any(axis=(2, 3))
        for mother in np.flatnonzero(there[:, 0] & ~there[:, -1]):
            end = int(np.flatnonzero(there[mother])[-1])
            born = [
                i
                for i in np.flatnonzero(~there[:, end] & there[:, end + 1])
                if np.hypot(*(middle(masks[i, end + 1]) - middle(masks[mother, end]))) < 40
            ]
            divided += len(born) == 2
            both = masks[born, end + 1].any(axis=0) if born else masks[mother, end] * 0
            if len(born) == 2 and not masks[mother, end][[0, -1]].any():
                assert (both & masks[mother, end]).sum() > 0.4 * masks[mother, end].sum()
    assert divided >= 5


def test_a_lineage_says_who_came_from_whom_in_the_clip_itself() -> None:
    daughters = 0
    for seed in range(18):
        spec = ClipSpec(80, 112, 6, DIFFICULTIES[seed % 3], 20, world="cells")
        lineage = cell_lineage(seed, spec)
        assert np.array_equal(lineage.masks, render_clip(seed, spec).masks)
        there = lineage.masks.any(axis=(2, 3))
        for daughter in np.flatnonzero(lineage.mothers >= 0):
            mother = int(lineage.mothers[daughter])
            end = int(np.flatnonzero(there[mother])[-1])
            start = int(np.flatnonzero(there[daughter])[0])
            assert end < start
            if start == end + 1:
                last, first = lineage.masks[mother, end], lineage.masks[daughter, start]
                assert np.hypot(*(middle(first) - middle(last))) < 2 * np.sqrt(last.sum())
                daughters += 1
    assert daughters >= 6


def test_a_mask_follows_its_cell() -> None:
    for seed in range(20):
        masks = clip(seed, "easy", 4).masks
        for mask in masks[masks.any(axis=(2, 3)).all(axis=1)]:
            for before, after in pairwise(mask):
                union = (before | after).sum()
                assert (before & after).sum() > 0.2 * union


MAKERS = ("_fluorescence", "_membrane", "_phase", "_bright_field", "_relief", "_dye", "_solid")


@pytest.mark.parametrize("maker", MAKERS)
def test_every_stain_shows_the_cells(maker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pixels near the outline differ from the ground without cells, in each way of looking."""
    make = getattr(stains, maker)
    for other in MAKERS:
        monkeypatch.setattr(stains, other, make)
    seen = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        stain = draw_stain(rng, 80, 80, 1, "easy")
        fields = Fields.empty(80, 80)
        y, x = (np.mgrid[:80, :80].astype(np.float32) - 40) / 20
        whole = (slice(0, 80), slice(0, 80))
        fields.claim(0, whole, np.hypot(x, y), x, y, 1.0, 0.0)
        fields.owner[fields.distance >= 1] = NO_CELL
        picture = stain.paint(fields, np.random.default_rng(0)).astype(int)
        empty = stain.paint(Fields.empty(80, 80), np.random.default_rng(0)).astype(int)
        inside = np.abs(picture - empty)[fields.distance < 1.05]
        far = np.abs(picture - empty)[fields.distance > 2.2]
        seen += inside.max(axis=1).mean() > far.mean() + 8
    assert seen >= 10


def test_the_pattern_of_a_cell_moves_with_it() -> None:
    stain = draw_stain(np.random.default_rng(3), 60, 120, 1, "easy")
    pictures = []
    for shift in (30, 80):
        fields = Fields.empty(60, 120)
        y, x = np.mgrid[:60, :120].astype(np.float32)
        x, y = (x - shift) / 15, (y - 30) / 15
        fields.claim(0, (slice(0, 60), slice(0, 120)), np.hypot(x, y), x, y, 1.0, 0.0)
        pictures.append(stain._pattern(fields)[:, shift - 10 : shift + 10])
    assert np.allclose(*pictures, atol=1e-5)


def test_worlds_and_numbers_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ConfigError, match="holds 1 to 200"):
        ClipSpec(world="cells", max_objects=201)
    with pytest.raises(ConfigError, match="things, cells"):
        ClipSpec(world="stars")  # type: ignore[arg-type]


def test_a_division_counts_against_the_most_objects() -> None:
    rng = np.random.default_rng(0)
    spec = ClipSpec(96, 96, 6, "hard", max_objects=8, world="cells")
    assert all(len(render_cells(rng, spec).masks) <= 8 for _ in range(20))
