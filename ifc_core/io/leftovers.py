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
from contextlib import suppress
from functools import cache
from pathlib import Path

_NAME = re.compile(r"\..{1,18}\.([0-9a-f]{8})([0-9a-f]{6})[0-9a-f]{6}\.tmp(\..*)?", re.DOTALL)
_MOST_PIDS = 1 << 24
_FORGOTTEN_SECONDS = 7 * 24 * 3600  # where nobody can say whether the process is there


def temporary_name(target: Path) -> str:
    """A new name that says which machine's which process writes it.

    Eighteen letters take 72 bytes at most, so where the target's name just fits, this one does.

    Args:
        target: What it will be renamed to; its suffix is kept.
    """
    writer = f"{_host()}{os.getpid() % _MOST_PIDS:06x}"
    return f".{target.stem[:18]}.{writer}{secrets.token_hex(3)}.tmp{target.suffix}"


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
            if found is None or not _is_abandoned(entry, found[1], int(found[2], 16)):
                continue
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                with suppress(OSError):
                    Path(entry.path).unlink()


def _is_abandoned(entry: os.DirEntry[str], host: str, pid: int) -> bool:
    if host == _host() and os.name != "nt":  # there, signal 0 would end the process
        return not _is_there(pid)
    return time.time() - entry.stat(follow_symlinks=False).st_mtime > _FORGOTTEN_SECONDS


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
    """Where a process number means one process: the machine, and the container in it."""
    numbered_in = ""
    with suppress(OSError):
        numbered_in = str(
            Path("/proc/self/ns/pid").readlink()
        )  # containers may share the host's name
    text = f"{platform.node()} {numbered_in}"
    return hashlib.blake2s(text.encode(), digest_size=4).hexdigest()
