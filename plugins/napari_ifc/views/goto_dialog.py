"""The small window that asks for a frame, by its number or, where it is known, its time."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDialog, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from napari_ifc.language import tr


class GoToDialog(QDialog):
    """Asks for a frame; what cannot be gone to is said in it, and it stays open.

    Args:
        go: Goes to what was typed; returns one sentence why not, or an empty string.
        shown: The frame that is shown.
        has_times: Whether the times of the frames are known.
        parent: Over which window it is shown.
    """

    def __init__(
        self,
        go: Callable[[str], str],
        shown: int,
        has_times: bool,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("ifcPanel")
        self.setWindowTitle(tr("Go to frame"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._go = go
        self.field = QLineEdit(str(shown))
        self.field.setAccessibleName(tr("Frame or time") if has_times else tr("Frame"))
        self.field.selectAll()
        words = tr("A frame number, or a time such as 1:05.")
        hint = QLabel(words if has_times else tr("A frame number."))
        hint.setProperty("role", "muted")
        self.problem = QLabel()
        self.problem.setProperty("role", "warning")
        self.problem.setWordWrap(True)
        self.problem.hide()
        self.button = QPushButton(tr("Go"))
        self.button.setProperty("role", "primary")
        self.button.setDefault(True)
        self.button.clicked.connect(self._on_go)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(10)
        for widget in (hint, self.field, self.problem, self.button):
            column.addWidget(widget)

    def _on_go(self) -> None:
        reason = self._go(self.field.text())
        self.problem.setText(reason)
        self.problem.setVisible(bool(reason))
        if not reason:
            self.accept()
