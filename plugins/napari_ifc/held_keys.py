"""Tells a key that is held from one that is pressed again."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QKeyCombination, QObject, Qt
from qtpy.QtGui import QKeyEvent, QKeySequence, QWindow
from qtpy.QtWidgets import QApplication, QWidget


class HeldKeys(QObject):
    """Looks at the keys of windows, for keys whose action must not be done again and again.

    Under X11 a held key is released and pressed at one instant, over and over. Qt takes that for
    a key that repeats only where both have come already when it looks at the first, which often
    they have not, and then ``QShortcut.autoRepeat`` and napari are both mistaken.

    Attributes:
        is_held: Whether the key that was pressed last is held since it was pressed before.
        pressed: That key with its modifiers, as what it types; empty where it was not seen.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.is_held = False
        self.pressed = QKeySequence()
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
            self.pressed = QKeySequence()

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
                self.pressed = sequence_of(event)
        return False


class RepeatedKeys(QObject):
    """Has keys that are held repeat on the canvas.

    napari passes over what a held key repeats, but for the four arrows by themselves
    (``KeymapHandler.on_key_press``), so that it is told that the key was pressed again.

    Args:
        canvas: Where keys are pressed; what is around it hands them to it.
        repeats: Whether a key repeats now.
        parent: Who owns this.
    """

    def __init__(
        self,
        canvas: QWidget,
        repeats: Callable[[QKeySequence], bool],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._repeats = repeats
        around: QWidget | None = canvas
        while around is not None:
            around.installEventFilter(self)
            around = around.parentWidget()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Make a key that repeats one that is pressed."""
        if event.type() != QEvent.Type.KeyPress:
            return False
        assert isinstance(event, QKeyEvent)  # noqa: S101
        if not event.isAutoRepeat() or not self._repeats(sequence_of(event)):
            return False
        again = QKeyEvent(event.type(), event.key(), event.modifiers(), event.text())
        again.setTimestamp(event.timestamp())
        QApplication.sendEvent(watched, again)
        return True


def sequence_of(event: QKeyEvent) -> QKeySequence:
    """The key of an event with its modifiers."""
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier  # arrows, on macOS
    return QKeySequence(QKeyCombination(modifiers, Qt.Key(event.key())))
