"""Pictures with transparency as objects of generated clips."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from ifc_core.data.synthetic import ClipSpec, render_clip
from ifc_core.data.synthetic.photos import load_sprites
from ifc_core.errors import FormatError

_RESOURCES = Path(__file__).parents[4] / "resources"


@pytest.fixture
def folder(tmp_path):
    picture = np.zeros((60, 80, 4), np.uint8)
    cv2.rectangle(picture, (20, 10), (59, 49), (30, 90, 200, 255), -1)
    cv2.imwrite(str(tmp_path / "1f697.png"), picture)
    cv2.imwrite(str(tmp_path / "opaque.png"), picture[..., :3])
    return tmp_path


def test_sprites_are_cut_to_what_they_show(folder):
    (sprite,) = load_sprites(str(folder))
    assert sprite.rgb.shape == (40, 40, 3)
    assert (sprite.alpha == 255).all()
    assert tuple(sprite.rgb[5, 5]) == (200, 90, 30)


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(FormatError, match="transparency"):
        load_sprites(str(tmp_path))


def test_clips_show_them_and_stay_the_same_without(folder):
    plain = ClipSpec(height=64, width=96, difficulty="easy", photographs=False)
    pasted = ClipSpec(
        height=64, width=96, difficulty="easy", photographs=False,
        sprite_dir=str(folder), sprite_fraction=1.0,
    )  # fmt: skip
    first, second = render_clip(5, pasted), render_clip(5, pasted)
    assert np.array_equal(first.frames, second.frames)
    assert first.masks.any()
    assert not np.array_equal(first.frames, render_clip(5, plain).frames)


def test_the_script_takes_things_and_leaves_signs(tmp_path):
    sys.path.insert(0, str(_RESOURCES))
    try:
        import make_sprite_folder
    finally:
        sys.path.remove(str(_RESOURCES))
    picture = np.zeros((200, 200, 4), np.uint8)
    cv2.circle(picture, (100, 100), 60, (30, 90, 200, 255), -1)
    names = ("1f697", "1f1e6-1f1e8", "1f44d-1f3fb", "1f6b4-1f3fe", "1f600")
    for name in names:  # a car, a flag, a hand of a skin tone, a cyclist of the one kept, a face
        cv2.imwrite(str(tmp_path / f"{name}.png"), picture)
    assert make_sprite_folder.main(tmp_path, tmp_path / "out") == 2
    assert {file.stem for file in (tmp_path / "out").iterdir()} == {"1f697", "1f6b4-1f3fe"}
