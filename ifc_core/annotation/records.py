"""The small types that the annotation project hands out and takes in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from ifc_core.errors import ConfigError
from ifc_core.io.video_suffixes import VIDEO_SUFFIXES
from ifc_core.structures import FrameState, MaskSource, RLEMask, Video


@dataclass(frozen=True, slots=True)
class Scope:
    """The frames that an edit covers: this one, from here on, a range, or the whole track.

    Attributes:
        first: First frame, 0-based, or ``None`` for the start of the video.
        last: Last frame, included, or ``None`` for the end of the video.
    """

    first: int | None = None
    last: int | None = None

    def __post_init__(self) -> None:
        """Check the range."""
        if self.first is not None and self.first < 0:
            raise ConfigError("A frame index is 0 or more.", name="first", value=self.first)
        if self.last is not None and self.last < (self.first or 0):
            raise ConfigError(
                "The last frame lies before the first one.", name="last", value=self.last
            )

    @classmethod
    def this_frame(cls, frame_index: int) -> Scope:
        """One frame."""
        return cls(frame_index, frame_index)

    @classmethod
    def from_here(cls, frame_index: int) -> Scope:
        """A frame and all that follow."""
        return cls(frame_index, None)

    @classmethod
    def whole(cls) -> Scope:
        """Every frame."""
        return cls()

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left out."""
        return self.first in (None, 0) and self.last is None

    def bounds(self, num_frames: int) -> tuple[int, int]:
        """First and last frame (included) in a video of ``num_frames``."""
        last = num_frames - 1 if self.last is None else min(self.last, num_frames - 1)
        return (self.first or 0, last)

    def __contains__(self, frame_index: int) -> bool:
        after = self.first is None or frame_index >= self.first
        return after and (self.last is None or frame_index <= self.last)

    def describe(self) -> str:
        """The scope in words, such as ``"from frame 12 on"``."""
        if self.is_whole:
            return "the whole track"
        if self.first is not None and self.first == self.last:
            return f"frame {self.first}"
        if self.last is None:
            return f"from frame {self.first} on"
        return f"frames {self.first or 0} to {self.last}"


WHOLE = Scope()
"""Every frame."""


@dataclass(frozen=True, slots=True)
class VideoEntry:
    """A video of the project. Nothing here opens the file.

    Attributes:
        id: Number, unique in the project.
        name: Name shown to people; also the folder name in exports.
        path: Where the file is believed to be (absolute). See ``Project.locate_video``.
        stored_path: POSIX path relative to the project folder, or "" where it has none.
        num_frames: Frames.
        height: Pixels.
        width: Pixels.
        fps: Average frames per second.
        fingerprint: Knows the file again after it was moved.
        annotation_step: Every how many frames a person means to annotate.
        given_fps: Frames per second that a person gave, of pictures that tell none; else ``None``.
        um_per_px: Micrometres from one pixel to the next that a person gave; else ``None``.
    """

    id: int
    name: str
    path: Path
    stored_path: str
    num_frames: int
    height: int
    width: int
    fps: float
    fingerprint: str
    annotation_step: int = 1
    given_fps: float | None = None
    um_per_px: float | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return (self.height, self.width)

    @property
    def are_pictures(self) -> bool:
        """Whether it is no film, told by its name and fingerprint alone."""
        is_folder = self.fingerprint.startswith(f"{self.num_frames}-")
        return is_folder or self.path.suffix.lower() not in VIDEO_SUFFIXES

    @property
    def rate(self) -> float:
        """Frames per second: of a film its own; of pictures what a person gave, if anything."""
        return (self.given_fps if self.are_pictures else None) or self.fps

    @property
    def video(self) -> Video:
        """The same as the shared type."""
        return Video(
            self.path, self.num_frames, self.height, self.width, self.fps, self.fingerprint
        )


@dataclass(frozen=True, slots=True)
class TrackFrame:
    """What is known of one track on one frame, without the mask itself.

    Attributes:
        track_id: The track.
        frame_index: 0-based frame.
        mask_id: Id of the record.
        state: Review state.
        source: Who made the record.
        revision: Revision of the record.
        area_px: Foreground pixels; 0 where absent.
        uncertainty: 0 (sure) to 1, or ``None`` where it was not measured.
        link_score: Soft IoU by which the tracker joined the frame, or ``None``.
        quality: Estimated IoU of the mask with the true object, 0 to 1, or ``None``.
    """

    track_id: int
    frame_index: int
    mask_id: int
    state: FrameState
    source: MaskSource
    revision: int
    area_px: int
    uncertainty: float | None = None
    link_score: float | None = None
    quality: float | None = None


