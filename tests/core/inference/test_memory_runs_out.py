"""Wherever memory runs out, a run makes room and goes on, or ends in a plain sentence."""

import weakref

import numpy as np
import pytest
import torch

from ifc_core.errors import DeviceMemoryError
from ifc_core.inference import device_input, predictor
from ifc_core.inference.clip_runner import CachedFrame, ClipRunner
from ifc_core.inference.device_graphs import Captured, GraphedWork
from ifc_core.inference.device_input import FrameSender
from ifc_core.inference.device_memory import is_out_of_memory, let_go_after, plain_memory_errors
from ifc_core.inference.predictor import VideoPrediction
from ifc_core.inference.settings import ProposeSettings
from ifc_core.jobs import JobContext
from ifc_core.tracking import linking, video_tracker
from ifc_core.tracking.video_tracker import VideoTracker

SITES = {
    "preparing the model": (predictor, "prepare_model"),
    "sending": (FrameSender, "_on_device"),
    "resizing": (predictor, "resize_frames"),
    "comparing clips": (linking, "soft_iou_matrix"),
    "linking clips": (video_tracker, "soft_iou_matrix"),
    "giving clips to the tracker": (linking._Compared, "only"),
    "averaging clips": (VideoTracker, "merge"),
}


def run(model, frames, batch=4, **values):
    settings = ProposeSettings(**({"precision": "fp32", "score_threshold": 0.0} | values))
    return VideoPrediction(
        model, enumerate(frames), settings, JobContext(), None, None, None, batch
    )


def fail(monkeypatch, owner, name, when):
    """Have memory run out in the calls (counted from 1) of which ``when`` is true."""
    original, count = getattr(owner, name), [0]

    def limited(*given, **named):
        count[0] += 1
        if when(count[0], *given):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return original(*given, **named)

    monkeypatch.setattr(owner, name, limited)
    return count


def seen(frames):
    return [
        (f.frame_index, [(m.instance_id, m.rle, m.link_score) for m in f.masks]) for f in frames
    ]


def found_by(prediction):
    return seen(prediction), [i.instance_id for i in prediction.instances]


@pytest.mark.parametrize("site", SITES)
def test_memory_that_runs_out_now_and_then_changes_nothing(sure_model, scene, monkeypatch, site):
    lookahead = 0 if site == "linking clips" else 4
    values = {"clip_length": 3, "lookahead": lookahead, "duplicate_iou": 0.8, "short_side": 48}
    wanted = found_by(run(sure_model, scene, **values))
    first = 1 if site == "preparing the model" else 2  # it is prepared once
    # Often enough that some attempts fail halfway, rarely enough that a second one does not.
    count = fail(monkeypatch, *SITES[site], lambda n, *_: n % 13 == first)
    positions = []
    again = run(sure_model, scene, **values)
    frames = []
    for frame in again:
        frames.append(frame)
        positions.append(again.checkpoint().next_position)
    assert (seen(frames), [i.instance_id for i in again.instances]) == wanted
    assert positions == list(range(1, len(scene) + 1))
    assert count[0] > first
    assert again.notices == ()


@pytest.mark.parametrize("site", [s for s in SITES if s != "sending"])
def test_memory_that_never_comes_ends_in_a_plain_sentence(sure_model, scene, monkeypatch, site):
    fail(monkeypatch, *SITES[site], lambda *_: True)
    lookahead = 0 if site == "linking clips" else 4
    with pytest.raises(DeviceMemoryError, match="choose a shorter clip length") as found:
        list(run(sure_model, scene, clip_length=3, lookahead=lookahead, short_side=48))
    assert found.value.device == "cpu"


def test_frames_get_their_masks_fewer_at_once_and_it_is_said_once(tiny_model, scene, monkeypatch):
    wanted = found_by(run(tiny_model, scene, 8, offline=True))
    fail(monkeypatch, VideoTracker, "merge", lambda _, tracker, frames: len(frames) > 3)
    narrow = run(tiny_model, scene, 8, offline=True)
    assert found_by(narrow) == wanted
    assert narrow.notices == ("Memory ran out, so frames now get their masks 2 at a time.",)


def test_frames_are_resized_fewer_at_once(tiny_model, scene, monkeypatch):
    values = {"clip_length": 3, "short_side": 48}
    wanted = found_by(run(tiny_model, scene, 8, **values))
    fail(monkeypatch, predictor, "resize_frames", lambda _, frames, size: len(frames) > 4)
    narrow = run(tiny_model, scene, 8, **values)
    assert found_by(narrow) == wanted
    assert narrow.notices == ("Memory ran out, so frames are now resized 4 at a time.",)


