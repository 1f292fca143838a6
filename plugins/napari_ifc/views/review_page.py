"""The page of the review queue: the list and what to decide."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QModelIndex, QPersistentModelIndex, Qt, Signal
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import (
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QListView,
    QPushButton,
    QSizePolicy,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from napari_ifc.actions import ActionTable
from napari_ifc.language import tr
from napari_ifc.rows import ProgressView, QueueRow
from napari_ifc.views.action_buttons import show_actions
from napari_ifc.views.focus import leave
from napari_ifc.views.queue_list import QueueDelegate, QueueModel, QueueView
from napari_ifc.views.theme import Palette

_Index = QModelIndex | QPersistentModelIndex
_COUNT_PX = 84
_BUSY = " · "  # between a count and what is being done
_AROUND_WORDS_PX = 42  # margins of the page and of its card
_LOW_PX = 250  # a lower page has one line for each thing, so that the decisions are never cut
_ACCEPT, _FIX, _NEXT = "review.accept", "review.fix", "review.next"
_DECISIONS = (
    (_ACCEPT, tr("Accept"), "Space"),
    (_FIX, tr("Fix"), ""),
    ("review.reject", tr("Reject"), ""),
    (_NEXT, tr("Skip"), ""),
)
"""Action, text, and what stands for its key where that is not the key's own name."""


