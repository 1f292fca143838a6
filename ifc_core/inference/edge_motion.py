"""What motion says about a mask, for the edge network.

Things that look like what is behind them move apart from it. A frame is compared with the one
before and the one after it; both say the same of a steady motion, and what one of them hides the
other may show.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.inference.flow_chain import sample, sample_picture

Floats = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

FLOW_SHORT_SIDE = 360
"""Pixels; motion is looked for in frames that are reduced to it."""

_LEAST_SIDE_PX = 16
_SMALL_PX = 80_000  # pictures in which flow is looked for at full size
_FIT_EVERY = 4  # cells of 1/2 of the crop
_FIT_ROUNDS = 3
_FIT_WITHIN_PX = 1.0
_FIT_LEAST = 6  # cells; fewer are fitted with all others
_FIT_STIFFNESS = 0.05  # against motions that are not the same everywhere


def flow_picture(frame: Image) -> Image:
    """(h, w) uint8, the grey frame at the size that motion is looked for at.

    Args:
        frame: (H, W, 3) uint8 RGB.
    """
    gray = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    scale = FLOW_SHORT_SIDE / min(gray.shape)
    if scale < 1:
        size = [max(16, round(side * scale)) for side in gray.shape]
        gray = cv2.resize(gray, size[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(gray, np.uint8)


@dataclass(frozen=True, slots=True)
class _Step:
    picture: Image
    flow: Floats  # (h, w, 2), where the pixels of the frame lie in the picture
    direction: int  # of time


@dataclass(frozen=True, slots=True)
class FrameMotion:
    """How the pixels of a frame move to the frames beside it.

    Attributes:
        now: (h, w) uint8, the grey frame.
        steps: To one frame beside it or two.
    """

    now: Image
    steps: tuple[_Step, ...]

    @classmethod
    def between(cls, before: Image | None, now: Image, after: Image | None) -> FrameMotion | None:
        """Motion by the flow of DIS (Kroeger et al., 2016).

        Args:
            before: :func:`flow_picture` of the frame before; ``None`` at the beginning of a shot.
            now: That of the frame.
            after: That of the frame after; ``None`` at the end of a shot.

        Returns:
            ``None`` without a frame beside it, and in pictures too small to tell.
        """
        if min(now.shape) < _LEAST_SIDE_PX:
            return None
        method = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        method.setFinestScale(0 if now.size <= _SMALL_PX else 1)
        method.setVariationalRefinementIterations(0)
        steps = tuple(
            _Step(other, _flow(method, now, other), direction)
            for direction, other in ((-1, before), (1, after))
            if other is not None and other.shape == now.shape
        )
        return cls(now, steps) if steps else None

    def flow(self, direction: int) -> Floats | None:
        """(h, w, 2) float32, where the pixels lie in the frame before (-1) or after (1).

        Returns:
            In pixels of ``now``; ``None`` where that frame was not there.
        """
        return next((step.flow for step in self.steps if step.direction == direction), None)

    def seen(self, places_xy: Floats, inside: Mask) -> Floats:
        """What motion says about a mask in a crop.

        The motion of the inside and that of the outside are each fitted by an affine map. Moved
        back by the one or by the other, a frame beside is like this one where things move so.

        Args:
            places_xy: (S, S, 2) float32, centres of the crop's pixels as (x, y) in ``now``.
            inside: (S, S) bool, the mask.

        Returns:
            (S/2, S/2, 8) float32. For each of the two frames beside, or for the only one twice:
            velocity (x, y) in pixels a frame against the outside, and the grey levels that this
            frame differs by from the one beside as moved with the outside, and with the inside.
        """
        now = _grays(self.now, places_xy)
        cells = places_xy[::2, ::2] + (places_xy[1, 1] - places_xy[0, 0]) / 2
        told = []
        for step in self.steps:
            flow = sample(step.flow, cells)
            coarse = inside[1::2, 1::2]
            outer, inner = (_fitted(flow, side) for side in (~coarse, coarse))
            gaps = [
                _halved(np.abs(now - _grays(step.picture, places_xy + _at_pixels(fit, now.shape))))
                for fit in (outer, inner)
            ]
            told.append(np.dstack([step.direction * (flow - _at_pixels(outer, flow.shape)), *gaps]))
        return np.concatenate([told[0], told[-1]], axis=-1).astype(np.float32)


def _flow(method: cv2.DISOpticalFlow, first: Image, second: Image) -> Floats:
    return np.asarray(method.calc(first, second, None), np.float32)  # type: ignore[call-overload]


def _grays(picture: Image, places_xy: Floats) -> Floats:
    return sample_picture(picture, places_xy).astype(np.float32)


def _halved(image: Floats) -> Floats:
    halved = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return np.asarray(halved, np.float32)


@lru_cache(maxsize=8)
def _places(shape: tuple[int, ...]) -> Floats:
    """(h, w, 3) float32: x and y from -1 to 1, and 1."""
    rows, columns = (np.linspace(-1, 1, n, dtype=np.float32) for n in shape)
    x, y = np.meshgrid(columns, rows)
    return np.dstack([x, y, np.ones_like(x)])


def _fitted(flow: Floats, where: Mask) -> Floats:
    """(3, 2) float32: the affine map that most of a part of a flow follows."""
    every = (slice(None, None, _FIT_EVERY),) * 2
    chosen = where[every].reshape(-1)
    if chosen.sum() < _FIT_LEAST:
        chosen = np.ones_like(chosen)
    at = _places(flow.shape[:2])[every].reshape(-1, 3)[chosen]
    moved = flow[every].reshape(-1, 2)[chosen]
    fit = np.zeros((3, 2), np.float32)
    fit[2] = np.median(moved, axis=0)
    for _ in range(_FIT_ROUNDS):
        off = np.square(moved - at @ fit).sum(-1)
        weight = 1 / (1 + off / np.float32(_FIT_WITHIN_PX**2))
        left = (at * weight[:, None]).T @ at
        left[(0, 1), (0, 1)] += np.float32(_FIT_STIFFNESS * weight.sum() + 1e-3)
        fit = np.linalg.solve(left, (at * weight[:, None]).T @ moved)
    return fit.astype(np.float32)


def _at_pixels(fit: Floats, shape: tuple[int, ...]) -> Floats:
    """(h, w, 2) float32: an affine map at the pixels of a crop."""
    motion: Floats = _places(shape[:2]) @ fit
    return motion
