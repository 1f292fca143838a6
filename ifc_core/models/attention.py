"""What attends to what: exact attention rows of a clip, recorded on request.

Outside of :func:`record_attention` the network uses fused kernels and nothing is kept. What can
be read off the rows is in :mod:`ifc_core.models.attention_rows`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ifc_core.models.attention_rows import TOKEN_STRIDE_PX, Array, ClipAttention
from ifc_core.models.ifc import IFC
from ifc_core.models.layers import MultiHeadAttention
from ifc_core.structures import ClipPrediction


@dataclass(slots=True)
class AttentionRecord:
    """Rows of the last pass, filled by :func:`record_attention`; one tensor a layer.

    Attributes:
        encode_receive: (N, heads, L + M, L + M), keys and queries pixels first. With the
            ``full`` encoder (B, heads, T * L, T * L).
        gather_communicate: (B * M, heads, T, T); (B, heads, T * M, T * M) where unified; over
            pixels (B * L, heads, T, T) with the ``decomposed`` encoder.
        decoder: (B, heads, Q, T * L + T * M), frame tokens first.
    """

    encode_receive: list[Tensor]
    gather_communicate: list[Tensor]
    decoder: list[Tensor]


@contextmanager
def record_attention(model: IFC) -> Iterator[AttentionRecord]:
    """Keep the attention rows of what ``model`` computes inside the block.

    Args:
        model: The network; its next passes compute explicit softmax rows in float32.

    Yields:
        The record, which grows by one tensor a layer and pass.
    """
    record = AttentionRecord([], [], [])
    with ExitStack() as stack:
        for layer in model.encoder.frame_layers:
            _attach(stack, layer.get_submodule("attention"), record.encode_receive)
        for layer in model.encoder.exchange_layers:
            _attach(stack, layer.get_submodule("attention"), record.gather_communicate)
        for layer in model.decoder.layers:
            _attach(stack, layer.get_submodule("cross_attention"), record.decoder)
        yield record


def attend_clip(model: IFC, frames: npt.NDArray[np.uint8]) -> tuple[ClipPrediction, ClipAttention]:
    """Run one clip as it is and keep its attention.

    Args:
        model: With the ``ifc`` or ``none`` encoder.
        frames: (T, H, W, 3) uint8 RGB.

    Raises:
        ValueError: The encoder mixes all frames, so that there are no rows of one frame.
    """
    if model.config.encoder not in ("ifc", "none"):
        raise ValueError(f"the {model.config.encoder} encoder has no memory tokens to look at")
    with record_attention(model) as record:
        prediction = model.predict_clip(frames)
    height, width = frames.shape[1:3]
    attention = ClipAttention(
        (height, width),
        (-(-height // TOKEN_STRIDE_PX), -(-width // TOKEN_STRIDE_PX)),
        frames.shape[0],
        model.config.memory_tokens,
        tuple(_array(rows) for rows in record.encode_receive),
        tuple(_array(rows) for rows in record.gather_communicate),
        tuple(_array(rows[0]) for rows in record.decoder),
        model.config.memory_grouping == "unified",
    )
    return prediction, attention


def _attach(stack: ExitStack, module: torch.nn.Module, rows: list[Tensor]) -> None:
    assert isinstance(module, MultiHeadAttention)  # noqa: S101 - for the type checker
    module.sink = rows.append
    stack.callback(setattr, module, "sink", None)


def _array(rows: Tensor) -> Array:
    array: Array = rows.float().cpu().numpy()
    return array
