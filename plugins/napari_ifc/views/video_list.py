"""The videos of a project beside the canvas: picture, name, length and how far the work is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from qtpy.QtGui import QColor, QFont, QImage, QPainter, QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_ifc.actions import ActionTable
from napari_ifc.language import tr
from napari_ifc.rows import VideoRow
from napari_ifc.views.action_buttons import show_actions
from napari_ifc.views.focus import KeyHome
from napari_ifc.views.icons import icon
from napari_ifc.views.line_height import ROW_PT, line_px
from napari_ifc.views.theme import (
    Palette,
    chosen_ground,
    second_rank,
    style_sheet,
    theme_mix,
)

_Index = QModelIndex | QPersistentModelIndex
_ROW_ROLE = Qt.ItemDataRole.UserRole
_SEARCH_FROM = 9  # videos from which a field to search them is shown
_PICTURE_PX = (56, 36)  # width, height
_LINE_PX, _GAP_PX, _BAR_PX = 16, 8, 22  # the last: of a row, for the bar and its rims
_SCROLL_MS = 120
_BUTTONS = (
    ("videos.add", "add"),
    ("videos.add_folder", "frames"),
    ("videos.remove", "delete"),
)
_MENU = ("videos.locate", "videos.remove")


class VideoModel(QAbstractListModel):
    """Rows of :class:`VideoRow`, with the pictures that have come."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[VideoRow] = []
        self.pictures: dict[int, QPixmap] = {}

    def set_rows(self, rows: list[VideoRow]) -> None:
        """Show these videos; where only their progress changed, the selection stays."""
        same = [r.video_id for r in rows] == [r.video_id for r in self.rows]
        if not same:
            self.beginResetModel()
        changed = rows != self.rows
        self.rows = list(rows)
        if not same:
            self.endResetModel()
        elif changed and rows:
            self.dataChanged.emit(self.index(0), self.index(len(rows) - 1))

    def line_of(self, video_id: int) -> int:
        """The line of a video, -1 for none."""
        return next((n for n, row in enumerate(self.rows) if row.video_id == video_id), -1)

    def set_picture(self, video_id: int, picture: QPixmap) -> None:
        """Show a video's first frame."""
        self.pictures[video_id] = picture
        line = self.line_of(video_id)
        if line >= 0:
            self.dataChanged.emit(self.index(line), self.index(line))

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008, N802, D102
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return row.name
        if role == _ROW_ROLE:
            return row
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleDescriptionRole):
            words = f"{row.name}: {row.facts}, {row.state}"
            return tr("{words}, not found").format(words=words) if row.is_absent else words
        if role == Qt.ItemDataRole.AccessibleTextRole and row.is_absent:
            return tr("{name}, not found").format(name=row.name)
        return None


