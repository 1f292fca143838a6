"""Small objects of large frames: never taught away, never taught as empty, shown close up."""

import dataclasses

import cv2
import numpy as np
import pytest
import torch

from ifc_core.data.augmentation import Augmentation
from ifc_core.data.clip_sampling import build_clip
from ifc_core.data.clip_source import ClipRequest
from ifc_core.data.labelled_video import (
    FrameStore,
    FrameWindow,
    LabelledTrack,
    LabelledVideo,
    cut_out,
)
from ifc_core.data.pseudo_clip import move_picture
from ifc_core.data.sample import BatchTargets, ClipSample, collate_clips, make_target
from ifc_core.data.small_objects import (
    SEEN_FROM_PX,
    count_unseen,
    judging_windows,
    small_objects,
    training_window,
)
from ifc_core.data.video_source import VideoSource
from ifc_core.structures import RLEMask
from ifc_core.training.criterion import unreviewed_queries

LARGE = (540, 960)
SIDE = 56
SIZE = (56, 100)
PLACES = ((40, 50), (300, 620), (305, 640), (500, 900))


def disc(y, x, diameter=12, size=LARGE):
    rows, columns = np.ogrid[: size[0], : size[1]]
    return (rows - y) ** 2 + (columns - x) ** 2 <= (diameter / 2) ** 2


@pytest.fixture
def large_video(tmp_path):
    """Two frames of four red discs of 12 pixels on grey noise, all annotated."""
    rng = np.random.default_rng(0)
    for frame in range(2):
        picture = rng.integers(0, 60, size=(*LARGE, 3), dtype=np.uint8)
        for y, x in PLACES:
            picture[disc(y, x + 4 * frame)] = (40, 40, 250)  # BGR
        cv2.imwrite(str(tmp_path / f"{frame:05d}.png"), picture)
    tracks = tuple(
        LabelledTrack(0, {f: RLEMask.from_array(disc(y, x + 4 * f)) for f in range(2)})
        for y, x in PLACES
    )
    return LabelledVideo("large", tmp_path, 2, *LARGE, tracks, frozenset({0, 1}))


def clip_of(masks):
    """A fully labelled clip of one frame."""
    stacked = np.stack(masks)[:, None]
    frames = np.zeros((1, *stacked.shape[2:], 3), dtype=np.uint8)
    return ClipSample.fully_labelled(frames, stacked, np.zeros(len(masks), dtype=np.int64))


def test_a_mask_between_the_samples_of_the_target_is_not_taught_as_an_empty_one():
    for y in range(8, 12):
        for x in range(8, 12):
            mask = np.zeros((32, 32), dtype=np.bool_)
            mask[y : y + 3, x : x + 3] = True
            target = make_target(clip_of([mask]), (32, 32), 4)
            assert len(target.labels) == 1
            assert target.masks.max() >= 0.5
            rows, columns = (target.masks[0, 0] > 0.5).nonzero().unbind(1)
            assert ((4 * rows < y + 3) & (4 * rows + 4 > y)).all()
            assert ((4 * columns < x + 3) & (4 * columns + 4 > x)).all()


def test_what_is_too_small_for_a_target_is_left_alone():
    mask = np.zeros((64, 64), dtype=np.bool_)
    mask[32, 32:34] = True
    target = make_target(clip_of([mask]), (64, 64), 4)
    assert len(target.labels) == 0
    on_it, beside = torch.full((2, 1, 1, 16, 16), -8.0)
    on_it[0, 0, 7:9, 7:9] = 8.0
    beside[0, 0, 2:4, 2:4] = 8.0
    logits = torch.stack([on_it[0], beside[0], torch.full((1, 16, 16), -8.0)])[None]
    assert unreviewed_queries(logits, BatchTargets.of([target]))[0].tolist() == [True, False, False]


