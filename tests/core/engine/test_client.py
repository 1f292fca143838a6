import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ifc_core.engine.client import EngineClient
from ifc_core.engine.protocol import JobEnd, JobEvent, JobStatus
from ifc_core.errors import CheckpointError, DeviceMemoryError, EngineError
from ifc_core.jobs import JobCancelled, Progress

WAIT = 30.0
SHM = Path("/dev/shm")  # noqa: S108


class Events:
    """Collects what a job reports; ``next`` waits for it."""

    def __init__(self) -> None:
        self.all: list[JobEvent | JobEnd] = []
        self._queue: queue.Queue[JobEvent | JobEnd] = queue.Queue()

    def __call__(self, event: JobEvent | JobEnd) -> None:
        self.all.append(event)
        self._queue.put(event)

    def next(self) -> JobEvent | JobEnd:
        return self._queue.get(timeout=WAIT)

    @property
    def ends(self) -> list[JobEnd]:
        return [event for event in self.all if isinstance(event, JobEnd)]


def test_values_go_there_and_back(client: EngineClient) -> None:
    params = {"text": "ä\n", "numbers": [1, 2.5, None], "nested": {"a": True}}
    assert client.request("echo", params).result(WAIT) == params


def test_progress_arrives_typed_and_before_the_one_end(client: EngineClient) -> None:
    events = Events()
    handle = client.request("count", {"steps": 3}, events)
    assert handle.wait(WAIT).status is JobStatus.SUCCEEDED
    progress = [event.data for event in events.all[:-1] if isinstance(event, JobEvent)]
    assert [p.done for p in progress] == [1, 2, 3]
    assert all(isinstance(p, Progress) and p.total == 3 for p in progress)
    assert len(events.ends) == 1
    assert events.all[-1] is events.ends[0]


def test_two_jobs_run_one_after_the_other(client: EngineClient) -> None:
    order: list[int] = []
    handles = [
        client.request("count", {"steps": 20}, lambda event: order.append(event.job_id))
        for _ in range(2)
    ]
    for handle in handles:
        assert handle.result(WAIT) == {"done": 20}
    assert order == [handles[0].id] * 21 + [handles[1].id] * 21


def test_cancelling_a_running_job_ends_it_and_the_next_one_runs(client: EngineClient) -> None:
    events = Events()
    running = client.request("until_cancelled", {}, events)
    waiting = client.request("echo", {"n": 1})
    assert events.next().name == "started"  # type: ignore[union-attr]
    running.cancel()
    running.cancel()
    with pytest.raises(JobCancelled):
        running.result(WAIT)
    assert waiting.result(WAIT) == {"n": 1}
    running.cancel()  # after the end: nothing
    assert [end.status for end in events.ends] == [JobStatus.CANCELLED]


def test_cancelling_a_job_that_waits_never_runs_it(client: EngineClient) -> None:
    first, second = Events(), Events()
    running = client.request("until_cancelled", {}, first)
    waiting = client.request("until_cancelled", {}, second)
    first.next()
    waiting.cancel()
    running.cancel()
    assert waiting.wait(WAIT).status is JobStatus.CANCELLED
    assert len(second.all) == 1


def test_a_quick_question_is_answered_beside_a_running_job(client: EngineClient) -> None:
    events = Events()
    running = client.request("until_cancelled", {}, events)
    events.next()
    assert client.request("system").result(WAIT) == {"pid": client.pid}
    assert not running.is_done
    running.cancel()


def test_our_errors_arrive_with_class_sentence_and_data(client: EngineClient) -> None:
    with pytest.raises(CheckpointError, match="These weights are odd") as caught:
        client.request("fail", {"how": "ours"}).result(WAIT)
    assert caught.value.path == Path("/w/x.safetensors")
    assert caught.value.missing == ("a", "b")
    assert caught.value.exit_code == 2


def test_other_errors_arrive_as_one_sentence_and_the_log_has_the_rest(client: EngineClient) -> None:
    with pytest.raises(EngineError, match="ValueError: a number went wrong") as caught:
        client.request("fail", {"how": "other"}).result(WAIT)
    assert "\n" not in str(caught.value)
    with pytest.raises(DeviceMemoryError):
        client.request("fail", {"how": "memory"}).result(WAIT)
    assert client.log_path is not None
    assert "Traceback" in client.log_path.read_text()
    assert client.request("echo", {"still": "alive"}).result(WAIT) == {"still": "alive"}


def test_unknown_kinds_and_unsendable_results_fail_alone(client: EngineClient) -> None:
    with pytest.raises(EngineError, match="no job called 'nonsense'"):
        client.request("nonsense").result(WAIT)
    with pytest.raises(EngineError, match="the result"):
        client.request("unsendable").result(WAIT)
    with pytest.raises(TypeError):
        client.request("echo", {"x": object()})
    assert client.request("echo", {}).result(WAIT) == {}


