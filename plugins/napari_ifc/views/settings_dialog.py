"""The settings: a searchable form, and the keys of every action."""

from __future__ import annotations

from itertools import chain
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QFileDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QKeySequenceEdit,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSlider,
    QSpinBox,
    QTableWidget,
    QTableWidgetItem,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from ifc_core.config import COLORS_BY, DEVICES, PRECISIONS, THEMES, Settings
from napari_ifc.actions import ActionTable
from napari_ifc.language import available, tr

_ID_ROLE = Qt.ItemDataRole.UserRole
_CHOICES: dict[str, dict[str, str]] = {
    "theme": {"dark": tr("Dark"), "light": tr("Light"), "system": tr("As the system")},
    "language": {"": "English", **{name: name for name in available()}},
    "color_by": {
        "track": tr("Each its own"),
        "class": tr("Those of the classes"),
        "lineage": tr("One hue for each lineage"),
    },
    "device": {
        "auto": tr("Automatic"),
        "cpu": tr("Processor (CPU)"),
        "cuda": tr("GPU (CUDA)"),
        "mps": tr("Apple"),
    },
    "precision": {
        "auto": tr("Automatic, the fastest that is safe"),
        "fp32": "fp32",
        "bf16": "bf16",
        "fp16": "fp16",
        "int8": tr("int8, the fastest on a processor, masks a little rougher"),
    },
}
assert tuple(_CHOICES["theme"]) == THEMES  # noqa: S101
assert tuple(_CHOICES["color_by"]) == COLORS_BY  # noqa: S101
assert tuple(_CHOICES["device"]) == DEVICES  # noqa: S101
assert tuple(_CHOICES["precision"]) == PRECISIONS  # noqa: S101

_FIXED_KEYS = (
    (tr("Accept the candidate as a track"), tr("Correct"), "Return"),
    (tr("Accept the candidate into the selected track"), tr("Correct"), "Shift+Return"),
    (tr("Dismiss the candidates"), tr("Correct"), "Escape"),
    (tr("Drop the stroke that is being drawn"), tr("Draw"), "Escape"),
    (tr("Next and previous frame"), tr("Timeline"), "Right, Left"),
    (tr("Mark frames for the selected tracks"), tr("Timeline"), "Shift+Right, Shift+Left"),
    (tr("Next and previous track; with Shift also"), tr("Timeline"), "Down, Up"),
    (tr("What can be done with the marked frames"), tr("Timeline"), "Return"),
    (tr("Unmark"), tr("Timeline"), "Escape"),
    (tr("Zoom in, out, to all frames"), tr("Timeline"), "+, -, 0"),
    (tr("Move the divider"), tr("Comparison"), "Right, Left"),
    (tr("Show the label while it is held"), tr("Comparison"), "L"),
)
"""What a key does where the focus is; these are no actions and cannot be changed."""


