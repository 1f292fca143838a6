"""The small window that asks how large a pixel of a video is, or how long a line on it."""

from __future__ import annotations

import math

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ifc_core.annotation.measures import why_no_scale
from napari_ifc.language import tr

UNITS_UM = {"nm": 1e-3, "µm": 1.0, "mm": 1e3, "cm": 1e4, "m": 1e6, "km": 1e9}
"""Micrometres in each unit, the smallest first."""
_USUAL = "m"


def length_text(length_um: float) -> str:
    """A length in the unit that suits it: ``2.5 cm``."""
    unit = next((u for u, um in reversed(UNITS_UM.items()) if length_um >= um), "nm")
    return f"{length_um / UNITS_UM[unit]:.6g} {unit}"


class ScaleDialog(QDialog):
    """Asks for a length; what is no length is said in it, and it stays open.

    Args:
        um_per_px: What is known, in micrometres a pixel; 0 for nothing.
        line_px: Length of a line that was drawn, which is asked for then; 0 for none.
        parent: Over which window it is shown.

    Attributes:
        chosen: Emitted with micrometres a pixel; 0 takes the scale away.
        line_requested: Emitted where a line is to be drawn first.
    """

    chosen = Signal(float)
    line_requested = Signal()

    def __init__(
        self, um_per_px: float = 0.0, line_px: float = 0.0, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("ifcPanel")
        self.setWindowTitle(tr("Scale"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._pixels = line_px or 1.0
        number, _, unit = length_text(um_per_px * self._pixels).partition(" ")
        self.field = QLineEdit(number if um_per_px else "")
        self.field.setAccessibleName(tr("Length"))
        self.field.selectAll()
        self.unit = QComboBox()
        self.unit.addItems(list(UNITS_UM))
        self.unit.setCurrentText(unit if um_per_px else _USUAL)
        self.unit.setAccessibleName(tr("Unit"))
        words = tr("1 pixel of this video is so long (empty where nobody knows):")
        if line_px:
            words = tr("The line is {length:.1f} pixels long. In reality it is:")
        hint = QLabel(words.format(length=line_px))
        hint.setProperty("role", "muted")
        hint.setWordWrap(True)
        self.problem = QLabel()
        self.problem.setProperty("role", "warning")
        self.problem.setWordWrap(True)
        self.problem.hide()
        self.line_button = QPushButton(tr("Measure a line on the frame"))
        self.line_button.clicked.connect(self._on_line)
        self.line_button.setVisible(not line_px)
        self.button = QPushButton(tr("Set the scale"))
        self.button.setProperty("role", "primary")
        self.button.setDefault(True)
        self.button.clicked.connect(self._on_set)
        self._lay_out(hint)

    def _lay_out(self, hint: QLabel) -> None:
        length = QHBoxLayout()
        length.addWidget(self.field, 1)
        length.addWidget(self.unit)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(10)
        column.addWidget(hint)
        column.addLayout(length)
        for widget in (self.problem, self.line_button, self.button):
            column.addWidget(widget)
        self.field.setFocus()

    def _on_line(self) -> None:
        self.line_requested.emit()
        self.reject()

    def _on_set(self) -> None:
        text = self.field.text().strip().replace(",", ".")
        try:
            length = float(text) if text else 0.0
        except ValueError:
            length = math.nan
        um_per_px = length * UNITS_UM[self.unit.currentText()] / self._pixels
        may_be_empty = not text and self._pixels == 1.0
        problem = ""
        if not (may_be_empty or (math.isfinite(length) and length > 0)):
            problem = tr("Type a number above 0.")
        elif not may_be_empty and why_no_scale(um_per_px):
            problem = tr("A pixel is as large as 0.001 nm at least and 1,000 km at most.")
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
        if not problem:
            self.chosen.emit(um_per_px)
            self.accept()
