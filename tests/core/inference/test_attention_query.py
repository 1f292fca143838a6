"""Attention for any frame, through its canonical clip."""

import numpy as np
import pytest

from ifc_core.inference.attention_query import attention_at, clip_around
from ifc_core.inference.clip_features import ClipFeatureCache
from ifc_core.inference.settings import ProposeSettings
from ifc_core.jobs import JobCancelled, JobContext


def test_the_rows_are_those_of_the_centring_clip(tiny_model, scene, frames_reader):
    reader = frames_reader(scene)
    found = attention_at(tiny_model, reader, 7, ProposeSettings(clip_length=5))
    assert reader.read_frames == [4, 5, 6, 7, 8]
    assert found.prediction.frame_indices.tolist() == [4, 5, 6, 7, 8]
    assert (found.frame_index, found.position) == (7, 3)
    expected = tiny_model.predict_clip(scene[4:9])
    np.testing.assert_allclose(found.prediction.class_logits, expected.class_logits, atol=1e-4)
    for rows in found.attention.encode_receive:
        np.testing.assert_allclose(rows.sum(-1), 1.0, atol=1e-5)
    assert found.attention.memory_to_pixels(0, found.position, 1).shape == (2, 3)


def test_frames_are_resized_as_in_a_run(tiny_model, scene, frames_reader):
    reader = frames_reader(scene.repeat(2, 1).repeat(2, 2))
    found = attention_at(tiny_model, reader, 0, ProposeSettings(clip_length=3))
    assert found.attention.frame_size == (64, 96)


@pytest.mark.parametrize(
    ("frame", "step", "expected"),
    [(9, 4, [1, 5, 9]), (13, 4, [9, 13, 17]), (0, 4, [0, 4, 8]), (19, 1, [17, 18, 19])],
)
def test_clip_with_a_frame_step(frame, step, expected):
    settings = ProposeSettings(clip_length=3, frame_step=step)
    assert list(clip_around(frame, 20, settings)) == expected


def test_no_such_frame():
    with pytest.raises(IndexError):
        clip_around(20, 20, ProposeSettings())


def test_it_can_be_cancelled(tiny_model, scene, frames_reader):
    context = JobContext()
    context.cancel()
    with pytest.raises(JobCancelled):
        attention_at(tiny_model, frames_reader(scene), 3, ProposeSettings(), context)


def test_no_clip_holds_frames_of_two_shots(tiny_model, scene, frames_reader):
    film = np.concatenate([scene[:6], scene[:8, ::-1, :, [2, 0, 1]]])
    settings = ProposeSettings(clip_length=5)
    reader = frames_reader(film)
    cache = ClipFeatureCache(tiny_model, reader, settings)
    expected = {3: range(5), 5: range(1, 6), 6: range(6, 11), 8: range(6, 11), 12: range(9, 14)}
    for frame, clip in expected.items():
        found = attention_at(tiny_model, reader, frame, settings)
        assert found.prediction.frame_indices.tolist() == list(clip)
        assert found.position == clip.index(frame)
        assert cache.clip_of(frame).frame_indices == tuple(clip)
    assert cache.misses == 4
    uncut = ProposeSettings(clip_length=5, shot_cuts=False)
    found = attention_at(tiny_model, reader, 6, uncut)
    assert found.prediction.frame_indices.tolist() == [4, 5, 6, 7, 8]
