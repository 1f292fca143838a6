"""Which frames and tracks of a project an export covers, and what it leaves out."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from ifc_core.annotation.reading import ProjectReader
from ifc_core.annotation.records import WHOLE, Scope, VideoEntry
from ifc_core.annotation.schema import STATE_CODE
from ifc_core.structures import FrameState, Track, TrackKind, TrackState

_ABSENT = STATE_CODE[FrameState.ABSENT]
# A rejected mask says what the object is not; whether it is there stays open.
_REVIEWED = (STATE_CODE[FrameState.CORRECTED], STATE_CODE[FrameState.APPROVED], _ABSENT)
_APPROVED = (STATE_CODE[FrameState.APPROVED],)
_UNSAFE = re.compile(r"[^\w.+-]+")


class ExportScope(StrEnum):
    """Which frames go into an export."""

    REVIEWED = "reviewed"  # frames reviewed for every exported track (the default)
    APPROVED = "approved"  # frames where every exported track is approved
    EVERYTHING = "everything"  # proposals too


@dataclass(frozen=True, slots=True)
class VideoSelection:
    """What is exported of one video.

    Attributes:
        video: The video.
        folder: Name of its frame folder, safe in any file system and unique in the export.
        frames: 0-based frames, ascending.
        tracks: Tracks, lowest z first.
        exhaustive: The approved ones among the frames.
        frames_left_out: Annotated frames that are not exported.
        tracks_left_out: Tracks that are not exported.
    """

    video: VideoEntry
    folder: str
    frames: tuple[int, ...]
    tracks: tuple[Track, ...]
    exhaustive: frozenset[int]
    frames_left_out: int
    tracks_left_out: int


def select_video(
    reader: ProjectReader,
    video: VideoEntry,
    *,
    scope: ExportScope,
    category_ids: Collection[int] | None,
    frame_step: int,
    taken: set[str],
    frame_scope: Scope = WHOLE,
    approved_tracks_only: bool = False,
    objects_only: bool = False,
) -> VideoSelection:
    """Decide what of a video is exported.

    A track is exported if it is not rejected, is of a wanted class and, unless everything is
    exported, a person reviewed (or approved) at least one of its frames. A frame is exported if
    it is approved (exhaustive), or reviewed (or approved) for every exported track.

    Args:
        reader: The project.
        video: The video.
        scope: Which frames.
        category_ids: Only these classes, or ``None`` for all.
        frame_step: Every n-th frame.
        taken: Folder names that are in use; the new one is added.
        frame_scope: Only these frames.
        approved_tracks_only: Only tracks that were approved as a whole.
        objects_only: No crowds and no regions to ignore.

    Returns:
        The selection; without frames where nothing is to export.
    """
    exhaustive = set(reader.exhaustive_frames(video.id))
    wanted_states = _REVIEWED if scope is ExportScope.REVIEWED else _APPROVED
    everything = scope is ExportScope.EVERYTHING
    tracks, left_out = [], 0
    is_annotated = np.zeros(video.num_frames, dtype=bool)
    counts = np.zeros(video.num_frames, dtype=np.int32)  # of exported tracks reviewed there
    for track in reader.tracks(video.id):
        lane = reader.track_columns(track.id)  # one at a time: there may be millions of masks
        lane = lane.take((lane.frame_index >= 0) & (lane.frame_index < video.num_frames))
        is_annotated[lane.frame_index] = True
        reviewed = bool(np.isin(lane.state, wanted_states).any())
        in_class = category_ids is None or track.category_id in category_ids
        wanted = in_class and track.state is not TrackState.REJECTED
        if approved_tracks_only:
            wanted = wanted and track.state is TrackState.APPROVED
        if objects_only:
            wanted = wanted and track.kind is TrackKind.OBJECT
        if wanted and (everything or reviewed):
            tracks.append(track)
            # A frame where an object was seen to be absent is as good as an approved one.
            counts[lane.frame_index[np.isin(lane.state, (*wanted_states, _ABSENT))]] += 1
        else:
            left_out += 1
    if everything:
        frames = set(range(video.num_frames)) if tracks or exhaustive else set()
    else:
        in_all = np.flatnonzero(counts == len(tracks)).tolist() if tracks else ()
        frames = exhaustive.union(in_all)
    frames = {f for f in frames if f % frame_step == 0 and f in frame_scope}
    annotated = set(np.flatnonzero(is_annotated).tolist())
    return VideoSelection(
        video,
        _folder_name(video.name, taken),
        tuple(sorted(frames)),
        tuple(tracks),
        frozenset(exhaustive & frames),
        len(annotated - frames),
        left_out,
    )


def _folder_name(name: str, taken: set[str]) -> str:
    """A name that is one safe path component on every system."""
    base = _UNSAFE.sub("_", name).strip("._ ")[:80] or "video"
    folder, number = base, 2
    while folder.lower() in taken:
        folder, number = f"{base}_{number}", number + 1
    taken.add(folder.lower())
    return folder
