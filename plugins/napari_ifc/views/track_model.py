"""The rows of the table of tracks: how they are sorted and which are let through."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
)
from qtpy.QtGui import QFont, QIcon

from napari_ifc.language import tr
from napari_ifc.rows import TrackRow
from napari_ifc.views.swatch import swatch
from napari_ifc.views.track_view import COLUMNS, PARENT

Index = QModelIndex | QPersistentModelIndex

_SORT_ROLE = Qt.ItemDataRole.UserRole
_AFTER_TRACKS = 1 << 40
_LAST = "\uffff"  # tracks without a name stand behind the others


class TrackModel(QAbstractTableModel):
    """Rows of :class:`TrackRow`; changed rows are updated in place, so selection stays."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[TrackRow] = []
        self._lines: dict[int, int] = {}
        self._swatches: dict[tuple[tuple[int, int, int], bool], QIcon] = {}

    def set_rows(self, rows: list[TrackRow]) -> None:
        """Show these tracks."""
        if [r.track_id for r in rows] != [r.track_id for r in self._rows]:
            self.beginResetModel()
            self._rows = list(rows)
            self._lines = {row.track_id: line for line, row in enumerate(rows)}
            self.endResetModel()
            return
        for number, row in enumerate(rows):
            if row != self._rows[number]:
                self._rows[number] = row
                last = self.index(number, len(COLUMNS) - 1)
                self.dataChanged.emit(self.index(number, 0), last)

    def row_at(self, number: int) -> TrackRow:
        """The track in a line of the model."""
        return self._rows[number]

    def line_of(self, track_id: int) -> int | None:
        """The line of a track."""
        return self._lines.get(track_id)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802, D102
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802, D102
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(  # noqa: N802, D102
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.ToolTipRole and section == PARENT:
            return tr("The mother that it came from")
        return COLUMNS[section] if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        row = self._rows[index.row()]
        column = index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return _texts(row)[column]
        if role == _SORT_ROLE:
            above = _AFTER_TRACKS if row.parent_id is None else row.parent_id
            name = row.name.casefold() or _LAST
            return (
                *(_order(row), row.class_name, row.score, row.num_frames, row.state, above),
                name,
            )[column]
        if role == Qt.ItemDataRole.DecorationRole and column == 0:
            return self._swatch(row)
        if role == Qt.ItemDataRole.TextAlignmentRole and column in (2, 3):
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.ToolTipRole:
            return _tip(row)
        if role == Qt.ItemDataRole.FontRole and row.is_region:
            font = QFont()
            font.setItalic(True)
            return font
        return None

    def _swatch(self, row: TrackRow) -> QIcon:
        key = (row.color_rgb, row.provisional)
        if key not in self._swatches:
            picture = swatch(row.color_rgb, hollow=row.provisional)
            self._swatches[key] = QIcon(picture)
            self._swatches[key].addPixmap(picture, QIcon.Mode.Selected)  # not tinted: it is a key
        return self._swatches[key]


class TrackProxy(QSortFilterProxyModel):
    """Sorts, and shows only rows with some words and, where given, of certain tracks."""

    def __init__(self, model: TrackModel, parent: QObject) -> None:
        super().__init__(parent)
        self._model = model
        self._only: frozenset[int] | None = None
        self._words = ""
        self.setSourceModel(model)
        self.setSortRole(_SORT_ROLE)

    def show_only(self, track_ids: frozenset[int] | None) -> None:
        """Show only these tracks, besides provisional ones; ``None`` shows all."""
        if track_ids != self._only:
            self._only = track_ids
            self.invalidate()

    def show_words(self, words: str) -> None:
        """Show only rows that hold some words."""
        if words != self._words:
            self._words = words
            self.invalidate()

    def filterAcceptsRow(self, line: int, parent: Index) -> bool:  # noqa: N802, D102
        row = self._model.row_at(line)
        if self._only is not None and row.track_id > 0 and row.track_id not in self._only:
            return False
        return row.holds(self._words)


def _order(row: TrackRow) -> int:
    """Tracks by id, then what is provisional in the order it was found."""
    return _AFTER_TRACKS - row.track_id if row.provisional else row.track_id


def _texts(row: TrackRow) -> tuple[str, ...]:
    return (
        f"~{-row.track_id}" if row.provisional else str(row.track_id),
        row.class_name,
        f"{row.score:.2f}",
        str(row.num_frames),
        row.state,
        "" if row.parent_id is None else str(row.parent_id),
        row.name,
    )


def _tip(row: TrackRow) -> str:
    if row.first_frame is None:
        return tr("Track {track_id} has no mask yet.").format(track_id=row.track_id)
    span = tr("frames {first_frame} to {last_frame}").format(
        first_frame=row.first_frame, last_frame=row.last_frame
    )
    if row.provisional:
        return tr("{class_name}, {span}; it belongs to the run and is not accepted yet.").format(
            class_name=row.class_name, span=span
        )
    words = tr("Track {track_id}, {class_name}, {state}, score {score:.2f}, {span}").format(
        track_id=row.track_id,
        class_name=row.class_name,
        state=row.state,
        score=row.score,
        span=span,
    )
    return "\n".join([*([row.name] if row.name else []), words, *_kin_words(row)])


def _kin_words(row: TrackRow) -> list[str]:
    """Whom a track came of, and what it divided into."""
    words = []
    if row.parent_id is not None:
        words.append(tr("Daughter of track {parent_id}").format(parent_id=row.parent_id))
    if row.daughter_ids:
        numbers = ", ".join(map(str, row.daughter_ids))
        words.append(tr("Daughters: {numbers}").format(numbers=numbers))
    return words
