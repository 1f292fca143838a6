"""Outputs that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ifc_core.errors import OutputError


@contextmanager
def atomic_output(path: Path | str) -> Iterator[Path]:
    """Write a file under a temporary name beside its target and rename it on success.

    The block must close what it writes before it ends. On any failure, Ctrl-C included, the
    temporary file is removed and an existing target stays as it was. Who may read the file is as
    the process' umask says, also where a library puts a file of its own in the temporary's place.

    Args:
        path: The target. Its folder must exist.

    Yields:
        The temporary path, with the suffix of the target.

    Raises:
        OutputError: The target cannot be written (no folder, no permission, disk full, ...).
    """
    target = Path(path)
    temporary = _temporary_path(target)
    if target.is_dir():
        raise OutputError(f"{target} is a folder, so no file can be written there.", path=target)
    try:
        mode = _probe(temporary)
        yield temporary
        _give_mode(temporary, mode)
        _sync_file(temporary)
        temporary.replace(target)
        _sync_folder(target.parent)
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
    temporary = _temporary_path(target)
    try:
        check_new_folder(target)
        temporary.mkdir()
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                _sync_file(file)
        if target.exists():
            target.rmdir()
        temporary.replace(target)
        _sync_folder(target.parent)
    except OSError as error:
        _remove(temporary)
        if not _concerns_output(error, temporary):
            raise
        raise OutputError(_sentence(target, error), path=target) from error
    except BaseException:
        _remove(temporary)
        raise


def check_new_folder(path: Path | str) -> None:
    """Make sure that nothing is where a folder shall appear, before work is put into it.

    Raises:
        OutputError: Something is there, other than an empty folder.
    """
    target = Path(path)
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise OutputError(f"{target} exists already; choose a new folder.", path=target)


def ready_folder(path: Path | str) -> None:
    """Make a folder where it is missing, and see that it takes files, before work is begun.

    Raises:
        OutputError: It cannot be made, or no file can be written in it.
    """
    folder = Path(path)
    probe = _temporary_path(folder / "probe")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _probe(probe)
    except OSError as error:
        raise OutputError(_sentence(folder, error), path=folder) from error
    finally:
        _remove(probe)


def _temporary_path(target: Path) -> Path:
    # Twenty letters take 80 bytes at most, so a name that just fits leaves room for this one.
    return target.with_name(f".{target.stem[:20]}.{secrets.token_hex(6)}.tmp{target.suffix}")


def _probe(temporary: Path) -> int:
    """Find out before the work starts whether the folder can be written; gives a file's mode."""
    temporary.touch(exist_ok=False)
    return stat.S_IMODE(temporary.stat().st_mode)


def _give_mode(temporary: Path, mode: int) -> None:
    """Undo what safetensors does, whose files their owner alone can read."""
    if stat.S_IMODE(temporary.stat().st_mode) != mode:
        with suppress(OSError):  # some shares have no modes
            temporary.chmod(mode)


def _concerns_output(error: OSError, temporary: Path) -> bool:
    """Whether the error is about the output rather than about an input read in the block."""
    if error.filename is None or not isinstance(error.filename, str | bytes | os.PathLike):
        return True
    return Path(os.fsdecode(error.filename)).is_relative_to(temporary)


def _sentence(target: Path, error: OSError) -> str:
    reason = error.strerror or str(error)
    if isinstance(error, FileNotFoundError) and not target.parent.exists():
        reason = f"the folder {target.parent} does not exist"
    return f"Cannot write {target}: {reason[:1].lower()}{reason[1:]}."


def _sync_file(path: Path) -> None:
    with path.open("rb+") as file:
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
