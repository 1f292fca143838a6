"""Average precision of tracks by the protocol of YouTube-VIS.

Source: the published evaluation code of YouTube-VIS (an extension of the COCO API). The rules
that are easy to miss:

- at most 100 results a video and class count, best scores first, ties in file order;
- crowd annotations are ignored: they may be matched by several results, by plain IoU;
- area ranges (128 and 256 pixels squared, both ends inclusive) go by the mean of a track's
  non-zero areas, for annotations taken from the ``areas`` field of the file;
- a result that matches nothing and lies outside the area range is ignored, not wrong;
- an annotation with id 0 never counts as found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ifc_core.evaluation.records import EvaluationSet, VideoRecords
from ifc_core.jobs import JobContext

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALL_POINTS = np.linspace(0.0, 1.0, 101)
MAX_DETECTIONS = (1, 10, 100)
AREA_RANGES: Mapping[str, tuple[float, float]] = {
    "all": (0.0, 1e10),
    "s": (0.0, 128.0**2),
    "m": (128.0**2, 256.0**2),
    "l": (256.0**2, 1e10),
}
METRICS = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")


@dataclass(frozen=True, slots=True)
class VideoMatches:
    """Matches of one class in one video within one area range; D results, G annotations.

    Attributes:
        scores: (D,) float64, descending.
        is_matched: (10, D) bool, found something (per IoU threshold).
        is_ignored: (10, D) bool, counts neither as right nor as wrong.
        num_truth: Annotations that count.
    """

    scores: npt.NDArray[np.float64]
    is_matched: npt.NDArray[np.bool_]
    is_ignored: npt.NDArray[np.bool_]
    num_truth: int


@dataclass(frozen=True, slots=True)
class EvaluationCurves:
    """What all figures are read from; -1 where there is nothing to find.

    Attributes:
        precision: (10, 101, K, 4, 3) by IoU threshold, recall point, class, area range,
            results allowed.
        recall: (10, K, 4, 3).
        category_ids: (K,) ascending.
    """

    precision: npt.NDArray[np.float64]
    recall: npt.NDArray[np.float64]
    category_ids: tuple[int, ...]


def evaluate_files(
    gt: Path | str, pred: Path | str, context: JobContext | None = None
) -> dict[str, Any]:
    """Score a result file against an annotation file.

    Args:
        gt: YouTube-VIS annotations.
        pred: YouTube-VIS results, ``[{video_id, category_id, score, segmentations}, ...]``.
        context: Told of the videos done; may cancel.

    Returns:
        The keys of :data:`METRICS`, -1 where undefined, and ``per_category``: a list with
        ``category_id``, ``name`` and the same keys.

    Raises:
        FormatError: A file breaks its format; the message names the record.
    """
    return evaluate_records(EvaluationSet.load(Path(gt), Path(pred)), context)


def evaluate_records(records: EvaluationSet, context: JobContext | None = None) -> dict[str, Any]:
    """Score results that were loaded already; see :func:`evaluate_files`."""
    curves = accumulate(records, context)
    summary: dict[str, Any] = summarize(curves, slice(None))
    summary["per_category"] = [
        {
            "category_id": category_id,
            "name": records.categories[category_id],
            **summarize(curves, [place]),
        }
        for place, category_id in enumerate(curves.category_ids)
    ]
    return summary


def accumulate(records: EvaluationSet, context: JobContext | None = None) -> EvaluationCurves:
    """Match all results and gather precision and recall.

    Args:
        records: Annotations and results.
        context: Told of the videos done; may cancel.

    Returns:
        The curves.

    Raises:
        FormatError: A mask of a record is broken.
    """
    category_ids = tuple(sorted(records.categories))
    matches: dict[tuple[int, str], list[VideoMatches]] = {}
    for done, video in enumerate(records.videos):
        for category_id, area_name, found in _match_video(video):
            matches.setdefault((category_id, area_name), []).append(found)
        if context is not None:
            context.advance(done + 1, len(records.videos), "Matching", "videos")
    shape = (len(category_ids), len(AREA_RANGES), len(MAX_DETECTIONS))
    precision = -np.ones((len(IOU_THRESHOLDS), len(RECALL_POINTS), *shape))
    recall = -np.ones((len(IOU_THRESHOLDS), *shape))
    for k, category_id in enumerate(category_ids):
        for a, area_name in enumerate(AREA_RANGES):
            videos = matches.get((category_id, area_name), [])
            num_truth = sum(video.num_truth for video in videos)
            if num_truth:
                for m, limit in enumerate(MAX_DETECTIONS):
                    curve, reached = _curve(videos, limit, num_truth)
                    precision[:, :, k, a, m], recall[:, k, a, m] = curve, reached
    return EvaluationCurves(precision, recall, category_ids)


def summarize(curves: EvaluationCurves, categories: slice | Sequence[int]) -> dict[str, float]:
    """The twelve figures over some classes.

    Args:
        curves: From :func:`accumulate`.
        categories: Places of the classes in ``curves.category_ids``.

    Returns:
        The keys of :data:`METRICS`, -1 where undefined.
    """
    precision = curves.precision[:, :, categories]
    recall = curves.recall[:, categories]
    half, three_quarters = (int(np.argmin(np.abs(IOU_THRESHOLDS - t))) for t in (0.5, 0.75))
    figures = {
        "AP": _mean(precision[..., 0, 2]),
        "AP50": _mean(precision[half, ..., 0, 2]),
        "AP75": _mean(precision[three_quarters, ..., 0, 2]),
    }
    figures |= {f"AP{n}": _mean(precision[..., i, 2]) for i, n in ((1, "s"), (2, "m"), (3, "l"))}
    figures |= {f"AR{n}": _mean(recall[..., 0, m]) for m, n in enumerate(MAX_DETECTIONS)}
    figures |= {f"AR{n}": _mean(recall[..., i, 2]) for i, n in ((1, "s"), (2, "m"), (3, "l"))}
    return figures


def _mean(values: npt.NDArray[np.float64]) -> float:
    defined = values[values > -1]
    return float(defined.mean()) if defined.size else -1.0


def _match_video(video: VideoRecords) -> Iterator[tuple[int, str, VideoMatches]]:
    """Match the results of each class in each area range."""
    for category_id, (results, truth) in video.by_category().items():
        best = np.argsort([-result.score for result in results], kind="stable")
        found = [results[place] for place in best[: MAX_DETECTIONS[-1]]]
        overlap = video.compare(found, truth, float(IOU_THRESHOLDS[0]))
        truth_areas = _mean_areas(overlap.truth_areas)
        for place, annotation in enumerate(truth):
            if annotation.area is not None:
                truth_areas[place] = annotation.area
        found_areas = _mean_areas(overlap.found_areas)
        scores = np.array([result.score for result in found], dtype=np.float64)
        crowd = np.array([annotation.is_crowd for annotation in truth], dtype=bool)
        ids = np.array([annotation.id for annotation in truth], dtype=np.int64)
        ious = overlap.ious
        known: dict[bytes, tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]] = {}
        for name, (least, most) in AREA_RANGES.items():
            skipped = crowd | (truth_areas < least) | (truth_areas > most)
            key = skipped.tobytes()
            if key not in known:
                known[key] = _match(ious, skipped, crowd, ids)
            matched, ignored = known[key]
            ignored = ignored | (~matched & ((found_areas < least) | (found_areas > most)))
            num_truth = int(np.count_nonzero(~skipped))
            yield category_id, name, VideoMatches(scores, matched, ignored, num_truth)


def _mean_areas(areas: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """(D,) mean of the non-zero areas of each track, 0 where it has none."""
    counts = np.count_nonzero(areas, axis=1)
    means: npt.NDArray[np.float64] = np.zeros(len(areas))
    np.divide(areas.sum(1), counts, out=means, where=counts > 0)
    return means


def _match(
    ious: npt.NDArray[np.float64],
    is_ignored: npt.NDArray[np.bool_],
    is_crowd: npt.NDArray[np.bool_],
    ids: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Greedy assignment, best result first.

    Args:
        ious: (D, G), results by descending score.
        is_ignored: (G,) annotations that do not count.
        is_crowd: (G,) annotations that any number of results may match.
        ids: (G,) ids of the annotations.

    Returns:
        (10, D) matched and (10, D) ignored.
    """
    num_results, num_truth = ious.shape
    matched = np.zeros((len(IOU_THRESHOLDS), num_results), dtype=bool)
    ignored = np.zeros_like(matched)
    if num_truth == 0 or num_results == 0:
        return matched, ignored
    least = np.minimum(IOU_THRESHOLDS, 1 - 1e-10)
    if not is_crowd.any() and ((ious >= least[0]).sum(1) <= 1).all():
        # No result can choose, so each annotation goes to its first result that is good enough.
        is_enough = ious >= least[:, None, None]  # (10, D, G)
        levels, places = np.nonzero(is_enough.any(axis=1))
        firsts = is_enough.argmax(axis=1)[levels, places]
        matched[levels, firsts], ignored[levels, firsts] = ids[places] != 0, is_ignored[places]
        return matched, ignored
    order = np.argsort(is_ignored, kind="stable")
    rows = ious[:, order].tolist()
    skip, crowd, counts = is_ignored[order].tolist(), is_crowd[order].tolist(), (ids[order] != 0)
    most = ious.max(1)
    for t, threshold in enumerate(IOU_THRESHOLDS.tolist()):
        taken = [False] * num_truth
        for result in np.flatnonzero(most >= min(threshold, 1 - 1e-10)).tolist():
            place = _best_annotation(rows[result], threshold, taken, skip, crowd)
            if place >= 0:
                taken[place] = True
                ignored[t, result] = skip[place]
                matched[t, result] = counts[place]
    return matched, ignored


