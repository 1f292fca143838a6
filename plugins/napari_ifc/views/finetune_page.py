"""The page of Fine-tune: what is learned from, live curves, before and after, versions."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pyqtgraph as pg
from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from ifc_core.annotation import ModelVersion
from ifc_core.training.frame_ranges import count_frames
from ifc_core.training.outcome import figure_pair
from napari_ifc.finetune_state import FinetuneView, Outcome
from napari_ifc.language import tr
from napari_ifc.material_words import frames_text, material_text
from napari_ifc.outcome_words import verdict_text
from napari_ifc.views.compare_view import CompareView
from napari_ifc.views.theme import Palette

_PRESET_TEXTS = (
    ("quick", tr("Quick (minutes, also on a laptop)")),
    ("balanced", tr("Balanced (tens of minutes)")),
    ("thorough", tr("Thorough (hours on a CPU; for a GPU)")),
)
_ABOVE_CARD_PX = 8
BUNDLED = tr("Bundled model")
MINUTES = {"quick": 7, "balanced": 30, "thorough": 120}
"""Of the presets; the training stops there where the machine is slow."""


class FinetunePage(QWidget):
    """Shows a ``FinetuneView`` and asks for what a person wants.

    Attributes:
        start_requested: Emitted with the preset and whether "object" stays.
        stop_requested: Emitted when the run is to stop.
        resume_requested: Emitted when the stopped run is to go on.
        discard_requested: Emitted when it is to be deleted.
        use_requested: Emitted with a version's name, or ``None`` for the bundled model.
        roll_back_requested: Emitted when the version before is to be used again.
    """

    start_requested = Signal(str, bool)
    stop_requested = Signal()
    resume_requested = Signal()
    discard_requested = Signal()
    use_requested = Signal(object)
    roll_back_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("ifcPage")
        self._material = _label("")
        self._preset = QComboBox()
        self._keep_object = QCheckBox(tr('Keep the general class ("object", "cell")'))
        self.start_button = QPushButton(tr("Fine-tune"))
        self._stop = QPushButton(tr("Stop"))
        self._resume = QPushButton(tr("Resume"))
        self._discard = QPushButton(tr("Discard…"))
        self._discard.setToolTip(tr("Delete the stopped run with all that it has trained"))
        self._stopped = _label("", "muted")
        self._state = _label("")
        self._detail = _label("", "muted")
        self._notes = _label("", "muted")
        self._bar = QProgressBar()
        self.loss_plot = _plot(tr("loss"))
        self.score_plot = _plot(tr("held-out mean J"))
        self.score_plot.setToolTip(
            tr(
                "Begins with the model before and ends with the new one, as the card compares "
                "them. What lies between is the model as far as it was trained; at the end it may "
                "be blended back towards the one before, so that it forgets less."
            )
        )
        self._loss_line = self.loss_plot.plot([], [])
        self._score_line = self.score_plot.plot([], [], symbol="o", symbolSize=6)
        self.card = OutcomeCard()
        self._models = QListWidget()
        self._roll_back = QPushButton(tr("Use the one before"))
        self._use = QPushButton(tr("Use this version"))
        self._provenance = _label("", "muted")
        self._plan = _label("", "muted")
        self._choices = QWidget()  # how to train: out of the way while it trains
        self._area = QScrollArea()
        self._shown_models: tuple[ModelVersion, ...] | None = None
        self._shown_base = ""
        self._frames = 0
        self._parent = ""
        self._why_not_use = ""
        self._build()
        self.show_view(FinetuneView(), tr("Open a video first."))

    def _build(self) -> None:
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(10, 10, 10, 10)
        column.setSpacing(8)
        column.addWidget(self._material)
        for key, text in _PRESET_TEXTS:
            self._preset.addItem(text, key)
        self._preset.setAccessibleName(tr("Preset"))
        self._preset.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self._preset.setMinimumContentsLength(10)
        self._keep_object.setChecked(True)
        self._keep_object.setToolTip(
            tr("Kept, the model still finds what is of no class of yours; dropped, it does not")
        )
        form = QFormLayout()
        form.addRow(tr("Preset"), self._preset)
        how = QVBoxLayout(self._choices)
        how.setContentsMargins(0, 0, 0, 0)
        how.addLayout(form)
        how.addWidget(self._plan)
        how.addWidget(self._keep_object)
        column.addWidget(self._choices)
        self.start_button.setProperty("role", "primary")
        buttons = QHBoxLayout()
        for button in (self.start_button, self._stop, self._resume, self._discard):
            buttons.addWidget(button)
        buttons.addStretch()
        column.addWidget(self._stopped)
        column.addLayout(buttons)
        # What came out stands above the curves: it is what a person waited for.
        for widget in (self._state, self._detail, self._notes, self._bar, self.card):
            column.addWidget(widget)
        column.addWidget(self.loss_plot)
        column.addWidget(self.score_plot)
        self._bar.setTextVisible(False)
        self._bar.setRange(0, 1000)
        heading = _label(tr("Model versions"), "heading")
        column.addWidget(heading)
        self._models.setAccessibleName(tr("Model versions"))
        self._models.setFixedHeight(120)
        column.addWidget(self._models)
        column.addWidget(self._provenance)
        choices = QHBoxLayout()
        choices.addWidget(self._use)
        choices.addWidget(self._roll_back)
        choices.addStretch()
        column.addLayout(choices)
        column.addStretch(1)
        area = self._area
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its fields have it
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(body)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(area)
        self.start_button.clicked.connect(self._on_start)
        self._stop.clicked.connect(self.stop_requested)
        self._resume.clicked.connect(self.resume_requested)
        self._discard.clicked.connect(self.discard_requested)
        self._roll_back.clicked.connect(self.roll_back_requested)
        self._models.itemActivated.connect(self._on_model)
        self._models.currentItemChanged.connect(lambda now, _: self._show_provenance(now))
        self._use.clicked.connect(self._on_use)
        self._preset.currentIndexChanged.connect(lambda _: self._show_plan())
        self._show_plan()
        self._show_provenance(None)

    def apply_palette(self, palette: Palette) -> None:
        """Take the theme's colours."""
        for plot in (self.loss_plot, self.score_plot):
            plot.setBackground(palette.surface)
            for side in ("left", "bottom"):
                plot.getAxis(side).setTextPen(palette.muted)
                plot.getAxis(side).setPen(palette.muted)
        self._loss_line.setPen(pg.mkPen(palette.accent, width=2))
        self._score_line.setPen(pg.mkPen(palette.good, width=2))
        self._score_line.setSymbolBrush(palette.good)

    def show_view(self, view: FinetuneView, why_not: str) -> None:
        """Show the state of things.

        Args:
            view: From the controller.
            why_not: Why no run can be started; empty if one can.
        """
        unknown = view.counting and view.material.masks == 0
        counting = tr("Counting what there is to learn from…")
        self._material.setText(counting if unknown else material_text(view.material))
        self._frames = view.material.frames
        self._show_plan()
        self.start_button.setEnabled(not why_not)
        self.start_button.setToolTip(why_not or tr("Learn from what was corrected and approved"))
        self._stop.setVisible(view.running)
        self._stop.setEnabled(not view.stopping)
        for button in (self._resume, self._discard, self._stopped):
            button.setVisible(view.resumable)
        self._stopped.setText(stopped_text(view.stopped))
        for widget in (self._choices, self.start_button):
            widget.setVisible(not view.running)
        self._state.setText(view.text)
        told = not view.running and view.outcome is not None  # the card says it
        self._state.setVisible(bool(view.text) and not told)
        self._detail.setText(view.detail)
        self._detail.setVisible(bool(view.detail))
        self._notes.setText("\n".join(view.notes))
        self._notes.setVisible(bool(view.notes))
        self._bar.setVisible(view.running)
        if view.fraction is None:
            self._bar.setRange(0, 0)
        else:
            self._bar.setRange(0, 1000)
            self._bar.setValue(round(view.fraction * 1000))
        self._show_curves(view)
        is_new = self.card.show_outcome(view.outcome)
        if is_new:  # once the page has its new heights
            QTimer.singleShot(0, self._look_at_card)
        self._why_not_use = view.why_not_use
        self._show_models(view.models, view.base or BUNDLED)
        none = "" if view.models else tr("There is no other version yet")
        if view.models and not any(model.active for model in view.models):
            none = tr("{model} is in use; select a version instead")
            none = none.format(model=view.base or BUNDLED)
        self._roll_back.setEnabled(not (none or view.why_not_use))
        self._roll_back.setToolTip(none or view.why_not_use)
        self._show_use(self._models.currentItem())

    def _look_at_card(self) -> None:
        self._area.verticalScrollBar().setValue(self.card.y() - _ABOVE_CARD_PX)

    def _show_curves(self, view: FinetuneView) -> None:
        self.loss_plot.setVisible(bool(view.losses))
        self.score_plot.setVisible(len(view.scores) > 1)  # one point is no curve
        self._loss_line.setData([x for x, _ in view.losses], [y for _, y in view.losses])
        self._score_line.setData([x for x, _ in view.scores], [y for _, y in view.scores])

    def _show_models(self, models: tuple[ModelVersion, ...], base: str) -> None:
        if (models, base) == (self._shown_models, self._shown_base):
            return
        self._shown_models, self._shown_base = models, base
        self._models.clear()
        for model in models:
            item = QListWidgetItem(model_text(model))
            item.setData(Qt.ItemDataRole.UserRole, model.name)
            item.setToolTip(provenance_text(model))
            self._models.addItem(item)
        none_active = not any(model.active for model in models)
        self._models.addItem(QListWidgetItem(("●  " if none_active else "○  ") + base))
        self._show_provenance(None)

    def _on_start(self) -> None:
        self.start_requested.emit(self._preset.currentData(), self._keep_object.isChecked())

    def show_parent(self, text: str) -> None:
        """Say which model a run would begin with.

        Args:
            text: As Propose shows it; empty where nothing is open.
        """
        self._parent = text
        self._show_plan()

    def _show_plan(self) -> None:
        """How long the training takes, what it begins with and what is kept aside to judge by."""
        self._plan.setText(plan_text(str(self._preset.currentData()), self._frames, self._parent))

    def _show_provenance(self, item: QListWidgetItem | None) -> None:
        models = self._shown_models or ()
        name = None if item is None else item.data(Qt.ItemDataRole.UserRole)
        chosen = next((model for model in models if model.name == name), None)
        text = tr("Select a version to see where it comes from.")
        if chosen is not None:
            text = provenance_text(chosen)
        elif item is not None:
            text = tr("What Propose uses while no version is in use.")
        self._provenance.setText(text)
        self._show_use(item)

    def _show_use(self, item: QListWidgetItem | None) -> None:
        """Whether the version can be used, or why not."""
        reason = self._why_not_use
        if item is None:
            reason = reason or tr("Select a version first")
        elif item.text().startswith("●"):
            reason = tr("It is in use")
        self._use.setEnabled(not reason)
        self._use.setToolTip(reason)

    def _on_use(self) -> None:
        item = self._models.currentItem()
        if item is not None:
            self._on_model(item)

    def _on_model(self, item: QListWidgetItem) -> None:
        self.use_requested.emit(item.data(Qt.ItemDataRole.UserRole))


