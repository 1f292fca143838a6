"""New clips composed from those of a batch."""

import numpy as np
import pytest
import torch

from ifc_core.data.remix import as_rendered, collate_raw, remix
from ifc_core.data.sample import ClipSample, collate_clips
from ifc_core.errors import ConfigError


def squares(*colours, size=(64, 96), num_frames=3, start=20):
    """A grey clip with a square a colour that drifts to the right."""
    frames = np.full((num_frames, *size, 3), 90, np.uint8)
    masks = np.zeros((len(colours), num_frames, *size), np.bool_)
    for number, colour in enumerate(colours):
        for t in range(num_frames):
            x = start + 30 * number + 2 * t
            masks[number, t, 20:40, x : x + 16] = True
        frames[masks[number]] = colour
    return ClipSample.fully_labelled(frames, masks, np.arange(len(colours)))


CLIPS = [squares((250, 30, 30)), squares((30, 30, 250), (30, 250, 30)), squares()]


def test_as_rendered_gives_the_targets_of_an_ordinary_batch():
    expected = collate_clips(CLIPS)
    found = as_rendered(collate_raw(CLIPS), 4)
    assert found.targets.counts == expected.targets.counts == (1, 2, 0)
    assert torch.equal(found.frames, expected.frames)
    for one, other in zip(found.targets, expected.targets, strict=True):
        assert torch.allclose(one.masks, other.masks)
        assert torch.equal(one.labels, other.labels)
        assert torch.equal(one.valid, other.valid)


def test_masks_follow_the_things_that_are_moved_recoloured_and_pasted():
    torch.manual_seed(1)
    pasted = False
    for _ in range(20):
        batch = remix(collate_raw(CLIPS), 1)
        assert batch.frames.shape == (3, 3, 64, 96, 3)
        for frames, target, original in zip(batch.frames, batch.targets, CLIPS, strict=True):
            pasted |= len(target.labels) > len(original.labels)
            for mask in target.masks:
                for frame, inside in zip(frames.float(), mask > 0.5, strict=True):
                    outside = torch.nn.functional.max_pool2d(1 - inside[None].float(), 5, 1, 2)
                    core = outside[0] == 0  # clear of edges, which are blended
                    if core.sum() < 20:
                        continue
                    colour = frame[core].median(0).values
                    near = (frame - colour).abs().amax(-1) < 30
                    assert near[core].float().mean() > 0.9  # one colour inside
                    assert near[~inside].float().mean() < 0.35  # and another outside
    assert pasted


def test_two_draws_differ_and_equal_seeds_agree():
    raw = collate_raw(CLIPS)
    torch.manual_seed(3)
    first = remix(raw, 4)
    second = remix(raw, 4)
    torch.manual_seed(3)
    again = remix(raw, 4)
    assert not torch.equal(first.frames, second.frames)
    assert torch.equal(first.frames, again.frames)
    assert torch.equal(first.targets.masks, again.targets.masks)


def test_padded_clips_keep_their_view():
    torch.manual_seed(0)
    clips = [squares((250, 30, 30)), squares((30, 250, 30), size=(48, 80))]
    batch = remix(collate_raw(clips), 4)
    plain = collate_clips(clips)
    assert torch.equal(batch.padding_mask, plain.padding_mask)
    assert torch.allclose(batch.targets.masks, plain.targets.masks)
    assert not batch.frames[1, :, 48:].any()


def test_what_is_not_known_stays_unknown():
    torch.manual_seed(0)
    clip = squares((250, 30, 30), (30, 30, 250))
    valid = np.array([[True, True, True], [False, False, False]])
    partial = ClipSample(clip.frames, clip.masks, clip.labels, valid, np.zeros(3, np.bool_))
    batch = remix(collate_raw([partial, squares()]), 4)
    assert batch.targets.counts[0] == 1
    assert not batch.targets.exhaustive[0].any()
    assert batch.targets.exhaustive[1].all()


def small(sizes):
    """A clip with one square of each size (pixels a side), one a frame."""
    frames = np.full((len(sizes), 64, 96, 3), 90, np.uint8)
    masks = np.zeros((1, len(sizes), 64, 96), np.bool_)
    for t, side in enumerate(sizes):
        masks[0, t, 20 : 20 + side, 30 : 30 + side] = True
    return ClipSample.fully_labelled(frames, masks, np.zeros(1, np.int64))


def test_small_things_stay_as_rendered_and_are_left_open_where_little_is_left_of_them():
    clips = [small((4, 12, 0)), small((3, 3, 3))]
    plain = as_rendered(collate_raw(clips), 1).targets
    assert plain.counts == (1, 1)
    assert plain.valid.all()
    assert plain.masks.sum((3, 4)).tolist() == [[[16, 144, 0]], [[9, 9, 9]]]
    padded = [squares((250, 30, 30), size=(64, 97)), *clips]  # so that nothing is moved
    found = remix(collate_raw(padded), 1).targets
    assert found.counts == (1, 1, 0)
    assert found.valid[1, 0].tolist() == [False, True, True]
    assert found.masks[1, 0].sum((1, 2)).tolist() == [0, 144, 0]


def test_too_many_tracks_are_refused_in_words():
    clip = squares()
    masks = np.zeros((256, *clip.frames.shape[:3]), np.bool_)
    crowd = ClipSample.fully_labelled(clip.frames, masks, np.zeros(256, np.int64))
    with pytest.raises(ConfigError, match="256 tracks"):
        collate_raw([crowd])


def test_clips_of_different_length_do_not_mix():
    with pytest.raises(ValueError, match="one length"):
        collate_raw([squares(num_frames=2), squares(num_frames=3)])
