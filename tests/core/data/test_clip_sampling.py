"""Clips of labelled videos: which frames, which masks, what is known."""

import dataclasses
import pickle
import shutil

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ifc_core.data import labelled_video
from ifc_core.data.augmentation import NAMES, Augmentation
from ifc_core.data.clip_sampling import build_clip, resize_mask, sample_frames
from ifc_core.data.clip_source import ClipRequest, sample_seed
from ifc_core.data.labelled_video import FrameStore
from ifc_core.data.pseudo_clip import move_picture
from ifc_core.data.sample import ClipSample
from ifc_core.data.video_source import VideoSource, pick_in_epochs
from ifc_core.errors import ConfigError, FormatError
from ifc_core.io.video import open_video

SIZE = (48, 80)


@given(
    reference=st.integers(0, 99),
    num_frames=st.integers(1, 8),
    interval=st.integers(0, 30),
    seed=st.integers(0, 1000),
)
def test_frames_are_sorted_near_and_hold_the_reference(reference, num_frames, interval, seed):
    rng = np.random.default_rng(seed)
    frames = sample_frames(reference, num_frames, range(100), rng, interval)
    assert len(frames) == num_frames
    assert frames == sorted(frames)
    assert reference in frames
    assert all(abs(f - reference) <= interval and 0 <= f < 100 for f in frames)


def test_frames_are_drawn_with_replacement_from_the_whole_interval():
    rng = np.random.default_rng(0)
    drawn = [f for _ in range(300) for f in sample_frames(50, 5, range(100), rng)]
    assert (min(drawn), max(drawn)) == (30, 70)
    assert any(len(set(sample_frames(50, 5, range(100), rng))) < 5 for _ in range(100))


def test_three_states_are_kept_apart(toy_video):
    video = toy_video([2, 3], exhaustive=[3, 7], absent=[5])
    clip = build_clip(video, [2, 3, 4, 5, 7], SIZE, FrameStore())
    assert clip.valid.tolist() == [[True, True, False, True, True]]
    assert clip.exhaustive.tolist() == [False, True, False, False, True]
    assert clip.masks.any(axis=(2, 3)).tolist() == [[True, True, False, False, False]]


def test_masks_lie_on_their_pixels(toy_video):
    clip = build_clip(toy_video([4]), [4], SIZE, FrameStore())
    red = clip.frames[0, :, :, 0] > 200
    assert (red == clip.masks[0, 0]).all()


def test_frames_and_masks_are_resized_alike(toy_video):
    clip = build_clip(toy_video([4]), [4], (24, 40), FrameStore())
    red = clip.frames[0, :, :, 0] > 140
    assert (red == clip.masks[0, 0]).mean() > 0.98


def test_thin_masks_survive_a_resize_by_area():
    mask = np.zeros((40, 40), dtype=np.bool_)
    mask[10:13] = True
    assert resize_mask(mask, (20, 20)).any()


def test_a_source_gives_equal_clips_for_equal_numbers(toy_video):
    augmentation = Augmentation(NAMES)
    source = VideoSource(3, (toy_video([1, 4, 8]),), augmentation=augmentation, still_share=0.5)
    other = pickle.loads(pickle.dumps(source))  # noqa: S301 - as a worker process gets it
    for index in range(6):
        request = ClipRequest(index, 3, *SIZE)
        a, b = source(request), other(request)
        np.testing.assert_array_equal(a.frames, b.frames)
        np.testing.assert_array_equal(a.masks, b.masks)
        np.testing.assert_array_equal(a.valid, b.valid)


def test_frames_have_sides_that_the_model_can_divide(toy_video):
    source = VideoSource(3, (toy_video([1, 4, 8]),), size_multiple=32)
    clip = source(ClipRequest(0, 2, 48, 48))  # 48 x 80 by its shape
    assert clip.frames.shape[1:3] == (64, 96)


def test_every_pass_visits_each_labelled_frame_once():
    for epoch in range(3):
        visited = [pick_in_epochs(5, epoch * 7 + n, 7) for n in range(7)]
        assert sorted(visited) == list(range(7))
    assert (
        len({sample_seed(0, n) for n in range(1000)} | {sample_seed(1, n) for n in range(1000)})
        == 2000
    )


def test_a_video_without_labels_is_refused(toy_video):
    with pytest.raises(FormatError, match="labelled frame"):
        VideoSource(0, (toy_video([]),))


def test_a_flip_moves_pixels_and_masks_together_in_all_frames(toy_video):
    clip = build_clip(toy_video([1, 2, 3]), [1, 2, 3], SIZE, FrameStore())
    flipped = 0
    for seed in range(8):
        out = Augmentation(("flip",))(clip, seed)
        red = out.frames[..., 0] > 200
        np.testing.assert_array_equal(red, out.masks[0])
        flipped += not np.array_equal(out.masks, clip.masks)
    assert 0 < flipped < 8


