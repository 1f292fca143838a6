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

LEAST_AREA_PX = 4
"""What has fewer pixels of the input is not to be seen: it is neither taught nor taught away."""

_SHOWN_FROM = 0.5  # a target without a value so high says that there is no mask


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
        unclear: (T, H, W) bool, ground of annotated objects that are too small to be seen, about
            which nothing is taught, on exhaustive frames either; ``None`` where there is none.
    """

    frames: npt.NDArray[np.uint8]
    masks: npt.NDArray[np.bool_]
    labels: npt.NDArray[np.int64]
    valid: npt.NDArray[np.bool_]
    exhaustive: npt.NDArray[np.bool_]
    damaged: tuple[str, ...] = ()
    unclear: npt.NDArray[np.bool_] | None = None

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
        if self.unclear is not None:
            _expect("unclear", self.unclear, (num_frames, height, width), np.bool_)

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
        unclear: (T, h, w) bool, ground about which nothing is known; ``None`` is nowhere.
    """

    labels: torch.Tensor
    masks: torch.Tensor
    valid: torch.Tensor
    exhaustive: torch.Tensor
    unclear: torch.Tensor | None = None

    def to(self, device: torch.device | str) -> ClipTarget:
        """The same target on ``device``."""
        return ClipTarget(
            self.labels.to(device),
            self.masks.to(device),
            self.valid.to(device),
            self.exhaustive.to(device),
            None if self.unclear is None else self.unclear.to(device),
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
        unclear: (B, T, h, w) bool, or ``None`` where no clip has unclear ground.
    """

    labels: torch.Tensor
    masks: torch.Tensor
    valid: torch.Tensor
    exhaustive: torch.Tensor
    counts: tuple[int, ...]
    unclear: torch.Tensor | None = None

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
            _stack_unclear(targets),
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
            None if self.unclear is None else self.unclear[row],
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
            None if self.unclear is None else change(self.unclear),
        )


def stack_padded(parts: Sequence[torch.Tensor], count: int) -> torch.Tensor:
    """Stack parts (n, ...) of different n as (B, count, ...)."""
    out = parts[0].new_zeros((len(parts), count, *parts[0].shape[1:]))
    for row, part in enumerate(parts):
        out[row, : len(part)] = part
    return out


def _stack_unclear(targets: Sequence[ClipTarget]) -> torch.Tensor | None:
    """Unclear ground (B, T, h, w) of clips; ``None`` where none has any."""
    if all(target.unclear is None for target in targets):
        return None
    shapes = [(*target.exhaustive.shape, *target.masks.shape[-2:]) for target in targets]
    return torch.stack(
        [
            target.exhaustive.new_zeros(shape) if target.unclear is None else target.unclear
            for target, shape in zip(targets, shapes, strict=True)
        ]
    )


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

    A track without a pixel on any valid frame of the clip is dropped. A mask that falls between
    the samples of the target is averaged by area instead, its highest value made 1, so that it is
    never taught as an empty one. Where it has less than :data:`LEAST_AREA_PX`, its frame is not
    valid for it and its ground is unclear.

    Args:
        sample: The clip.
        padded_size: (height, width) of the batch in pixels.
        stride: Input pixels per target pixel.

    Returns:
        Targets of size ``ceil(padded_size / stride)``.

    Source: masks are compared at 1/4 of the input, bilinear, as in the published code;
        tracks absent from every sampled frame are dropped as there. What is said of masks
        between the samples is an addition.
    """
    masks = sample.masks & sample.valid[:, :, None, None]
    kept = masks.any(axis=(1, 2, 3))
    num_frames = sample.frames.shape[0]
    size = (-(-padded_size[0] // stride), -(-padded_size[1] // stride))
    soft = torch.zeros((int(kept.sum()), num_frames, *size))
    valid = torch.from_numpy(sample.valid[kept].copy())
    unclear = _pooled_ground(sample.unclear, size, stride)
    if len(soft):
        full = _padded(masks[kept], padded_size)
        soft = F.interpolate(full, size=size, mode="bilinear", align_corners=False)
        missed = full.flatten(2).any(2) & (soft.flatten(2).amax(2) < _SHOWN_FROM)
        if missed.any():
            ground = _between_samples(full, soft, missed, valid)
            unclear = ground if unclear is None else unclear | ground
    seen = (soft.flatten(2).any(2) & valid).any(1)
    return ClipTarget(
        labels=torch.from_numpy(sample.labels[kept].copy())[seen],
        masks=soft[seen],
        valid=valid[seen],
        exhaustive=torch.from_numpy(sample.exhaustive.copy()),
        unclear=unclear if unclear is not None and bool(unclear.any()) else None,
    )


def _padded(masks: npt.NDArray[np.bool_], size: tuple[int, int]) -> torch.Tensor:
    """Masks (..., H, W) as float32, padded with zeros at the bottom and right."""
    full = torch.zeros((*masks.shape[:-2], *size))
    full[..., : masks.shape[-2], : masks.shape[-1]] = torch.from_numpy(masks)
    return full


def _between_samples(
    full: torch.Tensor, soft: torch.Tensor, missed: torch.Tensor, valid: torch.Tensor
) -> torch.Tensor:
    """Give masks that the samples miss targets of their own; the others lose their frame.

    Args:
        full: (N, T, H, W) masks, 0 or 1.
        soft: (N, T, h, w) targets; those that are missed are written anew.
        missed: (N, T) bool.
        valid: (N, T) bool; cleared where a mask is too small.

    Returns:
        (T, h, w) bool, the ground of those that are too small.
    """
    share = F.interpolate(full[missed][:, None], size=soft.shape[2:], mode="area")[
        :, 0
    ]  # (P, h, w)
    is_small = full[missed].sum((1, 2)) < LEAST_AREA_PX
    scaled = share / share.amax((1, 2), keepdim=True).clamp(min=1e-6)
    soft[missed] = scaled * ~is_small[:, None, None]
    ground = torch.zeros_like(soft, dtype=torch.bool)
    ground[missed] = (share > 0) & is_small[:, None, None]
    valid[missed] = valid[missed] & ~is_small
    return _widened(ground.any(0))


def _pooled_ground(
    unclear: npt.NDArray[np.bool_] | None, size: tuple[int, int], stride: int
) -> torch.Tensor | None:
    """Unclear ground (T, h, w) at ``1 / stride``: cells with any of it, and those around."""
    if unclear is None:
        return None
    full = _padded(unclear, (size[0] * stride, size[1] * stride))
    return _widened(F.max_pool2d(full, stride) > 0)


def _widened(ground: torch.Tensor) -> torch.Tensor:
    """Ground (T, h, w) with the cells around it: a mask on something tiny is larger than that."""
    return F.max_pool2d(ground.float()[:, None], 3, stride=1, padding=1)[:, 0] > 0


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
