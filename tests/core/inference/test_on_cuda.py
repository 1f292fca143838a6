"""A run on a CUDA device: exact against the CPU, batches, graphs, memory, streams."""

import copy
import threading

import numpy as np
import pytest
import torch

from ifc_core.inference import run_setup
from ifc_core.inference.attention_query import attention_at
from ifc_core.inference.clip_features import ClipFeatureCache
from ifc_core.inference.clip_runner import CachedFrame, ClipRunner
from ifc_core.inference.device_arithmetic import device_arithmetic
from ifc_core.inference.device_graphs import GraphedWork
from ifc_core.inference.device_input import FrameSender
from ifc_core.inference.device_masks import encode_many
from ifc_core.inference.edge_motion import FrameMotion, flow_picture
from ifc_core.inference.edge_refiner import load_edge_refiner
from ifc_core.inference.fast_model import choose_dtype, fast_model
from ifc_core.inference.frame_input import resize_frames
from ifc_core.inference.mask_output import encode_logits
from ifc_core.inference.predictor import predict_video
from ifc_core.inference.read_ahead import read_ahead
from ifc_core.inference.run_checkpoint import RunCheckpoint
from ifc_core.inference.settings import ProposeSettings
from ifc_core.jobs import JobCancelled, JobContext
from ifc_core.models.preferences import ModelPreferences
from ifc_core.tracking.video_tracker import ClipInstances, VideoTracker

pytestmark = pytest.mark.cuda

SETTINGS = {"precision": "fp32", "score_threshold": 0.0}


@pytest.fixture
def cuda_model(tiny_model):
    model = copy.deepcopy(tiny_model).to("cuda")
    model.preferences = ModelPreferences(short_side=64)
    return model


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(run_setup, "_GPU_BATCH", 4)


def run(model, frames, resume=None, **settings):
    prediction = predict_video(
        model,
        frames if resume is not None else enumerate(frames),
        ProposeSettings(**(SETTINGS | settings)),
        resume=resume,
    )
    return list(prediction), prediction


def assert_alike(found, expected, least_iou=0.99):
    """Same frames, same identities, almost the same masks."""
    results, prediction = found
    wanted, reference = expected
    assert [r.frame_index for r in results] == [r.frame_index for r in wanted]
    for ours, theirs in zip(results, wanted, strict=True):
        mine = {m.instance_id: m for m in ours.masks}
        yours = {m.instance_id: m for m in theirs.masks}
        for i in mine.keys() ^ yours.keys():  # a mask of a few pixels may come or go
            assert (mine.get(i) or yours[i]).rle.area <= 4
        for i in mine.keys() & yours.keys():
            a, b = mine[i].rle.to_array(), yours[i].rle.to_array()
            assert (a != b).sum() <= max(2, (1 - least_iou) * (a | b).sum())
            assert (mine[i].uncertainty is None) == (yours[i].uncertainty is None)
            if mine[i].uncertainty is not None:
                assert mine[i].uncertainty == pytest.approx(yours[i].uncertainty, abs=5e-3)
            if yours[i].link_score is not None:
                assert mine[i].link_score == pytest.approx(yours[i].link_score, abs=5e-3)
    table, known = (
        {i.instance_id: i.class_probs for i in p.instances} for p in (prediction, reference)
    )
    for i in table.keys() & known.keys():
        np.testing.assert_allclose(table[i], known[i], atol=2e-3)


@pytest.mark.parametrize(("length", "stride"), [(3, 1), (5, 3), (4, 4), (20, 1), (36, 36)], ids=str)
def test_float32_gives_what_the_cpu_gives(
    tiny_model, cuda_model, small_batches, scene, length, stride
):
    settings = {"clip_length": length, "clip_stride": stride}
    assert_alike(run(cuda_model, scene, **settings), run(tiny_model, scene, **settings))


def test_offline_and_a_large_batch(tiny_model, cuda_model, scene):
    for settings in ({"offline": True}, {"clip_length": 6, "clip_stride": 2}):
        assert_alike(run(cuda_model, scene, **settings), run(tiny_model, scene, **settings))


