"""The pointer as Qt brings it: events that are sent to the widget of the canvas itself."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QCoreApplication, QEvent, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QWidget

from napari_ifc.views.canvas_marks import canvas_of

NONE = Qt.KeyboardModifier.NoModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
CONTROL = Qt.KeyboardModifier.ControlModifier
_LEFT = Qt.MouseButton.LeftButton


class RealPointer:
    """Presses and moves over a studio's canvas; places are pixels of the video, 0.5 the first's.

    Where a place is on the canvas is learnt from what napari makes of two moves of the pointer.

    Args:
        studio: The studio with something open, in a window that is seen.
        qtbot: Waits for napari, which looks at the pointer every few milliseconds only.
    """

    def __init__(self, studio: Any, qtbot: Any) -> None:
        self._canvas = canvas_of(studio.panel.window())
        self._viewer = studio.viewer
        self._qtbot = qtbot

    def places_of(self, places: tuple[tuple[float, float], ...]) -> list[QPointF]:
        """Where places of the video are on the canvas."""
        height, width = self._viewer.canvas.size
        near, far = QPointF(width // 4, height // 4), QPointF(width // 2, height // 2)
        x0, y0 = self._seen_at(near)
        x1, y1 = self._seen_at(far)
        zoom_x, zoom_y = (far.x() - near.x()) / (x1 - x0), (far.y() - near.y()) / (y1 - y0)
        return [
            QPointF(near.x() + (x - x0) * zoom_x, near.y() + (y - y0) * zoom_y) for x, y in places
        ]

    def _seen_at(self, point: QPointF) -> tuple[float, float]:
        seen: list[tuple[float, float]] = []

        def look(_: Any, event: Any) -> None:
            if tuple(event.pos) == (point.x(), point.y()):
                row, column = event.position[-2:]
                seen.append((column + 0.5, row + 0.5))

        self._viewer.mouse_move_callbacks.append(look)

        def move() -> bool:
            send(self._canvas, QEvent.Type.MouseMove, point, buttons=Qt.MouseButton.NoButton)
            return bool(seen)

        self._qtbot.waitUntil(move)  # one that follows another too soon is not looked at
        self._viewer.mouse_move_callbacks.remove(look)
        return seen[-1]

    def drag(self, *places: tuple[float, float], keys: Qt.KeyboardModifier = NONE) -> None:
        """Press at the first place, move over the others, release at the last."""
        points = self.places_of(places)
        send(self._canvas, QEvent.Type.MouseButtonPress, points[0], keys)
        for point in points[1:]:
            send(self._canvas, QEvent.Type.MouseMove, point, keys)
        send(self._canvas, QEvent.Type.MouseButtonRelease, points[-1], keys)

    def click(self, place: tuple[float, float], keys: Qt.KeyboardModifier = NONE) -> None:
        """Press and release at one place."""
        self.drag(place, keys=keys)


def send(
    widget: QWidget,
    kind: QEvent.Type,
    place: QPointF,
    keys: Qt.KeyboardModifier = NONE,
    buttons: Qt.MouseButton = _LEFT,
) -> None:
    """Send one event of the left button; ``QTest`` knows no keys that are held over a move."""
    changed = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else _LEFT
    held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else buttons
    on_screen = QPointF(widget.mapToGlobal(place.toPoint()))
    QCoreApplication.sendEvent(widget, QMouseEvent(kind, place, on_screen, changed, held, keys))
