"""Fitting a track's mask weight again from corrected frames (paper eq. 5)."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from ifc_core.inference.clip_features import ClipFeatureCache
from ifc_core.inference.correction import CorrectedMask

_STEPS = 12
_PENALTY = 0.02
_BLOCK_CELLS = 4
_FOLDS = 4  # fits, however many frames are judged
_LEAST_AGREEMENT = 0.3


def refit_weight(
    features: Tensor, target: Tensor, prior: Tensor, penalty: float = _PENALTY
) -> tuple[Tensor, float]:
    """A mask weight and bias for the features of corrected pixels, near a predicted one.

    Minimises class-balanced BCE + DICE + ``penalty`` * mean square distance from the prior (in
    units of each channel's spread), by L-BFGS.

    Args:
        features: (P, C) float32 mask features of P cells.
        target: (P,) float32 share of foreground in each cell, 0 to 1.
        prior: (C,) predicted weight, or zeros for an object that was never proposed.
        penalty: Pull towards the prior.

    Returns:
        (C,) weight and its bias.
    """
    spread = features.std(0, correction=0) + 1e-4
    scaled = features / spread
    start = prior * spread
    weight, bias = start.clone().requires_grad_(True), torch.zeros((), requires_grad=True)
    share = target.mean().clamp(1e-3, 1 - 1e-3)
    balance = torch.where(target > 0.5, 0.5 / share, 0.5 / (1 - share))
    search = torch.optim.LBFGS([weight, bias], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        search.zero_grad()
        logits = scaled @ weight + bias
        probs = logits.sigmoid()
        bce = F.binary_cross_entropy_with_logits(logits, target, weight=balance)
        dice = 1 - (2 * (probs * target).sum() + 1) / (probs.sum() + target.sum() + 1)
        total: Tensor = bce + dice + penalty * (weight - start).square().sum()
        total.backward()
        return total

    with torch.enable_grad():
        search.step(loss)
    return (weight / spread).detach(), float(bias.detach())


class RefitEvidence:
    """The network's opinion on a track, from the frames that a person corrected.

    In a clip that holds corrected frames the weight is fitted on those; elsewhere on all
    corrected frames. The prior is the query, shown or hidden, that agrees best with the
    correction. :meth:`held_out_logits` judges a frame by a fit on other corrected ones (on all of
    them up to four, else every fourth is left out with it), or, where there is one alone, each half
    of its cells by a fit on the other half, so that whoever
    weighs this evidence sees how it does on what it was not fitted on.

    Args:
        cache: Features of the video's clips.
        corrected: Frames with a mask.
    """

    def __init__(self, cache: ClipFeatureCache, corrected: Sequence[CorrectedMask]) -> None:
        self._cache = cache
        self._masks = {c.frame_index: c.rle.to_array() for c in corrected if c.rle is not None}
        self._fits: dict[tuple[int, ...], tuple[Tensor, float]] = {}

    def logits(self, frame_index: int) -> npt.NDArray[np.float32]:
        """(h, w) float32 foreground logit of any frame, at 1/8."""
        clip = self._cache.clip_of(frame_index)
        inside = tuple(f for f in clip.frame_indices if f in self._masks)
        frames = inside or tuple(sorted(self._masks))
        if frames not in self._fits:
            self._fits[frames] = self._fit(frames, None)
        return self._apply(self._fits[frames], frame_index)

    def held_out_logits(self, frame_index: int) -> npt.NDArray[np.float32]:
        """(h, w) float32 for a corrected frame, each cell judged by a fit that left it out."""
        frames = sorted(self._masks)
        fold = frames.index(frame_index) % _FOLDS
        others = tuple(f for place, f in enumerate(frames) if place % _FOLDS != fold)
        if others:
            if others not in self._fits:
                self._fits[others] = self._fit(others, None)
            return self._apply(self._fits[others], frame_index)
        halves = [self._apply(self._fit((frame_index,), half), frame_index) for half in (0, 1)]
        cells = _checkerboard(halves[0].shape)
        return np.where(cells == 0, halves[1], halves[0])

    def _apply(self, fit: tuple[Tensor, float], frame_index: int) -> npt.NDArray[np.float32]:
        features = self._cache.clip_of(frame_index).features_of(frame_index)
        logits = torch.einsum("c,chw->hw", fit[0], features) + fit[1]
        return np.asarray(logits.numpy(), np.float32)

    def _fit(self, frames: tuple[int, ...], half: int | None) -> tuple[Tensor, float]:
        """Fit on all cells of ``frames``, or on one half of a checkerboard of blocks."""
        parts, targets, prior, best = [], [], None, -1.0
        for frame in frames:
            if frame not in self._masks:
                continue
            clip = self._cache.clip_of(frame)
            features = clip.features_of(frame)
            target = self._target(frame, features.shape[-2:])
            agreement, weight = _best_query(clip.query_logits(frame), clip.mask_weights, target)
            if agreement > best:
                best, prior = agreement, weight
            kept = torch.ones(target.shape, dtype=torch.bool)
            if half is not None:
                kept = torch.from_numpy(_checkerboard(tuple(target.shape)) == half)
            parts.append(features[:, kept].T)
            targets.append(target[kept])
        if prior is None:
            channels = self._cache.clip_of(frames[0] if frames else 0).mask_features.shape[1]
            return torch.zeros(channels), 0.0
        return refit_weight(torch.cat(parts), torch.cat(targets), prior)

    def _target(self, frame: int, size: Sequence[int]) -> Tensor:
        mask = np.ascontiguousarray(self._masks[frame]).astype(np.float32)
        small = cv2.resize(mask, (size[1], size[0]), interpolation=cv2.INTER_AREA)
        return torch.from_numpy(np.asarray(small, np.float32))


def stroke_logits(
    cache: ClipFeatureCache,
    frame_index: int,
    positive: npt.NDArray[np.bool_],
    negative: npt.NDArray[np.bool_],
) -> npt.NDArray[np.float32] | None:
    """The network's mask for scribbles: the weight refit on the scribbled cells alone.

    Args:
        cache: Features of the video's clips.
        frame_index: 0-based in the video.
        positive: (H, W) bool, pixels of the object.
        negative: (H, W) bool, pixels beside it.

    Returns:
        (h, w) float32 logit at 1/8, or ``None`` where the strokes touch too little to tell.
    """
    clip = cache.clip_of(frame_index)
    features = clip.features_of(frame_index)
    inside, outside = (_touched_cells(m, features.shape[-2:]) for m in (positive, negative))
    inside &= ~outside
    queries = clip.query_logits(frame_index).sigmoid()  # (Q, h, w)
    if not inside.any():
        return None
    agreement = queries[:, inside].mean(1)
    if outside.any():
        agreement = agreement - queries[:, outside].mean(1)
    best = int(agreement.argmax())
    prior = clip.mask_weights[best].float()
    if agreement[best] < _LEAST_AGREEMENT:
        if not outside.any():
            return None
        prior = torch.zeros_like(prior)
    if not outside.any():
        return np.asarray(clip.query_logits(frame_index)[best].numpy(), np.float32)
    marked = torch.cat([features[:, inside].T, features[:, outside].T])
    target = torch.cat([torch.ones(int(inside.sum())), torch.zeros(int(outside.sum()))])
    weight, bias = refit_weight(marked, target, prior)
    logits = torch.einsum("c,chw->hw", weight, features) + bias
    return np.asarray(logits.numpy(), np.float32)


def _touched_cells(mask: npt.NDArray[np.bool_], size: Sequence[int]) -> Tensor:
    small = cv2.resize(
        np.ascontiguousarray(mask).astype(np.float32),
        (size[1], size[0]),
        interpolation=cv2.INTER_AREA,
    )
    return torch.from_numpy(np.asarray(small > 0.02))


def _best_query(logits: Tensor, weights: Tensor, target: Tensor) -> tuple[float, Tensor]:
    """Soft IoU of the query that agrees best with a mask, and its weight (zeros if none does)."""
    probs = logits.sigmoid().flatten(1)
    flat = target.flatten()
    shared = probs @ flat
    overlap = shared / (probs.sum(1) + flat.sum() - shared + 1e-6)
    best = int(overlap.argmax())
    if overlap[best] < _LEAST_AGREEMENT:
        return float(overlap[best]), torch.zeros(weights.shape[1])
    return float(overlap[best]), weights[best].float()


def _checkerboard(shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
    rows, columns = np.indices(shape)
    folds: npt.NDArray[np.int64] = (rows // _BLOCK_CELLS + columns // _BLOCK_CELLS) % 2
    return folds
