"""The side panel is wider in a wide window, until a person gives it another width."""

from __future__ import annotations

from itertools import takewhile

from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QMainWindow

_WIDTHS_PX = ((0, 372), (1440, 420), (1900, 470))
"""From which width of the window on the panel has which width."""


def panel_px(window_px: int) -> int:
    """The panel's width in a window of some width."""
    fitting = takewhile(lambda pair: pair[0] <= window_px, _WIDTHS_PX)
    return [width for _, width in fitting][-1]


class PanelWidth(QObject):
    """Follows the window's width, as long as nobody drags the panel's edge.

    Args:
        window: The main window.
        dock: The panel in it.
    """

    def __init__(self, window: QMainWindow, dock: QDockWidget) -> None:
        super().__init__(dock)
        self._window = window
        self._dock = dock
        self._given = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._follow)
        window.installEventFilter(self)

    def restored(self) -> None:
        """What was restored is a person's own width, unless it is the one for this window."""
        self._given = self._wanted()

    def _wanted(self) -> int:
        """The width for this window; large text needs more than that."""
        panel = self._dock.widget()
        least = 0 if panel is None else panel.sizeHint().width()
        return max(panel_px(self._window.width()), least)

    def _follow(self) -> None:
        wanted = self._wanted()
        if self._given and self._dock.width() != self._given:
            return
        if wanted != self._given:
            self._window.resizeDocks([self._dock], [wanted], Qt.Orientation.Horizontal)
            self._given = wanted

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Look once the window has its new size."""
        if event.type() in (QEvent.Type.Show, QEvent.Type.Resize):
            self._timer.start()
        return False
