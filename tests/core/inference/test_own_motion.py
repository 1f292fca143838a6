"""Speeds against the scene as evidence for an object."""

import cv2
import numpy as np
import pytest

from ifc_core.inference.flow_store import FlowStore
from ifc_core.inference.own_motion import own_motion_logit, own_motion_share
from ifc_core.inference.patch import Patch

SIZE = (120, 160)


def texture(rng, height, width):
    coarse = rng.integers(0, 256, (height // 5 + 2, width // 5 + 2, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def panned(pan, by, count=4):
    """Frames of a square that moves, ``by`` pixels a frame, before a scene that pans."""
    rng = np.random.default_rng(0)
    ground, front = texture(rng, SIZE[0], SIZE[1] + 60), texture(rng, 40, 40)
    frames = np.stack([ground[:, 20 + pan * t : 20 + pan * t + SIZE[1]] for t in range(count)])
    boxes = []
    for t in range(count):
        x = 50 + by * t
        frames[t, 40:80, x : x + 40] = front
        boxes.append((slice(40, 80), slice(x, x + 40)))
    return frames, boxes


def store_of(frames_reader, frames):
    return FlowStore(frames_reader(frames), 2 * SIZE[0])


def left_half_known(box):
    logit = np.full(SIZE, -4.0, np.float32)
    logit[box[0], box[1].start : box[1].start + 20] = 4.0
    return logit


@pytest.mark.parametrize("pan", [0, 3])
def test_what_moves_with_the_object_is_taken_for_it_whatever_the_camera_does(frames_reader, pan):
    frames, boxes = panned(pan, by=4)
    store = store_of(frames_reader, frames)
    box = boxes[1]
    said = own_motion_logit(
        store, 1, Patch.whole(SIZE, 1.0), left_half_known(box), range(len(frames))
    )
    unknown = said[48:72, box[1].start + 24 : box[1].stop - 8]
    assert unknown.min() > 0.2
    assert np.median(said[:30]) < -0.2


def test_where_all_move_alike_it_says_nothing(frames_reader):
    frames, boxes = panned(pan=3, by=-3)
    said = own_motion_logit(
        store_of(frames_reader, frames),
        1,
        Patch.whole(SIZE, 1.0),
        left_half_known(boxes[1]),
        range(len(frames)),
    )
    assert np.abs(np.median(said)) < 0.1


def test_only_frames_that_may_be_read_are_looked_at(frames_reader):
    frames, boxes = panned(pan=0, by=4)
    store = store_of(frames_reader, frames)
    logit = left_half_known(boxes[1])
    said = own_motion_logit(store, 1, Patch.whole(SIZE, 1.0), logit, range(1, 2))
    assert not said.any()
    assert store.computed == 0


def test_it_counts_more_away_from_corrections():
    shares = [own_motion_share(steps) for steps in (1, 3, 10, 1000)]
    assert shares == sorted(shares)
    assert 0 < shares[0] < 0.5 * shares[-1]


def test_the_scene_moves_as_the_camera_does(frames_reader):
    frames, _ = panned(pan=3, by=4)
    store = store_of(frames_reader, frames)
    found = store.scene_motion(1, 2)
    middle = cv2.perspectiveTransform(np.array([[[20.0, 20.0]]], np.float32), found)[0, 0]
    share = store.flow_size[0] / SIZE[0]
    np.testing.assert_allclose(middle, [20 - 3 * share, 20], atol=0.2)
    assert store.scene_motion(0, -1) is None
    assert store.scene_motion(3, 4) is None


def test_no_scene_is_told_from_a_handful_of_points(frames_reader):
    frames = np.random.default_rng(0).integers(0, 255, (2, 24, 24, 3), dtype=np.uint8)
    assert FlowStore(frames_reader(frames), 64).scene_motion(0, 1) is None
