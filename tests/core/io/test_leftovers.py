"""What a killed export leaves is removed by the next one, and nothing else is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ifc_core.io import leftovers
from ifc_core.io.atomic import atomic_folder, atomic_output
from ifc_core.io.leftovers import remove_leftovers, temporary_name

_KILLED = """
import os, signal, sys
from pathlib import Path
from ifc_core.io.atomic import atomic_folder, atomic_output
with atomic_output(sys.argv[1]) as file, atomic_folder(sys.argv[2]) as folder:
    file.write_bytes(bytes(1000))
    (folder / "a.png").write_bytes(bytes(1000))
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def as_in_a_new_process():
    remove_leftovers.cache_clear()
    yield
    remove_leftovers.cache_clear()


def named(folder: Path, host: str, pid: int) -> Path:
    path = folder / f".out.ifc-{host}{pid:06x}abcdef.tmp.json"
    path.write_bytes(b"x")
    return path


@pytest.mark.skipif(os.name == "nt", reason="nobody can be killed so there")
def test_the_next_output_in_the_folder_makes_room(tmp_path: Path) -> None:
    targets = (tmp_path / "all.json", tmp_path / "masks")
    subprocess.run([sys.executable, "-c", _KILLED, *map(str, targets)], check=False)
    left = sorted(path.name.split(".")[1] for path in tmp_path.iterdir())
    assert left == ["all", "masks"]  # and none of them under the name that was asked for
    with atomic_output(tmp_path / "other.json") as file:
        file.write_text("{}")
    assert [path.name for path in tmp_path.iterdir()] == ["other.json"]


@pytest.mark.skipif(os.name == "nt", reason="nobody can be asked so there")
def test_what_somebody_writes_or_named_so_stays(tmp_path: Path) -> None:
    host = re.fullmatch(r"\.out\.ifc-(.{8}).*", temporary_name(Path("out.json")))[1]
    others = [named(tmp_path, "0" * 8, 1), named(tmp_path, host, os.getpid())]
    (tmp_path / ".out.tmp.json").write_bytes(b"x")
    (tmp_path / "out.json").write_bytes(b"x")
    with atomic_folder(tmp_path / "new") as inner:
        others.append(inner)
        remove_leftovers.cache_clear()
        remove_leftovers(tmp_path)
        assert all(path.exists() for path in others)
    assert {".out.tmp.json", "out.json", "new"} <= {path.name for path in tmp_path.iterdir()}


def test_those_of_another_machine_stay_for_a_week(tmp_path: Path) -> None:
    other = named(tmp_path, "0" * 8, 1)
    remove_leftovers(tmp_path)
    assert other.exists()
    eight_days_ago = other.stat().st_mtime - 8 * 24 * 3600
    os.utime(other, (eight_days_ago,) * 2)
    remove_leftovers.cache_clear()
    remove_leftovers(tmp_path)
    assert not other.exists()


def test_a_drive_whose_clock_is_late_keeps_what_others_write(tmp_path: Path, monkeypatch) -> None:
    other = named(tmp_path, "0" * 8, 1)
    now = other.stat().st_mtime
    monkeypatch.setattr(leftovers.time, "time", lambda: now + 8 * 24 * 3600)
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [other.name]


def test_a_machine_of_the_same_name_is_another(monkeypatch) -> None:
    read, hosts = leftovers._told, set()
    for there in ("/etc/machine-id", "/proc/sys/kernel/random/boot_id", "nowhere"):
        for number in ("1", "2"):
            told = {there: number}
            monkeypatch.setattr(leftovers, "_told", lambda path, told=told: told.get(path, ""))
            monkeypatch.setattr(leftovers.uuid, "getnode", lambda number=number: int(number) + 9)
            hosts.add(leftovers._host.__wrapped__())
    assert len(hosts) == 6
    assert read("/nowhere") == ""


@pytest.mark.skipif(os.name == "nt", reason="nobody can be asked so there")
def test_a_link_of_that_name_is_removed_and_not_followed(tmp_path: Path) -> None:
    kept = tmp_path / "own"
    kept.mkdir()
    (kept / "film.mp4").write_bytes(b"x")
    host = re.fullmatch(r"\.out\.ifc-(.{8}).*", temporary_name(Path("out.json")))[1]
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / f".out.ifc-{host}{ended.pid:06x}abcdef.tmp").symlink_to(kept)
    (tmp_path / f".out.{host}{ended.pid:06x}abcdef.tmp").write_bytes(b"another program's")
    remove_leftovers(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    assert (kept / "film.mp4").exists()


def test_a_folder_that_is_not_there_is_no_fault(tmp_path: Path) -> None:
    remove_leftovers(tmp_path / "nowhere")


def test_the_name_is_no_longer_than_the_targets_may_be() -> None:
    longest = Path("\N{GRINNING FACE}" * 18 + "." + "j" * 140)
    assert len(os.fsencode(temporary_name(longest))) <= 255
