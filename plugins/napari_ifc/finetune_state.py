"""What the fine-tune page is given to show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ifc_core.annotation import ModelVersion


@dataclass(frozen=True, slots=True)
class Material:
    """What a fine-tuning would learn from.

    Attributes:
        frames: Frames about which a person has said something.
        masks: Corrected or approved masks on them.
        exhaustive: Approved frames, on which everything else is known to be background.
        classes: Class name to number of masks.
        absent: Names of videos with such frames that are not found, and so are left out.
    """

    frames: int = 0
    masks: int = 0
    exhaustive: int = 0
    classes: tuple[tuple[str, int], ...] = ()
    absent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the last run ended, for the before / after card.

    Attributes:
        name: The new version.
        parent: What it started from.
        verdict: ``"better"``, ``"not better"``, ``"mixed"`` or ``"not enough to judge"``.
        before_j: Mean J of the parent on held-out masks, ``None`` without any.
        after_j: Of the new version.
        held_out_masks: How many masks that is.
        rehearsal: Mean J on generated clips before and after, where that was measured.
        comparisons: Pictures: label, before, after.
        seconds: It took.
        ap: AP on the held-out frames before and after, ``None`` without masks there.
        notices: What else there is to know, in sentences.
        in_use: Whether Propose uses the new version now.
        used: The model that Propose uses now, as it is told.
        parent_in_use: Whether that is the one that the new version was compared with.
    """

    name: str
    parent: str
    verdict: str
    before_j: float | None
    after_j: float | None
    held_out_masks: int
    rehearsal: tuple[float, float] | None
    comparisons: tuple[Path, ...]
    seconds: float
    ap: tuple[float, float] | None = None
    notices: tuple[str, ...] = ()
    in_use: bool = False
    used: str = ""
    parent_in_use: bool = False


@dataclass(frozen=True, slots=True)
class FinetuneView:
    """What the page shows.

    Attributes:
        material: What would be learned from.
        counting: Whether that is being counted.
        running: Whether a run is going on.
        stopping: Whether it was asked to stop.
        resumable: Whether a stopped run can go on.
        stopped: Runs that were begun and have not ended, in words, the one that goes on first.
        text: State in a few words.
        detail: Counts and time left, in one line.
        left: The time left in a word or two, or empty.
        notes: What else there is to know of what it is trained on and judged by, in sentences.
        fraction: 0 to 1, or ``None`` where unknown.
        losses: (iteration, loss) so far.
        scores: (iteration, mean J on held-out masks) so far.
        outcome: The end of the last run.
        models: Versions, newest first.
        base: What the model is called that is in use while none of them is.
        why_not_use: Why no other version can be chosen, or empty.
    """

    material: Material = Material()
    counting: bool = False
    running: bool = False
    stopping: bool = False
    resumable: bool = False
    stopped: tuple[str, ...] = ()
    text: str = ""
    detail: str = ""
    left: str = ""
    notes: tuple[str, ...] = ()
    fraction: float | None = None
    losses: tuple[tuple[int, float], ...] = ()
    scores: tuple[tuple[int, float], ...] = ()
    outcome: Outcome | None = None
    models: tuple[ModelVersion, ...] = ()
    base: str = ""
    why_not_use: str = ""
