"""What an object looks like, fitted from the pixels of corrected frames."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

FloatImage = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]

_STEPS = 8
_COLOR_PENALTY = 1e-3
_EVIDENCE_PENALTY = 1e-2


@dataclass(frozen=True, slots=True)
class AppearanceModel:
    """A logistic model of foreground over colour and, where given, network evidence.

    Attributes:
        mean: Of each channel where it was fitted.
        scale: Of each channel.
        weights: Bias first, then one a channel.
    """

    mean: Matrix
    scale: Matrix
    weights: Matrix

    def logits(self, channels: FloatImage) -> FloatImage:
        """Foreground logit of (h, w, D) channels, as (h, w) float32."""
        normal = (channels - self.mean) / self.scale
        value: FloatImage = (normal @ self.weights[1:] + self.weights[0]).astype(np.float32)
        return value


def color_channels(frame: npt.NDArray[np.uint8]) -> FloatImage:
    """CIELAB and its products of second order: (h, w, 3) uint8 RGB to (h, w, 9) float32."""
    smooth = cv2.GaussianBlur(frame, (3, 3), 0)
    lab = cv2.cvtColor(smooth, cv2.COLOR_RGB2LAB).astype(np.float32) / 64.0 - 2.0
    light, a, b = lab[..., 0], lab[..., 1], lab[..., 2]
    products = (light * light, a * a, b * b, light * a, light * b, a * b)
    channels: FloatImage = np.concatenate([lab, np.stack(products, axis=-1)], axis=-1)
    return channels


def fit_appearance(
    channels: list[FloatImage], masks: list[npt.NDArray[np.bool_]], near_px: float
) -> AppearanceModel | None:
    """Fit on the pixels in and around the object, both classes weighing alike.

    Args:
        channels: (h, w, D) of each corrected frame; the first nine are colour, any further ones
            evidence of the network, which is penalised on its own scale.
        masks: (h, w) true mask of each frame.
        near_px: Background further than this from the object is left out.

    Returns:
        The model, or ``None`` where foreground or background is missing.
    """
    rows, labels = [], []
    for image, mask in zip(channels, masks, strict=True):
        inverse = (~mask).astype(np.uint8)
        near = cv2.distanceTransform(inverse, cv2.DIST_L2, 3) <= near_px if mask.any() else ~mask
        rows.append(image[near])
        labels.append(mask[near])
    x = np.concatenate(rows).astype(np.float64)
    y = np.concatenate(labels)
    if y.sum() < 8 or (~y).sum() < 8:
        return None
    mean, scale = x.mean(0), x.std(0) + 1e-3
    penalty = np.full(x.shape[1] + 1, _COLOR_PENALTY)
    penalty[0] = 0.0
    penalty[10:] = _EVIDENCE_PENALTY
    return AppearanceModel(mean, scale, _newton((x - mean) / scale, y, penalty))


def _newton(x: Matrix, y: npt.NDArray[np.bool_], penalty: Matrix) -> Matrix:
    """Minimise class-balanced logistic loss + penalty * weights**2 by Newton's method."""
    x = np.concatenate([np.ones((len(x), 1)), x], axis=1)
    balance = np.where(y, 0.5 / y.sum(), 0.5 / (~y).sum())
    weights = np.zeros(x.shape[1])
    ridge = np.diag(penalty + 1e-9)
    for _ in range(_STEPS):
        probs = 1.0 / (1.0 + np.exp(-np.clip(x @ weights, -30, 30)))
        gradient = x.T @ (balance * (probs - y)) + ridge @ weights
        curvature = balance * np.maximum(probs * (1 - probs), 1e-4)
        step = np.linalg.solve(x.T @ (x * curvature[:, None]) + ridge, gradient)
        weights -= step
        if np.abs(step).max() < 1e-3:
            break
    return weights
