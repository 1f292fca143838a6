"""The list of tracks itself: columns as wide as what stands in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QFontMetrics, QResizeEvent
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from napari_ifc.language import tr
from napari_ifc.rows import TrackRow

ID, CLASS, SCORE, FRAMES, STATE, PARENT, NAME = range(7)
COLUMNS = (
    *("ID", tr("Class"), tr("Score"), tr("Frames"), tr("State"), tr("From")),
    tr("Name"),
)
_SWATCH_PX = 12
_SWATCH_MARGIN_PX = 6  # between it and the number
_PADDING_PX = 22  # around a text: the style sheet's, Qt's, and a little air
_ARROW_PX = 14  # of the column by which the list is sorted
_LONGEST_CLASS_PX = 110
_LONGEST_NAME_PX = 110
_LEAST_NAME_PX = 60
_HEAD_SHRINKS = 8 / 9  # the head's letters against those of the list


class TrackView(QTableView):
    """Gives the class what the other columns can spare.

    Where that is too little, the name makes room, then the score goes, then the state, and the name
    takes what they leave; the tip of a line has all three. The column by which the list is sorted
    stays. Those of parents and of names, which stand behind the numbers, are there where a track
    has one.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._wanted: dict[int, int] = dict.fromkeys(range(len(COLUMNS)), 0)
        self._shown: tuple[object, ...] = ()
        self._has_parents = self._has_names = False
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setAccessibleName(tr("Tracks"))
        self.setIconSize(QSize(_SWATCH_PX, _SWATCH_PX))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(26)

    def set_up_columns(self) -> None:
        """Take the columns of the model, which must be there by now."""
        self.setSortingEnabled(True)
        self.sortByColumn(ID, Qt.SortOrder.AscendingOrder)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(20)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setSectionResizeMode(CLASS, QHeaderView.ResizeMode.Stretch)
        header.moveSection(NAME, CLASS)
        header.sortIndicatorChanged.connect(lambda *_: self._share())
        self.fit_to(())

    def fit_to(self, rows: Sequence[TrackRow]) -> None:
        """Make the columns as wide as what stands in them."""
        metrics = self.fontMetrics()
        classes = frozenset(row.class_name for row in rows)
        states = frozenset(row.state for row in rows)
        longest = max((abs(row.track_id) for row in rows), default=0)
        most = max((row.num_frames for row in rows), default=0)
        sign = "~" if any(row.provisional for row in rows) else ""
        parents = frozenset(str(row.parent_id) for row in rows if row.parent_id is not None)
        lengths = (len(str(longest)), len(str(most)), max(map(len, parents), default=0))
        names = frozenset(row.name for row in rows if row.name)
        shown = (classes, states, lengths, sign, names, metrics.height())
        if shown == self._shown:  # mostly, after a stroke
            return
        self._shown = shown
        texts: dict[int, Iterable[str]] = {
            ID: (sign + "8" * max(2, len(str(longest))),),
            CLASS: classes,
            SCORE: ("8.88",),
            FRAMES: ("8" * len(str(most)),),
            STATE: states,
            PARENT: parents,
            NAME: names,
        }
        self._has_parents, self._has_names = bool(parents), bool(names)
        for column, words in texts.items():
            self._wanted[column] = self._room(column, words, metrics)
        self._wanted[ID] += _SWATCH_PX
        self._wanted[CLASS] = min(self._wanted[CLASS], _LONGEST_CLASS_PX)
        self._wanted[NAME] = min(self._wanted[NAME], _LONGEST_NAME_PX)
        self._share()

    def _room(self, column: int, words: Iterable[str], metrics: QFontMetrics) -> int:
        head = round(metrics.horizontalAdvance(COLUMNS[column]) * _HEAD_SHRINKS)
        return max(head, *(metrics.horizontalAdvance(word) for word in words), 0) + _PADDING_PX

    def _share(self) -> None:
        """Share the width among the columns."""
        sorted_by = self.horizontalHeader().sortIndicatorSection()
        wanted = dict(self._wanted)
        wanted[sorted_by] += _ARROW_PX
        if sorted_by != ID:  # what the arrow would leave to it
            wanted[ID] += _SWATCH_MARGIN_PX
        for column, is_there in ((PARENT, self._has_parents), (NAME, self._has_names)):
            self.setColumnHidden(column, not is_there)
            wanted[column] *= is_there
        too_much = sum(wanted.values()) - self.viewport().width()
        given_up = min(max(0, too_much), max(0, wanted[NAME] - _LEAST_NAME_PX))
        wanted[NAME] -= given_up
        too_much -= given_up
        for column in (SCORE, STATE):
            gone = too_much > 0 and column != sorted_by
            too_much -= wanted[column] if gone else 0
            self.setColumnHidden(column, gone)
        wanted[NAME] += min(given_up, max(0, -too_much))  # of what a column left
        for column in (ID, SCORE, FRAMES, STATE, PARENT, NAME):
            self.setColumnWidth(column, wanted[column])

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802, D102
        super().resizeEvent(event)
        self._share()
