"""Which model is better on held-out frames, and how far the judging has come."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ifc_core.jobs import JobContext
from ifc_core.training.finetune_settings import MIN_HELD_OUT_MASKS, HeldOutScore
from ifc_core.training.result_fields import Verdict

LEAST_J_NOISE = 0.01
"""A difference of mean J up to this says nothing, however alike the frames are."""

LEAST_AP_NOISE = 0.02
MOST_AP_NOISE = 0.1
"""A larger fall of AP is never put down to chance: where frames are few, chance explains much.
A rise has no such bound, since what chance explains is nothing gained."""

_STANDARD_ERRORS = 2.0


@dataclass(frozen=True, slots=True)
class Noise:
    """How large a difference between two models has to be to say something.

    Attributes:
        mean_j: Of mean J, whichever way it goes.
        ap: Of AP where it falls.
        ap_gain: Of AP where it rises; at least ``ap``.
    """

    mean_j: float
    ap: float
    ap_gain: float


def judge(before: HeldOutScore, after: HeldOutScore) -> Verdict:
    """Whether the new model is better on the held-out frames.

    Args:
        before: Of the parent.
        after: Of the new model, on the same frames.

    Returns:
        ``better`` where mean J or AP rose by more than its noise and the other did not fall by
        more than its own; ``mixed`` where one rose so and the other fell; else ``not better``. It
        takes :data:`MIN_HELD_OUT_MASKS` masks on two frames to say any of it.
    """
    noise = noise_of(before, after)
    if after.num_masks < MIN_HELD_OUT_MASKS or noise is None:
        return "not enough to judge"
    gain_j, gain_ap = after.mean_j - before.mean_j, after.ap - before.ap
    if not (gain_j > noise.mean_j or gain_ap > noise.ap_gain):
        return "not better"
    return "mixed" if gain_j < -noise.mean_j or gain_ap < -noise.ap else "better"


def noise_of(before: HeldOutScore, after: HeldOutScore) -> Noise | None:
    """Twice the standard error of the differences, within bounds.

    Both models are judged on the same frames, so what makes a frame hard for both cancels out.

    Args:
        before: With what its figures are without one stretch of frames each.
        after: The same of the other model, on the same frames.

    Returns:
        The noise; ``None`` where there is one stretch alone.

    Source: the jackknife, Efron and Stein, "The jackknife estimate of variance", 1981; the
        stretches left out are blocks of time, since neighbouring frames tell the same.
    """
    pairs = list(zip(before.left_out, after.left_out, strict=False))
    if len(pairs) < 2 or len(before.left_out) != len(after.left_out):
        return None
    by_j = _STANDARD_ERRORS * _jackknife([b[0] - a[0] for a, b in pairs])
    by_ap = max(LEAST_AP_NOISE, _STANDARD_ERRORS * _jackknife([b[1] - a[1] for a, b in pairs]))
    return Noise(max(LEAST_J_NOISE, by_j), min(MOST_AP_NOISE, by_ap), by_ap)


def _jackknife(differences: Sequence[float]) -> float:
    """Standard error from the values with one unit left out each."""
    known = [value for value in differences if math.isfinite(value)]
    if len(known) < 2:
        return 0.0
    mean = sum(known) / len(known)
    spread = sum((value - mean) ** 2 for value in known)
    return math.sqrt(spread * (len(known) - 1) / len(known))


class FrameCount:
    """Tells a job how many of the frames that judging takes are done.

    Args:
        job: Is told after every frame, and may be cancelled then.
        message: What is being done.
        parts: Frames that the parts of it take at most, in order.
    """

    def __init__(self, job: JobContext, message: str, parts: Sequence[int]) -> None:
        self._job = job
        self._message = message
        self._parts = tuple(parts)
        self._finished = 0
        self._done = 0
        self._tell()

    def add(self, frames: int = 1) -> None:
        """So many more frames are done.

        Raises:
            JobCancelled: The job was asked to stop.
        """
        self._done = min(self._done + frames, sum(self._parts[: self._finished + 1]))
        self._tell()

    def end_part(self) -> None:
        """The present part is over, though it may have taken fewer frames than it could."""
        self._finished += 1
        self._done = sum(self._parts[: self._finished])

    def _tell(self) -> None:
        self._job.advance(self._done, sum(self._parts), self._message)
