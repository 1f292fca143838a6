"""The read-only picture of all masks as a layer, drawn about as large as it is on screen."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from napari.layers import Image

from napari_ifc.overlay import DrawnMask, OverlayPainter, OverlayStyle, overlay_scale
from napari_ifc.steady_place import keep_place

OVERLAY = "Tracks"


class OverlayLayer:
    """Draws masks into one image layer.

    Args:
        style: How masks are drawn.
        size: (height, width) of the video.
        zoom: Pixels of the screen for one of the video.

    Attributes:
        style: How masks are drawn from the next :meth:`draw` on.
        layer: The layer; made anew with :meth:`renew`.
    """

    def __init__(self, style: OverlayStyle, size: tuple[int, int], zoom: float) -> None:
        self.style = style
        self._size = size
        self._masks: Sequence[DrawnMask] = ()
        self._painter = OverlayPainter(size, overlay_scale(size, zoom))
        self.layer = self._make()

    def renew(self) -> Image:
        """Make the layer anew, after a person deleted it."""
        self.layer = self._make()
        return self.layer

    def draw(self, masks: Sequence[DrawnMask]) -> None:
        """Draw masks, lowest first."""
        self._masks = masks
        self._painter.draw(masks, self.style)
        self.layer.refresh(extent=False, thumbnail=False, highlight=False)

    def take_zoom(self, zoom: float) -> None:
        """Draw at another scale where the screen shows more, or less, of each pixel.

        Args:
            zoom: Pixels of the screen for one of the video.
        """
        scale = overlay_scale(self._size, zoom)
        if scale == self._painter.scale:
            return
        self._painter = OverlayPainter(self._size, scale)
        self._painter.draw(self._masks, self.style)
        self.layer.data = self._painter.picture
        self.layer.scale, self.layer.translate = _placed(scale)

    def _make(self) -> Image:
        scale, translate = _placed(self._painter.scale)
        layer = Image(
            self._painter.picture,
            rgb=True,
            name=OVERLAY,
            scale=scale,
            translate=translate,
            blending="translucent_no_depth",
            metadata={"ifc": OVERLAY},
        )
        keep_place(layer)
        return layer


def _placed(scale: Fraction) -> tuple[tuple[float, float], tuple[float, float]]:
    """Scale and translation that lay the picture over the video, pixel rim on pixel rim."""
    step = float(1 / scale)
    offset = (step - 1) / 2
    return (step, step), (offset, offset)
