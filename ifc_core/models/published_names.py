"""Names of the tensors in the authors' checkpoints, both ways."""

from __future__ import annotations

import re
from functools import cache

_TRANSFORMER = "detr.transformer."
_BACKBONE = "detr.backbone.0.backbone."

# (prefix in the authors' files, prefix in ours); # stands for a layer's number. The first
# prefix that fits counts, so longer ones stand before what they begin with.
_PREFIXES: tuple[tuple[str, str], ...] = (
    (_TRANSFORMER + "memory_bus", "encoder.memory_content"),
    (_TRANSFORMER + "memory_pos", "encoder.memory_position"),
    (_TRANSFORMER + "encoder.enc_layers.#.self_attn.", "encoder.frame_layers.#.attention."),
    (_TRANSFORMER + "encoder.enc_layers.#.linear", "encoder.frame_layers.#.feedforward.linear"),
    (_TRANSFORMER + "encoder.enc_layers.#.", "encoder.frame_layers.#."),
    (_TRANSFORMER + "encoder.bus_layers.#.self_attn.", "encoder.exchange_layers.#.attention."),
    (_TRANSFORMER + "encoder.bus_layers.#.linear", "encoder.exchange_layers.#.feedforward.linear"),
    (_TRANSFORMER + "encoder.bus_layers.#.", "encoder.exchange_layers.#."),
    (_TRANSFORMER + "clip_decoder.layers.#.self_attn.", "decoder.layers.#.self_attention."),
    (_TRANSFORMER + "clip_decoder.layers.#.multihead_attn.", "decoder.layers.#.cross_attention."),
    (_TRANSFORMER + "clip_decoder.layers.#.linear", "decoder.layers.#.feedforward.linear"),
    (_TRANSFORMER + "clip_decoder.layers.#.", "decoder.layers.#."),
    (_TRANSFORMER + "clip_decoder.norm.", "decoder.norm."),
    ("detr.class_embed.", "class_head."),
    ("detr.query_embed.", "decoder.query_position."),
    ("detr.input_proj.", "input_proj."),
    ("detr.mask_head.lay#.", "spatial_decoder.conv#."),
    ("detr.mask_head.gn#.", "spatial_decoder.norm#."),
    ("detr.mask_head.out_lay.depthwise.", "spatial_decoder.depthwise."),
    ("detr.mask_head.out_lay.pointwise.", "spatial_decoder.pointwise."),
    ("detr.mask_head.adapter1.", "spatial_decoder.lateral4."),
    ("detr.mask_head.adapter2.", "spatial_decoder.lateral3."),
    ("detr.mask_head.convert_to_weight.", "mask_weight_head."),
    (_BACKBONE + "stem.conv1.norm.", "backbone.bn1."),
    (_BACKBONE + "stem.conv1.", "backbone.conv1."),
    *(
        (f"{_BACKBONE}res{stage + 1}.#.{published}.", f"backbone.layer{stage}.#.{ours}.")
        for stage in (1, 2, 3, 4)
        for published, ours in (
            ("shortcut.norm", "downsample.1"),
            ("shortcut", "downsample.0"),
            ("conv1.norm", "bn1"),
            ("conv1", "conv1"),
            ("conv2.norm", "bn2"),
            ("conv2", "conv2"),
            ("conv3.norm", "bn3"),
            ("conv3", "conv3"),
        )
    ),
)


def published_to_ours(name: str) -> str:
    """Our name of a tensor in the authors' layout.

    Raises:
        KeyError: The tensor has no place in our network.
    """
    return _translate(name, _patterns(0))


def ours_to_published(name: str) -> str:
    """The authors' name of one of our tensors.

    Raises:
        KeyError: The authors' network has no such tensor.
    """
    return _translate(name, _patterns(1))


@cache
def _patterns(source: int) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple(
        (
            re.compile(re.escape(pair[source]).replace(r"\#", r"(\d+)")),
            pair[1 - source].replace("#", r"\g<1>"),
        )
        for pair in _PREFIXES
    )


def _translate(name: str, patterns: tuple[tuple[re.Pattern[str], str], ...]) -> str:
    for pattern, replacement in patterns:
        match = pattern.match(name)
        if match:
            return match.expand(replacement) + name[match.end() :]
    raise KeyError(name)
