"""A message in the panel that never blocks: one sentence, at most one button."""

from __future__ import annotations

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


class Banner(QFrame):
    """One sentence; news goes by itself, the rest stays until it is answered or closed.

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
        self.close_button.clicked.connect(self.clear)
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
        self.hide()

    @property
    def text(self) -> str:
        """The sentence shown, empty when hidden."""
        return self._sentence if self.is_shown else ""

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
    ) -> None:
        """Show a sentence.

        Args:
            text: The sentence.
            kind: ``"info"``, which goes by itself; ``"done"``, ``"warning"`` or ``"error"``.
            action_text: Text of the button, empty for none.
            action_id: What ``action_requested`` then carries.
            tip: What there is to know besides, for who points at it.
        """
        self._sentence = text
        self._text.setText(breakable(text))
        self._text.setToolTip(tip)
        self._action_id = action_id
        self._button.setText(action_text)
        self._button.setVisible(bool(action_text))
        self.setProperty("kind", kind)
        if kind == "info" and not action_text:
            self._timer.start()
        else:
            self._timer.stop()
        self.style().unpolish(self)
        self.style().polish(self)
        self.show()
        self.shown.emit(True)

    def outdate(self) -> None:
        """Hide news of what was before; what stays until it is answered is left."""
        if self._timer.isActive():
            self.clear()

    def clear(self) -> None:
        """Hide the message."""
        self._timer.stop()
        self._text.clear()
        self.hide()
        self.shown.emit(False)
