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


_FILLING = (
    "normal_",
    "uniform_",
    "trunc_normal_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "constant_",
    "ones_",
    "zeros_",
    "fill_",
    "zero_",
)
"""What fills a tensor, in ``torch.nn.init`` and of a tensor's own."""


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
        fills = getattr(func, "__name__", "") in _FILLING
        if fills and isinstance(target, Tensor) and target.is_meta:
            return target
        return func(*args, **named)
