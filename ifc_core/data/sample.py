"""One training clip, and batches of them padded to a common size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

TARGET_STRIDE = 4
"""Masks are compared at this fraction of the input by default."""


@dataclass(frozen=True, slots=True)
class ClipSample:
    """A clip of T frames with N annotated tracks, before batching.

    Three states are kept apart (not annotated; looked at and absent; mask): a track is
    known on a frame where ``valid`` holds, and there an empty mask means absent.

    Attributes:
        frames: (T, H, W, 3) uint8 RGB.
        masks: (N, T, H, W) bool; what stands in places that are not valid is ignored.
        labels: (N,) int64, classes 0 to K - 1.
        valid: (N, T) bool, whether the annotation of that track on that frame is known.
        exhaustive: (T,) bool, whether every object of the classes is annotated on the frame.
        damaged: Names of frames that cannot be decoded: a neighbour's picture stands there.
    """

    frames: npt.NDArray[np.uint8]
    masks: npt.NDArray[np.bool_]
    labels: npt.NDArray[np.int64]
    valid: npt.NDArray[np.bool_]
    exhaustive: npt.NDArray[np.bool_]
    damaged: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check that shapes and types agree."""
        if self.frames.ndim != 4 or self.frames.shape[3] != 3:
            raise ValueError(f"frames has shape {self.frames.shape}, expected (T, H, W, 3)")
        num_frames, height, width = self.frames.shape[:3]
        count = self.labels.shape[0]
        _expect("frames", self.frames, self.frames.shape, np.uint8)
        _expect("masks", self.masks, (count, num_frames, height, width), np.bool_)
        _expect("labels", self.labels, (count,), np.int64)
        _expect("valid", self.valid, (count, num_frames), np.bool_)
        _expect("exhaustive", self.exhaustive, (num_frames,), np.bool_)

    @classmethod
    def fully_labelled(
        cls,
        frames: npt.NDArray[np.uint8],
        masks: npt.NDArray[np.bool_],
        labels: npt.NDArray[np.int64],
    ) -> ClipSample:
        """A sample in which every object is annotated on every frame."""
        num_frames = frames.shape[0]
        valid = np.ones((len(labels), num_frames), dtype=np.bool_)
        return cls(frames, masks, labels, valid, np.ones(num_frames, dtype=np.bool_))


def _expect(name: str, array: npt.NDArray[Any], shape: tuple[int, ...], dtype: type) -> None:
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(
            f"{name} is {array.dtype} {array.shape}, expected {np.dtype(dtype)} {shape}"
        )


@dataclass(frozen=True, slots=True)
class ClipTarget:
    """What one clip of a batch is supervised with.

    Attributes:
        labels: (N,) int64.
        masks: (N, T, h, w) float32 soft masks at ``TARGET_STRIDE``, 0 to 1.
        valid: (N, T) bool.
        exhaustive: (T,) bool.
    """

    labels: torch.Tensor
    masks: torch.Tensor
    valid: torch.Tensor
    exhaustive: torch.Tensor

    def to(self, device: torch.device | str) -> ClipTarget:
        """The same target on ``device``."""
        return ClipTarget(
            self.labels.to(device),
            self.masks.to(device),
            self.valid.to(device),
            self.exhaustive.to(device),
        )


@dataclass(frozen=True, slots=True)
class BatchTargets(Sequence[ClipTarget]):
    """Targets of B clips as common tensors, so that a batch is worked on at once.

    Clips with fewer than N tracks are padded; as a sequence it gives each clip's own target.

    Attributes:
        labels: (B, N) int64, 0 where padded.
        masks: (B, N, T, h, w) float32, 0 to 1, 0 where padded.
        valid: (B, N, T) bool, false where padded.
        exhaustive: (B, T) bool.
        counts: Tracks of each clip, B numbers; N is at least 1.
    """

    labels: torch.Tensor
    masks: torch.Tensor
    valid: torch.Tensor
    exhaustive: torch.Tensor
    counts: tuple[int, ...]

    @classmethod
    def of(cls, targets: Sequence[ClipTarget]) -> BatchTargets:
        """Join targets of one clip length and size; what is joined already stays as it is."""
        if isinstance(targets, BatchTargets):
            return targets
        counts = tuple(len(target.labels) for target in targets)
        most = max(1, *counts)
        return cls(
            stack_padded([target.labels for target in targets], most),
            stack_padded([target.masks for target in targets], most),
            stack_padded([target.valid for target in targets], most),
            torch.stack([target.exhaustive for target in targets]),
            counts,
        )

    def __len__(self) -> int:
        """B."""
        return len(self.counts)

    def __getitem__(self, row: Any) -> Any:
        """The target of a clip, a view without padding."""
        if isinstance(row, slice):
            return [self[index] for index in range(len(self))[row]]
        count = self.counts[row]
        return ClipTarget(
            self.labels[row, :count],
            self.masks[row, :count],
            self.valid[row, :count],
            self.exhaustive[row],
        )

    @property
    def size(self) -> tuple[int, int]:
        """(h, w) of the masks."""
        return int(self.masks.shape[-2]), int(self.masks.shape[-1])

    def to(self, device: torch.device | str) -> BatchTargets:
        """The same targets on ``device``."""
        return self._each(lambda tensor: _sent(tensor, device))

    def pin_memory(self) -> BatchTargets:
        """The same targets in memory that a GPU can fetch from by itself."""
        return self._each(lambda tensor: tensor.pin_memory())

    def _each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> BatchTargets:
        return BatchTargets(
            change(self.labels),
            change(self.masks),
            change(self.valid),
            change(self.exhaustive),
            self.counts,
        )


