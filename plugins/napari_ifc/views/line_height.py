"""How high a line is in a row that is drawn by hand: text may be larger than usual."""

from __future__ import annotations

from qtpy.QtGui import QFont, QFontMetrics

ROW_PT = 9.0
"""Size of the first line of such a row; further lines are no larger."""


def line_px(font: QFont, least: int) -> int:
    """Pixels for a line of a row, on a screen whose text has any size.

    Args:
        font: The font of the list.
        least: Pixels that it has at least.
    """
    sized = QFont(font)
    sized.setPointSizeF(ROW_PT)
    sized.setBold(True)
    return max(least, QFontMetrics(sized).height())
