"""The window that asks what to export and where to."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_ifc.language import tr

SCOPES = (
    ("reviewed", tr("Reviewed frames (corrected or approved)")),
    ("approved", tr("Approved frames and tracks only")),
    ("everything", tr("Everything, proposals too")),
)
FORMATS = (
    ("ytvis", tr("YouTube-VIS annotations (JSON)"), ".json"),
    ("ytvis-results", tr("YouTube-VIS results (JSON)"), ".json"),
    ("coco", tr("COCO, frame by frame (JSON)"), ".json"),
    ("davis", tr("DAVIS, indexed PNG (folder)"), ""),
    ("mots", tr("MOTS, 16-bit PNG (folder)"), ""),
)
"""(key, text, suffix of the file); a folder where there is no suffix."""


class ExportDialog(QDialog):
    """Asks what to export and where to, or says why it cannot be written there.

    Attributes:
        export_requested: Emitted with the path, the scope, the frame step and the format.
    """

    export_requested = Signal(str, str, int, str)

    def __init__(self, suggested: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("ifcPanel")
        self.setWindowTitle(tr("Export annotations"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(520)
        self.path = QLineEdit(str(suggested))
        self.path.setAccessibleName(tr("File"))
        self.format = QComboBox()
        for value, text, _ in FORMATS:
            self.format.addItem(text, value)
        self.format.setAccessibleName(tr("Format"))
        self.format.currentIndexChanged.connect(lambda _: self._on_format())
        self.scope = QComboBox()
        for value, text in SCOPES:
            self.scope.addItem(text, value)
        self.step = QSpinBox()
        self.step.setRange(1, 100)
        self.step.setPrefix(tr("every "))
        self.step.setSpecialValueText(tr("every frame"))
        self.report = QLabel()
        self.report.setWordWrap(True)
        self.report.setTextFormat(Qt.TextFormat.PlainText)
        self.report.hide()
        self.replace = QCheckBox(tr("Replace the file if it exists"))
        self.button = QPushButton(tr("Export"))
        self.button.setDefault(True)  # else Return in a field would press the first one, Browse
        self.button.setProperty("role", "primary")
        self._build()

    def _build(self) -> None:
        browse = QPushButton(tr("Browse…"))
        browse.clicked.connect(self._browse)
        row = QHBoxLayout()
        row.addWidget(self.path, 1)
        row.addWidget(browse)
        form = QFormLayout()
        form.setVerticalSpacing(10)
        form.setHorizontalSpacing(14)
        form.addRow(tr("Format"), self.format)
        form.addRow(tr("File"), row)
        form.addRow("", self.replace)
        form.addRow(tr("Frames"), self.scope)
        form.addRow(tr("Frame step"), self.step)
        close = QPushButton(tr("Close"))
        close.clicked.connect(self.reject)
        self.button.clicked.connect(self._on_export)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(close)
        buttons.addWidget(self.button)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 16, 18, 16)
        column.setSpacing(14)
        column.addLayout(form)
        column.addWidget(self.report)
        column.addLayout(buttons)

    def show_report(self, text: str) -> None:
        """Show what was written, or why nothing was."""
        self.report.setText(text)
        self.report.show()
        self.adjustSize()

    def _browse(self) -> None:
        if self._suffix():
            chosen, _ = QFileDialog.getSaveFileName(
                self, tr("Export annotations"), self.path.text(), tr("JSON (*.json)")
            )
        else:
            chosen = QFileDialog.getExistingDirectory(self, tr("An empty folder"), self.path.text())
        if chosen:
            self.path.setText(chosen)
            self.replace.setChecked(True)  # the file dialog has asked already

    def _on_export(self) -> None:
        path = Path(self.path.text().strip()).expanduser()
        if path.is_file() and not self.replace.isChecked():
            self.show_report(
                tr("{name} exists already; tick the box to replace it.").format(name=path.name)
            )
            return
        scope = str(self.scope.currentData())
        form = str(self.format.currentData())
        self.export_requested.emit(str(path), scope, self.step.value(), form)

    def _suffix(self) -> str:
        return next(suffix for key, _, suffix in FORMATS if key == self.format.currentData())

    def _on_format(self) -> None:
        """A folder has no suffix, a file has one."""
        path = Path(self.path.text())
        self.path.setText(str(path.with_suffix(self._suffix())))
        self.replace.setVisible(bool(self._suffix()))


def ask_to_close(work: list[str], parent: QWidget) -> bool:
    """Ask whether to close the window although something goes on.

    Args:
        work: What goes on, each in a few words.
        parent: Over which window.

    Returns:
        Whether to close.
    """
    title, stop = tr("Close IFC Studio"), tr("Close anyway")
    return _ask(
        title, tr("Something is still going on, which stops if you close now."), stop, work, parent
    )


def ask_to_stop(work: list[str], parent: QWidget) -> bool:
    """Ask whether to put down what is open although something goes on in it.

    Args:
        work: What goes on, each in a few words.
        parent: Over which window.

    Returns:
        Whether to stop it.
    """
    question = tr("Something is still going on in this video, which stops if you leave it now.")
    return _ask(tr("Leave the video"), question, tr("Leave anyway"), work, parent)


def ask_to_discard(run: str, parent: QWidget) -> bool:
    """Ask whether to delete a stopped fine-tuning.

    Args:
        run: Which one, in words.
        parent: Over which window.

    Returns:
        Whether to delete it.
    """
    question = tr("What it has trained so far is deleted and cannot be brought back.")
    return _ask(tr("Discard the stopped run"), question, tr("Discard"), [run], parent)


def _ask(title: str, question: str, stop_text: str, work: list[str], parent: QWidget) -> bool:
    box = QMessageBox(parent)
    box.setObjectName("ifcPanel")
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle(title)
    box.setText(question)
    box.setInformativeText("\n".join(work) + tr("\nAll annotations are saved."))
    stop = box.addButton(stop_text, QMessageBox.ButtonRole.AcceptRole)
    box.setDefaultButton(box.addButton(tr("Keep working"), QMessageBox.ButtonRole.RejectRole))
    box.exec()
    return box.clickedButton() is stop
