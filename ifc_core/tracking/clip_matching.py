"""Matching the instances of two clips: space-time soft IoU and Hungarian assignment."""

from __future__ import annotations

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

MATCH_THRESHOLD = 0.05
"""A pair of instances whose soft IoU does not exceed this is no pair."""

_EPSILON = 1e-6


def soft_iou_matrix(first: Tensor, second: Tensor) -> Tensor:
    """Space-time soft IoU of every mask of one clip with every mask of another.

    Written as matrix products: with ``n = sum(a * b)`` the union is ``sum(a) + sum(b) - n``,
    so nothing of size (N, S, F, h, w) is ever formed.

    Args:
        first: (S, F, h, w) float32 probabilities on F shared frames.
        second: (N, F, h, w) float32 probabilities on the same frames.

    Returns:
        (S, N) float32 in [0, 1].

    Source: paper section 3.3, equation 8.
    """
    flat_first = first.flatten(1)  # (S, F * h * w)
    flat_second = second.flatten(1)  # (N, F * h * w)
    intersection = flat_first @ flat_second.T  # (S, N)
    union = flat_first.sum(1)[:, None] + flat_second.sum(1)[None] - intersection
    return intersection / (union + _EPSILON)


def match(scores: Tensor, threshold: float = MATCH_THRESHOLD) -> list[tuple[int, int]]:
    """Pair known instances with those of a new clip so that the sum of scores is largest.

    Args:
        scores: (S, N) soft IoU of S known instances with N new ones.
        threshold: Scores that do not exceed it count as zero and never make a pair.

    Returns:
        Pairs (known, new), sorted by the known instance.
    """
    if scores.numel() == 0:
        return []
    gated = torch.where(scores > threshold, scores, torch.zeros_like(scores)).cpu().numpy()
    known, new = linear_sum_assignment(gated, maximize=True)
    return [(int(s), int(n)) for s, n in zip(known, new, strict=True) if gated[s, n] > 0]


def pairwise_soft_iou(votes: Tensor) -> Tensor:
    """Soft IoU of every mask with every other that different clips gave to one frame.

    Args:
        votes: (..., clips, h, w) float32 probabilities.

    Returns:
        (..., clips, clips) in [0, 1].
    """
    flat = votes.flatten(-2)  # (..., clips, h * w)
    intersection = flat @ flat.transpose(-1, -2)
    area = flat.sum(-1)
    union = area[..., :, None] + area[..., None, :] - intersection
    return intersection / (union + _EPSILON)
