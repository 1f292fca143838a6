"""Signals by which a person or the system asks a process to end: Ctrl-C, a request, a hang-up."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ifc_core.jobs import JobContext

_HANG_UP: int | None = getattr(signal, "SIGHUP", None)  # Windows has none


@contextmanager
def stop_on_signals(context: JobContext | None = None) -> Iterator[JobContext]:
    """Let signals cancel a job: the first asks it to stop at its next check, the second ends it.

    A hang-up never counts as the second, since shell and system both tell of a closed terminal.
    Signals that the process was started without hearing stay unheard, so that ``nohup`` and
    background jobs of scripts mean what they say. In another than the main thread, where Python
    hears no signals, none is.

    Args:
        context: Of the job; a new one where left out.

    Yields:
        The context.

    Raises:
        KeyboardInterrupt: At the second signal, wherever Python is then. Slots of Qt print it
            and go on, so an event loop has to look for it.
    """
    context = context or JobContext()

    def stop(number: int, frame: FrameType | None) -> None:
        if context.is_cancelled and number != _HANG_UP:
            raise KeyboardInterrupt
        context.cancel()

    before = {number: signal.signal(number, stop) for number in _heard()}
    try:
        yield context
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _heard() -> list[int]:
    """Signals that the process neither ignores nor leaves to a library that is not Python's."""
    if threading.current_thread() is not threading.main_thread():
        return []
    numbers = [signal.SIGINT, signal.SIGTERM, *([] if _HANG_UP is None else [_HANG_UP])]
    return [n for n in numbers if signal.getsignal(n) not in (signal.SIG_IGN, None)]
