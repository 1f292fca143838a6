"""Fields for numbers that show a word while nothing is chosen."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QAbstractSpinBox


def show_word(spin: QAbstractSpinBox, word: str) -> None:
    """Show a word in place of the least number, which is replaced by what is typed.

    Args:
        spin: The field.
        word: What it says while nothing is chosen.
    """
    spin.setSpecialValueText(word)
    spin.installEventFilter(_WordReplacer(spin))


class _WordReplacer(QObject):
    """Selects the word before a sign is typed: Qt takes no number in the midst of it.

    Only Tab selects it by itself, not a click into the field or on its arrows.
    """

    def __init__(self, spin: QAbstractSpinBox) -> None:
        super().__init__(spin)
        self._spin = spin

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Look at keys, and let them pass."""
        if event.type() == QEvent.Type.KeyPress:
            assert isinstance(event, QKeyEvent)  # noqa: S101
            types = bool(event.text()) and event.text().isprintable()
            if types and self._spin.text() == self._spin.specialValueText():
                self._spin.selectAll()
        return False
