"""From the engine client's reading thread into the GUI thread, by one Qt signal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, Qt, Signal, Slot

from ifc_core.engine.protocol import JobEnd


class EngineBridge(QObject):
    """Carries calls into the thread in which it was made.

    Args:
        is_held: Whether ends of jobs shall wait: what they bring may change the tracks that a
            person is drawing on.
        parent: Of the object.
    """

    _called = Signal(object, object)

    def __init__(
        self, is_held: Callable[[], bool] = lambda: False, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._is_held = is_held
        self._held: list[tuple[Callable[[Any], None], JobEnd]] = []
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
        self._held.clear()

    def let_go(self) -> None:
        """Deliver what was held, in its order."""
        held, self._held = self._held, []
        for callback, end in held:
            self._run(callback, end)

    @Slot(object, object)
    def _run(self, callback: Callable[[Any], None], value: Any) -> None:
        if not self._open:
            return
        if isinstance(value, JobEnd) and self._is_held():
            self._held.append((callback, value))
        else:
            callback(value)
