"""When memory runs out: how to tell, what to let go of, and what to say."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ifc_core.errors import DeviceMemoryError

_SAID_BY_LIBRARIES = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "status_alloc_failed",  # cuBLAS and cuDNN
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that the device or the machine has too little memory."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(said in text for said in _SAID_BY_LIBRARIES)


def let_go_after(error: BaseException, device: torch.device) -> None:
    """Free what a failed attempt held, so that the next one finds room.

    Args:
        error: That ended the attempt; the local values of the calls that it went through go, and
            tensors with them.
        device: Whose cache is emptied.
    """
    traceback.clear_frames(error.__traceback__)
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


@contextmanager
def plain_memory_errors(device: torch.device) -> Iterator[None]:
    """Let memory that runs out in the block end in a sentence that a person can act on.

    Args:
        device: That the block works on.

    Raises:
        DeviceMemoryError: In place of the libraries' own errors.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        where = "cpu" if isinstance(error, MemoryError) else str(device)
        raise DeviceMemoryError(
            f"There is too little memory on {where} for this run; choose a shorter clip length or "
            "a smaller short side, or close other programs.",
            device=where,
        ) from error
