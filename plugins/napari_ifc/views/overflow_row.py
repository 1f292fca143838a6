"""Widgets that make do with the width there is: a row of buttons, and a line of text."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QPainter, QPaintEvent, QResizeEvent
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMenu,
    QSizePolicy,
    QStyle,
    QStyleOption,
    QToolButton,
    QWidget,
)

from napari_ifc.language import tr


class OverflowRow(QWidget):
    """Buttons beside each other; those without room stand in the menu of a last one.

    Args:
        spacing: Pixels between two buttons.
    """

    def __init__(self, spacing: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("ifcClear")
        self._buttons: list[QToolButton] = []
        self._gaps: dict[QToolButton, int] = {}
        self.more = QToolButton()
        self.more.setText("…")
        self.more.setToolTip(tr("What has no room here"))
        self.more.setAccessibleName(tr("What has no room here"))
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = QMenu(self.more)
        self._menu.setToolTipsVisible(True)
        self._menu.aboutToShow.connect(self._fill)
        self.more.setMenu(self._menu)
        self._line = QHBoxLayout(self)
        self._line.setContentsMargins(0, 0, 0, 0)
        self._line.setSpacing(spacing)
        self._line.addWidget(self.more)
        self._line.addStretch(1)
        self.more.hide()
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def add(self, button: QToolButton, *, gap: int = 0) -> None:
        """Add a button behind the others.

        Args:
            button: The button; its menu entry has its accessible name.
            gap: Pixels in front of it besides the spacing.
        """
        place = self._line.indexOf(self.more)
        if gap:
            self._line.insertSpacing(place, gap)
            place += 1
        self._line.insertWidget(place, button)
        self._buttons.append(button)
        self._gaps[button] = gap

    def overflowing(self) -> list[QToolButton]:
        """The buttons that stand in the menu."""
        return [button for button in self._buttons if button.isHidden()]

    def _fill(self) -> None:
        self._menu.clear()
        for button in self.overflowing():
            entry = self._menu.addAction(button.text() or button.accessibleName())
            entry.setEnabled(button.isEnabled())
            entry.setToolTip(button.toolTip())
            entry.triggered.connect(button.click)

    def _room(self, button: QToolButton) -> int:
        return button.sizeHint().width() + self._line.spacing() + self._gaps.get(button, 0)

    def _fit(self) -> None:
        rooms = [self._room(button) for button in self._buttons]
        left = self.width() + self._line.spacing()
        if sum(rooms) > left:
            left -= self._room(self.more)
        for button, room in zip(self._buttons, rooms, strict=True):
            left -= room
            button.setVisible(left >= 0)
        self.more.setVisible(bool(self.overflowing()))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802, D102
        super().resizeEvent(event)
        self._fit()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Room for all."""
        width = sum(self._room(button) for button in self._buttons) - self._line.spacing()
        return QSize(width, self._height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Room for the menu alone."""
        return QSize(self.more.sizeHint().width(), self._height())

    def _height(self) -> int:
        return max(button.sizeHint().height() for button in (*self._buttons, self.more))


class ElidedLabel(QLabel):
    """A line of text that is cut with an ellipsis where it has no room; its tip has all of it.

    Args:
        fewest_px: Room that it asks for at least.
    """

    def __init__(self, fewest_px: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._fewest_px = fewest_px

    def minimumSizeHint(self) -> QSize:  # noqa: N802, D102
        whole = super().sizeHint()
        return QSize(min(whole.width(), self._fewest_px), whole.height())

    def setText(self, text: str) -> None:  # noqa: N802, D102
        super().setText(text)
        self.setToolTip(text)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802, D102
        short = self.fontMetrics().elidedText(
            self.text(), Qt.TextElideMode.ElideRight, self.contentsRect().width()
        )
        painter, option = QPainter(self), QStyleOption()
        option.initFrom(self)
        style: QStyle = self.style()
        whole, flags = self.contentsRect(), int(self.alignment())
        style.drawItemText(painter, whole, flags, option.palette, self.isEnabled(), short)
        painter.end()
