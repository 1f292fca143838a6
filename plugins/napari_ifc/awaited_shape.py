"""A shape on the canvas that is awaited from a person: the next drag makes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from napari.layers import Shapes
from qtpy.QtCore import QTimer

from napari_ifc.gestures import UNTIL_TOOL
from napari_ifc.layers import LayerStack
from napari_ifc.soon import soon

if TYPE_CHECKING:
    import napari

EDGE = "#ffd54a"


def edge_width(size: tuple[int, int]) -> float:
    """How wide lines of shapes are, in pixels of a video of ``size`` (H, W)."""
    return max(1.0, min(size) / 240)


class AwaitedShape:
    """Lets a person drag one shape; its layer is gone once it was drawn.

    Escape calls it off, and so does whatever has the canvas draw something else.

    Args:
        viewer: The viewer, whose active layer is looked at.
        layers: The canvas.
        name: Of the layer.
        shape: What is drawn, as napari calls it: ``"line"`` or ``"rectangle"``.
        is_meant: Whether corners (n, 2) of (y, x) are those of a shape; a click makes none, and
            another drag is awaited.
        on_drawn: Called with the corners once one was dragged.
        on_ended: Called before that, and once it was called off and its layer is gone.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        layers: LayerStack,
        name: str,
        shape: str,
        *,
        is_meant: Callable[[npt.NDArray[np.float64]], bool],
        on_drawn: Callable[[npt.NDArray[np.float64]], None],
        on_ended: Callable[[], None],
    ) -> None:
        self._viewer = viewer
        self._layers = layers
        self._name = name
        self._shape = shape
        self._is_meant = is_meant
        self._on_drawn = on_drawn
        self._on_ended = on_ended
        self._layer: Any = None
        self._called_off: Any = None
        self._end_timer = soon(self._end)

    @property
    def is_awaited(self) -> bool:
        """Whether the next drag on the canvas makes the shape."""
        return self._layer is not None

    def begin(self) -> None:
        """Let the next drag on the canvas be the shape."""
        self.clear()
        self._put()

    def _put(self) -> None:
        self._layer = Shapes(
            None,
            ndim=2,
            shape_type=self._shape,
            edge_color=EDGE,
            face_color="transparent",
            edge_width=edge_width(self._layers.size),
            name=self._name,
            metadata={"ifc": self._name, UNTIL_TOOL: True},
        )
        self._layers.add_extra(self._layer, active=True)
        self._layer.bind_key("Escape", lambda _: self.clear(), overwrite=True)
        self._layer.mode = f"add_{self._shape}"
        self._layer.events.data.connect(self._on_data)
        self._viewer.layers.selection.events.active.connect(self._on_active)

    def clear(self) -> None:
        """Await no shape any more."""
        if self._called_off is None:
            self._called_off = self._let_go()
        self._end()

    def _end(self) -> None:
        self._end_timer.stop()
        layer, self._called_off = self._called_off, None
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
        """Another layer has the pointer now, so that no shape can be dragged any more."""
        if self._layer is None or self._viewer.layers.selection.active is self._layer:
            return
        self._called_off = self._let_go()
        self._end_timer.start()  # napari is still in the middle of choosing the layer

    def _on_data(self, event: Any) -> None:
        if not str(getattr(event, "action", "")).lower().endswith("added"):
            return
        corners = np.asarray(self._layer.data[-1])
        # napari is still in the middle of its drag, so the layer goes after it.
        QTimer.singleShot(0, lambda: self._finish(corners))

    def _finish(self, corners: npt.NDArray[np.float64]) -> None:
        if not self.is_awaited:
            return
        if not self._is_meant(corners):  # a click: the shape is still to be dragged
            self._layers.drop_extra(self._let_go())
            self._put()
            return
        self.clear()
        self._on_drawn(corners)
