"""What an annotation file holds, in memory: videos, categories, tracks of masks.

All annotation formats (YouTube-VIS, COCO, DAVIS, MOTS, CTC) are read into and written from these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ifc_core.structures import Category, FrameState, MaskSource, RLEMask, TrackKind, TrackState

MAX_LENGTH = 10_000_000
"""Frames that a video of a file may have; what counts frames needs memory for each."""


@dataclass(frozen=True, slots=True)
class VideoDetails:
    """What the extension key ``ifc_studio`` says of a video.

    Attributes:
        exhaustive: One a frame: every object of the classes is annotated there. Empty where
            nothing is known.
        fps: Frames per second, 0 where unknown.
        fingerprint: Of the video file, to know it again.
        source: Name of the video file or frame folder, without its folder.
        frame_indices: One a frame: its 0-based index in the source video, where the file
            holds a part of it. Empty means 0, 1, 2, ...
    """

    exhaustive: tuple[bool, ...] = ()
    fps: float = 0.0
    fingerprint: str = ""
    source: str = ""
    frame_indices: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TrackDetails:
    """What the extension key ``ifc_studio`` says of a track.

    Attributes:
        states: One a frame; ``None`` where the frame is not annotated for this track. It is
            what tells "looked at and absent" from "not annotated", since both are ``null``
            among the segmentations.
        sources: One a frame; ``None`` where there is no mask record.
        z_order: Larger lies on top.
        state: Review state of the track.
        color_rgb: Display colour, or ``None``.
        name: Label given by a person.
        kind: An object, a crowd region or a region to ignore.
    """

    states: tuple[FrameState | None, ...]
    sources: tuple[MaskSource | None, ...]
    z_order: int = 0
    state: TrackState = TrackState.PROPOSED
    color_rgb: tuple[int, int, int] | None = None
    name: str = ""
    kind: TrackKind = TrackKind.OBJECT


@dataclass(frozen=True, slots=True)
class YtvisVideo:
    """A video of an annotation file.

    Attributes:
        id: Unique in the file.
        height: Pixels.
        width: Pixels.
        length: Frames.
        file_names: One a frame, POSIX paths relative to the folder of frames.
        details: Content of the extension key, if it is there.
        numbers: One a frame, ascending: what number the file itself gives it, where it has gaps
            or does not begin at 0; else empty. Whether 0 or 1 is a video's first frame is not said,
            but where ``is_open``: there they are without gaps, and the first one's is taken to be.
        is_open: The file does not say where it ends; it is taken to end with its last mask.
    """

    id: int
    height: int
    width: int
    length: int
    file_names: tuple[str, ...]
    details: VideoDetails | None = None
    numbers: Sequence[int] = ()
    is_open: bool = False

    @property
    def name(self) -> str:
        """Folder of the first frame, or its stem where the frames lie in no folder."""
        first = self.file_names[0] if self.file_names else str(self.id)
        folder, _, file = first.rpartition("/")
        return folder or file.rpartition(".")[0] or file


@dataclass(frozen=True, slots=True)
class YtvisTrack:
    """One instance through one video: an annotation, or a result when it has a score.

    Attributes:
        id: Unique in the file; results are numbered from 1 in the order of the file.
        video_id: Its video.
        category_id: Its class.
        segmentations: One a frame; ``None`` is null in the file, an empty mask is a mask.
        is_crowd: A crowd region, which evaluation ignores.
        score: Confidence of a result, ``None`` for an annotation.
        areas: Areas as the file states them (``None`` for null), or empty where it does not.
        details: Content of the extension key, if it is there.
        parent_id: Id of the track of the same video that divided into this one and others; kept
            within the extension key.
        label: What it is called: its name, or the number of its own in each video, as labels
            of pictures are; else empty.
    """

    id: int
    video_id: int
    category_id: int
    segmentations: tuple[RLEMask | None, ...]
    is_crowd: bool = False
    score: float | None = None
    areas: tuple[float | None, ...] = ()
    details: TrackDetails | None = None
    parent_id: int | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class YtvisHeader:
    """Everything of a file but its tracks.

    Attributes:
        videos: In file order.
        categories: In file order.
        info: The free ``info`` object.
    """

    videos: tuple[YtvisVideo, ...] = ()
    categories: Sequence[Category] = ()
    info: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class YtvisFile:
    """A whole annotation file.

    Attributes:
        videos: In file order.
        categories: In file order.
        tracks: In file order.
        info: The free ``info`` object.
    """

    videos: tuple[YtvisVideo, ...] = ()
    categories: Sequence[Category] = ()
    tracks: tuple[YtvisTrack, ...] = ()
    info: Mapping[str, Any] = field(default_factory=dict)

    @property
    def header(self) -> YtvisHeader:
        """The file without its tracks."""
        return YtvisHeader(self.videos, self.categories, self.info)
