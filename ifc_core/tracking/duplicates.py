"""One thing, one mask: of masks of a clip that tell the same thing only the surest stays."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ifc_core.tracking.clip_matching import soft_iou_matrix
from ifc_core.tracking.video_tracker import ClipInstances

KEEP_ALL = 1.0
"""The threshold at which nothing is dropped, as published."""


def without_duplicates(clips: Sequence[ClipInstances], threshold: float) -> list[ClipInstances]:
    """Drop each mask whose soft IoU with a surer one that stays reaches a threshold.

    Masks are compared over all frames of their clip, whatever their classes: a thing that two
    queries take for two classes is one thing still.

    Args:
        clips: Before they are linked to tracks.
        threshold: Of the soft IoU, over 0; :data:`KEEP_ALL` gives the clips as they are.

    Returns:
        The clips, those that stay in their old order.

    Source: not in the paper, whose queries are kept as they are.
    """
    if threshold >= KEEP_ALL:
        return list(clips)
    if not clips:
        return []
    counts = [int(clip.class_probs.shape[0]) for clip in clips]
    # One transfer for all clips: on a GPU each one waits for the device.
    facts = torch.cat([_facts(clip).flatten() for clip in clips]).cpu()
    parts = facts.split([count * (count + 1) for count in counts])
    return [
        clip.only(_surest(part.view(count, count + 1), threshold, clip.unsure))
        for clip, part, count in zip(clips, parts, counts, strict=True)
    ]


def _facts(clip: ClipInstances) -> Tensor:
    """(N, 1 + N) where the clip is: score of the best class, soft IoU with each mask."""
    probs = clip.mask_logits.float().sigmoid()
    scores = clip.class_probs[:, :-1].amax(1, keepdim=True)
    return torch.cat([scores, soft_iou_matrix(probs, probs)], 1)


def _surest(facts: Tensor, threshold: float, unsure: frozenset[int]) -> list[int]:
    """Rows that stay, ascending.

    What survived its clip is surer than what did not, whatever their scores: among several
    classes an instance may survive with a low one. Of equal scores the first row is the surer.
    """
    overlaps = (facts[:, 1:] >= threshold).tolist()
    scores = facts[:, 0].tolist()
    kept: list[int] = []
    for row in sorted(range(len(scores)), key=lambda row: (row in unsure, -scores[row])):
        if not any(overlaps[row][surer] for surer in kept):
            kept.append(row)
    return sorted(kept)