def test_a_mask_that_vanishes_when_it_is_shrunk_is_unreviewed_ground(large_video):
    clip = build_clip(large_video, [0], SIZE, FrameStore())
    assert not clip.masks.any()
    assert not clip.valid.any()
    assert clip.exhaustive.all()
    for y, x in PLACES:
        assert clip.unclear[0, y * 56 // 540, x * 100 // 960]
    assert clip.unclear.sum() < 40
    batch = collate_clips([clip, clip_of([np.ones(SIZE, np.bool_)])])
    assert batch.targets.counts == (0, 1)
    logits = torch.full((2, 2, 1, 14, 25), -8.0)
    logits[:, 0, :, 31 // 4, 64 // 4] = 8.0  # on a disc
    logits[:, 1, :, 40 // 4, 8 // 4] = 8.0  # on ground without one
    assert unreviewed_queries(logits, batch.targets).tolist() == [[True, False], [False, False]]
    assert batch.to("cpu").targets[0].unclear.any()
    assert batch.targets[1].unclear is None or not batch.targets[1].unclear.any()


def test_clips_in_which_all_is_seen_have_no_unclear_ground(large_video):
    clip = build_clip(large_video, [0, 1], LARGE, FrameStore())
    assert clip.unclear is None
    assert collate_clips([clip]).targets.unclear is None
    np.testing.assert_array_equal(clip.masks[0, 0], disc(*PLACES[0]))


def test_unclear_ground_moves_with_the_picture():
    clip = clip_of([np.zeros((48, 64), np.bool_)])
    ground = np.zeros((1, 48, 64), dtype=np.bool_)
    ground[0, 10:20, 10:30] = True
    shown = dataclasses.replace(clip, masks=ground[None].copy(), unclear=ground)
    for seed in range(4):
        moved = Augmentation(("flip", "affine"))(shown, seed)
        np.testing.assert_array_equal(moved.unclear, moved.masks[0])
    still = move_picture(shown, 3, np.random.default_rng(0))
    np.testing.assert_array_equal(still.unclear, still.masks[0])


def test_parts_of_frames_have_their_own_labels(large_video):
    window = FrameWindow(600, 280, 56, 40, LARGE)
    part = cut_out(large_video, window, [1])
    assert part.labelled_frames == (1,)
    clip = build_clip(part, [1], (80, 112), FrameStore())
    red = clip.frames[0, :, :, 0] > 140
    assert [bool(mask.any()) for mask in clip.masks[:, 0]] == [False, True, True, False]
    assert (red == clip.masks.any(0)[0]).mean() > 0.98
    store = FrameStore()
    whole = store.read(large_video, 1, LARGE)
    np.testing.assert_array_equal(store.read(part, 1, (40, 56)), whole[280:320, 600:656])


def test_windows_bring_a_small_object_to_a_size_at_which_it_is_found(large_video):
    boxes, count = small_objects(large_video, 0, SIDE)
    assert len(boxes) == count == 4
    drawn = [
        training_window(large_video, 0, SIDE, np.random.default_rng(seed)) for seed in range(60)
    ]
    windows = [window for window in drawn if window is not None]
    assert 35 < len(windows) < 60
    for window in windows:
        zoom = SIDE / window.height
        assert window.x >= 0 <= window.y
        assert window.x + window.width <= 960
        assert window.y + window.height <= 540
        assert 0.95 * SEEN_FROM_PX <= 13 * zoom <= 2.1 * SEEN_FROM_PX
    assert 3 <= len(set(windows)) <= 16
    shown = judging_windows(large_video, 0, SIDE, 9)
    assert len(shown) == 3  # two of the discs are seen at once
    assert judging_windows(large_video, 0, SIDE, 1) == shown[:1]
    assert judging_windows(large_video, 0, 540, 9) == []


def test_close_ups_teach_small_objects_with_masks_of_their_own(large_video):
    plain = VideoSource(0, (large_video,), still_share=0.5)
    close = dataclasses.replace(plain, close_up=True)
    seen = {False: 0, True: 0}
    for index in range(40):
        for source in (plain, close):
            clip = source(ClipRequest(index, 2, *SIZE))
            target = collate_clips([clip]).targets[0]
            seen[source.close_up] += bool(len(target.labels))
            assert all(mask.max() >= 0.5 for mask in target.masks)
            again = source(ClipRequest(index, 2, *SIZE))
            np.testing.assert_array_equal(clip.frames, again.frames)
    assert seen[False] == 0
    assert seen[True] >= 20


def test_clips_without_small_objects_are_drawn_as_ever(toy_video):
    video = toy_video([1, 4, 8], exhaustive=[1])
    plain = VideoSource(3, (video,), still_share=0.5)
    close = dataclasses.replace(plain, close_up=True)
    for index in range(8):
        request = ClipRequest(index, 3, 48, 80)
        np.testing.assert_array_equal(plain(request).frames, close(request).frames)
        np.testing.assert_array_equal(plain(request).masks, close(request).masks)


def test_unseen_masks_are_counted(large_video):
    small = count_unseen([large_video], SIDE)
    assert (small.unseen, small.side, small.smallest_px) == (8, SIDE, 13)
    assert count_unseen([large_video], 540).unseen == 0
