"""Windows about classes: choosing one, and editing the list of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QColorDialog,
    QComboBox,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ifc_core.structures.palette import unlike_color
from napari_ifc.language import tr
from napari_ifc.rows import ClassRow
from napari_ifc.views.swatch import swatch

REACHES = (
    ("track", tr("the whole track")),
    ("onward", tr("from this frame on")),
    ("frame", tr("this frame only")),
)
_HOTKEYS = ("", *"123456789")


class ClassDialog(QDialog):
    """Asks for a class (an existing one, or a new name) and for how much of the track.

    Attributes:
        chosen: Emitted with the name and the reach.
    """

    chosen = Signal(str, str)

    def __init__(self, classes: list[str], current: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("ifcPanel")
        self.setWindowTitle(tr("Class"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.box = QComboBox()
        self.box.setEditable(True)
        self.box.addItems(classes)
        self.box.setCurrentText(current)
        self.box.setMinimumWidth(240)
        self.box.lineEdit().selectAll()
        self.reach = QComboBox()
        self.reach.setAccessibleName(tr("How much of the track"))
        for value, text in REACHES:
            self.reach.addItem(tr("For {text}").format(text=text), value)
        hint = QLabel(tr("Choose a class, or type the name of a new one."))
        hint.setProperty("role", "muted")
        cancel, self.button = QPushButton(tr("Cancel")), QPushButton(tr("Change class"))
        self.button.setProperty("role", "primary")
        self.button.setDefault(True)
        self.button.clicked.connect(self._on_accept)
        cancel.clicked.connect(self.reject)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(cancel)
        foot.addWidget(self.button)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(10)
        for widget in (hint, self.box, self.reach):
            column.addWidget(widget)
        column.addLayout(foot)

    def _on_accept(self) -> None:
        name = self.box.currentText().strip()
        if name:
            self.chosen.emit(name, str(self.reach.currentData()))
            self.accept()


class ClassesDialog(QDialog):
    """Edits the classes: colour, name, supercategory and key.

    Args:
        rows: The classes as they are.
        parent: Over which window it is shown.

    Attributes:
        saved: Emitted with the rows as they shall be; new ones have the id 0.
    """

    saved = Signal(list)

    def __init__(self, rows: Sequence[ClassRow], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("ifcPanel")
        self.setWindowTitle(tr("Classes"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumSize(520, 340)
        self._rows: list[ClassRow] = []
        self.table = QTableWidget(0, 5)
        self.table.setHorizontalHeaderLabels(
            ["", tr("Name"), tr("Supercategory"), tr("Key"), tr("Tracks")]
        )
        self.table.setAccessibleName(tr("Classes"))
        self.table.setTabKeyNavigation(False)  # Tab leads on to the buttons, arrows to cells
        self.table.verticalHeader().hide()
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        header = self.table.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.table.setShowGrid(False)
        for column, mode in ((1, "Stretch"), (2, "Stretch")):
            header.setSectionResizeMode(column, getattr(QHeaderView.ResizeMode, mode))
        for column, width in ((0, 44), (3, 62), (4, 62)):
            self.table.setColumnWidth(column, width)
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.problem.hide()
        self._build()
        for row in rows:
            self._append(row)

    def _build(self) -> None:
        add, remove = QPushButton(tr("Add class")), QPushButton(tr("Remove"))
        add.clicked.connect(self.add_class)
        remove.clicked.connect(self.remove_class)
        cancel, save = QPushButton(tr("Cancel")), QPushButton(tr("Save"))
        save.setProperty("role", "primary")
        save.setDefault(True)
        cancel.clicked.connect(self.reject)
        save.clicked.connect(self._on_save)
        buttons = QHBoxLayout()
        for widget in (add, remove):
            buttons.addWidget(widget)
        buttons.addStretch(1)
        for widget in (cancel, save):
            buttons.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(10)
        column.addWidget(self.table, 1)
        column.addWidget(self.problem)
        column.addLayout(buttons)

    def _append(self, row: ClassRow) -> None:
        line = self.table.rowCount()
        self._rows.append(row)
        self.table.insertRow(line)
        color = QToolButton()
        color.setIcon(swatch(row.color_rgb))
        color.setToolTip(tr("Choose the colour"))
        color.setAccessibleName(tr("Colour of {name}").format(name=row.name))
        color.clicked.connect(lambda: self._ask_color(color))
        self.table.setCellWidget(line, 0, color)
        self.table.setItem(line, 1, QTableWidgetItem(row.name))
        self.table.setItem(line, 2, QTableWidgetItem(row.supercategory))
        keys = QComboBox()
        keys.addItems(list(_HOTKEYS))
        keys.setCurrentText(row.hotkey)
        self.table.setCellWidget(line, 3, keys)
        count = QTableWidgetItem(str(row.num_tracks))
        count.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
        self.table.setItem(line, 4, count)

    def add_class(self) -> None:
        """Append a class and have its name typed."""
        taken = {self.table.cellWidget(i, 3).currentText() for i in range(self.table.rowCount())}
        free = next((key for key in _HOTKEYS[1:] if key not in taken), "")
        number = len(self._rows)
        color = unlike_color([row.color_rgb for row in self._rows])
        name = tr("class {number}").format(number=number + 1)
        self._append(ClassRow(0, name, color, "", free))
        self.table.setCurrentCell(number, 1)
        self.table.editItem(self.table.item(number, 1))

    def remove_class(self) -> None:
        """Take the chosen class away, unless tracks are of it."""
        line = self.table.currentRow()
        if line < 0:
            return
        if self._rows[line].num_tracks:
            self.show_problem(tr("Tracks are of this class; give them another class first."))
            return
        del self._rows[line]
        self.table.removeRow(line)

    def show_problem(self, text: str) -> None:
        """Say why it cannot be done."""
        self.problem.setText(text)
        self.problem.show()

    def _ask_color(self, button: QToolButton) -> None:
        line = next(
            i for i in range(self.table.rowCount()) if self.table.cellWidget(i, 0) is button
        )
        chosen = QColorDialog.getColor(QColor(*self._rows[line].color_rgb), self, tr("Colour"))
        if chosen.isValid():
            rgb = (chosen.red(), chosen.green(), chosen.blue())
            self._rows[line] = replace(self._rows[line], color_rgb=rgb)
            button.setIcon(swatch(rgb))

    def _on_save(self) -> None:
        rows = []
        for line, row in enumerate(self._rows):
            name = self.table.item(line, 1).text().strip()
            above = self.table.item(line, 2).text().strip()
            key = self.table.cellWidget(line, 3).currentText()
            rows.append(replace(row, name=name, supercategory=above, hotkey=key))
        names = [row.name for row in rows]
        keys = [row.hotkey for row in rows if row.hotkey]
        if not all(names) or len(set(names)) < len(names):
            self.show_problem(tr("Every class needs a name of its own."))
        elif len(set(keys)) < len(keys):
            self.show_problem(tr("Two classes have the same key."))
        else:
            self.saved.emit(rows)
            self.accept()
