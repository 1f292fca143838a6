"""Which proposals a propagation leaves, since its own masks came astray there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from ifc_core.annotation import Project
from ifc_core.annotation.schema import SOURCE_CODE
from ifc_core.inference.spread_doubt import better_left
from ifc_core.inference.uncertainty import need_of_columns, open_frames
from ifc_core.structures import MaskSource, RLEMask
from napari_ifc.controllers.spread_frames import GAP, RANGE, SpreadRequest

_AS_ASKED = (GAP, RANGE)  # a gap has no proposals, and those of a marked range are to go


@dataclass(frozen=True, slots=True)
class Compared:
    """A new mask beside the proposal that its track shows on the frame.

    Attributes:
        mask_id: Record of the proposal.
        overlap: IoU of the two.
        confidence: How likely the new mask is good, 0 to 1.
    """

    mask_id: int
    overlap: float
    confidence: float


def compare(
    project: Project,
    request: SpreadRequest,
    frame_index: int,
    new: RLEMask | None,
    confidence: float,
) -> Compared | None:
    """Look at a mask as it comes, so that at the end of a long run there is no wait.

    Args:
        project: Holds what the track shows.
        request: What is propagated.
        frame_index: The frame.
        new: The mask, ``None`` where the object was not found.
        confidence: How likely it is good, 0 to 1.

    Returns:
        ``None`` where there is no proposal of a model that could stay.
    """
    if request.scope in _AS_ASKED or new is None:
        return None
    old = project.mask(request.track_id, frame_index)
    if old is None or old.rle is None or old.source is not MaskSource.MODEL:
        return None
    return Compared(old.id, new.iou(old.rle), confidence)


def frames_astray(
    project: Project,
    request: SpreadRequest,
    run_id: int,
    found: Collection[int],
    lost: Collection[int],
    corrected: Collection[int],
    compared: Mapping[int, Compared] | None = None,
) -> tuple[int, ...]:
    """Frames on which a model's proposal of the track is rather to be believed, ascending.

    Args:
        project: Holds what the run staged, and what the track shows.
        request: What was propagated.
        run_id: The run.
        found: Frames on which it has a mask.
        lost: Frames on which it did not find the object.
        corrected: Frames that it was made from.
        compared: What :func:`compare` gave as they came, by frame; what is missing, or is of
            another proposal than the one that is there now, is looked at here.
    """
    if request.scope in _AS_ASKED:
        return ()
    columns = project.track_columns(request.track_id)
    is_model = columns.source == SOURCE_CODE[MaskSource.MODEL]
    both = open_frames(columns) & is_model & np.isin(columns.frame_index, list(found))
    quality = columns.quality[both].astype(np.float64)
    trust = np.where(np.isnan(quality), 1.0 - need_of_columns(columns)[both], quality)
    frames = columns.frame_index[both].tolist()
    overlap, confidence = [], []
    for frame_index, mask_id in zip(frames, columns.mask_id[both].tolist(), strict=True):
        known = (compared or {}).get(frame_index)
        if known is None or known.mask_id != mask_id:
            known = _compared_now(project, request, run_id, frame_index)
        overlap.append(1.0 if known is None else known.overlap)
        confidence.append(0.0 if known is None else known.confidence)
    left = better_left(frames, overlap, confidence, trust, corrected, lost)
    return tuple(frame for frame, is_left in zip(frames, left.tolist(), strict=True) if is_left)


def _compared_now(
    project: Project, request: SpreadRequest, run_id: int, frame_index: int
) -> Compared | None:
    for mask in project.staged_masks_at(run_id, frame_index):
        if mask.rle is not None:
            confidence = 1.0 - (mask.uncertainty or 0.0)
            return compare(project, request, frame_index, mask.rle, confidence)
    return None
