"""Tells a key that is held from one that is pressed again."""

from __future__ import annotations

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject
from qtpy.QtGui import QKeyEvent, QWindow
from qtpy.QtWidgets import QWidget


class HeldKeys(QObject):
    """Looks at the keys of windows, for keys whose action must not be done again and again.

    Under X11 a held key is released and pressed at one instant, over and over. Qt takes that for
    a key that repeats only where both have come already when it looks at the first, which often
    they have not, and then ``QShortcut.autoRepeat`` and napari are both mistaken.

    Attributes:
        is_held: Whether the key that was pressed last is held since it was pressed before.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.is_held = False
        self._released = (0, 0)
        self._watched: list[QWindow] = []

    def watch(self, widget: QWidget) -> None:
        """Look at the keys of the window that a widget is in; safe to call again.

        Of a window that comes into sight, as that of a dock that floats, the key that was just
        pressed was not seen. It counts as pressed now, whatever was held elsewhere before.
        """
        window = widget.window().windowHandle()
        if window is not None and window not in self._watched:
            self._watched = [*filter(isalive, self._watched), window]
            window.installEventFilter(self)
            self.is_held = False

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Take note of keys, and let them all pass."""
        kind = event.type()
        if kind in (QEvent.Type.KeyRelease, QEvent.Type.ShortcutOverride):
            assert isinstance(event, QKeyEvent)  # noqa: S101
            this = (int(event.key()), int(event.timestamp()))
            if kind == QEvent.Type.KeyRelease:
                self._released, self.is_held = this, False
            else:  # comes before whatever a press means
                self.is_held = event.isAutoRepeat() or this == self._released
        return False
