"""One background thread for work that would hold up the window, its answers in order."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ifc_core.errors import IFCError
from ifc_core.jobs import JobCancelled, JobContext
from napari_ifc.language import tr

_log = logging.getLogger(__name__)


class Worker:
    """Runs work in one thread of its own; the thread begins with the first work.

    Args:
        deliver: Wraps a callback so that it is called in the GUI thread.
        name: Name of the thread.

    Attributes:
        context: For work that takes long, to look whether it is still wanted.
    """

    def __init__(
        self, deliver: Callable[[Callable[[Any], None]], Callable[[Any], None]], name: str
    ) -> None:
        self._deliver = deliver
        self.context = JobContext()
        self._name = name
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"ifc-{name}")

    def submit(
        self,
        work: Callable[[], Any],
        take: Callable[[Any], None],
        fail: Callable[[IFCError], None],
    ) -> None:
        """Have something done.

        Args:
            work: Called in the worker's thread.
            take: Called in the GUI thread with what ``work`` returned.
            fail: Called in the GUI thread with an error, one of ours also where it was none: the
                log says more then. A cancelled job tells nobody.
        """
        told, failed = self._deliver(take), self._deliver(fail)

        def run() -> None:
            try:
                answer = work()
            except JobCancelled:
                return
            except IFCError as error:
                failed(error)
            except Exception as error:
                _log.exception("Background work (%s) failed", self._name)
                text = tr("Something failed unexpectedly ({error}); see the log.")
                failed(IFCError(text.format(error=str(error) or type(error).__name__)))
            else:
                told(answer)

        self._pool.submit(run)

    def close(self) -> None:
        """Cancel the work in hand, wait for its next look at the context, drop what waits."""
        self.context.cancel()
        self._pool.shutdown(wait=True, cancel_futures=True)
