"""Bipartite assignment of queries to annotated tracks over a whole clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment

from ifc_core.data.sample import ClipTarget

_DICE_SMOOTHING = 1.0


class AssignmentCost(StrEnum):
    """Which likeness of geometry enters the assignment."""

    MASK = "mask"
    BOX = "box"


@dataclass(frozen=True, slots=True)
class Assignment:
    """Pairs of one clip.

    Attributes:
        queries: (P,) int64, ascending.
        tracks: (P,) int64, the track that each query is responsible for.
    """

    queries: torch.Tensor
    tracks: torch.Tensor


def resize_mask_logits(mask_logits: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Stretch (..., T, h, w) logits bilinearly to ``size`` (height, width)."""
    if mask_logits.shape[-2:] == size:
        return mask_logits
    flat = mask_logits.flatten(0, -4) if mask_logits.ndim > 4 else mask_logits
    resized = F.interpolate(flat, size=size, mode="bilinear", align_corners=False)
    return resized.reshape(*mask_logits.shape[:-2], *size)


def pairwise_dice(
    mask_probs: torch.Tensor, target_masks: torch.Tensor, valid: torch.Tensor
) -> torch.Tensor:
    """DICE of every query with every track over the frames on which the track is known.

    Args:
        mask_probs: (Q, T, h, w), 0 to 1.
        target_masks: (N, T, h, w), 0 to 1.
        valid: (N, T) bool.

    Returns:
        (Q, N), higher is more alike, smoothed by 1 above and below.

    Source: paper eq. 6, DICE over all pixels of the clip (space-time).
    """
    known = valid.to(target_masks.dtype)
    targets = (target_masks * known[:, :, None, None]).flatten(1)  # (N, T * h * w)
    overlap = mask_probs.flatten(1) @ targets.T  # (Q, N)
    sizes = mask_probs.sum(dim=(2, 3)) @ known.T  # (Q, N)
    return (2 * overlap + _DICE_SMOOTHING) / (sizes + targets.sum(1) + _DICE_SMOOTHING)


def pairwise_box_likeness(
    mask_probs: torch.Tensor, target_masks: torch.Tensor, valid: torch.Tensor
) -> torch.Tensor:
    """Mean generalised IoU of the tight boxes, frame by frame, where the track is present.

    Args:
        mask_probs: (Q, T, h, w), 0 to 1; pixels above 0.5 span the box.
        target_masks: (N, T, h, w), 0 to 1.
        valid: (N, T) bool.

    Returns:
        (Q, N), -1 to 1.

    Source: the paper's ablation of box-based assignment; the boxes are those of the masks,
        since the network predicts no boxes of its own.
    """
    query_boxes, query_present = _boxes_xyxy(mask_probs > 0.5)
    track_boxes, track_present = _boxes_xyxy(target_masks > 0.5)
    counted = (valid & track_present)[None]  # (1, N, T)
    likeness = _generalised_iou(query_boxes[:, None], track_boxes[None])  # (Q, N, T)
    likeness = torch.where(query_present[:, None], likeness, likeness.new_tensor(-1.0))
    total = (likeness * counted).sum(2)
    return total / counted.sum(2).clamp(min=1)


def _boxes_xyxy(masks: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Tight boxes (N, T, 4) of (N, T, h, w) masks, and which of them hold a pixel (N, T)."""
    rows, columns = masks.any(3), masks.any(2)  # (N, T, h), (N, T, w)
    y0, x0 = rows.int().argmax(2), columns.int().argmax(2)
    y1 = rows.shape[2] - rows.flip(2).int().argmax(2)
    x1 = columns.shape[2] - columns.flip(2).int().argmax(2)
    return torch.stack([x0, y0, x1, y1], dim=2).float(), rows.any(2)


def _generalised_iou(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    area_a = (a[..., 2] - a[..., 0]) * (a[..., 3] - a[..., 1])
    area_b = (b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1])
    inner = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(0)
    outer = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])
    overlap, hull = inner.prod(-1), outer.prod(-1)
    union = area_a + area_b - overlap
    return overlap / union - (hull - union) / hull


class HungarianMatcher:
    """Finds the assignment that maximises class probability + ``dice_weight`` * likeness.

    Args:
        dice_weight: lambda0 of eq. 6, 3 in the published code.
        cost: Masks (the paper) or boxes (its ablation).
    """

    def __init__(
        self, dice_weight: float = 3.0, cost: AssignmentCost = AssignmentCost.MASK
    ) -> None:
        self.dice_weight = dice_weight
        self._likeness = pairwise_dice if cost is AssignmentCost.MASK else pairwise_box_likeness

    @torch.no_grad()
    def __call__(
        self, class_logits: torch.Tensor, mask_logits: torch.Tensor, targets: Sequence[ClipTarget]
    ) -> list[Assignment]:
        """Match each clip of a batch.

        Args:
            class_logits: (B, Q, K + 1).
            mask_logits: (B, Q, T, h, w), at the size of the targets.
            targets: B targets.

        Returns:
            B assignments on the CPU; min(Q, N) pairs each.

        Source: paper eq. 6.
        """
        class_probs = class_logits.float().softmax(-1)
        mask_probs = mask_logits.float().sigmoid()
        return [
            self._match_clip(class_probs[row], mask_probs[row], target)
            for row, target in enumerate(targets)
        ]

    def _match_clip(
        self, class_probs: torch.Tensor, mask_probs: torch.Tensor, target: ClipTarget
    ) -> Assignment:
        score = class_probs[:, target.labels]  # (Q, N)
        score = score + self.dice_weight * self._likeness(mask_probs, target.masks, target.valid)
        queries, tracks = linear_sum_assignment(score.cpu().numpy(), maximize=True)
        return Assignment(torch.as_tensor(queries), torch.as_tensor(tracks))
