"""One perceptually even colour scale for every picture of attention."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from napari.utils.colormaps import Colormap, ensure_colormap

_COLORMAP = "inferno"
_ALPHA = (0.55, 0.8)  # the frame shines through, less so where the attention is


def heat_table() -> npt.NDArray[np.uint8]:
    """(256, 3) uint8 RGB, from nothing to everything."""
    colors = ensure_colormap(_COLORMAP).map(np.linspace(0, 1, 256))
    table: npt.NDArray[np.uint8] = np.round(colors[:, :3] * 255).astype(np.uint8)
    return table


def heat_opacity() -> npt.NDArray[np.float32]:
    """(256,) how much of the heat map's colour covers the frame."""
    return np.linspace(*_ALPHA, 256, dtype=np.float32)


def heat_colormap() -> Colormap:
    """The scale as a layer over a frame: it dims what is not attended to."""
    colors = np.array(ensure_colormap(_COLORMAP).map(np.linspace(0, 1, 256)))
    colors[:, 3] = heat_opacity()
    return Colormap(colors, name="attention")


_TABLE = heat_table()


def heat_rgb(value: float) -> tuple[int, int, int]:
    """Colour of a value in 0 to 1."""
    red, green, blue = (int(c) for c in _TABLE[min(255, max(0, round(value * 255)))])
    return red, green, blue
