"""Names of temporary outputs, by which those that a killed process left are known and removed.

A process that is killed, or whose machine loses power, in the midst of an export leaves what it
wrote so far: hidden beside the target, as large as the target would have been, and seen by nobody.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import secrets
import shutil
import time
import uuid
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile

_NAME = re.compile(r"\..{1,18}\.ifc-([0-9a-f]{8})([0-9a-f]{6})[0-9a-f]{6}\.tmp(\..*)?", re.DOTALL)
_MOST_PIDS = 1 << 24
_OUTERMOST = "pid:[4026531836]"  # the numbering of processes outside of containers, on any Linux
_FORGOTTEN_SECONDS = 7 * 24 * 3600  # where nobody can say whether the process is there


def temporary_name(target: Path) -> str:
    """A new name that says which machine's which process writes it.

    Eighteen letters take 72 bytes at most, so where the target's name just fits, this one does.

    Args:
        target: What it will be renamed to; its suffix is kept.
    """
    writer = f"{_host()}{os.getpid() % _MOST_PIDS:06x}"
    return f".{target.stem[:18]}.ifc-{writer}{secrets.token_hex(3)}.tmp{target.suffix}"


@cache
def remove_leftovers(folder: Path) -> None:
    """Remove temporary outputs in a folder whose processes ended without removing them.

    Looks once in each folder: this process itself leaves none.

    Args:
        folder: Need not exist, nor let itself be written.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            found = _NAME.fullmatch(entry.name)
            with suppress(OSError):  # another process may have removed it
                if found is not None and _is_abandoned(entry, found[1], int(found[2], 16)):
                    _remove(entry)


def _remove(entry: os.DirEntry[str]) -> None:
    if entry.is_dir(follow_symlinks=False):
        shutil.rmtree(entry.path, ignore_errors=True)
    else:
        Path(entry.path).unlink()


def _is_abandoned(entry: os.DirEntry[str], host: str, pid: int) -> bool:
    if host == _host() and os.name != "nt":  # there, signal 0 would end the process
        return not _is_there(pid)
    written = entry.stat(follow_symlinks=False).st_mtime
    if time.time() - written <= _FORGOTTEN_SECONDS:
        return False
    with TemporaryFile(dir=Path(entry.path).parent) as file:  # a drive may have another clock
        return os.fstat(file.fileno()).st_mtime - written > _FORGOTTEN_SECONDS


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # another person's
    return True


@cache
def _host() -> str:
    """Where a process number means one process: the machine, and the container in it.

    Machines may share a name, and containers of one image all that they say of themselves.
    """
    machine = _told("/etc/machine-id")
    numbered_in = ""
    with suppress(OSError):
        numbered_in = str(Path("/proc/self/ns/pid").readlink())
    started = ""
    if not machine or numbered_in != _OUTERMOST:
        started = _told("/proc/sys/kernel/random/boot_id") or f"{uuid.getnode():x}"
    text = f"{platform.node()} {machine} {numbered_in} {started}"
    return hashlib.blake2s(text.encode(), digest_size=4).hexdigest()


def _told(path: str) -> str:
    """What the system says in a file; empty where there is none."""
    with suppress(OSError):
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    return ""
