"""Long work: one end each, progress, cancelling, closing."""

import threading
from pathlib import Path

import pytest

from ifc_core.errors import OutputError
from ifc_core.jobs import JobContext
from napari_ifc.controllers.tasks import Task, Tasks


class Loop:
    """A window's thread: calls wait here until the test lets them run."""

    def __init__(self):
        self.calls = []
        self.wake = threading.Condition()

    def later(self, call):
        with self.wake:
            self.calls.append(call)
            self.wake.notify_all()

    def post(self, callback):
        return lambda value: self.later(lambda: callback(value))

    def run_until(self, done):
        while not done():
            with self.wake:
                assert self.wake.wait_for(lambda: self.calls, timeout=20)
                call = self.calls.pop(0)
            call()


class Desk:
    def __init__(self):
        self.loop = Loop()
        self.views = []
        self.ends = []
        self.tasks = Tasks(self.loop.post, self.loop.later, self.views.append)

    def task(self, text="Working"):
        return Task(
            text,
            lambda result: self.ends.append(("done", result)),
            lambda error: self.ends.append(("failed", str(error))),
            lambda: self.ends.append(("cancelled", None)),
            lambda result: self.ends.append(("dropped", result)),
        )

    def wait(self):
        self.loop.run_until(lambda: not self.tasks.is_running)


@pytest.fixture
def desk():
    made = Desk()
    yield made
    made.tasks.close()


def test_the_result_comes_in_the_windows_thread(desk):
    worker = []

    def work(context):
        worker.append(threading.current_thread())
        context.advance(3, 10, "Going")
        return 7

    desk.tasks.start(desk.task(), work)
    assert desk.tasks.texts == ("Working",)
    desk.wait()
    assert desk.ends == [("done", 7)]
    assert worker[0] is not threading.current_thread()
    assert desk.views[0].active
    assert [v.fraction for v in desk.views if v.detail] == [0.3]
    assert not desk.views[-1].active


def fail_with(error):
    def work(context):
        raise error

    return work


def test_errors_of_ours_keep_their_sentence_and_others_say_what_was_done(desk):
    desk.tasks.start(desk.task(), fail_with(OutputError("The disk is full.", path=Path("x"))))
    desk.wait()
    assert desk.ends == [("failed", "The disk is full.")]
    desk.tasks.start(desk.task("Exporting"), fail_with(ZeroDivisionError("by zero")))
    desk.wait()
    assert "Exporting failed unexpectedly (by zero)" in desk.ends[1][1]


def test_a_cancelled_task_ends_once_and_its_late_result_is_dropped(desk):
    go = threading.Event()

    def stubborn(context):
        go.wait(20)
        return "late"

    desk.tasks.start(desk.task(), stubborn)
    desk.tasks.cancel()
    assert desk.views[-1].stopping
    go.set()
    desk.wait()
    assert desk.ends == [("dropped", "late"), ("cancelled", None)]


def test_a_check_ends_a_cancelled_task(desk):
    started = threading.Event()

    def patient(context):
        while True:
            started.set()
            context.advance(1, None)

    desk.tasks.start(desk.task(), patient)
    assert started.wait(20)
    desk.tasks.cancel()
    desk.wait()
    assert desk.ends == [("cancelled", None)]


def counting(context: JobContext, seen, until=5):
    try:
        for number in range(until):
            seen.append(threading.current_thread())
            yield context.advance(number + 1, until)
    finally:
        seen.append("closed")
    return until


def test_steps_run_in_the_windows_thread(desk):
    seen = []
    desk.tasks.start_steps(desk.task(), lambda context: counting(context, seen))
    assert seen == []
    desk.wait()
    assert desk.ends == [("done", 5)]
    assert set(seen) == {threading.current_thread(), "closed"}


def test_steps_end_with_the_project(desk):
    seen = []
    desk.tasks.start_steps(desk.task(), lambda context: counting(context, seen, 10**9))
    desk.loop.run_until(lambda: bool(seen))
    desk.tasks.stop_steps()
    assert seen[-1] == "closed"
    assert desk.ends == [("cancelled", None)]
    assert not desk.tasks.is_running


def test_closing_leaves_no_thread_and_tells_nothing(desk):
    def patient(context):
        while True:
            context.raise_if_cancelled()

    before = set(threading.enumerate())
    desk.tasks.start(desk.task(), patient)
    desk.tasks.close()
    assert set(threading.enumerate()) <= before
    assert desk.ends == []
