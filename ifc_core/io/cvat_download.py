"""The XML in what CVAT gives for download: the file itself, or a ZIP that holds it."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from ifc_core.errors import FormatError

_ARCHIVED = "annotations.xml"
_UNREADABLE = (
    OSError,
    zipfile.BadZipFile,
    EOFError,
    NotImplementedError,  # a compression that nothing here knows
    zlib.error,
    lzma.LZMAError,
)


@contextmanager
def opened_xml(path: Path) -> Iterator[tuple[IO[bytes], int]]:
    """Open an XML, or the one in a ZIP without unpacking it.

    Args:
        path: The XML or the ZIP.

    Yields:
        The XML, and its length in bytes as the file says it.

    Raises:
        FormatError: It cannot be read, also where that shows while the block reads it.
    """
    try:
        if not zipfile.is_zipfile(path):
            with path.open("rb") as file:
                yield file, path.stat().st_size
            return
        with zipfile.ZipFile(path) as archive:
            names = [n for n in archive.namelist() if PurePosixPath(n).name == _ARCHIVED]
            if len(names) != 1:
                found = f"{len(names)} of them" if names else "none"
                raise FormatError(f"{path.name} needs one {_ARCHIVED} and has {found}.", path=path)
            told = archive.getinfo(names[0])
            if told.flag_bits & 1:
                raise FormatError(f"{path.name} is locked with a password; unpack it.", path=path)
            with archive.open(told) as member:
                yield member, told.file_size
    except _UNREADABLE as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FormatError(f"{path} cannot be read: {reason}.", path=path) from error
