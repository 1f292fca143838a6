"""One background thread: answers in order, and an end that does not wait for long work."""

from __future__ import annotations

import threading

from ifc_core.errors import IFCError
from napari_ifc.worker import Worker


def test_answers_come_in_order_and_errors_are_told():
    told, failed = [], []
    worker = Worker(lambda callback: callback, "test")

    def fail():
        raise IFCError("no")

    worker.submit(lambda: 1, told.append, failed.append)
    worker.submit(fail, told.append, failed.append)
    worker.submit(lambda: 2, told.append, failed.append)
    done = threading.Event()
    worker.submit(done.set, told.append, failed.append)
    assert done.wait(10)
    worker.close()
    assert told[:2] == [1, 2]
    assert [str(error) for error in failed] == ["no"]


def test_closing_cancels_the_work_in_hand_and_drops_what_waits():
    told, began = [], threading.Event()
    worker = Worker(lambda callback: callback, "test")

    def endless():
        began.set()
        while True:
            worker.context.raise_if_cancelled()

    worker.submit(endless, told.append, told.append)
    worker.submit(lambda: "waits", told.append, told.append)
    assert began.wait(10)
    worker.close()
    assert told == []


def test_an_error_that_is_none_of_ours_is_told_and_logged(caplog):
    told, failed = [], []
    worker = Worker(lambda callback: callback, "test")
    worker.submit(lambda: 1 / 0, told.append, failed.append)
    worker.submit(lambda: 2, told.append, failed.append)
    done = threading.Event()
    worker.submit(done.set, told.append, failed.append)
    assert done.wait(10)
    worker.close()
    assert told[0] == 2
    (error,) = failed
    assert isinstance(error, IFCError)
    assert str(error) == "Something failed unexpectedly (division by zero); see the log."
    assert "ZeroDivisionError" in caplog.text
