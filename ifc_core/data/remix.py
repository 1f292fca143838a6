"""New clips from those of a batch, on the training device: seen anew, and pasted into each other.

Rendering a clip takes a processor longer than a GPU takes to learn from it. So a batch may serve
several iterations, each time with other colours, another view of each clip, and whole objects of
one clip in front of another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ifc_core.data.sample import (
    BatchTargets,
    ClipBatch,
    ClipSample,
    damaged_frames,
    stack_frames,
    stack_padded,
)
from ifc_core.errors import ConfigError

_PASTE_CHANCE = 0.6
_MOST_PASTED = 2
_MIN_VISIBLE_PX = 20
_MOST_TRACKS = 255
_MAX_ZOOM = 1.8
_MAX_TILT = 0.12
_GREY = (0.299, 0.587, 0.114)


@dataclass(frozen=True, slots=True)
class RawBatch:
    """Clips of one length with their masks at full size, small enough to hand around.

    Attributes:
        frames: (B, T, H, W, 3) uint8 RGB; padding is zero.
        padding_mask: (B, H, W) bool, true on padding; ``None`` where nothing is padded.
        owners: (B, T, H, W) uint8, 1 + the number of the track that a pixel belongs to, or 0.
            Of tracks that overlap the later one is in front.
        labels: (B, N) int64, 0 where padded.
        valid: (B, N, T) bool, false where padded.
        exhaustive: (B, T) bool.
        damaged: Names of frames of its clips that cannot be decoded.
    """

    frames: Tensor
    padding_mask: Tensor | None
    owners: Tensor
    labels: Tensor
    valid: Tensor
    exhaustive: Tensor
    damaged: tuple[str, ...] = ()

    @property
    def masks(self) -> Tensor:
        """(B, N, T, H, W) bool, false where a track is not known."""
        numbers = torch.arange(1, self.labels.shape[1] + 1, device=self.owners.device)
        own = self.owners[:, None] == numbers.view(1, -1, 1, 1, 1)
        return own & self.valid[..., None, None]

    def _each(self, change: Callable[[Tensor], Tensor]) -> RawBatch:
        padding = None if self.padding_mask is None else change(self.padding_mask)
        return RawBatch(
            change(self.frames),
            padding,
            change(self.owners),
            change(self.labels),
            change(self.valid),
            change(self.exhaustive),
            self.damaged,
        )

    def to(self, device: torch.device | str) -> RawBatch:
        """The same batch on ``device``."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> RawBatch:
        """The same batch in memory that a GPU can fetch from by itself."""
        return self._each(lambda tensor: tensor.pin_memory())


def collate_raw(samples: Sequence[ClipSample]) -> RawBatch:
    """Batch clips of one length, zero-padding them to the largest height and width.

    Raises:
        ValueError: The clips differ in their number of frames.
        ConfigError: A clip has over 255 tracks.
    """
    most = max(1, *(len(sample.labels) for sample in samples))
    if most > _MOST_TRACKS:
        raise ConfigError(
            f"A clip of {most} tracks cannot be remixed ({_MOST_TRACKS} at most); set remix to 0.",
            name="remix",
            value=most,
        )
    frames, padding = stack_frames(samples)
    owners = torch.zeros(frames.shape[:4], dtype=torch.uint8)
    for row, sample in enumerate(samples):
        height, width = sample.frames.shape[1:3]
        own = owners[row, :, :height, :width].numpy()
        known = sample.masks & sample.valid[:, :, None, None]
        for number, mask in enumerate(known, start=1):
            own[mask] = number
    return RawBatch(
        frames,
        padding,
        owners,
        stack_padded([torch.from_numpy(sample.labels) for sample in samples], most),
        stack_padded([torch.from_numpy(sample.valid) for sample in samples], most),
        torch.stack([torch.from_numpy(sample.exhaustive) for sample in samples]),
        damaged_frames(samples),
    )


@torch.no_grad()
def remix(batch: RawBatch, stride: int) -> ClipBatch:
    """Compose a batch anew; random numbers are torch's.

    Args:
        batch: B clips.
        stride: Input pixels per target pixel of the result.

    Returns:
        B clips of the same size. Clips with padding keep their view and get nothing pasted;
        their colours change.

    Source: copy-paste as augmentation, Ghiasi et al., CVPR 2021, here over the frames of a clip.
    """
    clips = batch.frames.movedim(-1, 2).float()  # (B, T, 3, H, W)
    tracks = _Tracks(batch.masks, batch.labels, batch.valid)
    if batch.padding_mask is None:
        clips, masks = _seen_anew(clips, tracks.masks, _views(clips))
        tracks = replace(tracks, masks=masks)
        if len(clips) > 1:
            clips, tracks = _paste(_recoloured(clips), tracks)
    clips = _recoloured(clips)
    frames = clips.round().clamp(0, 255).byte().movedim(2, -1)
    if batch.padding_mask is not None:
        frames = frames.masked_fill(batch.padding_mask[:, None, ..., None], 0)
    targets = _targets(tracks, batch.exhaustive, stride, _MIN_VISIBLE_PX)
    return ClipBatch(frames.contiguous(), batch.padding_mask, targets)


