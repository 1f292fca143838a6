"""How to propose: mode, clip length, stride, step, model, device, and what it will take."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ifc_core.errors import ConfigError
from ifc_core.inference.settings import PRECISIONS, ProposeSettings
from ifc_core.models.config import LEAST_DUPLICATE_IOU, MOST_LOOKAHEAD
from napari_ifc.language import tr
from napari_ifc.views.propose_choices import (
    CUSTOM,
    EDGES_OFFERED,
    FOR_MICROSCOPY,
    MODE_HELP,
    MODES,
    NEAR_ONLINE,
    OFFLINE,
    TILES,
    gpu_in_words,
    tiles_in_words,
)
from napari_ifc.views.spin_words import show_word

_STEP = 0.05
_MODELS_OWN_SCORE = -_STEP  # below the scale: the score threshold that the model says
_MODELS_OWN_OVERLAP = LEAST_DUPLICATE_IOU - _STEP
_MODELS_OWN_LOOKAHEAD = -1
_LABEL_PX = 84  # so that the fields of both forms stand in one line


class ProposePanel(QWidget):
    """The form behind Propose.

    Attributes:
        propose_requested: Emitted when Propose is pressed.
        changed: Emitted when any setting changed.
        region_requested: Emitted when a region is to be drawn on the canvas.
        region_xywh: The part of the frame to look at, ``None`` for all of it.
    """

    propose_requested = Signal()
    changed = Signal()
    region_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("ifcPage")
        self._mode = QComboBox()
        for key, text in MODES:
            self._mode.addItem(text, key)
        self._length = _spin(1, 400, 5, tr(" frames"))
        self._stride = _spin(1, 400, 1, tr(" frames"))
        self._step = _spin(1, 100, 1, "")
        self._threshold = _share(_MODELS_OWN_SCORE)
        self._duplicates = _share(_MODELS_OWN_OVERLAP)
        self._lookahead = _spin(
            _MODELS_OWN_LOOKAHEAD, MOST_LOOKAHEAD, _MODELS_OWN_LOOKAHEAD, tr(" frames")
        )
        self._model = QComboBox()
        self._device = QComboBox()
        self._precision = QComboBox()
        self._tiles = QComboBox()
        self._edges = QComboBox()
        self._reidentify = QCheckBox(tr("Know objects again"))
        self._shot_cuts = QCheckBox(tr("End tracks at cuts"))
        self._shot_cuts.setChecked(True)
        self.more = QToolButton()
        self._more_rows = QFrame()
        self._custom_rows = QFrame()
        self._help = QLabel()
        self._estimate = QLabel()
        self._region_text = QLabel(tr("Whole frame"))
        self._draw_region = QPushButton(tr("Draw…"))
        self._clear_region = QPushButton(tr("Clear"))
        self.region_xywh: tuple[int, int, int, int] | None = None
        self.button = QPushButton(tr("Propose"))
        self._set_up()
        self._build()
        self.set_models([("default", tr("Bundled model"))], "default")
        self.set_devices(["auto", "cpu"])
        self._on_mode()

    def _set_up(self) -> None:
        for widget, name, tip in (
            (self._mode, tr("Mode"), tr("How the video is cut into clips")),
            (self._length, tr("Clip length"), tr("T: frames that the model sees together")),
            (self._stride, tr("Clip stride"), tr("S: frames between the starts of two clips")),
            (self._step, tr("Frame step"), tr("Look at every n-th frame only")),
            (
                self._threshold,
                tr("Score threshold"),
                tr("Objects of whose class the model is less sure are left out"),
            ),
            (
                self._duplicates,
                tr("Overlap of duplicates"),
                tr(
                    "One thing, one mask: of masks that overlap this much (soft IoU over a clip) "
                    "only the surest stays; at 1 all stay"
                ),
            ),
            (
                self._lookahead,
                tr("Look ahead"),
                tr(
                    "Decide who is who with a look at so many further frames, so that a track "
                    "follows its object; masks come later by twice as many. At 0 each clip is "
                    "linked as it comes"
                ),
            ),
            (
                self._model,
                tr("Model"),
                tr("The weights to propose with") + "\n" + FOR_MICROSCOPY,
            ),
            (self._device, tr("Device"), tr("Where the model runs")),
            (
                self._precision,
                tr("Precision"),
                tr(
                    "Arithmetic; auto takes the fastest that is safe, int8 is quicker on a CPU "
                    "with rougher masks"
                ),
            ),
            (
                self._tiles,
                tr("Tiles"),
                tr("For small objects in large frames; the whole frame is looked at as well"),
            ),
            (self._edges, tr("Edges of masks"), tr("Decided again at the full size of the frame")),
            (
                self._reidentify,
                tr("Know objects again after an absence"),
                tr("An object that was away gets its old track again, where it looks the same"),
            ),
            (
                self._shot_cuts,
                tr("End tracks at cuts"),
                tr("Where an edited video cuts to another shot, no track goes on over the cut"),
            ),
        ):
            widget.setAccessibleName(name)
            widget.setToolTip(tip)
        for precision in PRECISIONS:
            text = tr("Automatic") if precision == "auto" else precision
            self._precision.addItem(text, precision)
        for box, choices in ((self._tiles, TILES), (self._edges, EDGES_OFFERED)):
            for value, text in choices:
                box.addItem(text, value)
        for tick in (self._reidentify, self._shot_cuts):
            tick.toggled.connect(lambda _: self.changed.emit())
        self.more.setText(tr("More settings"))
        self.more.setCheckable(True)
        self.more.setArrowType(Qt.ArrowType.RightArrow)
        self.more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.more.setProperty("role", "fold")
        self.more.toggled.connect(self._show_more)
        choices = (self._mode, self._model, self._device, self._precision)
        for box in (*choices, self._tiles, self._edges):
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.setMinimumContentsLength(10)
            box.currentIndexChanged.connect(lambda _: self.changed.emit())
        show_word(self._step, tr("every frame"))
        self._step.setPrefix(tr("every "))
        show_word(self._lookahead, tr("Model's own"))
        wide = QSizePolicy.Policy.Expanding
        shares = (self._threshold, self._duplicates)
        counts = (self._length, self._stride, self._step, self._lookahead)
        fields = (self._mode, *counts, *shares)
        hardware = (self._model, self._device, self._precision)
        for field in (*fields, *hardware, self._tiles, self._edges):
            field.setSizePolicy(wide, QSizePolicy.Policy.Fixed)
        for spin in (*counts, *shares):
            spin.valueChanged.connect(lambda _: self.changed.emit())
        self._mode.currentIndexChanged.connect(lambda _: self._on_mode())
        self._length.valueChanged.connect(self._stride.setMaximum)
        self._draw_region.setToolTip(
            tr("Drag a rectangle on the frame; only what lies in it is found")
        )
        self._clear_region.setToolTip(tr("Look at the whole frame"))
        self._draw_region.clicked.connect(self.region_requested)
        self._clear_region.clicked.connect(lambda: self.show_region(None))
        self.button.setProperty("role", "primary")
        self.button.clicked.connect(self.propose_requested)
        for label in (self._help, self._estimate):
            label.setProperty("role", "muted")
            label.setWordWrap(True)

    def _build(self) -> None:
        inside = QFrame()
        inside.setObjectName("ifcPage")
        column = QVBoxLayout(inside)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(8)
        first = _form((tr("Mode"), self._mode), ("", self._help))
        custom = _form((tr("Clip length"), self._length), (tr("Clip stride"), self._stride))
        second = _form(
            (tr("Frame step"), self._step),
            (tr("Region"), self._region_row()),
            (tr("Model"), self._model),
        )
        rest = _form(
            (tr("Min. score"), self._threshold),
            (tr("Duplicates"), self._duplicates),
            (tr("Look ahead"), self._lookahead),
            (tr("Tiles"), self._tiles),
            (tr("Edges"), self._edges),
            (tr("Absences"), self._reidentify),
            (tr("Shots"), self._shot_cuts),
            (tr("Device"), self._device),
            (tr("Precision"), self._precision),
        )
        column.addLayout(first)
        for frame, form in ((self._custom_rows, custom), (self._more_rows, rest)):
            form.setContentsMargins(0, 0, 0, 0)
            frame.setLayout(form)
        column.addWidget(self._custom_rows)
        column.addLayout(second)
        column.addWidget(self.more)
        column.addWidget(self._more_rows)
        column.addStretch(1)
        self._show_more(False)
        self.changed.connect(self._count_more)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its fields have it
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inside)
        foot = QVBoxLayout()
        foot.setContentsMargins(12, 4, 12, 10)
        foot.setSpacing(6)
        foot.addWidget(self._estimate)
        foot.addWidget(self.button)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(area, 1)
        outer.addLayout(foot)

    def _show_more(self, shown: bool) -> None:
        self._more_rows.setVisible(shown)
        arrow = Qt.ArrowType.DownArrow if shown else Qt.ArrowType.RightArrow
        self.more.setArrowType(arrow)

    def _count_more(self) -> None:
        """What is folded away and not as usual is counted where it is folded away."""
        fields = (
            self._threshold.value() > self._threshold.minimum(),
            self._duplicates.value() > self._duplicates.minimum(),
            self._lookahead.value() > _MODELS_OWN_LOOKAHEAD,
            self._tiles.currentIndex() > 0,
            self._edges.currentIndex() > 0,
            self._reidentify.isChecked(),
            not self._shot_cuts.isChecked(),
        )
        count = sum(fields)
        text = tr("More settings ({count} changed)").format(count=count)
        self.more.setText(text if count else tr("More settings"))

    def _region_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.addWidget(self._region_text, 1)
        row.addWidget(self._draw_region)
        row.addWidget(self._clear_region)
        self._clear_region.setEnabled(False)
        return row

    def show_region(self, region_xywh: tuple[int, int, int, int] | None) -> None:
        """Take a region, (x, y, width, height) in pixels of the frame, and tell of it."""
        self.region_xywh = region_xywh
        text, tip = tr("Whole frame"), ""
        if region_xywh is not None:
            x, y, width, height = region_xywh
            text = tr("{width} × {height} px").format(width=width, height=height)
            tip = tr("From pixel {x}, {y} of the frame").format(x=x, y=y)
        self._region_text.setText(text)
        self._region_text.setToolTip(tip)
        self._clear_region.setEnabled(region_xywh is not None)
        self.changed.emit()

    def settings(self) -> ProposeSettings:
        """The settings as chosen.

        Raises:
            ConfigError: They do not fit together.
        """
        mode = self._mode.currentData()
        usual = ProposeSettings()
        custom = mode == CUSTOM
        ahead = self._lookahead.value()
        score, overlap = round(self._threshold.value(), 3), round(self._duplicates.value(), 3)
        return ProposeSettings(
            model=self.model,
            clip_length=self._length.value() if custom else usual.clip_length,
            clip_stride=self._stride.value() if custom else usual.clip_stride,
            frame_step=self._step.value(),
            score_threshold=None if score < 0 else score,
            duplicate_iou=None if overlap < LEAST_DUPLICATE_IOU else overlap,
            lookahead=None if ahead == _MODELS_OWN_LOOKAHEAD else ahead,
            device=str(self._device.currentData() or "auto"),
            precision=self.precision,
            region_xywh=self.region_xywh,
            offline=mode == OFFLINE,
            tiles=str(self._tiles.currentData() or ""),
            edges=str(self._edges.currentData()) or None,
            reidentify=self._reidentify.isChecked(),
            shot_cuts=self._shot_cuts.isChecked(),
        )

    @property
    def frame_step(self) -> int:
        """Every how many-th frame is looked at."""
        return int(self._step.value())

    @property
    def precision(self) -> str:
        """The arithmetic that is chosen."""
        return str(self._precision.currentData() or "auto")

    def show_settings(self, settings: ProposeSettings) -> None:
        """Show settings, all but model, device and region, without telling that they changed."""
        self.blockSignals(True)
        usual = (settings.clip_length, settings.clip_stride) == (5, 1)
        mode = OFFLINE if settings.offline else NEAR_ONLINE if usual else CUSTOM
        self._mode.setCurrentIndex(self._mode.findData(mode))
        self._length.setValue(settings.clip_length)
        self._stride.setValue(settings.clip_stride)
        self._step.setValue(settings.frame_step)
        for spin, chosen in (
            (self._threshold, settings.score_threshold),
            (self._duplicates, settings.duplicate_iou),
            (self._lookahead, settings.lookahead),
        ):
            spin.setValue(spin.minimum() if chosen is None else chosen)
        self._precision.setCurrentIndex(self._precision.findData(settings.precision))
        if self._tiles.findData(settings.tiles) < 0:
            self._tiles.addItem(tiles_in_words(settings.tiles), settings.tiles)
        self._tiles.setCurrentIndex(self._tiles.findData(settings.tiles))
        self._edges.setCurrentIndex(self._edges.findData(settings.edges or ""))
        self._reidentify.setChecked(settings.reidentify)
        self._shot_cuts.setChecked(settings.shot_cuts)
        self.blockSignals(False)
        self._count_more()

    @property
    def model(self) -> str:
        """Name or file of the model that is chosen."""
        return str(self._model.currentData() or "default")

    @property
    def model_text(self) -> str:
        """The same as it is shown."""
        return self._model.currentText()

    def set_models(self, models: list[tuple[str, str]], active: str) -> None:
        """Offer models; ``changed`` tells where another one is chosen than before.

        Args:
            models: (name or file, text) of each.
            active: The one that is chosen.
        """
        before = self.model
        self._fill(self._model, models, active)
        if self.model != before:
            self.changed.emit()

    def show_hardware(self, device: str, precision: str) -> None:
        """Choose a device and a precision without telling that they changed."""
        devices = self.devices()
        self.set_devices(devices if device in devices else [*devices, device], device)
        self._precision.blockSignals(True)
        self._precision.setCurrentIndex(self._precision.findData(precision))
        self._precision.blockSignals(False)

    def set_devices(self, devices: list[str], active: str | None = None) -> None:
        """Offer devices; the one that was chosen stays chosen unless ``active`` names another."""
        active = active or str(self._device.currentData() or "auto")
        texts = {"auto": tr("Automatic"), "cpu": tr("Processor (CPU)"), "mps": tr("Apple GPU")}
        items = [(d, texts.get(d) or gpu_in_words(d)) for d in devices]
        self._fill(self._device, items, active)

    def devices(self) -> list[str]:
        """The devices on offer."""
        return [str(self._device.itemData(i)) for i in range(self._device.count())]

    @staticmethod
    def _fill(box: QComboBox, items: list[tuple[str, str]], active: str) -> None:
        box.blockSignals(True)
        box.clear()
        for value, text in items:
            box.addItem(text, value)
        box.setCurrentIndex(max(0, box.findData(active)))
        box.blockSignals(False)

    def show_state(self, *, reason: str, button_text: str, estimate: str) -> None:
        """Enable or disable the button, and say what it will do or why it cannot.

        Args:
            reason: Why Propose is not possible, or empty.
            button_text: Text of the button.
            estimate: What a run will take, or empty.
        """
        self.button.setEnabled(not reason)
        self.button.setText(button_text)
        self.button.setToolTip(reason)
        self._estimate.setText(reason or estimate)
        self._estimate.setVisible(bool(reason or estimate))

    def fault(self) -> str:
        """The sentence of what is wrong with the settings, or empty."""
        try:
            self.settings()
        except ConfigError as error:
            return str(error)
        return ""

    def _on_mode(self) -> None:
        mode = self._mode.currentData()
        self._help.setText(MODE_HELP[mode])
        self._custom_rows.setVisible(mode == CUSTOM)


def _form(*rows: tuple[str, QWidget | QHBoxLayout]) -> QFormLayout:
    form = QFormLayout()
    form.setHorizontalSpacing(12)
    form.setVerticalSpacing(8)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
    form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    for text, field in rows:
        label = QLabel(text)
        label.setMinimumWidth(_LABEL_PX)
        form.addRow(label, field)
    return form


def _spin(low: int, high: int, value: int, suffix: str) -> QSpinBox:
    spin = QSpinBox()
    spin.setRange(low, high)
    spin.setValue(value)
    spin.setSuffix(suffix)
    return spin


def _share(models_own: float) -> QDoubleSpinBox:
    """A number up to 1, whose least value leaves it to the model."""
    spin = QDoubleSpinBox()
    spin.setRange(models_own, 1.0)
    spin.setSingleStep(_STEP)
    show_word(spin, tr("Model's own"))
    spin.setValue(models_own)
    return spin
