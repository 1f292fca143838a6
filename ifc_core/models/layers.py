"""The building blocks of the transformer: attention, feed-forward, multi-layer perceptron."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

#: Receives the attention rows (N, heads, queries, keys) of one call.
AttentionSink = Callable[[Tensor], None]


class MultiHeadAttention(nn.Module):
    """Scaled dot-product attention over several heads, batch first.

    Args:
        dim: C.
        num_heads: Heads; C / heads channels each.
        dropout: Probability of dropping an attention weight in training.

    Attributes:
        sink: When set, receives the exact attention rows of each call; the fused kernel is
            used otherwise.
    """

    def __init__(self, dim: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.dropout = dropout
        self.in_proj_weight = nn.Parameter(torch.empty(3 * dim, dim))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * dim))
        self.out_proj = nn.Linear(dim, dim)
        self.sink: AttentionSink | None = None
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, key_padding_mask: Tensor | None = None
    ) -> Tensor:
        """Attend from ``query`` to ``key`` and gather ``value``.

        Args:
            query: (N, I, C).
            key: (N, J, C).
            value: (N, J, C).
            key_padding_mask: (N, J) bool, true for keys to ignore; each row keeps one at least.

        Returns:
            (N, I, C).
        """
        q, k, v = self._project(query, key, value)
        allowed = None if key_padding_mask is None else ~key_padding_mask[:, None, None, :]
        if self.sink is None:
            dropout = self.dropout if self.training else 0.0
            x = F.scaled_dot_product_attention(q, k, v, attn_mask=allowed, dropout_p=dropout)
        else:
            rows = attention_rows(q, k, allowed)
            self.sink(rows)
            x = rows.to(v.dtype) @ v
        out: Tensor = self.out_proj(x.transpose(1, 2).flatten(2))
        return out  # (N, I, C)

    def _project(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        dim = query.shape[-1]
        if query is key:
            both = F.linear(query, self.in_proj_weight[: 2 * dim], self.in_proj_bias[: 2 * dim])
            q, k = both.chunk(2, dim=-1)
        else:
            q = F.linear(query, self.in_proj_weight[:dim], self.in_proj_bias[:dim])
            key_rows = slice(dim, 2 * dim)
            k = F.linear(key, self.in_proj_weight[key_rows], self.in_proj_bias[key_rows])
        v = F.linear(value, self.in_proj_weight[2 * dim :], self.in_proj_bias[2 * dim :])
        return self._heads(q), self._heads(k), self._heads(v)

    def _heads(self, x: Tensor) -> Tensor:
        heads: Tensor = x.unflatten(-1, (self.num_heads, -1))
        return heads.transpose(1, 2)  # (N, heads, I, C / heads)


def attention_rows(query: Tensor, key: Tensor, allowed: Tensor | None) -> Tensor:
    """Softmax rows of scaled dot-product attention, computed in float32.

    Args:
        query: (N, heads, I, d).
        key: (N, heads, J, d).
        allowed: Bool, broadcastable to (N, heads, I, J), or ``None``.

    Returns:
        (N, heads, I, J) float32; rows sum to 1.
    """
    logits = query.float() @ key.float().transpose(-2, -1) / math.sqrt(query.shape[-1])
    if allowed is not None:
        logits = logits.masked_fill(~allowed, float("-inf"))
    return logits.softmax(dim=-1)


class FeedForward(nn.Module):
    """Two linear layers with a ReLU between them."""

    def __init__(self, dim: int, inner_dim: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.linear1 = nn.Linear(dim, inner_dim)
        self.linear2 = nn.Linear(inner_dim, dim)
        self.dropout = nn.Dropout(dropout)
        for layer in (self.linear1, self.linear2):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) to (..., C)."""
        out: Tensor = self.linear2(self.dropout(F.relu(self.linear1(x))))
        return out


class SelfAttentionLayer(nn.Module):
    """Self-attention and feed-forward with residuals: one transformer encoder layer.

    Source: paper section 3.1; post-norm as published, pre-norm by option.
    """

    def __init__(
        self, dim: int, num_heads: int, feedforward_dim: int, dropout: float, pre_norm: bool
    ) -> None:
        super().__init__()
        self.pre_norm = pre_norm
        self.attention = MultiHeadAttention(dim, num_heads, dropout)
        self.feedforward = FeedForward(dim, feedforward_dim, dropout)
        self.norm1 = nn.LayerNorm(dim)
        self.norm2 = nn.LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, position: Tensor | None = None, padding_mask: Tensor | None = None
    ) -> Tensor:
        """Update tokens ``x`` (N, I, C).

        Args:
            x: (N, I, C).
            position: (N or 1, I, C), added to queries and keys only.
            padding_mask: (N, I) bool, true for tokens nobody may attend to.
        """
        if self.pre_norm:
            x = x + self._attend(self.norm1(x), position, padding_mask)
            x = x + self.dropout(self.feedforward(self.norm2(x)))
        else:
            x = self.norm1(x + self._attend(x, position, padding_mask))
            x = self.norm2(x + self.dropout(self.feedforward(x)))
        return x

    def _attend(self, x: Tensor, position: Tensor | None, padding_mask: Tensor | None) -> Tensor:
        placed = x if position is None else x + position
        out: Tensor = self.dropout(self.attention(placed, placed, x, padding_mask))
        return out


class MLP(nn.Module):
    """Linear layers with ReLU between them."""

    def __init__(self, *dims: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(dims))

    def forward(self, x: Tensor) -> Tensor:
        """(..., dims[0]) to (..., dims[-1])."""
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        out: Tensor = self.layers[-1](x)
        return out