def test_whatever_prints_goes_to_the_log(client: EngineClient) -> None:
    assert client.request("noise", {"read": True}).result(WAIT) == {"stdin": ""}
    assert client.log_path is not None
    log = client.log_path.read_text()
    for text in ("noise from Python", "noise from C", "noise from a shell", "more noise"):
        assert text in log


def test_frames_and_arrays_travel_through_shared_memory(client: EngineClient) -> None:
    before = set(SHM.glob("ifcs*"))
    frames = np.random.default_rng(0).integers(0, 255, (4, 6, 5, 3), dtype=np.uint8)
    events = Events()
    handle = client.request("double", {"indices": [2, 0]}, events, frames=lambda i: frames[i])
    result = handle.result(WAIT)
    np.testing.assert_array_equal(result["twice"], frames[[2, 0]].astype(np.int32) * 2)
    assert result["empty"].shape == (0, 3)
    mean = events.all[0]
    assert isinstance(mean, JobEvent)
    np.testing.assert_allclose(mean.data["mean"], frames[[2, 0]].mean(axis=(1, 2, 3)))
    client.close()
    assert set(SHM.glob("ifcs*")) <= before


def test_a_frame_that_cannot_be_read_fails_the_job(client: EngineClient) -> None:
    def broken(index: int) -> np.ndarray:
        raise OSError("the disk is gone")

    with pytest.raises(EngineError, match="the disk is gone"):
        client.request("double", {"indices": [0]}, frames=broken).result(WAIT)
    with pytest.raises(EngineError, match="nobody offers"):
        client.request("double", {"indices": [0]}).result(WAIT)


def test_a_callback_that_fails_does_not_stop_the_client(
    client: EngineClient, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(event: Any) -> None:
        raise RuntimeError("in the window")

    assert client.request("count", {"steps": 2}, broken).result(WAIT) == {"done": 2}
    assert "callback" in caplog.text


def test_a_killed_child_fails_every_open_job_and_the_next_request_restarts(
    tmp_path: Path, toy_command: list[str]
) -> None:
    deaths: list[EngineError] = []
    with EngineClient(command=toy_command, log_folder=tmp_path, on_death=deaths.append) as client:
        events = Events()
        handles = [client.request("until_cancelled", {}, events), client.request("echo", {})]
        events.next()
        first = client.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        for handle in handles:
            end = handle.wait(WAIT)
            assert end.status is JobStatus.FAILED
            assert isinstance(end.error, EngineError)
            assert "SIGKILL" in str(end.error)
            assert str(client.log_path) in str(end.error)
            assert "\n" not in str(end.error)
        assert len(events.ends) == 1
        assert client.request("echo", {"again": 1}).result(WAIT) == {"again": 1}
        assert client.pid != first
        assert len(deaths) == 1


def test_a_child_killed_while_idle_is_replaced_without_a_failed_job(client: EngineClient) -> None:
    client.request("echo").result(WAIT)
    process = client._process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    process._popen.wait(WAIT)
    assert client.request("echo", {"n": 2}).result(WAIT) == {"n": 2}


@pytest.mark.parametrize(("kind", "words"), [("die", "SIGKILL"), ("leave", "status 7")])
def test_a_child_that_dies_by_its_own_hand(client: EngineClient, kind: str, words: str) -> None:
    with pytest.raises(EngineError, match=words):
        client.request(kind, {"status": 7}).result(WAIT)
    assert client.request("echo").result(WAIT) == {}


def test_a_forked_worker_neither_hides_nor_outlives_the_death_of_the_child(
    client: EngineClient,
) -> None:
    events = Events()
    handle = client.request("die_with_a_worker_left", {}, events)
    started = events.next()
    assert isinstance(started, JobEvent)
    assert "SIGKILL" in str(handle.wait(WAIT).error)
    assert _ends(started.data["worker"])


def test_death_leaves_no_shared_memory(client: EngineClient) -> None:
    before = set(SHM.glob("ifcs*"))
    with pytest.raises(EngineError):
        client.request("flood_then_die").result(WAIT)
    client.request("echo").result(WAIT)
    assert set(SHM.glob("ifcs*")) <= before


def test_many_deaths_in_a_row_each_fail_once(client: EngineClient) -> None:
    for _ in range(5):
        events = Events()
        with pytest.raises(EngineError):
            client.request("die", {}, events).result(WAIT)
        assert len(events.ends) == 1
    assert client.request("echo").result(WAIT) == {}


def test_closing_cancels_what_runs_and_refuses_more(tmp_path: Path, toy_command: list[str]) -> None:
    client = EngineClient(command=toy_command, log_folder=tmp_path)
    events = Events()
    handle = client.request("until_cancelled", {}, events)
    events.next()
    client.close()
    client.close()
    assert handle.wait(0).status is JobStatus.CANCELLED
    assert len(events.ends) == 1
    with pytest.raises(EngineError, match="closed"):
        client.request("echo")


def test_closing_kills_a_child_that_does_not_listen(tmp_path: Path, toy_command: list[str]) -> None:
    client = EngineClient(command=toy_command, log_folder=tmp_path)
    events = Events()
    handle = client.request("deaf", {}, events)
    events.next()
    client.close(timeout_seconds=0.3)
    assert client.pid is None
    assert handle.wait(WAIT).status is JobStatus.CANCELLED


def test_closing_may_be_done_from_a_callback(tmp_path: Path, toy_command: list[str]) -> None:
    client = EngineClient(command=toy_command, log_folder=tmp_path)
    closed = threading.Event()

    def close(event: Any) -> None:
        if isinstance(event, JobEnd):
            client.close()
            closed.set()

    client.request("echo", {}, close).wait(WAIT)
    assert closed.wait(WAIT)
    assert client.pid is None
    client.close()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import sys; sys.exit(9)", "could not start .status 9"),
        ("print('hello world')", "pipe"),
        (
            'import sys, struct; b = b\'{"type":"hello","protocol":99}\';'
            "sys.stdout.buffer.write(struct.pack('>I', len(b)) + b);"
            "sys.stdout.flush(); sys.stdin.read()",
            "another version",
        ),
    ],
)
def test_a_child_that_is_no_engine_fails_the_job(tmp_path: Path, code: str, words: str) -> None:
    with EngineClient(command=[sys.executable, "-c", code], log_folder=tmp_path) as client:
        with pytest.raises(EngineError, match=words):
            client.request("echo").result(WAIT)
        assert client.pid is None


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    client = EngineClient(command=[str(tmp_path / "none")], log_folder=tmp_path)
    with pytest.raises(EngineError, match="cannot be started"):
        client.request("echo")
    client.close()


