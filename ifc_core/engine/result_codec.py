"""Results of a run across the pipe. Works without torch on both sides."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ifc_core.engine.protocol import JobEvent
from ifc_core.inference.results import FrameMask, FrameResult, InstanceSummary
from ifc_core.jobs import Progress
from ifc_core.models.attention_rows import ClipAttention, FrameAttention
from ifc_core.structures import ClipPrediction
from ifc_core.structures.mask import RLEMask


def encode_frame(frame: FrameResult) -> dict[str, Any]:
    """A finished frame as JSON values."""
    return {"frame_index": frame.frame_index, "masks": [_encode_mask(m) for m in frame.masks]}


def decode_frame(value: dict[str, Any]) -> FrameResult:
    """What :func:`encode_frame` gave."""
    masks = tuple(_decode_mask(item) for item in value["masks"])
    return FrameResult(int(value["frame_index"]), masks)


def encode_instances(instances: tuple[InstanceSummary, ...]) -> list[dict[str, Any]]:
    """The table of instances as JSON values."""
    return [dataclasses.asdict(instance) for instance in instances]


def decode_instances(value: list[dict[str, Any]]) -> tuple[InstanceSummary, ...]:
    """What :func:`encode_instances` gave."""
    return tuple(
        InstanceSummary(**{**item, "class_probs": tuple(item["class_probs"])}) for item in value
    )


_ROWS = ("encode_receive", "gather_communicate", "decoder")
_CLIP_FIELDS = ("frame_indices", "class_logits", "mask_logits", "mask_weights")


def encode_attention(found: FrameAttention) -> dict[str, Any]:
    """Attention rows of a clip as JSON values and arrays."""
    clip = found.attention
    return {
        "frame_index": found.frame_index,
        "position": found.position,
        "frame_size": list(clip.frame_size),
        "grid_size": list(clip.grid_size),
        "num_frames": clip.num_frames,
        "num_memory_tokens": clip.num_memory_tokens,
        "unified": clip.unified,
        "rows": {name: [*getattr(clip, name)] for name in _ROWS},
        "clip": {name: getattr(found.prediction, name) for name in _CLIP_FIELDS},
    }


def decode_attention(value: dict[str, Any]) -> FrameAttention:
    """What :func:`encode_attention` gave."""
    height, width = value["frame_size"]
    rows, columns = value["grid_size"]
    receive, communicate, decoder = (
        tuple(np.asarray(layer) for layer in value["rows"][name]) for name in _ROWS
    )
    clip = ClipAttention(
        (int(height), int(width)),
        (int(rows), int(columns)),
        int(value["num_frames"]),
        int(value["num_memory_tokens"]),
        receive,
        communicate,
        decoder,
        bool(value["unified"]),
    )
    arrays = {name: np.asarray(value["clip"][name]) for name in _CLIP_FIELDS}
    return FrameAttention(
        int(value["frame_index"]), int(value["position"]), ClipPrediction(**arrays), clip
    )


def decode_event(job_id: int, name: str, data: Any) -> JobEvent:
    """Give the data of an event its type.

    Args:
        job_id: The job.
        name: Name of the event.
        data: JSON values and arrays.

    Returns:
        The event; names without a type of their own keep their plain values.
    """
    if name == "progress":
        data = Progress(**data)
    elif name == "frame":
        data = decode_frame(data)
    elif name == "instances":
        data = decode_instances(data)
    return JobEvent(job_id, name, data)


def _encode_mask(mask: FrameMask) -> dict[str, Any]:
    values = {field.name: getattr(mask, field.name) for field in dataclasses.fields(mask)}
    values["rle"] = mask.rle.to_coco()
    return values


def _decode_mask(value: dict[str, Any]) -> FrameMask:
    rle = value["rle"]
    height, width = rle["size"]
    return FrameMask(**{**value, "rle": RLEMask((height, width), rle["counts"].encode("ascii"))})
