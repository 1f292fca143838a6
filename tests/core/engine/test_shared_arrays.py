import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ifc_core.engine import shared_arrays
from ifc_core.engine.shared_arrays import ArrayChannel, new_prefix, sweep_dead_sessions
from ifc_core.errors import DeviceMemoryError, EngineError

SHM = Path("/dev/shm")  # noqa: S108


def segments(prefix: str) -> list[str]:
    return sorted(path.name for path in SHM.glob(prefix + "*"))


@settings(max_examples=30, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.int64, np.float32, np.bool_, np.dtype(">f4")]),
        hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
    )
)
def test_arrays_arrive_equal_and_nothing_stays(array: np.ndarray) -> None:
    prefix = new_prefix()
    ours, theirs = ArrayChannel(prefix, "c", "s"), ArrayChannel(prefix, "s", "c")
    packed = ours.pack({"a": [array, 3], "b": np.float32(1.5)})
    value, names = theirs.unpack(packed)
    np.testing.assert_array_equal(value["a"][0], array)
    assert value["a"][0].dtype == array.dtype
    assert value["a"][0].flags.owndata
    assert value["b"] == 1.5
    ours.release(names)
    assert segments(prefix) == []


def test_names_are_short_enough_for_macos() -> None:
    assert len("/" + new_prefix() + "s") + 8 <= 31


def test_closing_removes_what_was_not_taken_and_what_a_dead_peer_left() -> None:
    prefix = new_prefix()
    ours, dead = ArrayChannel(prefix, "c", "s"), ArrayChannel(prefix, "s", "c")
    ours.pack([np.ones(3), np.ones(4)])
    _, _ = ours.unpack(dead.pack(np.ones(2)))
    dead.pack([np.ones(5)] * 3)
    assert len(segments(prefix)) == 5
    ours.close()
    assert segments(prefix) == []
    dead.close()  # its own names are gone; that is no error


@pytest.mark.parametrize(
    "change",
    [
        {"__array__": "other-s1"},
        {"__array__": 5},
        {"shape": [-1]},
        {"shape": [1 << 39]},
        {"shape": "3"},
        {"dtype": "O"},
        {"dtype": "|V8"},
        {"dtype": "<f3"},
        {"dtype": None},
        {"shape": [1000, 1000]},
    ],
)
def test_hostile_descriptions_are_refused(change: dict[str, object]) -> None:
    prefix = new_prefix()
    ours, theirs = ArrayChannel(prefix, "c", "s"), ArrayChannel(prefix, "s", "c")
    packed = ours.pack(np.ones(3))
    try:
        with pytest.raises(EngineError):
            theirs.unpack(packed | change)
    finally:
        ours.close()
        theirs.close()
    assert segments(prefix) == []


def test_objects_are_not_sent() -> None:
    channel = ArrayChannel(new_prefix(), "c", "s")
    with pytest.raises(EngineError, match="object"):
        channel.pack(np.array([object()]))


def test_full_shared_memory_is_an_error_not_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        free = 100

    monkeypatch.setattr(shared_arrays.shutil, "disk_usage", lambda path: Full)
    channel = ArrayChannel(new_prefix(), "c", "s")
    with pytest.raises(DeviceMemoryError, match="Shared memory"):
        channel.pack(np.zeros(1000, np.uint8))


def test_sessions_of_killed_processes_are_swept() -> None:
    code = (
        "import os, signal, numpy as np\n"
        "from ifc_core.engine.shared_arrays import ArrayChannel, new_prefix\n"
        "prefix = new_prefix()\n"
        "ArrayChannel(prefix, 'c', 's').pack(np.ones(10))\n"
        "print(prefix, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    prefix = done.stdout.strip()
    mine = ArrayChannel(new_prefix(), "c", "s")
    held = mine.pack(np.ones(10))
    assert segments(prefix)
    sweep_dead_sessions()
    assert segments(prefix) == []
    assert segments(held["__array__"])
    assert done.stderr == ""
    mine.close()


def test_what_cannot_be_swept_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as what another account left, which stopped the engine of everybody else."""
    stuck = tmp_path / "ifcs7fffffff-00000a-c1"
    stuck.mkdir()  # unlinking a folder is refused as a file of another account is
    ours = tmp_path / "ifcs7fffffff-00000b-c1"
    ours.touch()
    monkeypatch.setattr(shared_arrays, "_LINUX_FOLDER", tmp_path)
    monkeypatch.setattr(sys, "platform", "linux")
    sweep_dead_sessions()
    assert stuck.exists()
    assert not ours.exists()


def test_a_process_that_ends_normally_gives_no_tracker_warning() -> None:
    code = (
        "import numpy as np\n"
        "from ifc_core.engine.shared_arrays import ArrayChannel, new_prefix\n"
        "prefix = new_prefix()\n"
        "a, b = ArrayChannel(prefix, 'c', 's'), ArrayChannel(prefix, 's', 'c')\n"
        "_, names = b.unpack(a.pack(np.ones(10)))\n"
        "a.release(names)\n"
        "a.pack(np.ones(3))\n"
        "a.close(); b.close()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_process_of_the_prefix_is_ours() -> None:
    assert new_prefix().startswith(f"ifcs{os.getpid():x}-")


def test_no_tracker_process_is_started() -> None:
    """Under every Python: such a process would outlive the window's work."""
    code = """
import numpy as np
from multiprocessing.resource_tracker import _resource_tracker
from ifc_core.engine.shared_arrays import ArrayChannel, new_prefix
prefix = new_prefix()
ours, theirs = ArrayChannel(prefix, "c", "s"), ArrayChannel(prefix, "s", "c")
value, names = theirs.unpack(ours.pack(np.ones(9)))
ours.release(names)
ours.pack(np.ones(3))
ours.close()
print(int(value.sum()), _resource_tracker._fd)
"""
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["9", "None"]
    assert done.stderr == ""
