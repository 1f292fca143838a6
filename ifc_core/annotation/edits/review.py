"""Edits of the review state of frames and tracks."""

from __future__ import annotations

from dataclasses import dataclass

from ifc_core.annotation.edits.base import Edit
from ifc_core.annotation.records import Scope


@dataclass(frozen=True, slots=True)
class ApproveFrames(Edit):
    """Approve frames: all their masks, and that nothing else is to annotate (*exhaustive*).

    Attributes:
        video_id: The video.
        scope: The frames.
    """

    video_id: int
    scope: Scope


@dataclass(frozen=True, slots=True)
class UnapproveFrames(Edit):
    """Take an approval back: human masks become *corrected*, the others *proposed*.

    Attributes:
        video_id: The video.
        scope: The frames.
    """

    video_id: int
    scope: Scope


@dataclass(frozen=True, slots=True)
class ApproveTracks(Edit):
    """Approve every mask of some tracks (frames do not become exhaustive).

    Attributes:
        track_ids: The tracks.
        scope: The frames; the header is approved with the whole track only.
    """

    track_ids: tuple[int, ...]
    scope: Scope = Scope()


@dataclass(frozen=True, slots=True)
class RejectTracks(Edit):
    """Reject tracks: kept, but neither shown, exported nor trained on.

    Attributes:
        track_ids: The tracks.
    """

    track_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RestoreTracks(Edit):
    """Take back the rejection or approval of tracks.

    Attributes:
        track_ids: The tracks.
    """

    track_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RejectMasks(Edit):
    """Reject a track's masks on some frames: hidden, and the model does not bring them back.

    Attributes:
        track_ids: The tracks.
        scope: The frames.
    """

    track_ids: tuple[int, ...]
    scope: Scope
