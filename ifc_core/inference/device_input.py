"""Frames to the device in batches: through pinned memory, on a stream of their own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ifc_core.inference.device_memory import is_out_of_memory, let_go_after

_MOST_BYTES = 128 << 20
"""Of one batch, however many frames it might hold: large frames come in smaller batches."""

_SLOTS = 3
"""Pinned buffers: one is filled while another travels and a third is on its way out."""


def bytes_ahead(sent_bytes: int, frame_bytes: int, batch_size: int, waiting: int) -> int:
    """Memory of the frames that wait for the network, on the host and on a device beside it.

    Args:
        sent_bytes: Of the part of a frame that is looked at.
        frame_bytes: Of a frame.
        batch_size: Frames of a batch, where they are not large.
        waiting: Batches that are read ahead.
    """
    batches = waiting + 2  # one is put together, and one is being resized
    a_frame = batches * (frame_bytes + sent_bytes) + _SLOTS * sent_bytes
    return _frames_of_batch(sent_bytes, batch_size) * a_frame


def _frames_of_batch(sent_bytes: int, batch_size: int) -> int:
    return max(1, min(batch_size, _MOST_BYTES // max(1, sent_bytes)))


@dataclass(frozen=True, slots=True)
class FrameBatchOnDevice:
    """Frames of one size on their way to the device.

    Attributes:
        indices: Frame indices in the video.
        images: The frames as they came.
        sent: (N, H, W, 3) uint8 of the parts that are looked at; see :meth:`arrived`. Still on
            the host where the device had no room.
        event: Recorded on the device once all has arrived; ``None`` where nothing travels.
    """

    indices: tuple[int, ...]
    images: tuple[npt.NDArray[np.uint8], ...]
    sent: Tensor
    event: Any = None

    def arrived(self) -> Tensor:
        """``sent``, for work on the current stream, which waits for it; the host does not."""
        if self.event is not None:
            stream = torch.cuda.current_stream(self.sent.device)
            stream.wait_event(self.event)
            self.sent.record_stream(stream)
        return self.sent


@dataclass(slots=True)
class FrameSender:
    """Puts frames together into batches and sends each to the device.

    Meant for the thread that reads ahead: copying into pinned memory and the transfer then
    overlap with the device's work.

    Args:
        device: Where to.
        batch_size: Frames of a batch; it is smaller at the end, before a change of size, and
            where frames are large.
        cut: The part of a frame that is looked at.
    """

    device: torch.device
    batch_size: int
    cut: Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.uint8]]
    _buffers: list[Tensor] = field(default_factory=list)
    _free: list[Any] = field(default_factory=list)
    _next: int = 0
    _stream: Any = None

    def batches(
        self, frames: Iterable[tuple[int, npt.NDArray[np.uint8]]]
    ) -> Iterator[FrameBatchOnDevice]:
        """Read frames and send them.

        Args:
            frames: (index, (H, W, 3) uint8), in order.
        """
        indices: list[int] = []
        images: list[npt.NDArray[np.uint8]] = []
        for index, image in frames:
            if images and image.shape != images[0].shape:
                yield self._send(indices, images)
                indices, images = [], []
            indices.append(index)
            images.append(image)
            if len(images) >= self._most(self.cut(image).nbytes):
                yield self._send(indices, images)
                indices, images = [], []
        if images:
            yield self._send(indices, images)

    def _most(self, frame_bytes: int) -> int:
        return _frames_of_batch(frame_bytes, self.batch_size)

    def _send(self, indices: list[int], images: list[npt.NDArray[np.uint8]]) -> FrameBatchOnDevice:
        parts = [self.cut(image) for image in images]
        try:
            sent, event = self._on_device(parts)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            # Only the thread that works on the device knows what can be let go of there.
            let_go_after(error, self.device)
            sent, event = torch.from_numpy(np.stack(parts)), None
        return FrameBatchOnDevice(tuple(indices), tuple(images), sent, event)

    def _on_device(self, parts: list[npt.NDArray[np.uint8]]) -> tuple[Tensor, Any]:
        """Frames on their way, and the event of their arrival."""
        if self.device.type != "cuda":
            return torch.from_numpy(np.stack(parts)).to(self.device), None
        slot = self._slot((len(parts), *parts[0].shape))
        buffer = self._buffers[slot][: len(parts)]
        filled = buffer.numpy()
        for place, part in enumerate(parts):
            filled[place] = part
        with self._on_stream():
            sent = torch.empty_like(buffer, device=self.device, pin_memory=False)
            sent.copy_(buffer, non_blocking=True)
            event = torch.cuda.Event()
            event.record(torch.cuda.current_stream(self.device))
        self._free[slot] = event
        return sent, event

    def _slot(self, shape: tuple[int, ...]) -> int:
        """A pinned buffer that nothing is sent from any more."""
        if not self._buffers or self._buffers[0].shape[1:] != shape[1:]:
            self._wait()
            full = (self._most(math.prod(shape[1:])), *shape[1:])
            self._buffers = [
                torch.empty(full, dtype=torch.uint8, pin_memory=True) for _ in range(_SLOTS)
            ]
            self._free = [None] * _SLOTS
        self._next = (self._next + 1) % _SLOTS
        event = self._free[self._next]
        if event is not None:
            event.synchronize()
        return self._next

    def _wait(self) -> None:
        for event in self._free:
            if event is not None:
                event.synchronize()

    def _on_stream(self) -> Any:
        if self.device.type != "cuda":
            return nullcontext()
        if self._stream is None:
            self._stream = torch.cuda.Stream(self.device)
        return torch.cuda.stream(self._stream)
