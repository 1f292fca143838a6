"""The lock by which a project has one writer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ifc_core.annotation import Project
from ifc_core.annotation.edits import SetCategory
from ifc_core.annotation.locking import LOCK_NAME, WriterLock
from ifc_core.structures import Category


def test_a_lock_whose_text_cannot_be_written_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = WriterLock(tmp_path)
    assert first.acquire()
    first.release(clean=False)  # as if its process had been killed
    left = (tmp_path / LOCK_NAME).read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        second = WriterLock(tmp_path)
        with pytest.raises(OSError, match="No space"):
            second.acquire()
    assert len((tmp_path / LOCK_NAME).read_bytes()) >= len(left) - 2  # the time has other digits
    third = WriterLock(tmp_path)
    assert third.acquire()
    assert third.unclean
    third.release()
    assert (tmp_path / LOCK_NAME).read_bytes() == b""


def test_a_lock_is_given_back_also_where_its_share_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    project = Project.create(tmp_path / "p.ifcproj")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", gone)
        project.close()
    with Project.open(tmp_path / "p.ifcproj", if_locked="error") as again:
        assert not again.read_only


def test_a_project_on_a_full_disk_is_read_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Project.create(tmp_path / "p.ifcproj").close()

    def full(lock: WriterLock) -> bool:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(WriterLock, "acquire", full)
    with Project.open(tmp_path / "p.ifcproj") as project:
        assert project.read_only
        assert project.notice.startswith("The disk is full, so p.ifcproj is open read-only")


@pytest.mark.parametrize(
    ("text", "holder"),
    [
        (b"[" * 4000, ""),
        (b'{"pid": 1e999, "host": "x", "since": 1e999}', ""),
        (b'{"pid": ' + b"9" * 4000 + b', "host": "x"}', ""),
        (b'{"pid": 7, "host": ["x"], "since": NaN}', "process 7"),
        (b'{"pid": 7, "host": "a\\u001b[2J", "since": true}', "process 7 on a?[2J"),
    ],
)
def test_whatever_stands_in_the_file_of_a_lock_a_project_opens(
    tmp_path: Path, text: bytes, holder: str
) -> None:
    folder = tmp_path / "p.ifcproj"
    Project.create(folder).close()
    (folder / LOCK_NAME).write_bytes(text)
    lock = WriterLock(folder)
    assert lock.acquire()
    assert (lock.unclean, lock.holder, lock.held_since) == (True, holder, 0.0)
    lock.release(clean=False)
    (folder / LOCK_NAME).write_bytes(text)
    with Project.open(folder, if_locked="error") as project:
        assert "was not closed in order" in project.notice


@pytest.mark.parametrize("time", [1e300, "later", b"\xff", -5.0])
def test_after_a_crash_edits_of_no_time_are_not_told(tmp_path: Path, time: object) -> None:
    folder = tmp_path / "p.ifcproj"
    with Project.create(folder) as project:
        project.apply(SetCategory(Category(1, "cat")))
        project._db.execute("UPDATE journal SET created_at = ?", (time,))
    (folder / LOCK_NAME).write_bytes(b'{"pid": 7, "host": "x", "since": 5}')
    with Project.open(folder, if_locked="error") as project:
        assert project.notice.endswith("it was checked and is whole.")
        assert [entry.created_at for entry in project.history()] == [0.0]
