"""Where the picture of a video lies in napari's world: over the layer that it was made from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from napari.layers import Layer

_RIM = 0.5  # pixels from the middle of one to where it ends


@dataclass(frozen=True, slots=True)
class PicturePlace:
    """What takes pixels of a video, by row and column, to napari's world.

    A video that is nobody's layer has one pixel a unit, the middle of the first one at (0, 0).

    Attributes:
        step: World (y, x) per row, then per column: the columns of a (2, 2) matrix.
        origin: World (y, x) of the middle of the first pixel.
    """

    step: tuple[tuple[float, float], tuple[float, float]] = ((1.0, 0.0), (0.0, 1.0))
    origin: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def of_layer(cls, layer: Layer) -> PicturePlace:
        """Where a layer's last two axes lie, whatever its scale, translation and rotation.

        Args:
            layer: An image or labels layer of two axes or more, without colour.
        """
        row, column = np.eye(layer.ndim)[-2:]
        at = [layer.data_to_world(end)[-2:] for end in (np.zeros(layer.ndim), row, column)]
        (top, left), down, right = ((float(y), float(x)) for y, x in at)
        step = ((down[0] - top, down[1] - left), (right[0] - top, right[1] - left))
        place = cls(step, (top, left))
        return place if math.isfinite(place.pixel) and place.pixel > 0 else cls()

    @property
    def pixel(self) -> float:
        """Side of a square as large as a pixel, in units of the world."""
        (a, b), (c, d) = self.step
        return math.sqrt(abs(a * d - b * c))

    def affine(self, ndim: int) -> npt.NDArray[np.float64]:
        """The matrix that lays a layer of ``ndim`` axes over the picture, the last two being its.

        Args:
            ndim: 2 or more.

        Returns:
            (ndim + 1, ndim + 1), homogeneous.
        """
        matrix = np.eye(ndim + 1)
        matrix[-3:-1, -3:-1] = np.transpose(self.step)
        matrix[-3:-1, -1] = self.origin
        return matrix

    def row_column(self, position: Sequence[float]) -> tuple[float, float]:
        """Row and column of a place in the world; 0 is the middle of the first pixel.

        Args:
            position: World coordinates, y and x last.
        """
        away = np.subtract(position[-2:], self.origin)
        row, column = np.linalg.solve(np.transpose(self.step), away)
        return float(row), float(column)

    def extent(self, size: tuple[int, int]) -> tuple[tuple[float, float], tuple[float, float]]:
        """Where the picture begins and ends in the world, (y, x) each.

        Args:
            size: (height, width) in pixels.
        """
        rows, columns = ((-_RIM, side - _RIM) for side in size)
        rim = [(row, column) for row in rows for column in columns]
        world = self.world(rim)
        low, high = world.min(axis=0), world.max(axis=0)
        return (float(low[0]), float(low[1])), (float(high[0]), float(high[1]))

    def is_like(self, other: PicturePlace, size: tuple[int, int]) -> bool:
        """Whether a picture of ``size`` lies in both places to within half a pixel."""
        corners = [(0, 0), (0, size[1] - 1), (size[0] - 1, 0), (size[0] - 1, size[1] - 1)]
        apart = np.subtract(self.world(corners), other.world(corners))
        return bool(np.abs(apart).max() <= _RIM * min(self.pixel, other.pixel))

    def world(self, places: Sequence[tuple[float, float]]) -> npt.NDArray[np.float64]:
        """World (y, x) of places of the picture.

        Args:
            places: Row and column of each; 0 is the middle of the first pixel.

        Returns:
            (n, 2).
        """
        return np.asarray(places) @ np.asarray(self.step) + self.origin


PLAIN = PicturePlace()
"""Of a video that is nobody's layer."""
