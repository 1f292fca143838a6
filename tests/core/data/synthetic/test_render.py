"""The generator: determinism across processes, exact masks, partial labels, sizes, errors."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from ifc_core.data.synthetic import DIFFICULTIES, ClipSpec, render_clip
from ifc_core.data.synthetic.photos import load_scenes
from ifc_core.errors import ConfigError, FormatError

_DIGEST_SCRIPT = """
import hashlib
from ifc_core.data.synthetic import ClipSpec, render_clip
digest = hashlib.sha256()
for seed in (3, 1, 2):
    clip = render_clip(seed, ClipSpec(height=64, width=96, difficulty="hard", photographs=False))
    digest.update(clip.frames.tobytes() + clip.masks.tobytes())
print(digest.hexdigest())
"""


@pytest.fixture
def coco_folder(tmp_path: Path) -> Path:
    """A COCO folder of three photographs with a disc each, one of them at the border."""
    (tmp_path / "images").mkdir()
    images, annotations = [], []
    rng = np.random.default_rng(0)
    for number, (x, y) in enumerate(((150, 120), (60, 100), (290, 180)), start=1):
        picture = rng.integers(60, 120, (240, 320, 3), dtype=np.uint8)
        cv2.circle(picture, (x, y), 50, (20, 30, 220), -1)
        name = f"images/{number}.png"
        cv2.imwrite(str(tmp_path / name), picture)
        images.append({"id": number, "file_name": name, "height": 240, "width": 320})
        t = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        outline = np.stack([x + 50 * np.cos(t), y + 50 * np.sin(t)], axis=1)
        annotations.append(
            {
                "id": number,
                "image_id": number,
                "category_id": 1,
                "segmentation": [outline.ravel().tolist()],
            }
        )
    content = {"images": images, "annotations": annotations, "categories": []}
    (tmp_path / "instances.json").write_text(json.dumps(content), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_shapes_and_labels(difficulty: str) -> None:
    spec = ClipSpec(height=72, width=104, num_frames=2, difficulty=difficulty)  # type: ignore[arg-type]
    for seed in range(6):
        clip = render_clip(seed, spec)
        assert clip.frames.shape == (2, 72, 104, 3)
        assert clip.valid.all()
        assert clip.exhaustive.all()
        assert (clip.labels == 0).all()
        assert clip.masks.any(axis=(1, 2, 3)).all()
        assert clip.masks.sum(axis=0).max(initial=0) <= 1  # visible masks never overlap


def test_the_same_seed_gives_the_same_bytes_in_another_process_and_order() -> None:
    digest = hashlib.sha256()
    spec = ClipSpec(height=64, width=96, difficulty="hard", photographs=False)
    clips = {seed: render_clip(seed, spec) for seed in (1, 2, 3)}
    for seed in (3, 1, 2):
        digest.update(clips[seed].frames.tobytes() + clips[seed].masks.tobytes())
    run = subprocess.run(
        [sys.executable, "-c", _DIGEST_SCRIPT], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == digest.hexdigest()


def test_seeds_and_difficulties_differ() -> None:
    spec = ClipSpec(height=64, width=96, num_frames=1)
    frames = {render_clip(seed, spec).frames.tobytes() for seed in range(8)}
    assert len(frames) == 8
    counts = {
        d: np.mean(
            [len(render_clip(s, ClipSpec(64, 96, 1, difficulty=d)).labels) for s in range(25)]
        )
        for d in DIFFICULTIES
    }
    assert counts["easy"] < counts["hard"]


def test_objects_move_and_masks_follow_the_pixels() -> None:
    spec = ClipSpec(height=96, width=160, num_frames=3, difficulty="easy", frame_gap=6.0)
    moved = 0
    for seed in range(10):
        for mask in render_clip(seed, spec).masks:
            if mask[0].any() and mask[2].any():
                centres = [np.argwhere(mask[t]).mean(axis=0) for t in (0, 2)]
                moved += np.linalg.norm(centres[0] - centres[1]) > 1.0
    assert moved >= 3


def test_sizes_span_from_small_to_half_the_frame() -> None:
    spec = ClipSpec(height=128, width=224, num_frames=1, difficulty="hard")
    extents = []
    for seed in range(60):
        for mask in render_clip(seed, spec).masks[:, 0]:
            rows, cols = mask.any(axis=1).sum(), mask.any(axis=0).sum()
            extents.append(max(rows, cols))
    assert min(extents) < 20
    assert max(extents) > 64


def test_cutouts_carry_their_colours_and_masks(coco_folder: Path) -> None:
    scenes, cutouts = load_scenes(str(coco_folder))
    assert len(scenes) == 3
    assert sum(c.whole for c in cutouts) == 2
    assert scenes[0].empty is not None
    hole = scenes[0].masks[0]
    assert scenes[0].empty[hole][:, 0].mean() < 140  # the red disc (RGB 220, 30, 20) is gone
    assert scenes[0].rgb[hole][:, 0].mean() > 200
    centre = cutouts[0].rgb[50, 50].astype(int)
    assert centre[0] > centre[2] + 100


def test_photographs_are_not_exhaustive_unless_asked(coco_folder: Path) -> None:
    spec = ClipSpec(height=64, width=96, cutout_dir=str(coco_folder), real_fraction=1.0)
    for seed in range(6):
        clip = render_clip(seed, spec)
        assert not clip.exhaustive.any()
        for mask in clip.masks[:, 0]:
            if mask.sum() > 60:
                colour = clip.frames[0][mask].mean(axis=0)
                grey = colour.max() - colour.min() < 3  # a look may take the colour away
                assert grey or colour[0] > colour[2]
    complete = ClipSpec(
        height=64, width=96, cutout_dir=str(coco_folder), real_fraction=1.0, real_exhaustive=True
    )
    assert render_clip(0, complete).exhaustive.all()


def test_cutout_world_mixes_both(coco_folder: Path) -> None:
    spec = ClipSpec(height=64, width=96, cutout_dir=str(coco_folder), real_fraction=0.5)
    kinds = {bool(render_clip(seed, spec).exhaustive[0]) for seed in range(12)}
    assert kinds == {False, True}


def test_bad_folder_and_settings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError):
        render_clip(0, ClipSpec(cutout_dir=str(tmp_path)))
    for change in (
        {"height": 8},
        {"num_frames": 0},
        {"difficulty": "brutal"},
        {"max_objects": 31},
        {"cutout_fraction": 1.5},
    ):
        with pytest.raises(ConfigError):
            ClipSpec(**change)  # type: ignore[arg-type]


@pytest.mark.parametrize("how", ["told", "rle"])
def test_a_cutout_of_another_size_than_its_masks_is_named(coco_folder: Path, how: str) -> None:
    file = coco_folder / "instances.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    if how == "told":
        content["images"][1] |= {"height": 320, "width": 240}
    else:
        empty = {"size": [320, 240], "counts": [320 * 240]}
        content["annotations"][1]["segmentation"] = empty
    file.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(FormatError, match=r"2\.png is 320 x 240 pixels.* made for 240 x 320;"):
        load_scenes(str(coco_folder))


def test_an_image_outside_the_folder_is_refused(coco_folder: Path) -> None:
    file = coco_folder / "instances.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["images"][0]["file_name"] = "../secret.png"
    file.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(FormatError):
        load_scenes(str(coco_folder))
