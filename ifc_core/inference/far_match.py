"""Matching each place with all places around the object in a corrected frame, however far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.inference.flow_store import Picture
from ifc_core.inference.patch import Patch

FloatImage = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

GRID_CELLS = 40
"""Cells along the long side of what is compared; every one with every other."""

LEAST_SPREAD = 0.25
"""Added to a channel's spread: activations are of the order of 1, and a quiet channel stays so."""

_COLOUR_SHARE = 0.6
_COLOUR_SCALE = 32.0
_LIGHTNESS_SHARE = 0.6
_DISTANCE_SHARE = 1.0
_FLOOR = 0.3
_UNIT_EVERY = 8


class PixelFeatures(Protocol):
    """Maps of what places look like, from the first stages of a network."""

    def maps(self, frame_index: int) -> Sequence[npt.NDArray[np.float16]]:
        """Maps of a frame, each (h, w, C) float16 over the whole of it."""


@dataclass(frozen=True, slots=True)
class Places:
    """Cells of a patch and what each looks like.

    Attributes:
        patch: The patch, on a coarse grid.
        descriptors: (N, D) float32, one row a cell.
    """

    patch: Patch
    descriptors: Matrix


@dataclass(frozen=True, slots=True)
class Scale:
    """What puts descriptors on one scale: mean and inverse spread of each channel."""

    mean: Matrix
    inverse: Matrix

    @classmethod
    def of(cls, descriptors: Matrix) -> Scale:
        """The scale of a corrected frame's descriptors, (N, D)."""
        spread = descriptors.std(0) + LEAST_SPREAD
        return cls(descriptors.mean(0), (1.0 / spread).astype(np.float32))


def describe(picture: Picture, maps: Sequence[npt.NDArray[np.float16]], patch: Patch) -> Matrix:
    """What the cells of a patch look like, not yet scaled.

    Args:
        picture: The whole picture.
        maps: Of :class:`PixelFeatures`.
        patch: On a coarse grid, see :func:`coarse`.

    Returns:
        (N, D) float32, the last three columns colour.
    """
    parts = [_resampled(m, patch).reshape(-1, m.shape[-1]) for m in maps]
    lab = cv2.cvtColor(patch.cut(picture), cv2.COLOR_RGB2LAB).astype(np.float32).reshape(-1, 3)
    return np.concatenate([*parts, lab], axis=1)


def scaled(descriptors: Matrix, scale: Scale, maps: Sequence[npt.NDArray[np.float16]]) -> Matrix:
    """Descriptors whose squared distances add up over kinds of evidence, each weighing alike.

    Args:
        descriptors: From :func:`describe`.
        scale: From a corrected frame.
        maps: Those that were described, for their widths.
    """
    values = (descriptors - scale.mean) * scale.inverse
    start = 0
    for one in maps:
        width = one.shape[-1]
        values[:, start : start + width] /= np.float32(np.sqrt(width))
        start += width
    colour = (descriptors[:, start:] - scale.mean[start:]) * np.float32(
        _COLOUR_SHARE / _COLOUR_SCALE
    )
    colour[:, 0] *= _LIGHTNESS_SHARE
    values[:, start:] = colour
    return values


def coarse(patch: Patch) -> Patch:
    """The same part of the picture on the grid that is compared."""
    x0, y0, x1, y1 = patch.box
    share = min(1.0, GRID_CELLS / max(x1 - x0, y1 - y0))
    grid = (max(2, round((y1 - y0) * share)), max(2, round((x1 - x0) * share)))
    return Patch(patch.box, grid, patch.size)


@dataclass(frozen=True, slots=True)
class SeenPlaces:
    """Places of a corrected frame, those of the object first.

    Attributes:
        descriptors: (M, D) float32.
        xy: (M, 2) float32, where they lie, in units of the object's size.
        num_inside: How many of them are the object.
        size_px: Long side of the object, in working pixels.
    """

    descriptors: Matrix
    xy: Matrix
    num_inside: int
    size_px: float

    @classmethod
    def of(cls, places: Places, inside: Mask, size_px: float) -> SeenPlaces:
        """Sort places by what they are.

        Args:
            places: Of a corrected frame.
            inside: (M,) bool, whether they are the object.
            size_px: Long side of the object, in working pixels.
        """
        order = np.argsort(~inside, kind="stable")
        xy = places.patch.positions(places.patch.size).reshape(-1, 2) / np.float32(size_px)
        return cls(places.descriptors[order], xy[order], int(inside.sum()), size_px)


