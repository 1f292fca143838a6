"""What a run takes from the model where the person left it open, and the model's fast copy."""

from __future__ import annotations

from dataclasses import dataclass

from ifc_core.inference.clip_runner import ClipRunner
from ifc_core.inference.fast_model import PRECISION_OF, choose_dtype, fast_model
from ifc_core.inference.settings import ProposeSettings
from ifc_core.models.ifc import IFC


@dataclass(frozen=True, slots=True)
class PreparedModel:
    """The fast copy of a network, which several runs can share.

    Attributes:
        network: For a :class:`ClipRunner`.
        precision: Its arithmetic: ``fp32``, ``bf16`` or ``fp16``.
    """

    network: IFC
    precision: str


def prepare_model(model: IFC, precision: str) -> PreparedModel:
    """Choose the arithmetic and make the fast copy; see ``fast_model``."""
    dtype = choose_dtype(model, precision)
    return PreparedModel(fast_model(model, dtype), PRECISION_OF[dtype])


def short_side_for(model: IFC, settings: ProposeSettings) -> int:
    """The short side in pixels that a run uses: the person's, or else the model's own."""
    if settings.short_side is not None:
        return settings.short_side
    return model.preferred_short_side


def score_threshold_for(model: IFC, settings: ProposeSettings) -> float:
    """The score threshold that a run uses: the person's, or else the model's own."""
    if settings.score_threshold is not None:
        return settings.score_threshold
    return model.preferred_score_threshold


def duplicate_iou_for(model: IFC, settings: ProposeSettings) -> float:
    """The soft IoU of duplicates that a run uses: the person's, or else the model's own."""
    if settings.duplicate_iou is not None:
        return settings.duplicate_iou
    return model.preferred_duplicate_iou


def continuation_score_for(model: IFC, settings: ProposeSettings) -> float:
    """The continuation score that a run uses: the person's, or else the model's own."""
    if settings.continuation_score is not None:
        return settings.continuation_score
    return model.preferred_continuation_score


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
