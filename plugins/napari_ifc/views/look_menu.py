"""How masks are shown: opacity, outlines, numbers, the ghost of the frame before."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QCheckBox, QFormLayout, QMenu, QSlider, QWidget, QWidgetAction

from napari_ifc.language import tr

OPACITY_PERCENT = (0, 100)
CONTOUR_PX = (1, 8)


class LookMenu(QMenu):
    """A small form that drops down.

    Attributes:
        changed: Emitted with opacity (0 to 1), width of outlines in pixels, whether numbers are
            shown and whether the ghost is shown.
    """

    changed = Signal(float, int, bool, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.opacity = _slider(OPACITY_PERCENT, tr("Opacity of masks"))
        self.contour = _slider(CONTOUR_PX, tr("Width of outlines"))
        self.ids = QCheckBox(tr("Track numbers"))
        self.ghost = QCheckBox(tr("Ghost of the previous frame"))
        form_widget = QWidget()
        form_widget.setObjectName("ifcPage")
        form = QFormLayout(form_widget)
        form.setContentsMargins(14, 12, 14, 12)
        form.addRow(tr("Opacity"), self.opacity)
        form.addRow(tr("Outline"), self.contour)
        form.addRow(self.ids)
        form.addRow(self.ghost)
        entry = QWidgetAction(self)
        entry.setDefaultWidget(form_widget)
        self.addAction(entry)
        self.opacity.valueChanged.connect(self._tell)
        self.contour.valueChanged.connect(self._tell)
        self.ids.toggled.connect(self._tell)
        self.ghost.toggled.connect(self._tell)

    def show_look(self, opacity: float, contour_px: int, ids: bool, ghost: bool) -> None:
        """Show what is set, without asking for it again."""
        self.blockSignals(True)
        self.opacity.setValue(round(100 * opacity))
        self.contour.setValue(contour_px)
        self.ids.setChecked(ids)
        self.ghost.setChecked(ghost)
        self.blockSignals(False)

    def _tell(self) -> None:
        self.changed.emit(
            self.opacity.value() / 100,
            self.contour.value(),
            self.ids.isChecked(),
            self.ghost.isChecked(),
        )


def _slider(bounds: tuple[int, int], name: str) -> QSlider:
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setRange(*bounds)
    slider.setMinimumWidth(140)
    slider.setAccessibleName(name)
    return slider
