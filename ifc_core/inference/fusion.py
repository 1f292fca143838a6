"""How much motion, looks and matching each say: weights of the fusion, set anew for each track."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatImage = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float64]
Share = float | FloatImage

CUES = (
    "one",
    "motion",
    "motion x near",
    "looks",
    "looks x far",
    "match",
    "match x far",
    "far match x far",
    "features x far",
)
"""Cues of the fusion, in the order of its weights."""

PRIOR = np.array([-0.14, 0.4, 0.0, 0.35, 0.25, 6.5, -4.2, 0.0, 0.0])
"""Weights before a track says otherwise; a logistic fit over labelled clips."""

NETWORK_NEAR = np.array([-0.26, 0.4, 0.0, 0.34, 0.36, 6.5, -4.2, 14.6, 0.5])
"""The same where a network's early features take part and a correction is a few frames off."""

NETWORK_FAR = np.array([-0.22, -0.76, 2.65, 0.33, -0.03, 3.35, -2.09, 7.72, 0.24])
"""The same far from every correction, where motion is hardly to be believed."""

_NEAR_STEPS = 4
_FAR_STEPS = 10
_FAR_FRAMES = 3.0
_PULL = 5.0
_STEPS = 6


@dataclass(frozen=True, slots=True)
class SideCues:
    """What one corrected frame says about a patch of another.

    Attributes:
        distance_px: (h, w) float32, signed distance to the carried mask, in pixels of the flow.
        trust: (h, w) float32, 0 to 1, of the flow.
        looks: (h, w) float32 logit of colour and network, limited.
        match: (h, w) float32, -1 to 1, near the carried place.
        far_match: (h, w) float32, -1 to 1, anywhere around the object.
        features: (h, w) float32 logit of the network's early features, limited.
        steps: Frames between the two.
        likeness: (h, w) float32, how well it explains each pixel; ``None`` where it is alone.
    """

    distance_px: FloatImage
    trust: FloatImage
    looks: FloatImage
    match: FloatImage
    far_match: FloatImage
    features: FloatImage
    steps: int
    likeness: FloatImage | None = None

    def logit(self, weights: Vector) -> FloatImage:
        """(h, w) float32: the sum of :meth:`stacked` with a weight each, without stacking."""
        w, far = [float(v) for v in weights], self._far()
        total = self._motion() * (w[1] + (1 - far) * w[2])
        total += w[0]
        for cue, weight in (
            (self.looks, w[3] + far * w[4]),
            (self.match, w[5] + far * w[6]),
            (self.far_match, far * w[7]),
            (self.features, far * w[8]),
        ):
            if weight:
                total += weight * cue
        return total

    def _far(self) -> float:
        return 1.0 - float(np.exp(-self.steps / _FAR_FRAMES))

    def _motion(self) -> FloatImage:
        doubt = 1.5 * (5.5 + 0.5 * self.steps) - (1.5 * 4.0) * self.trust
        motion: FloatImage = np.tanh(self.distance_px / doubt)
        return motion

    def stacked(self) -> FloatImage:
        """(h, w, cues) float32, in the order of :data:`CUES`."""
        motion, far = self._motion(), self._far()
        one = np.ones_like(motion)
        cues = (
            one,
            motion,
            (1 - far) * motion,
            self.looks,
            far * self.looks,
            self.match,
            far * self.match,
            far * self.far_match,
            far * self.features,
        )
        stacked: FloatImage = np.stack(cues, axis=-1).astype(np.float32)
        return stacked


def fused_logit(said: Sequence[tuple[Share, SideCues]], weights: Vector) -> FloatImage:
    """Foreground logit of a patch.

    Args:
        said: What corrected frames say, one or more, and the share of each, (h, w) or a number.
        weights: One a cue.

    Returns:
        (h, w) float32.
    """
    total: FloatImage = np.sum([n * s.logit(weights) for n, s in said], axis=0).astype(np.float32)
    return total


def network_prior(steps: int) -> Vector:
    """Weights before a track says otherwise, where a network's early features take part.

    Args:
        steps: Frames to the nearest correction.
    """
    far = min(1.0, max(0.0, (steps - _NEAR_STEPS) / (_FAR_STEPS - _NEAR_STEPS)))
    return (1 - far) * NETWORK_NEAR + far * NETWORK_FAR


def nearness(sides: Sequence[SideCues]) -> list[float]:
    """Share of each side, by the inverse of its distance; they sum to 1."""
    inverse = [1.0 / side.steps for side in sides]
    return [i / sum(inverse) for i in inverse]


def shares_of(sides: Sequence[SideCues]) -> list[Share]:
    """Share of each side in every pixel: by nearness, and by how well it explains the pixel.

    Of two corrected frames one may hide what the other shows, or motion may have lost it there.
    """
    shares = nearness(sides)
    alike = [side.likeness for side in sides if side.likeness is not None]
    if len(alike) < len(sides):
        return list(shares)
    parts = [np.float32(near) * like for near, like in zip(shares, alike, strict=True)]
    total = np.sum(parts, axis=0)
    return [np.asarray(part / total, np.float32) for part in parts]


def track_weights(
    cues: Sequence[FloatImage], truths: Sequence[npt.NDArray[np.bool_]], prior: Vector = PRIOR
) -> Vector:
    """Weights for one track, from corrected frames that another one was carried to.

    A logistic fit that is pulled towards a prior, so that little evidence changes little.

    Args:
        cues: (N, cues) of pixels around the object, one array a held-out frame.
        truths: (N,) bool, whether they are the object.
        prior: Weights without any evidence.

    Returns:
        One weight a cue.
    """
    if not cues:
        return prior
    x = np.concatenate(cues).astype(np.float64)
    y = np.concatenate(truths)
    weights = prior.copy()
    pull = _PULL * len(y) / len(cues) ** 0.5 * np.eye(len(weights))
    for _ in range(_STEPS):
        probs = 1.0 / (1.0 + np.exp(-np.clip(x @ weights, -30, 30)))
        gradient = x.T @ (probs - y) + pull @ (weights - prior)
        curvature = np.maximum(probs * (1 - probs), 1e-4)
        step = np.linalg.solve(x.T @ (x * curvature[:, None]) + pull, gradient)
        weights = weights - step
        if np.abs(step).max() < 1e-3:
            break
    return weights
