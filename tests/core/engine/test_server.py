import os
import select
import signal
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ifc_core.engine.process import KEPT_LOGS, engine_environment, new_log_file
from ifc_core.engine.protocol import MessageWriter, read_message
from ifc_core.engine.shared_arrays import ArrayChannel, new_prefix

PARENT = """
import sys, time
from pathlib import Path
from ifc_core.engine.client import EngineClient
client = EngineClient(command=sys.argv[2:], log_folder=Path(sys.argv[1]))
client.request({kind!r}, {{}}, lambda event: print(client.pid, flush=True))
time.sleep(600)
"""


def gone(pid: int) -> bool:
    """Whether a process has ended (a zombie that nobody reaps here counts as ended)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


def wait_for_end(pid: int, seconds: float) -> None:
    """Wait for a process that is not ours without keeping the processor busy."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        select.select([process], [], [], seconds)
    finally:
        os.close(process)


@pytest.mark.parametrize("kind", ["until_cancelled", "deaf"])
def test_the_death_of_the_parent_ends_the_child(
    tmp_path: Path, toy_command: list[str], kind: str
) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT.format(kind=kind), str(tmp_path), *toy_command],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert not gone(child)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    wait_for_end(child, seconds=30)
    assert gone(child)


def start(toy_command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        toy_command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=engine_environment(),
    )


def test_the_end_of_the_stream_ends_the_server_cleanly(toy_command: list[str]) -> None:
    with start(toy_command) as child:
        out, _ = child.communicate(b"", timeout=30)
    assert (child.returncode, out) == (0, b"")


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        struct.pack(">I", 1 << 31),
        struct.pack(">I", 9) + b"{}",
        struct.pack(">I", 18) + b'{"type": "cancel"}',
    ],
    ids=["text", "large", "cut", "no hello"],
)
def test_a_client_that_breaks_the_protocol_is_left(toy_command: list[str], data: bytes) -> None:
    with start(toy_command) as child:
        out, _ = child.communicate(data, timeout=30)
    assert (child.returncode, out) == (3, b"")


def test_numbers_are_used_once_and_shutdown_ends_jobs(toy_command: list[str]) -> None:
    with start(toy_command) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        writer = MessageWriter(child.stdin)  # type: ignore[arg-type]
        writer.send({"type": "hello", "protocol": 1, "prefix": "ifcs0-abcdef-"})
        hello = read_message(child.stdout)  # type: ignore[arg-type]
        assert hello is not None
        assert hello["pid"] == child.pid
        writer.send({"type": "request", "id": 1, "kind": "until_cancelled", "params": {}})
        writer.send({"type": "cancel", "id": 99})  # unknown: has just ended, or never was
        writer.send({"type": "request", "id": 2, "kind": "echo", "params": {}})
        assert read_message(child.stdout)["name"] == "started"  # type: ignore[arg-type, index]
        writer.send({"type": "shutdown"})
        ends = [read_message(child.stdout), read_message(child.stdout)]  # type: ignore[arg-type]
        assert [(e["id"], e["status"]) for e in ends if e] == [(1, "cancelled"), (2, "cancelled")]
        assert read_message(child.stdout) is None  # type: ignore[arg-type]
        assert child.wait(30) == 0


def test_an_answer_that_comes_too_late_is_let_go(toy_command: list[str]) -> None:
    """Its frames would fill the shared memory until the engine ends."""
    prefix = new_prefix()
    mine = ArrayChannel(prefix, "c", "s")
    with start(toy_command) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        writer = MessageWriter(child.stdin)  # type: ignore[arg-type]
        writer.send({"type": "hello", "protocol": 1, "prefix": prefix})
        writer.send({"type": "request", "id": 1, "kind": "double", "params": {"indices": [0]}})
        kinds = [read_message(child.stdout)["type"] for _ in range(2)]  # type: ignore[arg-type, index]
        assert kinds == ["hello", "ask"]
        frames = mine.pack({"frames": np.zeros((1, 4, 4, 3), np.uint8)})
        writer.send({"type": "cancel", "id": 1})
        assert read_message(child.stdout)["type"] == "end"  # type: ignore[arg-type, index]
        writer.send({"type": "answer", "id": 1, "ask": 1, "data": frames})
        writer.send({"type": "shutdown"})
        released = read_message(child.stdout)  # type: ignore[arg-type]
        assert released == {"type": "release", "names": [frames["frames"]["__array__"]]}
        assert child.wait(30) == 0
    mine.close()


def test_only_the_newest_logs_are_kept(tmp_path: Path) -> None:
    for _ in range(KEPT_LOGS + 5):
        new_log_file("engine", tmp_path).touch()
    other = new_log_file("finetune", tmp_path)
    other.touch()
    assert len(list(tmp_path.glob("engine-*.log"))) == KEPT_LOGS
    assert other.exists()


def test_threads_are_set_for_the_child_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert engine_environment(3)["OMP_NUM_THREADS"] == "3"
    assert "OMP_NUM_THREADS" not in engine_environment(0)
    assert "OMP_NUM_THREADS" not in os.environ
