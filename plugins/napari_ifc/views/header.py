"""The head of the panel: what is open, how far the review is, and the run in progress."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_ifc.language import tr
from napari_ifc.rows import RunView, Summary

_STEP_IDS = ("propose", "fix", "approve", "improve")
_STEPS = (tr("Propose"), tr("Fix"), tr("Approve"), tr("Improve"))
_STEP_TIPS = (
    tr("Let the model find and follow the objects"),
    tr("Correct masks, classes and identities"),
    tr("Say which frames are right and complete"),
    tr("Fine-tune the model on what you corrected"),
)


class Header(QFrame):
    """Title, facts, the four steps, what comes next, and the share of approved frames.

    Attributes:
        step_requested: Emitted with the id of a step that was clicked.
    """

    step_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = QLabel()
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
        self._count = QLabel()
        self._count.setProperty("role", "muted")
        self._build()
        self.show_summary(Summary())

    def _build(self) -> None:
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
        column.setContentsMargins(12, 10, 12, 4)
        column.setSpacing(6)
        column.addWidget(self._title)
        column.addWidget(self._facts)
        column.addLayout(chips)
        column.addWidget(self._hint)
        column.addLayout(progress)

    def show_summary(self, summary: Summary) -> None:
        """Show what is open."""
        metrics = self._title.fontMetrics()
        width = max(160, self.width() - 40)
        title = metrics.elidedText(summary.title, Qt.TextElideMode.ElideMiddle, width)
        self._title.setText(title)
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
        self._hint.setVisible(bool(summary.hint))
        self._bar.setVisible(has_video)
        self._count.setVisible(has_video)
        self._bar.setRange(0, max(1, summary.num_frames))
        self._bar.setValue(summary.approved_frames)
        self._count.setText(
            tr("{approved_frames} / {num_frames} approved").format(
                approved_frames=summary.approved_frames, num_frames=summary.num_frames
            )
        )


class RunStrip(QFrame):
    """A run in progress: what, how far, how long still, and Cancel.

    Args:
        can_pause: Whether there is a Pause button too.

    Attributes:
        cancel_requested: Emitted when Cancel is pressed.
        pause_requested: Emitted when Pause is pressed.
    """

    cancel_requested = Signal()
    pause_requested = Signal()

    def __init__(self, parent: QWidget | None = None, *, can_pause: bool = False) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._text = QLabel()
        self._text.setProperty("role", "heading")
        self._detail = QLabel()
        self._detail.setProperty("role", "muted")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self.cancel = QPushButton(tr("Cancel"))
        self.cancel.clicked.connect(self.cancel_requested)
        self.pause = QPushButton(tr("Pause"))
        self.pause.setToolTip(tr("Stop for now and free the processor; go on later"))
        self.pause.clicked.connect(self.pause_requested)
        self.pause.setVisible(can_pause)
        grid = QGridLayout(self)
        grid.setContentsMargins(12, 8, 12, 10)
        grid.setVerticalSpacing(5)
        grid.addWidget(self._text, 0, 0)
        grid.addWidget(self.pause, 0, 1)
        grid.addWidget(self.cancel, 0, 2)
        grid.addWidget(self._detail, 1, 0, 1, 3)
        grid.addWidget(self._bar, 2, 0, 1, 3)
        grid.setColumnStretch(0, 1)
        self.hide()

    def show_view(self, view: RunView) -> None:
        """Show a run, or hide where there is none."""
        if view.active:
            self.show_run(view.text, view.detail, view.fraction, stopping=view.stopping)
        else:
            self.hide()

    def show_run(self, text: str, detail: str, fraction: float | None, *, stopping: bool) -> None:
        """Show a run.

        Args:
            text: What is being done.
            detail: How far and how long still.
            fraction: 0 to 1, or ``None`` for a bar that only moves.
            stopping: Whether Cancel or Pause was pressed already.
        """
        self._text.setText(text)
        self._detail.setText(detail)
        if fraction is None:
            self._bar.setRange(0, 0)
        else:
            self._bar.setRange(0, 1000)
            self._bar.setValue(round(1000 * fraction))
        self.pause.setEnabled(not stopping)
        self.cancel.setEnabled(not stopping)
        self.cancel.setText(tr("Stopping…") if stopping else tr("Cancel"))
        self.show()
