"""Helps for training from scratch, of which inference knows nothing.

Left alone, a young network learns mask features that tell things from ground long before they tell
one thing from another: every query then outlines all things of the clip at once, and stays there
for thousands of iterations. Three helps lead out of it:

- *guided queries* get the box of an annotated track, shaken, and answer for that track;
- *pixel queries* take the mask feature of one pixel of a track as their start and answer for that
  track, so that features of one thing become alike and those of two differ;
- a *position probe* reads from each mask feature where it lies.

Guided queries soon separate things, while the learnt ones lag. A query that is told a box is made
of that box alone, so that learnt queries can take over: :meth:`TrainingGuide.anchor_queries` sets
them to those of a pyramid of boxes over the frame.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ifc_core.data.sample import BatchTargets, ClipTarget
from ifc_core.models.ifc import IFC, IFCOutput
from ifc_core.models.layers import MLP
from ifc_core.training.boxes import track_boxes
from ifc_core.training.criterion import paired_mask_losses
from ifc_core.training.matcher import resize_mask_logits
from ifc_core.training.place_matching import early_maps

_SHIFT = 0.4
_STRETCH = 0.4
_PROBE_WAVES = 4
POSITION_WEIGHT = 2.0
"""Of the position probe's squared error, in the loss."""


@dataclass(frozen=True, slots=True)
class GuidedTargets:
    """What guided queries are told and responsible for.

    Attributes:
        boxes: (B, P, 4) shaken boxes as (cx, cy, w, h) in 0..1.
        pixels: (B, P, 3) a pixel of the track as (frame, y, x) in 0..1.
        tracks: (B, P) int64, the track of each query; -1 in clips without any.
    """

    boxes: Tensor
    pixels: Tensor
    tracks: Tensor


class TrainingOutput(NamedTuple):
    """What the network says in training.

    Attributes:
        output: Of the learnt queries.
        guided_logits: (B, P, T, h, w) of the pixel queries and then of the guided queries,
            layer by layer.
        position_error: (), mean squared error of the position probe.
        early_maps: Res2 and res3 of all frames, (B * T, C, h, w) each.
    """

    output: IFCOutput
    guided_logits: tuple[Tensor, ...]
    position_error: Tensor
    early_maps: list[Tensor]


