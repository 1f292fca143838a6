"""Cost of the clip encoder, as the paper counts it in Table 1."""

from __future__ import annotations

from ifc_core.errors import ConfigError
from ifc_core.models.config import IFCConfig

_NORM_COST = 5
_STRIDE = 32


def encoder_gflops(config: IFCConfig, height: int, width: int, num_frames: int) -> float:
    """Billions of multiply-adds of the encoder for one clip.

    Args:
        config: The architecture.
        height: Of the frames, in pixels.
        width: Of the frames, in pixels.
        num_frames: T.

    Raises:
        ConfigError: A size is not positive.

    Source: paper Table 1. Counted are linear layers, both attention products, and 5 an element
    of layer norm; biases, softmax and activations are not.
    """
    for name, value in (("height", height), ("width", width), ("frames", num_frames)):
        if value < 1:
            raise ConfigError(f"{name} is {value}; it must be positive.", name=name, value=value)
    pixels = -(-height // _STRIDE) * -(-width // _STRIDE)
    layers, frames, slots = config.num_encoder_layers, num_frames, config.memory_tokens
    if config.encoder == "full":
        total = layers * _layer(config, frames * pixels, frames * pixels)
    elif config.encoder == "decomposed":
        total = layers * frames * _layer(config, pixels, pixels)
        total += (layers - 1) * _layer(config, frames * pixels, frames)
    else:
        total = layers * frames * _layer(config, pixels + slots, pixels + slots)
        keys = frames * slots if config.memory_grouping == "unified" else frames
        total += layers * _layer(config, frames * slots, keys)
    return total / 1e9


def _layer(config: IFCConfig, tokens: int, keys: int) -> int:
    """One layer over ``tokens`` tokens that attend to ``keys`` keys each."""
    dim, inner = config.hidden_dim, config.feedforward_dim
    linear = tokens * (4 * dim * dim + 2 * dim * inner)
    attention = 2 * tokens * keys * dim
    norms = 2 * _NORM_COST * tokens * dim
    return linear + attention + norms
