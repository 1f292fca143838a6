"""A short name for the content of a file, to know it again after it was moved."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

_SPAN_BYTES = 1 << 20


def file_fingerprint(path: Path, size: int | None = None) -> str:
    """Size and hash of the first and last MiB of a file.

    Args:
        path: The file.
        size: Only of its first bytes, so many of them as it has at least.

    Returns:
        ``"<size>-<32 hex digits>"``.

    Raises:
        OSError: The file cannot be read.
    """
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        if size is None:
            size = file.seek(0, 2)
            file.seek(0)
        digest.update(file.read(min(_SPAN_BYTES, size)))
        file.seek(max(0, size - _SPAN_BYTES))
        digest.update(file.read(min(_SPAN_BYTES, size)))
    return f"{size}-{digest.hexdigest()}"


def folder_fingerprint(files: Sequence[Path], names: Sequence[str] = ()) -> str:
    """Number, names and sizes of the files, and the content of the first and the last.

    Args:
        files: At least one file, in frame order.
        names: Other names that the files are to have; by default their own.

    Returns:
        ``"<number>-<32 hex digits>"``.

    Raises:
        OSError: A file cannot be read.
    """
    digest = hashlib.blake2b(digest_size=16)
    for file, name in zip(files, names or [file.name for file in files], strict=True):
        digest.update(f"{name}\0{file.stat().st_size}\0".encode("utf-8", "surrogateescape"))
    for file in (files[0], files[-1]):
        digest.update(file_fingerprint(file).encode("ascii"))
    return f"{len(files)}-{digest.hexdigest()}"