def _best_annotation(
    row: list[float], threshold: float, taken: list[bool], skip: list[bool], crowd: list[bool]
) -> int:
    """The annotation that a result takes, or -1; those that count come first in the lists."""
    least, best = min(threshold, 1 - 1e-10), -1
    for place, iou in enumerate(row):
        if taken[place] and not crowd[place]:
            continue
        if best > -1 and not skip[best] and skip[place]:
            break
        if iou < least:
            continue
        least, best = iou, place
    return best


def _curve(
    videos: list[VideoMatches], limit: int, num_truth: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(10, 101) precision at the recall points, and (10,) recall reached."""
    scores = np.concatenate([video.scores[:limit] for video in videos])
    order = np.argsort(-scores, kind="stable")
    matched = np.concatenate([video.is_matched[:, :limit] for video in videos], axis=1)[:, order]
    ignored = np.concatenate([video.is_ignored[:, :limit] for video in videos], axis=1)[:, order]
    right = np.cumsum(matched & ~ignored, axis=1).astype(np.float64)
    wrong = np.cumsum(~matched & ~ignored, axis=1).astype(np.float64)
    points = np.zeros((len(IOU_THRESHOLDS), len(RECALL_POINTS)))
    if not len(order):
        return points, np.zeros(len(IOU_THRESHOLDS))
    recalls = right / num_truth
    precisions = right / (wrong + right + np.spacing(1))
    precisions = np.maximum.accumulate(precisions[:, ::-1], axis=1)[:, ::-1]
    for t in range(len(IOU_THRESHOLDS)):
        places = np.searchsorted(recalls[t], RECALL_POINTS, side="left")
        inside = places < len(order)
        points[t, inside] = precisions[t, places[inside]]
    return points, recalls[:, -1]
