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

from ifc_core.annotation.export_options import FILE_SUFFIXES
from ifc_core.config import from_home
from napari_ifc.language import tr
from napari_ifc.views.export_choices import ExportChoices, ExportOffer
from napari_ifc.views.spin_words import show_word

SCOPES = (
    ("reviewed", tr("Reviewed frames (corrected or approved)")),
    ("approved", tr("Approved frames and tracks only")),
    ("everything", tr("Everything, proposals too")),
)
FORMATS = (
    ("ytvis", tr("YouTube-VIS annotations (JSON)"), ""),
    ("ytvis-results", tr("YouTube-VIS results (JSON)"), "-results"),
    ("coco", tr("COCO, frame by frame (JSON)"), "-coco"),
    ("davis", tr("DAVIS, indexed PNG (folder)"), "-davis"),
    ("mots", tr("MOTS, 16-bit PNG (folder)"), "-mots"),
    ("ctc", tr("Cell Tracking Challenge, 16-bit TIFF (folder)"), "-ctc"),
    ("cvat", tr("CVAT for images 1.1 (XML)"), "-cvat"),
    ("labelme", tr("LabelMe, X-AnyLabeling (folder)"), "-labelme"),
    ("yolo", tr("YOLO segmentation (folder)"), "-yolo"),
    ("csv", tr("Measurements of each mask (CSV table)"), "-measurements"),
    ("csv-tracks", tr("Measurements of each track (CSV table)"), "-tracks"),
    ("overlay", tr("Video with the masks drawn (MP4)"), "-masks"),
)
"""(key, text, end of the suggested name)."""
_SUFFIXES = frozenset(FILE_SUFFIXES.values())


