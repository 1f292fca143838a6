"""``ifc-studio bench reidentify``: how surely objects are known again after an absence.

In generated clips everything goes out of sight for a while: the first and the last frames are
seen, those between are not. Half of the objects of the first part are forgotten (once every
other, then the rest), so that there are objects in the last part that nobody has seen before.
What the tracker's option would join is then right or wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment

from ifc_core.bench.machine import machine_facts
from ifc_core.data.synthetic import ClipSpec, Difficulty, render_clip
from ifc_core.models.ifc import IFC
from ifc_core.models.registry import load_model
from ifc_core.tracking.reidentification import COSINE_THRESHOLD, Reidentifier

THRESHOLDS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.975)
_LEAST_IOU = 0.5  # a prediction that covers an object less is not taken for it


@dataclass(frozen=True, slots=True)
class ReidentifyOptions:
    """What is measured.

    Attributes:
        model: Name or file of the weights.
        clips: Generated clips.
        away: Frames out of sight.
        height: Of the clips in pixels.
        width: Of the clips in pixels.
        device: ``cpu``, ``cuda`` or ``mps``.
    """

    model: str = "default"
    clips: int = 40
    away: int = 15
    height: int = 144
    width: int = 256
    device: str = "cpu"


@dataclass(frozen=True, slots=True)
class Absence:
    """One clip before and after an absence.

    Attributes:
        before: Object -> (C,) its mask weight before.
        after: Object -> (C,) its mask weight after.
    """

    before: dict[int, torch.Tensor]
    after: dict[int, torch.Tensor]


def run_reidentify(options: ReidentifyOptions) -> dict[str, Any]:
    """Measure.

    Returns:
        ``thresholds``: a row each with ``precision`` (of what is joined) and ``recall`` (of what
        comes back), and ``cosines`` of the same and of other objects.
    """
    model = load_model(options.model, options.device)
    absences = list(_absences(model, options))
    return {
        "machine": machine_facts(),
        "options": asdict(options),
        "in_use": COSINE_THRESHOLD,
        "thresholds": [joined(absences, threshold) for threshold in THRESHOLDS],
        "cosines": cosines(absences),
    }


def joined(absences: Sequence[Absence], threshold: float) -> dict[str, Any]:
    """What the tracker's option joins at a threshold."""
    right = wrong = coming_back = 0
    for absence, first in product(absences, (0, 1)):
        known = sorted(absence.before)[first::2]  # the others were never seen
        rows = sorted(absence.after)
        coming_back += len(set(known) & set(rows))
        if not known or not rows:
            continue
        memory = Reidentifier(threshold)
        memory.observe(known, torch.stack([absence.before[i] for i in known]), 0)
        weights = torch.stack([absence.after[i] for i in rows])
        same_class = dict.fromkeys(known, 0)
        for row, identity in memory.recognise(weights, [0] * len(rows), same_class, 1).items():
            right += rows[row] == identity
            wrong += rows[row] != identity
    return {
        "threshold": threshold,
        "precision": right / (right + wrong) if right + wrong else None,
        "recall": right / coming_back if coming_back else None,
        "joined": right + wrong,
        "coming_back": coming_back,
    }


def cosines(absences: Sequence[Absence]) -> dict[str, dict[str, float]]:
    """Tenth, middle and ninetieth percentile of the cosines of the same and of other objects."""
    found: dict[str, list[float]] = {"same": [], "other": []}
    for absence in absences:
        for i, before in absence.before.items():
            for j, after in absence.after.items():
                cosine = float(F.cosine_similarity(before, after, dim=0))
                found["same" if i == j else "other"].append(cosine)
    return {
        name: {f"p{p}": float(np.percentile(values, p)) for p in (10, 50, 90)}
        for name, values in found.items()
        if values
    }


def _absences(model: IFC, options: ReidentifyOptions) -> Iterator[Absence]:
    length = 5
    for seed in range(options.clips):
        difficulty: Difficulty = "medium" if seed % 2 else "easy"
        num_frames = 2 * length + options.away
        spec = ClipSpec(
            options.height, options.width, num_frames, difficulty, max_objects=8, frame_gap=1.0
        )
        clip = render_clip(5000 + seed, spec)
        parts = (slice(0, length), slice(num_frames - length, num_frames))
        yield Absence(*(_seen(model, clip.frames[p], clip.masks[:, p]) for p in parts))


def _seen(
    model: IFC, frames: npt.NDArray[np.uint8], masks: npt.NDArray[np.bool_]
) -> dict[int, torch.Tensor]:
    """Object -> mask weight of the prediction that covers it, where one does."""
    out = model.predict_clip(frames)
    probs = torch.from_numpy(out.class_logits).softmax(-1)
    rows = (probs.argmax(-1) != probs.shape[-1] - 1).nonzero()[:, 0].numpy()
    if not len(rows) or not len(masks):
        return {}
    found = (out.mask_logits[rows] > 0).reshape(len(rows), -1).astype(np.float32)
    size = out.mask_logits.shape[-2:]
    small = F.interpolate(torch.from_numpy(masks).float(), size=size, mode="area") >= 0.5
    true = small.reshape(len(masks), -1).numpy().astype(np.float32)
    common = true @ found.T
    ious = common / np.maximum(true.sum(1)[:, None] + found.sum(1)[None] - common, 1)
    pairs = zip(*linear_sum_assignment(ious, maximize=True), strict=True)
    return {
        int(i): torch.from_numpy(out.mask_weights[rows[n]])
        for i, n in pairs
        if ious[i, n] >= _LEAST_IOU
    }