@torch.no_grad()
def as_rendered(batch: RawBatch, stride: int) -> ClipBatch:
    """The clips as they are, masks soft at ``1 / stride``."""
    tracks = _Tracks(batch.masks, batch.labels, batch.valid)
    targets = _targets(tracks, batch.exhaustive, stride)
    return ClipBatch(batch.frames, batch.padding_mask, targets)


@dataclass(frozen=True, slots=True)
class _Tracks:
    masks: Tensor  # (B, N, T, H, W) bool
    labels: Tensor  # (B, N)
    valid: Tensor  # (B, N, T) bool


def _uniform(like: Tensor, low: float, high: float, *shape: int) -> Tensor:
    return torch.empty(shape, device=like.device).uniform_(low, high)


def _views(like: Tensor) -> Tensor:
    """Maps (B, T, 2, 3) from places of the new view to the old, -1 to 1, that stay inside it."""
    num_clips, num_frames = like.shape[:2]
    zoom = _uniform(like, 0, math.log(_MAX_ZOOM), num_clips, 1).mul(-1).exp()  # share that is seen
    zoom = torch.where(_uniform(like, 0, 1, num_clips, 1) < 0.5, zoom, torch.ones_like(zoom))
    flip = _uniform(like, 0, 1, num_clips, 1).sub(0.5).sign()
    tilt = _uniform(like, -_MAX_TILT, _MAX_TILT, num_clips, 1)
    times = torch.linspace(-1, 1, num_frames, device=like.device)[None]
    room = 1 - zoom
    drift = torch.randn(num_clips, 2, device=like.device)[:, None] * 0.1
    middle = _uniform(like, -1, 1, num_clips, 1, 2) + drift * times[..., None]
    shift = middle.clamp(-1, 1) * room[..., None]
    return _affine(zoom * flip, zoom, tilt * (room > 0), shift, like)


def _affine(scale_x: Tensor, scale_y: Tensor, angle: Tensor, shift: Tensor, like: Tensor) -> Tensor:
    """(B, T, 2, 3) maps in units of half a frame; a turn keeps circles round."""
    aspect = like.shape[-1] / like.shape[-2]
    cos, sin = angle.cos(), angle.sin()
    linear = torch.stack(
        [scale_x * cos, -scale_x * sin / aspect, scale_y * sin * aspect, scale_y * cos], dim=-1
    )
    linear = linear.unflatten(-1, (2, 2)).expand(*shift.shape[:2], 2, 2)
    return torch.cat([linear, shift[..., None]], dim=-1)


def _seen_anew(clips: Tensor, masks: Tensor, maps: Tensor) -> tuple[Tensor, Tensor]:
    """Frames (B, T, 3, H, W) and masks (B, N, T, H, W) through ``maps``; mirrored past the edge."""
    stack = torch.cat([clips, masks.transpose(1, 2).to(clips.dtype)], dim=2)  # (B, T, 3 + N, ...)
    seen = _sampled(stack, maps, "reflection")
    return seen[:, :, :3], (seen[:, :, 3:] > 0.5).transpose(1, 2)


def _sampled(stack: Tensor, maps: Tensor, beyond: str) -> Tensor:
    flat = stack.flatten(0, 1)
    grid = F.affine_grid(maps.flatten(0, 1), list(flat.shape), align_corners=False)
    out: Tensor = F.grid_sample(
        flat, grid, mode="bilinear", padding_mode=beyond, align_corners=False
    )
    seen: Tensor = out.unflatten(0, stack.shape[:2])
    return seen


def _paste(clips: Tensor, tracks: _Tracks) -> tuple[Tensor, _Tracks]:
    """Put whole objects of other clips in front of each clip."""
    num_clips, _, num_frames = tracks.masks.shape[:3]
    step = int(torch.randint(1, num_clips, ()).item())
    donors = tracks.masks.roll(step, 0)
    chosen, given = _chosen(donors, tracks.valid.roll(step, 0))
    rows = torch.arange(num_clips, device=clips.device)[:, None]
    cut = donors[rows, chosen] & given[:, :, None, None, None]  # (B, n, T, H, W)
    stack = torch.cat([clips.roll(step, 0), cut.transpose(1, 2).float()], dim=2)
    stack = _sampled(stack, _places(num_clips, num_frames, clips), "zeros")
    shapes = (stack[:, :, 3:] > 0.5).transpose(1, 2)
    covered = shapes.any(1)  # objects of one clip do not overlap, so neither do these
    alpha = stack[:, :, 3:].amax(2, keepdim=True)
    alpha = F.avg_pool2d(alpha.flatten(0, 1), 3, 1, 1, count_include_pad=False).unflatten(
        0, alpha.shape[:2]
    )
    out = clips * (1 - alpha) + _recoloured(stack[:, :, :3]) * alpha
    labels = tracks.labels.roll(step, 0)[rows, chosen]
    known = given[..., None].expand(-1, -1, num_frames)
    behind = tracks.masks & ~covered[:, None]
    return out, _Tracks(
        torch.cat([behind, shapes], 1),
        torch.cat([tracks.labels, labels], 1),
        torch.cat([tracks.valid, known], 1),
    )


