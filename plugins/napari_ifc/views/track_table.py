"""The table of tracks, with its filter and its row of actions."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QSize,
    Qt,
    Signal,
)
from qtpy.QtGui import QKeyEvent, QResizeEvent
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QStackedLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_ifc.actions import ActionTable
from napari_ifc.language import tr
from napari_ifc.rows import TrackRow
from napari_ifc.views.action_buttons import show_actions
from napari_ifc.views.filter_bar import FilterBar
from napari_ifc.views.focus import leave
from napari_ifc.views.icons import icon
from napari_ifc.views.theme import Palette
from napari_ifc.views.track_model import Index, TrackModel, TrackProxy
from napari_ifc.views.track_view import TrackView

_LOWEST_LIST_PX = 40
_LOWEST_LIST_BELOW_FILTERS_PX = (56, 82)  # the head and one or two tracks
_SPACING_PX = 6

_BUTTONS = (
    ("track.new", "add"),
    ("track.relabel", "label"),
    ("track.merge", "merge"),
    ("track.split", "split"),
    ("lineage.divide", "divide"),
    ("track.swap", "swap"),
    ("track.absent", "absent"),
    ("track.approve", "approve"),
    ("track.delete", "delete"),
)
_NAMES = ("track.name", "track.ignore", "track.not_ignored")
_LINEAGE = ("lineage.divide", "lineage.bud", "lineage.unlink", "lineage.select")


class TrackTable(QWidget):
    """Tracks with filter, actions and an empty state.

    Attributes:
        selection_changed: Emitted with the selected track ids (a tuple), the current one first.
        jump_requested: Emitted with a track id when its row is clicked.
        action_requested: Emitted with an action id.
    """

    selection_changed = Signal(tuple)
    jump_requested = Signal(int)
    action_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("ifcPage")
        self.model = TrackModel()
        self._proxy = TrackProxy(self.model, self)
        self.view = TrackView()
        self.filters = FilterBar()
        self._none = QWidget(self.view.viewport())
        self._none.setObjectName("ifcClear")
        self._all_button = QPushButton(tr("Show all tracks"))
        self._matches = QLabel()
        self._below_search = QScrollArea()
        self._filter_button = QToolButton()
        self._buttons: dict[str, QToolButton] = {}
        self._empty_title = QLabel()
        self._empty_text = QLabel()
        self.empty_button = QPushButton()
        self._empty_action = ""
        self._quiet = False
        self._asked: tuple[int, ...] = ()
        self._set_up_view()
        self._build()

    def _set_up_view(self) -> None:
        view = self.view
        view.setModel(self._proxy)
        view.set_up_columns()
        view.setMinimumHeight(_LOWEST_LIST_PX)
        # What it would like to have is not asked for: the conditions above it get theirs first.
        view.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        view.selectionModel().selectionChanged.connect(lambda *_: self._on_selection())
        view.clicked.connect(self._on_clicked)
        view.activated.connect(self._on_clicked)

    def _build(self) -> None:
        self.filters.search.textChanged.connect(
            lambda _: self._proxy.show_words(self.filters.words)
        )
        self.filters.search.installEventFilter(self)
        self._filter_button.setCheckable(True)
        self._filter_button.setAccessibleName(tr("Filter and bulk actions"))
        self._filter_button.setToolTip(tr("Filter and bulk actions"))
        self._filter_button.setIconSize(QSize(18, 18))
        self._filter_button.toggled.connect(self._on_filters_toggled)
        self.filters.hide()
        buttons = QHBoxLayout()
        buttons.setSpacing(2)
        for action_id, _ in _BUTTONS:
            button = QToolButton()
            button.setIconSize(QSize(18, 18))
            button.clicked.connect(lambda _=False, a=action_id: self.action_requested.emit(a))
            self._buttons[action_id] = button
            buttons.addWidget(button)
        buttons.addStretch(1)
        full = QWidget()
        column = QVBoxLayout(full)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(_SPACING_PX)
        search = QHBoxLayout()
        search.setSpacing(4)
        search.addWidget(self.filters.search, 1)
        self._matches.setProperty("role", "muted")
        self._matches.setToolTip(tr("Tracks that match, of all"))
        self._matches.hide()
        search.addWidget(self._matches)
        search.addWidget(self._filter_button)
        column.addLayout(search)
        column.addWidget(self._build_below_search(), 1)
        self._stack = QStackedLayout()
        self._stack.addWidget(full)
        self._stack.addWidget(self._build_empty())
        outer = QVBoxLayout(self)
        outer.setContentsMargins(10, 8, 10, 8)
        outer.setSpacing(_SPACING_PX)
        outer.addLayout(buttons)
        outer.addLayout(self._stack, 1)
        self._build_none()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Down leads from the search to what it found, of which one is selected then."""
        if event.type() != QEvent.Type.KeyPress:
            return False
        assert isinstance(event, QKeyEvent)  # noqa: S101
        if event.key() != Qt.Key.Key_Down or not self._proxy.rowCount():
            return False
        self.view.setFocus(Qt.FocusReason.ShortcutFocusReason)
        if not self.view.selectionModel().hasSelection():
            self.view.selectRow(0)
        return True

    def _build_below_search(self) -> QScrollArea:
        """Filter and list; where a window is too low for both, they scroll and stay readable."""
        inside = QWidget()
        inside.setObjectName("ifcPage")
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(_SPACING_PX)
        column.addWidget(self.filters)
        column.addWidget(self.view, 1)
        area = self._below_search
        area.setObjectName("ifcPage")
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its fields and the list have it
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setMinimumHeight(_LOWEST_LIST_PX)
        area.setWidget(inside)
        return area

    def _build_none(self) -> None:
        """What stands in the list where there are tracks, but the filter lets none through."""
        over = QVBoxLayout(self.view.viewport())
        over.addWidget(self._none)
        column = QVBoxLayout(self._none)
        words = QLabel(tr("No track matches."))
        words.setProperty("role", "muted")
        self._all_button.setProperty("role", "link")
        self._all_button.clicked.connect(self.filters.clear)
        column.addStretch(1)
        for widget in (words, self._all_button):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(2)
        self._none.hide()
        proxy = self._proxy
        resets = proxy.layoutChanged, proxy.modelReset
        for changed in (*resets, proxy.rowsInserted, proxy.rowsRemoved):
            changed.connect(lambda *_: self._show_matches())

    def _show_matches(self) -> None:
        """How many match, beside the search, as an open filter may take the list out of sight."""
        count, total = self._proxy.rowCount(), self.model.rowCount()
        self._none.setVisible(count == 0 and total > 0)
        words = tr("{count:,} of {total:,}").format(count=count, total=total)
        self._matches.setText(words if count < total else "")
        self._matches.setVisible(count < total)

    def _build_empty(self) -> QWidget:
        page = QFrame()
        page.setProperty("role", "card")
        self._empty_title.setProperty("role", "heading")
        self._empty_text.setProperty("role", "muted")
        self.empty_button.setProperty("role", "primary")
        self.empty_button.clicked.connect(lambda: self.action_requested.emit(self._empty_action))
        column = QVBoxLayout(page)
        column.setContentsMargins(20, 20, 20, 20)
        column.setSpacing(10)
        column.addStretch(1)
        for label in (self._empty_title, self._empty_text):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setWordWrap(True)
            column.addWidget(label)
        column.addWidget(self.empty_button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(2)
        return page

    def bind_actions(self, actions: ActionTable) -> None:
        """Take texts and keys of the buttons and the context menu from the table."""
        self._actions = actions
        self.view.customContextMenuRequested.connect(self._show_menu)
        self.refresh_actions()

    def refresh_actions(self) -> None:
        """Enable what is possible; the rest says why it is not."""
        show_actions(self._buttons, self._actions, named=True)
        if self._actions is not None:
            tip = self._actions["bulk.filter"].keyed(tr("Filter and bulk actions"))
            self._filter_button.setToolTip(tip)

    def _on_filters_toggled(self, shown: bool) -> None:
        self.filters.setVisible(shown)
        self._fit_list()
        self._below_search.verticalScrollBar().setValue(0)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """A run at the foot of the panel takes some of the height."""
        super().resizeEvent(event)
        self._fit_list()

    def _fit_list(self) -> None:
        """Leave the list at least two tracks below an open filter, or one where it is very low."""
        lowest = _LOWEST_LIST_PX
        if not self.filters.isHidden():
            least, enough = _LOWEST_LIST_BELOW_FILTERS_PX
            used = self.filters.minimumSizeHint().height() + _SPACING_PX
            lowest = max(least, min(enough, self._below_search.height() - used))
        self.view.setMinimumHeight(lowest)

    def show_filters(self, shown: bool) -> None:
        """Show or hide the filter and its bulk actions."""
        self._filter_button.setChecked(shown)

    def show_only(self, track_ids: frozenset[int] | None) -> None:
        """List only these tracks; ``None`` lists all."""
        self._proxy.show_only(track_ids)

    def apply_palette(self, palette: Palette) -> None:
        """Tint the icons."""
        self._filter_button.setIcon(icon("filter", palette.text, checked=palette.on_accent))
        for action_id, icon_name in _BUTTONS:
            self._buttons[action_id].setIcon(icon(icon_name, palette.text))

    def set_rows(self, rows: list[TrackRow], selected: tuple[int, ...]) -> None:
        """Show tracks and select some of them, without asking for anything.

        What is in sight stays there, unless other tracks than before are selected.
        """
        self._quiet = True
        was_pressed = self.empty_button.hasFocus()
        bar = self.view.verticalScrollBar()
        scrolled_to = bar.value()
        self.model.set_rows(rows)
        self.view.fit_to(rows)
        if bar.value() != scrolled_to:
            self.view.doItemsLayout()  # else the bar has no length yet
            bar.setValue(scrolled_to)
        self.select(selected)
        if not rows and self._stack.currentIndex() == 0:
            leave(self._stack.currentWidget())  # else the button in its place has them
        self._stack.setCurrentIndex(0 if rows else 1)
        if rows and was_pressed:  # not into the filter, where keys would be taken for words
            self.view.setFocus()
        self._quiet = False

    def show_empty(self, title: str, text: str, button: str, action_id: str) -> None:
        """What stands in place of an empty table: the next thing to do."""
        self._empty_title.setText(title)
        self._empty_text.setText(text)
        self.empty_button.setText(button)
        self.empty_button.setVisible(bool(button))
        self._empty_action = action_id

    def empty_text(self) -> str:
        """The words in place of an empty table."""
        return f"{self._empty_title.text()}\n{self._empty_text.text()}"

    def select(self, track_ids: tuple[int, ...]) -> None:
        """Select tracks without emitting anything; the first becomes the current one."""
        quiet, self._quiet = self._quiet, True
        is_new, self._asked = set(track_ids) != set(self._asked), track_ids
        if set(track_ids) != set(self.selected()):
            selection = self.view.selectionModel()
            flags = QItemSelectionModel.SelectionFlag
            lines = (self.model.line_of(track_id) for track_id in track_ids)
            places = [
                self._proxy.mapFromSource(self.model.index(i, 0)) for i in lines if i is not None
            ]
            places = [index for index in places if index.isValid()]
            chosen = QItemSelection()
            for index in places:
                chosen.select(index, index)
            selection.select(chosen, flags.ClearAndSelect | flags.Rows)
            if places:
                selection.setCurrentIndex(places[0], flags.NoUpdate)
                if is_new:
                    self.view.scrollTo(places[0])
        self._quiet = quiet

    def listed(self) -> tuple[int, ...]:
        """Track ids in the order of the lines, as they are sorted and filtered."""
        proxy = self._proxy
        return tuple(self._id_at(proxy.index(line, 0)) for line in range(proxy.rowCount()))

    def selected(self) -> tuple[int, ...]:
        """Selected track ids, the current one first."""
        current = self.view.currentIndex()
        ids = [self._id_at(index) for index in self.view.selectionModel().selectedRows()]
        if current.isValid() and self._id_at(current) in ids:
            first = self._id_at(current)
            ids = [first, *(i for i in ids if i != first)]
        return tuple(ids)

    def _id_at(self, index: Index) -> int:
        return self.model.row_at(self._proxy.mapToSource(index).row()).track_id

    def _on_selection(self) -> None:
        if not self._quiet:
            self.selection_changed.emit(self.selected())

    def _on_clicked(self, index: QModelIndex) -> None:
        self.jump_requested.emit(self._id_at(index))

    def _show_menu(self, position: Any) -> None:
        menu = self.menu_for()
        menu.exec(self.view.viewport().mapToGlobal(position))
        menu.deleteLater()

    def menu_for(self) -> QMenu:
        """What can be done with the selected tracks, for the context menu."""
        menu = QMenu(self)
        buttons = tuple(action_id for action_id, _ in _BUTTONS if action_id not in _LINEAGE)
        for action_ids in (buttons, _NAMES, _LINEAGE):
            menu.addSeparator()
            for action_id in action_ids:
                action = self._actions[action_id]
                if not (text := action.menu_text()):
                    continue
                entry = menu.addAction(text)
                entry.setEnabled(action.enabled)
                entry.setToolTip(action.why_not() or action.tip)
                entry.triggered.connect(lambda _=False, a=action_id: self.action_requested.emit(a))
        menu.setToolTipsVisible(True)
        return menu
