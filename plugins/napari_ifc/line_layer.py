"""A line on the canvas that a person draws to measure something on the frame."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from napari.layers import Shapes
from qtpy.QtCore import QTimer

from napari_ifc.layers import LayerStack

LINE = "Line"
_EDGE = "#ffd54a"
_LEAST_PX = 2.0


class LineLayer:
    """Lets a person drag one line; it is gone once it was drawn.

    Args:
        layers: The canvas.
        on_drawn: Called with the length in pixels of the video once a line was dragged.
    """

    def __init__(self, layers: LayerStack, on_drawn: Callable[[float], None]) -> None:
        self._layers = layers
        self._on_drawn = on_drawn
        self._layer: Any = None

    @property
    def is_drawing(self) -> bool:
        """Whether the next drag on the canvas makes the line."""
        return self._layer is not None

    def draw(self) -> None:
        """Let the next drag on the canvas be the line."""
        self.clear()
        self._layer = Shapes(
            None,
            ndim=2,
            shape_type="line",
            edge_color=_EDGE,
            edge_width=max(1.0, min(self._layers.size) / 240),
            name=LINE,
            metadata={"ifc": LINE},
        )
        self._layers.add_extra(self._layer, active=True)
        self._layer.mode = "add_line"
        self._layer.events.data.connect(self._on_data)

    def clear(self) -> None:
        """Take the line away."""
        layer, self._layer = self._layer, None
        if layer is not None:
            self._layers.drop_extra(layer)

    def _on_data(self, event: Any) -> None:
        if not str(getattr(event, "action", "")).lower().endswith("added"):
            return
        ends = np.asarray(self._layer.data[-1])
        # napari is still in the middle of its drag, so the layer goes after it.
        QTimer.singleShot(0, lambda: self._finish(ends))

    def _finish(self, ends: np.ndarray) -> None:
        if not self.is_drawing:
            return
        length_px = math.dist(ends[0], ends[-1])
        if length_px < _LEAST_PX:  # a click: the line is still to be dragged
            self.draw()
            return
        self.clear()
        self._on_drawn(length_px)
