"""Fields for numbers that show a word while nothing is chosen."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QAbstractSpinBox


def show_word(spin: QAbstractSpinBox, word: str) -> None:
    """Show a word in place of the least number, which is replaced by what is typed.

    Args:
        spin: The field.
        word: What it says while nothing is chosen.
    """
    spin.setSpecialValueText(word)
    spin.lineEdit().installEventFilter(_WordSelector(spin))


class _WordSelector(QObject):
    """Selects the word once it is clicked: Qt takes no number that is typed in the midst of it."""

    def __init__(self, spin: QAbstractSpinBox) -> None:
        super().__init__(spin)
        self._spin = spin

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Look at clicks, and let them pass."""
        is_click = event.type() == QEvent.Type.MouseButtonRelease
        if is_click and self._spin.text() == self._spin.specialValueText():
            self._spin.selectAll()
        return False
