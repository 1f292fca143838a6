"""Edits of masks: paint, absent, clear, copy, interpolate, extend, trim."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from ifc_core.annotation.edits.base import Edit
from ifc_core.annotation.records import Scope
from ifc_core.structures import RLEMask


@dataclass(frozen=True, slots=True)
class SetMask(Edit):
    """Give one track a new mask on one frame: what paint, erase, fill and polygon end in.

    The record is human, the frame state becomes *corrected*. An empty mask is stored as
    looked-at-and-absent.

    Attributes:
        track_id: The track.
        frame_index: 0-based frame.
        rle: The new mask, at the video's size.
        seconds_spent: How long the person took.
        tool: Word for the history list, such as ``"Paint"`` or ``"Erase"``.
    """

    track_id: int
    frame_index: int
    rle: RLEMask
    seconds_spent: float = 0.0
    tool: str = "Paint"


@dataclass(frozen=True, slots=True, eq=False)
class PatchMask(Edit):
    """Like :class:`SetMask`, given only the rectangle that a stroke changed.

    Attributes:
        track_id: The track.
        frame_index: 0-based frame.
        top: First row of the rectangle.
        left: First column of the rectangle.
        patch: (h, w) bool, the mask inside the rectangle after the stroke.
        seconds_spent: How long the person took.
        tool: Word for the history list.
    """

    track_id: int
    frame_index: int
    top: int
    left: int
    patch: npt.NDArray[Any]
    seconds_spent: float = 0.0
    tool: str = "Paint"


@dataclass(frozen=True, slots=True)
class MarkAbsent(Edit):
    """Say that the object was looked for and is not there.

    Attributes:
        track_id: The track.
        scope: The frames.
    """

    track_id: int
    scope: Scope


@dataclass(frozen=True, slots=True)
class ClearMasks(Edit):
    """Take tracks back to *not annotated* on some frames.

    Attributes:
        track_ids: The tracks.
        scope: The frames.
        proposals_only: Spare what a person made or approved.
    """

    track_ids: tuple[int, ...]
    scope: Scope
    proposals_only: bool = False


@dataclass(frozen=True, slots=True)
class CopyMask(Edit):
    """Copy a track's mask from one frame to others, which count as corrected.

    Attributes:
        track_id: The track.
        from_frame: Where the mask is.
        to_frames: Where it goes; whatever was there is replaced.
    """

    track_id: int
    from_frame: int
    to_frames: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class InterpolateMasks(Edit):
    """Fill the frames between two masks by blending their signed distances.

    Frames that a person corrected or approved are kept.

    Attributes:
        track_id: The track.
        first: Frame of the first mask.
        last: Frame of the second mask.
    """

    track_id: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class ExtendTrack(Edit):
    """Carry the nearest end of a track unchanged to a frame before or behind it.

    Only frames that are not annotated are filled; the new masks are proposals.

    Attributes:
        track_id: The track.
        to_frame: The frame to reach.
    """

    track_id: int
    to_frame: int


@dataclass(frozen=True, slots=True)
class TrimTrack(Edit):
    """Take away everything of a track outside some frames.

    Attributes:
        track_id: The track.
        keep: The frames to keep.
    """

    track_id: int
    keep: Scope