def stack_padded(parts: Sequence[torch.Tensor], count: int) -> torch.Tensor:
    """Stack parts (n, ...) of different n as (B, count, ...)."""
    out = parts[0].new_zeros((len(parts), count, *parts[0].shape[1:]))
    for row, part in enumerate(parts):
        out[row, : len(part)] = part
    return out


def _sent(tensor: torch.Tensor, device: torch.device | str) -> torch.Tensor:
    return tensor.to(device, non_blocking=True)  # from pinned memory; else as always


@dataclass(frozen=True, slots=True)
class ClipBatch:
    """Clips of one length, padded at the bottom and right to the largest size.

    Attributes:
        frames: (B, T, H, W, 3) uint8 RGB; padding is zero.
        padding_mask: (B, H, W) bool, true on padding; ``None`` where nothing is padded.
        targets: B targets; their masks cover the padded size.
        damaged: Names of frames of its clips that cannot be decoded.
    """

    frames: torch.Tensor
    padding_mask: torch.Tensor | None
    targets: BatchTargets
    damaged: tuple[str, ...] = ()

    def to(self, device: torch.device | str) -> ClipBatch:
        """The same batch on ``device``."""
        padding = None if self.padding_mask is None else _sent(self.padding_mask, device)
        targets = self.targets.to(device)
        return ClipBatch(_sent(self.frames, device), padding, targets, self.damaged)

    def pin_memory(self) -> ClipBatch:
        """The same batch in memory that a GPU can fetch from by itself."""
        padding = None if self.padding_mask is None else self.padding_mask.pin_memory()
        targets = self.targets.pin_memory()
        return ClipBatch(self.frames.pin_memory(), padding, targets, self.damaged)


def make_target(sample: ClipSample, padded_size: tuple[int, int], stride: int) -> ClipTarget:
    """Turn the masks of a sample into soft targets at ``1 / stride``.

    A track without a pixel on any valid frame of the clip is dropped.

    Args:
        sample: The clip.
        padded_size: (height, width) of the batch in pixels.
        stride: Input pixels per target pixel.

    Returns:
        Targets of size ``ceil(padded_size / stride)``.

    Source: masks are compared at 1/4 of the input, bilinear, as in the published code;
        tracks absent from every sampled frame are dropped as there.
    """
    masks = sample.masks & sample.valid[:, :, None, None]
    kept = masks.any(axis=(1, 2, 3))
    num_frames, height, width = sample.frames.shape[:3]
    size = (-(-padded_size[0] // stride), -(-padded_size[1] // stride))
    count = int(kept.sum())
    soft = torch.zeros((count, num_frames, *size))
    if count:
        full = torch.zeros((count, num_frames, *padded_size))
        full[:, :, :height, :width] = torch.from_numpy(masks[kept])
        soft = F.interpolate(full, size=size, mode="bilinear", align_corners=False)
    return ClipTarget(
        labels=torch.from_numpy(sample.labels[kept].copy()),
        masks=soft,
        valid=torch.from_numpy(sample.valid[kept].copy()),
        exhaustive=torch.from_numpy(sample.exhaustive.copy()),
    )


def collate_clips(samples: Sequence[ClipSample], stride: int = TARGET_STRIDE) -> ClipBatch:
    """Batch clips of one length, zero-padding them to the largest height and width.

    Args:
        samples: At least one clip; all have the same number of frames.
        stride: Input pixels per target pixel.

    Returns:
        The batch; ``padding_mask`` is ``None`` where all sizes agree.

    Raises:
        ValueError: The clips differ in their number of frames.
    """
    frames, padding = stack_frames(samples)
    size = (int(frames.shape[2]), int(frames.shape[3]))
    targets = BatchTargets.of([make_target(sample, size, stride) for sample in samples])
    return ClipBatch(frames, padding, targets, damaged_frames(samples))


def damaged_frames(samples: Sequence[ClipSample]) -> tuple[str, ...]:
    """Names of the frames of some clips that cannot be decoded."""
    return tuple(name for sample in samples for name in sample.damaged)


def stack_frames(samples: Sequence[ClipSample]) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Frames (B, T, H, W, 3) and padding mask as in :class:`ClipBatch`.

    Raises:
        ValueError: The clips differ in their number of frames.
    """
    num_frames = {sample.frames.shape[0] for sample in samples}
    if len(num_frames) != 1:
        raise ValueError(f"a batch needs clips of one length, got {sorted(num_frames)}")
    height = max(sample.frames.shape[1] for sample in samples)
    width = max(sample.frames.shape[2] for sample in samples)
    frames = torch.zeros((len(samples), num_frames.pop(), height, width, 3), dtype=torch.uint8)
    padding = torch.ones((len(samples), height, width), dtype=torch.bool)
    for row, sample in enumerate(samples):
        h, w = sample.frames.shape[1:3]
        frames[row, :, :h, :w] = torch.from_numpy(np.ascontiguousarray(sample.frames))
        padding[row, :h, :w] = False
    return frames, padding if bool(padding.any()) else None
