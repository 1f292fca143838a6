"""Signals cancel a job, but for those that the process was started without hearing."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ifc_core.jobs import JobCancelled
from ifc_core.stop_signals import stop_on_signals

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of other systems")
NAMES = ["SIGINT", "SIGTERM", "SIGHUP"]


@contextmanager
def handled(number: int, handler: object) -> Iterator[None]:
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("name", NAMES)
def test_the_first_signal_cancels_and_a_request_after_it_ends_at_once(name: str) -> None:
    number = getattr(signal, name)
    before = signal.getsignal(number)
    with stop_on_signals() as context:
        assert not context.is_cancelled
        os.kill(os.getpid(), number)
        with pytest.raises(JobCancelled):
            context.raise_if_cancelled()
        for second in (signal.SIGINT, signal.SIGTERM):
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), second)
    assert signal.getsignal(number) is before


def test_a_terminal_that_is_closed_hangs_up_twice_and_cancels() -> None:
    with stop_on_signals() as context:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGHUP)
        assert context.is_cancelled


@pytest.mark.parametrize("name", NAMES)
def test_an_ignored_signal_stays_ignored(name: str) -> None:
    number = getattr(signal, name)
    with handled(number, signal.SIG_IGN):
        with stop_on_signals() as context:
            assert signal.getsignal(number) is signal.SIG_IGN
            os.kill(os.getpid(), number)
            assert not context.is_cancelled
        assert signal.getsignal(number) is signal.SIG_IGN


def test_another_thread_leaves_signals_alone() -> None:
    before, seen = signal.getsignal(signal.SIGTERM), []

    def work() -> None:
        with stop_on_signals() as context:
            seen.append((signal.getsignal(signal.SIGTERM), context.is_cancelled))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(before, False)]
