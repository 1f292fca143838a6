"""A line on the canvas that a person draws to measure something on the frame."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Shapes
from qtpy.QtCore import QTimer

from napari_ifc.layers import LayerStack

if TYPE_CHECKING:
    import napari

LINE = "Line"
_EDGE = "#ffd54a"
_LEAST_PX = 2.0


class LineLayer:
    """Lets a person drag one line; it is gone once it was drawn.

    Escape calls it off, and so does whatever has the canvas draw something else.

    Args:
        viewer: The viewer, whose active layer is looked at.
        layers: The canvas.
        on_drawn: Called with the length in pixels of the video once a line was dragged.
        on_ended: Called once no line is awaited any more, drawn or not.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        layers: LayerStack,
        *,
        on_drawn: Callable[[float], None],
        on_ended: Callable[[], None],
    ) -> None:
        self._viewer = viewer
        self._layers = layers
        self._on_drawn = on_drawn
        self._on_ended = on_ended
        self._layer: Any = None

    @property
    def is_drawing(self) -> bool:
        """Whether the next drag on the canvas makes the line."""
        return self._layer is not None

    def draw(self) -> None:
        """Let the next drag on the canvas be the line."""
        self.clear()
        self._put()

    def _put(self) -> None:
        self._layer = Shapes(
            None,
            ndim=2,
            shape_type="line",
            edge_color=_EDGE,
            edge_width=max(1.0, min(self._layers.size) / 240),
            name=LINE,
            metadata={"ifc": LINE, "until_tool": True},
        )
        self._layers.add_extra(self._layer, active=True)
        self._layer.bind_key("Escape", lambda _: self.clear(), overwrite=True)
        self._layer.mode = "add_line"
        self._layer.events.data.connect(self._on_data)
        self._viewer.layers.selection.events.active.connect(self._on_active)

    def clear(self) -> None:
        """Take the line away."""
        layer = self._let_go()
        if layer is not None:
            self._layers.drop_extra(layer)
            self._on_ended()

    def _let_go(self) -> Any:
        """The layer, to which nothing listens any more."""
        layer, self._layer = self._layer, None
        if layer is not None:
            layer.events.data.disconnect(self._on_data)
            self._viewer.layers.selection.events.active.disconnect(self._on_active)
        return layer

    def _on_active(self, event: Any = None) -> None:
        """Another layer has the pointer now, so that no line can be dragged any more."""
        if self._layer is None or self._viewer.layers.selection.active is self._layer:
            return
        layer = self._let_go()
        # napari is still in the middle of choosing the layer, so this one goes after it.
        QTimer.singleShot(0, lambda: self._layers.drop_extra(layer))
        self._on_ended()

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
            self._layers.drop_extra(self._let_go())
            self._put()
            return
        self.clear()
        self._on_drawn(length_px)
