"""The small window that asks how many frames a second a video has."""

from __future__ import annotations

import math

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QDialog, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from ifc_core.annotation.measures import MOST_FPS, why_no_rate
from napari_ifc.language import tr


class RateDialog(QDialog):
    """Asks for a rate; what is none is said in it, and it stays open.

    Args:
        fps: What is known; 0 for nothing.
        parent: Over which window it is shown.

    Attributes:
        chosen: Emitted with the frames per second; 0 where nobody knows.
    """

    chosen = Signal(float)

    def __init__(self, fps: float = 0.0, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("ifcPanel")
        self.setWindowTitle(tr("Frames per second"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._fps = fps
        self._known = f"{fps:.3f}".rstrip("0").rstrip(".") if fps >= 1 else f"{fps:.3g}"
        self.field = QLineEdit(self._known if fps else "")
        self.field.setAccessibleName(tr("Frames per second"))
        self.field.selectAll()
        hint = QLabel(tr("Frames per second (empty where nobody knows):"))
        hint.setProperty("role", "muted")
        hint.setWordWrap(True)
        words = tr("Type a number above 0 and up to {most:,.0f}.")
        self.problem = QLabel(words.format(most=MOST_FPS))
        self.problem.setProperty("role", "warning")
        self.problem.setWordWrap(True)
        self.problem.hide()
        self.button = QPushButton(tr("Set the frames per second"))
        self.button.setProperty("role", "primary")
        self.button.setDefault(True)
        self.button.clicked.connect(self._on_set)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(10)
        for widget in (hint, self.field, self.problem, self.button):
            column.addWidget(widget)
        self.field.setFocus()

    def _on_set(self) -> None:
        text = self.field.text().strip().replace(",", ".")
        try:
            fps = float(text) if text else 0.0
        except ValueError:
            fps = math.nan
        if self._fps and text == self._known:  # shown with fewer digits than it has
            fps = self._fps
        is_rate = fps == 0 or not why_no_rate(fps)
        self.problem.setVisible(not is_rate)
        if is_rate:
            self.chosen.emit(fps)
            self.accept()
