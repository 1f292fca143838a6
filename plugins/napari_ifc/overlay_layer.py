"""The read-only picture of all masks as a layer, drawn about as large as it is on screen."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
from napari.layers import Image
from qtpy.QtWidgets import QApplication

from napari_ifc.overlay import DrawnMask, Ground, OverlayPainter, OverlayStyle, overlay_scale
from napari_ifc.overlay_ahead import OverlayAhead, Plan, Read
from napari_ifc.picture_place import PLAIN, PicturePlace
from napari_ifc.steady_place import hold_place, keep_place

OVERLAY = "Tracks"
_DIGIT_PX = 11  # of the screen, where nothing is scaled
_STEPS = 4  # sizes of numbers until they are twice as large: not each turn of the wheel is one


class OverlayLayer:
    """Draws masks into one image layer, and paints those of frames to come in a thread.

    Args:
        style: How masks are drawn.
        size: (height, width) of the video.
        zoom: Pixels of the screen for one of the video.
        place: Where the video lies.

    Attributes:
        style: How masks are drawn from the next :meth:`draw` on.
        layer: The layer; made anew with :meth:`renew`.
    """

    def __init__(
        self, style: OverlayStyle, size: tuple[int, int], zoom: float, place: PicturePlace = PLAIN
    ) -> None:
        self.style = style
        self._size = size
        self._zoom = zoom
        self._place = place
        self._masks: Sequence[DrawnMask] = ()
        self._painter, self._brush = self._painters(overlay_scale(size, zoom))
        self._ahead = OverlayAhead()
        self.layer = self._make()

    @property
    def drawn_style(self) -> OverlayStyle:
        """The style, with numbers that are as large on screen whatever the zoom is."""
        digit_px = _pixel_ratio() * _DIGIT_PX / self._enlargement
        return replace(self.style, digit_px=round(digit_px))

    @property
    def _enlargement(self) -> float:
        """About how many pixels of the screen one of the picture takes, in a few steps."""
        exact = max(self._zoom, 1e-3) / float(self._painter.scale)
        return float(2 ** (round(_STEPS * math.log2(exact)) / _STEPS))

    def renew(self) -> Image:
        """Make the layer anew, after a person deleted it."""
        self.layer = self._make()
        return self.layer

    def close(self) -> None:
        """Stop the thread."""
        self._ahead.close()

    def draw(self, masks: Sequence[DrawnMask]) -> None:
        """Draw masks, lowest first."""
        self._masks = masks
        self._painter.draw(masks, self.drawn_style)
        self._show()

    def _show(self) -> None:
        """Have the layer show the picture, which was drawn in place."""
        seen = getattr(self.layer, "_data_view", None)
        if self.layer.visible and seen is not None and np.may_share_memory(seen, self.layer.data):
            self.layer.events.set_data()  # napari's slice is a view of it: nothing to slice anew
        else:
            self.layer.refresh(extent=False, thumbnail=False, highlight=False)

    def _painters(self, scale: Fraction) -> tuple[OverlayPainter, OverlayPainter]:
        """The window's, and one for the thread; they share what is decoded."""
        painter = OverlayPainter(self._size, scale)
        return painter, OverlayPainter(self._size, scale, painter.crops)

    def plan(self, frames: Sequence[tuple[Hashable, Read]]) -> None:
        """Have the masks of frames to come painted, for :meth:`draw_planned`.

        Args:
            frames: The next one first. Of each what decides on its masks, and a function that
                gives them; it is called in the thread.
        """
        style, brush = self.drawn_style, self._brush

        def paint(masks: Sequence[DrawnMask]) -> Ground:
            return brush.paint_ground(masks, style)

        self._ahead.plan([Plan((key, style, brush.scale), read, paint) for key, read in frames])

    def draw_planned(self, key: Hashable) -> bool:
        """Draw the masks that were planned with an equal key.

        Returns:
            Whether they are drawn; if not, nothing has changed.
        """
        painted = self._ahead.take((key, self.drawn_style, self._painter.scale))
        if painted is None:
            return False
        self._painter.adopt(painted.ground)
        self.draw(painted.masks)
        return True

    def take_zoom(self, zoom: float) -> None:
        """Draw at another scale where the screen shows more, or less, of each pixel.

        Args:
            zoom: Pixels of the screen for one of the video.
        """
        before = self.drawn_style
        self._zoom = zoom
        scale = overlay_scale(self._size, zoom)
        if scale != self._painter.scale:
            self._painter, self._brush = self._painters(scale)
            self._painter.draw(self._masks, self.drawn_style)
            self.layer.data = self._painter.picture
            self.layer.scale, self.layer.translate = _placed(scale)
        elif self.style.show_ids and self.drawn_style != before:
            self.draw(self._masks)
        self.layer.interpolation2d = self._interpolation

    @property
    def _interpolation(self) -> str:
        """A picture that is shown smaller than it is would lose lines of its numbers else."""
        return "linear" if self._enlargement < 1 else "nearest"

    def _make(self) -> Image:
        scale, translate = _placed(self._painter.scale)
        layer = Image(
            self._painter.picture,
            rgb=True,
            name=OVERLAY,
            scale=scale,
            translate=translate,
            blending="translucent_no_depth",
            interpolation2d=self._interpolation,
            metadata={"ifc": OVERLAY},
        )
        keep_place(layer)
        hold_place(layer, self._place)
        return layer


def _pixel_ratio() -> float:
    """Pixels of the screen for one in which widgets are measured."""
    app = QApplication.instance()
    return float(app.devicePixelRatio()) if isinstance(app, QApplication) else 1.0


def _placed(scale: Fraction) -> tuple[tuple[float, float], tuple[float, float]]:
    """Scale and translation that lay the picture over the video, pixel rim on pixel rim."""
    step = float(1 / scale)
    offset = (step - 1) / 2
    return (step, step), (offset, offset)
