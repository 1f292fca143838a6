"""Before and after in one picture, with a divider that is dragged from side to side."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import (
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
)
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_ifc.language import tr

_PANELS = 3  # label, before, after, side by side in one file
_STEP = 0.05


class CompareView(QWidget):
    """Shows one held-out frame: the old model's masks left of the divider, the new one's right.

    While the mouse button is pressed with Shift, or L is held, the label is shown instead.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._panels: tuple[QPixmap, ...] = ()
        self._share = 0.5
        self._label_shown = False
        self.setCursor(Qt.CursorShape.SplitHCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Before and after"))
        self.setToolTip(tr("Drag the divider (or use the arrow keys); hold L to see the label"))
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    @property
    def share(self) -> float:
        """Where the divider stands, 0 (all after) to 1 (all before)."""
        return self._share

    def set_picture(self, path: Path | None) -> None:
        """Show a picture of three panels: label, before, after."""
        whole = QPixmap() if path is None else QPixmap(str(path))
        width = whole.width() // _PANELS
        self._panels = tuple(
            whole.copy(place * width, 0, width, whole.height())
            for place in range(_PANELS if width else 0)
        )
        self.setVisible(bool(self._panels))
        self._keep_shape()
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Keep the picture's shape, so that no room is left under it."""
        super().resizeEvent(event)
        self._keep_shape()

    def _keep_shape(self) -> None:
        if self._panels:
            self.setFixedHeight(self.heightForWidth(self.width()))

    def hasHeightForWidth(self) -> bool:  # noqa: N802, D102
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802, D102
        if not self._panels:
            return 0
        panel = self._panels[0]
        return max(1, round(width * panel.height() / max(1, panel.width())))

    def sizeHint(self) -> QSize:  # noqa: N802, D102
        return QSize(300, self.heightForWidth(300))

    def set_share(self, share: float) -> None:
        """Move the divider."""
        self._share = min(1.0, max(0.0, share))
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Bring the divider here."""
        self.setFocus()
        self._to(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Drag the divider."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._to(event)

    def _to(self, event: QMouseEvent) -> None:
        self.set_share(event.position().x() / max(1, self.width()))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Arrow keys move the divider; L shows the label while it is held."""
        steps = {Qt.Key.Key_Left: -_STEP, Qt.Key.Key_Right: _STEP}
        step = steps.get(Qt.Key(event.key()))
        if step is not None:
            self.set_share(self._share + step)
        elif event.key() == Qt.Key.Key_L:
            self._show_label(True)
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Let go of the label."""
        if event.key() == Qt.Key.Key_L and not event.isAutoRepeat():
            self._show_label(False)
        else:
            super().keyReleaseEvent(event)

    def _show_label(self, shown: bool) -> None:
        self._label_shown = shown
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw both sides and the divider."""
        if not self._panels:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        field = QRectF(0, 0, self.width(), self.heightForWidth(self.width()))
        label, before, after = self._panels
        if self._label_shown:
            painter.drawPixmap(field, label, QRectF(label.rect()))
            _caption(painter, field, tr("Label"), Qt.AlignmentFlag.AlignLeft)
            painter.end()
            return
        cut = field.width() * self._share
        painter.drawPixmap(field, after, QRectF(after.rect()))
        left = QRectF(0, 0, cut, field.height())
        painter.drawPixmap(
            left, before, QRectF(0, 0, before.width() * self._share, before.height())
        )
        painter.setPen(QPen(QColor("#ffffff"), 2))
        painter.drawLine(int(cut), 0, int(cut), int(field.height()))
        _caption(painter, field, tr("Before"), Qt.AlignmentFlag.AlignLeft)
        _caption(painter, field, tr("After"), Qt.AlignmentFlag.AlignRight)
        painter.end()


def _caption(painter: QPainter, field: QRectF, text: str, side: Qt.AlignmentFlag) -> None:
    box = painter.fontMetrics().boundingRect(text)
    width, height = box.width() + 14.0, box.height() + 4.0
    left = field.left() + 6 if side is Qt.AlignmentFlag.AlignLeft else field.right() - width - 6
    place = QRectF(left, field.top() + 6, width, height)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(0, 0, 0, 170))
    painter.drawRoundedRect(place, 4, 4)
    painter.setPen(QColor("#ffffff"))
    painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)
