"""A network of shapes alone: no memory, no numbers drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


@contextmanager
def unfilled() -> Iterator[None]:
    """What is built inside has tensors without data, and nothing is written into them.

    PyTorch has rules for writing into such tensors, but for those of random numbers it brings its
    compiler along, which takes as long as all else that a process needs before its first frame.
    """
    with torch.device("meta"), _Unwritten():
        yield


class _Unwritten(TorchFunctionMode):
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        named = kwargs or {}
        target = named.get("tensor", args[0] if args else None)
        if isinstance(target, Tensor) and target.is_meta and _writes(func):
            return target
        return func(*args, **named)


def _writes(func: Callable[..., Any]) -> bool:
    """Whether a function writes into its first argument, as PyTorch's names tell."""
    name = getattr(func, "__name__", "")
    return name.endswith("_") and not name.endswith("__")
