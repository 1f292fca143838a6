"""Requests while the engine does not read: nobody waits, order holds, the end comes."""

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from ifc_core.engine.client import EngineClient
from ifc_core.engine.protocol import JobStatus, read_message
from ifc_core.engine.send_queue import SendQueue
from ifc_core.errors import EngineError

WAIT = 30.0
LARGE = {"text": "x" * 2_000_000}  # a pipe holds 64 kB
DEAF = [sys.executable, "-c", "import time\nwhile True: time.sleep(1)"]


def done_elsewhere(work) -> bool:
    """Whether a call comes back while nobody reads what it sends."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(WAIT)
    return not thread.is_alive()


@pytest.fixture
def pipe() -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Both ends, to read from and to write to."""
    ends = os.pipe()
    with os.fdopen(ends[0], "rb") as source, os.fdopen(ends[1], "wb") as target:
        yield source, target


def test_sending_waits_for_nobody_and_keeps_the_order(pipe) -> None:
    source, target = pipe
    queue = SendQueue(target)
    message = {"type": "a", **LARGE}

    def send() -> None:
        queue.send(message)
        message["text"] = "changed after it was sent"
        queue.send({"type": "b"})

    assert done_elsewhere(send)
    assert not queue.close(0.0)
    with pytest.raises(BrokenPipeError):
        queue.send({"type": "c"})
    assert read_message(source) == {"type": "a", **LARGE}
    assert read_message(source) == {"type": "b"}
    assert read_message(source) is None
    assert queue.close(WAIT)
    assert target.closed


def test_what_cannot_be_sent_is_told_at_once(pipe) -> None:
    queue = SendQueue(pipe[1])
    with pytest.raises(TypeError):
        queue.send({"type": "a", "data": {1, 2}})
    with pytest.raises(EngineError, match="more than the engine's pipe takes"):
        queue.send({"type": "a", "data": "x" * (65 << 20)})
    assert queue.close(WAIT)


def test_a_reader_that_is_gone_ends_the_thread(pipe) -> None:
    source, target = pipe
    queue = SendQueue(target)
    queue.send({"type": "a", **LARGE})
    source.close()
    queue.send({"type": "b"})
    assert queue.close(WAIT)


def test_a_large_request_returns_while_the_engine_starts(
    tmp_path: Path, toy_command: list[str]
) -> None:
    gate = tmp_path / "gate"
    wait = f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.005)\n"
    run = f"import runpy\nrunpy.run_path({toy_command[1]!r}, run_name='__main__')"
    with EngineClient(command=[sys.executable, "-c", wait + run], log_folder=tmp_path) as client:
        handles = []

        def ask() -> None:
            handles.append(client.request("until_cancelled", LARGE))
            handles[0].cancel()
            handles.append(client.request("echo", {"n": 1}))

        assert done_elsewhere(ask)
        gate.touch()
        assert handles[0].wait(WAIT).status is JobStatus.CANCELLED
        assert handles[1].result(WAIT) == {"n": 1}


def test_closing_an_engine_that_never_reads_ends_it_and_the_thread(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    client = EngineClient(command=DEAF, log_folder=tmp_path, patience_seconds=0.2)
    handles = []
    assert done_elsewhere(lambda: handles.append(client.request("echo", LARGE)))
    client.close()
    assert handles[0].wait(WAIT).status is JobStatus.CANCELLED
    assert client.pid is None
    assert set(threading.enumerate()) <= before
