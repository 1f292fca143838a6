"""The journal as a list: what was done, what can be taken back."""

from __future__ import annotations

import datetime

from qtpy.QtCore import QDateTime, QLocale, QModelIndex, QPersistentModelIndex, QRect, Qt, Signal
from qtpy.QtGui import QColor, QPainter
from qtpy.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from napari_ifc.language import tr
from napari_ifc.rows import HistoryRow
from napari_ifc.views.theme import Palette

_NUMBER_ROLE = Qt.ItemDataRole.UserRole
_TIME_ROLE = _NUMBER_ROLE + 1
_MARGIN_PX = 8


def time_text(made_at: float, now: datetime.datetime | None = None) -> str:
    """When a step was made: the time of day, before it the day where it was not today.

    Args:
        made_at: Seconds since 1970 (UTC); 0 gives an empty text.
        now: The present, local time.
    """
    if not made_at:
        return ""
    made, now = datetime.datetime.fromtimestamp(made_at), now or datetime.datetime.now()
    clock = QLocale().toString(QDateTime(made).time(), QLocale.FormatType.ShortFormat)
    if made.date() == now.date():
        return clock
    day = QLocale().toString(QDateTime(made).date(), QLocale.FormatType.ShortFormat)
    return f"{day} {clock}"


class StepDelegate(QStyledItemDelegate):
    """Paints what was done, cut where it is too long, and at the right when.

    Attributes:
        muted: Colour of the time.
    """

    muted = QColor("#888888")

    def paint(  # noqa: D102
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        whole = QStyleOptionViewItem(option)
        self.initStyleOption(whole, index)
        text, whole.text = whole.text, ""
        style = QApplication.style() if option.widget is None else option.widget.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, whole, painter, option.widget)
        when = str(index.data(_TIME_ROLE) or "")
        inside = option.rect.adjusted(_MARGIN_PX, 0, -_MARGIN_PX, 0)
        small = option.font
        small.setItalic(False)
        painter.save()
        painter.setFont(small)
        painter.setPen(self.muted)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(inside, Qt.AlignmentFlag.AlignRight | middle, when)
        wide = painter.fontMetrics().horizontalAdvance(when)
        room = QRect(
            inside.left(), inside.top(), inside.width() - wide - _MARGIN_PX, inside.height()
        )
        painter.setFont(whole.font)
        painter.setPen(whole.palette.color(whole.palette.ColorRole.Text))
        shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | middle, shown)
        painter.restore()


class HistoryList(QWidget):
    """Steps of the journal, newest first; steps that were undone are greyed.

    Attributes:
        action_requested: Emitted with ``"undo"`` or ``"redo"``.
        step_requested: Emitted with the number of the step to which to go back or forward.
    """

    action_requested = Signal(str)
    step_requested = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("ifcPage")
        self._muted = QColor("#888888")
        self.list = QListWidget()
        self._steps = StepDelegate(self.list)
        self.list.setItemDelegate(self._steps)
        self.list.setAccessibleName(tr("History"))
        self.list.setToolTip(tr("Double-click a step to go back or forward to it"))
        self.list.itemActivated.connect(self._on_activated)
        self.list.itemDoubleClicked.connect(self._on_activated)
        self.undo = QPushButton(tr("Undo"))
        self.redo = QPushButton(tr("Redo"))
        self.undo.clicked.connect(lambda: self.action_requested.emit("undo"))
        self.redo.clicked.connect(lambda: self.action_requested.emit("redo"))
        self._empty = QLabel(tr("Nothing was changed yet. Every edit will be listed here."))
        self._empty.setProperty("role", "muted")
        self._empty.setWordWrap(True)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.undo)
        row.addWidget(self.redo)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 8, 10, 8)
        column.setSpacing(6)
        column.addLayout(row)
        column.addWidget(self._empty)
        column.addWidget(self.list, 1)
        self.set_rows([])
        self.show_reasons(tr("Open a video first."), tr("Open a video first."))

    def apply_palette(self, palette: Palette) -> None:
        """Take the colour of undone steps."""
        self._muted = self._steps.muted = QColor(palette.muted)
        self.list.viewport().update()

    def set_rows(self, rows: list[HistoryRow]) -> None:
        """Show the steps, given newest first."""
        self.list.clear()
        for row in rows:
            item = QListWidgetItem(row.text)
            item.setData(_NUMBER_ROLE, row.number)
            item.setData(_TIME_ROLE, time_text(row.made_at))
            item.setToolTip(_tip(row))
            if row.undone:
                font = item.font()
                font.setItalic(True)
                item.setFont(font)
                item.setForeground(self._muted)
            self.list.addItem(item)
        self._empty.setVisible(not rows)
        self.list.setVisible(bool(rows))

    def show_reasons(self, undo: str, redo: str, instead: str = "") -> None:
        """Show why nothing can be undone or redone.

        Args:
            undo: Why not; empty where it can.
            redo: The same of redo.
            instead: What undo does now in place of a step, as a button names it, or empty.
        """
        self.undo.setText(instead or tr("Undo"))
        for button, reason in ((self.undo, "" if instead else undo), (self.redo, redo)):
            button.setEnabled(not reason)
            button.setToolTip(reason)

    def _on_activated(self, item: QListWidgetItem) -> None:
        self.step_requested.emit(int(item.data(_NUMBER_ROLE)))


def _tip(row: HistoryRow) -> str:
    lines = [row.text]
    if row.made_at:
        made = QDateTime.fromSecsSinceEpoch(int(row.made_at))
        when = QLocale().toString(made, QLocale.FormatType.LongFormat)
        lines.append(tr("Made on {when}").format(when=when))
    hint = tr("Double-click a step to go back or forward to it")
    lines.append(tr("Undone; Redo does it again") if row.undone else hint)
    return "\n".join(lines)
