"""The head of the panel: what is open, how far the review is, and the run in progress."""

from __future__ import annotations

from qtpy.QtCore import QEvent, Qt, Signal
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_ifc.language import tr
from napari_ifc.rows import RunView, Summary
from napari_ifc.views.banner import Banner
from napari_ifc.views.focus import leave

_NOTE_PX = 38  # room for a message of two lines
_STEP_IDS = ("propose", "fix", "approve", "improve")
_STEPS = (tr("Find"), tr("Fix"), tr("Approve"), tr("Improve"))
_STEP_TIPS = (
    tr("Let the model find and follow the objects, or paint or import them"),
    tr("Correct masks, classes and identities"),
    tr("Say which frames are right and complete, or which tracks are right"),
    tr("Fine-tune the model on what you corrected"),
)


class ShortLabel(QLabel):
    """One line of text, shortened anew for whatever width it is given.

    Args:
        mode: Where it is cut.
    """

    def __init__(self, mode: Qt.TextElideMode) -> None:
        super().__init__()
        self._mode = mode
        self._whole = ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def show_text(self, text: str) -> None:
        """Show a text, or as much of it as there is room for."""
        self._whole = text
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """More or less of it fits."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Letters may have another width."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit()

    def _fit(self) -> None:
        room = self.contentsRect().width()
        self.setText(self.fontMetrics().elidedText(self._whole, self._mode, room))


class Header(QFrame):
    """Title, facts, the four steps, what comes next or a message, the share of approved frames.

    Args:
        banner: Shows messages in the place of what comes next, which is kept free for them: a
            message that comes or goes moves nothing under the pointer.

    Attributes:
        step_requested: Emitted with the id of a step that was clicked.
    """

    step_requested = Signal(str)

    def __init__(self, banner: Banner, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._banner = banner
        self._has_video = False
        self._shown: Summary | None = None
        self._note = QWidget()
        self._note.setObjectName("ifcClear")
        self._title = ShortLabel(Qt.TextElideMode.ElideMiddle)
        self._title.setProperty("role", "title")
        self._facts = QLabel()
        self._facts.setProperty("role", "muted")
        self._facts.setWordWrap(True)
        self._chips = [QPushButton(step) for step in _STEPS]
        self._hint = QLabel()
        self._hint.setProperty("role", "muted")
        self._hint.setWordWrap(True)
        self._bar = QProgressBar()
        self._bar.setProperty("role", "approved")
        self._bar.setTextVisible(False)
        self._bar.setMinimumWidth(24)
        self._count = QLabel()
        self._count.setProperty("role", "muted")
        self._count.setMinimumWidth(1)  # many frames and tracks make the panel no wider
        self._build()
        banner.shown.connect(lambda _: self._show_note())
        self.show_summary(Summary())

    def _build(self) -> None:
        note = QVBoxLayout(self._note)
        note.setContentsMargins(0, 0, 0, 0)
        note.addWidget(self._hint, 0, Qt.AlignmentFlag.AlignTop)
        note.addWidget(self._banner, 0, Qt.AlignmentFlag.AlignTop)
        chips = QHBoxLayout()
        chips.setSpacing(6)
        for number, chip in enumerate(self._chips, start=1):
            chip.setProperty("role", "chip")
            name = chip.text()
            chip.setAccessibleName(tr("Step {number}: {name}").format(number=number, name=name))
            chip.setToolTip(_STEP_TIPS[number - 1])
            step = _STEP_IDS[number - 1]
            chip.clicked.connect(lambda _=False, step=step: self.step_requested.emit(step))
            chips.addWidget(chip)
        chips.addStretch(1)
        progress = QHBoxLayout()
        progress.setSpacing(8)
        progress.addWidget(self._bar, 1, Qt.AlignmentFlag.AlignVCenter)
        progress.addWidget(self._count)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 4, 8, 4)
        column.setSpacing(6)
        self._top = QHBoxLayout()
        self._top.addWidget(self._title, 1)
        column.addLayout(self._top)
        column.addWidget(self._facts)
        column.addLayout(chips)
        column.addWidget(self._note)
        column.addLayout(progress)

    def add_corner(self, widget: QWidget) -> None:
        """Put a widget beside the title; what stands below keeps the whole width."""
        self._top.addWidget(widget, 0, Qt.AlignmentFlag.AlignVCenter)

    def _show_note(self) -> None:
        """Show the message, or else the hint, and give it room where it needs more than usual."""
        self._hint.setVisible(bool(self._hint.text()) and not self._banner.is_shown)
        width = max(1, self._note.width())
        shown = self._banner if self._banner.is_shown else self._hint
        needed = 0 if shown.isHidden() else shown.heightForWidth(width)
        self._note.setFixedHeight(max(_NOTE_PX if self._has_video else 0, needed))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """A message may need more lines, or fewer."""
        super().resizeEvent(event)
        self._show_note()

    def show_summary(self, summary: Summary) -> None:
        """Show what is open."""
        if summary == self._shown:
            return  # it is shown after each stroke, and styling chips costs more than looking
        self._shown = summary
        self._title.show_text(summary.title)
        self._title.setToolTip(summary.project)
        self._facts.setText(summary.facts)
        self._facts.setVisible(bool(summary.facts))
        has_video = summary.num_frames > 0
        for chip, done, name in zip(self._chips, summary.steps, _STEPS, strict=True):
            chip.setVisible(has_video)
            chip.setText(f"✓ {name}" if done else name)
            chip.setProperty("done", "true" if done else "false")
            chip.style().unpolish(chip)
            chip.style().polish(chip)
        self._hint.setText(summary.hint)
        self._has_video = has_video
        self._show_note()
        self._bar.setVisible(has_video)
        self._count.setVisible(has_video)
        self._bar.setRange(0, max(1, summary.num_frames))
        self._bar.setValue(summary.approved_frames)
        self._count.setText(summary.count)
        self._count.setToolTip(summary.count)


class RunStrip(QFrame):
    """A run in progress: what, how far, how long still, and Cancel.

    Args:
        can_pause: Whether there is a Pause button too.
        stop_text: What the button says that ends the run; *Cancel* if empty.

    Attributes:
        cancel_requested: Emitted when Cancel is pressed.
        pause_requested: Emitted when Pause is pressed.
    """

    cancel_requested = Signal()
    pause_requested = Signal()

    def __init__(
        self, parent: QWidget | None = None, *, can_pause: bool = False, stop_text: str = ""
    ) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._stop_text = stop_text or tr("Cancel")
        self._text = ShortLabel(Qt.TextElideMode.ElideRight)
        self._text.setProperty("role", "heading")
        self._detail = QLabel()
        self._detail.setProperty("role", "muted")
        self._detail.setWordWrap(True)
        self._brief = QLabel()
        self._brief.setProperty("role", "muted")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._is_low = False
        self._shown = RunView()
        self.cancel = QPushButton(self._stop_text)
        self.cancel.clicked.connect(self.cancel_requested)
        self.pause = QPushButton(tr("Pause"))
        self.pause.clicked.connect(self.pause_requested)
        self.pause.setVisible(can_pause)
        grid = self._grid = QGridLayout(self)
        grid.setVerticalSpacing(5)
        grid.addWidget(self._text, 0, 0)
        grid.addWidget(self._brief, 0, 1)
        grid.addWidget(self.pause, 0, 2)
        grid.addWidget(self.cancel, 0, 3)
        grid.addWidget(self._detail, 1, 0, 1, 4)
        grid.addWidget(self._bar, 2, 0, 1, 4)
        grid.setColumnStretch(0, 1)
        self.show_low(low=False)
        self.hide()

    def show_low(self, *, low: bool) -> None:
        """Take one line, where the panel is low: what the pages hold is to stay in sight.

        How much is done and how long it takes still come first in it, in place of the bar.
        """
        self._is_low = low
        self._detail.setVisible(not low)
        self._bar.setVisible(not low)
        self._show_words()
        upright = 3 if low else 8
        self._grid.setContentsMargins(12, upright, 12, upright if low else upright + 2)

    def show_view(self, view: RunView) -> None:
        """Show a run, or hide where there is none."""
        if not view.active:
            leave(self)
            self.hide()
            return
        self._shown = view
        self._show_words()
        self._bar.setRange(0, 0 if view.fraction is None else 1000)
        self._bar.setValue(round(1000 * (view.fraction or 0.0)))
        self.pause.setEnabled(not (view.stopping or view.why_not_pause))
        usual = tr("Stop for now and free the processor; go on later")
        self.pause.setToolTip(view.why_not_pause or usual)
        self.cancel.setEnabled(not view.stopping)
        self.cancel.setText(tr("Stopping…") if view.stopping else self._stop_text)
        self.show()

    def _show_words(self) -> None:
        view = self._shown
        share = "" if view.fraction is None else f"{view.fraction:.0%}"
        brief = " · ".join(filter(None, (share, view.left)))
        self._brief.setText(brief)
        self._brief.setVisible(self._is_low and bool(brief))
        self._detail.setText(view.detail)
        whole = " · ".join(filter(None, (view.text, view.detail)))
        self._text.show_text(whole if self._is_low and not view.left else view.text)
        for label in (self._text, self._brief):
            label.setToolTip(whole if self._is_low else "")
