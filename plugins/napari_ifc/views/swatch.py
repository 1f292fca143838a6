"""The small square that shows the colour of a track or a class."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QPainter, QPixmap


def swatch(color_rgb: tuple[int, int, int], *, hollow: bool = False) -> QPixmap:
    """A rounded square of one colour; only its rim if ``hollow``."""
    pixmap = QPixmap(24, 24)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    color = QColor(*color_rgb)
    painter.setPen(color)
    fill = QColor(*color_rgb, 70) if hollow else color
    painter.setBrush(fill)
    painter.drawRoundedRect(3, 3, 18, 18, 5, 5)
    painter.end()
    pixmap.setDevicePixelRatio(2.0)
    return pixmap
