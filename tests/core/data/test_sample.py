"""Samples, soft targets and padded batches."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ifc_core.data.sample import ClipSample, collate_clips, make_target


def make_sample(height, width, num_frames=2, count=1):
    frames = np.full((num_frames, height, width, 3), 7, dtype=np.uint8)
    masks = np.zeros((count, num_frames, height, width), dtype=np.bool_)
    masks[:, :, : height // 2] = True
    return ClipSample.fully_labelled(frames, masks, np.zeros(count, dtype=np.int64))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("masks", np.zeros((1, 2, 8, 9), dtype=np.bool_)),
        ("labels", np.zeros(2, dtype=np.int64)),
        ("valid", np.ones((1, 3), dtype=np.bool_)),
        ("exhaustive", np.ones(2, dtype=np.uint8)),
    ],
)
def test_parts_that_disagree_are_refused(field, value):
    good = make_sample(8, 8)
    parts = {name: getattr(good, name) for name in ClipSample.__slots__}
    with pytest.raises(ValueError, match=r"expected|shape"):
        ClipSample(**{**parts, field: value})


@given(
    sizes=st.lists(st.tuples(st.integers(9, 40), st.integers(9, 40)), min_size=1, max_size=3),
    stride=st.sampled_from([2, 4]),
)
def test_batches_pad_at_the_bottom_right_and_say_where(sizes, stride):
    batch = collate_clips([make_sample(h, w) for h, w in sizes], stride)
    height, width = max(h for h, _ in sizes), max(w for _, w in sizes)
    assert batch.frames.shape == (len(sizes), 2, height, width, 3)
    assert (batch.padding_mask is None) == all(size == (height, width) for size in sizes)
    for row, (h, w) in enumerate(sizes):
        assert (batch.frames[row, :, :h, :w] == 7).all()
        assert batch.frames[row].sum() == 7 * 3 * 2 * h * w
        if batch.padding_mask is not None:
            assert int((~batch.padding_mask[row]).sum()) == h * w
            assert not batch.padding_mask[row, :h, :w].any()
        target = batch.targets[row]
        assert target.masks.shape[-2:] == (-(-height // stride), -(-width // stride))


def test_clips_of_different_lengths_do_not_batch():
    with pytest.raises(ValueError, match="one length"):
        collate_clips([make_sample(8, 8, 1), make_sample(8, 8, 2)])


def test_a_track_that_is_absent_throughout_is_dropped():
    sample = make_sample(8, 8, count=3)
    sample.masks[1] = False
    sample.valid[2] = False
    assert len(make_target(sample, (8, 8), 4).labels) == 1


def test_targets_are_averages_of_pixels():
    sample = make_sample(8, 8)
    sample.masks[:] = False
    sample.masks[0, 0, 1:3, 1:3] = True  # the four pixels that a stride-4 sample interpolates
    target = make_target(sample, (8, 8), 4)
    assert target.masks[0, 0, 0, 0] == 1
    assert target.masks[0, 1].sum() == 0


def test_empty_clips_are_legal():
    frames = np.zeros((2, 8, 8, 3), dtype=np.uint8)
    empty = ClipSample.fully_labelled(
        frames, np.zeros((0, 2, 8, 8), dtype=np.bool_), np.zeros(0, dtype=np.int64)
    )
    batch = collate_clips([empty, make_sample(8, 8)])
    assert batch.targets[0].masks.shape == (0, 2, 2, 2)
    assert isinstance(batch.to("cpu").targets[1].masks, torch.Tensor)
