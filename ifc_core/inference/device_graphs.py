"""CUDA graphs, one a shape: hundreds of kernel launches of a small network become one.

A shape runs eagerly the first time (it may be the only one: the last frames of a video), is
recorded the second time and replayed from then on. Where recording fails, all stays eager.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

Work = Callable[..., tuple[Tensor, ...]]
"""Tensors to tensors, without synchronising with the host."""

_WARM_UPS = 2
_MOST_SHAPES = 8


@dataclass(frozen=True, slots=True)
class Captured:
    """A recorded run.

    Attributes:
        inputs: Where inputs must be copied to.
        replay: Runs it again.
        outputs: Where the results are afterwards, until the next replay.
    """

    inputs: tuple[Tensor, ...]
    replay: Callable[[], None]
    outputs: tuple[Tensor, ...]


Capture = Callable[[Work, tuple[Tensor, ...]], Captured]


def capture_cuda_graph(work: Work, inputs: tuple[Tensor, ...]) -> Captured:
    """Record ``work`` on copies of ``inputs``.

    Args:
        work: What to record.
        inputs: On a CUDA device.

    Raises:
        RuntimeError: It does something that cannot be recorded, or memory ran out.
    """
    static = tuple(x.clone() for x in inputs)
    stream = torch.cuda.Stream(inputs[0].device)
    stream.wait_stream(torch.cuda.current_stream(inputs[0].device))
    with torch.cuda.stream(stream):  # libraries set themselves up outside of the recording
        for _ in range(_WARM_UPS):
            work(*static)
    torch.cuda.current_stream(inputs[0].device).wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    # Other threads (one reads frames ahead and sends them) may use the device meanwhile.
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        outputs = work(*static)
    return Captured(static, graph.replay, outputs)


@dataclass(slots=True)
class GraphedWork:
    """A function of tensors that is recorded once a shape.

    Args:
        work: The function.
        capture: Records it; replaced in tests.

    Attributes:
        enabled: Whether shapes are still recorded and replayed.
    """

    work: Work
    capture: Capture = capture_cuda_graph
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
        if len(self._captured) >= _MOST_SHAPES:
            return None
        try:
            self._captured[key] = self.capture(self.work, inputs)
        except RuntimeError:  # out of memory too: eager needs less
            self.release()
            return None
        return self._captured[key]

    def release(self) -> None:
        """Let go of all recordings, and of their memory, for good."""
        self.enabled = False
        self._captured.clear()
