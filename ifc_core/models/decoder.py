"""The clip decoder: object queries read frame features and memory tokens."""

from __future__ import annotations

from torch import Tensor, nn

from ifc_core.models.config import IFCConfig
from ifc_core.models.layers import FeedForward, MultiHeadAttention


class DecoderLayer(nn.Module):
    """Self-attention over the queries, cross-attention to the clip, feed-forward."""

    def __init__(self, config: IFCConfig) -> None:
        super().__init__()
        dim, heads = config.hidden_dim, config.num_heads
        self.pre_norm = config.pre_norm
        self.self_attention = MultiHeadAttention(dim, heads, config.dropout)
        self.cross_attention = MultiHeadAttention(dim, heads, config.dropout)
        self.feedforward = FeedForward(dim, config.feedforward_dim, config.dropout)
        self.norm1 = nn.LayerNorm(dim)
        self.norm2 = nn.LayerNorm(dim)
        self.norm3 = nn.LayerNorm(dim)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        x: Tensor,
        query_position: Tensor,
        keys: Tensor,
        values: Tensor,
        padding: Tensor | None,
    ) -> Tensor:
        """Update queries.

        Args:
            x: (B, Q, C).
            query_position: (B or 1, Q, C), added to queries (and to keys among queries).
            keys: (B, J, C), clip tokens with their positions.
            values: (B, J, C), clip tokens.
            padding: (B, J) bool or ``None``.

        Returns:
            (B, Q, C).
        """
        if self.pre_norm:
            x = x + self._among(self.norm1(x), query_position)
            placed = self.norm2(x) + query_position
            x = x + self.dropout(self.cross_attention(placed, keys, values, padding))
            x = x + self.dropout(self.feedforward(self.norm3(x)))
        else:
            x = self.norm1(x + self._among(x, query_position))
            read = self.cross_attention(x + query_position, keys, values, padding)
            x = self.norm2(x + self.dropout(read))
            x = self.norm3(x + self.dropout(self.feedforward(x)))
        return x

    def _among(self, x: Tensor, query_position: Tensor) -> Tensor:
        placed = x + query_position
        out: Tensor = self.dropout(self.self_attention(placed, placed, x))
        return out


class ClipDecoder(nn.Module):
    """N_D decoder layers; the queries' content is normalised after each.

    It starts at 0, or with ``query_content`` from an embedding of its own.

    Source: paper section 3.1; the final norm is applied to auxiliary outputs too, as published.
        Learnt content is Cheng et al., Masked-attention Mask Transformer, CVPR 2022, section 3.2.
    """

    def __init__(self, config: IFCConfig) -> None:
        super().__init__()
        self.query_position = nn.Embedding(config.num_queries, config.hidden_dim)
        self.query_content: nn.Embedding | None = None
        if config.query_content:
            self.query_content = nn.Embedding(config.num_queries, config.hidden_dim)
            nn.init.zeros_(self.query_content.weight)
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.num_decoder_layers))
        self.norm = nn.LayerNorm(config.hidden_dim)

    def forward(
        self,
        values: Tensor,
        keys: Tensor,
        padding: Tensor | None,
        every_layer: bool,
        position: Tensor | None = None,
        content: Tensor | None = None,
    ) -> list[Tensor]:
        """Decode a batch of clips.

        Args:
            values: (B, J, C), all frame tokens and then all memory tokens of each clip.
            keys: (B, J, C), the same with their positions added.
            padding: (B, J) bool or ``None``.
            every_layer: Give the output after each layer instead of the last only.
            position: (B or 1, Q', C) of other queries than the learnt ones, as training uses.
            content: (B, Q', C) that these start from.

        Returns:
            Normalised query embeddings (B, Q, C), the last layer's last.
        """
        if position is None:
            position = self.query_position.weight[None]
            if self.query_content is not None:
                content = self.query_content.weight.expand(values.shape[0], -1, -1)
        x = content
        if x is None:
            x = position.new_zeros(values.shape[0], *position.shape[1:])
        outputs = []
        for index, layer in enumerate(self.layers):
            x = layer(x, position, keys, values, padding)
            if every_layer or index == len(self.layers) - 1:
                outputs.append(self.norm(x))
        return outputs
