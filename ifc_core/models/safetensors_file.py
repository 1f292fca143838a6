"""What is checked of any safetensors file before and after its parser sees it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from ifc_core.errors import CheckpointError

MAX_HEADER_BYTES = 4 << 20
"""Largest header that is parsed."""


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
