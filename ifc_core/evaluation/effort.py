"""A simulated annotator: how many corrected frames until a track is good.

The annotator starts from the true mask of the object's first frame, looks at all frames, corrects
the worst one with its true mask, lets the method under test take the corrections to all other
frames, and goes on until the frames that nobody corrected are good enough.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.evaluation.region_boundary import boundary_accuracy, region_similarity
from ifc_core.structures import RLEMask

Masks = Mapping[int, RLEMask | None]
Spread = Callable[[Masks], tuple[Masks, Mapping[int, float]]]
"""Corrected frames to the masks and confidences of all others."""


@dataclass(frozen=True, slots=True)
class EffortRound:
    """The track after some corrections.

    Attributes:
        corrected: Frames corrected so far, in the order of correcting.
        mean_j: Mean region similarity J over the frames that nobody corrected.
        mean_f: Mean boundary accuracy F over them; NaN where it was not asked for.
        j: J by frame, uncorrected frames only.
        confidence: What the method said of each of them.
    """

    corrected: tuple[int, ...]
    mean_j: float
    mean_f: float
    j: dict[int, float]
    confidence: dict[int, float]


@dataclass(frozen=True, slots=True)
class EffortResult:
    """All rounds of one object under one method.

    Attributes:
        rounds: After 1, 2, ... corrections; from proposals after 0, 1, ...
        goal: Mean J that was to be reached.
    """

    rounds: tuple[EffortRound, ...]
    goal: float

    @property
    def reached(self) -> bool:
        """Whether the last round is good enough."""
        return self.rounds[-1].mean_j >= self.goal

    @property
    def corrections(self) -> int:
        """Corrections needed; where the goal was not reached, those that were made."""
        return len(self.rounds[-1].corrected)


def annotate(
    truth: Sequence[RLEMask | None],
    spread: Spread,
    goal: float,
    most: int,
    start: int | None = None,
    boundary: bool = False,
    proposals: Masks | None = None,
) -> EffortResult:
    """Correct the worst frame until the mean J of the uncorrected ones reaches a goal.

    With proposals nothing is corrected at first. The first frame that is corrected then is the
    worst one of those that show the object: a track cannot begin with its absence.

    Args:
        truth: True mask of every frame, ``None`` where the object is absent.
        spread: The method under test.
        goal: Mean J to reach.
        most: Corrections after which the annotator gives up.
        start: First frame that is corrected; by default the first one with a mask.
        boundary: Whether to compute F too, which costs more than J.
        proposals: A mask or ``None`` for every frame, to start from; by default the annotator
            starts with the true mask of ``start``.

    Returns:
        What happened.
    """
    rounds: list[EffortRound] = []
    if proposals is not None:
        rounds.append(_round(truth, lambda _: (proposals, {}), [], boundary))
        if rounds[0].mean_j >= goal:
            return EffortResult(tuple(rounds), goal)
        there = [frame for frame, mask in enumerate(truth) if mask is not None]
        start = min(there, key=lambda frame: (rounds[0].j[frame], frame))
    first = start
    if first is None:
        first = next(i for i, mask in enumerate(truth) if mask is not None)
    corrected = [first]
    while True:
        result = _round(truth, spread, corrected, boundary)
        rounds.append(result)
        if result.mean_j >= goal or len(corrected) >= most or not result.j:
            return EffortResult(tuple(rounds), goal)
        corrected.append(min(result.j, key=lambda frame: (result.j[frame], frame)))


def _round(
    truth: Sequence[RLEMask | None], spread: Spread, corrected: list[int], boundary: bool
) -> EffortRound:
    masks, confidence = spread({frame: truth[frame] for frame in corrected})
    others = [frame for frame in range(len(truth)) if frame not in corrected]
    j = {f: region_similarity(masks.get(f), truth[f]) for f in others}
    mean_f = float("nan")
    if boundary:
        edges = [boundary_accuracy(masks.get(f), truth[f]) for f in others]
        mean_f = float(np.mean(edges)) if edges else 1.0
    mean_j = float(np.mean(list(j.values()))) if j else 1.0
    said = {f: confidence[f] for f in others if f in confidence}
    return EffortRound(tuple(corrected), mean_j, mean_f, j, said)


def grid_ceiling(truth: Sequence[RLEMask | None], grid: tuple[int, int]) -> float:
    """The mean J that masks on a coarse grid can reach: the truth itself, reduced and enlarged.

    Args:
        truth: True masks; ``None`` frames do not count.
        grid: (rows, columns), for instance those of mask features at 1/8.
    """
    scores = []
    for mask in truth:
        if mask is None or not mask.area:
            continue
        whole = mask.to_array()
        soft = np.ascontiguousarray(whole).astype(np.float32)
        small = cv2.resize(soft, grid[::-1], interpolation=cv2.INTER_AREA)
        large = cv2.resize(small, whole.shape[::-1], interpolation=cv2.INTER_LINEAR)
        scores.append(region_similarity(np.asarray(large > 0.5, np.bool_), whole))
    return float(np.mean(scores)) if scores else float("nan")


def ranking_quality(scores: npt.ArrayLike, is_bad: npt.ArrayLike) -> float:
    """AUROC: the chance that a bad frame has a lower score than a good one.

    Args:
        scores: (N,) confidences.
        is_bad: (N,) bool.

    Returns:
        0 to 1, 0.5 for a guess; NaN where one kind is missing.
    """
    values, bad = np.asarray(scores, np.float64), np.asarray(is_bad, np.bool_)
    if not bad.any() or bad.all():
        return float("nan")
    order = np.argsort(np.argsort(values, kind="stable"), kind="stable") + 1.0
    for value in np.unique(values):  # ties share their mean rank
        same = values == value
        order[same] = order[same].mean()
    num_good, num_bad = int((~bad).sum()), int(bad.sum())
    return float((order[~bad].sum() - num_good * (num_good + 1) / 2) / (num_good * num_bad))
