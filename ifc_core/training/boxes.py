"""Boxes of tracks a frame, for the paper's box-based assignment: targets, likeness, losses."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

L1_WEIGHT = 5.0
GIOU_WEIGHT = 2.0
"""Weights of both terms, in the assignment and in the losses, as in DETR and VisTR."""


@dataclass(frozen=True, slots=True)
class TrackBoxes:
    """Boxes of N annotated tracks.

    Attributes:
        boxes: (N, T, 4) float32 as (cx, cy, w, h) in 0..1 of the padded frame.
        present: (N, T) bool, frames on which the track is known and has a mask.
    """

    boxes: Tensor
    present: Tensor


def track_boxes(masks: Tensor, valid: Tensor) -> TrackBoxes:
    """Tight boxes of annotated masks.

    Args:
        masks: (N, T, h, w), 0 to 1; pixels above 0.5 span the box.
        valid: (N, T) bool, frames on which the annotation is known.
    """
    inside = masks > 0.5
    rows, columns = inside.any(3), inside.any(2)  # (N, T, h), (N, T, w)
    y0, x0 = rows.int().argmax(2), columns.int().argmax(2)
    y1 = rows.shape[2] - rows.flip(2).int().argmax(2)
    x1 = columns.shape[2] - columns.flip(2).int().argmax(2)
    height, width = masks.shape[-2:]
    corners = torch.stack([x0, y0, x1, y1], dim=2).float()
    corners = corners / corners.new_tensor([width, height, width, height])
    low, high = corners[..., :2], corners[..., 2:]
    boxes = torch.cat(((low + high) / 2, high - low), dim=2)
    return TrackBoxes(boxes, rows.any(2) & valid)


def pairwise_box_likeness(boxes: Tensor, tracks: TrackBoxes) -> Tensor:
    """How well each query's boxes fit each track, averaged over the frames that hold the track.

    Args:
        boxes: (Q, T, 4) predicted, as (cx, cy, w, h) in 0..1.
        tracks: N tracks.

    Returns:
        (Q, N): ``GIOU_WEIGHT`` x generalised IoU - ``L1_WEIGHT`` x L1 distance; 0 for a track
        without a box.

    Source: VisTR's matching cost, which the paper's ablation compares mask-based assignment to.
    """
    distance = (boxes[:, None] - tracks.boxes[None]).abs().sum(-1)  # (Q, N, T)
    overlap = generalised_iou(boxes[:, None], tracks.boxes[None])
    likeness = (GIOU_WEIGHT * overlap - L1_WEIGHT * distance) * tracks.present[None]
    return likeness.sum(2) / tracks.present.sum(1).clamp(min=1)


def paired_box_losses(boxes: Tensor, tracks: TrackBoxes) -> tuple[Tensor, Tensor]:
    """L1 and generalised-IoU losses of P pairs, each averaged over the frames with a box.

    Args:
        boxes: (P, T, 4) predicted, as (cx, cy, w, h) in 0..1.
        tracks: The P tracks.

    Returns:
        Two (P,) tensors: L1 distance (summed over the four numbers), and 1 - generalised IoU.
    """
    frames = tracks.present.sum(1).clamp(min=1)
    distance = (boxes - tracks.boxes).abs().sum(-1) * tracks.present  # (P, T)
    miss = (1 - generalised_iou(boxes, tracks.boxes)) * tracks.present
    return distance.sum(1) / frames, miss.sum(1) / frames


def generalised_iou(a: Tensor, b: Tensor) -> Tensor:
    """Generalised IoU, -1 to 1, of boxes (..., 4) as (cx, cy, w, h); shapes broadcast."""
    a_low, a_high = a[..., :2] - a[..., 2:] / 2, a[..., :2] + a[..., 2:] / 2
    b_low, b_high = b[..., :2] - b[..., 2:] / 2, b[..., :2] + b[..., 2:] / 2
    inner = (torch.minimum(a_high, b_high) - torch.maximum(a_low, b_low)).clamp(min=0).prod(-1)
    hull = (torch.maximum(a_high, b_high) - torch.minimum(a_low, b_low)).prod(-1)
    union = a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - inner
    tiny = torch.finfo(inner.dtype).tiny
    return inner / union.clamp(min=tiny) - (hull - union) / hull.clamp(min=tiny)
