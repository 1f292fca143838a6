"""A message in the panel that never blocks: one sentence, at most one button."""

from __future__ import annotations

from typing import NamedTuple

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from napari_ifc.error_text import breakable
from napari_ifc.language import tr

_INFO_MS = 8000


class _Message(NamedTuple):
    text: str
    kind: str
    action_text: str
    action_id: str
    tip: str


class Banner(QFrame):
    """One sentence; news goes by itself, the rest stays until it is answered or closed.

    A message that stands is shown again after each other one, until it is withdrawn or closed.

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
        self._sentence = ""
        self._standing: dict[str, _Message] = {}  # the last one is shown
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._button = QPushButton()
        self._button.setProperty("role", "link")
        self._button.clicked.connect(lambda: self.action_requested.emit(self._action_id))
        self.close_button = QToolButton()
        self.close_button.setToolTip(tr("Close this message"))
        self.close_button.setAccessibleName(tr("Close this message"))
        self.close_button.clicked.connect(lambda: self.withdraw(self._sentence))
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 2, 4, 2)  # two lines take no more than the place that is kept
        row.setSpacing(6)
        row.addWidget(self._text, 1)
        row.addWidget(self._button)
        row.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignTop)
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

    def _show(self, message: _Message) -> None:
        self._return_timer.stop()
        self._sentence = message.text
        self._text.setText(breakable(message.text))
        self._text.setToolTip(message.tip)
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
