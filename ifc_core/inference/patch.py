"""The part of a frame around an object, at a resolution that suits the object's size."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.inference.flow_store import Picture

FloatImage = npt.NDArray[np.float32]
Box = tuple[int, int, int, int]

MOST_CELLS = 144
"""Cells along the long side: small objects are worked on in full, large ones reduced."""

_CELLS = (MOST_CELLS, 216, 288, 360)
_KEPT_J = 0.97
_HALF_IS_ENOUGH = 0.5  # cells a pixel of the working picture
_LEAST_PART = 0.03
_MOST_GROWTH = 3.0
_BOX_CELLS = 8  # a carried mask is sampled so finely, or at every _BOX_EVERY pixels of the flow
_BOX_EVERY = 4
_EDGE_PX = 8  # as coarsely as carried masks are sampled


@dataclass(frozen=True, slots=True)
class Patch:
    """A box of a working picture and the grid of cells over it.

    Attributes:
        box: (x0, y0, x1, y1) in pixels of the working picture.
        grid: (rows, columns).
        size: (height, width) of the working picture.
    """

    box: Box
    grid: tuple[int, int]
    size: tuple[int, int]

    @classmethod
    def around(
        cls, box: Box, margin_px: int, size: tuple[int, int], most_cells: int = MOST_CELLS
    ) -> Patch:
        """The patch that holds a box and a margin, on a grid of so many cells at most."""
        x0, y0 = max(0, box[0] - margin_px), max(0, box[1] - margin_px)
        x1, y1 = min(size[1], box[2] + margin_px), min(size[0], box[3] + margin_px)
        x0, y0 = min(x0, size[1] - 2), min(y0, size[0] - 2)
        x1, y1 = max(x1, x0 + 2), max(y1, y0 + 2)
        scale = min(1.0, most_cells / max(x1 - x0, y1 - y0))
        grid = (max(2, round((y1 - y0) * scale)), max(2, round((x1 - x0) * scale)))
        return cls((x0, y0, x1, y1), grid, size)

    @classmethod
    def whole(cls, size: tuple[int, int], scale: float) -> Patch:
        """All of a working picture of ``size``, at ``scale`` cells a pixel, at most 1."""
        fine = min(1.0, scale)
        grid = (max(2, round(size[0] * fine)), max(2, round(size[1] * fine)))
        return cls((0, 0, size[1], size[0]), grid, size)

    @property
    def scale(self) -> float:
        """Cells a pixel, at most 1."""
        return self.grid[1] / (self.box[2] - self.box[0])

    @property
    def scale_xy(self) -> tuple[float, float]:
        """Cells a pixel along x and along y, which rounding makes differ a little."""
        x0, y0, x1, y1 = self.box
        return self.grid[1] / (x1 - x0), self.grid[0] / (y1 - y0)

    def positions(self, size: tuple[int, int]) -> FloatImage:
        """(rows, columns, 2) float32: where the cells lie, (x, y), in a picture of ``size``."""
        return _positions(self, size)

    def cut(self, picture: Picture) -> npt.NDArray[np.uint8]:
        """The patch of a picture, (rows, columns, 3) uint8 on its grid."""
        source = picture.half if self.scale <= _HALF_IS_ENOUGH else picture.rgb
        x, y, width, height = self.region_in(source.shape[:2])
        part = source[y : y + height, x : x + width]
        if part.shape[:2] == self.grid:
            return np.ascontiguousarray(part)
        return np.asarray(cv2.resize(part, self.grid[::-1], interpolation=cv2.INTER_AREA), np.uint8)

    def region_in(self, size: tuple[int, ...]) -> tuple[int, int, int, int]:
        """The box as (x, y, width, height) in a frame of ``size``."""
        across, down = size[1] / self.size[1], size[0] / self.size[0]
        x0, x1 = (round(x * across) for x in (self.box[0], self.box[2]))
        y0, y1 = (round(y * down) for y in (self.box[1], self.box[3]))
        return x0, y0, max(1, x1 - x0), max(1, y1 - y0)


@functools.lru_cache(maxsize=8)
def _positions(patch: Patch, size: tuple[int, int]) -> FloatImage:
    """See :meth:`Patch.positions`; several cues ask for the same, so nobody may write to it."""
    box = patch.box
    across, down = (
        ((start + (np.arange(cells) + 0.5) * (stop - start) / cells) * new / old - 0.5)
        for start, stop, cells, new, old in (
            (box[0], box[2], patch.grid[1], size[1], patch.size[1]),
            (box[1], box[3], patch.grid[0], size[0], patch.size[0]),
        )
    )
    positions = np.empty((*patch.grid, 2), np.float32)
    positions[..., 0], positions[..., 1] = across, down[:, None]
    positions.flags.writeable = False
    return positions


def cells_needed(mask: npt.NDArray[np.bool_], margin_share: float) -> int:
    """How many cells along the long side of its patch show an object's thin parts.

    Args:
        mask: (h, w) at working size.
        margin_share: What the patch adds on each side, of the object's long side.

    Returns:
        :data:`MOST_CELLS`, or more where reducing the mask to that takes parts of it away.
    """
    box = mask_box(mask)
    if box is None:
        return MOST_CELLS
    x0, y0, x1, y1 = box
    margin = round(margin_share * max(x1 - x0, y1 - y0))
    part = np.pad(mask[y0:y1, x0:x1], margin)
    for cells in _CELLS:
        scale = cells / max(part.shape)
        if scale >= 1:
            return cells
        size = tuple(max(2, round(length * scale)) for length in part.shape[::-1])
        small = cv2.resize(part.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        again = cv2.resize(small, part.shape[::-1], interpolation=cv2.INTER_LINEAR) > 0.5
        if (again & part).sum() >= _KEPT_J * (again | part).sum():
            return cells
    return _CELLS[-1]


def main_box(mask: npt.NDArray[np.bool_]) -> Box | None:
    """:func:`mask_box` without scattered small parts, which flow leaves behind where it fails."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count <= 2:
        return mask_box(mask)
    parts = stats[1:]
    kept = parts[parts[:, cv2.CC_STAT_AREA] >= _LEAST_PART * parts[:, cv2.CC_STAT_AREA].sum()]
    if not len(kept):
        return mask_box(mask)
    low, high = kept[:, :2].min(axis=0), (kept[:, :2] + kept[:, 2:4]).max(axis=0)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def mask_box(mask: npt.NDArray[np.bool_]) -> Box | None:
    """(x0, y0, x1, y1) of the foreground, ends exclusive, or ``None`` without any."""
    rows = np.flatnonzero(mask.any(axis=1))
    if not len(rows):
        return None
    columns = np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def joined_box(boxes: Sequence[Box]) -> Box:
    """The box that holds all of several."""
    lows, highs = np.min(boxes, axis=0), np.max(boxes, axis=0)
    return int(lows[0]), int(lows[1]), int(highs[2]), int(highs[3])


def is_at_edge(box: Box, size: tuple[int, int]) -> bool:
    """Whether a box reaches the edge of a picture of (height, width)."""
    x0, y0, x1, y1 = box
    near = _EDGE_PX
    return x0 <= near or y0 <= near or x1 >= size[1] - near or y1 >= size[0] - near


def is_more_than_rest(box: Box | None, before: Box | None) -> bool:
    """Whether a carried mask's box is more than what flow leaves behind of one that is gone."""
    if box is None or before is None:
        return box is not None
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (box, before)]
    return areas[0] > _LEAST_PART * areas[1]


def looked_at(last: Box, box: Box) -> Box:
    """Where it is seen whether something took an object's place: where it was, and where it went.

    Where it was alone, if flow found nothing to follow and scattered the mask.
    """
    joined = joined_box([last, box])
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (last, joined)]
    return joined if areas[1] <= _MOST_GROWTH * areas[0] else last


def box_step(box: Box, scale: float) -> int:
    """How coarsely the place of a mask may be looked at, in pixels of the flow."""
    shortest = min(box[2] - box[0], box[3] - box[1]) / scale
    return int(np.clip(shortest / _BOX_CELLS, 1, _BOX_EVERY))
