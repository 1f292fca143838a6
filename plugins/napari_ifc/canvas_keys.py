"""Keys of all layouts mean on the canvas what they mean in the panels.

napari tells keys by the letter that was typed, which is none it knows where Cyrillic or Greek is
written, and has no name for many signs (``KeyCode.from_string``). Qt's shortcuts look at what else
the key stands for, so that on the canvas they take the keys that napari would not recognize.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app_model.types import KeyBinding, KeyCode
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QKeyEvent, QShortcut
from qtpy.QtWidgets import QWidget

_NAMES = {  # Qt's word: the key code's
    "PgDown": "PageDown",
    "PgUp": "PageUp",
    "Del": "Delete",
    "Ins": "Insert",
    "Esc": "Escape",
    "Return": "Enter",
}
_FIRST_SPECIAL = 0x01000000
"""Qt's codes from here on are keys without a sign, such as arrows; below stand signs."""
_SPECIALS = frozenset(
    int(getattr(Qt.Key, f"Key_{name}"))
    for name in (
        *("Left", "Up", "Right", "Down", "PageUp", "PageDown", "Home", "End", "Insert", "Delete"),
        *("Escape", "Backspace", "Enter", "Return", "Tab", *(f"F{n}" for n in range(1, 13))),
    )
)
"""Keys without a sign that the canvas tells napari of (``vispy.app.backends._qt.KEYMAP``)."""


class CanvasKeys(QObject):
    """Shortcuts on the canvas, for the keys that napari would not recognize.

    They are switched on and off with each key before Qt looks for shortcuts: what napari knows
    goes to it, and means for a while what a tool needs it for (Backspace in a polygon).

    Args:
        center: What the canvas lies in.
        is_ours: Whether keys mean the studio's actions now.
        parent: Who owns this.
    """

    def __init__(
        self, center: QWidget, is_ours: Callable[[], bool], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.center = center
        self._is_ours = is_ours
        self._shortcuts: Sequence[QShortcut] = ()
        self._are_on = False
        center.installEventFilter(self)

    def use(self, shortcuts: Sequence[QShortcut]) -> None:
        """Take the shortcuts that were made for the canvas."""
        self._shortcuts = shortcuts
        self._are_on = True
        self._switch(False)

    def _switch(self, on: bool) -> None:
        if on != self._are_on:
            self._are_on = on
            for shortcut in self._shortcuts:
                shortcut.setEnabled(on)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Look at a key before it means anything, and let it pass."""
        if event.type() == QEvent.Type.ShortcutOverride:
            assert isinstance(event, QKeyEvent)  # noqa: S101
            self._switch(not napari_knows(Qt.Key(event.key())) and self._is_ours())
        return False


def napari_knows(key: Qt.Key) -> bool:
    """Whether napari recognizes a key on the canvas whatever the layout: letters and specials."""
    code = int(key)
    if code < _FIRST_SPECIAL:
        return code == Qt.Key.Key_Space or Qt.Key.Key_A <= code <= Qt.Key.Key_Z
    return code in _SPECIALS


def napari_key(shortcut: str) -> KeyBinding | None:
    """A Qt key sequence as napari binds it; Ctrl is the command key on macOS in both.

    Returns:
        ``None`` for a key without a name, which napari would take for any other such key.
    """
    *modifiers, key = shortcut.split("+")
    name = _NAMES.get(key, key)
    if KeyCode.from_string(name) == KeyCode.UNKNOWN or "Num" in modifiers:
        return None
    return KeyBinding.from_str("+".join([*modifiers, name]))
