"""Propagating a correction: how, how far, and the run in progress."""

from __future__ import annotations

from qtpy.QtCore import QSize, Signal
from qtpy.QtGui import QFontMetrics, QShowEvent
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QStackedLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_ifc.correction_state import METHODS, SCOPES, CandidateView, SpreadView
from napari_ifc.language import tr
from napari_ifc.views.focus import leave
from napari_ifc.views.icons import icon
from napari_ifc.views.overflow_row import ElidedLabel
from napari_ifc.views.theme import Palette

_BUTTON_PADDING_PX = 7
_RING_PX = 2  # what the style keeps free around a button
_CANDIDATE_BUTTONS = (
    ("previous", tr("Previous candidate"), "candidate.previous"),
    ("next", tr("Next candidate"), "candidate.next"),
    (
        "approve",
        tr("Accept as a track (Enter); with Shift into the selected track"),
        "candidate.accept",
    ),
    ("close", tr("Dismiss (Escape)"), "candidate.dismiss"),
)


class SpreadStrip(QFrame):
    """One line under the tools. While something runs, or candidates are shown, it says so.

    Attributes:
        action_requested: Emitted with an action id.
        changed: Emitted when scope, method or the automatic propagation was changed.
    """

    action_requested = Signal(str)
    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.start = QPushButton(tr("Propagate"))
        self.start.setProperty("role", "primary")
        self.start.setStyleSheet(f"padding: 4px {_BUTTON_PADDING_PX}px")
        self.start.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        font = self.start.font()
        font.setBold(True)  # as the style makes it, which the size hint does not know yet
        wide = QFontMetrics(font).horizontalAdvance(self.start.text())
        self.start.setMinimumWidth(wide + 2 * (_BUTTON_PADDING_PX + _RING_PX))
        self.start.clicked.connect(lambda: self.action_requested.emit("correct.propagate"))
        self.scope = _choice(SCOPES, tr("Scope of the propagation"))
        self.method = _choice(METHODS, tr("Method of the propagation"))
        self.auto = QCheckBox(tr("Auto"))
        self.auto.setToolTip(tr("Propagate after each correction, in the background"))
        self.auto.setAccessibleName(tr("Propagate after each correction"))
        for box in (self.scope, self.method):
            box.currentIndexChanged.connect(self.changed)
        self.auto.toggled.connect(self.changed)
        self._text = QLabel()
        self._detail = ElidedLabel(1)
        self._detail.setProperty("role", "muted")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self.pause = _button(tr("Pause"), "correct.pause", self)
        self.cancel = _button(tr("Cancel the propagation"), "correct.cancel", self)
        self._candidate = QLabel()
        self._keys = QLabel()
        self._keys.setProperty("role", "muted")
        self._keys.setStyleSheet("font-size: 8pt")
        self._candidate_words = QVBoxLayout()
        self._candidate_words.setSpacing(0)
        self._candidate_words.addWidget(self._candidate)
        self._candidate_words.addWidget(self._keys)
        self._icons: list[tuple[QToolButton, str]] = [(self.cancel, "close")]
        self._palette: Palette | None = None
        self._paused = False
        self._candidate_buttons: dict[str, QToolButton] = {}
        self._asked = QLabel()
        self._asked_count = 0
        self._run, self._shows_candidate = SpreadView(), False
        self._pages = QStackedLayout(self)
        self._pages.setContentsMargins(0, 0, 0, 0)
        for page in (
            *(self._choices_page(), self._run_page(), self._candidate_page()),
            self._asked_page(),
        ):
            page.setObjectName("ifcClear")  # the card is seen through it
            self._pages.addWidget(page)

    def _choices_page(self) -> QWidget:
        page = QWidget()
        row = QHBoxLayout(page)
        row.setContentsMargins(6, 6, 6, 6)
        row.setSpacing(6)
        row.addWidget(self.start)
        row.addWidget(self.scope, 4)
        row.addWidget(self.method, 3)
        row.addWidget(self.auto)
        return page

    def _run_page(self) -> QWidget:
        page = QWidget()
        words = QHBoxLayout()
        words.addWidget(self._text)
        words.addWidget(self._detail, 1)
        lines = QVBoxLayout()
        lines.setSpacing(4)
        lines.addLayout(words)
        lines.addWidget(self._bar)
        row = QHBoxLayout(page)
        row.setContentsMargins(10, 4, 6, 6)
        row.addLayout(lines, 1)
        row.addWidget(self.pause)
        row.addWidget(self.cancel)
        return page

    def _candidate_page(self) -> QWidget:
        page = QWidget()
        row = QHBoxLayout(page)
        row.setContentsMargins(10, 4, 6, 4)
        row.setSpacing(2)
        row.addLayout(self._candidate_words, 1)
        for name, tip, action_id in _CANDIDATE_BUTTONS:
            button = self._candidate_buttons[action_id] = _button(tip, action_id, self)
            self._icons.append((button, name))
            row.addWidget(button)
        return page

    def _asked_page(self) -> QWidget:
        page = QWidget()
        row = QHBoxLayout(page)
        row.setContentsMargins(10, 4, 6, 4)
        row.addWidget(self._asked, 1)
        button = _button(tr("Drop what has no answer yet"), "drawn.drop", self)
        self._icons.append((button, "close"))
        row.addWidget(button)
        return page

    def apply_palette(self, palette: Palette) -> None:
        """Tint the icons."""
        self._palette = palette
        for button, name in self._icons:
            button.setIcon(icon(name, palette.text))
        self._tint_pause()

    def _tint_pause(self) -> None:
        if self._palette is not None:
            self.pause.setIcon(icon("play" if self._paused else "pause", self._palette.text))

    def show_keys(self, next_key: str, previous_key: str) -> None:
        """Show the keys that walk through candidates, as they are bound now."""
        rest = (tr("Enter accept"), tr("Esc dismiss"))
        self._keys.setText(
            " · ".join(
                [tr("{next_key} next").format(next_key=next_key), *rest] if next_key else rest
            )
        )
        for action_id, text, key in (
            ("candidate.next", tr("Next candidate"), next_key),
            ("candidate.previous", tr("Previous candidate"), previous_key),
        ):
            self._candidate_buttons[action_id].setToolTip(f"{text} ({key})" if key else text)

    # What is chosen

    def chosen(self) -> tuple[str, str]:
        """The words of scope and method."""
        return str(self.scope.currentData()), str(self.method.currentData())

    def choose(self, scope: str, method: str) -> None:
        """Choose scope and method by their words."""
        self.scope.setCurrentIndex(self.scope.findData(scope))
        self.method.setCurrentIndex(self.method.findData(method))

    # Showing

    def show_reason(self, reason: str, tip: str) -> None:
        """Enable the button, or say why it is not possible."""
        self.start.setEnabled(not reason)
        self.start.setToolTip(reason or tip)

    def show_run(self, view: SpreadView) -> None:
        """Show a run, or the choices when none is going on."""
        self._paused = view.paused
        self._tint_pause()
        self._text.setText(view.text)
        self._detail.setText(view.detail)
        self._bar.setRange(0, 0 if view.fraction is None else 1000)
        self._bar.setValue(round(1000 * (view.fraction or 0.0)))
        tip = tr("Go on") if view.paused else tr("Pause; what has come stays")
        self.pause.setToolTip(tip)
        self.pause.setAccessibleName(tip)
        for button in (self.pause, self.cancel):
            button.setEnabled(not view.stopping)
        self._run = view
        self._show_page()

    def show_asked(self, count: int) -> None:
        """Say how many boxes and strokes have no answer yet."""
        self._asked_count = count
        text = tr("Looking for the mask…")
        if count > 1:
            text = tr("Looking for the mask… {count} more wait").format(count=count - 1)
        self._asked.setText(text)
        self._show_page()

    def _show_page(self) -> None:
        """Candidates first, then a run that goes on, then what is asked."""
        runs = self._run.active
        if self._shows_candidate:
            page = 2
        elif self._asked_count and not (runs and not self._run.paused):
            page = 3
        else:
            page = 1 if runs else 0
        if page != self._pages.currentIndex():
            leave(self)  # else its next page gives the keys to a button
        self._pages.setCurrentIndex(page)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Keep the height of the highest page, so that nothing below moves with a change."""
        pages = [self._pages.widget(place) for place in range(self._pages.count())]
        for child in self.findChildren(QWidget):
            child.ensurePolished()  # the style decides on heights
        self.setFixedHeight(max(page.sizeHint().height() for page in pages))
        super().showEvent(event)

    def show_candidate(self, view: CandidateView, run: SpreadView) -> None:
        """Show which candidate is seen, or what there was before."""
        self._candidate.setText(view.text)
        self._shows_candidate = view.active
        self.show_run(run)


def _choice(choices: tuple[tuple[str, str, str], ...], name: str) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    box.setMinimumWidth(58)  # narrow panels cut the words, which the list then shows in full
    box.setStyleSheet("padding: 3px 0 3px 6px")
    for place, (value, text, tip) in enumerate(choices):
        box.addItem(text, value)
        box.setItemData(place, tip, 3)  # Qt.ToolTipRole
    box.setToolTip(name)
    return box


def _button(tip: str, action_id: str, strip: SpreadStrip) -> QToolButton:
    button = QToolButton()
    button.setIconSize(QSize(18, 18))
    button.setToolTip(tip)
    button.setAccessibleName(tip.split(" (")[0])
    button.clicked.connect(lambda: strip.action_requested.emit(action_id))
    return button
