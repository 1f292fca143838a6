"""All twelve figures of the YouTube-VIS protocol against a plain loop written apart from ours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from ifc_core.evaluation.records import EvaluationSet
from ifc_core.evaluation.ytvis_ap import METRICS, evaluate_records
from ifc_core.io.ytvis import YtvisTrack, YtvisVideo
from ifc_core.structures import RLEMask

SIZE, LENGTH = (300, 300), 3
THRESHOLDS = tuple(np.linspace(0.5, 0.95, 10))  # as the protocol has them, to the last bit
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
    videos: list[tuple[list[YtvisTrack], list[YtvisTrack]]],
    span: tuple[float, float],
    limit: int,
    thresholds: Sequence[float] = THRESHOLDS,
) -> tuple[float, float]:
    """Mean over classes and thresholds of precision and of recall, -1 where undefined."""
    precisions, recalls = [], []
    for category in (1, 2, 3):
        for least in thresholds:
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


def _square(
    number: int, score: float | None, x: int, side: int = 20, *, crowd: bool = False
) -> YtvisTrack:
    array = np.zeros(SIZE, dtype=bool)
    array[10 : 10 + side, x : x + 20] = True
    masks = (RLEMask.from_array(array),) * LENGTH
    return YtvisTrack(number, 1, 1, masks, score=score, is_crowd=crowd)


def _check(truth: list[YtvisTrack], found: list[YtvisTrack]) -> dict[str, float]:
    """All twelve figures of both, and those of ours."""
    names = tuple(f"{i}.jpg" for i in range(LENGTH))
    videos = [YtvisVideo(v, *SIZE, LENGTH, names) for v in (1, 2, 3)]
    ours = evaluate_records(EvaluationSet.build(videos, {1: "a", 2: "b", 3: "c"}, truth, found))
    split = [
        ([t for t in found if t.video_id == v.id], [t for t in truth if t.video_id == v.id])
        for v in videos
    ]
    wanted: dict[str, float] = {}
    for name, span in RANGES.items():
        wanted[f"AP{name}"], wanted[f"AR{name or 100}"] = _figures(split, span, 100)
    for name, place in (("AP50", 0), ("AP75", 5)):
        wanted[name] = _figures(split, RANGES[""], 100, THRESHOLDS[place : place + 1])[0]
    for limit in (1, 10):
        wanted[f"AR{limit}"] = _figures(split, RANGES[""], limit)[1]
    assert wanted.keys() == set(METRICS)
    assert {name: ours[name] for name in METRICS} == pytest.approx(wanted, abs=1e-9)
    return wanted


@pytest.mark.parametrize("seed", range(6))
def test_all_figures_are_those_of_the_plain_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = [_track(rng, i + 1, int(rng.integers(1, 4)), True) for i in range(7)]
    found = [_track(rng, i + 1, int(rng.integers(1, 3)), False) for i in range(24)]
    _check(truth, found)


def test_the_results_allowed_are_counted_by_video_and_class() -> None:
    """Twelve objects side by side, each found: ten results bring ten of them, one brings one."""
    truth = [_square(i + 1, None, 4 + 24 * i) for i in range(12)]
    found = [_square(i + 1, 0.9 - 0.01 * i, 4 + 24 * i, 20 - 3 * (i % 3)) for i in range(12)]
    figures = _check(truth, found)
    assert figures["AR1"] < figures["AR10"] < figures["AR100"]
    assert figures["AP75"] < figures["AP50"]


def test_a_crowd_takes_any_number_of_results() -> None:
    """Four results on one crowd, all surer than the one on the object, are none of them wrong."""
    truth = [_square(1, None, 10, crowd=True), _square(2, None, 100)]
    found = [_square(i + 1, 0.9 - 0.1 * i, 10) for i in range(4)] + [_square(9, 0.2, 100)]
    figures = _check(truth, found)
    assert figures["AP"] == figures["AP50"] == figures["AR100"] == figures["AR10"] == 1.0
    assert figures["AR1"] == 0.0
