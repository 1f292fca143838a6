"""Annotations asked for frame by frame, for formats that are written a picture at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ifc_core.io.ytvis_types import YtvisFile, YtvisHeader
from ifc_core.structures import RLEMask


@dataclass(frozen=True, slots=True)
class TrackHead:
    """A track without its masks.

    Attributes:
        id: Unique among those of its video.
        category_id: Its class.
        is_crowd: A crowd region.
        z_order: Larger lies on top.
        parent_id: The track of the same video that divided into this one and others; it may be
            one that is not exported.
    """

    id: int
    category_id: int
    is_crowd: bool = False
    z_order: int = 0
    parent_id: int | None = None


class FrameSource(Protocol):
    """Where a writer gets videos, tracks, and the masks of one frame after the other."""

    @property
    def header(self) -> YtvisHeader:
        """Videos and categories."""

    def tracks(self, video_id: int) -> Sequence[TrackHead]:
        """The tracks of a video, in the order in which they are numbered."""

    def masks(self, video_id: int, place: int) -> Mapping[int, RLEMask]:
        """Track id -> mask on the ``place``-th frame of a video; called in ascending order."""


class FileFrames:
    """A file in memory as a source.

    Args:
        file: The file.
    """

    def __init__(self, file: YtvisFile) -> None:
        self._file = file

    @property
    def header(self) -> YtvisHeader:
        """Videos and categories."""
        return self._file.header

    def tracks(self, video_id: int) -> list[TrackHead]:
        """The tracks of a video in file order."""
        return [
            TrackHead(
                track.id,
                track.category_id,
                track.is_crowd,
                track.details.z_order if track.details else 0,
                track.parent_id,
            )
            for track in self._file.tracks
            if track.video_id == video_id
        ]

    def masks(self, video_id: int, place: int) -> dict[int, RLEMask]:
        """Track id -> mask on a frame."""
        return {
            track.id: mask
            for track in self._file.tracks
            if track.video_id == video_id and (mask := track.segmentations[place]) is not None
        }


def paint_order(tracks: Sequence[TrackHead]) -> list[int]:
    """Places of the tracks, lowest first: crowds, then by z-order, then in the order given."""

    def key(place: int) -> tuple[bool, int, int]:
        return (not tracks[place].is_crowd, tracks[place].z_order, place)

    return sorted(range(len(tracks)), key=key)
