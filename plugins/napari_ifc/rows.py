"""What the views are given to show: plain, frozen values without behaviour."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from napari_ifc.language import tr

RGB = tuple[int, int, int]


class SpanKind(StrEnum):
    """How a stretch of a track came about, in rising order of a person's share."""

    PROVISIONAL = "provisional"
    PROPOSED = "proposed"
    DERIVED = "derived"
    CORRECTED = "corrected"
    APPROVED = "approved"
    REJECTED = "rejected"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class TrackRow:
    """One line of the track table.

    Attributes:
        track_id: Number of the track; of the run's instance while provisional.
        color_rgb: Its colour.
        class_name: Its class.
        score: Confidence, 0 to 1.
        num_frames: Frames on which it has a mask.
        first_frame: First of them, ``None`` without any.
        last_frame: Last of them.
        state: Review state, as text.
        provisional: Whether it belongs to a run that is not accepted.
        parent_id: The track that divided into it, or ``None``.
        daughter_ids: What it divided into.
        name: What a person or a file calls it, or empty.
        is_region: Whether it stands for no object but for ground to ignore.
    """

    track_id: int
    color_rgb: RGB
    class_name: str
    score: float
    num_frames: int
    first_frame: int | None
    last_frame: int | None
    state: str
    provisional: bool = False
    parent_id: int | None = None
    daughter_ids: tuple[int, ...] = ()
    name: str = ""
    is_region: bool = False

    def holds(self, words: str) -> bool:
        """Whether its number, name, class, state or mother ("from 7") holds some words."""
        number = f"~{-self.track_id}" if self.provisional else str(self.track_id)
        wanted = words.casefold()
        texts = [number, self.name, self.class_name, self.state]
        if self.parent_id is not None:
            texts.append(tr("from {parent_id}").format(parent_id=self.parent_id))
        return any(wanted in text.casefold() for text in texts)


@dataclass(frozen=True, slots=True)
class Span:
    """Frames ``start`` to ``stop`` (exclusive) of one kind."""

    start: int
    stop: int
    kind: SpanKind


SPAN_KINDS = tuple(SpanKind)
"""Kinds by their code in :class:`Spans`."""
_NO_KIND = 255
_ABSENT, _REJECTED = (SPAN_KINDS.index(k) for k in (SpanKind.ABSENT, SpanKind.REJECTED))

DOUBTFUL = 0.5
"""From this uncertainty on a mask counts as doubtful."""


def _no_frames() -> npt.NDArray[np.int32]:
    return np.zeros(0, dtype=np.int32)


def _no_times() -> npt.NDArray[np.float64]:
    return np.empty(0)


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """Stretches of one track in rising order, as arrays: a long track has thousands.

    Attributes:
        start: (n,) int32, first frame of each.
        stop: (n,) int32, one past its last frame.
        kind: (n,) uint8, its place in :data:`SPAN_KINDS`.
    """

    start: npt.NDArray[np.int32] = field(default_factory=_no_frames)
    stop: npt.NDArray[np.int32] = field(default_factory=_no_frames)
    kind: npt.NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, dtype=np.uint8))

    @classmethod
    def of(cls, spans: Iterable[Span]) -> Spans:
        """The same stretches as arrays."""
        rows = [(s.start, s.stop, SPAN_KINDS.index(s.kind)) for s in spans]
        table = np.array(rows, dtype=np.int32).reshape(-1, 3)
        return cls(table[:, 0], table[:, 1], table[:, 2].astype(np.uint8))

    def __len__(self) -> int:
        return len(self.start)

    def __getitem__(self, place: int) -> Span:
        kind = SPAN_KINDS[int(self.kind[place])]
        return Span(int(self.start[place]), int(self.stop[place]), kind)

    def __iter__(self) -> Iterator[Span]:
        return (self[place] for place in range(len(self)))

    def overlaid(self, frames: npt.NDArray[np.int32], kind: SpanKind) -> Spans:
        """The stretches with some frames shown as another kind.

        Args:
            frames: (k,) those frames, in any order.
            kind: What they show.
        """
        if not len(frames):
            return self
        length = int(max(frames.max() + 1, self.stop.max(initial=0)))
        kinds = np.full(length, _NO_KIND, dtype=np.uint8)
        lengths = self.stop - self.start
        firsts = np.repeat(self.start - np.cumsum(lengths) + lengths, lengths)
        kinds[firsts + np.arange(len(firsts))] = np.repeat(self.kind, lengths)
        kinds[frames] = SPAN_KINDS.index(kind)
        bounds = np.flatnonzero(np.diff(kinds, prepend=_NO_KIND, append=_NO_KIND))
        starts = bounds[:-1][kinds[bounds[:-1]] != _NO_KIND]
        stops = bounds[np.searchsorted(bounds, starts, side="right")]
        return Spans(starts.astype(np.int32), stops.astype(np.int32), kinds[starts])

    def seen(self) -> tuple[int, int] | None:
        """First frame on which there is a mask, and one past the last; ``None`` for none."""
        masks = np.flatnonzero((self.kind != _ABSENT) & (self.kind != _REJECTED))
        if not len(masks):
            return None
        return int(self.start[masks[0]]), int(self.stop[masks[-1]])

    def at(self, frame_index: int) -> Span | None:
        """The stretch that holds a frame."""
        place = int(np.searchsorted(self.start, frame_index, side="right")) - 1
        return self[place] if place >= 0 and frame_index < self.stop[place] else None


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """One track on the timeline. A lane that changed is another object.

    Attributes:
        track_id: The track.
        color_rgb: Its colour.
        label: Short text at its head.
        spans: What it shows where.
        keyframes: (k,) int32, frames whose mask a person drew or corrected, ascending.
        doubt_frames: (d,) int32, frames that nobody reviewed and whose uncertainty is known.
        doubt: (d,) float32 in 0 to 1, their uncertainty.
        detail: Name, class and state in words.
        parent_id: The track that divided into it, or ``None``.
        name: What stands behind the label; the first of the details if empty.
    """

    track_id: int
    color_rgb: RGB
    label: str
    spans: Spans = field(default_factory=Spans)
    keyframes: npt.NDArray[np.int32] = field(default_factory=_no_frames)
    doubt_frames: npt.NDArray[np.int32] = field(default_factory=_no_frames)
    doubt: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    detail: str = ""
    parent_id: int | None = None
    name: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class TimelineData:
    """Everything the timeline draws except the cursor.

    Attributes:
        num_frames: Length of the video.
        fps: Frames per second, for the ruler.
        lanes: One per track, by id, but daughters right below their mothers.
        counts: (num_frames,) int32 masks on each frame, or empty.
        doubtful: (num_frames,) int32, those among them of which the model is unsure.
        approved: Stretches of frames that are approved as exhaustive.
        times: (num_frames,) seconds of each frame, where its file tells them; else empty.
        loading: Whether what the tracks show is still being read.
    """

    num_frames: int = 0
    fps: float = 0.0
    lanes: tuple[Lane, ...] = ()
    counts: npt.NDArray[np.int32] = field(default_factory=_no_frames)
    doubtful: npt.NDArray[np.int32] = field(default_factory=_no_frames)
    approved: tuple[tuple[int, int], ...] = ()
    times: npt.NDArray[np.float64] = field(default_factory=_no_times)
    loading: bool = False

    def seconds_at(self, frame_index: int) -> float:
        """When a frame is shown, after the first one."""
        if frame_index < len(self.times):
            return float(self.times[frame_index])
        return frame_index / self.fps


