"""The YouTube-VIS protocol done the plain way: one pair, one frame, one mask at a time.

This is the algorithm of the published evaluation, in our words: the yardstick of
``ifc-studio bench evaluate``, and what the tests hold the fast one to.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask

_THRESHOLDS = np.linspace(0.5, 0.95, 10)
_RECALLS = np.linspace(0.0, 1.0, 101)
_RANGES = ((0.0, 1e10), (0.0, 128.0**2), (128.0**2, 256.0**2), (256.0**2, 1e10))
_MOST = 100
_Record = dict[str, Any]


def plain_evaluation(gt: Path, pred: Path) -> dict[str, float]:
    """Score sound files; nothing is checked.

    Source: the published YouTube-VIS evaluation.

    Args:
        gt: Annotation file with areas.
        pred: Result file.

    Returns:
        ``AP`` (mean over classes), ``APs``, ``APm``, ``APl`` and ``AR100``.
    """
    truth = json.loads(gt.read_text(encoding="utf-8"))
    results = json.loads(pred.read_text(encoding="utf-8"))
    for number, result in enumerate(results, start=1):
        masks = result["segmentations"]
        result["areas"] = [float(coco_mask.area(m)) if m else None for m in masks]
        result["bboxes"] = [coco_mask.toBbox(m) if m else None for m in masks]
        result["id"] = number
    for record in (*truth["annotations"], *results):
        present = [area for area in record["areas"] if area]
        record["mean_area"] = float(np.mean(present)) if present else 0.0
    video_ids = sorted(video["id"] for video in truth["videos"])
    category_ids = sorted(category["id"] for category in truth["categories"])
    wanted, found = _group(truth["annotations"]), _group(results)
    precision = -np.ones((len(_THRESHOLDS), len(_RECALLS), len(category_ids), len(_RANGES)))
    recall = -np.ones((len(_THRESHOLDS), len(category_ids)))
    for k, category_id in enumerate(category_ids):
        pairs = [
            (found.get((v, category_id), []), wanted.get((v, category_id), [])) for v in video_ids
        ]
        ious = [_ious(_best(results), annotations) for results, annotations in pairs]
        for a, limits in enumerate(_RANGES):
            judged = [
                _judge(_best(results), annotations, table, limits)
                for (results, annotations), table in zip(pairs, ious, strict=True)
                if results or annotations
            ]
            _fill(judged, precision[:, :, k, a], recall[:, k] if a == 0 else None)
    figures = {name: _mean(precision[..., a]) for a, name in enumerate(("AP", "APs", "APm", "APl"))}
    return figures | {"AR100": _mean(recall)}


def _group(records: Sequence[_Record]) -> dict[tuple[int, int], list[_Record]]:
    groups: dict[tuple[int, int], list[_Record]] = {}
    for record in records:
        groups.setdefault((record["video_id"], record["category_id"]), []).append(record)
    return groups


def _best(results: Sequence[_Record]) -> list[_Record]:
    order = np.argsort([-result["score"] for result in results], kind="stable")
    return [results[place] for place in order[:_MOST]]


def _ious(found: Sequence[_Record], wanted: Sequence[_Record]) -> npt.NDArray[np.float64]:
    ious = np.zeros((len(found), len(wanted)))
    for d, result in enumerate(found):
        for g, annotation in enumerate(wanted):
            ious[d, g] = _sequence_iou(result["segmentations"], annotation["segmentations"])
    return ious


def _sequence_iou(
    found: Sequence[Mapping[str, Any] | None], wanted: Sequence[Mapping[str, Any] | None]
) -> float:
    common = united = 0.0
    for d, g in zip(found, wanted, strict=True):
        if d and g:
            common += coco_mask.area(coco_mask.merge([d, g], True))
            united += coco_mask.area(coco_mask.merge([d, g], False))
        elif d:
            united += coco_mask.area(d)
        elif g:
            united += coco_mask.area(g)
    return common / united if united > 0 else 0.0


_Judged = tuple[list[float], npt.NDArray[np.int64], npt.NDArray[np.bool_], int]


def _judge(
    found: Sequence[_Record],
    wanted: Sequence[_Record],
    ious: npt.NDArray[np.float64],
    limits: tuple[float, float],
) -> _Judged:
    """Scores, matched annotation ids (10, D), ignored (10, D), and annotations that count."""
    skipped = [
        bool(g.get("iscrowd")) or not limits[0] <= g["mean_area"] <= limits[1] for g in wanted
    ]
    order = np.argsort(skipped, kind="stable")
    taken = np.zeros((len(_THRESHOLDS), len(wanted)))
    matched = np.zeros((len(_THRESHOLDS), len(found)), dtype=np.int64)
    ignored = np.zeros((len(_THRESHOLDS), len(found)), dtype=bool)
    for t, threshold in enumerate(_THRESHOLDS):
        for d, result in enumerate(found):
            least, best = min(float(threshold), 1 - 1e-10), -1
            for g in order:
                if taken[t, g] > 0 and not wanted[g].get("iscrowd"):
                    continue
                if best > -1 and not skipped[best] and skipped[g]:
                    break
                if ious[d, g] >= least:
                    least, best = ious[d, g], int(g)
            if best > -1:
                taken[t, best] = result["id"]
                matched[t, d] = wanted[best]["id"]
                ignored[t, d] = skipped[best]
    for d, result in enumerate(found):
        if not limits[0] <= result["mean_area"] <= limits[1]:
            ignored[:, d] |= matched[:, d] == 0
    return [result["score"] for result in found], matched, ignored, len(wanted) - sum(skipped)


def _fill(
    judged: Sequence[_Judged],
    precision: npt.NDArray[np.float64],
    recall: npt.NDArray[np.float64] | None,
) -> None:
    """Write one class's curve into its place."""
    num_truth = sum(count for *_, count in judged)
    if not num_truth:
        return
    scores = np.concatenate([scores for scores, *_ in judged])
    order = np.argsort(-scores, kind="stable")
    matched = np.concatenate([m for _, m, _, _ in judged], axis=1)[:, order]
    ignored = np.concatenate([i for _, _, i, _ in judged], axis=1)[:, order]
    for t in range(len(_THRESHOLDS)):
        keep = ~ignored[t]
        right = np.cumsum((matched[t] > 0) & keep)
        wrong = np.cumsum((matched[t] == 0) & keep)
        curve = right / np.maximum(right + wrong, np.spacing(1))
        for place in range(len(curve) - 1, 0, -1):
            curve[place - 1] = max(curve[place - 1], curve[place])
        reached = right / num_truth
        for r, point in enumerate(_RECALLS):
            place = int(np.searchsorted(reached, point, side="left"))
            precision[t, r] = curve[place] if place < len(curve) else 0.0
        if recall is not None:
            recall[t] = reached[-1] if len(reached) else 0.0


def _mean(values: npt.NDArray[np.float64]) -> float:
    known = values[values > -1]
    return float(known.mean()) if known.size else -1.0
