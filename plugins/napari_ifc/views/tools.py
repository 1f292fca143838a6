"""The tools beside the canvas: drawing, prompting, tidying, and how masks are shown."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_ifc.actions import ActionTable
from napari_ifc.language import tr
from napari_ifc.views.icons import icon
from napari_ifc.views.look_menu import LookMenu
from napari_ifc.views.theme import Palette

TOOLS = (
    ("pan_zoom", "select", tr("Move and zoom")),
    ("paint", "brush", tr("Brush")),
    ("erase", "eraser", tr("Eraser")),
    ("smart_erase", "smart_eraser", tr("Smart eraser")),
    ("polygon", "polygon", tr("Polygon")),
    ("fill", "fill", tr("Fill")),
    ("scribble", "scribble", tr("Scribble on the object")),
    ("unscribble", "unscribble", tr("Scribble beside the object")),
    ("box", "box", tr("Box")),
    ("candidates", "candidates", tr("Candidates")),
)
_MENUS = (
    ("tidy", tr("Tidy the mask"), "tidy"),
    ("track", tr("Track operations"), "track"),
    ("overlap", tr("Painting over another track"), "overlap"),
)

_LOOK = tr("How masks are shown")
_JOURNAL_TIPS = {
    "undo": (tr("Undo “{step}”"), tr("Nothing to undo")),
    "redo": (tr("Redo “{step}”"), tr("Nothing to redo")),
}


class ToolRow(QFrame):
    """Chooses the tool for the mask that is being edited.

    Attributes:
        look: The menu of how masks are shown.
        tool_requested: Emitted with the name of the tool.
        brush_size_requested: Emitted with the diameter in pixels of the video.
        action_requested: Emitted with ``"undo"``, ``"redo"`` or an id of the action table.
    """

    tool_requested = Signal(str)
    brush_size_requested = Signal(int)
    action_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._buttons: dict[str, QToolButton] = {}
        self._icons: list[tuple[QToolButton, str]] = []
        self._menus: dict[str, QMenu] = {}
        self._actions: ActionTable | None = None
        self._palette: Palette | None = None
        self._hidden = ""
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self._size = QSlider(Qt.Orientation.Horizontal)
        self._size.setRange(1, 100)
        self._size.setValue(10)
        self._size.setMinimumWidth(44)
        self._size.setAccessibleName(tr("Brush size"))
        self._size.setToolTip(tr("Brush size"))
        self._size_text = QLabel("10")
        self._size_text.setMinimumWidth(22)
        self._size_text.setProperty("role", "muted")
        self._size.valueChanged.connect(self._on_size)
        self.look = LookMenu(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 0, 10, 2)
        column.setSpacing(2)
        column.addLayout(self._tool_line())
        column.addLayout(self._option_line())

    def _tool_line(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(1)
        for mode, icon_name, name in TOOLS:
            button = self._tool_button(icon_name, name)
            button.setCheckable(True)
            button.clicked.connect(lambda _=False, m=mode: self.tool_requested.emit(m))
            self._group.addButton(button)
            self._buttons[mode] = button
            if mode in ("paint", "scribble"):
                row.addSpacing(6)
            row.addWidget(button)
        row.addStretch(1)
        self._buttons["pan_zoom"].setChecked(True)
        return row

    def _option_line(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(1)
        row.addWidget(self._size, 1)
        row.addWidget(self._size_text)
        for name, tip, icon_name in _MENUS:
            self._menus[name] = QMenu(self)
            self._menu_button(row, name, tip, icon_name, self._menus[name])
        self._menus["look"] = self.look
        self._menu_button(row, "look", _LOOK, "look", self.look)
        row.addSpacing(6)
        for action_id, text in (("undo", tr("Undo")), ("redo", tr("Redo"))):
            button = self._tool_button(action_id, text)
            button.clicked.connect(lambda _=False, a=action_id: self.action_requested.emit(a))
            self._buttons[action_id] = button
            row.addWidget(button)
        return row

    def _menu_button(
        self, row: QHBoxLayout, name: str, tip: str, icon_name: str, menu: QMenu
    ) -> None:
        button = self._tool_button(icon_name, tip)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setMenu(menu)
        self._buttons[name] = button
        row.addWidget(button)

    def _tool_button(self, icon_name: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setIconSize(QSize(18, 18))
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        self._icons.append((button, icon_name))
        return button

    def bind_actions(self, actions: ActionTable, menus: dict[str, tuple[str, ...]]) -> None:
        """Fill the menus from the table of actions; an empty id is a line between two groups.

        The table also tells the keys, each time that they are shown.
        """
        self._actions = actions
        for name, action_ids in menus.items():
            fill_menu(self._menus[name], actions, action_ids, self.action_requested.emit)

    def apply_palette(self, palette: Palette) -> None:
        """Tint the icons."""
        self._palette = palette
        for button, name in self._icons:
            button.setIcon(icon(name, palette.text, checked=palette.on_accent))
        self.show_hidden(self._hidden)

    def show_hidden(self, hidden: str) -> None:
        """Show on the eye whether tracks are hidden.

        Args:
            hidden: What is hidden, in a sentence; empty for nothing.
        """
        self._hidden = hidden
        button = self._buttons["look"]
        button.setToolTip(f"{_LOOK}\n{hidden}".strip())
        if self._palette is not None:
            name, tint = (
                ("absent", self._palette.warning) if hidden else ("look", self._palette.text)
            )
            button.setIcon(icon(name, tint))

    def show_tool(self, mode: str, *, drawing_possible: bool, why_not: str) -> None:
        """Show which tool is active and whether drawing is possible now.

        Args:
            mode: Name of the tool; empty where none is in hand.
            drawing_possible: Whether one that draws can be chosen.
            why_not: Why it cannot.
        """
        for name, _, text in TOOLS:
            button = self._buttons[name]
            possible = drawing_possible or name == "pan_zoom"
            button.setEnabled(possible)
            tip = "" if self._actions is None else self._actions[f"tool.{name}"].tip
            keyed = self._keyed(f"tool.{name}", text)
            button.setToolTip(f"{keyed}\n{tip}".strip() if possible else why_not)
        self._size.setEnabled(drawing_possible)
        self._size.setToolTip(self._brush_tip())
        self._group.setExclusive(bool(mode))
        if mode:
            self._buttons.get(mode, self._buttons["pan_zoom"]).setChecked(True)
        else:
            for name, *_ in TOOLS:
                self._buttons[name].setChecked(False)

    def _brush_tip(self) -> str:
        """What the slider sets, with the keys that do so, as far as they have any."""
        steps = ("brush.smaller", "brush.larger")
        keys = [] if self._actions is None else [self._actions[step].shortcut for step in steps]
        told = ", ".join(filter(None, keys))
        return tr("Brush size ({keys})").format(keys=told) if told else tr("Brush size")

    def show_brush_size(self, size: int) -> None:
        """Show the brush size without asking for it again."""
        self._size.blockSignals(True)
        self._size.setValue(min(size, self._size.maximum()))
        self._size.blockSignals(False)
        self._size_text.setText(str(size))

    def show_undo(self, undo: str, redo: str, instead: str = "") -> None:
        """Enable undo and redo.

        Args:
            undo: What undo would take back, empty if nothing.
            redo: What redo would do again, empty if nothing.
            instead: What undo does now in place of a step, as menus name it, or empty.
        """
        for name, text in (("undo", undo), ("redo", redo)):
            button = self._buttons[name]
            button.setEnabled(bool(text))
            named, none = _JOURNAL_TIPS[name]
            tip = self._keyed(f"edit.{name}", named.format(step=text))
            button.setToolTip(tip if text else none)
        button = self._buttons["undo"]
        button.setAccessibleName(instead or tr("Undo"))
        if instead:
            button.setEnabled(True)
            button.setToolTip(self._keyed("edit.undo", instead))

    def _keyed(self, action_id: str, text: str) -> str:
        """A text with the key of an action, once there is a table that knows it."""
        return text if self._actions is None else self._actions[action_id].keyed(text)

    def _on_size(self, size: int) -> None:
        self._size_text.setText(str(size))
        self.brush_size_requested.emit(size)


def fill_menu(
    menu: QMenu,
    actions: ActionTable,
    action_ids: tuple[str, ...],
    request: Callable[[str], object],
) -> None:
    """Put actions into a menu that shows, each time it opens, what is possible and why not.

    Args:
        menu: The menu.
        actions: Where texts and keys come from.
        action_ids: What to put in; an empty id is a line between two groups.
        request: Called with the id of what was chosen.
    """
    menu.setToolTipsVisible(True)
    entries = []
    for action_id in action_ids:
        if not action_id:
            menu.addSeparator()
            continue
        entry = menu.addAction(actions[action_id].text)
        entry.setCheckable(actions[action_id].checked is not None)
        entry.triggered.connect(lambda _=False, a=action_id: request(a))
        entries.append((entry, action_id))

    def refresh() -> None:
        for entry, action_id in entries:
            action = actions[action_id]
            reason = action.why_not()
            entry.setText(f"{action.text}\t{action.shortcut}" if action.shortcut else action.text)
            entry.setEnabled(not reason)
            entry.setToolTip(reason or action.tip)
            if action.checked is not None:
                entry.setChecked(action.checked())

    menu.aboutToShow.connect(refresh)
