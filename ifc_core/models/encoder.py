"""The clip encoder: Encode-Receive and Gather-Communicate, and the paper's alternatives.

Every kind splits into a first layer that sees one frame only (done once a frame, whatever the
number of clips that hold it) and the rest, which sees the clip.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ifc_core.models.config import IFCConfig
from ifc_core.models.layers import SelfAttentionLayer


class ClipEncoder(nn.Module):
    """Encoder over the tokens of a clip, of the kind ``config.encoder``.

    Attributes:
        memory_content: (M, C) learnt memory tokens, the same for each frame.
        memory_position: (M, C) their learnt position, in queries and keys only.
        frame_layers: Encode-Receive (or spatial, or space-time) layers, N_E.
        exchange_layers: Gather-Communicate (N_E) or temporal (N_E - 1) layers.

    Source: paper section 3.1, equations 2 to 4.
    """

    memory_content: Tensor
    memory_position: Tensor

    def __init__(self, config: IFCConfig) -> None:
        super().__init__()
        self.kind = config.encoder
        self.unified = config.memory_grouping == "unified"
        self.num_memory_tokens = config.memory_tokens
        for name in ("memory_content", "memory_position"):
            shape = config.memory_tokens, config.hidden_dim
            if config.memory_tokens:
                initial = nn.init.normal_(torch.empty(shape), std=0.5)
                self.register_parameter(name, nn.Parameter(initial))
            else:  # nothing to learn; an empty parameter would never get a gradient
                self.register_buffer(name, torch.empty(shape, device="cpu"), persistent=False)
        exchanges = {
            "ifc": config.num_encoder_layers if config.memory_tokens else 0,
            "none": 0,
            "full": 0,
            "decomposed": config.num_encoder_layers - 1,
        }[config.encoder]
        self.frame_layers = nn.ModuleList(_layer(config) for _ in range(config.num_encoder_layers))
        self.exchange_layers = nn.ModuleList(_layer(config) for _ in range(exchanges))
        self.norm = nn.LayerNorm(config.hidden_dim) if config.pre_norm else None

    def start(self, tokens: Tensor, position: Tensor, padding: Tensor | None) -> Tensor:
        """What needs one frame only: append memory tokens, first Encode-Receive.

        Args:
            tokens: (N, L, C) projected features.
            position: (N or 1, L, C).
            padding: (N, L) bool or ``None``.

        Returns:
            (N, L + M, C); the memory tokens are the last M. With the ``full`` encoder, whose
            first layer needs the clip, the tokens as they came.
        """
        if self.kind == "full":
            return tokens
        memory = self.memory_content.expand(tokens.shape[0], -1, -1)
        state = torch.cat((tokens, memory), dim=1)
        return self._frame_layer(0, state, position, padding)

    def finish(
        self, state: Tensor, position: Tensor, padding: Tensor | None, num_frames: int
    ) -> tuple[Tensor, Tensor]:
        """The layers that need the clip.

        Args:
            state: (B * T, L + M, C) from :meth:`start`.
            position: (B * T or 1, L, C).
            padding: (B * T, L) bool or ``None``; a frame that is all padding takes no part.
            num_frames: T.

        Returns:
            Frame tokens (B * T, L, C) and memory tokens (B * T, M, C).
        """
        if self.kind == "full":
            state = self._space_time(state, position, padding, num_frames)
        else:
            absent = None if padding is None else padding.all(dim=1)  # (B * T,)
            state = self._exchange(0, state, absent, num_frames)
            for index in range(1, len(self.frame_layers)):
                state = self._frame_layer(index, state, position, padding)
                state = self._exchange(index, state, absent, num_frames)
        if self.norm is not None:
            state = self.norm(state)
        length = state.shape[1] - self.num_memory_tokens
        return state[:, :length], state[:, length:]

    def _frame_layer(
        self, index: int, state: Tensor, position: Tensor, padding: Tensor | None
    ) -> Tensor:
        """Encode-Receive: pixels and memory tokens of one frame attend to each other."""
        memory_position = self.memory_position.expand(position.shape[0], -1, -1)
        placed = torch.cat((position, memory_position.to(position.dtype)), dim=1)
        if padding is not None:
            # An absent frame keeps its keys, so that no softmax row is empty.
            padding = padding & ~padding.all(dim=1, keepdim=True)
            padding = nn.functional.pad(padding, (0, self.num_memory_tokens), value=False)
        out: Tensor = self.frame_layers[index](state, placed, padding)
        return out

    def _exchange(self, index: int, state: Tensor, absent: Tensor | None, frames: int) -> Tensor:
        if index >= len(self.exchange_layers):
            return state
        if self.kind == "decomposed":
            return self._over_time(index, state, absent, frames)
        length = state.shape[1] - self.num_memory_tokens
        pixels, memory = state[:, :length], state[:, length:]
        gather = self._gather_unified if self.unified else self._over_time
        return torch.cat((pixels, gather(index, memory, absent, frames)), dim=1)

    def _over_time(self, index: int, tokens: Tensor, absent: Tensor | None, frames: int) -> Tensor:
        """Attend over T for each of the I token slots on its own; no position code."""
        slots = tokens.shape[1]
        x = tokens.unflatten(0, (-1, frames)).transpose(1, 2).flatten(0, 1)  # (B * I, T, C)
        if absent is not None:
            absent = _usable(absent.view(-1, frames)).repeat_interleave(slots, dim=0)
        x = self.exchange_layers[index](x, None, absent)
        out: Tensor = x.unflatten(0, (-1, slots)).transpose(1, 2).flatten(0, 1)
        return out  # (B * T, I, C)

    def _gather_unified(
        self, index: int, memory: Tensor, absent: Tensor | None, frames: int
    ) -> Tensor:
        """Attend over all T x M memory tokens of the clip."""
        slots = memory.shape[1]
        x = memory.unflatten(0, (-1, frames)).flatten(1, 2)  # (B, T * M, C)
        if absent is not None:
            absent = _usable(absent.view(-1, frames)).repeat_interleave(slots, dim=1)
        x = self.exchange_layers[index](x, None, absent)
        out: Tensor = x.unflatten(1, (frames, slots)).flatten(0, 1)
        return out  # (B * T, M, C)

    def _space_time(
        self, state: Tensor, position: Tensor, padding: Tensor | None, frames: int
    ) -> Tensor:
        """VisTR's encoder: every pixel of the clip attends to every other."""
        length = state.shape[1]
        position = position.expand(state.shape[0], -1, -1)
        placed = position.unflatten(0, (-1, frames)).flatten(1, 2)
        if padding is not None:
            padding = _usable(padding.view(-1, frames * length))
        x = state.unflatten(0, (-1, frames)).flatten(1, 2)  # (B, T * L, C)
        for layer in self.frame_layers:
            x = layer(x, placed, padding)
        out: Tensor = x.unflatten(1, (frames, length)).flatten(0, 1)
        return out  # (B * T, L, C)


def _usable(padding: Tensor) -> Tensor:
    """The mask with rows that hide everything opened, so that softmax stays finite."""
    return padding & ~padding.all(dim=1, keepdim=True)


def _layer(config: IFCConfig) -> SelfAttentionLayer:
    return SelfAttentionLayer(
        config.hidden_dim,
        config.num_heads,
        config.feedforward_dim,
        config.dropout,
        config.pre_norm,
    )
