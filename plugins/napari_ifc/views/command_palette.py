"""A searchable list of everything that can be done."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QDialog, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from napari_ifc.actions import ActionTable
from napari_ifc.language import tr

_ID_ROLE = Qt.ItemDataRole.UserRole


class CommandPalette(QDialog):
    """Type to find an action, Enter to do it; what is not possible says why.

    Attributes:
        action_requested: Emitted with an action id.
    """

    action_requested = Signal(str)

    def __init__(self, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("ifcPanel")
        self.setWindowTitle(tr("Actions"))
        self.resize(520, 420)
        self._actions = actions
        self.field = QLineEdit()
        self.field.setPlaceholderText(tr("Type what you want to do"))
        self.field.setClearButtonEnabled(True)
        self.field.textChanged.connect(self._fill)
        self.field.returnPressed.connect(self._run)
        self.field.installEventFilter(self)
        self.list = QListWidget()
        self.list.setWordWrap(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.itemActivated.connect(lambda _: self._run())
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 12)
        column.setSpacing(8)
        column.addWidget(self.field)
        column.addWidget(self.list)
        self._fill("")

    def _fill(self, text: str) -> None:
        self.list.clear()
        found = [(action.why_not(), action) for action in self._actions.search(text)]
        for reason, action in sorted(found, key=lambda pair: bool(pair[0])):  # possible ones first
            key = f"    {action.shortcut}" if action.shortcut else ""
            tail = f"\n{reason}" if reason else ""
            text_now = "" if action.text_now is None else action.text_now()
            item = QListWidgetItem(f"{action.group}: {text_now or action.text}{key}{tail}")
            item.setData(_ID_ROLE, action.id)
            item.setToolTip(reason or action.tip)
            if reason:
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEnabled)
            self.list.addItem(item)
        if not found:
            words = tr("No action is called “{text}”. Try fewer or other words.")
            none = QListWidgetItem(words.format(text=text.strip()))
            none.setFlags(Qt.ItemFlag.NoItemFlags)
            self.list.addItem(none)
        self.list.setCurrentRow(0)

    def _run(self) -> None:
        item = self.list.currentItem()
        if item is not None and item.flags() & Qt.ItemFlag.ItemIsEnabled:
            self.accept()
            self.action_requested.emit(str(item.data(_ID_ROLE)))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Let the arrow keys move in the list while the cursor stays in the field."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
            step = steps.get(Qt.Key(event.key()))
            if step is not None:
                row = min(max(0, self.list.currentRow() + step), self.list.count() - 1)
                self.list.setCurrentRow(row)
                return True
        return bool(super().eventFilter(watched, event))
