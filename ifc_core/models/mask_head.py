"""The spatial decoder, the dynamic mask weight and the optional box head."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ifc_core.models.config import IFCConfig
from ifc_core.models.layers import MLP, MultiHeadAttention


class SpatialDecoder(nn.Module):
    """FPN-style decoder from the clip encoder's maps at 1/32 to mask features at 1/8.

    Source: paper section 3.1; published code for the order of layers (group norm with 32
    groups after each 3x3, nearest upsampling; ReLU before, inside and after the separable
    5x5, nowhere else).
    """

    def __init__(self, config: IFCConfig, res4_channels: int, res3_channels: int) -> None:
        super().__init__()
        dim = config.hidden_dim
        self.lateral4 = nn.Conv2d(res4_channels, dim, 1)
        self.lateral3 = nn.Conv2d(res3_channels, dim, 1)
        self.conv1 = nn.Conv2d(dim, dim, 3, padding=1)
        self.conv2 = nn.Conv2d(dim, dim, 3, padding=1)
        self.conv3 = nn.Conv2d(dim, dim, 3, padding=1)
        self.norm1 = nn.GroupNorm(32, dim)
        self.norm2 = nn.GroupNorm(32, dim)
        self.norm3 = nn.GroupNorm(32, dim)
        self.depthwise = nn.Conv2d(dim, dim, 5, padding=2, groups=dim)
        self.pointwise = nn.Conv2d(dim, dim, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_uniform_(module.weight, a=1)
                assert module.bias is not None  # noqa: S101 - for the type checker
                nn.init.zeros_(module.bias)

    def forward(self, encoded: Tensor, lateral4: Tensor, lateral3: Tensor) -> Tensor:
        """Mask features of N frames.

        Args:
            encoded: (N, C, h32, w32), output of the clip encoder.
            lateral4: (N, C, h16, w16), ``self.lateral4`` of res4.
            lateral3: (N, C, h8, w8), ``self.lateral3`` of res3.

        Returns:
            (N, C, h8, w8), not negative.
        """
        x = self.norm1(self.conv1(encoded))
        x = lateral4 + F.interpolate(x, size=lateral4.shape[-2:], mode="nearest")
        x = self.norm2(self.conv2(x))
        x = lateral3 + F.interpolate(x, size=lateral3.shape[-2:], mode="nearest")
        x = F.relu(self.norm3(self.conv3(x)), inplace=True)
        x = F.relu(self.depthwise(x), inplace=True)
        return F.relu(self.pointwise(x), inplace=True)


def mask_logits(mask_weights: Tensor, mask_features: Tensor) -> Tensor:
    """One dynamic 1x1 convolution a query, the same for all frames of the clip.

    Args:
        mask_weights: (B, Q, C); any subset of the queries.
        mask_features: (B, T, C, h, w).

    Returns:
        (B, Q, T, h, w).

    Source: paper eq. 5.
    """
    size = mask_features.shape[-2:]
    maps = mask_weights[:, None] @ mask_features.flatten(3)  # (B, T, Q, h * w)
    logits: Tensor = maps.transpose(1, 2).unflatten(-1, size)
    return logits


class BoxHead(nn.Module):
    """A box of each query in each frame: the query reads the frame, then a small MLP.

    Source: VisTR's box per (instance, frame), for the paper's box-based assignment. IFC's queries
    belong to the whole clip, so one attention over the frame's tokens (positions in keys and
    values) makes the query's view of that frame.
    """

    def __init__(self, config: IFCConfig) -> None:
        super().__init__()
        dim = config.hidden_dim
        self.attention = MultiHeadAttention(dim, config.num_heads)
        self.norm = nn.LayerNorm(dim)
        self.mlp = MLP(dim, dim, dim, 4)

    def forward(self, queries: Tensor, placed: Tensor, padding: Tensor | None) -> Tensor:
        """Boxes of all queries.

        Args:
            queries: (B, Q, C).
            placed: (B * T, L, C) frame tokens with their positions added.
            padding: (B * T, L) bool or ``None``.

        Returns:
            (B, Q, T, 4) in 0..1 as centre x, centre y, width, height of the padded frame.
        """
        frames = placed.shape[0] // queries.shape[0]
        asked = queries.repeat_interleave(frames, dim=0)  # (B * T, Q, C)
        if padding is not None:
            padding = padding & ~padding.all(dim=1, keepdim=True)
        seen = self.norm(asked + self.attention(asked, placed, placed, padding))
        boxes = torch.sigmoid(self.mlp(seen)).unflatten(0, (-1, frames))  # (B, T, Q, 4)
        by_query: Tensor = boxes.transpose(1, 2)
        return by_query
