"""All twelve figures of the YouTube-VIS protocol against a plain loop written apart from ours."""

from __future__ import annotations

import numpy as np
import pytest

from ifc_core.evaluation.records import EvaluationSet
from ifc_core.evaluation.ytvis_ap import evaluate_records
from ifc_core.io.ytvis import YtvisTrack, YtvisVideo
from ifc_core.structures import RLEMask

SIZE, LENGTH = (300, 300), 3
RANGES = {"": (0.0, 1e10), "s": (0.0, 128.0**2), "m": (128.0**2, 256.0**2), "l": (256.0**2, 1e10)}


def _iou(found: YtvisTrack, wanted: YtvisTrack) -> float:
    a, b = (
        np.stack([np.zeros(SIZE, bool) if m is None else m.to_array() for m in t.segmentations])
        for t in (found, wanted)
    )
    return float((a & b).sum() / max((a | b).sum(), 1))


def _area(track: YtvisTrack) -> float:
    areas = [m.area for m in track.segmentations if m is not None and m.area]
    return float(np.mean(areas)) if areas else 0.0


def _pairs(
    found: list[YtvisTrack], wanted: list[YtvisTrack], span: tuple[float, float], least: float
) -> tuple[list[tuple[float, bool, bool]], int]:
    """(score, is right, is ignored) of the results of a video and class, and what is to find."""
    skipped = [w.is_crowd or not span[0] <= _area(w) <= span[1] for w in wanted]
    order = sorted(range(len(wanted)), key=lambda g: skipped[g])
    taken: set[int] = set()
    rows = []
    for result in sorted(found, key=lambda f: -(f.score or 0.0))[:100]:
        best, reached = -1, min(least, 1 - 1e-10)
        for g in order:
            if g in taken and not wanted[g].is_crowd:
                continue
            if best >= 0 and not skipped[best] and skipped[g]:
                break
            iou = _iou(result, wanted[g])
            if iou >= reached:
                best, reached = g, iou
        taken.add(best)
        outside = not span[0] <= _area(result) <= span[1]
        ignored = bool(skipped[best]) if best >= 0 else outside
        rows.append((result.score or 0.0, best >= 0, ignored))
    return rows, skipped.count(False)


def _figures(
    videos: list[tuple[list[YtvisTrack], list[YtvisTrack]]], span: tuple[float, float], limit: int
) -> tuple[float, float]:
    """Mean over classes and thresholds of precision and of recall, -1 where undefined."""
    precisions, recalls = [], []
    for category in (1, 2, 3):
        for least in np.linspace(0.5, 0.95, 10):
            rows: list[tuple[float, bool, bool]] = []
            total = 0
            for found, wanted in videos:
                of = [[t for t in ts if t.category_id == category] for ts in (found, wanted)]
                some, number = _pairs(of[0], of[1], span, float(least))
                rows, total = rows + some[:limit], total + number
            if not total:
                continue
            right, curve = 0, []
            kept = [r for r in sorted(rows, key=lambda r: -r[0]) if not r[2]]
            for number, row in enumerate(kept, 1):
                right += row[1]
                curve.append((right / total, right / number))
            recalls.append(right / total)
            points = np.linspace(0.0, 1.0, 101)
            precisions.append(
                np.mean([max((p for r, p in curve if r >= x), default=0.0) for x in points])
            )
    return (float(np.mean(precisions)), float(np.mean(recalls))) if recalls else (-1.0, -1.0)


def _track(rng: np.random.Generator, number: int, video: int, is_truth: bool) -> YtvisTrack:
    masks: list[RLEMask | None] = []
    x, y = rng.integers(0, 40, 2)
    side = int(rng.choice([30, 127, 128, 129, 255, 256, 257]))
    for _ in range(LENGTH):
        array = np.zeros(SIZE, dtype=bool)
        array[y : y + side, x : x + side + int(rng.integers(0, 3))] = rng.random() < 0.9
        masks.append(None if rng.random() < 0.2 else RLEMask.from_array(array))
    crowd = is_truth and bool(rng.random() < 0.4)
    category = int(rng.choice([1, 2] if is_truth else [1, 2, 3]))
    score = None if is_truth else float(rng.choice([0.2, 0.5, 0.5, 0.9]))
    return YtvisTrack(number, video, category, tuple(masks), score=score, is_crowd=crowd)


@pytest.mark.parametrize("seed", range(6))
def test_all_figures_are_those_of_the_plain_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = tuple(f"{i}.jpg" for i in range(LENGTH))
    videos = [YtvisVideo(v, *SIZE, LENGTH, names) for v in (1, 2, 3)]
    truth = [_track(rng, i + 1, int(rng.integers(1, 4)), True) for i in range(7)]
    found = [_track(rng, i + 1, int(rng.integers(1, 3)), False) for i in range(24)]
    ours = evaluate_records(EvaluationSet.build(videos, {1: "a", 2: "b", 3: "c"}, truth, found))
    split = [
        ([t for t in found if t.video_id == v.id], [t for t in truth if t.video_id == v.id])
        for v in videos
    ]
    for name, span in RANGES.items():
        precision, recall = _figures(split, span, 100)
        assert ours[f"AP{name}"] == pytest.approx(precision, abs=1e-9)
        assert ours[f"AR{name or 100}"] == pytest.approx(recall, abs=1e-9)
    assert ours["AR1"] == pytest.approx(_figures(split, RANGES[""], 1)[1], abs=1e-9)