@pytest.mark.parametrize("name", ["affine", "crop", "blur", "motion_blur", "colour"])
def test_augmentation_keeps_masks_on_their_object(toy_video, name):
    clip = build_clip(toy_video([1, 2]), [1, 2], SIZE, FrameStore())
    changed = 0
    for seed in range(6):
        out = Augmentation((name,))(clip, seed)
        assert out.frames.shape == clip.frames.shape
        changed += not np.array_equal(out.frames, clip.frames)
        inside = out.frames[..., 0][out.masks[0]].astype(float)
        outside = out.frames[..., 0][~out.masks[0]].astype(float)
        if out.masks.sum() > 50:
            assert inside.mean() > outside.mean() + 40
    assert changed


def test_motion_blur_smears_along_a_line_and_keeps_the_light():
    frames = np.zeros((1, 31, 31, 3), dtype=np.uint8)
    frames[0, 15, 15] = 250
    clip = ClipSample.fully_labelled(frames, np.zeros((0, 1, 31, 31), bool), np.zeros(0, np.int64))
    elongated = 0
    for seed in range(30):
        out = Augmentation(("motion_blur",))(clip, seed).frames[0, :, :, 0].astype(float)
        if out.max() == 250:
            continue  # left alone this time
        assert 180 < out.sum() < 320
        places = np.argwhere(out > 0) - 15.0
        spread = np.linalg.eigvalsh(np.cov(places.T, aweights=out[out > 0]))
        elongated += spread[1] > 3 * spread[0]
    assert elongated >= 2


def test_augmentation_seeds_no_device(monkeypatch):
    """What a network draws on a GPU meanwhile does not depend on the clip."""
    seeded = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded.append)
    before = torch.get_rng_state()
    clip = ClipSample.fully_labelled(
        np.zeros((1, 8, 8, 3), np.uint8), np.zeros((1, 1, 8, 8), np.bool_), np.array([0])
    )
    Augmentation(NAMES)(clip, 7)
    assert not seeded
    assert torch.equal(torch.get_rng_state(), before)


def test_an_unknown_augmentation_is_refused():
    with pytest.raises(ConfigError, match="sparkle"):
        Augmentation(("sparkle",))


def test_a_moved_picture_moves_its_masks(toy_video):
    still = build_clip(toy_video([4], exhaustive=[4]), [4], SIZE, FrameStore())
    clip = move_picture(still, 4, np.random.default_rng(2))
    assert clip.frames.shape[0] == 4
    assert clip.exhaustive.all()
    for t in range(4):
        red = clip.frames[t, :, :, 0].astype(int) - clip.frames[t, :, :, 1] > 100
        overlap = (red & clip.masks[0, t]).sum() / (red | clip.masks[0, t]).sum()
        assert overlap > 0.8
    assert not np.array_equal(clip.masks[0, 0], clip.masks[0, 3])


def damage(folder, frame):
    """Cut the picture of a frame short."""
    path = folder / f"{frame:05d}.png"
    path.write_bytes(path.read_bytes()[:200])


def test_a_damaged_frame_is_stood_in_for_and_teaches_nothing(toy_video, video_folder):
    damage(video_folder, 4)
    video = toy_video([2, 4, 6], exhaustive=[4, 6])
    store = FrameStore()
    clip = build_clip(video, [2, 4, 6], SIZE, store)
    assert np.array_equal(clip.frames[1], store.read(video, 3, SIZE))
    assert clip.valid.tolist() == [[True, False, True]]
    assert clip.exhaustive.tolist() == [False, False, True]
    assert [bool(m.any()) for m in clip.masks[0]] == [True, False, True]
    assert [store.is_broken(video, f) for f in (2, 3, 4)] == [False, False, True]
    assert len(build_clip(video, [4], SIZE, store).labels) == 0
    store.close()


def test_a_source_goes_on_over_a_damaged_frame_and_stays_a_function_of_the_number(
    toy_video, video_folder
):
    damage(video_folder, 4)
    sources = [VideoSource(0, (toy_video([3, 5]),), labelled_share=0.0) for _ in range(2)]
    requests = [ClipRequest(n, 4, *SIZE, "easy") for n in range(12)]
    clips = [sources[0](request) for request in requests]
    assert any(not clip.valid.all() for clip in clips)
    for request, clip in zip(reversed(requests), reversed(clips), strict=True):
        again = sources[1](request)
        assert np.array_equal(again.frames, clip.frames)
        assert np.array_equal(again.valid, clip.valid)


def test_few_videos_are_open_at_a_time(toy_video, tmp_path, monkeypatch):
    opened, closed = [], []

    def opening(path):
        reader = open_video(path)
        opened.append(path)
        monkeypatch.setattr(reader, "close", lambda: closed.append(path))
        return reader

    monkeypatch.setattr(labelled_video, "open_video", opening)
    folders = [tmp_path / f"clip{n}" for n in range(6)]
    for folder in folders:
        shutil.copytree(tmp_path / "toy", folder)
    store = FrameStore(capacity_bytes=1)  # forgets each picture
    video = toy_video([1])
    for folder in (*folders, folders[-1], folders[0]):
        store.read(dataclasses.replace(video, path=folder), 1, SIZE)
    assert opened == [*folders, folders[0]]
    assert closed == folders[:3]
    store.close()
    assert len(closed) == len(opened)
