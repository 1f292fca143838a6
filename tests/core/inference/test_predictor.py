"""predict_video against the plain way, and how it behaves as a job."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ifc_core.errors import ConfigError, DeviceMemoryError
from ifc_core.inference.clip_plan import clip_windows
from ifc_core.inference.frame_input import resize_frames
from ifc_core.inference.predictor import predict_video
from ifc_core.inference.results import InstanceSummary, result_rows
from ifc_core.inference.settings import ProposeSettings
from ifc_core.jobs import JobCancelled, JobContext
from ifc_core.models.ifc import IFC

SETTINGS = {"precision": "fp32", "score_threshold": 0.0}


def run(model, frames, **settings):
    prediction = predict_video(
        model, enumerate(frames), ProposeSettings(**(SETTINGS | settings)), num_frames=len(frames)
    )
    return list(prediction), prediction


@torch.inference_mode()
def plain_way(plain_tracker, model, frames, clip_length, stride, size):
    """Whole clips through the whole network, the plain tracker, full-size logits."""
    clips = []
    for window in clip_windows(len(frames), clip_length, stride):
        out = model(model.normalize(frames[window.start : window.stop])[None])
        probs = out.class_logits.softmax(-1)[0]
        kept = probs.argmax(-1) != model.config.num_classes
        clips.append((list(window), probs[kept].numpy(), out.mask_logits[0, kept].numpy()))
    result = plain_tracker.track(clips, len(frames), clip_length)
    logits = torch.from_numpy(np.nan_to_num(result.mean_logits, nan=-1.0))
    return result, F.interpolate(logits, size, mode="bilinear", align_corners=False).numpy() > 0


@pytest.mark.parametrize(
    ("num_frames", "clip_length", "stride"), [(9, 3, 1), (8, 4, 3), (6, 6, 1), (2, 5, 2), (7, 3, 3)]
)
def test_equals_the_plain_way(plain_tracker, tiny_model, scene, num_frames, clip_length, stride):
    frames, size = scene[:num_frames], (64, 96)
    expected, masks = plain_way(plain_tracker, tiny_model, frames, clip_length, stride, size)
    results, run_ = run(tiny_model, frames, clip_length=clip_length, clip_stride=stride)
    assert [r.frame_index for r in results] == list(range(num_frames))
    with_mask = [i for i in range(len(masks)) if masks[i].any()]
    assert [i.instance_id for i in run_.instances] == with_mask
    for instance in run_.instances:
        np.testing.assert_allclose(
            instance.class_probs, expected.class_probs[instance.instance_id], atol=1e-5
        )
        present = np.flatnonzero(masks[instance.instance_id].any((1, 2)))
        assert (instance.first_frame, instance.last_frame) == (present[0], present[-1])
        assert instance.num_frames == len(present)
        assert instance.score == max(instance.class_probs[:-1])
        assert instance.class_probs[instance.label] == instance.score
    for result in results:
        found = {m.instance_id: m.rle.to_array() for m in result.masks}
        for i in range(len(masks)):
            wanted = masks[i, result.frame_index]
            assert (found.get(i, np.zeros(size, bool)) != wanted).sum() <= 2
            assert (i in found) == wanted.any()


def test_offline_is_one_clip_over_all(tiny_model, scene):
    offline, first = run(tiny_model, scene[:7], offline=True)
    whole, second = run(tiny_model, scene[:7], clip_length=7)
    assert offline == whole
    assert first.instances == second.instances
    assert all(m.uncertainty is None for r in offline for m in r.masks)


def test_frame_step_takes_every_nth_frame(tiny_model, scene):
    stepped, _ = run(tiny_model, scene, frame_step=4, clip_length=3)
    assert [r.frame_index for r in stepped] == [0, 4, 8, 12, 16]
    by_hand = predict_video(
        tiny_model,
        ((i, scene[i]) for i in range(0, 20, 4)),
        ProposeSettings(clip_length=3, frame_step=4, **SETTINGS),
    )
    assert list(by_hand) == stepped


def test_no_frames_give_nothing(tiny_model):
    results, prediction = run(tiny_model, [])
    assert results == []
    assert prediction.instances == ()


def test_per_frame_work_is_done_once_a_frame(tiny_model, scene, monkeypatch):
    seen = []
    original = IFC.encode_frames

    def counted(self, frames, padding_mask=None):
        seen.append(len(frames))
        return original(self, frames, padding_mask)

    monkeypatch.setattr(IFC, "encode_frames", counted)
    run(tiny_model, scene, clip_length=5, clip_stride=2)
    assert sum(seen) == len(scene)


def test_frames_are_read_only_as_far_ahead_as_a_clip_needs(tiny_model, scene):
    read = []

    def frames():
        for index, image in enumerate(scene):
            read.append(index)
            yield index, image

    settings = ProposeSettings(clip_length=4, **SETTINGS)
    for result in predict_video(tiny_model, frames(), settings):
        assert read[-1] <= result.frame_index + 3


def test_memory_does_not_grow_with_the_video(tiny_model, scene):
    held = []
    prediction = predict_video(
        tiny_model,
        ((i, scene[i % 20]) for i in range(60)),
        ProposeSettings(clip_length=4, **SETTINGS),
    )
    for _ in prediction:
        held.append(prediction.num_held_frames)
    assert max(held) == max(held[:10]) <= 4


def test_progress_counts_finished_frames(tiny_model, scene):
    reports = []
    context = JobContext(reports.append)
    settings = ProposeSettings(clip_length=3, **SETTINGS)
    list(predict_video(tiny_model, enumerate(scene[:6]), settings, context, num_frames=6))
    assert [p.done for p in reports] == list(range(7))
    assert {p.total for p in reports} == {6}


def test_cancel_stops_within_one_clip(tiny_model, scene):
    context = JobContext()
    given = []

    def frames():
        for index, image in enumerate(scene):
            if index == 9:
                context.cancel()
            given.append(index)
            yield index, image

    settings = ProposeSettings(clip_length=3, **SETTINGS)
    prediction = predict_video(tiny_model, frames(), settings, context)
    with pytest.raises(JobCancelled):
        list(prediction)
    assert given[-1] == 9


def test_frames_get_sides_that_the_model_can_divide(tiny_model, scene, monkeypatch):
    frames = np.ascontiguousarray(scene[:5, :50, :85])
    resized = resize_frames(torch.from_numpy(frames), (64, 96)).numpy()  # 64 x 109 by its shape
    settings = ProposeSettings(clip_length=3, **SETTINGS)
    expected = list(predict_video(tiny_model, enumerate(resized), settings, output_size=(50, 85)))
    preferences = replace(tiny_model.preferences, size_multiple=32)
    monkeypatch.setattr(tiny_model, "preferences", preferences)
    results, _ = run(tiny_model, frames, clip_length=3)
    assert any(result.masks for result in results)
    assert [[m.rle for m in r.masks] for r in results] == [
        [m.rle for m in r.masks] for r in expected
    ]


def test_region_limits_the_masks(tiny_model, scene):
    x, y, width, height = region = (30, 10, 60, 48)
    results, _ = run(tiny_model, scene[:5], region_xywh=region, short_side=48)
    outside = np.ones((64, 96), bool)
    outside[y : y + height, x : x + width] = False
    assert any(r.masks for r in results)
    for mask in (m.rle.to_array() for r in results for m in r.masks):
        assert mask.shape == (64, 96)
        assert not mask[outside].any()
    cropped = scene[:5, y : y + height, x : x + width]
    alone, _ = run(tiny_model, cropped, short_side=48)
    for whole, part in zip(results, alone, strict=True):
        for a, b in zip(whole.masks, part.masks, strict=True):
            inside = a.rle.to_array()[y : y + height, x : x + width]
            np.testing.assert_array_equal(inside, b.rle.to_array())


def test_a_region_outside_the_frame_is_refused(tiny_model, scene):
    with pytest.raises(ConfigError, match="does not lie"):
        run(tiny_model, scene[:2], region_xywh=(60, 0, 60, 40))


def test_instances_under_the_threshold_leave_the_table(tiny_model, scene):
    _, everything = run(tiny_model, scene[:5])
    scores = sorted(i.score for i in everything.instances)
    _, confident = run(tiny_model, scene[:5], score_threshold=scores[-1])
    assert [i.score for i in confident.instances] == [scores[-1]]
    certain = [i.instance_id for i in everything.instances if confident.is_certain(i.instance_id)]
    assert certain == [i.instance_id for i in confident.instances]


def test_without_a_threshold_the_model_says_it(tiny_model, scene, prefer):
    _, everything = run(tiny_model, scene[:5])
    scores = sorted(i.score for i in everything.instances)
    prefer(tiny_model, score_threshold=scores[-1])
    _, own = run(tiny_model, scene[:5], score_threshold=None)
    assert [i.score for i in own.instances] == [scores[-1]]


def test_provisional_scores_come_with_the_frames(tiny_model, scene):
    results, prediction = run(tiny_model, scene[:6], clip_length=3)
    final = {i.instance_id: i for i in prediction.instances}
    for mask in results[-1].masks:
        assert mask.score == pytest.approx(final[mask.instance_id].score)
        assert mask.label == final[mask.instance_id].label
    shared = [m.uncertainty for m in results[3].masks if m.uncertainty is not None]
    assert shared
    assert all(0.0 <= u <= 1.0 for u in shared)
    assert all(m.uncertainty is None for m in results[0].masks)


def test_output_size(tiny_model, scene):
    settings = ProposeSettings(clip_length=3, **SETTINGS)
    results = predict_video(tiny_model, enumerate(scene[:4]), settings, output_size=(30, 50))
    assert {m.rle.size for r in results for m in r.masks} == {(30, 50)}


def out_of_memory_over(monkeypatch, pixels):
    original = IFC.encode_frames

    def limited(self, frames, padding_mask=None):
        if frames.shape[0] * frames.shape[-1] * frames.shape[-2] > pixels:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return original(self, frames, padding_mask)

    monkeypatch.setattr(IFC, "encode_frames", limited)


def test_too_little_memory_lowers_the_resolution_and_says_so(tiny_model, scene, monkeypatch):
    big = scene.repeat(3, 1).repeat(3, 2)
    out_of_memory_over(monkeypatch, 160 * 240)
    results, prediction = run(tiny_model, big[:5], clip_length=3, short_side=192)
    assert [r.frame_index for r in results] == list(range(5))
    assert {m.rle.size for r in results for m in r.masks} == {(192, 288)}
    assert prediction.notices == (
        "Memory ran out, so frames are now looked at in 216 by 144 pixels.",
    )


def test_memory_that_runs_out_later_changes_the_size_of_all_frames_in_flight(
    tiny_model, scene, monkeypatch
):
    big = scene.repeat(3, 1).repeat(3, 2)
    original = IFC.encode_frames
    calls = []

    def limited(self, frames, padding_mask=None):
        calls.append(frames.shape[-2])
        if len(calls) > 4 and frames.shape[-2] > 150:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried ...")
        return original(self, frames, padding_mask)

    monkeypatch.setattr(IFC, "encode_frames", limited)
    results, prediction = run(tiny_model, big[:8], clip_length=3, short_side=192)
    assert [r.frame_index for r in results] == list(range(8))
    assert len(prediction.notices) == 1
    assert calls[:5] == [192] * 5
    assert calls[5:] == [144] * (8 - 4 + 2)  # the two frames in flight are encoded again
    assert {m.rle.size for r in results for m in r.masks} == {(192, 288)}


def test_offline_can_be_cancelled_while_frames_are_read(tiny_model, scene):
    context = JobContext()
    given = []

    def frames():
        for index, image in enumerate(scene):
            if index == 4:
                context.cancel()
            given.append(index)
            yield index, image

    settings = ProposeSettings(offline=True, **SETTINGS)
    with pytest.raises(JobCancelled):
        list(predict_video(tiny_model, frames(), settings, context))
    assert given[-1] == 4


def test_far_too_little_memory_is_an_error_to_act_on(tiny_model, scene, monkeypatch):
    out_of_memory_over(monkeypatch, 100)
    with pytest.raises(DeviceMemoryError, match="shorter clip length"):
        run(tiny_model, scene[:3], clip_length=3)


def test_other_errors_are_not_taken_for_lack_of_memory(tiny_model, scene, monkeypatch):
    def broken(self, frames, padding_mask=None):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(IFC, "encode_frames", broken)
    with pytest.raises(RuntimeError, match="mat1"):
        run(tiny_model, scene[:3])


def test_the_model_is_left_as_it_was(tiny_model, scene):
    before = {k: v.clone() for k, v in tiny_model.state_dict().items()}
    run(tiny_model, scene[:3])
    after = tiny_model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[k], after[k]) for k in before)


def test_rows_for_the_evaluator():
    table = (
        InstanceSummary(0, (0.5, 0.3, 0.005, 0.195), 0.5, 0, 0, 1, 2),
        InstanceSummary(2, (0.0, 0.2, 0.6, 0.2), 0.6, 2, 0, 0, 1),
    )
    rows = [(r.instance_id, r.label, r.score) for r in result_rows(table)]
    assert rows == [(0, 0, 0.5), (0, 1, 0.3), (2, 1, 0.2), (2, 2, 0.6)]
    best = [(r.instance_id, r.label) for r in result_rows(table, best_only=True)]
    assert best == [(0, 0), (2, 2)]
