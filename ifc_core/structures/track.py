"""Tracks and the masks they are made of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ifc_core.structures.mask import RLEMask


class MaskSource(StrEnum):
    """Who made a mask record."""

    MODEL = "model"
    HUMAN = "human"
    DERIVED = "derived"  # propagated or interpolated from human masks


class TrackState(StrEnum):
    """Review state of a track as a whole."""

    PROPOSED = "proposed"
    CORRECTED = "corrected"
    APPROVED = "approved"
    REJECTED = "rejected"


class FrameState(StrEnum):
    """Review state of one track on one frame.

    ``PROPOSED`` never blocks the model; every other state is a person's word and is kept.
    """

    PROPOSED = "proposed"
    CORRECTED = "corrected"
    APPROVED = "approved"
    REJECTED = "rejected"
    ABSENT = "absent"


class TrackKind(StrEnum):
    """What a track stands for."""

    OBJECT = "object"
    CROWD = "crowd"  # many objects that nobody outlines one by one (COCO's iscrowd)
    IGNORE = "ignore"  # neither trained on nor judged


@dataclass(frozen=True, slots=True)
class Track:
    """Header of one instance through a video; its masks are :class:`MaskRecord` rows.

    Attributes:
        id: Number, unique in the project.
        video_id: The video it lives in.
        category_id: Its class.
        score: Confidence, 0 to 1; 1 for a track that a person began.
        state: Review state.
        color_rgb: Display colour, stable for the life of the track.
        z_order: Tracks with larger numbers lie on top.
        name: Optional label given by a person.
        kind: An object, a crowd region or a region to ignore.
        parent_id: The track of the same video that divided into this one and others (a cell's
            mother), or ``None``.
    """

    id: int
    video_id: int
    category_id: int
    score: float
    state: TrackState
    color_rgb: tuple[int, int, int]
    z_order: int = 0
    name: str = ""
    kind: TrackKind = TrackKind.OBJECT
    parent_id: int | None = None


@dataclass(frozen=True, slots=True)
class MaskRecord:
    """One track on one frame. Records are appended, never changed.

    Attributes:
        id: Number, unique in the project.
        track_id: Its track.
        frame_index: 0-based frame of the video.
        rle: The mask, or ``None`` where the track was looked at and is absent.
        source: Who made it.
        revision: Counts up with each change of the same track and frame; caches should
            use ``id``, since a revision that was undone is given out again.
        state: Review state of this track on this frame.
    """

    id: int
    track_id: int
    frame_index: int
    rle: RLEMask | None
    source: MaskSource
    revision: int
    state: FrameState

    @property
    def shown(self) -> RLEMask | None:
        """The mask, unless it was rejected."""
        return None if self.state is FrameState.REJECTED else self.rle