class ReviewPage(QWidget):
    """The queue, its filters, the decisions and the project's progress.

    Attributes:
        entry_requested: Emitted with the place of the entry to show.
        filter_requested: Emitted with the place of the chosen filter.
        scope_requested: Emitted with whether the whole project is meant.
        action_requested: Emitted with an action id.
    """

    entry_requested = Signal(int)
    filter_requested = Signal(int)
    scope_requested = Signal(bool)
    action_requested = Signal(str)

    def __init__(self, filters: tuple[str, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("ifcPage")
        self.model = QueueModel()
        self.view = QueueView()
        self._delegate = QueueDelegate(self.view)
        self._scope = QComboBox()
        self._filters = QComboBox()
        self._filters.addItems(filters)
        self._progress = ""
        self._has_tracks, self._is_busy, self._total = False, False, 0
        self._count = QLabel()
        self._count_text = ""
        self._empty_title = QLabel(tr("Nothing needs attention"))
        self._empty_text = QLabel()
        self._current = QLabel()
        self._why = QLabel()
        self._buttons: dict[str, QPushButton] = {}
        self._actions: ActionTable | None = None
        self._quiet = False
        self._wants_focus = False
        self._row: QueueRow | None = None
        self._is_low = self._is_one = False
        self._set_up_view()
        self._build()

    def _set_up_view(self) -> None:
        view = self.view
        view.setModel(self.model)
        view.setItemDelegate(self._delegate)
        view.setUniformItemSizes(True)
        view.setLayoutMode(QListView.LayoutMode.Batched)
        view.setBatchSize(200)
        view.setMinimumHeight(40)  # the decision below it is to stay in sight
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.setAccessibleName(tr("Review queue"))
        view.selectionModel().currentChanged.connect(self._on_current)

    def _build(self) -> None:
        self._scope.addItems([tr("This video"), tr("Whole project")])
        self._scope.setAccessibleName(tr("Videos of the queue"))
        self._filters.setAccessibleName(tr("Reasons shown"))
        self._scope.activated.connect(lambda place: self.scope_requested.emit(place == 1))
        self._filters.activated.connect(self.filter_requested)
        for label in (self._count, self._empty_text, self._why):
            label.setProperty("role", "muted")
        for label in (self._empty_text, self._why):
            label.setWordWrap(True)
        self._count.setMinimumWidth(_COUNT_PX)
        self._count.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._why.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._current.setProperty("role", "heading")
        choices = QHBoxLayout()
        choices.setSpacing(6)
        self._scope.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._filters.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        choices.addWidget(self._scope)
        choices.addWidget(self._filters, 1)
        choices.addWidget(self._count, 1)
        self._stack = QStackedLayout()
        self._stack.addWidget(self.view)
        self._stack.addWidget(self._build_empty())
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 8, 10, 8)
        column.setSpacing(6)
        column.addLayout(choices)
        column.addLayout(self._stack, 1)
        column.addWidget(self._build_card())

    def _build_empty(self) -> QWidget:
        page = QFrame()
        page.setProperty("role", "card")
        self._empty_title.setProperty("role", "heading")
        column = self._empty = QVBoxLayout(page)
        column.setContentsMargins(20, 20, 20, 20)
        column.setSpacing(8)
        column.addStretch(1)
        for label in (self._empty_title, self._empty_text):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setWordWrap(True)
            column.addWidget(label)
        column.addStretch(2)
        return page

    def _build_card(self) -> QWidget:
        card = QFrame()
        card.setProperty("role", "card")
        grid = self._card = QGridLayout(card)
        grid.setContentsMargins(10, 8, 10, 10)
        grid.setSpacing(6)
        grid.addWidget(self._current, 0, 0, 1, 4)
        grid.addWidget(self._why, 1, 0, 1, 4)
        for number, (action_id, text, _) in enumerate(_DECISIONS):
            button = QPushButton(text)
            if action_id == _ACCEPT:
                button.setProperty("role", "primary")
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(lambda _=False, a=action_id: self.action_requested.emit(a))
            self._buttons[action_id] = button
            button.setStyleSheet("padding: 5px 4px")  # all four in one line
            grid.addWidget(button, 2, number)
            grid.setColumnStretch(number, 3 if number == 0 else 2)
        return card

    def bind_actions(self, actions: ActionTable) -> None:
        """Take names and keys of the buttons from the table."""
        self._actions = actions
        self._name_buttons()
        self._show_words()
        self.refresh_actions()

    def _name_buttons(self) -> None:
        """By what they do with the entry; where none is shown the key that skips begins."""
        if self._actions is None:
            return
        begins = self._row is None and self.model.rowCount() > 0
        meant = {} if self._row is None else self._row.decisions
        for action_id, text, sign in _DECISIONS:
            key = sign or self._actions[action_id].shortcut
            name = tr("Start") if begins and action_id == _NEXT else text
            name = meant.get(action_id, (name, ""))[0]
            self._buttons[action_id].setText(f"{name}  {key}" if key else name)
        is_one = meant.get(_FIX, (_FIX, ""))[0] == ""
        if is_one != self._is_one:  # the primary button takes its place, too
            self._is_one = is_one
            self._buttons[_FIX].setHidden(is_one)
            self._card.addWidget(self._buttons[_ACCEPT], 2, 0, 1, 2 if is_one else 1)

    def _start(self) -> str:
        """What the words call the button that begins."""
        name = tr("Start")
        return name if self._actions is None else self._actions[_NEXT].keyed(name)

    def refresh_actions(self) -> None:
        """Enable what is possible; the rest says why it is not."""
        meant = {} if self._row is None else self._row.decisions
        show_actions(self._buttons, self._actions, words={i: w for i, w in meant.items() if w[0]})

    def apply_palette(self, palette: Palette) -> None:
        """Take the theme's colours."""
        self._delegate.apply_palette(palette)
        self.view.viewport().update()

    # What is shown

    def show_queue(
        self, count: int, row_at: Callable[[int], QueueRow], place: int, total: int, busy: str
    ) -> None:
        """Show the queue.

        Args:
            count: Entries in the list.
            row_at: Gives the row at a place.
            place: The current entry, or -1.
            total: Entries without the filter.
            busy: What is being done, or empty.
        """
        self._quiet = True
        self.model.set_rows(count, row_at)
        if place >= 0:
            index = self.model.index(place)
            self.view.setCurrentIndex(index)
            self.view.scrollTo(index)
        self._quiet = False
        if not count and self._stack.currentIndex() == 0:
            leave(self.view)
        self._stack.setCurrentIndex(0 if count else 1)
        if count and self._wants_focus and self.isVisible():
            self.focus_list()
        self._total, self._is_busy = total, bool(busy)
        title, text = _empty_words(total, has_tracks=self._has_tracks)
        self._empty_title.setText(busy or title)
        self._empty_text.setText("" if busy else text)
        self._count_text = _count_words(count, place, total, busy)
        self._show_count()
        self._show_entry(row_at(place) if place >= 0 else None)
        self.refresh_actions()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """More or less of the count and of the words fits."""
        super().resizeEvent(event)
        self._fit_height()
        self._show_count()

    def _show_count(self) -> None:
        """One short line beside the filters; all of it, and the progress, in the tip."""
        metrics, width = self._count.fontMetrics(), max(_COUNT_PX, self._count.width())
        counted, _, busy = self._count_text.partition(_BUSY)
        whole = self._count_text
        if busy and metrics.horizontalAdvance(whole) > width:
            whole = f"{counted} …"  # a part of what is being done says nothing
        short = metrics.elidedText(whole, Qt.TextElideMode.ElideRight, width)
        self._count.setText(short)
        self._count.setToolTip("\n".join(filter(None, (self._count_text, self._progress))))

    def _show_entry(self, row: QueueRow | None) -> None:
        self._row = row
        self._current.setText(tr("Review"))
        self._name_buttons()
        self._show_words()

    def _show_words(self) -> None:
        """What the entry is about, on a low page in one line."""
        low, row = self._is_low, self._row
        self._current.setVisible(row is None and not low)  # else the list shows it
        self._why.setWordWrap(not low)
        if row is not None:
            words = f"{row.why}. {row.advice}".replace("?.", "?")
        elif not self.model.rowCount():
            words = tr("There is nothing to decide.")
        elif low:
            words = tr("{start} shows the first entry.").format(start=self._start())
        else:
            text = tr("{start} shows the first entry; decide with one key and the next one comes.")
            words = text.format(start=self._start())
        room = self.width() - _AROUND_WORDS_PX
        fit = self._why.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, room)
        self._why.setText(fit if low else words)
        self._why.setToolTip(words if low and fit != words else "")

    def _fit_height(self) -> None:
        """Leave out of a low page what the list and the decisions can do without."""
        self._is_low = self.height() < _LOW_PX
        self._empty_text.setVisible(not self._is_low)
        upright = 6 if self._is_low else 20
        self._empty.setContentsMargins(20, upright, 20, upright)
        self._show_words()

    def show_progress(self, view: ProgressView) -> None:
        """Show how far the review of the whole project is."""
        self._progress = view.text if view.num_frames else ""
        self._show_count()
        self._has_tracks = view.num_tracks > 0
        if not self._is_busy:
            title, text = _empty_words(self._total, has_tracks=self._has_tracks)
            self._empty_title.setText(title)
            self._empty_text.setText(text)

    def show_scope(self, *, whole_project: bool, possible: bool) -> None:
        """Show which videos the queue covers; a project with one video has no choice."""
        self._scope.setCurrentIndex(1 if whole_project else 0)
        self._scope.setVisible(possible)

    def show_filter(self, place: int) -> None:
        """Show which filter is chosen."""
        self._filters.setCurrentIndex(place)

    def focus_list(self) -> None:
        """Give the keyboard to the list, at once or when there is one."""
        self._wants_focus = not self.view.isVisible()
        self.view.setFocus(Qt.FocusReason.OtherFocusReason)

    def _on_current(self, current: QModelIndex, _: QModelIndex) -> None:
        if not self._quiet and current.isValid():
            self.entry_requested.emit(current.row())


def _empty_words(total: int, *, has_tracks: bool) -> tuple[str, str]:
    """Title and text where no entry is shown."""
    if total:
        return tr("Nothing of this kind"), tr(
            "Other entries are waiting; choose Everything to see them."
        )
    if has_tracks:
        return tr("All reviewed"), tr(
            "Export the annotations, or fine-tune the model on what you reviewed."
        )
    return tr("No tracks yet"), tr(
        "Once there are some, what needs a look is listed here, the most urgent first."
    )


def _count_words(count: int, place: int, total: int, busy: str) -> str:
    words = (
        tr("{count:,} to look at").format(count=count)
        if count == total
        else tr("{count:,} of {total:,} to look at").format(count=count, total=total)
    )
    if place >= 0:
        words = tr("{place:,} of {words}").format(place=place + 1, words=words)
    return f"{words}{_BUSY}{busy}" if busy else words
