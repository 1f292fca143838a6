"""Which proposals a propagation leaves, since its own masks came astray there."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from ifc_core.annotation import Project
from ifc_core.annotation.schema import SOURCE_CODE
from ifc_core.inference.spread_doubt import better_left
from ifc_core.inference.uncertainty import need_of_columns, open_frames
from ifc_core.structures import MaskSource, RLEMask
from napari_ifc.controllers.spread_frames import GAP, RANGE, SpreadRequest

_AS_ASKED = (GAP, RANGE)  # a gap has no proposals, and those of a marked range are to go


def frames_astray(
    project: Project,
    request: SpreadRequest,
    run_id: int,
    found: Collection[int],
    lost: Collection[int],
    corrected: Collection[int],
) -> tuple[int, ...]:
    """Frames on which a model's proposal of the track is rather to be believed, ascending.

    Args:
        project: Holds what the run staged, and what the track shows.
        request: What was propagated.
        run_id: The run.
        found: Frames on which it has a mask.
        lost: Frames on which it did not find the object.
        corrected: Frames that it was made from.
    """
    if request.scope in _AS_ASKED:
        return ()
    columns = project.track_columns(request.track_id)
    is_model = columns.source == SOURCE_CODE[MaskSource.MODEL]
    both = open_frames(columns) & is_model & np.isin(columns.frame_index, list(found))
    quality = columns.quality[both].astype(np.float64)
    trust = np.where(np.isnan(quality), 1.0 - need_of_columns(columns)[both], quality)
    frames = columns.frame_index[both].tolist()
    pairs = [(_staged(project, run_id, f), project.mask(request.track_id, f)) for f in frames]
    confidence = [0.0 if new is None else 1.0 - (new[1] or 0.0) for new, _ in pairs]
    overlap = [
        1.0 if new is None or old is None or old.rle is None else new[0].iou(old.rle)
        for new, old in pairs
    ]
    left = better_left(frames, overlap, confidence, trust, corrected, lost)
    return tuple(frame for frame, is_left in zip(frames, left.tolist(), strict=True) if is_left)


def _staged(project: Project, run_id: int, frame_index: int) -> tuple[RLEMask, float | None] | None:
    for mask in project.staged_masks_at(run_id, frame_index):
        if mask.rle is not None:
            return mask.rle, mask.uncertainty
    return None
