"""The journal as a list: what was done, what can be taken back."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_ifc.language import tr
from napari_ifc.rows import HistoryRow
from napari_ifc.views.theme import Palette

_NUMBER_ROLE = Qt.ItemDataRole.UserRole


class HistoryList(QWidget):
    """Steps of the journal, newest first; steps that were undone are greyed.

    Attributes:
        action_requested: Emitted with ``"undo"`` or ``"redo"``.
        step_requested: Emitted with the number of the step to which to go back or forward.
    """

    action_requested = Signal(str)
    step_requested = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("ifcPage")
        self._muted = QColor("#888888")
        self.list = QListWidget()
        self.list.setAccessibleName(tr("History"))
        self.list.setToolTip(tr("Double-click a step to go back or forward to it"))
        self.list.itemActivated.connect(self._on_activated)
        self.list.itemDoubleClicked.connect(self._on_activated)
        self.undo = QPushButton(tr("Undo"))
        self.redo = QPushButton(tr("Redo"))
        self.undo.clicked.connect(lambda: self.action_requested.emit("undo"))
        self.redo.clicked.connect(lambda: self.action_requested.emit("redo"))
        self._empty = QLabel(tr("Nothing was changed yet. Every edit will be listed here."))
        self._empty.setProperty("role", "muted")
        self._empty.setWordWrap(True)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.undo)
        row.addWidget(self.redo)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 8, 10, 8)
        column.setSpacing(6)
        column.addLayout(row)
        column.addWidget(self._empty)
        column.addWidget(self.list, 1)
        self.set_rows([])
        self.show_reasons(tr("Open a video first."), tr("Open a video first."))

    def apply_palette(self, palette: Palette) -> None:
        """Take the colour of undone steps."""
        self._muted = QColor(palette.muted)

    def set_rows(self, rows: list[HistoryRow]) -> None:
        """Show the steps, given newest first."""
        self.list.clear()
        for row in rows:
            item = QListWidgetItem(row.text)
            item.setData(_NUMBER_ROLE, row.number)
            if row.undone:
                font = item.font()
                font.setItalic(True)
                item.setFont(font)
                item.setForeground(self._muted)
                item.setToolTip(tr("Undone; Redo does it again"))
            self.list.addItem(item)
        self._empty.setVisible(not rows)
        self.list.setVisible(bool(rows))

    def show_reasons(self, undo: str, redo: str) -> None:
        """Why nothing can be undone or redone; empty where it can."""
        for button, reason in ((self.undo, undo), (self.redo, redo)):
            button.setEnabled(not reason)
            button.setToolTip(reason)

    def _on_activated(self, item: QListWidgetItem) -> None:
        self.step_requested.emit(int(item.data(_NUMBER_ROLE)))
