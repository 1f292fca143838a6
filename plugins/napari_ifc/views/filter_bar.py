"""Conditions on tracks, how many meet them, and what can be done with those."""

from __future__ import annotations

from collections.abc import Iterable

from qtpy.QtCore import QEvent, QObject, Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from ifc_core.annotation import Scope, TrackFilter
from ifc_core.structures import TrackState
from napari_ifc.actions import ActionTable
from napari_ifc.language import tr
from napari_ifc.rows import FrameRange
from napari_ifc.views.action_buttons import show_actions
from napari_ifc.views.narrow_combo import NarrowComboBox
from napari_ifc.views.spin_words import show_word

_ANY_CLASS, _ANY_STATE = tr("any class"), tr("any state")
_STATES = (
    (TrackState.PROPOSED, tr("proposed")),
    (TrackState.CORRECTED, tr("edited or corrected")),
    (TrackState.APPROVED, tr("approved")),
)
_BUTTONS = (
    ("bulk.select", tr("Select")),
    ("bulk.approve", tr("Approve")),
    ("bulk.reject", tr("Reject")),
    ("bulk.relabel", tr("Class…")),
    ("bulk.delete", tr("Delete")),
)
_MOST = 2_000_000_000
_NARROWEST_PX = 72
_LOWEST_CONDITIONS_PX = 34  # one line of them


