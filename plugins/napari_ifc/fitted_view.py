"""A picture that fits into the canvas goes on doing so when the canvas changes its size."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from napari_ifc.picture_place import PLAIN, PicturePlace

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
        self._place = PLAIN
        self._canvas = tuple(viewer.canvas.size)
        viewer.canvas.events.size.connect(self._on_size)

    def use(self, layer: Any, size: tuple[int, int], place: PicturePlace = PLAIN) -> None:
        """Look after a picture from now on.

        Args:
            layer: Its layer; ``None`` for none.
            size: (height, width) in pixels.
            place: Where it lies.
        """
        self._layer, self._picture, self._place = layer, size, place

    def fit(self) -> None:
        """Show the whole picture, as large as it goes."""
        if self._layer is None or self._layer not in self._viewer.layers:
            return
        if self._viewer.dims.ndim == self._layer.ndim:
            self._viewer.reset_view(layers=[self._layer], margin=_MARGIN)
        elif self._is_plain():  # napari fits no layer with fewer axes than the viewer has
            camera = self._viewer.scene.camera
            camera.center, camera.zoom = (0.0, *self._middle()), self._zoom()
        else:
            self._viewer.reset_view(margin=_MARGIN)

    @property
    def is_fitted(self) -> bool:
        """Whether the whole picture is shown, as large as it went before the last change."""
        if self._layer is None or not self._is_plain():
            return False
        camera = self._viewer.scene.camera
        slack = _SLACK * self._place.pixel
        centred = (
            math.isclose(here, there, abs_tol=slack)
            for here, there in zip(camera.center[-2:], self._middle(), strict=True)
        )
        return math.isclose(camera.zoom, self._zoom(), rel_tol=_SLACK) and all(centred)

    def _is_plain(self) -> bool:
        """Whether one picture has the canvas to itself: no grid of layers, no 3-D."""
        return self._viewer.dims.ndisplay == 2 and not self._viewer.canvas.grid.enabled

    def _zoom(self) -> float:
        """Pixels of the canvas for a unit of the world where the picture fits."""
        low, high = self._place.extent(self._picture)
        sides = (end - begin for begin, end in zip(low, high, strict=True))
        return (1 - _MARGIN) * min(c / side for c, side in zip(self._canvas, sides, strict=True))

    def _middle(self) -> tuple[float, float]:
        (top, left), (bottom, right) = self._place.extent(self._picture)
        return (top + bottom) / 2, (left + right) / 2

    def close(self) -> None:
        """Stop listening."""
        self._layer = None
        self._viewer.canvas.events.size.disconnect(self._on_size)

    def _on_size(self, event: Any = None) -> None:
        fitted = self.is_fitted
        self._canvas = tuple(self._viewer.canvas.size)
        if fitted:
            self.fit()
