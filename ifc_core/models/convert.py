"""Names of the published checkpoints' tensors, and reading those files."""

from __future__ import annotations

import re

_PUBLISHED_NAMES: tuple[tuple[str, str], ...] = (
    (r"detr\.transformer\.memory_bus", r"encoder.memory_content"),
    (r"detr\.transformer\.memory_pos", r"encoder.memory_position"),
    (
        r"detr\.transformer\.encoder\.enc_layers\.(\d+)\.self_attn\.",
        r"encoder.frame_layers.\1.attention.",
    ),
    (
        r"detr\.transformer\.encoder\.enc_layers\.(\d+)\.(linear\d)\.",
        r"encoder.frame_layers.\1.feedforward.\2.",
    ),
    (r"detr\.transformer\.encoder\.enc_layers\.(\d+)\.(norm\d)\.", r"encoder.frame_layers.\1.\2."),
    (
        r"detr\.transformer\.encoder\.bus_layers\.(\d+)\.self_attn\.",
        r"encoder.exchange_layers.\1.attention.",
    ),
    (
        r"detr\.transformer\.encoder\.bus_layers\.(\d+)\.(linear\d)\.",
        r"encoder.exchange_layers.\1.feedforward.\2.",
    ),
    (
        r"detr\.transformer\.encoder\.bus_layers\.(\d+)\.(norm\d)\.",
        r"encoder.exchange_layers.\1.\2.",
    ),
    (
        r"detr\.transformer\.clip_decoder\.layers\.(\d+)\.self_attn\.",
        r"decoder.layers.\1.self_attention.",
    ),
    (
        r"detr\.transformer\.clip_decoder\.layers\.(\d+)\.multihead_attn\.",
        r"decoder.layers.\1.cross_attention.",
    ),
    (
        r"detr\.transformer\.clip_decoder\.layers\.(\d+)\.(linear\d)\.",
        r"decoder.layers.\1.feedforward.\2.",
    ),
    (r"detr\.transformer\.clip_decoder\.layers\.(\d+)\.(norm\d)\.", r"decoder.layers.\1.\2."),
    (r"detr\.transformer\.clip_decoder\.norm\.", r"decoder.norm."),
    (r"detr\.class_embed\.", r"class_head."),
    (r"detr\.query_embed\.", r"decoder.query_position."),
    (r"detr\.input_proj\.", r"input_proj."),
    (r"detr\.backbone\.0\.backbone\.stem\.conv1\.norm\.", r"backbone.bn1."),
    (r"detr\.backbone\.0\.backbone\.stem\.conv1\.", r"backbone.conv1."),
    (r"detr\.mask_head\.lay(\d)\.", r"spatial_decoder.conv\1."),
    (r"detr\.mask_head\.gn(\d)\.", r"spatial_decoder.norm\1."),
    (r"detr\.mask_head\.out_lay\.", r"spatial_decoder."),
    (r"detr\.mask_head\.adapter1\.", r"spatial_decoder.lateral4."),
    (r"detr\.mask_head\.adapter2\.", r"spatial_decoder.lateral3."),
    (r"detr\.mask_head\.convert_to_weight\.", r"mask_weight_head."),
)
_STAGE = re.compile(r"detr\.backbone\.0\.backbone\.res([2-5])\.(\d+)\.(shortcut|conv[123])\.(.+)")


def published_to_ours(name: str) -> str | None:
    """Our name of a tensor of the published checkpoint, or ``None`` if it has no place here."""
    stage = _STAGE.fullmatch(name)
    if stage:
        return _stage_name(int(stage[1]) - 1, stage[2], stage[3], stage[4])
    for pattern, ours in _PUBLISHED_NAMES:
        match = re.match(pattern, name)
        if match:
            return match.expand(ours) + name[match.end() :]
    return None


def _stage_name(layer: int, block: str, part: str, rest: str) -> str:
    norm = rest.startswith("norm.")
    leaf = rest.removeprefix("norm.")
    if part == "shortcut":
        return f"backbone.layer{layer}.{block}.downsample.{int(norm)}.{leaf}"
    owner = f"bn{part[-1]}" if norm else part
    return f"backbone.layer{layer}.{block}.{owner}.{leaf}"
