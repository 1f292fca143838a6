"""A choice that is as narrow as its place, whatever the names in it."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QSizePolicy, QWidget

_FEWEST_LETTERS = 4
_NARROWEST_PX = 64
_WIDEST_LIST_PX = 900
_BESIDE_TEXT_PX = 32  # room of the list for what stands beside the names


class NarrowComboBox(QComboBox):
    """Asks for room for a few letters only; its list and its tip show whole names."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(_FEWEST_LETTERS)
        self.setMinimumWidth(_NARROWEST_PX)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.currentTextChanged.connect(self.setToolTip)

    def showPopup(self) -> None:  # noqa: N802
        """Make the list as wide as the longest name."""
        names = self.view()
        names.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        wanted = names.sizeHintForColumn(0) + _BESIDE_TEXT_PX
        screen = self.screen()
        most = _WIDEST_LIST_PX if screen is None else screen.availableGeometry().width()
        names.setMinimumWidth(min(wanted, most, _WIDEST_LIST_PX))
        super().showPopup()
