"""Bipartite assignment of queries to annotated tracks over a whole clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment

from ifc_core.data.sample import BatchTargets, ClipTarget
from ifc_core.training.boxes import pairwise_box_likeness, track_boxes

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
        mask_probs: (..., Q, T, h, w), 0 to 1.
        target_masks: (..., N, T, h, w), 0 to 1.
        valid: (..., N, T) bool.

    Returns:
        (..., Q, N), higher is more alike, smoothed by 1 above and below.

    Source: paper eq. 6, DICE over all pixels of the clip (space-time).
    """
    known = valid.to(target_masks.dtype)
    targets = (target_masks * known[..., None, None]).flatten(-3)  # (..., N, T * h * w)
    overlap = mask_probs.flatten(-3) @ targets.mT  # (..., Q, N)
    sizes = mask_probs.sum(dim=(-2, -1)) @ known.mT  # (..., Q, N)
    return (2 * overlap + _DICE_SMOOTHING) / (
        sizes + targets.sum(-1)[..., None, :] + _DICE_SMOOTHING
    )


class HungarianMatcher:
    """Finds the assignment that maximises class probability + ``dice_weight`` * likeness.

    Args:
        dice_weight: lambda0 of eq. 6, 3 in the published code.
        cost: Masks (the paper), or the boxes that a network with a box head predicts (its
            ablation).
    """

    def __init__(
        self, dice_weight: float = 3.0, cost: AssignmentCost = AssignmentCost.MASK
    ) -> None:
        self.dice_weight = dice_weight
        self.cost = cost

    @torch.no_grad()
    def __call__(
        self,
        class_logits: torch.Tensor,
        mask_logits: torch.Tensor,
        targets: Sequence[ClipTarget],
        boxes: torch.Tensor | None = None,
    ) -> list[Assignment]:
        """Match each clip of a batch.

        Args:
            class_logits: (B, Q, K + 1).
            mask_logits: (B, Q, T, h, w), at the size of the targets.
            targets: B targets.
            boxes: (B, Q, T, 4) predicted, as (cx, cy, w, h) in 0..1; needed to match by boxes.

        Returns:
            B assignments on the CPU; min(Q, N) pairs each.

        Source: paper eq. 6.
        """
        batch = BatchTargets.of(targets)
        return best_pairs(self.scores(class_logits, mask_logits, batch, boxes), batch.counts)

    @torch.no_grad()
    def scores(
        self,
        class_logits: torch.Tensor,
        mask_logits: torch.Tensor,
        targets: BatchTargets,
        boxes: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """What the assignment maximises, (B, Q, N), on the device of the logits.

        Raises:
            ValueError: Boxes are to be matched and there are none.

        Source: paper eq. 6.
        """
        class_probs = class_logits.float().softmax(-1)  # (B, Q, K + 1)
        labels = targets.labels[:, None].expand(-1, class_probs.shape[1], -1)
        likeness = self._likeness(mask_logits, targets, boxes)
        return class_probs.gather(2, labels) + likeness

    def _likeness(
        self, mask_logits: torch.Tensor, targets: BatchTargets, boxes: torch.Tensor | None
    ) -> torch.Tensor:
        if self.cost is AssignmentCost.MASK:
            probs = mask_logits.float().sigmoid()
            return self.dice_weight * pairwise_dice(probs, targets.masks, targets.valid)
        if boxes is None:
            raise ValueError("to match by boxes the network needs a box head")
        rows = zip(boxes, targets.masks, targets.valid, strict=True)
        return torch.stack(
            [pairwise_box_likeness(found.float(), track_boxes(m, v)) for found, m, v in rows]
        )


def best_pairs(scores: torch.Tensor, counts: Sequence[int]) -> list[Assignment]:
    """The assignments with the largest sums of scores.

    Args:
        scores: (B, Q, N); fetched from the device at once.
        counts: Tracks of each clip, the first columns of its scores.
    """
    table = scores.nan_to_num(nan=-1e6).cpu().numpy()
    found = [
        linear_sum_assignment(rows[:, :count], maximize=True)
        for rows, count in zip(table, counts, strict=True)
    ]
    return [Assignment(torch.as_tensor(q), torch.as_tensor(t)) for q, t in found]
