"""The window as it was left: its place, its size and where the panels are."""

from __future__ import annotations

import base64
import contextlib
import json
from pathlib import Path

from qtpy.QtCore import QByteArray
from qtpy.QtWidgets import QMainWindow

from ifc_core.errors import IFCError
from ifc_core.io.atomic import atomic_output

LAYOUT_FILE = "window.json"
_VERSION = 1


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


def _text(data: QByteArray) -> str:
    return base64.b64encode(bytes(data.data())).decode()