class SettingsDialog(QDialog):
    """Every change takes effect at once; there is no OK to forget.

    Args:
        settings: What is set.
        actions: Whose keys are listed.
        parent: The panel, whose colours it takes.

    Attributes:
        changed: Emitted with the name of a setting and its new value.
        shortcut_requested: Emitted with an action id and the key sequence it is to have.
        reset_requested: Emitted when everything is to be as it came.
    """

    changed = Signal(str, object)
    shortcut_requested = Signal(str, str)
    reset_requested = Signal()

    def __init__(
        self, settings: Settings, actions: ActionTable, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("ifcPanel")
        self.setWindowTitle(tr("Settings"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(640, 560)
        self._rows: list[tuple[str, tuple[QWidget, ...]]] = []
        self._fields: dict[str, QWidget] = {}
        self.search = QLineEdit()
        self.search.setPlaceholderText(tr("Search settings and keys"))
        self.search.setAccessibleName(tr("Search"))
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._filter)
        self.keys = QTableWidget(0, 3)
        self.message = QLabel()
        self.message.setWordWrap(True)
        self._tabs = QTabWidget()
        self._build()
        self.show_settings(settings)
        self.show_actions(actions)

    def _build(self) -> None:
        self._tabs.setDocumentMode(True)
        self._tabs.tabBar().setDrawBase(False)
        self._tabs.addTab(self._form(), tr("General"))
        self._tabs.addTab(self._key_page(), tr("Shortcuts"))
        reset = QPushButton(tr("Reset all"))
        reset.setToolTip(tr("Settings and keys as the program came"))
        reset.clicked.connect(self.reset_requested)
        close = QPushButton(tr("Close"))
        close.setProperty("role", "primary")
        close.setDefault(True)  # what Return in a field presses
        close.clicked.connect(self.accept)
        foot = QHBoxLayout()
        foot.addWidget(reset)
        foot.addWidget(self.message, 1)
        foot.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 16, 18, 16)
        column.setSpacing(12)
        column.addWidget(self.search)
        column.addWidget(self._tabs, 1)
        column.addLayout(foot)

    # The form

    def _form(self) -> QWidget:
        page = QFrame()
        page.setObjectName("ifcPage")
        self._grid = QGridLayout(page)
        self._grid.setContentsMargins(2, 12, 12, 12)
        self._grid.setHorizontalSpacing(18)
        self._grid.setVerticalSpacing(10)
        self._grid.setColumnStretch(1, 1)
        self._section(tr("Appearance"))
        self._choice(
            "theme", tr("Theme"), tr("Of the desktop program; in napari it follows napari")
        )
        self._choice(
            "language",
            tr("Language"),
            tr("From the next start on; translations are files LANGUAGE.po in the data folder"),
        )
        self._share(
            "overlay_opacity", tr("Mask opacity"), tr("How much of a mask's colour is seen")
        )
        self._number("contour_width_px", tr("Outline width"), (1, 8), " px", tr("Of masks"))
        self._check("show_ids", tr("Track numbers"), tr("Show each mask's number on the canvas"))
        self._choice("color_by", tr("Colours"), tr("Of masks, lanes and the list of tracks"))
        self._section(tr("Model"))
        self._choice(
            "device", tr("Device"), tr("Where the model runs, unless Propose says otherwise")
        )
        self._choice("precision", tr("Precision"), tr("Arithmetic of the model"))
        threads = tr(
            "For the engine process; 0 leaves it to torch. Takes effect with its next start"
        )
        self._number("num_threads", tr("Processor threads"), (0, 256), "", threads)
        self._section(tr("Files and memory"))
        kept = tr(
            "What the model knows of clips, for corrections; in the engine from its next start"
        )
        self._amount("feature_memory_gib", tr("Model memory"), (0.0, 256.0), tr(" GiB"), kept)
        disk = tr("The same on disk, so that it outlives the memory's bound; 0 keeps nothing there")
        self._amount("feature_disk_gib", tr("Model cache"), (0.0, 1024.0), tr(" GiB"), disk)
        self._folder("cache_folder", tr("Cache folder"), tr("Empty: the usual one of this system"))
        memory = tr("For decoded frames; more scrubs smoother. Takes effect with the next video")
        self._number("frame_memory_mib", tr("Frame memory"), (64, 65536), tr(" MiB"), memory)
        self._folder("projects_folder", tr("Projects folder"), tr("Empty: beside each video"))
        self._grid.setRowStretch(self._grid.rowCount(), 1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(page)
        return area

    def _section(self, title: str) -> None:
        label = QLabel(title)
        label.setProperty("role", "heading")
        self._grid.addWidget(label, self._grid.rowCount(), 0, 1, 2)
        self._rows.append((title.lower(), (label,)))

    def _row(self, name: str, text: str, tip: str, field: QWidget, shown: QWidget | None = None):
        label = QLabel(text)
        label.setBuddy(field)
        help_label = QLabel(tip)
        help_label.setProperty("role", "muted")
        help_label.setWordWrap(True)
        field.setAccessibleName(text)
        field.setToolTip(tip)
        cell = QVBoxLayout()
        cell.setSpacing(2)
        cell.addWidget(shown or field)
        cell.addWidget(help_label)
        row = self._grid.rowCount()
        self._grid.addWidget(label, row, 0, Qt.AlignmentFlag.AlignTop)
        self._grid.addLayout(cell, row, 1)
        self._fields[name] = field
        self._rows.append((f"{text} {tip} {name}".lower(), (label, shown or field, help_label)))

    def _choice(self, name: str, text: str, tip: str) -> None:
        box = QComboBox()
        for value, words in _CHOICES[name].items():
            box.addItem(words, value)
        box.activated.connect(lambda _: self.changed.emit(name, box.currentData()))
        self._row(name, text, tip, box)

    def _number(self, name: str, text: str, span: tuple[int, int], unit: str, tip: str) -> None:
        spin = QSpinBox()
        spin.setRange(*span)
        spin.setSuffix(unit)
        spin.setKeyboardTracking(False)
        spin.valueChanged.connect(lambda value: self.changed.emit(name, value))
        self._row(name, text, tip, spin)

    def _amount(self, name: str, text: str, span: tuple[float, float], unit: str, tip: str) -> None:
        spin = QDoubleSpinBox()
        spin.setRange(*span)
        spin.setDecimals(1)
        spin.setSingleStep(0.5)
        spin.setSuffix(unit)
        spin.setKeyboardTracking(False)
        spin.valueChanged.connect(lambda value: self.changed.emit(name, round(value, 1)))
        self._row(name, text, tip, spin)

    def _share(self, name: str, text: str, tip: str) -> None:
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(0, 100)
        slider.valueChanged.connect(lambda value: self.changed.emit(name, value / 100))
        self._row(name, text, tip, slider)

    def _check(self, name: str, text: str, tip: str) -> None:
        box = QCheckBox()
        box.toggled.connect(lambda value: self.changed.emit(name, value))
        self._row(name, text, tip, box)

    def _folder(self, name: str, text: str, tip: str) -> None:
        line = QLineEdit()
        line.editingFinished.connect(lambda: self.changed.emit(name, line.text().strip()))
        browse = QPushButton(tr("Browse…"))

        def ask() -> None:
            chosen = QFileDialog.getExistingDirectory(self, text, line.text())
            if chosen:
                line.setText(chosen)
                self.changed.emit(name, chosen)

        browse.clicked.connect(ask)
        shown = QWidget()
        row = QHBoxLayout(shown)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(line, 1)
        row.addWidget(browse)
        self._row(name, text, tip, line, shown)

    def show_settings(self, settings: Settings) -> None:
        """Show what is set, without telling that it changed."""
        for name, field in self._fields.items():
            field.blockSignals(True)
            _fill(field, getattr(settings, name))
            field.blockSignals(False)

    # The keys

    def _key_page(self) -> QWidget:
        table = self.keys
        table.setHorizontalHeaderLabels([tr("Action"), tr("Group"), tr("Key")])
        table.verticalHeader().hide()
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        table.horizontalHeader().setDefaultAlignment(left)
        table.setShowGrid(False)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        table.setAccessibleName(tr("Keys of the actions"))
        table.setTabKeyNavigation(False)  # it would take 400 of them to come out again
        table.itemSelectionChanged.connect(self._on_key_row)
        self._edit = QKeySequenceEdit()
        self._edit.setAccessibleName(tr("New key"))
        self._set = QPushButton(tr("Set key"))
        self._clear = QPushButton(tr("No key"))
        self._set.clicked.connect(lambda: self._ask_key(self._edit.keySequence()))
        self._clear.clicked.connect(lambda: self._ask_key(QKeySequence()))
        row = QHBoxLayout()
        row.addWidget(QLabel(tr("New key for the selected action")))
        row.addWidget(self._edit, 1)
        row.addWidget(self._set)
        row.addWidget(self._clear)
        page = QFrame()
        page.setObjectName("ifcPage")
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 12, 0, 0)
        column.setSpacing(10)
        column.addWidget(table, 1)
        column.addLayout(row)
        return page

    def show_actions(self, actions: ActionTable) -> None:
        """List the actions with their keys."""
        chosen = self._chosen_action()
        self.keys.setRowCount(0)
        sections = (section for _, sections in actions.by_group() for section in sections)
        for action in chain.from_iterable(sections):
            row = self.keys.rowCount()
            self.keys.insertRow(row)
            for column, text in enumerate((action.text, action.group, action.shortcut)):
                item = QTableWidgetItem(text)
                item.setData(_ID_ROLE, action.id)
                item.setToolTip(action.tip)
                self.keys.setItem(row, column, item)
            if action.id == chosen:
                self.keys.selectRow(row)
        for cells in _FIXED_KEYS:
            row = self.keys.rowCount()
            self.keys.insertRow(row)
            for column, text in enumerate(cells):
                item = QTableWidgetItem(text)
                item.setData(_ID_ROLE, "")
                item.setToolTip(tr("This key belongs to what has the focus and stays as it is."))
                self.keys.setItem(row, column, item)
        self._on_key_row()
        self._filter(self.search.text())

    def _chosen_action(self) -> str:
        items = self.keys.selectedItems()
        return str(items[0].data(_ID_ROLE)) if items else ""

    def _on_key_row(self) -> None:
        chosen = bool(self._chosen_action())
        for widget in (self._edit, self._set, self._clear):
            widget.setEnabled(chosen)
            widget.setToolTip("" if chosen else tr("Select an action first"))
        if chosen:
            row = self.keys.selectedItems()[0].row()
            self._edit.setKeySequence(QKeySequence(self.keys.item(row, 2).text()))

    def _ask_key(self, keys: QKeySequence) -> None:
        text = keys.toString(QKeySequence.SequenceFormat.PortableText).split(", ")[0]
        self.shortcut_requested.emit(self._chosen_action(), text)

    def show_keys(self) -> None:
        """Bring the keys to the front."""
        self._tabs.setCurrentIndex(1)

    def show_message(self, text: str) -> None:
        """Say why something was not done, or clear it."""
        self.message.setText(text)

    # Searching

    def _filter(self, text: str) -> None:
        words = text.lower().split()
        for line, widgets in self._rows:
            for widget in widgets:
                widget.setVisible(all(word in line for word in words))
        for row in range(self.keys.rowCount()):
            line = " ".join(self.keys.item(row, c).text() for c in range(3)).lower()
            self.keys.setRowHidden(row, not all(word in line for word in words))


def _fill(field: QWidget, value: Any) -> None:
    if isinstance(field, QComboBox):
        field.setCurrentIndex(max(0, field.findData(value)))
    elif isinstance(field, QSlider):
        field.setValue(round(value * 100))
    elif isinstance(field, QSpinBox | QDoubleSpinBox):
        field.setValue(value)
    elif isinstance(field, QCheckBox):
        field.setChecked(value)
    elif isinstance(field, QLineEdit):
        field.setText(value)
