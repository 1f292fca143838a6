"""Carrying masks along dense optical flow, chained from a corrected frame."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

FloatImage = npt.NDArray[np.float32]

_CONSISTENCY_SHARE = 0.02
_CONSISTENCY_PX2 = 1.0


class FlowChain:
    """Where each pixel of the present frame comes from in the frame the chain began at.

    The flow of each step is that of DIS (Kroeger et al., 2016). Coordinates are chained and the
    mask is sampled once, so that it does not blur with the distance.

    Args:
        seed: (h, w) uint8 grey image of the corrected frame.

    Attributes:
        trust: (h, w) float32, 1 where every step so far agreed forward and backward.
        steps: Frames since the seed.
    """

    def __init__(self, seed: npt.NDArray[np.uint8]) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._previous = seed
        height, width = seed.shape
        self._grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(
            np.float32
        )
        self._source = self._grid.copy()  # (h, w, 2) as (x, y) in the seed
        self.trust: FloatImage = np.ones((height, width), np.float32)
        self.steps = 0

    def step(self, frame: npt.NDArray[np.uint8]) -> None:
        """Go on to the next frame (or the one before, going backward).

        Args:
            frame: (h, w) uint8 grey, of the seed's size.
        """
        back = self._between(frame, self._previous)
        forth = self._between(self._previous, frame)
        origin = self._grid + back
        returned = _sample(forth, origin)
        gap = ((back + returned) ** 2).sum(-1)
        length = (back**2).sum(-1) + (returned**2).sum(-1)
        height, width = frame.shape
        inside = ((origin >= 0) & (origin <= np.array([width - 1, height - 1]))).all(-1)
        agrees = (gap < _CONSISTENCY_SHARE * length + _CONSISTENCY_PX2) & inside
        self._source = _sample(self._source, origin)
        self.trust = _sample(self.trust, origin) * agrees
        self._previous = frame
        self.steps += 1

    def _between(self, first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> FloatImage:
        """(h, w, 2) motion as (x, y) from the pixels of ``first`` to ``second``."""
        flow = self._flow.calc(first, second, None)  # type: ignore[call-overload]
        return np.asarray(flow, np.float32)

    def carry(self, seed_values: FloatImage) -> FloatImage:
        """Values of the seed frame, such as a signed distance, in the present frame."""
        return _sample(seed_values, self._source)


def signed_distance(mask: npt.NDArray[np.bool_]) -> FloatImage:
    """Distance in pixels to the mask's edge, positive inside; -max(h, w) without foreground."""
    height, width = mask.shape
    if not mask.any():
        return np.full(mask.shape, -float(max(height, width)), np.float32)
    inside = mask.astype(np.uint8)
    within = cv2.distanceTransform(inside, cv2.DIST_L2, 3)
    beyond = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 3)
    distance: FloatImage = np.where(mask, within - 0.5, 0.5 - beyond).astype(np.float32)
    return distance


def interpolate_masks(
    before: npt.NDArray[np.bool_], after: npt.NDArray[np.bool_], fraction: float
) -> npt.NDArray[np.bool_]:
    """A mask between two, by their signed distances moved onto a common centre.

    Args:
        before: (H, W) mask at fraction 0.
        after: (H, W) mask at fraction 1.
        fraction: 0 to 1.

    Returns:
        (H, W) bool; empty if either mask is empty and the fraction is nearer to it.
    """
    if not before.any() or not after.any():
        return (before if fraction < 0.5 else after).copy()
    first, last = _centre(before), _centre(after)
    here = (1 - fraction) * first + fraction * last
    moved = [
        _shift(signed_distance(mask), here - centre)
        for mask, centre in ((before, first), (after, last))
    ]
    between: npt.NDArray[np.bool_] = (1 - fraction) * moved[0] + fraction * moved[1] > 0
    return between


def _centre(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    ys, xs = np.nonzero(mask)
    return np.array([xs.mean(), ys.mean()])


def _shift(values: FloatImage, by_xy: npt.NDArray[np.float64]) -> FloatImage:
    matrix = np.array([[1, 0, by_xy[0]], [0, 1, by_xy[1]]], np.float32)
    size = (values.shape[1], values.shape[0])
    moved = cv2.warpAffine(
        values, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved, np.float32)


def _sample(values: FloatImage, at_xy: FloatImage) -> FloatImage:
    across, down = np.ascontiguousarray(at_xy[..., 0]), np.ascontiguousarray(at_xy[..., 1])
    sampled = cv2.remap(values, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(sampled, np.float32)
