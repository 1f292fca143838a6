"""What a run takes from the model where the person left it open, and the model's fast copy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch

from ifc_core.inference.clip_runner import ClipRunner
from ifc_core.inference.fast_model import PRECISION_OF, choose_dtype, fast_model, has_precision
from ifc_core.inference.settings import ProposeSettings
from ifc_core.models.ifc import IFC
from ifc_core.models.input_size import input_size
from ifc_core.tracking.linking import ClipLinker, DirectLinker, LookaheadLinker
from ifc_core.tracking.video_tracker import VideoTracker

BATCHES_AHEAD = 2
"""Batches that wait for the network while it works, where frames go by batches."""

_GPU_BATCH = 36

Size = tuple[int, int]
"""(height, width) in pixels."""


def batch_for(model: IFC, *, low_delay: bool = False) -> int:
    """Frames that a run works on at once: many on a GPU, unless each is wanted as it comes."""
    return _GPU_BATCH if model.device.type == "cuda" and not low_delay else 1


@dataclass(frozen=True, slots=True)
class PreparedModel:
    """The fast copy of a network, which several runs can share.

    Attributes:
        network: For a :class:`ClipRunner`.
        precision: Its arithmetic: ``fp32``, ``bf16``, ``fp16`` or ``int8``.
    """

    network: IFC
    precision: str


def prepare_model(model: IFC, precision: str) -> PreparedModel:
    """Choose the arithmetic and make the fast copy; see ``fast_model``."""
    dtype = choose_dtype(model, precision)
    return PreparedModel(fast_model(model, dtype), PRECISION_OF[dtype])


def precision_to_go_on(device: torch.device, begun: str, notices: list[str]) -> str:
    """The arithmetic in which a stopped run goes on: its own, or float32 where there is no such.

    Low precision is used only where it stays close to float32, and identities come from the
    stopped run: masks may differ by a few pixels and nothing else.

    Args:
        device: On which it goes on; it may have been stopped on another one.
        begun: In which it was begun: ``fp32``, ``bf16``, ``fp16`` or ``int8``.
        notices: A sentence is added where it is another one.
    """
    if has_precision(device, begun):
        return begun
    notices.append(
        f"The run was begun in {begun} on another device; here it goes on in fp32, so masks may "
        "differ by a few pixels from those of one run."
    )
    return "fp32"


def short_side_for(model: IFC, settings: ProposeSettings) -> int:
    """The short side in pixels that a run uses: the person's, or else the model's own."""
    if settings.short_side is not None:
        return settings.short_side
    return model.preferences.short_side


def input_size_for(model: IFC, settings: ProposeSettings) -> Callable[[Size], Size]:
    """How a run resizes frames and regions: from their size to that of the network's input.

    What it returns holds no model.
    """
    return partial(
        input_size,
        short_side=short_side_for(model, settings),
        max_long_side=settings.max_long_side,
        multiple=model.preferences.size_multiple,
    )


def score_threshold_for(model: IFC, settings: ProposeSettings) -> float:
    """The score threshold that a run uses: the person's, or else the model's own."""
    if settings.score_threshold is not None:
        return settings.score_threshold
    return model.preferences.score_threshold


def duplicate_iou_for(model: IFC, settings: ProposeSettings) -> float:
    """The soft IoU of duplicates that a run uses: the person's, or else the model's own."""
    if settings.duplicate_iou is not None:
        return settings.duplicate_iou
    return model.preferences.duplicate_iou


def continuation_score_for(model: IFC, settings: ProposeSettings) -> float:
    """The continuation score that a run uses: the person's, or else the model's own."""
    if settings.continuation_score is not None:
        return settings.continuation_score
    return model.preferences.continuation_score


def edges_for(model: IFC, settings: ProposeSettings) -> str:
    """How a run decides the edges of its masks again: the person's way, or else the model's own."""
    return model.preferences.edges if settings.edges is None else settings.edges


def clip_runner_for(model: IFC, settings: ProposeSettings, batch: int) -> ClipRunner:
    """What runs the network on the clips of a run.

    Args:
        model: On its device.
        settings: Of the run.
        batch: Frames that come at once.
    """
    return ClipRunner(
        model,
        batch,
        max(1, batch // 2),
        duplicate_iou=duplicate_iou_for(model, settings),
        continuation_score=continuation_score_for(model, settings),
    )


def lookahead_for(model: IFC, settings: ProposeSettings, *, low_delay: bool = False) -> int:
    """Frames that a decision on identities looks ahead: the person's, or else the model's own.

    Args:
        model: Of the run.
        settings: Of the run.
        low_delay: Where the person left it open, decide at once.
    """
    if settings.lookahead is not None:
        return settings.lookahead
    return 0 if low_delay else model.preferences.lookahead


def clip_linker_for(
    model: IFC, settings: ProposeSettings, tracker: VideoTracker, *, low_delay: bool = False
) -> ClipLinker:
    """What decides who is who in the clips of a run.

    Args:
        model: Of the run.
        settings: Of the run.
        tracker: That holds the decided clips.
        low_delay: See :func:`lookahead_for`.
    """
    frames = lookahead_for(model, settings, low_delay=low_delay)
    if frames == 0 or settings.offline:
        return DirectLinker(tracker)
    stride = settings.clip_stride
    seeing = -(-settings.clip_length // stride)  # clips that see a frame of the middle, at most
    least = score_threshold_for(model, settings)
    return LookaheadLinker(tracker, -(-frames // stride), seeing, least)
