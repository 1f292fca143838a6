"""The estimate scales a probe of one clip to the video."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ifc_core.errors import ConfigError
from ifc_core.inference import estimate as estimate_module
from ifc_core.inference import frame_masks
from ifc_core.inference.clip_runner import ClipRunner
from ifc_core.inference.device_input import bytes_ahead
from ifc_core.inference.estimate import estimate_run
from ifc_core.inference.frame_masks import FrameMasks
from ifc_core.inference.settings import ProposeSettings
from ifc_core.jobs import JobCancelled, JobContext


def ticking():
    ticks = itertools.count()
    return lambda: float(next(ticks))  # every measured span takes one second


def estimate(model, frame, num_frames, **settings):
    chosen = ProposeSettings(precision="fp32", **settings)
    return estimate_run(model, frame, chosen, num_frames, clock=ticking())


def test_time_counts_frames_clips_and_masks(tiny_model, scene):
    found = estimate(tiny_model, scene[0], 100, clip_length=4, clip_stride=2)
    assert found.num_clips == 49
    # A frame: 1 s for the four of the probe, 1 s for the masks of an assumed crowd.
    assert found.seconds == pytest.approx(100 * (0.25 + 1) + 49)
    assert found.seconds_per_frame == pytest.approx(found.seconds / 100)
    assert found.network_size == (64, 96)
    assert found.precision == "float32"


class SlowRefiner:
    """Takes seven seconds a mask, on a clock of its own."""

    def __init__(self):
        self.seconds = 0.0

    def for_run(self, precision, notices):
        assert precision == "fp32"
        return self

    def decide(self, logits, frame, region_xywh, motion):
        self.seconds += 7 * len(logits)
        return [None] * len(logits)


def test_edges_that_are_decided_again_take_time(tiny_model, scene, monkeypatch):
    refiner = SlowRefiner()
    monkeypatch.setattr(frame_masks, "load_edge_refiner", lambda device: refiner)
    chosen = ProposeSettings(precision="fp32", edges="best")
    found = estimate_run(tiny_model, scene[0], chosen, 10, clock=lambda: refiner.seconds)
    assert found.seconds == 10 * 7 * 10  # ten frames of ten assumed instances


def test_tiles_are_as_many_runs_with_the_instances_that_are_in_them(tiny_model, scene, monkeypatch):
    refiner = SlowRefiner()
    monkeypatch.setattr(frame_masks, "load_edge_refiner", lambda device: refiner)
    counted = [9, 0, 1, 2, 3]  # popped from the end; the frame itself comes last
    monkeypatch.setattr(
        estimate_module, "_num_instances", lambda runner, image, length: counted.pop()
    )
    chosen = ProposeSettings(precision="fp32", edges="best", tiles="2x2")
    found = estimate_run(tiny_model, scene[0], chosen, 10, clock=lambda: refiner.seconds)
    assert not counted
    assert found.num_clips == 5 * 6  # the frame itself is looked at as well
    assert found.seconds == 5 * 10 * 7 * 3  # three masks in a run's frame, on average


def test_instances_of_some_tiles_are_counted(tiny_model, scene, monkeypatch):
    counted = []
    real = estimate_module._num_instances

    def count(runner, image, length):
        counted.append((image.shape, real(runner, image, length)))
        return counted[-1][1]

    monkeypatch.setattr(estimate_module, "_num_instances", count)
    found = estimate(tiny_model, scene[0], 3, tiles="3x4", clip_length=3)
    assert found.num_clips == 13
    assert len(counted) == 7
    assert all(number >= 0 for _, number in counted)
    assert any(number for _, number in counted)
    assert counted[-1][0] == (64, 96, 3)  # the frame itself is the last one


def test_tiles_and_a_whole_video_need_no_longer_probe(tiny_model, scene, monkeypatch):
    lengths = []
    monkeypatch.setattr(
        estimate_module, "_num_instances", lambda runner, image, length: lengths.append(length) or 1
    )
    found = estimate(tiny_model, scene[0], 5000, offline=True, tiles="1x2")
    assert lengths == [8, 8, 8]  # of two tiles and the frame
    assert found.memory_bytes > 5000 * scene[0].nbytes  # one run after the other, frames kept


@pytest.mark.parametrize("reads", range(4))
def test_it_gives_way_between_all_that_it_times(tiny_model, scene, reads):
    context, ticks = JobContext(), itertools.count()

    def clock():
        if (tick := next(ticks)) == reads:
            context.cancel()
        return float(tick)

    chosen = ProposeSettings(precision="fp32")
    with pytest.raises(JobCancelled):
        estimate_run(tiny_model, scene[0], chosen, 10, clock=clock, context=context)
    assert next(ticks) == reads + 1  # nothing was timed any more


def test_it_gives_way_to_a_run_after_any_tile(tiny_model, scene, monkeypatch):
    context, counted = JobContext(), []

    def count(runner, image, length):
        counted.append(image.shape)
        context.cancel()
        return 1

    monkeypatch.setattr(estimate_module, "_num_instances", count)
    chosen = ProposeSettings(precision="fp32", tiles="3x4")
    with pytest.raises(JobCancelled):
        estimate_run(tiny_model, scene[0], chosen, 10, context=context)
    assert len(counted) == 1


def test_a_frame_step_divides_the_work(tiny_model, scene):
    found = estimate(tiny_model, scene[0], 100, clip_length=5, frame_step=10)
    assert found.num_clips == 6


def test_offline_scales_the_probe_to_one_long_clip(tiny_model, scene):
    found = estimate(tiny_model, scene[0], 80, offline=True)
    assert found.num_clips == 1
    assert found.seconds == pytest.approx(80 * (1 / 8 + 1) + 80 / 8)


def test_memory_does_not_depend_on_the_length_unless_offline(tiny_model, scene):
    short = estimate(tiny_model, scene[0], 50)
    long = estimate(tiny_model, scene[0], 5000)
    whole = estimate(tiny_model, scene[0], 5000, offline=True)
    assert short.memory_bytes == long.memory_bytes < whole.memory_bytes
    parameters = sum(p.numel() for p in tiny_model.parameters())
    assert short.memory_bytes > 4 * parameters


def test_clips_that_wait_for_a_look_ahead_need_memory(tiny_model, scene):
    at_once = estimate(tiny_model, scene[0], 5000, lookahead=0)
    ahead = estimate(tiny_model, scene[0], 5000, lookahead=20)
    strided = estimate(tiny_model, scene[0], 5000, lookahead=20, clip_stride=5)
    assert at_once.memory_bytes < ahead.memory_bytes
    assert strided.memory_bytes < ahead.memory_bytes
    assert estimate(tiny_model, scene[0], 5000, lookahead=200).memory_bytes > ahead.memory_bytes


def test_edges_keep_the_frames_that_wait(tiny_model, scene):
    def memory(edges, num_frames=5000, **settings):
        return estimate(tiny_model, scene[0], num_frames, edges=edges, **settings).memory_bytes

    frame = scene[0].nbytes
    assert memory("best") - memory("off") == 5 * frame
    assert memory("fast", lookahead=20) - memory("off", lookahead=20) == (5 + 2 * 20) * frame
    assert memory("best", 7, lookahead=20) - memory("off", 7, lookahead=20) == 7 * frame
    assert memory("best", 90, offline=True) - memory("off", 90, offline=True) == 90 * frame


def test_a_short_video_and_a_wrong_region(tiny_model, scene):
    assert estimate(tiny_model, scene[0], 2).num_clips == 1
    with pytest.raises(ConfigError):
        estimate(tiny_model, scene[0], 5, region_xywh=(90, 0, 20, 20))


@pytest.fixture
def in_batches(monkeypatch):
    """Runs go by batches of six, as they do by larger ones on a GPU."""
    monkeypatch.setattr(estimate_module, "batch_for", lambda model: 6)


def test_batches_are_probed_as_full_as_those_of_a_run(tiny_model, scene, in_batches, monkeypatch):
    encoded, decoded, masked = [], [], []
    for name, seen in (("_encode", encoded), ("_decode", decoded)):
        original = getattr(ClipRunner, name)

        def noted(self, given, *rest, original=original, seen=seen):
            seen.append(len(given))
            return original(self, given, *rest)

        monkeypatch.setattr(ClipRunner, name, noted)
    original = FrameMasks.encode
    monkeypatch.setattr(
        FrameMasks, "encode", lambda self, t, size: masked.append(len(t)) or original(self, t, size)
    )
    found = estimate(tiny_model, scene[0], 100, clip_length=4)
    assert max(encoded) == 6
    assert set(decoded) == {3}
    assert set(masked) == {6}
    # A second for six frames, one for three clips, and one for the masks of six frames.
    assert found.seconds == pytest.approx(100 / 6 + 97 / 3 + 100 / 6)


def test_batches_need_memory_for_what_is_in_flight(tiny_model, scene, in_batches, monkeypatch):
    def memory(num_frames=100, **settings):
        found = estimate(tiny_model, scene[0], num_frames, clip_length=4, edges="off", **settings)
        return found.memory_bytes

    batches, short = memory(), memory(2)
    monkeypatch.setattr(estimate_module, "batch_for", lambda model: 1)
    singly = memory()
    ahead = bytes_ahead(scene[0].nbytes, scene[0].nbytes, 6, 2)
    assert ahead == 6 * (4 * 2 + 3) * scene[0].nbytes  # four batches as read and as sent, pinned
    one_map = 4 * tiny_model.config.hidden_dim * 8 * 12
    least = ahead + 8 * one_map * 6 + 12 * 4 * one_map  # three clips at once, twelve in flight
    assert batches > singly + least
    assert short < batches
    tiles = memory(tiles="1x2")
    monkeypatch.setattr(estimate_module, "batch_for", lambda model: 6)
    assert memory(tiles="1x2") == tiles  # which go frame by frame


def test_masks_are_timed_where_a_run_makes_them(monkeypatch):
    events, device = [], torch.device("meta")
    monkeypatch.setattr(estimate_module, "_synchronize", lambda device: events.append("waited"))

    class Masks:
        def note(self, position, image):
            pass

        def encode(self, tracked, size):
            events.extend(str(frame.mask_logits.device) for frame in tracked)
            return iter(())

    def clock():
        events.append("clock")
        return 0.0

    runner = SimpleNamespace(mask_grid=(3, 4), model=SimpleNamespace(device=device))
    estimate_module._time_masks(Masks(), runner, np.zeros((6, 8, 3), np.uint8), 5, 2, clock)
    assert events == ["waited", "clock", "meta", "meta", "waited", "clock"] * 3