def test_a_log_that_cannot_be_written(tmp_path: Path, toy_command: list[str]) -> None:
    (tmp_path / "file").touch()
    with EngineClient(command=toy_command, log_folder=tmp_path / "file" / "log") as client:
        with pytest.raises(EngineError, match="log cannot be written"):
            client.request("echo")
        assert client.pid is None


def test_two_clients_run_beside_each_other(client: EngineClient, tmp_path: Path) -> None:
    events = Events()
    running = client.request("until_cancelled", {}, events)
    events.next()
    with EngineClient("finetune", command=client._command, log_folder=tmp_path) as second:
        assert second.request("echo", {"n": 1}).result(WAIT) == {"n": 1}
        assert second.log_path is not None
        assert second.log_path.name.startswith("finetune-")
    assert not running.is_done
    running.cancel()
    assert running.wait(WAIT).status is JobStatus.CANCELLED


def test_the_client_loads_neither_torch_nor_qt(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from ifc_core.engine.client import EngineClient\n"
        "with EngineClient() as client:\n"
        "    client.request('ping').result(60)\n"
        "foreign = {'torch', 'torchvision', 'qtpy', 'PySide6', 'napari'} & set(sys.modules)\n"
        "sys.exit(f'loaded {foreign}' if foreign else 0)\n"
    )
    environment = dict(os.environ, IFC_STUDIO_HOME=str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert list((tmp_path / "log").glob("engine-*.log"))


def _is_running(pid: int) -> bool:
    """Whether a process lives; one that has ended may still wait to be fetched."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] != "Z"


def _ends(pid: int) -> bool:
    """Whether a process that was killed is gone before long: the system takes its time."""
    deadline = time.monotonic() + WAIT
    while _is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not _is_running(pid)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at /proc")
def test_closing_a_deaf_child_ends_it_and_its_workers(
    tmp_path: Path, toy_command: list[str]
) -> None:
    events = Events()
    client = EngineClient(command=toy_command, log_folder=tmp_path, patience_seconds=0.2)
    handle = client.request("deaf_with_a_worker", {}, events)
    started = events.next()
    assert isinstance(started, JobEvent)
    child, worker = client.pid, started.data["worker"]
    assert child is not None
    assert _is_running(worker)
    closers = [threading.Thread(target=client.close) for _ in range(3)]
    for closer in closers:
        closer.start()
    for closer in closers:
        closer.join(WAIT)
    assert handle.wait(WAIT).status is JobStatus.CANCELLED
    assert not _is_running(child)
    assert _ends(worker)
