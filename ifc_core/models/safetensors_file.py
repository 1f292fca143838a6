"""Safetensors files: what is checked around their parser, and how they are written."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from ifc_core.errors import CheckpointError

MAX_HEADER_BYTES = 4 << 20
"""Largest header that is parsed."""

_FAILED_OUTPUT = re.compile(r"\bI/O error\b|\bIoError\b")
_SYSTEM_CODE = re.compile(r"\(os error (\d+)\)|\bcode: (\d+)")  # as it is said now, and was


def is_safetensors(path: Path) -> bool:
    """Whether a file begins as a safetensors file does, whatever its name; no for a missing one."""
    if not path.is_file():  # opening a pipe may wait for ever
        return False
    try:
        with path.open("rb") as file:
            head = file.read(9)
    except OSError:
        return False
    return len(head) == 9 and head[8:] == b"{" and int.from_bytes(head[:8], "little") >= 2


def check_header(path: Path) -> None:
    """Look at the length of the header before a parser does.

    Raises:
        CheckpointError: The file cannot be read, is cut off, or its header is absurdly long.
    """
    try:
        with path.open("rb") as file:
            head = file.read(8)
        size = path.stat().st_size
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CheckpointError(f"Cannot read the model {path}: {reason}.", path=path) from error
    length = int.from_bytes(head, "little")
    if len(head) < 8 or length < 2 or length > size - 8:
        raise CheckpointError(f"{path} is not a safetensors file, or was cut off.", path=path)
    if length > MAX_HEADER_BYTES:
        raise CheckpointError(
            f"The header of {path} is {length:,} bytes long, which no model of ours has.",
            path=path,
        )


def check_values(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Refuse values that no trained network has.

    Raises:
        CheckpointError: A value is not finite, or a variance is negative.
    """
    for name, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise CheckpointError(
                f"The tensor {name} in {path} holds NaN or infinite values.", path=path
            )
        if name.endswith("running_var") and bool((tensor < 0).any()):
            raise CheckpointError(f"The variance {name} in {path} is negative.", path=path)


def save_tensors(
    tensors: dict[str, Tensor], path: Path, metadata: dict[str, str] | None = None
) -> None:
    """Write a safetensors file; a full disk is an error of the system, as for any other file.

    Args:
        tensors: By name, contiguous, on the CPU.
        path: Written as it is; inside :func:`ifc_core.io.atomic.atomic_output` the temporary one.
        metadata: Kept in the header.

    Raises:
        OSError: The file cannot be written; it names ``path``.
    """
    try:
        save_file(tensors, path, metadata=metadata)
    except SafetensorError as error:
        said = str(error)
        if not _FAILED_OUTPUT.search(said):
            raise
        found = _SYSTEM_CODE.search(said)
        code = int(found[1] or found[2]) if found else errno.EIO
        if os.name == "nt":  # the code is one of Windows' own
            raise OSError(errno.EIO, said, str(path), code) from error
        raise OSError(code, os.strerror(code), str(path)) from error