class TrainingGuide(nn.Module):
    """What only training has: box queries, pixel queries and the position probe.

    Args:
        hidden_dim: C, a multiple of 8.
        mask_logit_scale: Of the network.
    """

    def __init__(self, hidden_dim: int, mask_logit_scale: float) -> None:
        super().__init__()
        self.mlp = MLP(hidden_dim, hidden_dim, 2 * hidden_dim)
        self.pixel_mlp = MLP(hidden_dim, hidden_dim, hidden_dim)
        self.probe = nn.Linear(hidden_dim, 4 * _PROBE_WAVES)
        self.num_frequencies = hidden_dim // 8
        self.mask_logit_scale = mask_logit_scale

    def pixel_weights(self, mask_features: Tensor, pixels: Tensor) -> Tensor:
        """Mask weights (B, P, C) from the features under pixels (B, P, 3) in 0..1."""
        num_clips, num_frames, _, height, width = mask_features.shape
        size = pixels.new_tensor([num_frames, height, width])
        t, y, x = (pixels * size).long().clamp(min=0).minimum((size - 1).long()).unbind(-1)
        clips = torch.arange(num_clips, device=pixels.device)[:, None]
        weights: Tensor = self.pixel_mlp(mask_features[clips, t, :, y, x])
        return weights * self.mask_logit_scale

    def position_error(self, mask_features: Tensor) -> Tensor:
        """How badly the probe reads position from features (B, T, C, h, w)."""
        height, width = mask_features.shape[-2:]
        read = self.probe(mask_features.movedim(2, -1)).float()  # (B, T, h, w, 4 waves)
        device = mask_features.device
        waves = math.pi * torch.arange(1, _PROBE_WAVES + 1, device=device)
        y = torch.linspace(0, 1, height, device=device)[:, None, None] * waves
        x = torch.linspace(0, 1, width, device=device)[None, :, None] * waves
        parts = [part.expand(height, width, -1) for part in (y.sin(), y.cos(), x.sin(), x.cos())]
        error: Tensor = (read - torch.cat(parts, dim=-1)).square().mean()
        return error

    def forward(self, boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Position and first content (B, P, C) of queries from boxes (B, P, 4).

        A sine code, then an MLP. Values of attention hold no positions of queries, so that a
        query that starts from nothing could not say where it looks for many iterations.
        """
        octaves = torch.arange(self.num_frequencies, device=boxes.device)
        rate = 2 * math.pi * 100.0 ** (octaves / self.num_frequencies)
        angles = boxes[..., None] * rate  # (B, P, 4, C / 8)
        code = torch.cat((angles.sin(), angles.cos()), dim=-1).flatten(-2)
        position, content = self.mlp(code).chunk(2, dim=-1)
        return position, content

    @torch.no_grad()
    def anchor_queries(self, model: IFC) -> dict[str, Tensor]:
        """Set the learnt queries to what guided ones told the boxes of a pyramid would be.

        Args:
            model: Whose decoder is changed; without ``query_content`` its queries get the
                positions only.

        Returns:
            The parameters that were set, by their names in the model.
        """
        decoder = model.decoder
        boxes = anchor_boxes(model.config.num_queries).to(self.probe.weight.device)
        position, content = self(boxes[None])
        decoder.query_position.weight.copy_(position[0])
        changed = {"decoder.query_position.weight": decoder.query_position.weight}
        if decoder.query_content is not None:
            decoder.query_content.weight.copy_(content[0])
            changed["decoder.query_content.weight"] = decoder.query_content.weight
        return changed


class GuidedNetwork(nn.Module):
    """The network with guided queries beside the learnt ones.

    Args:
        model: The network that is trained.
        guide: Makes the queries.
    """

    def __init__(self, model: IFC, guide: TrainingGuide) -> None:
        super().__init__()
        self.model = model
        self.guide = guide

    def forward(
        self, frames: Tensor, padding_mask: Tensor | None, boxes: Tensor, pixels: Tensor
    ) -> TrainingOutput:
        """Masks and classes of B clips, and the masks of the guided queries.

        Args:
            frames: (B, T, 3, H, W) from ``IFC.normalize``.
            padding_mask: (B, H, W) bool or ``None``.
            boxes: (B, P, 4).
            pixels: (B, P, 3).
        """
        num_clips, num_frames = frames.shape[:2]
        padding = None
        if padding_mask is not None:
            padding = padding_mask[:, None].expand(-1, num_frames, -1, -1).flatten(0, 1)
        with early_maps(self.model.backbone) as early:
            features = self.model.encode_frames(frames.flatten(0, 1), padding)
        clip = self.model.decode_clip(features, num_clips, aux=True)
        maps = clip.mask_features
        weights = [self.guide.pixel_weights(maps, pixels)]
        weights += self.model.guided_mask_weights(clip, features, *self.guide(boxes))
        logits = tuple(self.model.mask_logits(w, maps) for w in weights)
        error = self.guide.position_error(maps)
        return TrainingOutput(self.model.with_masks(clip), logits, error, early)


def anchor_boxes(num_boxes: int) -> Tensor:
    """Boxes of falling size spread over the frame, the largest first.

    Layer n of the pyramid has n rows and n columns (n + 1 columns from the third on, frames being
    wide) of boxes that overlap their neighbours; the last layer is cut short in the middle out.

    Returns:
        (num_boxes, 4) as (cx, cy, w, h) in 0..1.
    """
    boxes: list[tuple[float, float, float, float]] = []
    rows = 1
    while len(boxes) < num_boxes:
        columns = rows + (rows > 2)
        height, width = min(0.8, 1.3 / (rows + 0.5)), min(0.8, 1.3 / (columns + 0.5))
        layer = [
            (_spread(column, columns, width), _spread(row, rows, height), width, height)
            for row in range(rows)
            for column in range(columns)
        ]
        layer.sort(key=lambda box: (box[0] - 0.5) ** 2 + (box[1] - 0.5) ** 2)
        boxes += layer[: num_boxes - len(boxes)]
        rows += 1
    return torch.tensor(boxes)


def _spread(index: int, count: int, size: float) -> float:
    """Middle of the index-th of ``count`` intervals of a size that fill 0..1 end to end."""
    if count == 1:
        return 0.5
    return size / 2 + (1.0 - size) * index / (count - 1)


def guided_targets(targets: Sequence[ClipTarget], num_queries: int) -> GuidedTargets:
    """Deal the tracks of each clip out to ``num_queries`` guided queries, with shaken boxes.

    The box of a track is the mean over the frames that show it. Random numbers are torch's.

    Args:
        targets: Of B clips.
        num_queries: P; with fewer tracks a track gets several queries, with more some get none.
    """
    batch = BatchTargets.of(targets)
    device = batch.masks.device
    counts = torch.tensor(batch.counts, device=device)[:, None]  # (B, 1)
    shape = (len(batch), num_queries)
    order = torch.rand(batch.labels.shape, device=device)
    padded = torch.arange(order.shape[1], device=device) >= counts
    order = order.masked_fill(padded, 2.0).argsort(1)  # (B, N), real tracks first
    dealt = torch.arange(num_queries, device=device) % counts.clamp(min=1)
    tracks = order.gather(1, dealt)  # (B, P)
    found = track_boxes(batch.masks.flatten(0, 1), batch.valid.flatten(0, 1))
    present = found.present.float()[..., None]  # (B * N, T, 1)
    mean = (found.boxes * present).sum(1) / present.sum(1).clamp(min=1.0)
    mean = mean.unflatten(0, batch.labels.shape)  # (B, N, 4)
    boxes = _shaken(mean.gather(1, tracks[..., None].expand(-1, -1, 4)).flatten(0, 1))
    empty = counts == 0
    return GuidedTargets(
        torch.where(
            empty[..., None], torch.rand(*shape, 4, device=device), boxes.unflatten(0, shape)
        ),
        torch.where(
            empty[..., None], torch.rand(*shape, 3, device=device), _pixels_of(batch, tracks)
        ),
        tracks.masked_fill(empty, -1),
    )


def _pixels_of(targets: BatchTargets, tracks: Tensor) -> Tensor:
    """A random pixel (B, P, 3) of each track of ``tracks`` (B, P), as (frame, y, x) in 0..1."""
    known = targets.masks * targets.valid[..., None, None]
    rows = torch.arange(len(tracks), device=tracks.device)[:, None]
    places = known[rows, tracks].flatten(2).flatten(0, 1)  # (B * P, T * h * w)
    chosen = torch.multinomial(places + 1e-9, 1)[:, 0]
    num_frames, height, width = known.shape[2:]
    t, rest = chosen // (height * width), chosen % (height * width)
    place = torch.stack((t, rest // width, rest % width), dim=1).float() + 0.5
    place = place / place.new_tensor([num_frames, height, width])
    pixels: Tensor = place.unflatten(0, tracks.shape)
    return pixels


def _shaken(boxes: Tensor) -> Tensor:
    """Move boxes (P, 4) by up to ``_SHIFT`` of their half size, stretch by up to ``_STRETCH``."""
    noise = torch.rand_like(boxes) * 2 - 1
    size = boxes[:, 2:]
    center = boxes[:, :2] + noise[:, :2] * _SHIFT * size / 2
    return torch.cat((center, size * (1 + _STRETCH * noise[:, 2:])), dim=1).clamp(0.0, 1.0)


def guided_losses(
    logits: Sequence[Tensor], guided: GuidedTargets, targets: Sequence[ClipTarget]
) -> tuple[Tensor, Tensor]:
    """Focal and DICE loss of pixel and guided queries, a mean over queries.

    Args:
        logits: (B, P, T, h, w) of each layer.
        guided: Whom each query answers for.
        targets: Of the clips.

    Returns:
        Two tensors with a value a layer, in the order of ``logits``.
    """
    batch = BatchTargets.of(targets)
    rows = [row for row, count in enumerate(batch.counts) if count]
    if not rows:
        nothing = torch.stack([layer.sum().float() * 0.0 for layer in logits])
        return nothing, nothing
    some = torch.tensor(rows, device=batch.masks.device)
    tracks = guided.tracks[some]
    masks = batch.masks[some[:, None], tracks].flatten(0, 1)
    valid = batch.valid[some[:, None], tracks].flatten(0, 1)
    losses = []
    for layer in logits:
        found = resize_mask_logits(layer[some].float(), batch.size).flatten(
            0, 1
        )  # (B' * P, T, h, w)
        losses.append([part.mean() for part in paired_mask_losses(found, masks, valid)])
    focal, dice = zip(*losses, strict=True)
    return torch.stack(focal), torch.stack(dice)