def _chosen(masks: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Tracks (B, n) that keep clear of the frame's edge, and whether each is really taken."""
    num_clips, count = masks.shape[:2]
    edge = torch.zeros(masks.shape[-2:], dtype=torch.bool, device=masks.device)
    edge[0], edge[-1], edge[:, 0], edge[:, -1] = True, True, True, True
    whole = ~(masks & edge).flatten(2).any(2) & masks.flatten(2).any(2) & valid.all(2)
    rank = torch.rand(num_clips, count, device=masks.device).masked_fill(~whole, -1.0)
    best, tracks = rank.topk(min(_MOST_PASTED, count), dim=1)
    number = torch.randint(1, _MOST_PASTED + 1, (num_clips, 1), device=masks.device)
    number = number * (torch.rand(num_clips, 1, device=masks.device) < _PASTE_CHANCE)
    place = torch.arange(best.shape[1], device=masks.device)[None]
    return tracks, (best >= 0) & (place < number)


def _places(num_clips: int, num_frames: int, like: Tensor) -> Tensor:
    """Maps (B, T, 2, 3) of what is pasted: other places, sizes and motion of their own."""
    size = _uniform(like, math.log(0.5), math.log(1.6), num_clips, 1).exp()
    flip = _uniform(like, 0, 1, num_clips, 1).sub(0.5).sign()
    times = torch.linspace(-1, 1, num_frames, device=like.device)[None]
    spin = torch.randn(num_clips, 1, device=like.device) * 0.05 * times
    angle = torch.randn(num_clips, 1, device=like.device) * 0.12 + spin
    drift = torch.randn(num_clips, 1, 2, device=like.device) * 0.12 * times[..., None]
    shift = _uniform(like, -0.5, 0.5, num_clips, 1, 2) + drift
    return _affine(size * flip, size, angle, shift, like)


def _recoloured(clips: Tensor) -> Tensor:
    """Other brightness, contrast, saturation, hue and tone for each clip (B, T, 3, H, W)."""
    count = len(clips)
    grey = torch.tensor(_GREY, device=clips.device)
    spread = torch.randn(count, 5, device=clips.device)
    gain = (0.15 * spread[:, 0]).exp()
    saturation = (0.25 * spread[:, 1]).exp() * (torch.rand(count, device=clips.device) > 0.05)
    turned = _hue_matrix(0.15 * spread[:, 2])  # (B, 3, 3)
    to_grey = grey.expand(3, 3)
    eye = torch.eye(3, device=clips.device)
    saturate = to_grey + saturation[:, None, None] * (eye - to_grey)
    matrix = gain[:, None, None] * (saturate @ turned)
    out = torch.einsum("bij,btjhw->btihw", matrix, clips / 255)
    middle = out.mean((1, 2, 3, 4), keepdim=True)
    contrast = (0.15 * spread[:, 3]).exp().view(-1, 1, 1, 1, 1)
    out = ((out - middle) * contrast + middle).clamp(1e-4, 1)
    return out.pow((0.15 * spread[:, 4]).exp().view(-1, 1, 1, 1, 1)) * 255


def _hue_matrix(angle: Tensor) -> Tensor:
    """Turns (B, 3, 3) about the grey axis by angles (B,) in radians."""
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    third = torch.full((3, 3), 1 / 3, device=angle.device)
    cross = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]], device=angle.device) / math.sqrt(3)
    return cos * torch.eye(3, device=angle.device) + (1 - cos) * third + sin * cross


def _targets(tracks: _Tracks, exhaustive: Tensor, stride: int, least_px: int = 1) -> BatchTargets:
    """What is to be seen of the tracks, those of each clip first, at ``1 / stride``.

    Where composing has left less than ``least_px`` of a track, nothing is said of it.

    Source: as :func:`ifc_core.data.sample.make_target`.
    """
    area = tracks.masks.sum((3, 4))  # (B, N, T)
    seen = area >= least_px
    valid = tracks.valid & (seen | (area == 0))
    shown = (seen & valid).any(2)
    counts = tuple(shown.sum(1).tolist())
    order = (~shown).to(torch.uint8).argsort(dim=1, stable=True)[:, : max(1, *counts)]
    rows = torch.arange(len(order), device=order.device)[:, None]
    real = shown[rows, order]  # (B, N')
    masks = (tracks.masks & seen[..., None, None])[rows, order] & real[..., None, None, None]
    size = [-(-side // stride) for side in masks.shape[-2:]]
    soft = F.interpolate(masks.flatten(0, 1).float(), size=size, mode="bilinear")
    return BatchTargets(
        tracks.labels[rows, order] * real,
        soft.unflatten(0, order.shape),
        valid[rows, order] & real[..., None],
        exhaustive,
        counts,
    )
