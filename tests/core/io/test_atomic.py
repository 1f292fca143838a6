"""Outputs appear whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from ifc_core.errors import OutputError, VideoError
from ifc_core.io.atomic import (
    atomic_folder,
    atomic_output,
    check_new_folder,
    check_output,
    ready_folder,
)


def _write_and_fail(target: Path, error: BaseException) -> None:
    with atomic_output(target) as temporary:
        temporary.write_text("half")
        raise error


def test_the_file_appears_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "out.tar.mp4"
    with atomic_output(target) as temporary:
        assert temporary.suffix == ".mp4"
        assert temporary.parent == tmp_path
        temporary.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), VideoError("x", path="x"), ValueError()])
def test_any_failure_leaves_the_old_file(error: BaseException, tmp_path: Path) -> None:
    target = tmp_path / "out.json"
    target.write_text("old")
    with pytest.raises(type(error)):
        _write_and_fail(target, error)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_name_that_just_fits_is_written(tmp_path: Path) -> None:
    target = tmp_path / ("映" * 80 + ".json")  # 245 bytes of the 255 that a name may have
    with atomic_output(target) as temporary:
        temporary.write_text("new")
    assert target.read_text() == "new"


@pytest.mark.skipif(os.name == "nt", reason="files have no such modes there")
def test_a_file_that_replaced_the_temporary_one_is_as_readable_as_any(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    with atomic_output(tmp_path / "out.safetensors") as temporary:
        private = tmp_path / "private"
        private.touch(mode=0o600)
        private.replace(temporary)  # as safetensors does
    assert (tmp_path / "out.safetensors").stat().st_mode == plain.stat().st_mode


@pytest.mark.skipif(os.name == "nt", reason="files have no such modes there")
def test_a_replaced_file_is_as_readable_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "out.json"
    for mode in (0o600, 0o664, 0o444):
        target.touch()
        target.chmod(mode)
        with atomic_output(target) as temporary:
            temporary.write_text("new")
        assert target.stat().st_mode & 0o777 == mode
        target.unlink()


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
@pytest.mark.parametrize("is_there", [True, False])
def test_a_link_stays_and_what_it_points_at_is_written(tmp_path: Path, is_there: bool) -> None:
    (tmp_path / "store").mkdir()
    place, target = tmp_path / "store" / "blob", tmp_path / "out.mp4"
    if is_there:
        place.write_text("old")
    target.symlink_to(Path("store") / "blob")
    with atomic_output(target) as temporary:
        assert (temporary.parent, temporary.suffix) == (place.parent, ".mp4")
        temporary.write_text("new")
    assert target.is_symlink()
    assert place.read_text() == "new"
    assert list(place.parent.iterdir()) == [place]


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_a_link_into_nowhere_is_told_of(tmp_path: Path) -> None:
    target = tmp_path / "out.json"
    target.symlink_to(tmp_path / "none" / "out.json")
    with pytest.raises(OutputError, match=r"the folder .*none does not exist"):
        check_output(target)
    target.unlink()
    target.symlink_to(target)
    with pytest.raises(OutputError, match=r"Cannot write .*out\.json"):
        check_output(target)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
def test_what_is_no_file_is_left_alone(tmp_path: Path) -> None:
    pipe, link = tmp_path / "pipe", tmp_path / "out.json"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for target in (pipe, link):
        with pytest.raises(OutputError, match="is a device, a pipe or a socket"):
            check_output(target)
    assert pipe.is_fifo()
    assert link.is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json", "pipe"]


def test_a_dash_becomes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for check in (check_output, check_new_folder, ready_folder):
        with pytest.raises(OutputError, match="not to standard output"):
            check("-")
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_a_file_in_the_temporary_one_names_the_target(tmp_path: Path) -> None:
    def write_and_fail(inner: Path) -> None:
        raise OutputError(f"Cannot write {inner}: no space left on device.", path=inner)

    target = tmp_path / "film.mp4"
    with pytest.raises(OutputError) as caught, atomic_output(target) as temporary:
        write_and_fail(temporary)
    assert str(caught.value) == f"Cannot write {target}: no space left on device."
    assert caught.value.path == target
    with pytest.raises(OutputError) as caught, atomic_folder(tmp_path / "films") as temporary:
        write_and_fail(temporary / "a.mp4")
    assert str(caught.value) == f"Cannot write {tmp_path}/films/a.mp4: no space left on device."
    assert caught.value.path == tmp_path / "films" / "a.mp4"
    assert list(tmp_path.iterdir()) == []


def test_full_disk_is_an_output_error(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(OutputError, match=r"Cannot write .*out\.json: no space left") as caught:
        _write_and_fail(tmp_path / "out.json", full)
    assert caught.value.path == tmp_path / "out.json"
    assert list(tmp_path.iterdir()) == []


def test_errors_about_other_files_are_not_hidden(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_output(tmp_path / "out.json"):
        (tmp_path / "input.json").read_text()
    assert list(tmp_path.iterdir()) == []


def test_missing_folder_and_folder_as_target(tmp_path: Path) -> None:
    inside = tmp_path / "none" / "out.json"
    with pytest.raises(OutputError, match="does not exist"), atomic_output(inside):
        pytest.fail("the block must not run")
    with pytest.raises(OutputError, match="is a folder"), atomic_output(tmp_path):
        pytest.fail("the block must not run")


@pytest.mark.parametrize("place", [Path(), Path("/")])
@pytest.mark.parametrize("write", [atomic_output, atomic_folder])
def test_a_place_without_a_name_is_told_of(place: Path, write: Any) -> None:
    with pytest.raises(OutputError, match="is a folder; name a place in it"), write(place):
        pass


def test_a_folder_is_made_ready_or_told_of_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    ready_folder(folder)
    ready_folder(folder)
    assert list(folder.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"Cannot write .*file: file exists") as caught:
        ready_folder(tmp_path / "file")
    assert caught.value.path == tmp_path / "file"


def test_a_folder_that_takes_no_files_is_told_of_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *, exist_ok: bool) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(OutputError, match=f"Cannot write {tmp_path}: permission denied"):
        ready_folder(tmp_path)


def test_folders_appear_whole(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with atomic_folder(target) as temporary:
        (temporary / "a").mkdir()
        (temporary / "a" / "b.txt").write_text("x")
        assert not target.exists()
    assert (target / "a" / "b.txt").read_text() == "x"
    with pytest.raises(OutputError, match="exists already"), atomic_folder(target):
        pytest.fail("the block must not run")


def test_a_folder_that_comes_meanwhile_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "out"

    def fill_late() -> None:
        with atomic_folder(target) as temporary:
            (temporary / "a").write_text("ours")
            target.mkdir()  # another program was faster
            (target / "b").write_text("theirs")

    with pytest.raises(OutputError, match="choose a new folder"):
        fill_late()
    assert [file.name for file in tmp_path.rglob("*")] == ["out", "b"]


def test_a_failed_folder_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()

    def fill_and_fail() -> None:
        with atomic_folder(tmp_path / "out") as temporary:
            (temporary / "x").write_text("x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill_and_fail()
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
