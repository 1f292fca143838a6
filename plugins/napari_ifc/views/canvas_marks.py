"""What a pointer tool draws over the canvas while it is used: a box or a stroke."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QEvent, QObject, QPointF, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import QWidget

POSITIVE, NEGATIVE, NEUTRAL = "#009e73", "#d55e00", "#ffffff"
_RIM = QColor(0, 0, 0, 170)


def canvas_of(window: QWidget) -> QWidget:
    """The widget in which napari draws; the window itself where there is none."""
    found = window.findChild(QOpenGLWidget)
    return window if found is None else found


class CanvasMarks(QWidget):
    """A clear sheet over the canvas that lets the pointer through.

    Args:
        canvas: The widget that it lies on, and with which it changes its size.
    """

    def __init__(self, canvas: QWidget) -> None:
        super().__init__(canvas)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self._box = QPolygonF()
        self._stroke = QPolygonF()
        self._color = QColor(NEUTRAL)
        self._width = 4.0
        canvas.installEventFilter(self)
        self.hide()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is drawn."""
        return self._box.isEmpty() and self._stroke.isEmpty()

    def show_box(self, corners: Sequence[tuple[float, float]]) -> None:
        """Draw a box with corners (x, y) in pixels of the canvas, one beside the other."""
        self._box = QPolygonF([QPointF(x, y) for x, y in corners])
        self._stroke = QPolygonF()
        self._raise()

    def show_stroke(
        self, points: Sequence[tuple[float, float]], color: str, width_px: float
    ) -> None:
        """Draw a stroke through points, in pixels of the canvas."""
        self._box = QPolygonF()
        self._stroke = QPolygonF([QPointF(x, y) for x, y in points])
        self._color = QColor(color)
        self._width = max(3.0, width_px)
        self._raise()

    def clear(self) -> None:
        """Draw nothing."""
        self._box = QPolygonF()
        self._stroke = QPolygonF()
        self.hide()

    def _raise(self) -> None:
        parent = self.parentWidget()
        if parent is not None:
            self.resize(parent.size())
        self.show()
        self.raise_()
        self.update()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802, D102
        if event.type() == QEvent.Type.Resize:
            parent = self.parentWidget()
            if parent is not None:
                self.resize(parent.size())
        return False

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802, D102
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self._box.isEmpty():
            for pen in (QPen(_RIM, 3), QPen(QColor(NEUTRAL), 1.5, Qt.PenStyle.DashLine)):
                painter.setPen(pen)
                painter.drawPolygon(self._box)
        if not self._stroke.isEmpty():
            rim, line = QPen(_RIM, self._width + 2), QPen(self._color, self._width)
            for pen in (rim, line):
                pen.setCapStyle(Qt.PenCapStyle.RoundCap)
                pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
                painter.setPen(pen)
                if len(self._stroke) == 1:
                    painter.drawPoint(self._stroke[0])
                else:
                    painter.drawPolyline(self._stroke)
        painter.end()
