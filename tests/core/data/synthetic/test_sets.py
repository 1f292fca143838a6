"""The frozen validation set and datasets on disk."""

from __future__ import annotations

import platform
from pathlib import Path

import cv2
import numpy as np
import pytest

from ifc_core.data.synthetic import DIFFICULTIES, ClipSpec, render_clip
from ifc_core.data.synthetic.spec import WORLD_CLASSES, Difficulty, World
from ifc_core.data.synthetic.validation import (
    FROZEN_HASHES,
    FROZEN_OPENCV,
    rendered_hash,
    validation_clips,
)
from ifc_core.data.synthetic.ytvis_writer import write_ytvis_dataset
from ifc_core.io.ytvis import read_ytvis, validate_ytvis


def test_validation_clips_are_fixed_and_disjoint() -> None:
    sets = {d: validation_clips(d) for d in DIFFICULTIES}
    seeds = [clip.seed for clips in sets.values() for clip in clips]
    assert len(seeds) == len(set(seeds)) == 60
    assert all(c.spec.difficulty == d for d, clips in sets.items() for c in clips)
    assert all(c.spec.cutout_dir is None and not c.spec.photographs for c in sets["hard"])


def test_the_hash_sees_every_clip() -> None:
    clips = validation_clips("easy", 2)
    assert rendered_hash(clips) == rendered_hash(clips)
    assert rendered_hash(clips) != rendered_hash(clips[::-1])
    assert rendered_hash(clips[:1]) != rendered_hash(clips)


FACTS: dict[tuple[World, Difficulty], tuple[float, int]] = {
    ("things", "easy"): (139.244, 117_202),
    ("things", "medium"): (104.249, 210_469),
    ("things", "hard"): (91.416, 166_646),
    ("cells", "easy"): (111.922, 195_498),
    ("cells", "medium"): (130.329, 259_533),
    ("cells", "hard"): (148.458, 349_334),
}
"""Mean grey and masked pixels of the first three clips of a set."""


def check_alike(world: World, difficulty: Difficulty) -> None:
    grey, masked = FACTS[world, difficulty]
    samples = [clip.render() for clip in validation_clips(difficulty, 3, world)]
    assert np.mean([sample.frames.mean() for sample in samples]) == pytest.approx(grey, abs=0.01)
    assert sum(int(sample.masks.sum()) for sample in samples) == pytest.approx(masked, rel=1e-3)


@pytest.mark.parametrize(
    ("world", "difficulty"),
    [
        ("things", "easy"),
        ("cells", "easy"),
        pytest.param("cells", "hard", marks=pytest.mark.slow),
    ],
)
def test_the_set_is_still_the_frozen_one(world: World, difficulty: Difficulty) -> None:
    clips = validation_clips(difficulty, world=world)
    assert len(clips) == 20
    if cv2.__version__ == FROZEN_OPENCV and platform.machine() in ("x86_64", "AMD64"):
        assert rendered_hash(clips) in FROZEN_HASHES[world][difficulty]
    else:  # others may round differently
        check_alike(world, difficulty)


@pytest.mark.parametrize(("world", "difficulty"), FACTS)
def test_the_clips_are_alike_on_any_processor(world: World, difficulty: Difficulty) -> None:
    check_alike(world, difficulty)


@pytest.mark.parametrize(("world", "name"), WORLD_CLASSES.items())
def test_a_written_dataset_reads_back(tmp_path: Path, world: World, name: str) -> None:
    spec = ClipSpec(height=64, width=96, num_frames=2, world=world)
    file = write_ytvis_dataset(tmp_path / "set", spec, [5, 6])
    assert not validate_ytvis(file)
    content = read_ytvis(file)
    assert [category.name for category in content.categories] == [name]
    assert [v.length for v in content.videos] == [2, 2]
    for video, seed in zip(content.videos, (5, 6), strict=True):
        sample = render_clip(seed, spec)
        tracks = [t for t in content.tracks if t.video_id == video.id]
        assert len(tracks) == len(sample.masks)
        for track, masks in zip(tracks, sample.masks, strict=True):
            for segmentation, mask in zip(track.segmentations, masks, strict=True):
                found = np.zeros_like(mask) if segmentation is None else segmentation.to_array()
                assert np.array_equal(found, mask)
        picture = cv2.imread(str(tmp_path / "set" / "JPEGImages" / video.file_names[0]))
        assert picture is not None
        difference = picture[..., ::-1].astype(int) - sample.frames[0]
        assert np.abs(difference).mean() < 8