@dataclass(frozen=True, slots=True)
class FrameRange:
    """Frames that a person marked on the timeline.

    Attributes:
        first: First frame.
        last: Last frame, included.
        track_ids: The tracks that are meant; empty for the frames as such.
    """

    first: int
    last: int
    track_ids: tuple[int, ...] = ()

    @property
    def num_frames(self) -> int:
        """How many frames."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class.

    Attributes:
        class_id: Its number; 0 for one that is yet to be made.
        name: Its name.
        color_rgb: Its colour.
        supercategory: COCO's grouping, may be empty.
        hotkey: The digit that assigns it, or empty.
        num_tracks: Tracks of the project that are of it.
    """

    class_id: int
    name: str
    color_rgb: RGB
    supercategory: str = ""
    hotkey: str = ""
    num_tracks: int = 0


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One step of the journal.

    Attributes:
        number: Its place in the journal.
        text: What was done.
        undone: Whether it was undone and can be redone.
        made_at: When, in seconds since 1970 (UTC); 0 where it is not known.
    """

    number: int
    text: str
    undone: bool = False
    made_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Summary:
    """The head of the panel.

    Attributes:
        title: Name of the video, or an invitation.
        facts: Size, length and rate in one line.
        project: Where the project is kept.
        approved_frames: Frames that were approved as complete.
        num_frames: Frames in all.
        steps: Which of find, fix, approve, improve are done.
        hint: What to do next, one sentence; empty once all four are done.
        approved_tracks: Tracks that were approved as a whole.
        num_tracks: Tracks in all, but for rejected ones.
    """

    title: str = tr("No video open")
    facts: str = ""
    project: str = ""
    approved_frames: int = 0
    num_frames: int = 0
    steps: tuple[bool, bool, bool, bool] = field(default=(False, False, False, False))
    hint: str = ""
    approved_tracks: int = 0
    num_tracks: int = 0

    @property
    def count(self) -> str:
        """How far the review is, in a few words; frames and tracks are approved apart."""
        frames = tr("{approved_frames:,} / {num_frames:,} frames complete")
        if self.num_tracks:
            frames = tr(
                "{approved_frames:,} / {num_frames:,} frames complete · "
                "{approved_tracks:,} / {num_tracks:,} tracks"
            )
        return frames.format(
            approved_frames=self.approved_frames,
            num_frames=self.num_frames,
            approved_tracks=self.approved_tracks,
            num_tracks=self.num_tracks,
        )


@dataclass(frozen=True, slots=True)
class RunView:
    """A propose run as the window shows it.

    Attributes:
        active: Whether a run is going on.
        text: What is being done.
        detail: How far, and how long still.
        fraction: 0 to 1, or ``None`` where it is not known.
        stopping: Whether it was asked to stop.
        why_not_pause: Why a pause would keep nothing, or empty.
        left: The time left in a word or two, or empty; ``detail`` says it too.
    """

    active: bool = False
    text: str = ""
    detail: str = ""
    fraction: float | None = None
    stopping: bool = False
    why_not_pause: str = ""
    left: str = ""


def _share(done: int, count: int) -> float:
    """0 to 1, and what rounds to 1 only where nothing is left."""
    return 1.0 if done >= count else min(0.99, done / count)


@dataclass(frozen=True, slots=True)
class ProgressView:
    """How far the review of the whole project is.

    Attributes:
        num_videos: Videos.
        num_frames: Frames of all videos.
        approved_frames: Frames that were approved as complete.
        num_tracks: Tracks.
        approved_tracks: Tracks that were approved as a whole.
    """

    num_videos: int = 0
    num_frames: int = 0
    approved_frames: int = 0
    num_tracks: int = 0
    approved_tracks: int = 0

    @property
    def short(self) -> str:
        """The shares of complete frames and of approved tracks, as text."""
        if not self.num_frames:
            return ""
        frames = _share(self.approved_frames, self.num_frames)
        if not self.num_tracks:
            return tr("Project: {frames:.0%} of frames complete").format(frames=frames)
        tracks = _share(self.approved_tracks, self.num_tracks)
        text = tr("Project: frames {frames:.0%}, tracks {tracks:.0%}")
        return text.format(frames=frames, tracks=tracks)

    @property
    def text(self) -> str:
        """All of it in one line."""
        videos = (
            tr("1 video")
            if self.num_videos == 1
            else tr("{num_videos} videos").format(num_videos=self.num_videos)
        )
        return tr(
            "{approved_frames:,} of {num_frames:,} frames complete, {approved_tracks:,} of "
            "{num_tracks:,} tracks approved in {videos}"
        ).format(
            approved_tracks=self.approved_tracks,
            num_tracks=self.num_tracks,
            approved_frames=self.approved_frames,
            num_frames=self.num_frames,
            videos=videos,
        )


@dataclass(frozen=True, slots=True)
class VideoRow:
    """One video in the list of a project's videos.

    Attributes:
        video_id: The video.
        name: What people call it.
        num_frames: Its length.
        num_tracks: Tracks that are not rejected.
        approved_frames: Frames that were approved as complete.
        approved_tracks: Tracks that were approved as a whole.
        is_absent: Whether its file is known not to be where it was, nor near.
    """

    video_id: int
    name: str
    num_frames: int
    num_tracks: int = 0
    approved_frames: int = 0
    approved_tracks: int = 0
    is_absent: bool = False

    @property
    def state(self) -> str:
        """How far the work on it is, in a few words."""
        if self.num_frames and self.approved_frames >= self.num_frames:
            return tr("complete")
        if self.approved_frames:
            share = _share(self.approved_frames, self.num_frames)
            return tr("{share:.0%} of frames complete").format(share=share)
        if self.approved_tracks:
            text = tr("{approved_tracks:,} / {num_tracks:,} tracks approved")
            return text.format(approved_tracks=self.approved_tracks, num_tracks=self.num_tracks)
        return tr("to review") if self.num_tracks else tr("no tracks")

    @property
    def short(self) -> str:
        """Length and tracks, where there is little room; first that it is not found."""
        tracks = (
            tr("1 track")
            if self.num_tracks == 1
            else tr("{num_tracks:,} tracks").format(num_tracks=self.num_tracks)
        )
        words = tr("{num_frames:,} fr. · {tracks}")
        if self.is_absent:
            words = tr("not found · {num_frames:,} fr. · {tracks}")
        return words.format(num_frames=self.num_frames, tracks=tracks)

    @property
    def facts(self) -> str:
        """Length and tracks, in one line."""
        tracks = (
            tr("1 track")
            if self.num_tracks == 1
            else tr("{num_tracks} tracks").format(num_tracks=self.num_tracks)
        )
        words = tr("{num_frames:,} frames · {tracks}")
        if self.num_frames == 1:
            words = tr("1 frame · {tracks}")
        return words.format(num_frames=self.num_frames, tracks=tracks)


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One entry of the review queue in words.

    Attributes:
        title: What: a track with its class, or frames.
        place: Where: its frames.
        why: The reason.
        advice: What the keys do with it.
        icon: Name of the reason's icon.
        need: 0 to 1, how urgent.
        urgent: Whether it is doubtful, not merely open.
        color_rgb: Colour of the track, ``None`` for frames.
        decisions: Action id -> what its button says and its tip, where the entry gives it a
            meaning of its own; an empty text where the button before it does the same.
        video: Name of its video where that is not the one that is shown.
    """

    title: str
    place: str
    why: str
    advice: str
    icon: str
    need: float
    urgent: bool
    color_rgb: RGB | None = None
    decisions: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    video: str = ""