class FilterBar(QFrame):
    """A form that says which tracks are meant. Where it is low its conditions scroll.

    Attributes:
        search: The field for words, which are one more condition; its owner puts it somewhere.
        changed: Emitted when a condition changed.
        action_requested: Emitted with an action id.
    """

    changed = Signal()
    action_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.search = QLineEdit()
        self.search.setPlaceholderText(tr("Filter by id, name, class or state"))
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName(tr("Find tracks"))
        self._class = NarrowComboBox()
        self._state = NarrowComboBox()
        self._score = (_fraction(tr("Score from"), True), _fraction(tr("Score below"), False))
        self._area = (_number(tr("Area from"), True), _number(tr("Area below"), False))
        self._length = (_number(tr("Frames from"), True), _number(tr("Frames below"), False))
        self._untouched = QCheckBox(tr("Untouched only"))
        self._in_range = QCheckBox(tr("Marked range"))
        self._range: FrameRange | None = None
        self._count = QLabel()
        self._count.setProperty("role", "heading")
        self._count.setAccessibleName(tr("Tracks that meet the filter"))
        self.clear_button = QPushButton(tr("Clear"))
        self._scroll = QScrollArea()
        self._buttons: dict[str, QPushButton] = {}
        self._actions: ActionTable | None = None
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._build()
        self._connect()
        self.show_range(None)

    def _build(self) -> None:
        inside = QWidget()
        inside.setObjectName("ifcClear")
        grid = QGridLayout(inside)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(2)
        self._class.setAccessibleName(tr("Class"))
        self._state.setAccessibleName(tr("State"))
        self._state.addItem(_ANY_STATE, None)
        for state, words in _STATES:
            self._state.addItem(words, state)
        self.set_classes(())
        pairs = (
            (tr("Class"), (self._class, self._state)),
            (tr("Score"), self._score),
            (tr("Area, px"), self._area),
            (tr("Frames"), self._length),
        )
        for row, (text, widgets) in enumerate(pairs):
            label = QLabel(text)
            label.setProperty("role", "muted")
            grid.addWidget(label, row, 0)
            for column, widget in enumerate(widgets, start=1):
                grid.addWidget(widget, row, column)
        grid.addWidget(self._untouched, 4, 1)
        grid.addWidget(self._in_range, 4, 2)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(2, 1)
        count = QHBoxLayout()
        count.addWidget(self._count, 1)
        self.clear_button.setProperty("role", "link")
        count.addWidget(self.clear_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 5, 10, 6)  # all of it fits into a window 800 pixels high
        column.setSpacing(3)
        column.addWidget(self._scroll)
        self._set_up_scroll(inside)
        column.addLayout(count)
        column.addLayout(self._build_buttons())

    def _set_up_scroll(self, inside: QWidget) -> None:
        """Let the conditions scroll where it is low, so that what is done by them is in sight."""
        area = self._scroll
        area.setObjectName("ifcClear")
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its fields have it
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidgetResizable(True)
        area.setWidget(inside)
        area.setMinimumHeight(_LOWEST_CONDITIONS_PX)
        area.setMinimumWidth(inside.minimumSizeHint().width())
        area.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Maximum)

    def _build_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(4)
        for action_id, text in _BUTTONS:
            button = QPushButton(text)
            button.setProperty("role", "narrow")  # five of them share the panel's width
            button.clicked.connect(lambda _=False, a=action_id: self.action_requested.emit(a))
            self._buttons[action_id] = button
            row.addWidget(button, 1)
        return row

    def _connect(self) -> None:
        self.search.textChanged.connect(lambda _: self.changed.emit())
        for box in (self._class, self._state):
            box.activated.connect(lambda _: self.changed.emit())
        for spin in (*self._score, *self._area, *self._length):
            spin.valueChanged.connect(lambda _: self.changed.emit())
        for check in (self._untouched, self._in_range):
            check.toggled.connect(lambda _: self.changed.emit())
        for field in (self._class, self._state, *self._score, *self._area, *self._length):
            field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # not by the wheel
            field.installEventFilter(self)
        self.clear_button.clicked.connect(self.clear)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Let the wheel scroll past a field that has not the focus, and not turn its value."""
        is_wheel = event.type() == QEvent.Type.Wheel
        if is_wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return bool(super().eventFilter(watched, event))

    def bind_actions(self, actions: ActionTable) -> None:
        """Take names and tips of the buttons from the table."""
        self._actions = actions
        self.refresh_actions()

    def refresh_actions(self) -> None:
        """Enable what is possible; the rest says why it is not."""
        show_actions(self._buttons, self._actions)

    # What is shown

    def set_classes(self, classes: Iterable[tuple[int, str]]) -> None:
        """Offer these classes (id, name); the chosen one stays if it is among them."""
        wanted = [(None, _ANY_CLASS), *classes]
        box = self._class
        if [(box.itemData(i), box.itemText(i)) for i in range(box.count())] == wanted:
            return
        chosen = box.currentData()
        box.clear()
        for class_id, name in wanted:
            box.addItem(name, class_id)
        box.setCurrentIndex(max(0, box.findData(chosen)))

    def show_range(self, marked: FrameRange | None) -> None:
        """Tell which range is marked on the timeline."""
        self._range = marked
        self._in_range.setEnabled(marked is not None)
        words = tr("Mark a range on the timeline first.")
        if marked is not None:
            words = tr("Only tracks with a mask on frames {first} to {last}.").format(
                first=marked.first, last=marked.last
            )
        self._in_range.setToolTip(words)
        if marked is None:
            self._in_range.setChecked(False)
        elif self._in_range.isChecked():
            self.changed.emit()

    def show_count(self, matching: int, total: int) -> None:
        """Show how many tracks are meant."""
        if self.is_open:
            words = tr("All of 1 track") if total == 1 else tr("All {total:,} tracks")
        else:
            words = tr("{matching} of 1 track")
            words = words if total == 1 else tr("{matching:,} of {total:,} tracks")
        self._count.setText(words.format(matching=matching, total=total))
        self.clear_button.setEnabled(not self.is_open)

    def clear(self) -> None:
        """Take all conditions back."""
        self.look_for_below(None)

    def look_for_below(self, score: float | None) -> None:
        """Ask for what nobody touched and scores less, in place of all other conditions.

        Args:
            score: ``None`` for no condition at all.
        """
        self.blockSignals(True)
        self.search.clear()
        self._class.setCurrentIndex(0)
        self._state.setCurrentIndex(0)
        for spin in (*self._score, *self._area, *self._length):
            spin.setValue(spin.minimum())
        if score is not None:
            self._score[1].setValue(score)
        self._untouched.setChecked(score is not None)
        self._in_range.setChecked(False)
        self.blockSignals(False)
        self.changed.emit()

    def focus_first(self) -> None:
        """Give the keyboard to the first condition."""
        self._class.setFocus(Qt.FocusReason.OtherFocusReason)

    @property
    def words(self) -> str:
        """What is searched for, one more condition."""
        return self.search.text().strip()

    @property
    def is_open(self) -> bool:
        """Whether every track is meant."""
        return self.value().is_open and not self.words

    def value(self) -> TrackFilter:
        """The conditions besides the words."""
        chosen, state = self._class.currentData(), self._state.currentData()
        marked = self._range if self._in_range.isChecked() else None
        return TrackFilter(
            score_at_least=_value(self._score[0]),
            score_below=_value(self._score[1]),
            mean_area_at_least_px=_value(self._area[0]),
            mean_area_below_px=_value(self._area[1]),
            frames_at_least=_whole(self._length[0]),
            fewer_frames_than=_whole(self._length[1]),
            category_ids=None if chosen is None else (int(chosen),),
            states=None if state is None else (TrackState(state),),
            untouched_only=self._untouched.isChecked(),
            scope=None if marked is None else Scope(marked.first, marked.last),
        )


def _fraction(name: str, is_lower: bool) -> QDoubleSpinBox:
    spin = QDoubleSpinBox()
    spin.setRange(-0.05, 1.0)
    spin.setSingleStep(0.05)
    _prepare(spin, name, is_lower)
    return spin


def _number(name: str, is_lower: bool) -> QSpinBox:
    spin = QSpinBox()
    spin.setRange(-1, _MOST)
    spin.setStepType(QSpinBox.StepType.AdaptiveDecimalStepType)
    _prepare(spin, name, is_lower)
    return spin


def _prepare(spin: QSpinBox | QDoubleSpinBox, name: str, is_lower: bool) -> None:
    """The lowest value stands for no condition."""
    spin.setAccessibleName(name)
    spin.setToolTip(name)
    show_word(spin, tr("from") if is_lower else tr("below"))
    spin.setValue(spin.minimum())
    spin.setKeyboardTracking(False)
    spin.setMinimumWidth(_NARROWEST_PX)
    spin.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)


def _value(spin: QSpinBox | QDoubleSpinBox) -> float | None:
    return None if spin.value() < 0 else float(spin.value())


def _whole(spin: QSpinBox) -> int | None:
    return None if spin.value() < 0 else int(spin.value())
