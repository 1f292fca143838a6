"""How large a pixel of the picture is on the screen, told once the camera rests."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QApplication

from napari_ifc.picture_place import PLAIN
from napari_ifc.soon import soon

if TYPE_CHECKING:
    import napari

_REST_MS = 60


class ZoomWatch:
    """Watches the zoom of a viewer's camera.

    Args:
        viewer: The viewer.
        on_zoom: Called with :attr:`zoom` after it changed.

    Attributes:
        place: Where the picture lies.
    """

    def __init__(self, viewer: napari.Viewer, on_zoom: Callable[[float], None]) -> None:
        self._camera = viewer.scene.camera
        self._on_zoom = on_zoom
        self._timer = soon(self.tell, _REST_MS)
        self.place = PLAIN
        self._camera.events.zoom.connect(self._begin)

    @property
    def zoom(self) -> float:
        """Pixels of the screen for one of the picture."""
        app = QApplication.instance()
        ratio = app.devicePixelRatio() if isinstance(app, QApplication) else 1.0
        return float(self._camera.zoom) * ratio * self.place.pixel

    def tell(self) -> None:
        """Tell of it now."""
        self._on_zoom(self.zoom)

    def rest(self) -> None:
        """Tell of no change that came until now."""
        self._timer.stop()

    def close(self) -> None:
        """Stop watching."""
        self.rest()
        self._camera.events.zoom.disconnect(self._begin)

    def _begin(self, event: Any = None) -> None:
        self._timer.start()
