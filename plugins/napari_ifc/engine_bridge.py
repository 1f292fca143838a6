"""From the engine client's reading thread into the GUI thread, by one Qt signal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, Qt, Signal, Slot


class EngineBridge(QObject):
    """Carries calls into the thread in which it was made."""

    _called = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._open = True
        self._called.connect(self._run, Qt.ConnectionType.QueuedConnection)

    def deliver(self, callback: Callable[[Any], None]) -> Callable[[Any], None]:
        """A function for any thread that has ``callback`` called in the bridge's thread.

        Calls that are still on their way when the bridge is closed are dropped.
        """

        def post(value: Any) -> None:
            if self._open:
                self._called.emit(callback, value)

        return post

    def close(self) -> None:
        """Deliver nothing more."""
        self._open = False

    @Slot(object, object)
    def _run(self, callback: Callable[[Any], None], value: Any) -> None:
        if self._open:
            callback(value)
