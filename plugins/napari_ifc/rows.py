"""What the views are given to show: plain, frozen values without behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

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


@dataclass(frozen=True, slots=True)
class Span:
    """Frames ``start`` to ``stop`` (exclusive) of one kind."""

    start: int
    stop: int
    kind: SpanKind


@dataclass(frozen=True, slots=True)
class Lane:
    """One track on the timeline."""

    track_id: int
    color_rgb: RGB
    label: str
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class TimelineData:
    """Everything the timeline draws except the cursor.

    Attributes:
        num_frames: Length of the video.
        fps: Frames per second, for the ruler.
        lanes: One per track, in table order.
        counts: Masks on each frame, or empty.
        approved: Stretches of frames that are approved as exhaustive.
    """

    num_frames: int = 0
    fps: float = 0.0
    lanes: tuple[Lane, ...] = ()
    counts: tuple[int, ...] = ()
    approved: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One step of the journal.

    Attributes:
        number: Its place in the journal.
        text: What was done.
        undone: Whether it was undone and can be redone.
    """

    number: int
    text: str
    undone: bool = False


@dataclass(frozen=True, slots=True)
class Summary:
    """The head of the panel.

    Attributes:
        title: Name of the video, or an invitation.
        facts: Size, length and rate in one line.
        project: Where the project is kept.
        approved_frames: Frames that were approved.
        num_frames: Frames in all.
        steps: Which of propose, fix, approve, improve are done.
    """

    title: str = "No video open"
    facts: str = ""
    project: str = ""
    approved_frames: int = 0
    num_frames: int = 0
    steps: tuple[bool, bool, bool, bool] = field(default=(False, False, False, False))


@dataclass(frozen=True, slots=True)
class RunView:
    """A propose run as the window shows it.

    Attributes:
        active: Whether a run is going on.
        text: What is being done.
        detail: How far, and how long still.
        fraction: 0 to 1, or ``None`` where it is not known.
        stopping: Whether it was asked to stop.
    """

    active: bool = False
    text: str = ""
    detail: str = ""
    fraction: float | None = None
    stopping: bool = False