def test_a_region_and_resizing(tiny_model, cuda_model, small_batches, scene):
    big = scene.repeat(2, 1).repeat(2, 2)
    settings = {"clip_length": 3, "region_xywh": (20, 10, 150, 110), "short_side": 64}
    found, expected = run(cuda_model, big, **settings), run(tiny_model, big, **settings)
    assert_alike(found, expected, 0.97)  # resized in other kernels, to one grey level


def test_one_frame_after_the_other(tiny_model, cuda_model, scene):
    settings = ProposeSettings(clip_length=4, **SETTINGS)
    live = predict_video(cuda_model, enumerate(scene), settings, low_delay=True)
    results = list(live)
    assert_alike((results, live), run(tiny_model, scene, clip_length=4))


@pytest.mark.parametrize("dtype", ["bf16", "fp16"])
def test_low_precision_stays_close(cuda_model, scene, dtype):
    kinds = {"bf16": torch.bfloat16, "fp16": torch.float16}
    found = {}
    for name, kind in (("fp32", torch.float32), (dtype, kinds[dtype])):
        model = fast_model(cuda_model, kind)
        with torch.inference_mode(), device_arithmetic(model.device, name == "fp32"):
            out = model.decode_clip(model.encode_frames(model.normalize(scene[:5])))
            masks = model.mask_logits(out.mask_weights, out.mask_features)
        found[name] = (out.class_logits.float().softmax(-1), masks > 0)
    assert (found["fp32"][0] - found[dtype][0]).abs().max() < 0.05
    assert (found["fp32"][1] == found[dtype][1]).float().mean() > 0.98


def test_auto_takes_low_precision_where_the_check_passes(cuda_model, scene):
    assert choose_dtype(cuda_model, "auto") in (torch.bfloat16, torch.float16)
    results, _ = run(cuda_model, scene, clip_length=5, precision="auto")
    assert [r.frame_index for r in results] == list(range(len(scene)))


def test_graphs_and_eager_runs_are_alike(cuda_model, small_batches, scene, monkeypatch):
    frames = np.concatenate([scene, scene[::-1]])
    graphed = run(cuda_model, frames, clip_length=4, clip_stride=2)
    monkeypatch.setattr(GraphedWork, "__call__", lambda self, *inputs: self.work(*inputs))
    assert_alike(graphed, run(cuda_model, frames, clip_length=4, clip_stride=2))


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA devices")
def test_another_device_than_the_current_one(tiny_model, cuda_model, small_batches, scene):
    expected = run(tiny_model, scene, clip_length=4)
    assert_alike(run(cuda_model, scene, clip_length=4), expected)  # which records graphs first
    assert_alike(run(cuda_model.to("cuda:1"), scene, clip_length=4), expected)
    assert torch.cuda.current_device() == 0


def test_graphs_share_one_memory_and_do_not_disturb_each_other(cuda_model, scene):
    runner = ClipRunner(fast_model(cuda_model), frame_batch=4, clip_group=2)
    rounds = []
    for _ in range(3):  # eager, recorded, replayed
        frames = [CachedFrame(image) for image in scene[:4]]
        windows = [frames[:3], frames[1:], frames[:3]]  # a full group, and one that is not
        rounds.append(runner.clips(windows, [(0, 1, 2), (1, 2, 3), (0, 1, 2)]))
    assert runner._graphs.count == 3
    for other in rounds[1:]:
        for clip, first in zip(other, rounds[0], strict=True):
            assert clip.queries == first.queries
            torch.testing.assert_close(clip.mask_logits, first.mask_logits)


def test_graphs_are_recorded_while_another_thread_sends_frames(cuda_model, scene):
    runner = ClipRunner(fast_model(cuda_model), frame_batch=4, clip_group=2)
    sender = FrameSender(torch.device("cuda"), 4, lambda image: image)
    frames = ((i, scene[i % 20]) for i in range(80))
    with read_ahead(sender.batches(frames), 2) as batches:
        for batch in batches:
            held = [CachedFrame(image) for image in batch.arrived()]
            runner.encode(held)
            runner.finish(runner.begin([held], [batch.indices])[0])
    assert runner._encoding.enabled
    assert len(runner._encoding._captured) == 1
    assert all(work.enabled for work in runner._decoding.values())