def test_frames_that_find_no_room_stay_on_the_host(scene, monkeypatch):
    fail(monkeypatch, FrameSender, "_on_device", lambda n, *_: n == 2)
    sender = FrameSender(torch.device("cpu"), 4, lambda image: image[:10])
    batches = list(sender.batches(enumerate(scene[:12])))
    assert [batch.indices for batch in batches] == [(0, 1, 2, 3), (4, 5, 6, 7), (8, 9, 10, 11)]
    sent = torch.cat([batch.arrived() for batch in batches]).numpy()
    np.testing.assert_array_equal(sent, scene[:12, :10])
    monkeypatch.setattr(device_input, "is_out_of_memory", lambda error: False)
    fail(monkeypatch, FrameSender, "_on_device", lambda *_: True)
    with pytest.raises(RuntimeError):
        list(sender.batches(enumerate(scene[:2])))


def clips_of(runner, scene, count, length=3):
    frames = [CachedFrame(image) for image in scene[: count + length - 1]]
    windows = [frames[start : start + length] for start in range(count)]
    return runner.clips(windows, [tuple(range(s, s + length)) for s in range(count)])


def test_where_clips_do_not_fit_frames_are_read_as_before(tiny_model, scene, monkeypatch):
    runner = ClipRunner(tiny_model, 36, 18)
    fail(monkeypatch, ClipRunner, "_decode", lambda _, runner, windows, *rest: len(windows) > 4)
    assert len(clips_of(runner, scene, 18)) == 18
    assert (runner.frame_batch, runner.clip_group) == (36, 4)
    assert runner.notices == ["Memory ran out, so clips are now run 4 at a time."]


def test_a_smaller_size_is_told_once_however_many_steps_it_takes(sure_model, monkeypatch):
    runner = ClipRunner(sure_model, 1, 1)
    fail(monkeypatch, ClipRunner, "_decode", lambda _, runner, *rest: runner.input_size[0] > 110)
    picture = np.zeros((200, 260, 3), np.uint8)
    runner.clips([[CachedFrame(picture), CachedFrame(picture)]], [(0, 1)])
    assert runner.input_size[0] <= 110
    assert len(runner.notices) == 1
    width, height = runner.input_size[::-1]
    assert f"{width} by {height} pixels" in runner.notices[0]


def test_where_frames_do_not_fit_clips_are_run_as_before(tiny_model, scene, monkeypatch):
    runner = ClipRunner(tiny_model, 36, 18)
    fail(monkeypatch, ClipRunner, "_encode", lambda _, runner, frames: len(frames) > 4)
    assert len(clips_of(runner, scene, 18)) == 18
    assert (runner.frame_batch, runner.clip_group) == (4, 18)
    assert runner.notices == ["Memory ran out, so frames are now read 4 at a time."]


def test_recordings_go_before_anything_is_halved(tiny_model, scene, monkeypatch):
    runner = ClipRunner(tiny_model, 4, 2)
    recorded = GraphedWork(lambda x: (x,), lambda work, given, memory: Captured(given, int, given))
    for _ in range(2):
        recorded(torch.zeros(1))
    runner._encoding = recorded
    fail(monkeypatch, ClipRunner, "_decode", lambda n, *_: n == 1)
    assert len(clips_of(runner, scene, 2)) == 2
    assert (runner.frame_batch, runner.clip_group, runner.notices) == (4, 2, [])
    assert not recorded.enabled
    assert recorded.memory.count == 0
    assert runner._graphs is None  # none are made any more


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
    ids=str,
)
def test_errors_of_memory_are_known(error):
    assert is_out_of_memory(error)
    with pytest.raises(DeviceMemoryError), plain_memory_errors(torch.device("cuda:1")):
        raise error


def test_other_errors_are_not_taken_for_them():
    for error in (RuntimeError("shapes"), ValueError("out of memory")):
        assert not is_out_of_memory(error)
        with pytest.raises(type(error), match=str(error)), plain_memory_errors(torch.device("cpu")):
            raise error


def test_what_a_failed_attempt_held_goes():
    held = []

    def attempt():
        large = torch.zeros(3)
        held.append(weakref.ref(large))
        raise MemoryError

    try:
        attempt()
    except MemoryError as error:
        assert held[0]() is not None
        let_go_after(error, torch.device("cpu"))
        assert held[0]() is None
