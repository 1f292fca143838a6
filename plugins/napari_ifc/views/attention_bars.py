"""Shares of the memory tokens as bars, and the scale of the colours."""

from __future__ import annotations

from qtpy.QtCore import QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QLinearGradient, QMouseEvent, QPainter, QPaintEvent
from qtpy.QtWidgets import QWidget

from napari_ifc.language import tr
from napari_ifc.views.heat_colors import heat_rgb

_ROW_PX = 18
_LABEL_PX = 52
_SHARE_PX = 46


class TokenBars(QWidget):
    """One bar a memory token, in the order given; the shown one is marked.

    Attributes:
        token_requested: Emitted with the token whose bar was clicked.
    """

    token_requested = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shares: tuple[tuple[int, float], ...] = ()
        self._shown = -1
        self._text, self._bar, self._back = QColor("#ccc"), QColor("#4f7bea"), QColor("#333")
        self.setAccessibleName(tr("Shares of the memory tokens"))
        self.setMouseTracking(True)

    def set_colors(self, text: str, bar: str, back: str) -> None:
        """Take the theme's colours."""
        self._text, self._bar, self._back = QColor(text), QColor(bar), QColor(back)
        self.update()

    def set_shares(self, shares: tuple[tuple[int, float], ...], shown: int) -> None:
        """Show (token, share of 0 to 1) of each token.

        Args:
            shares: Empty hides the bars.
            shown: The token of the heat map.
        """
        self._shares, self._shown = shares, shown
        self.setVisible(bool(shares))
        self.setFixedHeight(_ROW_PX * max(1, len(shares)))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802, D102
        return QSize(240, _ROW_PX * max(1, len(self._shares)))

    def token_at(self, y: float) -> int | None:
        """The token of the bar at a height, or ``None``."""
        place = int(y // _ROW_PX)
        return self._shares[place][0] if 0 <= place < len(self._shares) else None

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Choose the clicked token."""
        token = self.token_at(event.position().y())
        if token is not None:
            self.token_requested.emit(token)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw names, bars and shares."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        width = max(20.0, self.width() - _LABEL_PX - _SHARE_PX - 4.0)
        top_share = max((share for _, share in self._shares), default=0.0) or 1.0
        for place, (token, share) in enumerate(self._shares):
            top = place * _ROW_PX
            field = QRectF(_LABEL_PX, top + 4, width, _ROW_PX - 8)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._back)
            painter.drawRoundedRect(field, 3, 3)
            color = QColor(self._bar)
            if token != self._shown:
                color.setAlphaF(0.55)
            painter.setBrush(color)
            filled = QRectF(field.left(), field.top(), width * share / top_share, field.height())
            painter.drawRoundedRect(filled, 3, 3)
            painter.setPen(self._text)
            name = QRectF(0, top, _LABEL_PX - 6, _ROW_PX)
            mark = "▸ " if token == self._shown else ""
            painter.drawText(name, _RIGHT, f"{mark}{token + 1}")
            end = QRectF(self.width() - _SHARE_PX, top, _SHARE_PX - 2, _ROW_PX)
            painter.drawText(end, _RIGHT, share_text(share))
        painter.end()


_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class ScaleBar(QWidget):
    """What the colours stand for."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._maximum = 0.0
        self._text = QColor("#ccc")
        self.setFixedHeight(30)
        self.setAccessibleName(tr("Scale of the colours"))

    def set_text_color(self, color: str) -> None:
        """Colour of the numbers."""
        self._text = QColor(color)
        self.update()

    def set_maximum(self, maximum: float | None) -> None:
        """Show a scale from 0 to ``maximum``, or none."""
        self.setVisible(maximum is not None)
        self._maximum = maximum or 0.0
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the colours and both ends."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        field = QRectF(0, 2, self.width() - 1.0, 10)
        gradient = QLinearGradient(field.left(), 0, field.right(), 0)
        for step in range(17):
            gradient.setColorAt(step / 16, QColor(*heat_rgb(step / 16)))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(gradient)
        painter.drawRoundedRect(field, 3, 3)
        painter.setPen(self._text)
        line = QRectF(0, 13, self.width() - 1.0, 16)
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft, "0")
        painter.drawText(line, Qt.AlignmentFlag.AlignHCenter, tr("attention of one cell"))
        painter.drawText(line, Qt.AlignmentFlag.AlignRight, f"{self._maximum:.3g}")
        painter.end()


def share_text(share: float) -> str:
    """A share in percent; a little is not nothing."""
    return "<0.1%" if 0 < share < 0.0005 else f"{share:.1%}"
