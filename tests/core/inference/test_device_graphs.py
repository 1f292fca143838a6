"""Recording by shape; the recording itself needs a GPU."""

from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ifc_core.inference import device_graphs
from ifc_core.inference.clip_runner import CachedFrame, ClipRunner
from ifc_core.inference.device_graphs import (
    Captured,
    GraphedWork,
    GraphMemory,
    capture_cuda_graph,
)
from ifc_core.inference.fast_model import fast_model


class Recorder:
    """Records on the CPU: replaying computes into the same output tensors again."""

    def __init__(self, fails=False):
        self.recorded, self.replayed, self.fails = 0, 0, fails

    def __call__(self, work, inputs, memory):
        if self.fails:
            raise RuntimeError("operation not permitted when stream is capturing")
        self.recorded += 1
        static = tuple(x.clone() for x in inputs)
        outputs = work(*static)

        def replay():
            self.replayed += 1
            for target, value in zip(outputs, work(*static), strict=True):
                target.copy_(value)

        return Captured(static, replay, outputs)


def double(x, y):
    return (2 * x, x + y)


def test_a_shape_is_recorded_at_its_second_use_and_replayed():
    recorder = Recorder()
    graphed = GraphedWork(double, recorder)
    results = [graphed(torch.full((2,), float(i)), torch.ones(2)) for i in range(4)]
    assert (recorder.recorded, recorder.replayed) == (1, 3)
    for i, (twice, plus) in enumerate(results):  # earlier results are not overwritten
        assert twice.tolist() == [2.0 * i] * 2
        assert plus.tolist() == [i + 1.0] * 2


def test_each_shape_has_its_own_recording():
    recorder = Recorder()
    graphed = GraphedWork(double, recorder)
    for size in (2, 3, 2, 3, 2):
        assert graphed(torch.ones(size), torch.ones(size))[0].shape == (size,)
    assert recorder.recorded == 2


def test_where_recording_fails_it_stays_eager():
    graphed = GraphedWork(double, Recorder(fails=True))
    for i in range(3):
        assert graphed(torch.full((2,), float(i)), torch.ones(2))[0].tolist() == [2.0 * i] * 2
    assert not graphed.enabled


def test_released_recordings_are_not_used_again():
    recorder = Recorder()
    graphed = GraphedWork(double, recorder)
    for _ in range(2):
        graphed(torch.ones(2), torch.ones(2))
    graphed.release()
    assert graphed(torch.ones(2), torch.ones(2))[0].tolist() == [2.0, 2.0]
    assert recorder.replayed == 1


def test_works_that_share_a_memory_share_the_number_of_recordings():
    recorder, memory = Recorder(), GraphMemory(most=3)
    works = [GraphedWork(double, recorder, memory) for _ in range(2)]
    for size in (2, 3, 4):
        for work in works * 2:
            assert work(torch.ones(size), torch.ones(size))[0].tolist() == [2.0] * size
    assert recorder.recorded == memory.count == 3
    memory.pool = "pool"
    works[0].release()
    assert (memory.count, memory.pool) == (1, "pool")
    works[1].release()
    assert (memory.count, memory.pool) == (0, None)  # CUDA knows it no more


class FakeCuda:
    """Stands in for ``torch.cuda``: notes what is recorded, where, and on which device."""

    def __init__(self):
        self.current, self.recordings, self.pools = "cuda:0", [], 0

    @contextmanager
    def device(self, device):
        before, self.current = self.current, str(device)
        yield
        self.current = before

    @contextmanager
    def stream(self, stream):
        with self.device(stream.device):
            yield

    def graph_pool_handle(self):
        self.pools += 1
        return self.current, self.pools

    @contextmanager
    def graph(self, graph, *, pool, stream, capture_error_mode):
        self.recordings.append((self.current, str(stream.device), pool))
        yield

    def current_stream(self, device):
        return SimpleNamespace(wait_stream=lambda other: None)

    def Stream(self, device):  # noqa: N802
        return SimpleNamespace(device=device, wait_stream=lambda other: None)

    def CUDAGraph(self):  # noqa: N802
        return SimpleNamespace(replay=lambda: None)


def test_recordings_are_made_on_the_device_of_the_inputs_in_one_pool(monkeypatch):
    cuda, memory = FakeCuda(), GraphMemory()
    monkeypatch.setattr(device_graphs.torch, "cuda", cuda)
    there = SimpleNamespace(device=torch.device("cuda:1"))
    there.clone = lambda: there
    for _ in range(2):
        capture_cuda_graph(lambda x: (x,), (there,), memory)
    assert cuda.recordings == [("cuda:1", "cuda:1", ("cuda:1", 1))] * 2
    assert cuda.current == "cuda:0"


@pytest.mark.cuda
def test_graphs_give_what_eager_gives_on_a_gpu(tiny_model, scene):
    model = fast_model(tiny_model.to("cuda"))
    try:
        runner = ClipRunner(model, frame_batch=3)
        rounds = []
        for _ in range(3):  # eager, recorded, replayed
            frames = [CachedFrame(np.ascontiguousarray(f)) for f in scene[:3]]
            rounds.append(runner.clips([frames], [(0, 1, 2)])[0])
        assert runner._encoding.enabled
        assert all(work.enabled for work in runner._decoding.values())
        for other in rounds[1:]:
            assert other.queries == rounds[0].queries
            torch.testing.assert_close(other.mask_logits, rounds[0].mask_logits)
    finally:
        tiny_model.to("cpu")
