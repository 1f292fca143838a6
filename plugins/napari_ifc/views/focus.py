"""Where keys go once the widget that had them can take none any more.

Qt gives the focus to whatever comes next in the order of Tab where a button that was pressed is
disabled or hidden. Space, meant for playing, would then press a button that nobody chose.
"""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QAbstractSpinBox, QLineEdit, QMainWindow, QWidget

_RETURN = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class KeyHome(QWidget):
    """A panel that gives the keys to the canvas where its focused widget is disabled or hidden."""

    def focusNextPrevChild(self, next: bool) -> bool:  # noqa: A002, N802 - Qt's names
        """Called for Tab, and by Qt itself once the focused widget can have the focus no more."""
        focused = self.window().focusWidget()
        usable = focused is None or (focused.isEnabled() and focused.isVisible())
        if usable or not self.isAncestorOf(focused):
            return bool(super().focusNextPrevChild(next))
        _give_to_canvas(self)
        return True

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Called with what the focused widget has no use for: Esc leads back to the canvas.

        Return does so too where something was typed, as letters are no keys of actions there.
        """
        field = isinstance(self.window().focusWidget(), QLineEdit | QAbstractSpinBox)
        if event.key() == Qt.Key.Key_Escape or (field and event.key() in _RETURN):
            _give_to_canvas(self)
        else:
            super().keyPressEvent(event)


def leave(part: QWidget) -> None:
    """Give the keys to the canvas if something in ``part`` has them, before it is replaced."""
    focused = part.window().focusWidget()
    if focused is not None and (focused is part or part.isAncestorOf(focused)):
        home: QWidget | None = part
        while home is not None and not isinstance(home, KeyHome):
            home = home.parentWidget()
        _give_to_canvas(home or part)


def _give_to_canvas(home: QWidget) -> None:
    """To what is in the middle of the window; in a window of its own, to the panel itself."""
    window = home.window()
    center = window.centralWidget() if isinstance(window, QMainWindow) else None
    (center or home).setFocus(Qt.FocusReason.OtherFocusReason)
