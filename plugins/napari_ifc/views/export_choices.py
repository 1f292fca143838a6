"""What an export form asks besides format and place: which tracks, frames and classes, and how."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSpinBox,
    QToolButton,
    QWidget,
)

from ifc_core.annotation.export_options import SPLIT_FORMATS, UNNAMED_FORMATS, ExportFormat
from napari_ifc.language import tr
from napari_ifc.rows import FrameRange
from napari_ifc.views.validation_row import ValidationRow

LABELS = (
    ("name", tr("Its name, or its number where it has none")),
    ("number", tr("Its number")),
    ("class", tr("Its class")),
)
_FILM = ExportFormat.OVERLAY
_ONLY_WITH_PICTURES = ExportFormat.YOLO  # which nobody can train on without


@dataclass(frozen=True, slots=True)
class ExportOffer:
    """What there is to choose from.

    Attributes:
        num_frames: Of the video that is shown; 0 where no range can be chosen.
        marked: The range that is marked on the timeline.
        classes: Id and name of each class.
        num_videos: Of the project.
        videos: Id and name of each, where some can be named for validation.
    """

    num_frames: int = 0
    marked: FrameRange | None = None
    classes: tuple[tuple[int, str], ...] = ()
    num_videos: int = 1
    videos: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ExportChoice:
    """What was chosen.

    Attributes:
        approved_only: Only tracks that are approved as a whole.
        shown_only: Only the video that is shown.
        frames: Only these frames, or ``None`` for all.
        class_ids: Only these classes, or ``None`` for all.
        pictures: Also write the frames.
        labels: What stands beside the masks of a film.
        valid_share: Part of the videos to validate by, apart from those to train on; ``None``
            writes all together.
        valid_ids: Videos to validate by in any case.
    """

    approved_only: bool = False
    shown_only: bool = False
    frames: FrameRange | None = None
    class_ids: tuple[int, ...] | None = None
    pictures: bool = False
    labels: str = "name"
    valid_share: float | None = None
    valid_ids: tuple[int, ...] = ()


class ExportChoices:
    """The rows of a form for them; those that a format does not know are hidden.

    Args:
        offer: What there is to choose from.
    """

    def __init__(self, offer: ExportOffer) -> None:
        self._offer = offer
        self._form = ""
        self.approved_only = QCheckBox(tr("Only tracks that are approved as a whole"))
        self.approved_only.setToolTip(
            tr("Other tracks keep no frame back, since frames are written once all are reviewed.")
        )
        self.shown_only = QCheckBox(tr("Only the video that is shown"))
        self.first, self.last = QSpinBox(), QSpinBox()
        self._last_frame = max(0, offer.num_frames - 1)
        self.first.setRange(0, self._last_frame)
        self.last.setRange(0, self._last_frame)
        self.last.setValue(self._last_frame)
        self.first.valueChanged.connect(self.last.setMinimum)
        self.first.setAccessibleName(tr("First frame"))
        self.last.setAccessibleName(tr("Last frame"))
        if offer.marked is not None:
            self.first.setValue(offer.marked.first)
            self.last.setValue(offer.marked.last)
        self.each = QLabel(tr("of each video"))
        self.shown_only.toggled.connect(self._show_each)
        self.classes = QToolButton()
        self.classes.setProperty("role", "small")
        self.classes.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.classes.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.classes.setAccessibleName(tr("Classes"))
        self._menu = QMenu(self.classes)
        for class_id, name in offer.classes:
            action = self._menu.addAction(name.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(True)
            action.setData(class_id)
        self._menu.triggered.connect(lambda _: self._show_classes())
        self.classes_changed = self._menu.triggered
        self.classes.setMenu(self._menu)
        self._show_classes()
        self.pictures = QCheckBox(tr("Also write the frames as pictures (JPEG)"))
        self._is_as_format_needs = True  # until the person says something else
        self.pictures.clicked.connect(self._keep_pictures)
        self.labels = QComboBox()
        for value, text in LABELS:
            self.labels.addItem(text, value)
        self.labels.setAccessibleName(tr("Beside each mask"))
        self.validation = ValidationRow(offer.videos)
        self.split, self.share = self.validation.split, self.validation.share
        self.split_changed = self.split.toggled
        self.shown_only.toggled.connect(self._show_split)

    def add_to(self, form: QFormLayout) -> None:
        """Add the rows to a form."""
        ends = QWidget()
        row = QHBoxLayout(ends)
        row.setContentsMargins(0, 0, 0, 0)
        for widget in (self.first, QLabel(tr("to")), self.last, self.each):
            row.addWidget(widget)
        row.addStretch(1)
        form.addRow(tr("From frame"), ends)
        self._set_visible(form, ends, self._offer.num_frames > 1)
        form.addRow(tr("Tracks"), self.approved_only)
        form.addRow(tr("Classes"), self.classes)
        self._set_visible(form, self.classes, len(self._offer.classes) > 1)
        form.addRow("", self.shown_only)
        form.addRow(tr("Validation"), self.validation)
        form.addRow("", self.pictures)
        form.addRow(tr("Beside each mask"), self.labels)
        self._rows = form

    def show_format(self, form: str) -> None:
        """Offer what a format knows; a film is one of the video that is shown."""
        self._form = form
        self._set_visible(self._rows, self.pictures, form not in UNNAMED_FORMATS)
        if self._is_as_format_needs:
            self.pictures.setChecked(form == _ONLY_WITH_PICTURES)
        self._set_visible(self._rows, self.labels, form == _FILM)
        has_others = self._offer.num_videos > 1
        self._set_visible(self._rows, self.shown_only, has_others and form != _FILM)
        self._show_split()
        self._show_each()

    def _keep_pictures(self) -> None:
        self._is_as_format_needs = False

    def splits(self) -> bool:
        """Whether videos to validate by are written apart, which makes a folder."""
        return self._may_split() and self.split.isChecked()

    def chosen(self) -> ExportChoice:
        """What is chosen now."""
        ends = FrameRange(self.first.value(), self.last.value())
        is_whole = (ends.first, ends.last) == (0, self._last_frame)
        return ExportChoice(
            approved_only=self.approved_only.isChecked(),
            shown_only=self._form == _FILM or self.shown_only.isChecked(),
            frames=None if is_whole else ends,
            class_ids=self._class_ids(),
            pictures=self._form not in UNNAMED_FORMATS and self.pictures.isChecked(),
            labels=str(self.labels.currentData()),
            valid_share=self.share.value() / 100 if self.splits() else None,
            valid_ids=self.validation.named_ids if self.splits() else (),
        )

    def obstacle(self) -> str:
        """Why nothing can be exported so, or an empty string."""
        if self._class_ids() == ():
            return tr("Choose at least one class.")
        return self.validation.obstacle() if self.splits() else ""

    def _may_split(self) -> bool:
        has_others = self._offer.num_videos > 1 and not self.shown_only.isChecked()
        return has_others and self._form in SPLIT_FORMATS

    def _show_split(self) -> None:
        """One video is not parted, and no results, tables or films are trained on."""
        if self.shown_only.isChecked():
            self.split.setChecked(False)
        self._set_visible(self._rows, self.validation, self._may_split())

    def _show_each(self) -> None:
        """The same range is that of every video that is written, which is to be seen."""
        is_one = self._offer.num_videos < 2 or self._form == _FILM
        self.each.setVisible(not (is_one or self.shown_only.isChecked()))

    def _class_ids(self) -> tuple[int, ...] | None:
        actions = self._menu.actions()
        ids = tuple(int(action.data()) for action in actions if action.isChecked())
        return None if len(ids) == len(actions) else ids

    def _show_classes(self) -> None:
        names = [a.text().replace("&&", "&") for a in self._menu.actions() if a.isChecked()]
        if self._class_ids() is None:
            text = tr("All classes")
        elif len(names) <= 2:
            text = ", ".join(names) or tr("None")
        else:
            text = tr("{count} classes").format(count=len(names))
        self.classes.setText(f"{text} ▾")

    @staticmethod
    def _set_visible(form: QFormLayout, field: QWidget, is_visible: bool) -> None:
        field.setVisible(is_visible)
        label = form.labelForField(field)
        if label is not None:
            label.setVisible(is_visible)
