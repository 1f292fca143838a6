"""CUDA graphs, one a shape: hundreds of kernel launches of a small network become one.

A shape runs eagerly the first time (it may be the only one: the last frames of a video), is
recorded the second time and replayed from then on. Where recording fails, all stays eager.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

Work = Callable[..., tuple[Tensor, ...]]
"""Tensors to tensors, without synchronising with the host."""

_WARM_UPS = 2
_MOST_RECORDINGS = 4
"""Of all works that share a memory: frames, a full group of clips, the rest of a batch, and one
for a shape that comes up otherwise. Each keeps its inputs and outputs."""


@dataclass(frozen=True, slots=True)
class Captured:
    """A recorded run.

    Attributes:
        inputs: Where inputs must be copied to.
        replay: Runs it again.
        outputs: Where the results are afterwards, until anything that shares the memory runs.
    """

    inputs: tuple[Tensor, ...]
    replay: Callable[[], None]
    outputs: tuple[Tensor, ...]


@dataclass(slots=True)
class GraphMemory:
    """What recordings share that are replayed one after the other, so that they do not add up.

    One may overwrite what another computed: results are copied out before the next is replayed.

    Args:
        most: Recordings that there may be at a time.

    Attributes:
        count: Recordings that there are.
        pool: CUDA's name for the memory; ``None`` before the first recording.
        stream: On which all are recorded.
    """

    most: int = _MOST_RECORDINGS
    count: int = 0
    pool: Any = None
    stream: Any = None

    def forget(self, count: int) -> None:
        """Note that recordings were let go of; after the last one CUDA knows the pool no more."""
        self.count -= count
        if not self.count:
            self.pool = None


Capture = Callable[[Work, tuple[Tensor, ...], GraphMemory], Captured]


def capture_cuda_graph(work: Work, inputs: tuple[Tensor, ...], memory: GraphMemory) -> Captured:
    """Record ``work`` on copies of ``inputs``.

    Args:
        work: What to record.
        inputs: All on one CUDA device, whichever is the current one.
        memory: Of earlier recordings on that device.

    Raises:
        RuntimeError: It does something that cannot be recorded, or memory ran out.
    """
    device = inputs[0].device
    static = tuple(x.clone() for x in inputs)
    # Left to itself, CUDA records on the current device: nothing, where that is another one.
    with torch.cuda.device(device):
        if memory.stream is None:
            memory.stream = torch.cuda.Stream(device)
        if memory.pool is None:
            memory.pool = torch.cuda.graph_pool_handle()
        current = torch.cuda.current_stream(device)
        memory.stream.wait_stream(current)
        with torch.cuda.stream(memory.stream):  # libraries set themselves up before the recording
            for _ in range(_WARM_UPS):
                work(*static)
        current.wait_stream(memory.stream)
        graph = torch.cuda.CUDAGraph()
        # Other threads (one reads frames ahead and sends them) may use the device meanwhile.
        with torch.cuda.graph(
            graph, pool=memory.pool, stream=memory.stream, capture_error_mode="thread_local"
        ):
            outputs = work(*static)
    return Captured(static, graph.replay, outputs)


@dataclass(slots=True)
class GraphedWork:
    """A function of tensors that is recorded once a shape.

    Args:
        work: The function.
        capture: Records it; replaced in tests.
        memory: What it shares with other works that run on the same stream.

    Attributes:
        enabled: Whether shapes are still recorded and replayed.
    """

    work: Work
    capture: Capture = capture_cuda_graph
    memory: GraphMemory = field(default_factory=GraphMemory)
    enabled: bool = True
    _seen: set[tuple[object, ...]] = field(default_factory=set)
    _captured: dict[tuple[object, ...], Captured] = field(default_factory=dict)

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """The results, which stay valid after further calls."""
        key = tuple((x.shape, x.dtype, x.stride()) for x in inputs)
        if not self.enabled or key not in self._seen:
            self._seen.add(key)
            return self.work(*inputs)
        recorded = self._captured.get(key)
        if recorded is None:
            recorded = self._record(key, inputs)
            if recorded is None:
                return self.work(*inputs)
        for target, value in zip(recorded.inputs, inputs, strict=True):
            target.copy_(value)
        recorded.replay()
        return tuple(x.clone() for x in recorded.outputs)

    def _record(self, key: tuple[object, ...], inputs: tuple[Tensor, ...]) -> Captured | None:
        if self.memory.count >= self.memory.most:
            return None
        try:
            self._captured[key] = self.capture(self.work, inputs, self.memory)
        except RuntimeError:  # out of memory too: eager needs less
            self.release()
            return None
        self.memory.count += 1
        return self._captured[key]

    def release(self) -> bool:
        """Let go of all recordings, and of their memory, for good; whether there were any."""
        self.enabled = False
        count = len(self._captured)
        self._captured.clear()
        self.memory.forget(count)
        return count > 0
