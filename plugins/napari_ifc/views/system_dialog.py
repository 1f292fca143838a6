"""The machine, the engine and its logs in one place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtCore import Qt, QUrl, Signal
from qtpy.QtGui import QDesktopServices, QFontDatabase, QGuiApplication
from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_ifc.language import tr


class SystemDialog(QDialog):
    """Shows facts and log files; copies both for a report.

    Attributes:
        refresh_requested: Emitted when the machine is to be looked at again.
        log_requested: Emitted with the log file to show.
    """

    refresh_requested = Signal()
    log_requested = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("ifcPanel")
        self.setWindowTitle(tr("System"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(680, 620)
        self.diagnostics = ""
        self._facts = QFormLayout()
        self._facts.setVerticalSpacing(5)
        self._facts.setHorizontalSpacing(18)
        self._logs = QComboBox()
        self._logs.setAccessibleName(tr("Log file"))
        self._logs.activated.connect(lambda _: self.log_requested.emit(self._logs.currentData()))
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.text.setAccessibleName(tr("End of the log"))
        self.copy = QPushButton(tr("Copy diagnostics"))
        self._build()

    def _build(self) -> None:
        facts = QFrame()
        facts.setProperty("role", "card")
        facts.setLayout(self._facts)
        self._facts.setContentsMargins(14, 12, 14, 12)
        folder = QPushButton(tr("Open log folder"))
        folder.clicked.connect(self._open_folder)
        top = QHBoxLayout()
        top.addWidget(QLabel(tr("Log")))
        top.addWidget(self._logs, 1)
        top.addWidget(folder)
        self.copy.setToolTip(tr("Versions, devices and the end of the logs; no pictures, no masks"))
        self.copy.clicked.connect(self._copy)
        again = QPushButton(tr("Look again"))
        again.clicked.connect(self.refresh_requested)
        close = QPushButton(tr("Close"))
        close.setProperty("role", "primary")
        close.setDefault(True)  # what Return in a field presses
        close.clicked.connect(self.accept)
        foot = QHBoxLayout()
        foot.addWidget(self.copy)
        foot.addWidget(again)
        foot.addStretch(1)
        foot.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 16, 18, 16)
        column.setSpacing(12)
        column.addWidget(facts)
        column.addLayout(top)
        column.addWidget(self.text, 1)
        column.addLayout(foot)

    def show_facts(self, rows: Sequence[tuple[str, str]], diagnostics: str) -> None:
        """Show the lines, and what *Copy diagnostics* copies."""
        self.diagnostics = diagnostics
        while self._facts.rowCount():
            self._facts.removeRow(0)
        for name, value in rows:
            label = QLabel(value)
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            head = QLabel(name)
            head.setProperty("role", "muted")
            self._facts.addRow(head, label)
        self.copy.setText(tr("Copy diagnostics"))

    def show_logs(self, files: Sequence[Path]) -> None:
        """Offer the log files."""
        self._logs.clear()
        for path in files:
            self._logs.addItem(path.name, path)
        self._logs.setEnabled(bool(files))
        if not files:
            self._logs.addItem(tr("No log yet"))

    def show_log(self, lines: Sequence[str]) -> None:
        """Show the end of a log."""
        self.text.setPlainText("\n".join(lines))
        bar = self.text.verticalScrollBar()
        bar.setValue(bar.maximum())

    def _copy(self) -> None:
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self.diagnostics)
            self.copy.setText(tr("Copied"))

    def _open_folder(self) -> None:
        path = self._logs.currentData()
        if path is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.parent)))
