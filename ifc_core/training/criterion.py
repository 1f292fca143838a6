"""The training losses over a whole clip (paper eq. 7), with partial labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ifc_core.data.sample import BatchTargets, ClipTarget
from ifc_core.training.boxes import (
    GIOU_WEIGHT,
    L1_WEIGHT,
    paired_box_losses,
    track_boxes,
)
from ifc_core.training.matcher import (
    Assignment,
    HungarianMatcher,
    best_pairs,
    resize_mask_logits,
)

_FOCAL_ALPHA = 0.25
_FOCAL_GAMMA = 2.0
_DICE_SMOOTHING = 1.0

SumOverRanks = Callable[[torch.Tensor], torch.Tensor]
"""Gives, for a tensor of sums of this process, the mean of those sums over all processes."""


@dataclass(frozen=True, slots=True)
class LossWeights:
    """Weights of the terms.

    Attributes:
        classification: Cross-entropy.
        focal: Sigmoid focal loss of the masks.
        dice: DICE loss of the masks.
        no_object: Weight of the no-object class inside the cross-entropy.
        unreviewed_share: A query without a track whose mask lies on unreviewed ground by more
            than this share is left alone rather than taught "no object".
    """

    classification: float = 1.0
    focal: float = 3.0
    dice: float = 3.0
    no_object: float = 0.1
    unreviewed_share: float = 0.5


@dataclass(frozen=True, slots=True)
class LayerOutput:
    """What one decoder layer predicts.

    Attributes:
        class_logits: (B, Q, K + 1).
        mask_logits: (B, Q, T, h, w).
        boxes: (B, Q, T, 4) as (cx, cy, w, h) in 0..1, of a network with a box head.
    """

    class_logits: torch.Tensor
    mask_logits: torch.Tensor
    boxes: torch.Tensor | None = None


@dataclass(frozen=True, slots=True)
class LossResult:
    """Losses of one batch.

    Attributes:
        total: Weighted sum over terms and layers, to be differentiated.
        terms: Unweighted, detached values by name: ``loss_ce``, ``loss_mask``, ``loss_dice`` of
            the last layer and the same with ``_0``, ``_1``, ... for the layers before it; with a
            box head ``loss_box`` and ``loss_giou`` too.
        assignments: Of the last layer, one a clip.
    """

    total: torch.Tensor
    terms: dict[str, torch.Tensor]
    assignments: tuple[Assignment, ...]


def same(sums: torch.Tensor) -> torch.Tensor:
    """The mean over processes where there is only one."""
    return sums


@dataclass(frozen=True, slots=True)
class PairIndex:
    """The pairs of all clips of a batch as one list, on the device of the losses.

    Attributes:
        rows: (P,) int64, the clip of each pair.
        queries: (P,) int64.
        tracks: (P,) int64.
    """

    rows: torch.Tensor
    queries: torch.Tensor
    tracks: torch.Tensor

    @classmethod
    def of(cls, assignments: Sequence[Assignment], device: torch.device) -> PairIndex:
        """Join the assignments of B clips."""
        rows = [torch.full_like(pairs.queries, i) for i, pairs in enumerate(assignments)]
        parts = (rows, [a.queries for a in assignments], [a.tracks for a in assignments])
        table = torch.stack([torch.cat(list(part)) for part in parts])
        if device.type == "cuda":
            table = table.pin_memory().to(device, non_blocking=True)
        return cls(*table.to(device).unbind(0))

    def __len__(self) -> int:
        """P."""
        return len(self.rows)


def unreviewed_queries(
    mask_logits: torch.Tensor, targets: BatchTargets, share: float = 0.5
) -> torch.Tensor:
    """Queries of each clip about which the annotation says nothing.

    Reviewed ground is every pixel of an exhaustive frame but for what is unclear there, and on
    other frames the pixels of the tracks that are known there. A query is unreviewed if more than
    ``share`` of its mask lies elsewhere; one without a mask is unreviewed unless every frame is
    exhaustive.

    Args:
        mask_logits: (B, Q, T, h, w) at the size of the targets.
        targets: Of the clips.
        share: 0 to 1.

    Returns:
        (B, Q) bool.
    """
    known = (targets.masks > 0.5) & targets.valid[..., None, None]
    complete = targets.exhaustive[..., None, None]
    if targets.unclear is not None:
        complete = complete & ~targets.unclear
    reviewed = known.any(1) | complete  # (B, T, h, w)
    mask = (mask_logits > 0).flatten(2).float()  # (B, Q, T * h * w)
    outside = (mask @ (~reviewed).flatten(1)[..., None].float())[..., 0]
    area = mask.sum(2)
    partly = ~targets.exhaustive.all(1, keepdim=True)
    return (partly & (area == 0)) | (outside > share * area)


class Criterion:
    """Matches every decoder layer to the targets and adds up the losses.

    Args:
        matcher: Finds the assignment of each layer.
        weights: Of the terms.
        mean_over_ranks: Averages normalisers over the processes of a distributed run, so that
            the gradients that these average are those of one process with the whole batch.
    """

    def __init__(
        self,
        matcher: HungarianMatcher | None = None,
        weights: LossWeights | None = None,
        mean_over_ranks: SumOverRanks = same,
    ) -> None:
        self.matcher = matcher or HungarianMatcher()
        self.weights = weights or LossWeights()
        self._mean_over_ranks = mean_over_ranks

    def __call__(self, layers: Sequence[LayerOutput], targets: Sequence[ClipTarget]) -> LossResult:
        """Compute the losses of a batch.

        Args:
            layers: Decoder layers in order, the last one being the network's output.
            targets: B targets; their masks set the size at which masks are compared.

        Returns:
            The losses.

        Source: paper eq. 7; deep supervision and normalisers as in the published code
            (cross-entropy by the sum of class weights, mask terms by the number of pairs).
        """
        batch = BatchTargets.of(targets)
        device = layers[0].class_logits.device
        layers = [
            LayerOutput(
                layer.class_logits.float(),
                resize_mask_logits(layer.mask_logits.float(), batch.size),
                layer.boxes,
            )
            for layer in layers
        ]
        found = [self.matcher.scores(x.class_logits, x.mask_logits, batch, x.boxes) for x in layers]
        # One look at the device for all layers: each look waits for all that was launched.
        assignments = best_pairs(torch.cat(found), batch.counts * len(layers))
        total = layers[0].class_logits.new_zeros(())
        terms: dict[str, torch.Tensor] = {}
        for number, layer in enumerate(layers):
            own = assignments[number * len(batch) : (number + 1) * len(batch)]
            values = self._layer_losses(layer, batch, PairIndex.of(own, device))
            suffix = "" if number == len(layers) - 1 else f"_{number}"
            for name, value in values.items():
                total = total + self._term_weights()[name] * value
                terms[name + suffix] = value.detach()
        return LossResult(total, terms, tuple(assignments[-len(batch) :]))

    def _term_weights(self) -> dict[str, float]:
        return {
            "loss_ce": self.weights.classification,
            "loss_mask": self.weights.focal,
            "loss_dice": self.weights.dice,
            "loss_box": L1_WEIGHT,
            "loss_giou": GIOU_WEIGHT,
        }

    def _layer_losses(
        self, layer: LayerOutput, targets: BatchTargets, pairs: PairIndex
    ) -> dict[str, torch.Tensor]:
        focal, dice = self._mask_losses(layer.mask_logits, targets, pairs)
        values = {
            "loss_ce": self._class_loss(layer, targets, pairs),
            "loss_mask": focal,
            "loss_dice": dice,
        }
        if layer.boxes is not None:
            boxes = layer.boxes.float()
            values["loss_box"], values["loss_giou"] = self._box_losses(boxes, targets, pairs)
        return values

    def _box_losses(
        self, boxes: torch.Tensor, targets: BatchTargets, pairs: PairIndex
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """L1 and generalised-IoU loss of the pairs' boxes, a frame each, where there is one."""
        place = pairs.rows, pairs.tracks
        truth = track_boxes(targets.masks[place], targets.valid[place])
        distance, miss = paired_box_losses(boxes[pairs.rows, pairs.queries], truth)
        normaliser = self._normaliser(boxes, pairs)
        nothing = boxes.sum() * 0.0  # keeps the head in the graph where nothing is paired
        return (nothing + distance.sum()) / normaliser, (nothing + miss.sum()) / normaliser

    def _normaliser(self, like: torch.Tensor, pairs: PairIndex) -> torch.Tensor:
        return self._mean_over_ranks(like.new_tensor(float(len(pairs)))).clamp(min=1e-6)

    def _class_loss(
        self, layer: LayerOutput, targets: BatchTargets, pairs: PairIndex
    ) -> torch.Tensor:
        """Cross-entropy over all queries that are not on unreviewed ground."""
        logits = layer.class_logits
        batch, num_queries, num_logits = logits.shape
        classes = torch.full((batch, num_queries), num_logits - 1, device=logits.device)
        weights = logits.new_full((batch, num_queries), self.weights.no_object)
        share = self.weights.unreviewed_share
        unknown = unreviewed_queries(layer.mask_logits.detach(), targets, share)
        weights = weights.masked_fill(unknown, 0.0)
        classes[pairs.rows, pairs.queries] = targets.labels[pairs.rows, pairs.tracks]
        weights[pairs.rows, pairs.queries] = 1.0
        losses = F.cross_entropy(logits.flatten(0, 1), classes.flatten(), reduction="none")
        normaliser = self._mean_over_ranks(weights.sum()).clamp(min=1e-6)
        return (losses * weights.flatten()).sum() / normaliser

    def _mask_losses(
        self, mask_logits: torch.Tensor, targets: BatchTargets, pairs: PairIndex
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Focal and DICE loss of the pairs over the frames on which their track is known."""
        normaliser = self._normaliser(mask_logits, pairs)
        if not len(pairs):
            nothing = mask_logits.sum() * 0.0
            return nothing, nothing
        place = pairs.rows, pairs.tracks
        focal, dice = paired_mask_losses(
            mask_logits[pairs.rows, pairs.queries], targets.masks[place], targets.valid[place]
        )
        return focal.sum() / normaliser, dice.sum() / normaliser


@torch.no_grad()
def matched_iou(
    mask_logits: torch.Tensor, targets: BatchTargets, result: LossResult
) -> torch.Tensor:
    """Mean space-time IoU of the pairs that the last layer was matched to.

    Args:
        mask_logits: (B, Q, T, h, w) of that layer.
        targets: Of the clips.
        result: Of the losses, which knows the pairs.

    Returns:
        (), over the known frames; NaN where there are no pairs.
    """
    pairs = PairIndex.of(result.assignments, targets.masks.device)
    logits = resize_mask_logits(mask_logits[pairs.rows, pairs.queries].float(), targets.size)
    place = pairs.rows, pairs.tracks
    known = targets.valid[place][:, :, None, None]
    found = (logits > 0) & known
    truth = (targets.masks[place] > 0.5) & known
    union = (found | truth).sum((1, 2, 3)).clamp(min=1)
    return ((found & truth).sum((1, 2, 3)) / union).mean()


def paired_mask_losses(
    mask_logits: torch.Tensor, target_masks: torch.Tensor, valid: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Focal and DICE loss of P pairs, each over its known frames in space-time.

    Args:
        mask_logits: (P, T, h, w).
        target_masks: (P, T, h, w), 0 to 1.
        valid: (P, T) bool, each row with at least one true.

    Returns:
        Two (P,) tensors: focal loss averaged over known pixels, and 1 - DICE.
    """
    known = valid.to(mask_logits.dtype)[:, :, None, None]  # (P, T, 1, 1)
    probs = mask_logits.sigmoid()
    entropy = F.binary_cross_entropy_with_logits(mask_logits, target_masks, reduction="none")
    agreement = probs * target_masks + (1 - probs) * (1 - target_masks)
    balance = _FOCAL_ALPHA * target_masks + (1 - _FOCAL_ALPHA) * (1 - target_masks)
    focal = balance * (1 - agreement) ** _FOCAL_GAMMA * entropy * known
    frame_px = mask_logits.shape[2] * mask_logits.shape[3]
    focal = focal.sum((1, 2, 3)) / (valid.sum(1) * frame_px)
    overlap = (probs * target_masks * known).sum((1, 2, 3))
    sizes = ((probs + target_masks) * known).sum((1, 2, 3))
    dice = 1 - (2 * overlap + _DICE_SMOOTHING) / (sizes + _DICE_SMOOTHING)
    return focal, dice
