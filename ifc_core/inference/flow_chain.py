"""Carrying masks along dense optical flow, chained from a corrected frame."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.annotation.interpolation import signed_distance as signed_distance
from ifc_core.inference.flow_store import FlowPath, FlowStore, Part

FloatImage = npt.NDArray[np.float32]

_CONSISTENCY_SHARE = 0.02
_CONSISTENCY_PX2 = 1.0
_STRAIGHTEN_EVERY = 2
_CLEARLY_BETTER = 0.9
_ERROR_SIGMA_PX = 3.0


class FlowChain:
    """Where each pixel of the present frame comes from in the frame the chain began at.

    Coordinates are chained and the mask is sampled once, so that it does not blur with the
    distance. Every other step the chain is straightened: flow straight from the present frame to
    the first, begun at the chained one, takes its place where it explains the picture better,
    which takes out the drift that small errors add up to.

    Args:
        store: Flows of the video.
        seed: Frame to begin at.

    Attributes:
        frame_index: The present frame.
        steps: Frames since the seed.
        is_broken: Whether a cut lies between the seed and the present frame.
    """

    def __init__(self, store: FlowStore, seed: int) -> None:
        self._store, self._seed = store, seed
        self._seed_gray = store.picture(seed).gray
        height, width = store.flow_size
        self._grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(
            np.float32
        )
        self._source: FloatImage | None = self._grid.copy()  # (h, w, 2) as (x, y) in the seed
        self._trust: FloatImage | None = np.ones((height, width), np.float32)
        self._direct = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self.frame_index = seed
        self.steps = 0
        self.is_broken = False
        self._path: FlowPath | None = None  # of the present frame, once it is known

    def step(self, frame_index: int) -> None:
        """Go on to a neighbour of the present frame."""
        self.is_broken = self.is_broken or self._store.is_cut(self.frame_index, frame_index)
        kept = self._store.path(self._seed, frame_index)
        if kept is None:
            self._follow(frame_index)
        else:  # turned into numbers to reckon with only where it is needed
            self._source = self._trust = None
        self.frame_index = frame_index
        self.steps += 1
        self._path = kept
        if kept is None:
            if self.steps % _STRAIGHTEN_EVERY == 0 and not self.is_broken:
                self._straighten()
            self._store.keep_path(self._seed, frame_index, self.path())

    @property
    def source(self) -> FloatImage:
        """(h, w, 2) float32, where each pixel comes from in the seed, as (x, y)."""
        if self._source is None:
            self._source = self._grid + self.path().shift_px()
        return self._source

    @property
    def trust(self) -> FloatImage:
        """(h, w) float32, 1 where every step so far agreed forward and backward."""
        if self._trust is None:
            self._trust = self.path().trust_share()
        return self._trust

    def path(self) -> FlowPath:
        """The present frame's way back to the seed."""
        if self._path is None:
            self._path = FlowPath.of(self.source - self._grid, self.trust, self.steps)
        return self._path

    def carry(self, seed_values: FloatImage, every: int = 1) -> FloatImage:
        """Values of the seed frame at the size of the flow, in the present frame.

        Args:
            seed_values: (h, w) float32.
            every: Only each so many-th pixel of the present frame, in both directions.
        """
        if self._source is not None or every == 1:
            return sample(seed_values, self.source[::every, ::every])
        part = (slice(None, None, every), slice(None, None, every))
        return sample(seed_values, self._grid[part] + self.path().shift_px(part))

    def _follow(self, frame_index: int) -> None:
        """Put the flow of one more step before the chain."""
        back = self._store.between(frame_index, self.frame_index)
        forth = self._store.between(self.frame_index, frame_index)
        origin = self._grid + back
        gap = ((back + sample(forth, origin)) ** 2).sum(-1)
        length = (back**2).sum(-1)
        source, trust = self.source, self.trust
        height, width = trust.shape
        inside = ((origin >= 0) & (origin <= np.array([width - 1, height - 1]))).all(-1)
        agrees = (gap < _CONSISTENCY_SHARE * 2 * length + _CONSISTENCY_PX2) & inside
        self._source = sample(source, origin)
        self._trust = sample(trust, origin) * agrees

    def _straighten(self) -> None:
        gray = self._store.picture(self.frame_index).gray
        source = self.source
        chained = source - self._grid
        straight = self._grid + self._direct.calc(gray, self._seed_gray, chained.copy())
        seed, present = self._seed_gray.astype(np.float32), gray.astype(np.float32)
        before, after = (
            cv2.GaussianBlur(np.abs(sample(seed, way) - present), (0, 0), _ERROR_SIGMA_PX)
            for way in (source, straight)
        )
        better = after < _CLEARLY_BETTER * before
        self._source = np.where(better[..., None], straight, source).astype(np.float32)


def follow(path: FlowPath, cells_xy: FloatImage) -> tuple[FloatImage, FloatImage]:
    """Where cells come from along a path, and how far the path is to be trusted there.

    Only the part of the path that the cells lie in is turned into single precision.

    Args:
        path: The way to the seed, at the size of the flow.
        cells_xy: (h, w, 2) float32, (x, y) in pixels of the flow.

    Returns:
        (h, w, 2) float32 places in the seed, (h, w) float32 trust.
    """
    part, inside = part_around(cells_xy, path.trust.shape)
    shift = sample(path.shift_px(part), inside)
    trust = sample(path.trust_share(part), inside)
    return (cells_xy + shift).astype(np.float32), trust


def part_around(cells_xy: FloatImage, size: tuple[int, ...]) -> tuple[Part, FloatImage]:
    """The part of a picture that cells lie in, and where they lie in that part.

    Args:
        cells_xy: (h, w, 2) float32, (x, y), ascending along both axes.
        size: (height, width) of the picture.

    Returns:
        Rows and columns, and (h, w, 2) float32.
    """
    height, width = size
    low = np.clip(np.floor(cells_xy[0, 0]).astype(int), 0, (width - 1, height - 1))
    high = np.clip(np.ceil(cells_xy[-1, -1]).astype(int) + 1, low + 1, (width, height))
    part = (slice(low[1], high[1]), slice(low[0], high[0]))
    inside = np.empty(cells_xy.shape, np.float32)
    for axis in (0, 1):  # one after the other: going through pairs is several times as slow
        np.subtract(cells_xy[..., axis], np.float32(low[axis]), out=inside[..., axis])
    return part, inside


def sample(values: FloatImage, at_xy: FloatImage) -> FloatImage:
    """Values at (x, y) positions, bilinearly; beyond the edge those of the edge.

    Args:
        values: (h, w) or (h, w, C) float32.
        at_xy: (h', w', 2) float32.

    Returns:
        (h', w') or (h', w', C) float32.
    """
    at = np.ascontiguousarray(at_xy)
    sampled = cv2.remap(values, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
    return np.asarray(sampled, np.float32)


def sample_picture(picture: npt.NDArray[np.uint8], at_xy: FloatImage) -> npt.NDArray[np.uint8]:
    """Colours of a (h, w, 3) or (h, w) uint8 picture at (x, y) positions, as :func:`sample`."""
    at = np.ascontiguousarray(at_xy)
    sampled = cv2.remap(picture, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
    return np.asarray(sampled, np.uint8)
