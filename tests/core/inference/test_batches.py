"""Batches, as on a GPU: reading, network and linking overlap, and nothing else changes."""

import json

import pytest
import torch

from ifc_core.inference.clip_runner import ClipRunner
from ifc_core.inference.predictor import VideoPrediction
from ifc_core.inference.run_checkpoint import RunCheckpoint
from ifc_core.inference.settings import ProposeSettings
from ifc_core.jobs import JobCancelled, JobContext
from ifc_core.models.ifc import IFC


def begin(model, frames, settings, batch=1, resume=None, context=None):
    start = 0 if resume is None else resume.restart_frame
    given = ((i, frames[i]) for i in range(start, len(frames), settings.frame_step))
    return VideoPrediction(
        model, given, settings, context or JobContext(), None, None, resume, batch=batch
    )


def settings_of(**values):
    return ProposeSettings(**({"precision": "fp32", "score_threshold": 0.0} | values))


def assert_alike(found, expected):
    """Batches round otherwise, so that single pixels may differ."""
    assert [r.frame_index for r in found] == [r.frame_index for r in expected]
    for ours, theirs in zip(found, expected, strict=True):
        assert [m.instance_id for m in ours.masks] == [m.instance_id for m in theirs.masks]
        for a, b in zip(ours.masks, theirs.masks, strict=True):
            assert (a.rle.to_array() != b.rle.to_array()).sum() <= 2
            assert a.uncertainty == (
                None if b.uncertainty is None else pytest.approx(b.uncertainty, abs=1e-4)
            )
            assert a.link_score == (
                None if b.link_score is None else pytest.approx(b.link_score, abs=1e-4)
            )


@pytest.mark.parametrize("batch", [2, 5, 36])
@pytest.mark.parametrize(
    "values",
    [
        {"clip_length": 3},
        {"clip_length": 5, "clip_stride": 3},
        {"clip_length": 4, "clip_stride": 4},
        {"clip_length": 20, "clip_stride": 7},
        {"offline": True},
        {"clip_length": 3, "frame_step": 3},
    ],
    ids=str,
)
def test_batches_change_nothing(tiny_model, scene, batch, values):
    settings = settings_of(**values)
    single, batched = (begin(tiny_model, scene, settings, size) for size in (1, batch))
    assert_alike(list(batched), list(single))
    assert [i.instance_id for i in batched.instances] == [i.instance_id for i in single.instances]


@pytest.mark.parametrize("values", [{"clip_length": 4}, {"clip_length": 5, "clip_stride": 3}])
def test_a_stopped_run_of_batches_goes_on(tiny_model, scene, values):
    settings = settings_of(**values)
    whole = begin(tiny_model, scene, settings, 4)
    expected = list(whole)
    for count in (1, 2, 6, 11, 19):
        stopped = begin(tiny_model, scene, settings, 4)
        first = [next(stopped) for _ in range(count)]
        state = json.loads(json.dumps(stopped.checkpoint().to_json()))
        stopped.close()
        rest = begin(tiny_model, scene, settings, 4, RunCheckpoint.from_json(state))
        assert_alike(first + list(rest), expected)
        assert [i.instance_id for i in rest.instances] == [i.instance_id for i in whole.instances]


def test_too_little_memory_halves_the_batch_then_the_size(tiny_model, scene, monkeypatch):
    big = scene[:8].repeat(3, 1).repeat(3, 2)
    original = IFC.encode_frames
    most = 160 * 240

    def limited(self, frames, padding_mask=None):
        if frames.shape[0] * frames.shape[-1] * frames.shape[-2] > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return original(self, frames, padding_mask)

    monkeypatch.setattr(IFC, "encode_frames", limited)
    run = begin(tiny_model, big, settings_of(clip_length=3, short_side=192), 4)
    assert [r.frame_index for r in run] == list(range(8))
    assert [notice.split(", so ")[1] for notice in run.notices] == [
        "frames are now read 1 at a time.",
        "clips are now run 1 at a time.",
        "frames are now looked at in 216 by 144 pixels.",
    ]


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize(
    "values", [{"clip_length": 3}, {"clip_length": 3, "clip_stride": 2}, {"offline": True}], ids=str
)
def test_too_little_memory_for_masks_runs_those_clips_again(
    tiny_model, scene, monkeypatch, batch, values
):
    big = scene[:12].repeat(3, 1).repeat(3, 2)
    original, sizes = ClipRunner._finish, []

    def limited(self, pending):
        sizes.append(self.input_size)
        if len(sizes) > 2 and self.input_size[0] > 150:  # late, with frames in flight
            raise MemoryError
        if values.get("offline") and self.input_size[0] > 150:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return original(self, pending)

    monkeypatch.setattr(ClipRunner, "_finish", limited)
    run = begin(tiny_model, big, settings_of(short_side=192, **values), batch)
    found = list(run)
    assert [r.frame_index for r in found] == list(range(12))
    assert {m.rle.size for r in found for m in r.masks} == {big.shape[1:3]}
    assert sizes[-1] == (144, 216)
    assert run.notices[-1].endswith("216 by 144 pixels.")


def test_cancelling_ends_it_before_the_next_batch(tiny_model, scene):
    context = JobContext()
    run = begin(tiny_model, scene, settings_of(clip_length=3), 4, context=context)
    next(run)
    context.cancel()
    with pytest.raises(JobCancelled):
        list(run)


def test_memory_does_not_grow_with_the_video(tiny_model, scene):
    many = (scene[i % 20] for i in range(90))
    settings = settings_of(clip_length=4)
    run = VideoPrediction(tiny_model, enumerate(many), settings, JobContext(), None, None, batch=4)
    held = []
    for _ in run:
        held.append(run.num_held_frames)
    assert max(held) == max(held[:20]) <= 4 + 2 * 4
