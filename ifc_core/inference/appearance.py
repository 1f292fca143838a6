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

    def logits(
        self, frame: npt.NDArray[np.uint8], evidence: FloatImage | None = None
    ) -> FloatImage:
        """Foreground logit of a picture.

        Args:
            frame: (h, w, 3) uint8 RGB.
            evidence: (h, w) float32, where the model was fitted with it.

        Returns:
            (h, w) float32.
        """
        # The normalisation goes into the weights, and what is smooth is joined before it is
        # blurred and made large again: the same as a product with all channels, in a quarter of
        # the time.
        slopes = (self.weights[1:] / self.scale).astype(np.float32)
        offset = float(self.weights[0] - self.mean @ slopes)
        smooth = _smooth_sum(_lab(frame), slopes[_NUM_COLOR_CHANNELS:NUM_LOOK_CHANNELS])
        value: FloatImage = np.asarray(cv2.resize(smooth, frame.shape[1::-1]), np.float32)
        value += np.tensordot(slopes[:_NUM_COLOR_CHANNELS], _colour_planes(frame), axes=1)
        value += np.float32(offset)
        if evidence is not None:
            value += slopes[NUM_LOOK_CHANNELS] * evidence
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
    planes[:_NUM_COLOR_CHANNELS] = _colour_planes(frame)
    for plane, smooth in zip(
        planes[_NUM_COLOR_CHANNELS:], _smooth_planes(_lab(frame)), strict=True
    ):
        cv2.resize(smooth, frame.shape[1::-1], dst=plane)
    return np.moveaxis(planes, 0, -1)


def _colour_planes(frame: npt.NDArray[np.uint8]) -> FloatImage:
    """(9, h, w) float32: colour and its products of second order."""
    planes = np.empty((_NUM_COLOR_CHANNELS, *frame.shape[:2]), np.float32)
    cv2.split(_lab(np.asarray(cv2.GaussianBlur(frame, (3, 3), 0), np.uint8)), list(planes[:3]))
    light, a, b = planes[:3]
    pairs = ((light, light), (a, a), (b, b), (light, a), (light, b), (a, b))
    for plane, (one, other) in zip(planes[3:], pairs, strict=True):
        np.multiply(one, other, out=plane)
    return planes


def _smooth_planes(lab: FloatImage) -> FloatImage:
    """(13, h / 2, w / 2) float32: what is blurred so far that every second pixel says it all."""
    near, spread = _surroundings(lab)
    planes = np.empty((NUM_LOOK_CHANNELS - _NUM_COLOR_CHANNELS, *near.shape[:2]), np.float32)
    wide = cv2.GaussianBlur(near, (0, 0), _WIDER_PX / 2)
    for start, values in zip((0, 3, 6), (near, wide, spread), strict=True):
        cv2.split(values, list(planes[start : start + 3]))
    for plane, edge in zip(planes[9:], _edges(lab), strict=True):
        plane[:] = _blurred(edge, _EDGE_SIGMA_PX)
    return planes


def _smooth_sum(lab: FloatImage, slopes: npt.NDArray[np.float32]) -> FloatImage:
    """(h / 2, w / 2) float32: the sum of :func:`_smooth_planes` with a slope each.

    Blurring is linear, so that sums are blurred in place of what they are made of.
    """
    near, spread = _surroundings(lab)
    of_near, of_wide, of_spread = (slopes[i : i + 3][None] for i in (0, 3, 6))
    total: FloatImage = np.asarray(cv2.transform(spread, of_spread), np.float32)
    total += cv2.transform(near, of_near)
    total += cv2.GaussianBlur(cv2.transform(near, of_wide), (0, 0), _WIDER_PX / 2)
    edges = _edges(lab)
    joined = slopes[9] * edges[0]
    for slope, edge in zip(slopes[10:], edges[1:], strict=True):
        cv2.scaleAdd(edge, float(slope), joined, dst=joined)
    total += _blurred(joined, _EDGE_SIGMA_PX)
    return total


def _surroundings(lab: FloatImage) -> tuple[FloatImage, FloatImage]:
    """(h / 2, w / 2, 3) float32 each: CIELAB blurred, and how far it spreads around that."""
    near, spread = (_blurred(values, _AROUND_PX[0]) for values in (lab, lab * lab))
    spread -= near * near
    np.sqrt(np.maximum(spread, 0, out=spread), out=spread)
    return near, spread


def _edges(lab: FloatImage) -> list[FloatImage]:
    """(h, w) float32 each: strength of the gradient of lightness in four directions."""
    light = cv2.extractChannel(lab, 0)
    across, down = (cv2.Sobel(light, cv2.CV_32F, dx, 1 - dx) for dx in (1, 0))
    half = np.float32(np.sqrt(0.5))
    slopes = (across, half * (down + across), down, half * (down - across))
    return [np.abs(slope) for slope in slopes]


def _blurred(values: FloatImage, sigma_px: float) -> FloatImage:
    """Blurred at half the size."""
    height, width = values.shape[:2]
    size = ((width + 1) // 2, (height + 1) // 2)
    half = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(half, (0, 0), sigma_px / 2), np.float32)


def _lab(frame: npt.NDArray[np.uint8]) -> FloatImage:
    """CIELAB, (h, w, 3) from about -2 to 2."""
    lab = cv2.cvtColor(frame, cv2.COLOR_RGB2LAB).astype(np.float32)
    lab *= np.float32(1 / 64)
    lab -= np.float32(2)
    return lab


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
    x = np.concatenate(rows)
    y = np.concatenate(labels)
    if y.sum() < _LEAST_PIXELS or (~y).sum() < _LEAST_PIXELS:
        return None
    mean, scale = x.mean(0, dtype=np.float64), x.std(0, dtype=np.float64) + 1e-3
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
    # Products in single precision, which is plenty under the penalty; solved in double.
    x = np.concatenate([np.ones((len(x), 1)), x], axis=1).astype(np.float32)
    balance = np.where(y, 0.5 / y.sum(), 0.5 / (~y).sum()).astype(np.float32)
    weights = np.zeros(x.shape[1])
    ridge = np.diag(penalty + 1e-9)
    for _ in range(most_steps):
        probs = 1 / (1 + np.exp(-np.clip(x @ weights.astype(np.float32), -30, 30)))
        gradient = (balance * (probs - y)) @ x + ridge @ weights
        curvature = balance * np.maximum(probs * (1 - probs), np.float32(1e-4))
        step = np.linalg.solve(x.T @ (x * curvature[:, None]) + ridge, gradient)
        weights -= step
        if np.abs(step).max() < 1e-3:
            break
    return weights
