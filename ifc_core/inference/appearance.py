"""What an object looks like, fitted from the pixels of corrected frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

FloatImage = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]

NUM_LOOK_CHANNELS = 22

_STEPS = 8
_NUM_COLOR_CHANNELS = 9
_AROUND_PX = (3.0, 7.0)
_WIDER_PX = float(np.sqrt(_AROUND_PX[1] ** 2 - _AROUND_PX[0] ** 2))
_EDGE_SIGMA_PX = 2.5
_COLOR_PENALTY = 1e-3
_TEXTURE_PENALTY = 3e-3
_EVIDENCE_PENALTY = 1e-2
_MOST_ROWS = 5000
_LEAST_PIXELS = 8


@dataclass(frozen=True, slots=True)
class AppearanceModel:
    """A logistic model of foreground over colour, texture and, where given, network evidence.

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
        # The normalisation goes into the weights: one product in single precision.
        slopes = self.weights[1:] / self.scale
        offset = self.weights[0] - float(self.mean @ slopes)
        planes = np.moveaxis(channels, -1, 0)  # the order that they lie in
        value: FloatImage = np.tensordot(slopes.astype(np.float32), planes, axes=1)
        value += np.float32(offset)
        return value


def look_channels(frame: npt.NDArray[np.uint8]) -> FloatImage:
    """Colour, what surrounds it, and texture.

    Args:
        frame: (h, w, 3) uint8 RGB.

    Returns:
        (h, w, 22) float32: CIELAB, its products of second order, CIELAB blurred over 3 and 7
        pixels, its local spread, and the strength of gradients in four directions.
    """
    planes = np.empty((NUM_LOOK_CHANNELS, *frame.shape[:2]), np.float32)
    lab = _lab(frame)
    planes[:3] = light, a, b = _lab(np.asarray(cv2.GaussianBlur(frame, (3, 3), 0), np.uint8))
    pairs = ((light, light), (a, a), (b, b), (light, a), (light, b), (a, b))
    for plane, (one, other) in zip(planes[3:9], pairs, strict=True):
        np.multiply(one, other, out=plane)
    for channel, values in enumerate(lab):
        near, wide, spread = planes[9 + channel], planes[12 + channel], planes[15 + channel]
        cv2.GaussianBlur(values, (0, 0), _AROUND_PX[0], dst=near)
        _blur_wide(near, _WIDER_PX, wide)
        cv2.GaussianBlur(values * values, (0, 0), _AROUND_PX[0], dst=spread)
        spread -= near * near
        np.sqrt(np.maximum(spread, 0, out=spread), out=spread)
    across, down = (cv2.Sobel(lab[0], cv2.CV_32F, dx, 1 - dx) for dx in (1, 0))
    half = np.float32(np.sqrt(0.5))
    slopes = (across, half * (down + across), down, half * (down - across))
    for plane, slope in zip(planes[18:], slopes, strict=True):
        cv2.GaussianBlur(np.abs(slope), (0, 0), _EDGE_SIGMA_PX, dst=plane)
    return np.moveaxis(planes, 0, -1)


def _blur_wide(plane: FloatImage, sigma: float, blurred: FloatImage) -> None:
    """A wide blur of what is smooth already, made on every second pixel."""
    height, width = plane.shape
    half = cv2.resize(plane, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)
    cv2.resize(cv2.GaussianBlur(half, (0, 0), sigma / 2), (width, height), dst=blurred)


def _lab(frame: npt.NDArray[np.uint8]) -> list[FloatImage]:
    """CIELAB, each of the three planes from about -2 to 2."""
    planes = cv2.split(cv2.cvtColor(frame, cv2.COLOR_RGB2LAB))
    return [plane.astype(np.float32) * np.float32(1 / 64) - np.float32(2) for plane in planes]


def fit_appearance(
    channels: Sequence[FloatImage], masks: Sequence[npt.NDArray[np.bool_]]
) -> AppearanceModel | None:
    """Fit on pixels in and around the object, both classes weighing alike.

    Args:
        channels: (..., D) of each corrected frame, those of :func:`look_channels` and perhaps
            evidence of the network, each kind penalised on its own scale.
        masks: (...) bool, whether they are the object.

    Returns:
        The model, or ``None`` where foreground or background is missing.
    """
    if not channels:
        return None
    each = max(500, _MOST_ROWS // len(channels))
    rows, labels = [], []
    for image, mask in zip(channels, masks, strict=True):
        step = max(1, mask.size // each)
        rows.append(image.reshape(-1, image.shape[-1])[::step])
        labels.append(mask.reshape(-1)[::step])
    x = np.concatenate(rows).astype(np.float64)
    y = np.concatenate(labels)
    if y.sum() < _LEAST_PIXELS or (~y).sum() < _LEAST_PIXELS:
        return None
    mean, scale = x.mean(0), x.std(0) + 1e-3
    penalty = np.full(x.shape[1] + 1, _EVIDENCE_PENALTY)
    penalty[1 : 1 + NUM_LOOK_CHANNELS] = _TEXTURE_PENALTY
    penalty[1 : 1 + _NUM_COLOR_CHANNELS] = _COLOR_PENALTY
    penalty[0] = 0.0
    return AppearanceModel(mean, scale, newton((x - mean) / scale, y, penalty))


def newton(
    x: Matrix, y: npt.NDArray[np.bool_], penalty: Matrix, most_steps: int = _STEPS
) -> Matrix:
    """Minimise class-balanced logistic loss + penalty * weights**2 by Newton's method.

    Args:
        x: (N, D) channels on about one scale.
        y: (N,) whether a row is foreground; both kinds must be there.
        penalty: (D + 1,), that of the bias first.
        most_steps: Steps at most.

    Returns:
        (D + 1,) weights, the bias first.
    """
    x = np.concatenate([np.ones((len(x), 1)), x], axis=1)
    balance = np.where(y, 0.5 / y.sum(), 0.5 / (~y).sum())
    weights = np.zeros(x.shape[1])
    ridge = np.diag(penalty + 1e-9)
    for _ in range(most_steps):
        probs = 1.0 / (1.0 + np.exp(-np.clip(x @ weights, -30, 30)))
        gradient = x.T @ (balance * (probs - y)) + ridge @ weights
        curvature = balance * np.maximum(probs * (1 - probs), 1e-4)
        step = np.linalg.solve(x.T @ (x * curvature[:, None]) + ridge, gradient)
        weights -= step
        if np.abs(step).max() < 1e-3:
            break
    return weights