class _VideoDelegate(QStyledItemDelegate):
    """Draws one video: its picture, two lines of text and a bar of what is approved."""

    def __init__(self, model: VideoModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._model = model
        self.palette: Palette | None = None
        self.shown_id = 0

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:  # noqa: N802
        return QSize(120, 2 * line_px(option.font, _LINE_PX) + _BAR_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        row, colors = index.data(_ROW_ROLE), self.palette
        if colors is None:
            return
        painter.save()
        area = option.rect.adjusted(1, 1, -1, -1)
        self._ground(painter, area, option, colors, shown=row.video_id == self.shown_id)
        width, height = _PICTURE_PX
        top = area.center().y() - height // 2 + 1
        self._picture(painter, QRect(area.left() + _GAP_PX, top, width, height), row, colors)
        left = area.left() + width + 2 * _GAP_PX
        text = QRect(left, area.top() + 5, area.right() - left - _GAP_PX, 0)
        text.setHeight(line_px(option.font, _LINE_PX))
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        self._words(painter, text, row, colors, second_rank(colors, chosen=chosen))
        painter.restore()

    @staticmethod
    def _ground(
        painter: QPainter,
        area: QRect,
        option: QStyleOptionViewItem,
        colors: Palette,
        *,
        shown: bool,
    ) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        if chosen or hovered:
            hover = theme_mix(colors.surface, colors.accent, 0.12)
            painter.setBrush(QColor(chosen_ground(colors) if chosen else hover))
            painter.drawRoundedRect(area, 5, 5)
        if shown:
            painter.setBrush(QColor(colors.accent))
            painter.drawRoundedRect(QRect(area.left(), area.top() + 8, 3, area.height() - 16), 1, 1)

    def _picture(self, painter: QPainter, place: QRect, row: VideoRow, colors: Palette) -> None:
        painter.setBrush(QColor(colors.raised))
        painter.drawRoundedRect(place, 3, 3)
        picture = self._model.pictures.get(row.video_id)
        if picture is not None and not picture.isNull():
            size = picture.size().scaled(place.size(), Qt.AspectRatioMode.KeepAspectRatio)
            inside = QRect(place.topLeft(), size)
            inside.moveCenter(place.center())
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawPixmap(inside, picture)

    @staticmethod
    def _words(painter: QPainter, line: QRect, row: VideoRow, colors: Palette, faint: str) -> None:
        font = QFont(painter.font())
        for number, text in enumerate((row.name, row.short)):
            font.setPointSizeF(ROW_PT if number == 0 else 8)
            painter.setFont(font)
            is_bright = number == 0 and not row.is_absent
            painter.setPen(QColor(colors.text if is_bright else faint))
            mode = Qt.TextElideMode.ElideMiddle if number == 0 else Qt.TextElideMode.ElideRight
            short = painter.fontMetrics().elidedText(text, mode, line.width())
            flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(line.translated(0, line.height() * number), flags, short)
        share = row.approved_frames / row.num_frames if row.num_frames else 0.0
        bar = QRect(line.left(), line.top() + 2 * line.height() + 4, line.width(), 3)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colors.raised))
        painter.drawRoundedRect(bar, 1, 1)
        if share > 0:
            painter.setBrush(QColor(colors.good))
            bar.setWidth(max(3, round(bar.width() * min(1.0, share))))
            painter.drawRoundedRect(bar, 1, 1)