def far_match(present: Places, seen: SeenPlaces, source_xy: Matrix) -> FloatImage:
    """Whether each cell looks more like some place of the object or some place around it.

    Unlike :func:`ifc_core.inference.local_match.match_logit` the whole surroundings are
    searched, so that a limb is found that moved further than flow can follow. Places far from
    where flow says that a cell comes from count as less alike.

    Args:
        present: Cells of the present frame, N of them.
        seen: Cells of a corrected frame.
        source_xy: (N, 2) float32, where flow says that the present cells come from, in working
            pixels of the corrected frame.

    Returns:
        (rows, columns) float32 on the present grid, from -1 (background) to 1 (object).
    """
    split = seen.num_inside
    if not 0 < split < len(seen.xy):
        return np.zeros(present.patch.grid, np.float32)
    here, there = present.descriptors, seen.descriptors
    # The typical best match is the unit: descriptors of any network come out alike.
    typical = np.median(_squared_distances(here[::_UNIT_EVERY], there).min(axis=1))
    unit = np.float32(1 / np.sqrt(max(float(typical), 1e-6)))
    near = np.float32(np.sqrt(_DISTANCE_SHARE))
    gap = _squared_distances(
        np.concatenate([here * unit, source_xy * (near / np.float32(seen.size_px))], axis=1),
        np.concatenate([there * unit, seen.xy * near], axis=1),
    )
    # Rounding takes distances of what is alike a little below 0.
    object_gap = np.maximum(gap[:, :split].min(axis=1), 0)
    ground_gap = np.maximum(gap[:, split:].min(axis=1), 0)
    logit = (ground_gap - object_gap) / (ground_gap + object_gap + _FLOOR)
    return np.asarray(logit.reshape(present.patch.grid), np.float32)


def _squared_distances(first: Matrix, second: Matrix) -> Matrix:
    """(N, M) float32 between rows, in one product."""
    ones = np.ones((len(first), 1), np.float32)
    left = np.concatenate([first, (first**2).sum(1, keepdims=True), ones], axis=1)
    norms = (second**2).sum(1, keepdims=True)
    right = np.concatenate([-2 * second, np.ones_like(norms), norms], axis=1)
    return np.asarray(left @ right.T, np.float32)


def _resampled(whole: npt.NDArray[np.float16], patch: Patch) -> Matrix:
    """A (h, w, C) map on the grid of a patch, averaged where the grid is coarser."""
    box, size = patch.box, patch.size
    down = _weights(box[1], box[3], patch.grid[0], whole.shape[0], size[0])
    across = _weights(box[0], box[2], patch.grid[1], whole.shape[1], size[1])
    (row, rows), (column, columns) = down, across
    part = whole[row : row + rows.shape[1], column : column + columns.shape[1]]
    by_row = np.tensordot(rows, part.astype(np.float32), axes=(1, 0))  # (gy, w, C)
    return np.ascontiguousarray(np.matmul(columns, by_row))  # (gy, gx, C)


def _weights(start: int, stop: int, cells: int, length: int, extent: int) -> tuple[int, Matrix]:
    """First place of a map that cells need, and (cells, places) weights of a triangle filter."""
    step = (stop - start) / cells * length / extent
    centres = (start * length / extent) + (np.arange(cells) + 0.5) * step - 0.5
    radius = max(1.0, step)
    low = int(np.clip(np.floor(centres[0] - radius), 0, length - 1))
    high = int(np.clip(np.ceil(centres[-1] + radius) + 1, low + 1, length))
    places = np.arange(low, high)
    weights = np.maximum(
        0.0, 1.0 - np.abs(places[None] - np.clip(centres, low, high - 1)[:, None]) / radius
    )
    return low, (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
