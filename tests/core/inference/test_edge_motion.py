"""What motion says about a mask: velocities against the surroundings, and who moves with whom."""

import cv2
import numpy as np
import pytest

from ifc_core.inference.edge_motion import FrameMotion, flow_picture

SIZE = (96, 128)
BLOCK = (slice(30, 66), slice(40, 88))


@pytest.fixture(scope="module")
def texture():
    rng = np.random.default_rng(5)
    smooth = cv2.GaussianBlur(rng.normal(0, 1, (300, 400)), (0, 0), 1.5)
    return np.clip(128 + 60 * smooth / smooth.std(), 0, 255).astype(np.uint8)


STILL = [[1, 0, 0], [0, 1, 0]]
PAN = [[1, 0, 2], [0, 1, -1]]
ZOOM = [[1.02, 0, -1], [0, 1.02, -1]]


def shown(texture, block_at, scene=STILL):
    """A block of other texture before a ground that the camera moves over."""
    ground = cv2.warpAffine(texture, np.float64(scene), SIZE[::-1], borderMode=cv2.BORDER_REFLECT)
    x, y = block_at
    ground[y : y + 36, x : x + 48] = texture[200:236, 300:348]
    return ground


def places(box=(0, 0, 128, 96), side=64):
    """(side, side, 2): centres of the pixels of a crop of the picture itself."""
    x0, y0, x1, y1 = box
    columns = x0 + (np.arange(side) + 0.5) * (x1 - x0) / side - 0.5
    rows = y0 + (np.arange(side) + 0.5) * (y1 - y0) / side - 0.5
    return np.stack(np.meshgrid(columns, rows), axis=-1).astype(np.float32)


def block_mask(side=64):
    mask = np.zeros(SIZE, np.uint8)
    mask[BLOCK] = 1
    return cv2.resize(mask, (side, side), interpolation=cv2.INTER_NEAREST) > 0


def core(mask, grow):
    """Half-size cells well inside, or well outside."""
    mask = mask if not grow else ~mask
    return cv2.erode(mask[1::2, 1::2].astype(np.uint8), np.ones((5, 5), np.uint8)) > 0


def test_frames_are_reduced_to_one_size_and_small_ones_left():
    assert flow_picture(np.zeros((720, 1280, 3), np.uint8)).shape == (360, 640)
    assert flow_picture(np.zeros((1920, 1080, 3), np.uint8)).shape == (640, 360)
    assert flow_picture(np.zeros((90, 120, 3), np.uint8)).shape == (90, 120)
    red = np.full((4, 4, 3), (255, 0, 0), np.uint8)
    assert 60 < flow_picture(red)[0, 0] < 90


def test_without_a_frame_beside_it_nothing_moves(texture):
    now = shown(texture, (40, 30))
    assert FrameMotion.between(None, now, None) is None
    assert FrameMotion.between(now[:50], now, None) is None  # of another size


@pytest.mark.parametrize("scene", [STILL, PAN, ZOOM], ids=["still", "pan", "zoom"])
def test_an_object_moves_against_what_is_around_it(texture, scene):
    """Whatever the camera does, the ground stands still, and each side fits its own motion."""
    back = cv2.invertAffineTransform(np.float64(scene))
    now = shown(texture, (40, 30))
    before, after = shown(texture, (37, 31), back), shown(texture, (43, 29), scene)
    told = FrameMotion.between(before, now, after).seen(places(), block_mask())
    assert told.shape == (32, 32, 8)
    inside, outside = core(block_mask(), False), core(block_mask(), True)
    x, y = scene[0][2] + (scene[0][0] - 1) * 64, scene[1][2] + (scene[1][1] - 1) * 48
    for step in (told[..., :4], told[..., 4:]):  # the same steady motion, both times
        assert np.median(step[inside, 0]) == pytest.approx(3 - x, abs=0.4)
        assert np.median(step[inside, 1]) == pytest.approx(-1 - y, abs=0.4)
        assert np.abs(np.median(step[outside, :2], axis=0)).max() < 0.2
        assert step[inside, 2].mean() > 2 * step[inside, 3].mean()
        assert step[outside, 3].mean() > 2 * step[outside, 2].mean()


def test_one_frame_beside_is_told_twice(texture):
    before, now = shown(texture, (37, 30)), shown(texture, (40, 30))
    for told in (
        FrameMotion.between(before, now, None).seen(places(), block_mask()),
        FrameMotion.between(None, before, now).seen(places(), block_mask()),
    ):
        assert np.array_equal(told[..., :4], told[..., 4:])
        assert np.median(told[core(block_mask(), False), 0]) == pytest.approx(3, abs=0.4)


@pytest.mark.parametrize("is_inside", [False, True])
def test_a_mask_without_an_inside_or_an_outside_is_no_error(texture, is_inside):
    motion = FrameMotion.between(shown(texture, (37, 30)), shown(texture, (40, 30)), None)
    told = motion.seen(places(), np.full((64, 64), is_inside))
    assert np.isfinite(told).all()
    assert np.array_equal(told[..., 2], told[..., 3])  # nothing to tell apart


def test_a_crop_beyond_the_picture_and_pictures_without_texture(texture):
    plain = np.full(SIZE, 90, np.uint8)
    told = FrameMotion.between(plain, plain, plain).seen(places((-20, 60, 60, 140)), block_mask())
    assert np.abs(told).max() < 0.1
