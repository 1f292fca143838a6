"""A picture that fits into the canvas goes on doing so when the canvas changes its size."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import napari

_MARGIN = 0.05  # napari's own: blank space around the picture, as a share of the canvas
_SLACK = 1e-3  # of the zoom, and of a pixel


class FittedView:
    """Fits the camera to a picture, and again whenever a fitted one gets more or less room.

    A zoom or a place that a person chose is left alone: only what fits exactly is fitted anew.

    Args:
        viewer: The viewer whose camera and canvas it is.
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._layer: Any = None
        self._picture = (1, 1)
        self._canvas = tuple(viewer.canvas.size)
        viewer.canvas.events.size.connect(self._on_size)

    def use(self, layer: Any, size: tuple[int, int]) -> None:
        """Look after a picture from now on.

        Args:
            layer: Its layer; ``None`` for none.
            size: (height, width) in pixels.
        """
        self._layer, self._picture = layer, size

    def fit(self) -> None:
        """Show the whole picture, as large as it goes."""
        if self._layer is not None and self._layer in self._viewer.layers:
            self._viewer.reset_view(layers=[self._layer], margin=_MARGIN)

    @property
    def is_fitted(self) -> bool:
        """Whether the whole picture is shown, as large as it went before the last change."""
        if self._layer is None or self._viewer.dims.ndisplay != 2 or self._viewer.grid.enabled:
            return False
        camera = self._viewer.scene.camera
        rooms = (c / p for c, p in zip(self._canvas, self._picture, strict=True))
        zoom = (1 - _MARGIN) * min(rooms)
        middle = ((p - 1) / 2 for p in self._picture)
        centred = (
            math.isclose(here, there, abs_tol=_SLACK)
            for here, there in zip(camera.center[-2:], middle, strict=True)
        )
        return math.isclose(camera.zoom, zoom, rel_tol=_SLACK) and all(centred)

    def close(self) -> None:
        """Stop listening."""
        self._layer = None
        self._viewer.canvas.events.size.disconnect(self._on_size)

    def _on_size(self, event: Any = None) -> None:
        fitted = self.is_fitted
        self._canvas = tuple(self._viewer.canvas.size)
        if fitted:
            self.fit()
