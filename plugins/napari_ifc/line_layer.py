"""A line on the canvas that a person draws to measure something on the frame."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from napari_ifc.awaited_shape import AwaitedShape
from napari_ifc.layers import LayerStack

if TYPE_CHECKING:
    import napari

LINE = "Line"
_LEAST_PX = 2.0


class LineLayer:
    """Lets a person drag one line; it is gone once it was drawn.

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
        self._awaited = AwaitedShape(
            viewer,
            layers,
            LINE,
            "line",
            is_meant=lambda ends: _length_px(ends) >= _LEAST_PX,
            on_drawn=lambda ends: on_drawn(_length_px(ends)),
            on_ended=on_ended,
        )

    @property
    def is_drawing(self) -> bool:
        """Whether the next drag on the canvas makes the line."""
        return self._awaited.is_awaited

    def draw(self) -> None:
        """Let the next drag on the canvas be the line."""
        self._awaited.begin()

    def clear(self) -> None:
        """Await no line any more."""
        self._awaited.clear()


def _length_px(ends: Any) -> float:
    return math.dist(ends[0], ends[-1])
