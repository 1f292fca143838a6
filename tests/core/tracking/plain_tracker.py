"""The tracker as the paper states it, everything in memory: what the streaming one must equal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment


@dataclass
class PlainResult:
    identities: list[list[int]]
    class_probs: np.ndarray  # (N, K + 1)
    mean_logits: np.ndarray  # (N, V, h, w), nan where never seen


def soft_iou(a: np.ndarray, b: np.ndarray) -> float:
    intersection = (a * b).sum(dtype=np.float64)
    union = (a + b - a * b).sum(dtype=np.float64)
    return float(intersection / (union + 1e-6))


def track(
    clips: list[tuple[list[int], np.ndarray, np.ndarray]],
    num_frames: int,
    clip_length: int,
    threshold: float = 0.05,
) -> PlainResult:
    """``clips``: (frames, class_probs (N, K + 1), mask_logits (N, T, h, w)), in order."""
    history: list[list[dict[int, np.ndarray]]] = []  # clip -> instance -> {frame: logits}
    votes: list[list[np.ndarray]] = []  # instance -> class probabilities
    identities = []
    for number, (frames, probs, logits) in enumerate(clips):
        scores = np.zeros((len(votes), len(probs)))
        for known in range(len(votes)):
            for row in range(len(probs)):
                seen = []
                for earlier in history[max(0, number - clip_length) :]:
                    masks = earlier[known] if known < len(earlier) else {}
                    shared = [f for f in frames if f in masks]
                    if shared:
                        mine = np.stack([logits[row, frames.index(f)] for f in shared])
                        theirs = np.stack([masks[f] for f in shared])
                        seen.append(soft_iou(_sigmoid(theirs), _sigmoid(mine)))
                scores[known, row] = np.mean(seen) if seen else 0.0
        scores[scores <= threshold] = 0.0
        named = [-1] * len(probs)
        for known, row in zip(*linear_sum_assignment(-scores), strict=True):
            if scores[known, row] > 0:
                named[row] = int(known)
        for row in range(len(probs)):
            if named[row] < 0:
                named[row] = len(votes)
                votes.append([])
            votes[named[row]].append(probs[row])
        identities.append(named)
        history.append([{} for _ in votes])
        for row, known in enumerate(named):
            history[-1][known] = {f: logits[row, i] for i, f in enumerate(frames)}
    return PlainResult(
        identities,
        np.stack([np.mean(v, axis=0) for v in votes]) if votes else np.zeros((0, 1)),
        _mean_logits(history, len(votes), num_frames, clips[0][2].shape[2:]),
    )


def _mean_logits(history, num_instances, num_frames, size) -> np.ndarray:
    total = np.zeros((num_instances, num_frames, *size))
    count = np.zeros((num_instances, num_frames, 1, 1))
    for clip in history:
        for known, masks in enumerate(clip):
            for frame, logits in masks.items():
                total[known, frame] += logits
                count[known, frame] += 1
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x.astype(np.float64)))
