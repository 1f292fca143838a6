"""Timers that call once."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QObject, QTimer


def soon(
    callback: Callable[[], None], interval_ms: int = 0, parent: QObject | None = None
) -> QTimer:
    """A timer that, once started, calls once, after the events that wait.

    Args:
        callback: What is called.
        interval_ms: After how long.
        parent: With its end nothing is called any more; without one whoever has it stops it.
    """
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(interval_ms)
    timer.timeout.connect(callback)
    return timer