class ExportDialog(QDialog):
    """Asks what to export and where to, or says why it cannot be written there.

    Args:
        suggested: The file that is suggested for the first format; each other one has a name of
            its own beside it, so that no export lands on another one unasked.
        parent: Over which window.
        is_reviewed: Anything may be reviewed; else it is said that only everything is something.
        offer: Classes, frames and videos to choose from.

    Attributes:
        export_requested: Emitted with the path, the scope, the frame step and the format.
        choices: The rows for tracks, frames, classes and so on, which know what was chosen.
    """

    export_requested = Signal(str, str, int, str)

    def __init__(
        self,
        suggested: Path,
        parent: QWidget | None = None,
        *,
        is_reviewed: bool = True,
        offer: ExportOffer | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("ifcPanel")
        self.setWindowTitle(tr("Export annotations"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(520)
        self._folder, self._name = suggested.parent, suggested.with_suffix("").name
        self._suggested = str(suggested)
        self.path = QLineEdit(self._suggested)
        self.path.setAccessibleName(tr("File"))
        self.format = QComboBox()
        for value, text, _ in FORMATS:
            self.format.addItem(text, value)
        self.format.setAccessibleName(tr("Format"))
        self.format.currentIndexChanged.connect(lambda _: self._on_format())
        self.scope = QComboBox()
        for value, text in SCOPES:
            self.scope.addItem(text, value)
        self.hint = QLabel(tr("No mask is corrected or approved yet, so this would be empty."))
        self.hint.setWordWrap(True)
        self.hint.setVisible(not is_reviewed)
        if not is_reviewed:
            self.scope.currentIndexChanged.connect(lambda _: self._show_hint())
        self.choices = ExportChoices(offer or ExportOffer())
        self.step = QSpinBox()
        self.step.setRange(1, 100)
        self.step.setPrefix(tr("every "))
        show_word(self.step, tr("every frame"))
        self.report = QLabel()
        self.report.setWordWrap(True)
        self.report.setTextFormat(Qt.TextFormat.PlainText)
        kept = self.report.sizePolicy()
        kept.setRetainSizeWhenHidden(True)  # else the window would jump while one types
        self.report.setSizePolicy(kept)
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
        form.addRow("", self.hint)
        form.addRow(tr("Frame step"), self.step)
        self.choices.add_to(form)
        self.choices.show_format(str(self.format.currentData()))
        close = QPushButton(tr("Close"))
        close.clicked.connect(self.reject)
        self.button.clicked.connect(self._on_export)
        self.path.textChanged.connect(self._on_target)
        self.replace.toggled.connect(self._show_obstacle)
        self.choices.classes_changed.connect(self._show_obstacle)
        self.choices.split_changed.connect(lambda _: self._on_format())
        self.choices.validation.changed.connect(self._show_obstacle)
        self._show_obstacle()
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

    def choose_format(self, form: str) -> None:
        """Choose one of ``FORMATS`` by its key; a film shows what the window does."""
        if form == "overlay":
            self.scope.setCurrentIndex(self.scope.findData("everything"))
        self.format.setCurrentIndex(self.format.findData(str(form)))

    def _show_hint(self) -> None:
        self.hint.setVisible(self.scope.currentData() != "everything")
        self.adjustSize()

    def show_report(self, text: str) -> None:
        """Show what was written, or why nothing was."""
        self.report.setText(text)
        self.report.show()
        self.adjustSize()

    def _browse(self) -> None:
        if self._suffix():
            chosen, _ = QFileDialog.getSaveFileName(
                self, tr("Export annotations"), self.path.text(), self._filter()
            )
        else:
            chosen = QFileDialog.getExistingDirectory(self, tr("An empty folder"), self.path.text())
        if chosen:
            self.path.setText(chosen)
            # The file dialog has asked already, but of this one file only.
            self.replace.setChecked(bool(self._suffix()) and self._target().is_file())

    def _filter(self) -> str:
        filters = {
            ".csv": tr("CSV (*.csv)"),
            ".mp4": tr("MP4 (*.mp4)"),
            ".xml": tr("XML (*.xml)"),
        }
        return filters.get(self._suffix(), tr("JSON (*.json)"))

    def _target(self) -> Path:
        return self._folder / from_home(self.path.text().strip())

    def _on_target(self) -> None:
        """Another target: what was agreed to be replaced was the former one."""
        self.replace.setChecked(False)
        self._show_obstacle()

    def _show_obstacle(self) -> None:
        obstacle = self._obstacle()
        if obstacle:
            self.show_report(obstacle)
        else:
            self.report.hide()

    def _obstacle(self) -> str:
        """Why nothing can be written there as it is, or an empty string."""
        if obstacle := self.choices.obstacle():
            return obstacle
        path = self._target()
        try:
            if not self.path.text().strip():
                return tr("Name what is to be written.")
            if self._suffix():
                if path.is_dir():
                    return tr("{name} is a folder; name a file in it.").format(name=path.name)
                if path.is_file() and not self.replace.isChecked():
                    text = tr("{name} exists already; tick the box to replace it.")
                    return text.format(name=path.name)
            elif self.choices.splits() and path.suffix.lower() in _SUFFIXES:
                text = tr("{name} is the name of a file; name a folder.")
                return text.format(name=path.name)
            elif path.exists() and not (path.is_dir() and not any(path.iterdir())):
                text = tr("{name} exists already; choose a new folder.")
                return text.format(name=path.name)
        except OSError as error:  # one that may not be looked at, or a name that is too long
            text = tr("{path} cannot be written: {strerror}.")
            return text.format(path=path, strerror=error.strerror)
        return ""

    def _on_export(self) -> None:
        self._show_obstacle()
        if not self.report.isHidden():
            return
        scope = str(self.scope.currentData())
        form = str(self.format.currentData())
        self.export_requested.emit(str(self._target()), scope, self.step.value(), form)

    def _suffix(self) -> str:
        """Of the file; none of a folder, which an export in parts is too."""
        if self.choices.splits():
            return ""
        return FILE_SUFFIXES.get(self.format.currentData(), "")

    def _tag(self) -> str:
        tag = next(row[2] for row in FORMATS if row[0] == self.format.currentData())
        return f"{tag}-parts" if self.choices.splits() else tag

    def _on_format(self) -> None:
        """Suggest another name; one that the person chose keeps it but for the suffix."""
        self.choices.show_format(str(self.format.currentData()))
        suffix = self._suffix()
        if self.path.text() == self._suggested:
            self._suggested = str(self._free(f"{self._name}{self._tag()}"))
            self.path.setText(self._suggested)
        elif (path := Path(self.path.text().strip())).name:
            # What follows a dot in the name of a folder belongs to it.
            is_file = path.suffix.lower() in _SUFFIXES
            name = path.stem if is_file else path.name
            self.path.setText(str(path.with_name(f"{name}{suffix}")))
        self.replace.setVisible(bool(suffix))
        self._on_target()

    def _free(self, name: str) -> Path:
        """A file that can be replaced, or a folder that is not there yet."""
        path = self._folder / f"{name}{self._suffix()}"
        number = 2
        while not self._suffix() and path.exists():
            path, number = self._folder / f"{name}-{number}", number + 1
        return path


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
