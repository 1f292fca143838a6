"""How a CUDA device multiplies while a run works: exact float32, or quick beside low precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def device_arithmetic(device: torch.device, exact: bool) -> Iterator[None]:
    """Set PyTorch's switches for the block, and put them back after it.

    Args:
        device: Nothing is done for a CPU.
        exact: True float32 products. Otherwise those that are left in float32 beside bf16 or fp16
            may round their factors to ten bits (TF32), which is finer than bf16, and kernels of
            convolutions are chosen by trying them.
    """
    if device.type != "cuda":
        yield
        return
    convolutions, searches = torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark
    products = torch.get_float32_matmul_precision()
    torch.backends.cudnn.allow_tf32 = not exact
    torch.backends.cudnn.benchmark = not exact
    torch.set_float32_matmul_precision("highest" if exact else "high")
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark = convolutions, searches
        torch.set_float32_matmul_precision(products)
