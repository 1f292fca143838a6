"""Edits of whole tracks: new, delete, relabel, merge, split, swap, order."""

from __future__ import annotations

from dataclasses import dataclass

from ifc_core.annotation.edits.base import Edit, OverlapRule
from ifc_core.annotation.records import Scope
from ifc_core.structures import RLEMask, TrackKind


@dataclass(frozen=True, slots=True)
class NewTrack(Edit):
    """Begin a track, on top of the others; its id is in ``EditResult.tracks_added``.

    Attributes:
        video_id: The video.
        category_id: Its class.
        frame_index: Frame of a first mask, or ``None``.
        rle: The first mask, or ``None``.
        name: Optional label.
        kind: An object, a crowd region or a region to ignore.
        seconds_spent: How long the person took for the mask.
    """

    video_id: int
    category_id: int
    frame_index: int | None = None
    rle: RLEMask | None = None
    name: str = ""
    kind: TrackKind = TrackKind.OBJECT
    seconds_spent: float = 0.0


@dataclass(frozen=True, slots=True)
class DeleteTracks(Edit):
    """Delete tracks with all their masks.

    Attributes:
        track_ids: The tracks.
    """

    track_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RelabelTracks(Edit):
    """Give tracks another class.

    With a scope that is not the whole track, the frames in scope move to a new track of
    the new class and the rest stays.

    Attributes:
        track_ids: The tracks.
        category_id: The new class.
        scope: The frames.
    """

    track_ids: tuple[int, ...]
    category_id: int
    scope: Scope = Scope()


@dataclass(frozen=True, slots=True)
class SetTrack(Edit):
    """Change a track's name, kind or colour; ``None`` leaves a field as it is.

    Attributes:
        track_id: The track.
        name: New label.
        kind: New kind (object, crowd, ignore).
        color_rgb: New colour.
    """

    track_id: int
    name: str | None = None
    kind: TrackKind | None = None
    color_rgb: tuple[int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class SetZOrder(Edit):
    """Set the order of tracks, bottom first; tracks of the video not named stay below.

    Attributes:
        video_id: The video.
        track_ids: The tracks from bottom to top.
    """

    video_id: int
    track_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MergeTracks(Edit):
    """Merge tracks into one.

    Attributes:
        keep_id: The track that stays, with its class and colour.
        other_ids: The tracks that go into it.
        overlap: What happens on frames where both have a mask.
    """

    keep_id: int
    other_ids: tuple[int, ...]
    overlap: OverlapRule = OverlapRule.PREFER_HUMAN


@dataclass(frozen=True, slots=True)
class SplitTrack(Edit):
    """Move a track's frames from ``frame_index`` on to a new track of the same class.

    Attributes:
        track_id: The track.
        frame_index: First frame of the new track.
    """

    track_id: int
    frame_index: int


@dataclass(frozen=True, slots=True)
class SwapIdentities(Edit):
    """Exchange two tracks' masks.

    Attributes:
        track_a: One track.
        track_b: The other.
        scope: The frames, usually ``Scope.from_here(t)``.
    """

    track_a: int
    track_b: int
    scope: Scope
