"""Places compared with all places around the object of a corrected frame."""

import numpy as np
import pytest

from ifc_core.inference.far_match import (
    Places,
    Scale,
    SeenPlaces,
    coarse,
    describe,
    far_match,
    scaled,
)
from ifc_core.inference.flow_store import Picture
from ifc_core.inference.patch import Patch

SIZE = (60, 100)
BLACK = Picture.of(np.zeros((*SIZE, 3), np.uint8), (30, 50))


def picture(left):
    """Noise of two kinds: a reddish square, 20 pixels wide, on a bluish ground."""
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 60, (*SIZE, 3), dtype=np.uint8)
    rgb[..., 2] += 120
    rgb[20:40, left : left + 20] = rgb[20:40, left : left + 20, ::-1]
    mask = np.zeros(SIZE, bool)
    mask[20:40, left : left + 20] = True
    return rgb, mask


def places(rgb, patch, maps, scale=None):
    described = describe(Picture.of(rgb, (30, 50)), maps, patch)
    scale = scale or Scale.of(described)
    return Places(patch, scaled(described, scale, maps)), scale


@pytest.mark.parametrize("share_of_noise", [0.0, 1.0])
def test_what_moved_further_than_flow_can_follow_is_found(share_of_noise):
    patch = coarse(Patch((0, 0, 100, 60), SIZE, SIZE))
    assert patch.grid == (24, 40)
    frames = [picture(10), picture(60)]
    rng = np.random.default_rng(1)
    maps = [  # one channel knows the object, three know nothing
        [
            np.stack([m[::4, ::4], *(share_of_noise * rng.random((3, 15, 25)))], -1).astype(
                np.float16
            )
        ]
        for _, m in frames
    ]
    seen, scale = places(frames[0][0], patch, maps[0])
    present, _ = places(frames[1][0], patch, maps[1], scale)
    centres = patch.positions(SIZE)
    inside = frames[0][1][tuple(np.round(centres[..., ::-1]).astype(int).reshape(-1, 2).T)]
    standing_still = centres.reshape(-1, 2)
    logit = far_match(present, SeenPlaces.of(seen, inside, 100.0), standing_still)
    truth = frames[1][1][tuple(np.round(centres[..., ::-1]).astype(int).reshape(-1, 2).T)]
    found = logit.reshape(-1) > 0
    assert (found & truth).sum() / (found | truth).sum() > 0.8
    assert np.abs(logit).max() <= 1


def test_without_object_or_ground_nothing_is_said():
    patch = coarse(Patch((0, 0, 100, 60), SIZE, SIZE))
    seen, _ = places(picture(10)[0], patch, [np.zeros((15, 25, 2), np.float16)])
    for inside in (np.zeros(24 * 40, bool), np.ones(24 * 40, bool)):
        known = SeenPlaces.of(seen, inside, 20.0)
        assert not far_match(seen, known, patch.positions(SIZE).reshape(-1, 2)).any()


def test_maps_are_averaged_onto_coarse_cells():
    ramp = np.tile(np.arange(100, dtype=np.float16), (60, 1))[..., None]
    patch = Patch((20, 10, 60, 50), (4, 4), SIZE)
    described = describe(BLACK, [ramp], patch)
    np.testing.assert_allclose(described[:4, 0], [24.5, 34.5, 44.5, 54.5], atol=0.1)
    whole = Patch((0, 0, 100, 60), (3, 5), SIZE)
    edges = describe(BLACK, [np.ones((6, 10, 2), np.float16)], whole)
    np.testing.assert_allclose(edges[:, :2], 1.0)