class VideoList(KeyHome):
    """The list with its buttons; a field to search appears where there are many.

    Attributes:
        show_requested: Emitted with the id of a video that is to be shown.
        pictures_wanted: Emitted with the ids of the videos in sight that have no picture yet.
        action_requested: Emitted with an action id.
        shown: Emitted when the list comes into sight.
    """

    show_requested = Signal(int)
    pictures_wanted = Signal(tuple)
    action_requested = Signal(str)
    shown = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("ifcPanel")
        self.setMinimumWidth(216)
        self.model = VideoModel()
        self.view = QListView()
        self.search = QLineEdit()
        self._delegate = _VideoDelegate(self.model, self)
        self._buttons = {action_id: QToolButton() for action_id, _ in _BUTTONS}
        self._asked: set[int] = set()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SCROLL_MS)
        self._timer.timeout.connect(self._want_pictures)
        self._build()

    def sizeHint(self) -> QSize:  # noqa: N802, D102
        return QSize(248, 400)

    def _build(self) -> None:
        view = self.view
        view.setModel(self.model)
        view.setItemDelegate(self._delegate)
        view.setUniformItemSizes(True)
        view.setMouseTracking(True)
        view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.setAccessibleName(tr("Videos of the project"))
        view.clicked.connect(self._open)
        view.activated.connect(self._open)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        view.customContextMenuRequested.connect(self._show_menu)
        view.verticalScrollBar().valueChanged.connect(lambda _: self._timer.start())
        self.search.setPlaceholderText(tr("Find a video"))
        self.search.setAccessibleName(tr("Find a video"))
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._filter)
        self.search.hide()
        row = QHBoxLayout()
        row.setSpacing(2)
        for action_id, button in self._buttons.items():
            button.clicked.connect(lambda _=False, i=action_id: self.action_requested.emit(i))
            row.addWidget(button)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 6)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.search)
        column.addWidget(view, 1)

    def bind_actions(self, actions: ActionTable) -> None:
        """Give the buttons their names, tips and keys."""
        self._actions = actions
        self.refresh_actions()

    def refresh_actions(self) -> None:
        """Enable what is possible; disabled buttons say why."""
        show_actions(self._buttons, self._actions)

    def apply_palette(self, palette: Palette) -> None:
        """Take the theme's colours."""
        self.setStyleSheet(style_sheet(palette))
        self._delegate.palette = palette
        for action_id, name in _BUTTONS:
            self._buttons[action_id].setIcon(icon(name, palette.text))
        self.view.viewport().update()

    def show_videos(self, rows: list[VideoRow], shown_id: int) -> None:
        """Show the videos of the project, and which of them is on the canvas."""
        self._asked &= {row.video_id for row in rows}
        self.model.set_rows(rows)
        moved = shown_id != self._delegate.shown_id
        self._delegate.shown_id = shown_id
        line = self.model.line_of(shown_id)
        if line >= 0 and (moved or not self.view.currentIndex().isValid()):
            self.view.setCurrentIndex(self.model.index(line))
        self.search.setVisible(len(rows) >= _SEARCH_FROM)
        self._filter(self.search.text())
        self.view.viewport().update()

    def chosen(self) -> int | None:
        """The video that is selected in the list."""
        index = self.view.currentIndex()
        return self.model.rows[index.row()].video_id if index.isValid() else None

    def choose(self, video_id: int) -> None:
        """Select a video without showing it."""
        line = self.model.line_of(video_id)
        if line >= 0:
            self.view.setCurrentIndex(self.model.index(line))

    def set_picture(self, video_id: int, picture: npt.NDArray[np.uint8]) -> None:
        """Show a video's first frame, (h, w, 3) uint8 RGB."""
        height, width = picture.shape[:2]
        image = QImage(picture.data, width, height, 3 * width, QImage.Format.Format_RGB888)
        self.model.set_picture(video_id, QPixmap.fromImage(image.copy()))

    def ask_again(self, video_ids: Iterable[int]) -> None:
        """Ask once more for the pictures of videos whose files may have been found."""
        self._asked.difference_update(set(video_ids) - self.model.pictures.keys())
        self._timer.start()

    def forget_pictures(self) -> None:
        """Another project: its videos have other pictures."""
        self.model.pictures.clear()
        self._asked.clear()

    def showEvent(self, event: Any) -> None:  # noqa: N802, D102
        super().showEvent(event)
        self._timer.start()
        self.shown.emit()

    def resizeEvent(self, event: Any) -> None:  # noqa: N802, D102
        super().resizeEvent(event)
        self._timer.start()

    def _open(self, index: _Index) -> None:
        self.show_requested.emit(self.model.rows[index.row()].video_id)

    def menu_for(self) -> QMenu:
        """What can be done with the chosen video."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for action_id in _MENU:
            action = self._actions[action_id]
            entry = menu.addAction(action.text)
            entry.setEnabled(action.enabled)
            entry.triggered.connect(lambda _=False, i=action_id: self.action_requested.emit(i))
        return menu

    def _show_menu(self, place: QPoint) -> None:
        index = self.view.indexAt(place)
        if index.isValid():
            self.view.setCurrentIndex(index)
            self.menu_for().popup(self.view.viewport().mapToGlobal(place))

    def _filter(self, text: str) -> None:
        words = text.lower().split() if not self.search.isHidden() else []
        for line, row in enumerate(self.model.rows):
            self.view.setRowHidden(line, not all(word in row.name.lower() for word in words))
        self._timer.start()

    def _want_pictures(self) -> None:
        if not self.view.isVisible():
            return
        sight = self.view.viewport().rect()
        wanted = tuple(
            row.video_id
            for line, row in enumerate(self.model.rows)
            if row.video_id not in self._asked
            and not self.view.isRowHidden(line)
            and self.view.visualRect(self.model.index(line)).intersects(sight)
        )
        if wanted:
            self._asked.update(wanted)
            self.pictures_wanted.emit(wanted)
