"""A message in the panel that never blocks: one sentence, at most one button."""

from __future__ import annotations

from typing import NamedTuple

from qtpy.QtCore import QEvent, QRect, QSize, Qt, QTimer, Signal
from qtpy.QtGui import QFont, QFontMetrics, QResizeEvent, QTextLayout
from qtpy.QtWidgets import QFrame, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from napari_ifc.error_text import breakable
from napari_ifc.language import tr

_INFO_MS = 8000
_LEFT_PX, _UPRIGHT_PX, _RIGHT_PX, _GAP_PX = 10, 2, 4, 6
_WRAPPED = int(Qt.TextFlag.TextWordWrap)


class _Message(NamedTuple):
    text: str
    kind: str
    action_text: str
    action_id: str
    tip: str


class _Fit(NamedTuple):
    text: str
    height_px: int
    is_cut: bool


class Banner(QFrame):
    """One sentence; news goes by itself, the rest stays until it is answered or closed.

    A message that stands is shown again after each other one, until it is withdrawn or closed.
    It takes two lines at most, the button standing in the last one, since what is below would
    move for more; of a longer one *More* shows all.

    Attributes:
        action_requested: Emitted with the id of the button that was pressed.
        shown: Emitted with whether there is a message now.
    """

    action_requested = Signal(str)
    shown = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "banner")
        self.setProperty("kind", "info")
        self._action_id = ""
        self._sentence = self._tip = ""
        self._standing: dict[str, _Message] = {}  # the last one is shown
        self._is_open = False
        self._text = QLabel(self)
        self._text.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setContentsMargins(0, 0, 0, 0)  # else it draws less than it is given
        self._text.setStyleSheet("margin: 0; padding: 0; border: 0")  # also under napari's style
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._more = QPushButton(tr("More"), self)
        self._more.setToolTip(tr("Show all of this message, or its beginning only"))
        self._more.clicked.connect(self._open_or_shut)
        self._button = QPushButton(self)
        for button in (self._button, self._more):
            button.setProperty("role", "link")
            button.setStyleSheet("min-height: 0; padding: 0 2px")  # as high as a line
        self._button.clicked.connect(lambda: self.action_requested.emit(self._action_id))
        self.close_button = QToolButton(self)
        self.close_button.setToolTip(tr("Close this message"))
        self.close_button.setAccessibleName(tr("Close this message"))
        self.close_button.clicked.connect(lambda: self.withdraw(self._sentence))
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_INFO_MS)
        self._timer.timeout.connect(self.clear)
        self._return_timer = QTimer(self)  # not at once: often the next message follows
        self._return_timer.setSingleShot(True)
        self._return_timer.setInterval(0)
        self._return_timer.timeout.connect(self._show_standing)
        self.hide()

    @property
    def text(self) -> str:
        """The sentence shown, empty when hidden."""
        return self._sentence if self.is_shown else ""

    @property
    def passing_text(self) -> str:
        """The sentence shown, empty where it is one that stands and so would come back."""
        return "" if self._sentence in self._standing else self.text

    @property
    def is_shown(self) -> bool:
        """Whether there is a message."""
        return not self.isHidden()

    def show_message(
        self,
        text: str,
        kind: str = "info",
        action_text: str = "",
        action_id: str = "",
        tip: str = "",
        *,
        stands: bool = False,
    ) -> None:
        """Show a sentence.

        Args:
            text: The sentence.
            kind: ``"info"``, which goes by itself; ``"done"``, ``"warning"`` or ``"error"``.
            action_text: Text of the button, empty for none.
            action_id: What ``action_requested`` then carries.
            tip: What there is to know besides, for who points at it.
            stands: Whether it comes back after other messages, until it is withdrawn or closed.
        """
        message = _Message(text, kind, action_text, action_id, tip)
        if stands:
            self._standing.pop(text, None)
            self._standing[text] = message
        self._show(message)

    def show_in_turn(self, text: str, action_text: str, action_id: str) -> None:
        """Show a sentence that stands, once nothing else is shown.

        Args:
            text: The sentence.
            action_text: Text of the button.
            action_id: What ``action_requested`` then carries.
        """
        self._standing = {text: _Message(text, "info", action_text, action_id, "")} | self._standing
        self._return_timer.start()

    def _show(self, message: _Message) -> None:
        self._return_timer.stop()
        self._sentence = message.text
        self._text.setAccessibleName(message.text)
        self._tip, self._is_open = message.tip, False
        self._action_id = message.action_id
        self._button.setText(message.action_text)
        self._button.setVisible(bool(message.action_text))
        self.setProperty("kind", message.kind)
        passes = message.kind == "info" and not message.action_text
        if passes and message.text not in self._standing:
            self._timer.start()
        else:
            self._timer.stop()
        self.style().unpolish(self)
        self.style().polish(self)
        self._arrange()
        self.updateGeometry()
        self.show()
        self.shown.emit(True)

    def _show_standing(self) -> None:
        if self._standing and not self.is_shown:
            self._show(next(reversed(self._standing.values())))

    def outdate(self) -> None:
        """Hide news of what was before; what stays until it is answered is left."""
        if self._timer.isActive():
            self.clear()

    def clear(self) -> None:
        """Hide the message; one that stands comes back, unless another one is shown now."""
        self._timer.stop()
        self._text.clear()
        self.hide()
        if self._standing:
            self._return_timer.start()
        self.shown.emit(False)

    def withdraw(self, text: str) -> None:
        """Hide a message, if it is shown, and let it come back no more."""
        self._standing.pop(text, None)
        if text and self.text == text:
            self.clear()

    # Room

    def heightForWidth(self, width: int) -> int:  # noqa: N802, D102
        return self._fitted(width).height_px

    def sizeHint(self) -> QSize:  # noqa: N802, D102
        return QSize(max(1, self.width()), self.heightForWidth(max(1, self.width())))

    def minimumSizeHint(self) -> QSize:  # noqa: N802, D102
        return QSize(1, 1)  # a long message makes the panel neither wider nor higher

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802, D102
        super().resizeEvent(event)
        self._arrange()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802, D102
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self.updateGeometry()
            self._arrange()

    def _open_or_shut(self) -> None:
        """Show all of the message, or two lines of it; the person asked for it."""
        self._is_open = not self._is_open
        self._arrange()
        self.updateGeometry()
        self.shown.emit(True)

    def _fitted(self, width: int) -> _Fit:
        """What is shown of the message in a width, and how high it is."""
        self._text.ensurePolished()
        metrics, whole = self._text.fontMetrics(), breakable(self._sentence)
        frame = self.width() - self.contentsRect().width()
        upright = self.height() - self.contentsRect().height() + 2 * _UPRIGHT_PX
        close = self.close_button.sizeHint()
        room = max(1, width - frame - _LEFT_PX - _RIGHT_PX - close.width() - _GAP_PX)
        corner = self._corner_px()
        if self._is_open:
            high = metrics.boundingRect(QRect(0, 0, room, 1 << 20), _WRAPPED, whole).height()
            return _Fit(whole, high + self._link_px() + upright, True)
        lines, is_cut = _two_lines(whole, self._text.font(), room, corner, self._more_px())
        link = self._link_px() if corner or is_cut else 0
        high = max(len(lines) * metrics.lineSpacing(), link, close.height() - 2 * _UPRIGHT_PX)
        return _Fit("\n".join(lines), high + upright, is_cut)

    def _corner_px(self) -> int:
        return self._button.sizeHint().width() + _GAP_PX if self._button.text() else 0

    def _more_px(self) -> int:
        return self._more.sizeHint().width() + _GAP_PX

    def _link_px(self) -> int:
        return max(self._text.fontMetrics().lineSpacing(), self._more.minimumSizeHint().height())

    def _arrange(self) -> None:
        """Put text and buttons where they are; the last line leaves room for the buttons."""
        fit = self._fitted(self.width())
        self._text.setWordWrap(self._is_open)
        self._text.setText(fit.text)
        self._text.setToolTip(self._tip or (self._sentence if fit.is_cut else ""))
        self._more.setText(tr("Less") if self._is_open else tr("More"))
        self._more.setVisible(fit.is_cut)
        area = self.contentsRect()
        close = self.close_button.sizeHint()
        right = area.right() + 1 - _RIGHT_PX - close.width()
        self.close_button.setGeometry(QRect(right, area.top(), close.width(), close.height()))
        right -= _GAP_PX
        left, top = area.left() + _LEFT_PX, area.top() + _UPRIGHT_PX
        below = self.height() - area.bottom() - 1
        foot, high = fit.height_px - below - _UPRIGHT_PX, self._link_px()
        is_one_line = not self._is_open and "\n" not in fit.text
        line = self._text.fontMetrics().lineSpacing()
        middle = (top + foot) / 2 if is_one_line else foot - line / 2
        link_top = min(int(middle - high / 2), fit.height_px - high)  # as Qt rounds in the label
        words = foot - top - (high if self._is_open else 0)
        self._text.setGeometry(left, top, max(1, right - left), max(1, words))
        for button in (self._button, self._more):
            if not button.isHidden():
                width = button.sizeHint().width()
                button.setGeometry(right - width, link_top, width, high)
                right -= width + _GAP_PX
                button.raise_()


def _two_lines(text: str, font: QFont, room: int, corner: int, more: int) -> tuple[list[str], bool]:
    """The lines of a text, at most two, and whether it is cut.

    Args:
        text: The text.
        font: Its font.
        room: Width of a line in pixels.
        corner: What of the last line is taken.
        more: What of it is taken besides where the text is cut.
    """
    text, metrics = " ".join(text.splitlines()), QFontMetrics(font)
    if metrics.horizontalAdvance(text) <= room - corner:
        return [text], False
    first, rest = _parted(text, font, room)
    if metrics.horizontalAdvance(rest) <= room - corner:
        return [first, rest], False
    left = max(0, room - corner - more)
    return [first, metrics.elidedText(rest, Qt.TextElideMode.ElideRight, left)], True


def _parted(text: str, font: QFont, room: int) -> tuple[str, str]:
    """The first line of a text, and what is left."""
    layout = QTextLayout(text, font)
    layout.beginLayout()
    line = layout.createLine()
    line.setLineWidth(room)
    layout.endLayout()
    return text[: line.textLength()].rstrip(), text[line.textLength() :]
