"""What a job tells of itself."""

import threading

import pytest

from ifc_core.jobs import JobCancelled, JobContext, Progress


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_what_comes_before_the_first_unit_does_not_count(clock: Clock) -> None:
    job = JobContext(clock=clock)
    assert job.advance(0, 60, "loading the model").eta_seconds is None
    clock.now = 50.0
    assert job.advance(1, 60).eta_seconds is None
    clock.now = 52.0
    progress = job.advance(2, 60)
    assert progress.eta_seconds == pytest.approx(2.0 * 58)
    assert (progress.elapsed_seconds, progress.fraction) == (52.0, 2 / 60)


def test_units_of_an_earlier_run_do_not_count(clock: Clock) -> None:
    job = JobContext(clock=clock)
    job.advance(500, 1000)
    clock.now = 10.0
    assert job.advance(505, 1000).eta_seconds == pytest.approx(2.0 * 495)


def test_each_part_of_a_job_is_told_of_its_own(clock: Clock) -> None:
    job = JobContext(clock=clock)
    for done in (1, 2):
        clock.now += 1.0
        job.advance(done, 2, "Writing frames")
    clock.now += 1.0
    assert job.advance(1, 3, "Writing tracks", "tracks").eta_seconds is None
    clock.now += 4.0
    assert job.advance(2, 3, "Writing tracks", "tracks").eta_seconds == pytest.approx(4.0)
    assert job.advance(1, 3, "Once more", "tracks").eta_seconds is None


def test_no_end_in_sight(clock: Clock) -> None:
    progress = JobContext(clock=clock).advance(7, None)
    assert (progress.eta_seconds, progress.fraction) == (None, None)


def test_a_cancelled_job_reports_and_then_stops() -> None:
    told: list[Progress] = []
    cancelled = threading.Event()
    job = JobContext(told.append, cancelled)
    quiet = job.quiet()
    cancelled.set()
    for context in (job, quiet):
        assert context.is_cancelled
        with pytest.raises(JobCancelled):
            context.advance(1, 2)
    assert [progress.done for progress in told] == [1]
