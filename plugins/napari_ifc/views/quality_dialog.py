"""How good the proposals are, by the frames that a person approved."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_ifc.language import tr

HEADINGS = (tr("Class"), tr("Tracks"), "AP", "AP50", "AP75", "J", "F", tr("Id switches"))
_HELP = tr(
    "AP as on YouTube-VIS (space-time IoU); J: overlap of the masks; F: their outlines; each "
    "from 0 to 1, a track that was not found counts as 0. An identity switch is a track that "
    "goes on under another number."
)


class QualityDialog(QDialog):
    """A table of figures, the whole first, then each class."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("ifcPanel")
        self.setWindowTitle(tr("Quality of the proposals"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(720, 420)
        self._facts = QLabel()
        self._facts.setWordWrap(True)
        self._notes = QLabel()
        self._notes.setWordWrap(True)
        self._notes.setProperty("role", "muted")
        self.table = QTableWidget(0, len(HEADINGS))
        self.table.setHorizontalHeaderLabels(HEADINGS)
        self.table.setAccessibleName(tr("Figures by class"))
        self.table.verticalHeader().hide()
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        self.table.horizontalHeaderItem(0).setTextAlignment(left)
        self.table.setShowGrid(False)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self._build()

    def _build(self) -> None:
        help_label = QLabel(_HELP)
        help_label.setWordWrap(True)
        help_label.setProperty("role", "muted")
        copy = QPushButton(tr("Copy as text"))
        copy.clicked.connect(self._copy)
        close = QPushButton(tr("Close"))
        close.setProperty("role", "primary")
        close.setDefault(True)  # what Return in a field presses
        close.clicked.connect(self.accept)
        foot = QHBoxLayout()
        foot.addWidget(copy)
        foot.addStretch(1)
        foot.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 16, 18, 16)
        column.setSpacing(12)
        for widget in (self._facts, help_label):
            column.addWidget(widget)
        column.addWidget(self.table, 1)
        column.addWidget(self._notes)
        column.addLayout(foot)

    def show_quality(self, facts: str, rows: Sequence[Sequence[str]], notes: Sequence[str]) -> None:
        """Show the figures.

        Args:
            facts: What was judged, and by what.
            rows: Texts in the order of :data:`HEADINGS`.
            notes: Sentences below.
        """
        self._facts.setText(facts)
        self._notes.setText("\n".join(notes))
        self._notes.setVisible(bool(notes))
        self.table.setRowCount(len(rows))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for line, texts in enumerate(rows):
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                if column:
                    item.setTextAlignment(right)
                self.table.setItem(line, column, item)
        for column in range(1, len(HEADINGS)):
            self.table.resizeColumnToContents(column)

    def as_text(self) -> str:
        """The table with tabulators, as a spreadsheet takes it."""
        lines = ["\t".join(HEADINGS)]
        for line in range(self.table.rowCount()):
            cells = (self.table.item(line, column) for column in range(len(HEADINGS)))
            lines.append("\t".join(cell.text() for cell in cells))
        return "\n".join(lines)

    def _copy(self) -> None:
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self.as_text())
