"""``ifc-studio bench pairs``: what each part of a correction is worth, and weights fitted anew.

A frame is corrected, or two with a gap between them, and the masks of frames at given distances are
judged. The weights that join the cues are fitted on what the cues said there, for each set of cues
on its own: by all objects, as a person would ship them, and by all other objects, which is what
they are worth on an object that nobody fitted them on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from ifc_core.bench.effort import (
    ArrayReader,
    EffortObject,
    EffortOptions,
    effort_objects,
    refuse_unknown,
)
from ifc_core.bench.machine import machine_facts
from ifc_core.errors import ConfigError
from ifc_core.evaluation.region_boundary import region_similarity
from ifc_core.inference.far_match import PixelFeatures
from ifc_core.inference.flow_chain import sample
from ifc_core.inference.flow_store import FlowStore
from ifc_core.inference.fusion import CUES, NETWORK_NEAR, PRIOR, Share, SideCues, Vector
from ifc_core.inference.patch import Patch
from ifc_core.inference.spread_frame import SpreadMask
from ifc_core.inference.track_spread import TrackSpreader
from ifc_core.jobs import JobContext

if TYPE_CHECKING:
    from ifc_core.models.ifc import IFC

FloatImage = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

NETWORK_CUES = ("far match x far", "features x far")
PARTS: Mapping[str, tuple[str, ...]] = {
    "without": NETWORK_CUES,
    "features": NETWORK_CUES[:1],
    "far match": NETWORK_CUES[1:],
    "network": (),
}
"""Cues that each set leaves out."""


class InUse(Enum):
    """Marks the weights that the program itself uses."""

    IN_USE = "in use"


IN_USE = InUse.IN_USE

_STORE_BYTES = 2 << 30
_ROWS_A_FRAME = 1500
_PENALTY = 2e-4
_REACH = 1000


@dataclass(frozen=True, slots=True)
class PairsOptions:
    """What is measured.

    Attributes:
        data: Folder with ``*_ytvis.json`` files and their clips, or ``None``.
        synthetic: Generated clips of each difficulty.
        objects: Only objects whose name holds one of these; all by default.
        distances: Frames from the one corrected frame.
        starts: Corrected frames of an object, each alone, spread evenly over its presence.
        gaps: Frames between two corrected frames; judged a quarter, half and three quarters of
            the way.
        max_frames: Frames of an object, from its first one; 0 for all.
        parts: Some of :data:`PARTS`.
        fit: Whether weights are fitted; else only those in use are judged.
        model: Whose early maps are compared.
        short_side: Working resolution.
    """

    data: Path | None = None
    synthetic: int = 0
    objects: tuple[str, ...] = ()
    distances: tuple[int, ...] = (1, 3, 6, 10, 15, 20)
    starts: int = 3
    gaps: tuple[int, ...] = (4, 8, 16)
    max_frames: int = 30
    parts: tuple[str, ...] = tuple(PARTS)
    fit: bool = True
    model: str = "default"
    short_side: int = 480

    def __post_init__(self) -> None:
        """Check the parts."""
        refuse_unknown("part", self.parts, tuple(PARTS))


@dataclass(frozen=True, slots=True)
class Case:
    """Corrected frames and the frames that are judged.

    Attributes:
        corrected: One or two frames.
        judged: Frame and the distance or gap that it counts for.
    """

    corrected: tuple[int, ...]
    judged: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Subject:
    """An object with what is kept of its clip between runs."""

    name: str
    truth: Mapping[int, Mask]
    cases: tuple[Case, ...]
    store: FlowStore
    features: PixelFeatures | None


@dataclass(slots=True)
class Evidence:
    """What the cues said around one object, and the truth there, one array a judged frame."""

    cues: list[FloatImage] = field(default_factory=list)
    truths: list[Mask] = field(default_factory=list)


def run_pairs(options: PairsOptions) -> dict[str, Any]:
    """Judge corrections by distance, with the weights in use and with weights fitted anew.

    Returns:
        ``rows``: for each name (``flow``, the parts with the weights in use where there are any,
        and each part ``fitted``, the object left out) the mean J at each distance, ``mean`` over
        distances, each gap as ``gap N``, ``gaps`` over those; ``weights`` of each part, fitted on
        all objects, in the order of ``cues``; ``objects``: mean J of each; ``seconds`` of the
        processor.

    Raises:
        ConfigError: There is no labelled object.
        FormatError: An annotation file breaks its format.
        VideoError: A clip cannot be read.
    """
    began = time.process_time()
    subjects = list(_subjects(options))
    if not subjects:
        raise ConfigError(
            "There is no labelled object to measure; give --data DIR or synthetic clips.",
            name="data",
            value=str(options.data),
        )
    found = {"flow": [judge(s, None, use_network=False) for s in subjects]}
    evidence = [Evidence() for _ in subjects]
    asks = bool(set(options.parts) - {"without"})
    for part in ("without", "network"):
        if part in options.parts or asks == (part == "network"):
            watched = evidence if asks == (part == "network") else [None] * len(subjects)
            found[part] = [
                judge(s, IN_USE, use_network=part == "network", evidence=e)
                for s, e in zip(subjects, watched, strict=True)
            ]
    weights: dict[str, list[float]] = {}
    for part in options.parts if options.fit else ():
        weights[part] = [round(float(w), 3) for w in fitted_weights(evidence, part)]
        found[f"{part}, fitted"] = [
            judge(s, fitted_weights(_others(evidence, i), part), use_network=part != "without")
            for i, s in enumerate(subjects)
        ]
    values = {name: getattr(options, name) for name in ("starts", "model", "short_side")}
    return {
        "machine": machine_facts(),
        "options": {**values, "data": None if options.data is None else options.data.name},
        "cues": list(CUES),
        "rows": {name: summary(judged) for name, judged in found.items()},
        "weights": weights,
        "objects": {
            name: {s.name: _mean(j.values()) for s, j in zip(subjects, judged, strict=True)}
            for name, judged in found.items()
        },
        "seconds": round(time.process_time() - began, 1),
    }


def judge(
    subject: Subject,
    weights: Vector | InUse | None,
    *,
    use_network: bool,
    evidence: Evidence | None = None,
) -> dict[tuple[int, int, str], float]:
    """J of all cases of an object.

    Args:
        subject: The object.
        weights: Of the fusion, :data:`IN_USE` for those of the program; ``None`` for flow alone.
        use_network: Whether early maps take part.
        evidence: Gets what the cues say of the judged frames.

    Returns:
        J by case, frame and what it counts for.
    """
    scores = {}
    for number, case in enumerate(subject.cases):
        spreader = TrackSpreader(
            subject.store,
            {f: subject.truth[f] for f in case.corrected},
            _REACH,
            JobContext(),
            looks=weights is not None,
            features=subject.features if use_network else None,
            prior=None if isinstance(weights, InUse) else weights,
        )
        if evidence is not None:
            spreader.watch = _Watcher(subject, case, evidence)
        frames = range(min(case.judged), max(case.judged) + 1)
        for result in spreader.run(frames):
            if result.frame_index in case.judged:
                key = (number, result.frame_index, case.judged[result.frame_index])
                scores[key] = _score(result, subject.truth[result.frame_index])
    return scores


@dataclass(frozen=True, slots=True)
class _Watcher:
    """Keeps the cues of judged frames."""

    subject: Subject
    case: Case
    evidence: Evidence

    def __call__(self, frame: int, patch: Patch, said: Sequence[tuple[Share, SideCues]]) -> None:
        if frame not in self.case.judged:
            return
        cues = np.sum([np.asarray(n)[..., None] * s.stacked() for n, s in said], axis=0)
        truth = self.subject.truth[frame]
        cells = patch.positions((int(truth.shape[0]), int(truth.shape[1])))
        inside = sample(truth.astype(np.float32), cells) > 0.5
        rows = np.unique(np.linspace(0, inside.size - 1, _ROWS_A_FRAME).astype(np.int64))
        self.evidence.cues.append(cues.reshape(-1, cues.shape[-1])[rows].astype(np.float32))
        self.evidence.truths.append(inside.reshape(-1)[rows])


def fitted_weights(evidence: Sequence[Evidence], part: str) -> Vector:
    """Weights of the fusion with the best mean J of soft masks, pulled towards those in use.

    A fit of single cells, the logistic one, says less where far frames cannot be told, and comes
    out worse on the masks.

    Args:
        evidence: Of the objects to fit on.
        part: One of :data:`PARTS`.

    Returns:
        One weight a cue, in the order of :data:`ifc_core.inference.fusion.CUES`; those of cues
        that the part leaves out are 0.
    """
    kept = [i for i, name in enumerate(CUES) if name not in PARTS[part]]
    start = (PRIOR if part == "without" else NETWORK_NEAR)[kept]
    frames = [
        (cues[:, kept].astype(np.float64), truth.astype(np.float64))
        for one in evidence
        for cues, truth in zip(one.cues, one.truths, strict=True)
    ]

    def loss(weights: Vector) -> tuple[float, Vector]:
        total, slope = 0.0, np.zeros_like(weights)
        for cues, truth in frames:
            overlap, change = _soft_overlap(cues, truth, weights)
            total, slope = total + 1 - overlap, slope - change
        pull = weights - start
        total = total / len(frames) + _PENALTY * float(pull @ pull)
        return total, slope / len(frames) + 2 * _PENALTY * pull

    fitted = np.zeros(len(CUES))
    fitted[kept] = start
    if frames:
        fitted[kept] = minimize(loss, start, jac=True, method="L-BFGS-B").x
    return fitted


def _soft_overlap(cues: Vector, truth: Vector, weights: Vector) -> tuple[float, Vector]:
    """J of soft masks, and how it changes with each weight."""
    probs = 1 / (1 + np.exp(-np.clip(cues @ weights, -30, 30)))
    shared = float(probs @ truth)
    union = float(probs.sum() + truth.sum() - shared) + 1e-6
    by_prob = (truth * union - shared * (1 - truth)) / union**2
    return shared / union, (by_prob * probs * (1 - probs)) @ cues


def summary(judged: Sequence[Mapping[tuple[int, int, str], float]]) -> dict[str, float]:
    """Mean J by distance and gap, and over either; every pair counts alike."""
    by_kind: dict[str, list[float]] = {}
    for scores in judged:
        for (_, _, kind), j in scores.items():
            by_kind.setdefault(kind, []).append(j)
    means = {kind: _mean(values) for kind, values in by_kind.items()}
    distances = [k for k in sorted(means, key=_number) if not k.startswith("gap")]
    gaps = [k for k in sorted(means, key=_number) if k.startswith("gap")]
    row = {kind: means[kind] for kind in distances}
    if distances:
        row["mean"] = _mean([means[k] for k in distances])
    row.update({kind: means[kind] for kind in gaps})
    if gaps:
        row["gaps"] = _mean([means[k] for k in gaps])
    return row


def cases_of(present: Sequence[int], options: PairsOptions) -> tuple[Case, ...]:
    """Corrected frames and judged ones of an object.

    Args:
        present: Frames that show the object, ascending.
        options: Distances, starts and gaps.
    """
    cases = []
    spots = np.unique(np.linspace(0, len(present) - 1, options.starts).astype(int))
    for start in (present[i] for i in spots):
        judged = {
            start + side * distance: str(distance)
            for distance in options.distances
            for side in (1, -1)
            if start + side * distance in present
        }
        cases.append(Case((start,), judged))
    for gap in options.gaps:
        for first in range(present[0], present[-1] - gap + 1, max(gap, 8)):
            inner = {first + round(gap * share) for share in (0.25, 0.5, 0.75)}
            ends = (first, first + gap)
            if inner | set(ends) <= set(present):
                cases.append(Case(ends, dict.fromkeys(sorted(inner - set(ends)), f"gap {gap}")))
    return tuple(case for case in cases if case.judged)


def _subjects(options: PairsOptions) -> Iterator[Subject]:
    chosen = EffortOptions(
        options.data,
        options.synthetic,
        objects=options.objects,
        max_frames=options.max_frames,
        model=options.model,
        short_side=options.short_side,
    )
    model = _model(options) if set(options.parts) - {"without"} else None
    for item in effort_objects(chosen):
        reader = ArrayReader(item.name, item.frames)
        present = [i for i, mask in enumerate(item.truth) if mask is not None]
        features = None
        if model is not None:
            from ifc_core.inference.clip_features import ClipFeatureCache
            from ifc_core.inference.settings import ProposeSettings

            features = ClipFeatureCache(model, reader, ProposeSettings(precision="fp32"))
        yield Subject(
            item.name,
            _truth(item),
            cases_of(present, options),
            FlowStore(reader, options.short_side, _STORE_BYTES),
            features,
        )


def _model(options: PairsOptions) -> IFC:
    from ifc_core.models.registry import load_model

    return load_model(options.model, device="cpu")


def _truth(item: EffortObject) -> dict[int, Mask]:
    return {f: rle.to_array() for f, rle in enumerate(item.truth) if rle is not None}


def _score(result: SpreadMask, truth: Mask) -> float:
    found = np.zeros_like(truth) if result.rle is None else result.rle.to_array()
    return region_similarity(found, truth)


def _others(evidence: Sequence[Evidence], left_out: int) -> list[Evidence]:
    """All but one object's; with one object alone, its own."""
    return [e for i, e in enumerate(evidence) if i != left_out] or list(evidence)


def _mean(values: Any) -> float:
    return round(float(np.mean(list(values))), 4)


def _number(kind: str) -> int:
    return int(kind.rsplit(" ", maxsplit=1)[-1])
