"""The streaming tracker against the plain one, and its memory."""

import numpy as np
import pytest
import torch

from ifc_core.inference.clip_plan import WindowStream
from ifc_core.tracking.video_tracker import ClipInstances, VideoTracker

SIZE = (12, 20)


def scene(seed, num_frames, clip_length, stride, num_objects=5, num_classes=3):
    """Clip results of discs that move, leave, come late and are missed at times."""
    rng = np.random.default_rng(seed)
    yy, xx = np.mgrid[: SIZE[0], : SIZE[1]]
    objects = [
        (rng.uniform(0, SIZE), rng.uniform(-1.0, 1.0, 2), rng.uniform(2, 4), rng.integers(3))
        for _ in range(num_objects)
    ]
    born = rng.integers(0, max(1, num_frames // 2), num_objects)
    dies = born + rng.integers(1, num_frames + 1, num_objects)
    stream, windows = WindowStream(clip_length, stride), []
    for _ in range(num_frames):
        windows.append((stream.push(), stream.settled_before))
    windows.append((stream.close(), num_frames))
    clips = []
    for window, settled in windows:
        if window is None:
            clips.append((None, settled))
            continue
        rows = []
        for k in rng.permutation(num_objects):
            centre, speed, radius, label = objects[k]
            alive = [born[k] <= f < dies[k] for f in window]
            if not any(alive) or rng.random() < 0.2:
                continue
            logits = np.stack(
                [
                    np.where(
                        here,
                        radius**2
                        - (yy - (centre[0] + speed[0] * f) % SIZE[0]) ** 2
                        - (xx - (centre[1] + speed[1] * f) % SIZE[1]) ** 2,
                        -6.0,
                    ).clip(-6, 6)
                    for f, here in zip(window, alive, strict=True)
                ]
            ) + rng.normal(0, 1, (len(window), *SIZE))
            probs = rng.uniform(0, 0.2, num_classes + 1)
            probs[label] += 1
            rows.append((probs / probs.sum(), logits))
        probs = np.array([r[0] for r in rows], np.float32).reshape(-1, num_classes + 1)
        logits = np.array([r[1] for r in rows], np.float32).reshape(-1, len(window), *SIZE)
        clips.append(((list(window), probs, logits), settled))
    return clips


def run(clips, clip_length):
    tracker = VideoTracker(clip_length)
    identities, frames, most_held = [], {}, 0
    for clip, settled in clips:
        if clip is not None:
            indices, probs, logits = clip
            instances = ClipInstances(
                tuple(indices), torch.from_numpy(probs), torch.from_numpy(logits)
            )
            identities.append(list(tracker.update(instances).identities))
        for frame in tracker.release(settled):
            assert frame.frame_index not in frames
            frames[frame.frame_index] = frame
        most_held = max(most_held, tracker.num_held_clips)
    frames |= {f.frame_index: f for f in tracker.finish()}
    return tracker, identities, frames, most_held


@pytest.mark.parametrize(
    ("num_frames", "clip_length", "stride"),
    [(14, 4, 1), (14, 5, 3), (11, 4, 4), (9, 9, 1), (3, 5, 1), (17, 6, 5), (1, 1, 1), (8, 1, 1)],
)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_equals_the_tracker_that_keeps_everything(
    plain_tracker, seed, num_frames, clip_length, stride
):
    clips = scene(seed, num_frames, clip_length, stride)
    given = [c for c, _ in clips if c is not None]
    expected = plain_tracker.track(given, num_frames, clip_length)
    tracker, identities, frames, _ = run(clips, clip_length)
    assert identities == expected.identities
    assert tracker.num_instances == len(expected.class_probs)
    for i, probs in enumerate(expected.class_probs):
        np.testing.assert_allclose(tracker.class_probs(i).numpy(), probs, atol=1e-6)
    assert sorted(frames) == list(range(num_frames))
    for f, frame in frames.items():
        seen = [i for i, m in enumerate(expected.mean_logits[:, f]) if np.isfinite(m).all()]
        assert list(frame.instance_ids) == seen
        for row, i in enumerate(seen):
            np.testing.assert_allclose(
                frame.mask_logits[row].numpy(), expected.mean_logits[i, f], atol=1e-5
            )


def test_memory_holds_the_clips_that_can_still_be_touched():
    short = run(scene(3, 20, 5, 1), 5)[3]
    long = run(scene(3, 120, 5, 1), 5)[3]
    assert long == short <= 5


def test_no_limit_on_instances():
    tracker = VideoTracker(2)
    for start in range(3):
        logits = torch.full((80, 2, 10, 10), -9.0)
        for row in range(80):  # its own pixel, never where the clip before had one
            logits[row, :, row // 10, row % 10] = 9.0
        clip = ClipInstances((start, start + 1), torch.full((80, 2), 0.5), logits)
        ids = tracker.update(clip).identities
        assert ids == tuple(range(80))
        list(tracker.release(start + 1))
    assert tracker.num_instances == 80


def test_nothing_overlaps_so_every_clip_makes_new_identities():
    _, identities, _, _ = run(scene(1, 12, 4, 4), 4)
    everyone = [i for clip in identities for i in clip]
    assert everyone == list(range(len(everyone)))


def test_a_pair_under_the_threshold_is_no_pair():
    left, right = torch.full((1, 1, 10, 10), -20.0), torch.full((1, 1, 10, 10), -20.0)
    left[..., :5] = 20.0
    right[..., 5:] = 20.0
    right[..., :2, 4] = 20.0  # soft IoU 2 / 100 with the left half
    tracker = VideoTracker(2)
    probs = torch.tensor([[0.9, 0.1]])
    tracker.update(ClipInstances((0,), probs, left))
    again = tracker.update(ClipInstances((0,), probs, right))
    assert again.identities == (1,)
    assert again.link_scores == (None,)


def test_uncertainty_is_the_disagreement_of_the_clips():
    logits = torch.full((1, 2, 8, 8), -30.0)
    logits[..., :4] = 30.0
    other = torch.full((1, 2, 8, 8), -30.0)
    other[..., 2:6] = 30.0  # IoU with the first 1 / 3
    probs = torch.tensor([[0.9, 0.1]])
    tracker = VideoTracker(2)
    tracker.update(ClipInstances((0, 1), probs, logits))
    link = tracker.update(ClipInstances((1, 2), probs, other)).link_scores[0]
    first, second, third = tracker.finish()
    assert first.uncertainties == (None,)
    assert second.uncertainties[0] == pytest.approx(2 / 3, abs=1e-4)
    assert third.uncertainties == (None,)
    assert link == pytest.approx(1 / 3, abs=1e-4)
    assert first.link_scores == (None,)
    assert second.link_scores[0] == pytest.approx(1 / 3, abs=1e-4)


def test_a_released_frame_cannot_come_again():
    tracker = VideoTracker(2)
    clip = ClipInstances((0, 1), torch.tensor([[0.9, 0.1]]), torch.zeros(1, 2, 4, 4))
    tracker.update(clip)
    list(tracker.release(1))
    with pytest.raises(ValueError, match="released"):
        tracker.update(clip)


def test_settled_frames_come_in_runs_that_the_same_clips_hold():
    tracker = VideoTracker(6)
    probs = torch.tensor([[0.9, 0.1]])
    for start in (0, 2):
        frames = tuple(range(start, start + 6))
        tracker.update(ClipInstances(frames, probs, torch.ones(1, 6, 2, 2)))
    assert tracker.settled(5) == [(0, 1), (2, 3, 4)]
    assert tracker.settled(8) == [(0, 1), (2, 3, 4, 5), (6, 7)]
    merged = tracker.merge((2, 3, 4))
    assert [frame.frame_index for frame in merged] == [2, 3, 4]
    assert all(frame.uncertainties[0] is not None for frame in merged)
    tracker.forget(4)
    assert tracker.settled(8) == [(4, 5), (6, 7)]


def test_what_a_frame_needs_can_be_kept_after_it_was_handed_out():
    tracker = VideoTracker(3)
    for start in (0, 3, 6):
        probs, logits = torch.tensor([[0.9, 0.1]]), torch.full((1, 3, 4, 4), float(start))
        tracker.update(ClipInstances(tuple(range(start, start + 3)), probs, logits))
    tracker.forget(6, kept_from=5)
    assert tracker.settled(9) == [(6, 7, 8)]  # the others are not handed out again
    assert [clip.frame_indices[0] for clip, _ in tracker.held(5)] == [3, 6]
    (again,) = tracker.merge([5])
    assert again.mask_logits.unique().item() == 3.0
    tracker.forget(7, kept_from=6)
    assert tracker.num_held_clips == 1
    tracker.forget(9, kept_from=20)  # never beyond what was handed out
    assert tracker.num_held_clips == 0


def test_a_long_run_is_averaged_in_parts():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 70, 3, 4, generator=generator)
    tracker = VideoTracker(70)
    tracker.update(ClipInstances(tuple(range(70)), torch.full((2, 2), 0.5), logits))
    runs = tracker.settled(70)
    assert max(len(run) for run in runs) < 70
    frames = list(tracker.finish())
    assert (
        [frame.frame_index for frame in frames] == list(range(70)) == [i for r in runs for i in r]
    )
    torch.testing.assert_close(torch.stack([f.mask_logits for f in frames], 1), logits)


def test_shapes_are_checked():
    with pytest.raises(ValueError, match="mask_logits"):
        ClipInstances((0, 1, 2), torch.zeros(1, 2), torch.zeros(1, 2, 4, 4))
    with pytest.raises(ValueError, match="class_probs"):
        ClipInstances((0, 1), torch.zeros(2, 2), torch.zeros(1, 2, 4, 4))