def test_frames_arrive_as_they_were(scene):
    sender = FrameSender(torch.device("cuda"), 5, lambda image: image[2:60])
    frames = [(i, np.roll(scene[i % 20], i, 1)) for i in range(63)]
    seen = []
    with read_ahead(sender.batches(iter(frames)), 2) as batches:
        for batch in batches:
            arrived = batch.arrived()
            torch.cuda._sleep(1_000_000)  # the next batches are sent while this one is used
            seen += list(zip(batch.indices, arrived.clone(), strict=True))
    assert [i for i, _ in seen] == list(range(63))
    for (i, image), (_, original) in zip(seen, frames, strict=True):
        np.testing.assert_array_equal(image.cpu().numpy(), original[2:60], err_msg=str(i))


def test_memory_that_runs_out_is_made_do_with(cuda_model, scene):
    big = scene[:12].repeat(12, 1).repeat(12, 2)  # 768 x 1152
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    taken = torch.cuda.memory_reserved()
    torch.cuda.set_per_process_memory_fraction((taken + 220e6) / total)
    try:
        results, prediction = run(cuda_model, big, clip_length=3, short_side=768)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()
    assert [r.frame_index for r in results] == list(range(12))
    assert prediction.notices
    assert all(notice.startswith("Memory ran out") for notice in prediction.notices)
    assert {m.rle.size for r in results for m in r.masks} == {(768, 1152)}


def test_it_stops_and_leaves_no_thread(cuda_model, small_batches, scene):
    context = JobContext()
    settings = ProposeSettings(clip_length=3, **SETTINGS)
    prediction = predict_video(cuda_model, enumerate(scene), settings, context)
    next(prediction)
    context.cancel()
    with pytest.raises(JobCancelled):
        list(prediction)
    assert not [t for t in threading.enumerate() if t.name == "read-ahead"]


def test_a_stopped_run_goes_on(cuda_model, small_batches, scene):
    settings = ProposeSettings(clip_length=4, **SETTINGS)
    whole = predict_video(cuda_model, enumerate(scene), settings)
    expected = list(whole)
    for count in (1, 7, 12):
        stopped = predict_video(cuda_model, enumerate(scene), settings)
        first = [next(stopped) for _ in range(count)]
        state = RunCheckpoint.from_json(stopped.checkpoint().to_json())
        stopped.close()
        rest = predict_video(
            cuda_model,
            ((i, scene[i]) for i in range(state.restart_frame, 20)),
            settings,
            resume=state,
        )
        results = list(rest)
        assert [r.frame_index for r in first + results] == list(range(20))
        assert_alike((results, rest), (expected[count:], whole))


def test_masks_are_encoded_as_on_the_cpu():
    generator = torch.Generator().manual_seed(1)
    coarse = torch.randn(1, 9, 6, 8, generator=generator)
    logits = torch.nn.functional.interpolate(coarse, (45, 80), mode="bicubic")[0]
    found = encode_many([logits[:4].cuda(), logits[4:].cuda()], (360, 640))
    for mask, one in zip(found[0] + found[1], logits.numpy(), strict=True):
        expected = encode_logits(one, (360, 640)).to_array()
        assert (mask.to_array() != expected).sum() <= 3


def test_resizing_to_one_grey_level():
    frames = torch.randint(0, 256, (2, 97, 161, 3), dtype=torch.uint8)
    ours = resize_frames(frames.cuda(), (45, 80)).cpu().int()
    assert (ours - resize_frames(frames, (45, 80)).int()).abs().max() <= 1