class OutcomeCard(QFrame):
    """Before and after on held-out masks, with pictures and a slider through them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._title = _label("", "heading")
        self._figures = QGridLayout()
        self._figures.setHorizontalSpacing(12)
        self._figures.setColumnStretch(0, 1)
        self._took = _label("", "muted")
        self.picture = CompareView()
        self._caption = _label(tr("Drag the divider; hold L to see the label."), "muted")
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._slider.setAccessibleName(tr("Held-out frame"))
        self.outcome: Outcome | None = None
        column = QVBoxLayout(self)
        column.addWidget(self._title)
        column.addLayout(self._figures)
        for widget in (self.picture, self._caption, self._slider, self._took):
            column.addWidget(widget)
        self._slider.valueChanged.connect(self._show_picture)
        self.hide()

    def show_outcome(self, outcome: Outcome | None) -> bool:
        """Show the end of a run, or nothing.

        Returns:
            Whether it is that of another run than before; of one run only changes which model is
            in use since.
        """
        before, self.outcome = self.outcome, outcome
        self.setVisible(outcome is not None)
        if outcome is None:
            return False
        self._title.setText(f"{outcome.name}: {verdict_text(outcome)}")
        if before is not None and before.name == outcome.name:
            return False
        self._show_figures(outcome)
        count = len(outcome.comparisons)
        self._slider.setRange(0, max(0, count - 1))
        self._slider.setVisible(count > 1)
        self._caption.setVisible(count > 0)
        self._show_picture()
        return True

    def _show_figures(self, outcome: Outcome) -> None:
        while (item := self._figures.takeAt(0)) is not None:
            item.widget().deleteLater()
        rows = outcome_rows(outcome)
        if rows:
            rows.insert(0, ("", tr("before"), tr("after")))
        for line, texts in enumerate(rows):
            for column, text in enumerate(texts):
                label = _label(text, "muted" if line == 0 else "")
                label.setWordWrap(column == 0)
                if column:
                    label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
                self._figures.addWidget(label, line, column)
        took = tr("Took {minutes:.1f} min, from {parent}.").format(
            minutes=outcome.seconds / 60, parent=outcome.parent
        )
        self._took.setText("\n".join((took, *outcome.notices)))

    def _show_picture(self) -> None:
        pictures = () if self.outcome is None else self.outcome.comparisons
        self.picture.set_picture(pictures[self._slider.value()] if pictures else None)


def plan_text(preset: str, frames: int, parent: str = "") -> str:
    """What a fine-tuning begins with, how long it takes, and what it is judged by.

    Args:
        preset: Its key.
        frames: Frames with something to learn from.
        parent: The model that it begins with, as Propose shows it.
    """
    minutes = MINUTES[preset]
    long = (
        tr("{minutes} minutes").format(minutes=minutes)
        if minutes < 60
        else tr("{hours} hours").format(hours=minutes // 60)
    )
    text = tr(
        "Trains for up to {long} in a process of its own, then judges the model; you can go on "
        "working."
    ).format(long=long)
    if frames > 1:
        text += tr(" About a fifth of the frames is kept aside to judge the new model by.")
    if parent:
        text += tr("\nBegins with what Propose uses: {model}.").format(model=parent)
    return text


def stopped_text(stopped: Sequence[str]) -> str:
    """Which runs are stopped, and what becomes of them.

    Args:
        stopped: In words, the one that Resume goes on with first.
    """
    if not stopped:
        return ""
    text = tr("Stopped: {run}. A new one leaves it as it is.").format(run=stopped[0])
    if len(stopped) > 1:
        text += tr(" Before it: {runs}.").format(runs="; ".join(stopped[1:]))
    return text


def outcome_rows(outcome: Outcome) -> list[tuple[str, str, str]]:
    """Figures of a run: what, before, after."""
    rows = []
    if outcome.before_j is not None and outcome.after_j is not None:
        text = tr("Mean J on {held_out_masks} held-out masks")
        if outcome.held_out_masks == 1:
            text = tr("Mean J on 1 held-out mask")
        text = text.format(held_out_masks=outcome.held_out_masks)
        rows.append((text, *figure_pair(outcome.before_j, outcome.after_j)))
    if outcome.ap is not None:
        rows.append((tr("AP on them, by class"), *figure_pair(*outcome.ap)))
    if outcome.rehearsal is not None:
        rows.append((tr("Old task (generated clips)"), *figure_pair(*outcome.rehearsal)))
    return rows


def model_text(model: ModelVersion) -> str:
    """A version in one line."""
    mark = "●" if model.active else "○"
    after = model.metrics.get("after")
    mean_j = after.get("mean_j") if isinstance(after, dict) else None
    figure = f"  ·  J {mean_j:.2f}" if isinstance(mean_j, float) else ""
    return f"{mark}  {model.name}{figure}"


def provenance_text(model: ModelVersion) -> str:
    """Where a version comes from."""
    made = time.strftime("%Y-%m-%d %H:%M", time.localtime(model.created_at))
    lines = [tr("Made {made} from {parent}").format(made=made, parent=model.parent or "nothing")]
    trained_on = model.provenance.get("trained_on")
    lines += [
        tr("{name}: {frames}").format(name=name, frames=frames_text(count_frames(frames)))
        for name, frames in (trained_on.items() if isinstance(trained_on, dict) else ())
    ]
    return "\n".join(lines)


def _label(text: str, role: str = "") -> QLabel:
    label = QLabel(text)
    label.setWordWrap(True)
    if role:
        label.setProperty("role", role)
    return label


def _plot(title: str) -> pg.PlotWidget:
    plot = pg.PlotWidget()
    plot.setFixedHeight(130)
    plot.setLabel("left", title)
    plot.getAxis("left").enableAutoSIPrefix(False)  # a score of 0.5 is not "500 (×0.001)"
    plot.setMenuEnabled(False)
    plot.hideButtons()
    plot.setMouseEnabled(x=False, y=False)
    plot.setAccessibleName(tr("Curve of the {title}").format(title=title))
    return plot
