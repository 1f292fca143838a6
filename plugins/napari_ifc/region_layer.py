"""A rectangle on the canvas: the part of the frame that Propose looks at."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Shapes

from napari_ifc.awaited_shape import EDGE, AwaitedShape, edge_width
from napari_ifc.layers import LayerStack

if TYPE_CHECKING:
    import napari

REGION = "Region"
Region = tuple[int, int, int, int]


class RegionLayer:
    """Lets a person drag a rectangle, and shows it.

    Args:
        viewer: The viewer, whose active layer is looked at.
        layers: The canvas.
        on_picked: Called with (x, y, width, height) in whole pixels once one was dragged.
        on_ended: Called once no rectangle is awaited any more, dragged or not.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        layers: LayerStack,
        *,
        on_picked: Callable[[Region], None],
        on_ended: Callable[[], None],
    ) -> None:
        self._layers = layers
        self._on_picked = on_picked
        self._shown: Any = None
        self._awaited = AwaitedShape(
            viewer,
            layers,
            REGION,
            "rectangle",
            is_meant=lambda corners: region_of(corners, layers.size) is not None,
            on_drawn=self._on_drawn,
            on_ended=on_ended,
        )

    @property
    def is_picking(self) -> bool:
        """Whether the next drag on the canvas makes the rectangle."""
        return self._awaited.is_awaited

    def pick(self) -> None:
        """Let the next drag on the canvas be the rectangle."""
        self._awaited.clear()  # before the other one goes: it would come back
        self._hide()
        self._awaited.begin()

    def leave(self) -> None:
        """Await no rectangle any more; the one that is shown stays."""
        self._awaited.clear()

    def show(self, region: Region | None) -> None:
        """Show a rectangle, or none."""
        self._hide()
        if region is None:
            return
        self._shown = Shapes(
            [_corners(region)],
            ndim=2,
            shape_type="rectangle",
            edge_color=EDGE,
            face_color="transparent",
            edge_width=edge_width(self._layers.size),
            name=REGION,
            metadata={"ifc": REGION},
        )
        self._layers.add_extra(self._shown, active=False)

    def clear(self) -> None:
        """Take the rectangle away, and await none."""
        self.leave()
        self._hide()

    def _hide(self) -> None:
        layer, self._shown = self._shown, None
        if layer is not None:
            self._layers.drop_extra(layer)

    def _on_drawn(self, corners: np.ndarray) -> None:
        region = region_of(corners, self._layers.size)
        assert region is not None  # noqa: S101 - it was looked at when it was dragged
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