def test_the_tracker_on_the_device_gives_the_same_identities():
    generator = torch.Generator().manual_seed(3)
    shape = torch.randn(6, 1, 12, 20, generator=generator) * 4
    trackers, seen = {"cpu": VideoTracker(4), "cuda": VideoTracker(4)}, {}
    for device, tracker in trackers.items():
        noise = torch.Generator().manual_seed(4)
        identities = []
        for start in range(8):
            order = torch.randperm(6, generator=noise)[:5]
            logits = shape[order] + torch.randn(5, 4, 12, 20, generator=noise)
            probs = torch.rand(5, 4, generator=noise).softmax(-1)
            clip = ClipInstances(
                tuple(range(start, start + 4)), probs.to(device), logits.to(device)
            )
            identities.append(tracker.update(clip).identities)
        seen[device] = identities, list(tracker.finish())
    assert seen["cpu"][0] == seen["cuda"][0]
    for ours, theirs in zip(seen["cuda"][1], seen["cpu"][1], strict=True):
        assert ours.instance_ids == theirs.instance_ids
        torch.testing.assert_close(ours.mask_logits.cpu(), theirs.mask_logits, atol=1e-5, rtol=0)
        for mine, yours in zip(ours.uncertainties, theirs.uncertainties, strict=True):
            assert mine == (None if yours is None else pytest.approx(yours, abs=1e-4))


def test_switches_are_put_back():
    before = (
        torch.backends.cudnn.allow_tf32,
        torch.backends.cudnn.benchmark,
        torch.get_float32_matmul_precision(),
    )
    with device_arithmetic(torch.device("cuda"), exact=True):
        assert not torch.backends.cudnn.allow_tf32
    with device_arithmetic(torch.device("cuda"), exact=False):
        assert torch.get_float32_matmul_precision() == "high"
    after = (
        torch.backends.cudnn.allow_tf32,
        torch.backends.cudnn.benchmark,
        torch.get_float32_matmul_precision(),
    )
    assert before == after


def test_attention_rows_are_those_of_the_cpu(tiny_model, cuda_model, scene, frames_reader):
    settings = ProposeSettings(clip_length=5)
    ours = attention_at(cuda_model, frames_reader(scene), 7, settings)
    theirs = attention_at(tiny_model, frames_reader(scene), 7, settings)
    for mine, yours in zip(
        ours.attention.encode_receive, theirs.attention.encode_receive, strict=True
    ):
        np.testing.assert_allclose(mine, yours, atol=2e-3)
    np.testing.assert_allclose(
        ours.prediction.class_logits, theirs.prediction.class_logits, atol=0.02
    )


def test_features_for_corrections_are_those_of_the_cpu(
    tiny_model, cuda_model, scene, frames_reader
):
    settings = ProposeSettings(clip_length=5)
    ours, theirs = (
        ClipFeatureCache(model, frames_reader(scene), settings)
        for model in (cuda_model, tiny_model)
    )
    first, second = ours.clip_of(6), theirs.clip_of(6)
    assert first.frame_indices == second.frame_indices
    for name in ("mask_features", "mask_weights", "class_probs"):
        mine, yours = getattr(first, name).float(), getattr(second, name).float()
        assert (mine - yours).abs().max() <= 0.02 * yours.abs().max()
    for mine, yours in zip(ours.maps(6), theirs.maps(6), strict=True):
        assert np.abs(mine.astype(float) - yours).max() <= 0.02 * np.abs(yours).max()


def test_edges_are_decided_as_on_a_processor(cuda_model, tiny_model, scene, star):
    gray = flow_picture(star.frame)
    for motion in (None, FrameMotion.between(np.roll(gray, 3, 1), gray, None)):
        (there,) = load_edge_refiner("cuda").decide(star.logits[None], star.frame, None, motion)
        (here,) = load_edge_refiner("cpu").decide(star.logits[None], star.frame, None, motion)
        assert there.encoded.rle.iou(here.encoded.rle) > 0.99
        assert there.encoded.quality == pytest.approx(here.encoded.quality, abs=1e-2)
    for way in ("fast", "best"):
        settings = {"edges": way, "short_side": 64}
        found, wanted = run(cuda_model, scene, **settings), run(tiny_model, scene, **settings)
        assert_alike(found, wanted, least_iou=0.5)  # a pixel can decide what is kept
