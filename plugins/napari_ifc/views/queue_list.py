"""The list of the review queue: its rows, made when they are seen, and how they are drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
)
from qtpy.QtGui import QColor, QFocusEvent, QFontMetrics, QPainter
from qtpy.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from napari_ifc.language import tr
from napari_ifc.rows import QueueRow
from napari_ifc.views.icons import icon
from napari_ifc.views.line_height import ROW_PT, line_px
from napari_ifc.views.theme import Palette, chosen_ground, second_rank

_Index = QModelIndex | QPersistentModelIndex
_LINE_PX, _RIM_PX = 15, 2  # two lines a row: a low screen is to show several entries
_ROW_ROLE = Qt.ItemDataRole.UserRole
_MARK = "…"


class QueueModel(QAbstractListModel):
    """Rows made when they come into sight, so that a hundred thousand cost nothing."""

    def __init__(self) -> None:
        super().__init__()
        self._count = 0
        self._row_at: Callable[[int], QueueRow] | None = None

    def set_rows(self, count: int, row_at: Callable[[int], QueueRow]) -> None:
        """Show rows.

        Args:
            count: How many.
            row_at: Gives the row at a place.
        """
        self.beginResetModel()
        self._count, self._row_at = count, row_at
        self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008, N802, D102
        return 0 if parent.isValid() else self._count

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        if self._row_at is None or not index.isValid():
            return None
        if role == _ROW_ROLE:
            return self._row_at(index.row())
        if role in (
            Qt.ItemDataRole.DisplayRole,
            Qt.ItemDataRole.AccessibleTextRole,
            Qt.ItemDataRole.ToolTipRole,
        ):
            row = self._row_at(index.row())
            return tr("{title}, {place}: {why}. Need {need:.0%}.").format(
                title=_titled(row, row.video), place=row.place, why=row.why, need=row.need
            )
        return None


class QueueView(QListView):
    """A list that chooses nothing by itself: an entry moves the canvas."""

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802, D102
        had_current = self.currentIndex().isValid()
        blocked = self.selectionModel().blockSignals(True)
        super().focusInEvent(event)
        if not had_current:
            self.setCurrentIndex(QModelIndex())
        self.selectionModel().blockSignals(blocked)


class QueueDelegate(QStyledItemDelegate):
    """Draws a row: icon of the reason, what and where, why, and a bar for the need."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._palette: Palette | None = None
        self._icons: dict[str, Any] = {}

    def apply_palette(self, palette: Palette) -> None:
        """Take the theme's colours."""
        self._palette = palette
        self._icons.clear()

    def sizeHint(  # noqa: N802, D102
        self, option: QStyleOptionViewItem, index: _Index
    ) -> QSize:
        return QSize(200, 2 * (line_px(option.font, _LINE_PX) + _RIM_PX))

    def paint(  # noqa: D102
        self, painter: QPainter, option: QStyleOptionViewItem, index: _Index
    ) -> None:
        row, p = index.data(_ROW_ROLE), self._palette
        if row is None or p is None:
            return
        box = QRect(option.rect)
        painter.save()
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        if chosen:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(chosen_ground(p)))
            painter.drawRoundedRect(QRectF(box).adjusted(1, 1, -1, -1), 5, 5)
        self._icon(row, p).paint(painter, QRect(box.left() + 6, box.top() + 8, 18, 18))
        self._texts(painter, row, box.adjusted(32, _RIM_PX, -14, -_RIM_PX), p, chosen=chosen)
        self._need(painter, row, box, p)
        painter.restore()

    def _icon(self, row: QueueRow, p: Palette) -> Any:
        if row.icon not in self._icons:
            self._icons[row.icon] = icon(row.icon, p.warning if row.urgent else p.muted)
        return self._icons[row.icon]

    def _texts(
        self, painter: QPainter, row: QueueRow, room: QRect, p: Palette, *, chosen: bool
    ) -> None:
        left = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        right = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        half = room.height() // 2
        top = QRect(room.left(), room.top(), room.width(), half)
        bottom = top.translated(0, half)
        font = painter.font()
        font.setPointSizeF(8.5)
        painter.setFont(font)
        painter.setPen(QColor(second_rank(p, chosen=chosen)))
        painter.drawText(top, right, row.place)
        taken = painter.fontMetrics().horizontalAdvance(row.place) + 8
        why = painter.fontMetrics().elidedText(row.why, Qt.TextElideMode.ElideRight, bottom.width())
        painter.drawText(bottom, left, why)
        font.setPointSizeF(ROW_PT)
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(QColor(p.text))
        offset = 0
        if row.color_rgb is not None:
            painter.fillRect(QRect(top.left(), top.center().y() - 4, 8, 8), QColor(*row.color_rgb))
            offset = 14
        title = fitted_title(row, painter.fontMetrics(), top.width() - taken - offset)
        painter.drawText(top.adjusted(offset, 0, 0, 0), left, title)

    def _need(self, painter: QPainter, row: QueueRow, box: QRect, p: Palette) -> None:
        """A bar at the right edge, as high as the need."""
        room = box.height() - 8
        high = max(2, round(row.need * room))
        x = box.right() - 7
        painter.fillRect(QRect(x, box.top() + 4, 3, room), QColor(p.raised))
        color = QColor(p.warning if row.urgent else p.muted)
        painter.fillRect(QRect(x, box.top() + 4 + room - high, 3, high), color)


def fitted_title(row: QueueRow, metrics: QFontMetrics, room_px: int) -> str:
    """What an entry is about, in a width.

    Args:
        row: The entry.
        metrics: Of the font.
        room_px: The width; a long name of a video keeps both ends, since those of a series end
            in a number, and what else is too wide its beginning.
    """
    whole, middle = _titled(row, row.video), Qt.TextElideMode.ElideMiddle
    if row.video and metrics.horizontalAdvance(whole) > room_px:
        around = metrics.horizontalAdvance(_titled(row, _MARK)) - metrics.horizontalAdvance(_MARK)
        whole = _titled(row, metrics.elidedText(row.video, middle, max(0, room_px - around)))
    return metrics.elidedText(whole, Qt.TextElideMode.ElideRight, room_px)


def _titled(row: QueueRow, video: str) -> str:
    """The title, with the video where it is not the one that is shown."""
    return tr("{title}, in {video}").format(title=row.title, video=video) if video else row.title
