"""All classes in a menu, found by typing."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QEvent, QObject, Qt, Signal
from qtpy.QtGui import QAction, QIcon, QKeyEvent
from qtpy.QtWidgets import QLineEdit, QMenu, QWidget, QWidgetAction

from napari_ifc.language import tr
from napari_ifc.rows import ClassRow
from napari_ifc.views.swatch import swatch

_LONGEST = 50


class ClassMenu(QMenu):
    """Lists classes below a field; what is typed into it narrows the list, Return takes the first.

    Where none matches the menu says so and stays.

    Attributes:
        field: Where to type.
        none: The line that says that no class matches.
        chosen: Emitted with the id of a class.
    """

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = QLineEdit()
        self.field.setPlaceholderText(tr("Find a class"))
        self.field.setAccessibleName(tr("Find a class"))
        self.field.setClearButtonEnabled(True)
        self.field.textChanged.connect(self._narrow)
        self.field.installEventFilter(self)
        holder = QWidgetAction(self)
        holder.setDefaultWidget(self.field)
        self.addAction(holder)
        self.none = self.addAction(tr("No class matches; “Edit classes…” adds one"))
        self.none.setEnabled(False)
        self.none.setVisible(False)
        self.setToolTipsVisible(True)
        self._entries: dict[QAction, ClassRow] = {}
        self.aboutToShow.connect(self.field.clear)

    def show_classes(self, rows: Sequence[ClassRow], marked: int | None) -> None:
        """List these classes, the marked one with a tick."""
        for entry in self._entries:
            self.removeAction(entry)
            entry.deleteLater()
        self._entries = {}
        for row in rows:
            name = row.name if len(row.name) <= _LONGEST else row.name[: _LONGEST - 1] + "…"
            name = name.replace("&", "&&")
            entry = self.addAction(f"{name}\t{row.hotkey}" if row.hotkey else name)
            entry.setIcon(QIcon(swatch(row.color_rgb)))
            entry.setToolTip(row.name)
            entry.setCheckable(True)
            entry.setChecked(row.class_id == marked)
            font = entry.font()
            font.setBold(entry.isChecked())
            entry.setFont(font)
            entry.triggered.connect(lambda _=False, i=row.class_id: self.chosen.emit(i))
            self._entries[entry] = row

    def showEvent(self, event: QEvent) -> None:  # noqa: N802
        """Let keys go into the field."""
        super().showEvent(event)
        self.field.setFocus(Qt.FocusReason.PopupFocusReason)

    def listed(self) -> list[QAction]:
        """The entries that are in sight."""
        return [entry for entry in self._entries if entry.isVisible()]

    def _narrow(self, text: str) -> None:
        words = text.strip().casefold()
        for entry, row in self._entries.items():
            entry.setVisible(words in row.name.casefold())
        self.none.setVisible(bool(words) and not self.listed())

    def _take_first(self) -> None:
        for entry in self.listed()[:1]:
            self.close()
            entry.trigger()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Return in the field takes the first class; the arrow down goes into the list."""
        is_key = isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress
        if is_key and watched is self.field:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._take_first()
                return True  # the menu would close
            if event.key() == Qt.Key.Key_Down:
                for entry in self.listed()[:1]:
                    self.setFocus()
                    self.setActiveAction(entry)
                return True
        return bool(super().eventFilter(watched, event))
