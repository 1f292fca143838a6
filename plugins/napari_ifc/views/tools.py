"""The drawing tools in one row, with the brush size."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QLabel, QSlider, QToolButton, QWidget

from napari_ifc.views.icons import icon
from napari_ifc.views.theme import Palette

TOOLS = (
    ("pan_zoom", "select", "Move and zoom (6)"),
    ("paint", "brush", "Brush (2)"),
    ("erase", "eraser", "Eraser (1)"),
    ("polygon", "polygon", "Polygon (3): click the corners, double-click to finish"),
    ("fill", "fill", "Fill (4)"),
)


class ToolRow(QFrame):
    """Chooses napari's drawing mode for the mask that is being edited.

    Attributes:
        tool_requested: Emitted with napari's name of the mode.
        brush_size_requested: Emitted with the diameter in pixels of the video.
        action_requested: Emitted with an action id (undo, redo).
    """

    tool_requested = Signal(str)
    brush_size_requested = Signal(int)
    action_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._buttons: dict[str, QToolButton] = {}
        self._icons: list[tuple[QToolButton, str]] = []
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self._size = QSlider(Qt.Orientation.Horizontal)
        self._size.setRange(1, 100)
        self._size.setValue(10)
        self._size.setMinimumWidth(44)
        self._size.setAccessibleName("Brush size")
        self._size_text = QLabel("10")
        self._size_text.setMinimumWidth(22)
        self._size_text.setProperty("role", "muted")
        self._size.valueChanged.connect(self._on_size)
        self._build()

    def _build(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 0, 10, 4)
        row.setSpacing(2)
        for mode, icon_name, tip in TOOLS:
            button = self._tool_button(icon_name, tip)
            button.setCheckable(True)
            button.clicked.connect(lambda _=False, m=mode: self.tool_requested.emit(m))
            self._group.addButton(button)
            self._buttons[mode] = button
            row.addWidget(button)
        self._buttons["pan_zoom"].setChecked(True)
        row.addSpacing(4)
        row.addWidget(self._size, 1)
        row.addWidget(self._size_text)
        for action_id, tip in (("undo", "Undo (Ctrl+Z)"), ("redo", "Redo (Ctrl+Shift+Z)")):
            button = self._tool_button(action_id, tip)
            button.clicked.connect(lambda _=False, a=action_id: self.action_requested.emit(a))
            self._buttons[action_id] = button
            row.addWidget(button)

    def _tool_button(self, icon_name: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setIconSize(QSize(20, 20))
        button.setToolTip(tip)
        button.setAccessibleName(tip.split(" (")[0])
        self._icons.append((button, icon_name))
        return button

    def apply_palette(self, palette: Palette) -> None:
        """Tint the icons."""
        for button, name in self._icons:
            button.setIcon(icon(name, palette.text))

    def show_tool(self, mode: str, *, drawing_possible: bool, why_not: str) -> None:
        """Show which tool is active and whether drawing is possible now."""
        for name, _, tip in TOOLS:
            button = self._buttons[name]
            possible = drawing_possible or name == "pan_zoom"
            button.setEnabled(possible)
            button.setToolTip(tip if possible else why_not)
        self._size.setEnabled(drawing_possible)
        self._buttons.get(mode, self._buttons["pan_zoom"]).setChecked(True)

    def show_brush_size(self, size: int) -> None:
        """Show the brush size without asking for it again."""
        self._size.blockSignals(True)
        self._size.setValue(min(size, self._size.maximum()))
        self._size.blockSignals(False)
        self._size_text.setText(str(size))

    def show_undo(self, undo: str, redo: str) -> None:
        """Enable undo and redo.

        Args:
            undo: What undo would take back, empty if nothing.
            redo: What redo would do again, empty if nothing.
        """
        for name, text in (("undo", undo), ("redo", redo)):
            key = "Ctrl+Z" if name == "undo" else "Ctrl+Shift+Z"
            button = self._buttons[name]
            button.setEnabled(bool(text))
            verb = name.capitalize()
            button.setToolTip(f"{verb} “{text}” ({key})" if text else f"Nothing to {name}")

    def _on_size(self, size: int) -> None:
        self._size_text.setText(str(size))
        self.brush_size_requested.emit(size)
