"""Edits that turn the staged results of a run into tracks, as one step."""

from __future__ import annotations

from dataclasses import dataclass

from ifc_core.annotation.edits.base import Edit
from ifc_core.annotation.records import Scope


@dataclass(frozen=True, slots=True)
class AcceptRun(Edit):
    """Take the results of a propose run into the project as proposals.

    Human work is never overwritten: on frames where a person corrected, approved,
    rejected or marked a track absent that track is left alone, and nothing is added to
    approved frames. An instance that covers the same object as a track with human work
    fills the untouched frames of that track instead of becoming a second one.

    Attributes:
        run_id: The run.
        instance_ids: Which instances, or ``None`` for all.
        min_score: Leave out instances below this score.
        min_area_px: Leave out masks with fewer pixels.
        scope: Leave out other frames.
        replace_proposals: Take away earlier proposals of the video, in scope, that
            nobody touched.
        match_iou: From this mean IoU on human frames an instance and a track are the
            same object.
    """

    run_id: int
    instance_ids: tuple[int, ...] | None = None
    min_score: float = 0.0
    min_area_px: int = 0
    scope: Scope = Scope()
    replace_proposals: bool = True
    match_iou: float = 0.5


@dataclass(frozen=True, slots=True)
class AcceptPropagation(Edit):
    """Take the results of a propagation into the tracks they belong to, as proposals.

    Frames that a person corrected, approved, rejected or marked absent are kept.

    Attributes:
        run_id: The run; its staged instance ids are track ids.
        scope: Leave out other frames.
    """

    run_id: int
    scope: Scope = Scope()
