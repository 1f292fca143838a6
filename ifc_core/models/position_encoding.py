"""The sine position code."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def sine_position_code(padding_mask: Tensor, num_channels: int) -> Tensor:
    """Position of every cell of a grid, counted over its unpadded area.

    Args:
        padding_mask: (N, h, w) bool, true where a cell is padding.
        num_channels: C; the first half codes y, the second x.

    Returns:
        (N, C, h, w) float32.

    Source: DETR's sine code as the published IFC uses it: counts start at 1, are divided by
    the valid extent + 1e-6, times 2 pi; temperature 10,000; sine and cosine interleaved.
    """
    valid = (~padding_mask).to(torch.float32)
    rows, columns = valid.cumsum(1), valid.cumsum(2)  # (N, h, w)
    rows = rows / (rows[:, -1:, :] + 1e-6) * (2 * math.pi)
    columns = columns / (columns[:, :, -1:] + 1e-6) * (2 * math.pi)
    half = num_channels // 2
    pair = torch.arange(half, device=valid.device) // 2
    period = 10_000.0 ** (2 * pair.to(torch.float32) / half)  # (C / 2,)
    codes = [_interleave(axis[..., None] / period) for axis in (rows, columns)]
    return torch.cat(codes, dim=3).permute(0, 3, 1, 2)  # (N, C, h, w)


def _interleave(angles: Tensor) -> Tensor:
    """Sine of the even and cosine of the odd channels, in their places."""
    return torch.stack((angles[..., 0::2].sin(), angles[..., 1::2].cos()), dim=4).flatten(3)
