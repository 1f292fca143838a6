"""Precision of a training."""

from __future__ import annotations

from typing import Literal

import torch


def training_precision(device: torch.device) -> Literal["fp32", "bf16", "fp16"]:
    """Mixed precision where the device computes it natively."""
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    if device.type == "cpu" and torch.cpu._is_avx512_bf16_supported():
        return "bf16"
    return "fp32"
