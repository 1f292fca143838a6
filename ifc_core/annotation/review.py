"""Questions a reviewer asks: which tracks match a filter, what is still to do."""

from __future__ import annotations

from dataclasses import dataclass

from ifc_core.annotation.records import Scope
from ifc_core.structures import TrackState


@dataclass(frozen=True, slots=True)
class TrackFilter:
    """A selection of tracks; every condition that is set must hold.

    Attributes:
        score_below: Score under this value.
        mean_area_below_px: Mean mask area (over frames with a mask) under this value.
        fewer_frames_than: Fewer frames with a mask than this.
        category_ids: One of these classes.
        states: One of these review states.
        untouched_only: No frame that a person corrected, approved, rejected or marked absent.
        scope: At least one mask on these frames.
    """

    score_below: float | None = None
    mean_area_below_px: float | None = None
    fewer_frames_than: int | None = None
    category_ids: tuple[int, ...] | None = None
    states: tuple[TrackState, ...] | None = None
    untouched_only: bool = False
    scope: Scope | None = None


@dataclass(frozen=True, slots=True)
class FrameReview:
    """Counts of one video for the review bar.

    Attributes:
        num_frames: Frames of the video.
        exhaustive: Approved frames.
        annotated: Frames with at least one mask.
        proposed: (track, frame) pairs that nobody reviewed.
        corrected: Pairs that a person drew or changed.
        approved: Pairs that a person approved.
        rejected: Pairs that a person rejected.
        absent: Pairs where a person saw that the object is absent.
    """

    num_frames: int
    exhaustive: int
    annotated: int
    proposed: int
    corrected: int
    approved: int
    rejected: int
    absent: int