@dataclass(frozen=True, slots=True)
class EditResult:
    """What an edit, an undo or a redo changed; enough to refresh exactly that.

    Attributes:
        seq: Number of the journal entry.
        kind: Class name of the edit, such as ``"SetMask"``.
        label: One line for the history list.
        direction: Whether it was done, undone or done again.
        video_ids: Videos in which anything changed.
        changed_frames: track id -> frames whose mask or state changed (sorted).
        tracks_added: Tracks that exist now and did not before.
        tracks_removed: Tracks that are gone.
        tracks_changed: Tracks whose header changed.
        reviewed_frames: video id -> frames whose *exhaustive* flag changed (sorted).
        categories_changed: Categories added, edited or removed.
        videos_changed: Videos added, edited or removed.
        runs_changed: Runs that were accepted, or are offered again after an undo.
        num_masks: Number of (track, frame) pairs that changed, absent ones too.
        masks_gained: Masks that are shown now, less those that were; negative where masks went.
        note: What the person should know, such as frames kept because a person
            had corrected them; may be empty.
    """

    seq: int
    kind: str
    label: str
    direction: Literal["do", "undo", "redo"]
    video_ids: tuple[int, ...] = ()
    changed_frames: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    tracks_added: tuple[int, ...] = ()
    tracks_removed: tuple[int, ...] = ()
    tracks_changed: tuple[int, ...] = ()
    reviewed_frames: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    categories_changed: tuple[int, ...] = ()
    videos_changed: tuple[int, ...] = ()
    runs_changed: tuple[int, ...] = ()
    num_masks: int = 0
    masks_gained: int = 0
    note: str = ""

    @property
    def tracks(self) -> frozenset[int]:
        """Every track that changed in any way."""
        return frozenset(
            (*self.changed_frames, *self.tracks_added, *self.tracks_removed, *self.tracks_changed)
        )


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One line of the history list.

    Attributes:
        seq: Number of the journal entry; grows.
        kind: Class name of the edit.
        label: One line for people.
        annotator: Who did it.
        created_at: Seconds since 1970, UTC.
        num_masks: (track, frame) pairs it changed.
        undone: Whether it is undone at present (and could be redone).
    """

    seq: int
    kind: str
    label: str
    annotator: str
    created_at: float
    num_masks: int
    undone: bool


class RunState(StrEnum):
    """Where a run stands."""

    RUNNING = "running"  # or cut off by a crash, where nobody runs it
    FINISHED = "finished"  # complete, waiting to be accepted or discarded
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A propose, propagate or re-propose run.

    Attributes:
        id: Number, unique in the project.
        kind: ``"propose"``, ``"propagate"`` or another word of the caller.
        video_id: The video.
        model: Name of the model version, or "".
        settings: What it was run with (JSON values).
        state: Where it stands.
        started_at: Seconds since 1970, UTC.
        finished_at: The same, or ``None``.
        frames_staged: Distinct frames with staged results.
        masks_staged: Staged masks.
        annotator: Who started it.
        was_accepted: It became part of the project once, also where that was undone since.
    """

    id: int
    kind: str
    video_id: int
    model: str
    settings: Mapping[str, Any]
    state: RunState
    started_at: float
    finished_at: float | None
    frames_staged: int
    masks_staged: int
    annotator: str
    was_accepted: bool = False


@dataclass(frozen=True, slots=True)
class StagedMask:
    """One provisional mask of a run.

    Attributes:
        instance_id: The run's own number of the instance; for a propagation, the track id.
        rle: The mask at the video's size; ``None`` says that the object is absent.
        score: Confidence on this frame, or ``None``.
        uncertainty: 0 (sure) to 1, or ``None``.
        link_score: Soft IoU by which the tracker joined it, or ``None``.
        quality: Estimated IoU with the true object, 0 to 1, or ``None``.
    """

    instance_id: int
    rle: RLEMask | None
    score: float | None = None
    uncertainty: float | None = None
    link_score: float | None = None
    quality: float | None = None

    @property
    def signals(self) -> tuple[float | None, float | None, float | None, float | None]:
        """What the table of signals keeps of it."""
        return self.score, self.uncertainty, self.link_score, self.quality


@dataclass(frozen=True, slots=True)
class StagedInstance:
    """Header of a provisional instance, known at the end of a run (or earlier).

    Attributes:
        instance_id: The run's own number.
        label: Category name as the model calls it; made into a category on accepting.
        score: Confidence, 0 to 1.
        track_id: The track that the results belong to, or ``None`` for a new one.
    """

    instance_id: int
    label: str
    score: float
    track_id: int | None = None


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A model that the project knows.

    Attributes:
        id: Number, unique in the project.
        name: Name shown to people, unique in the project.
        path: Weights: absolute, or a name of the model registry.
        sha256: Hash of the weights, or "".
        parent: Name of the model it was trained from, or "".
        created_at: Seconds since 1970, UTC.
        provenance: Frames, data, settings, commit (JSON values).
        metrics: Figures before and after (JSON values).
        active: Whether Propose uses it.
    """

    id: int
    name: str
    path: str
    sha256: str
    parent: str
    created_at: float
    provenance: Mapping[str, Any]
    metrics: Mapping[str, Any]
    active: bool
