"""The window as it was left: its place, its size and where the panels are."""

from __future__ import annotations

import base64
import contextlib
import json
from pathlib import Path

from qtpy.QtCore import QByteArray, QPoint, QRect, QSize
from qtpy.QtWidgets import QMainWindow

from ifc_core.errors import IFCError
from ifc_core.io.atomic import atomic_output

LAYOUT_FILE = "window.json"
_VERSION = 1
_FIRST_SIZE = QSize(1440, 900)
_TITLE_PX = 36  # above a window's own area, on most systems


def keep_layout(window: QMainWindow, file: Path) -> None:
    """Remember a window; a convenience, so that a folder that cannot be written is no matter."""
    values = {
        "version": _VERSION,
        "geometry": _text(window.saveGeometry()),
        "state": _text(window.saveState(_VERSION)),
    }
    with contextlib.suppress(IFCError, OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_output(file) as temporary:
            temporary.write_text(json.dumps(values), encoding="utf-8")


def restore_layout(window: QMainWindow, file: Path) -> bool:
    """Bring a window back to where it was left.

    Returns:
        Whether there was something to go by; a damaged file counts as nothing.
    """
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        if values["version"] != _VERSION:
            return False
        geometry, state = (base64.b64decode(values[key]) for key in ("geometry", "state"))
    except (OSError, ValueError, KeyError, TypeError):
        return False
    window.restoreGeometry(QByteArray(geometry))
    return bool(window.restoreState(QByteArray(state), _VERSION))


def place_first(window: QMainWindow) -> None:
    """Give a window that was never left a size and a place that fit on its screen."""
    room = _room_for(window)
    area = QRect(QPoint(), _FIRST_SIZE.boundedTo(room.size()))
    area.moveCenter(room.center())
    window.setGeometry(area)


def bound_minimum(window: QMainWindow) -> None:
    """Let a window be as small as a screen asks for whose pixels are few or enlarged."""
    window.setMinimumSize(window.minimumSize().boundedTo(_room_for(window).size()))


def _room_for(window: QMainWindow) -> QRect:
    """Where a window's own area may lie, below its title."""
    return window.screen().availableGeometry().adjusted(0, _TITLE_PX, 0, 0)


def _text(data: QByteArray) -> str:
    return base64.b64encode(bytes(data.data())).decode()
