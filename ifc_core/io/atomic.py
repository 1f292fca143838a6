"""Outputs that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ifc_core.errors import OutputError
from ifc_core.io.leftovers import remove_leftovers, temporary_name


@contextmanager
def atomic_output(path: Path | str) -> Iterator[Path]:
    """Write a file under a temporary name beside its target and rename it on success.

    The block must close what it writes before it ends. On any failure, Ctrl-C included, the
    temporary file is removed and an existing target stays as it was. Who may read the file is as
    it was before, or as the process' umask says of a new one, also where a library puts a file of
    its own in the temporary's place. What a symbolic link points at is replaced, not the link.

    Args:
        path: The target. Its folder must exist.

    Yields:
        The temporary path, with the suffix of the target.

    Raises:
        OutputError: The target cannot be written (no folder, no permission, disk full, ...), is a
            device, a pipe or a socket, or is ``-``.
    """
    target = Path(path)
    refuse_dash(target)
    place = Path(os.path.realpath(target)) if target.is_symlink() else target
    temporary = _temporary_path(place, target)
    try:
        before = _old_mode(target)
        mode = _probe(temporary)
        yield temporary
        _sync_file(temporary, mode if before is None else before)
        temporary.replace(place)
        _sync_folder(place.parent)
    except OutputError as error:
        _remove(temporary)
        raise told_of(target, temporary, error) from error.__cause__
    except OSError as error:
        _remove(temporary)
        if not _concerns_output(error, temporary):
            raise
        raise OutputError(_sentence(target, error), path=target) from error
    except BaseException:
        _remove(temporary)
        raise


@contextmanager
def atomic_folder(path: Path | str) -> Iterator[Path]:
    """Fill a new folder under a temporary name beside its target and rename it on success.

    Args:
        path: The target; it must not exist, or be an empty folder.

    Yields:
        The temporary folder, which exists.

    Raises:
        OutputError: The target holds something, or cannot be written.
    """
    target = Path(path)
    temporary = _temporary_path(target, target)
    try:
        check_new_folder(target)
        temporary.mkdir()
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                _sync_file(file)
        check_new_folder(target)  # another one may have come meanwhile
        if target.exists():
            target.rmdir()
        temporary.replace(target)
        _sync_folder(target.parent)
    except OutputError as error:
        _remove(temporary)
        raise told_of(target, temporary, error) from error.__cause__
    except OSError as error:
        _remove(temporary)
        if not _concerns_output(error, temporary):
            raise
        raise OutputError(_sentence(target, error), path=target) from error
    except BaseException:
        _remove(temporary)
        raise


def told_of(target: Path, temporary: Path, error: OutputError) -> OutputError:
    """The error of a file that goes into a temporary place, in words of the target.

    Args:
        target: What the person named.
        temporary: The file or folder that was to take its place.
        error: What came of writing it, or anything else.

    Returns:
        The error as it is where it concerns another place.
    """
    if not error.path.is_relative_to(temporary):
        return error
    sentence = str(error).replace(str(temporary), str(target)).replace(temporary.name, target.name)
    return OutputError(sentence, path=target / error.path.relative_to(temporary))


def check_output(path: Path | str) -> None:
    """Find out before the work whether a file can be written, and write nothing.

    Raises:
        OutputError: As :func:`atomic_output` would.
    """
    with suppress(_ProbedError), atomic_output(path):
        raise _ProbedError


class _ProbedError(Exception):
    """Ends a trial of a target."""


def refuse_dash(target: Path) -> None:
    """See that what means standard output elsewhere does not become a file of that name.

    Raises:
        OutputError: The target is ``-``.
    """
    if str(target) == "-":
        raise OutputError(
            "Results are written whole and not to standard output; name a place instead of -.",
            path=target,
        )


def check_new_folder(path: Path | str) -> None:
    """Make sure that nothing is where a folder shall appear, before work is put into it.

    Raises:
        OutputError: Something is there, other than an empty folder.
    """
    target = Path(path)
    refuse_dash(target)
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise OutputError(f"{target} exists already; choose a new folder.", path=target)


def check_parent(path: Path | str) -> None:
    """Make sure that the folder of a target exists, before others are made beside the target.

    Raises:
        OutputError: It does not.
    """
    target = Path(path)
    place = Path(os.path.realpath(target)) if target.is_symlink() else target
    if not place.parent.exists():
        raise OutputError(_sentence(target, FileNotFoundError()), path=target)


def ready_folder(path: Path | str) -> None:
    """Make a folder where it is missing, and see that it takes files, before work is begun.

    Raises:
        OutputError: It cannot be made, or no file can be written in it.
    """
    folder = Path(path)
    refuse_dash(folder)
    probe = _temporary_path(folder / "probe", folder / "probe")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _probe(probe)
    except OSError as error:
        raise OutputError(_sentence(folder, error), path=folder) from error
    finally:
        _remove(probe)


def _temporary_path(place: Path, target: Path) -> Path:
    """Beside the place, named like the target, whose suffix says what is written.

    What killed processes left there is removed first, so that a second try has room on the disk.
    """
    if not place.name:  # the folder where one stands, or the topmost
        raise OutputError(f"{target} is a folder; name a place in it.", path=target)
    remove_leftovers(place.parent)
    return place.with_name(temporary_name(target))


def _old_mode(target: Path) -> int | None:
    """The mode of a file that will be replaced, ``None`` where there is none.

    Raises:
        OutputError: What is there is no plain file, and would be gone, or cannot be looked at.
    """
    try:
        found = target.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OutputError(_sentence(target, error), path=target) from error
    if stat.S_ISDIR(found.st_mode):
        raise OutputError(f"{target} is a folder, so no file can be written there.", path=target)
    if not stat.S_ISREG(found.st_mode):
        raise OutputError(
            f"{target} is a device, a pipe or a socket and would be replaced; name a file.",
            path=target,
        )
    return stat.S_IMODE(found.st_mode)


def _probe(temporary: Path) -> int:
    """Find out before the work starts whether the folder can be written; gives a file's mode."""
    temporary.touch(exist_ok=False)
    return stat.S_IMODE(temporary.stat().st_mode)


def _concerns_output(error: OSError, temporary: Path) -> bool:
    """Whether the error is about the output rather than about an input read in the block."""
    both = (error.filename, error.filename2)  # of a copy it is told from where and to where
    names = [Path(os.fsdecode(x)) for x in both if isinstance(x, str | bytes | os.PathLike)]
    return not names or any(name.is_relative_to(temporary) for name in names)


def _sentence(target: Path, error: OSError) -> str:
    reason = error.strerror or str(error)
    folder = Path(os.path.realpath(target)).parent if target.is_symlink() else target.parent
    if isinstance(error, FileNotFoundError) and not folder.exists():
        reason = f"the folder {folder} does not exist"
    return f"Cannot write {target}: {reason[:1].lower()}{reason[1:]}."


def _sync_file(path: Path, mode: int | None = None) -> None:
    """See that a file is on the disk, with a mode if it is to have one.

    safetensors writes files that their owner alone can read.
    """
    with path.open("rb+") as file:  # before the mode, by which it may not be written any more
        if mode is not None and stat.S_IMODE(path.stat().st_mode) != mode:
            with suppress(OSError):  # some shares have no modes
                path.chmod(mode)
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system can do that."""
    if os.name == "nt":
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
