"""A rectangle on the canvas: the part of the frame that Propose looks at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from napari.layers import Shapes
from qtpy.QtCore import QTimer

from napari_ifc.layers import LayerStack

REGION = "Region"
Region = tuple[int, int, int, int]
_EDGE = "#ffd54a"


class RegionLayer:
    """Lets a person drag a rectangle, and shows it.

    Args:
        layers: The canvas.
        on_picked: Called with (x, y, width, height) in whole pixels once one was dragged.
    """

    def __init__(self, layers: LayerStack, on_picked: Callable[[Region], None]) -> None:
        self._layers = layers
        self._on_picked = on_picked
        self._layer: Any = None

    @property
    def is_picking(self) -> bool:
        """Whether the next drag on the canvas makes the rectangle."""
        return self._layer is not None and self._layer.mode == "add_rectangle"

    def pick(self) -> None:
        """Let the next drag on the canvas be the rectangle."""
        self._put(None)
        self._layer.mode = "add_rectangle"
        self._layer.events.data.connect(self._on_data)

    def show(self, region: Region | None) -> None:
        """Show a rectangle, or none."""
        if region is None:
            self.clear()
        else:
            self._put(region)

    def clear(self) -> None:
        """Take the rectangle away."""
        layer, self._layer = self._layer, None
        if layer is not None:
            self._layers.drop_extra(layer)

    def _put(self, region: Region | None) -> None:
        self.clear()
        self._layer = Shapes(
            None if region is None else [_corners(region)],
            ndim=2,
            shape_type="rectangle",
            edge_color=_EDGE,
            face_color="transparent",
            edge_width=max(1.0, min(self._layers.size) / 240),
            name=REGION,
            metadata={"ifc": REGION},
        )
        self._layers.add_extra(self._layer, active=region is None)

    def _on_data(self, event: Any) -> None:
        if not str(getattr(event, "action", "")).lower().endswith("added"):
            return
        region = region_of(np.asarray(self._layer.data[-1]), self._layers.size)
        # napari is still in the middle of its drag, so the layer is replaced after it.
        QTimer.singleShot(0, lambda: self._finish(region))

    def _finish(self, region: Region | None) -> None:
        if not self.is_picking:
            return
        self.show(region)
        if region is not None:
            self._on_picked(region)


def region_of(corners: np.ndarray, size: tuple[int, int]) -> Region | None:
    """The whole pixels that a dragged rectangle covers, within the frame.

    Args:
        corners: (4, 2) of (y, x).
        size: (height, width) of the frame.

    Returns:
        (x, y, width, height), or ``None`` where it is too small to be meant (under 8 pixels).
    """
    top, left = np.maximum(np.floor(corners.min(axis=0) + 0.5), 0).astype(int)
    bottom, right = np.minimum(np.ceil(corners.max(axis=0) + 0.5), size).astype(int)
    width, height = int(right - left), int(bottom - top)
    if min(width, height) < 8:
        return None
    return int(left), int(top), width, height


def _corners(region: Region) -> np.ndarray:
    x, y, width, height = region
    left, top = x - 0.5, y - 0.5
    right, bottom = left + width, top + height
    return np.array([[top, left], [top, right], [bottom, right], [bottom, left]])
