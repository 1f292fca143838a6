"""The fast evaluation and the plain loop give the same figures on random files."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from ifc_core.bench.evaluate import EvaluateBenchSettings, bench_evaluate
from ifc_core.bench.plain_evaluation import plain_evaluation
from ifc_core.evaluation.ytvis_ap import evaluate_files

SIZE = (300, 320)


def _masks(rng: random.Random, length: int, side: int) -> list[dict[str, object] | None]:
    x, y = rng.randrange(SIZE[1] - side), rng.randrange(SIZE[0] - side)
    masks: list[dict[str, object] | None] = []
    for _ in range(length):
        if rng.random() < 0.2:
            masks.append(None)
            continue
        array = np.zeros(SIZE, dtype=np.uint8, order="F")
        if rng.random() > 0.1:
            array[y : y + side, x : x + side] = 1
        x = min(max(0, x + rng.randrange(-3, 4)), SIZE[1] - side)
        coded = coco_mask.encode(array)
        masks.append({"size": list(SIZE), "counts": coded["counts"].decode()})
    return masks


def _jitter(
    rng: random.Random, masks: list[dict[str, object] | None]
) -> list[dict[str, object] | None]:
    shift = rng.choice((0, 0, 1, 4, 15))
    moved: list[dict[str, object] | None] = []
    for mask in masks:
        if mask is None or rng.random() < 0.1:
            moved.append(None)
        else:
            array = np.roll(coco_mask.decode(mask), shift, axis=1)
            coded = coco_mask.encode(np.asfortranarray(array))
            moved.append({"size": list(SIZE), "counts": coded["counts"].decode()})
    return moved


def _write(folder: Path, seed: int) -> tuple[Path, Path]:
    rng = random.Random(seed)
    videos, truth, results = [], [], []
    for video_id in (3, 1, 8):
        length = rng.randrange(1, 5)
        names = [f"{i}.jpg" for i in range(length)]
        size = {"height": SIZE[0], "width": SIZE[1]}
        videos.append({"id": video_id, **size, "length": length, "file_names": names})
        for _ in range(rng.randrange(0, 6)):
            masks = _masks(rng, length, rng.choice((20, 90, 128, 200, 270)))
            areas = [float(coco_mask.area(m)) if m else None for m in masks]
            category = rng.choice((1, 2, 5))
            truth.append(
                {
                    "id": len(truth) + rng.choice((0, 1)) * (not truth) + bool(truth),
                    "video_id": video_id,
                    "category_id": category,
                    "iscrowd": int(rng.random() < 0.2),
                    "segmentations": masks,
                    "areas": areas,
                }
            )
            for _ in range(rng.randrange(0, 4)):
                results.append(
                    {
                        "video_id": video_id,
                        "category_id": category if rng.random() < 0.8 else rng.choice((1, 2, 5)),
                        "score": rng.choice((0.1, 0.5, 0.5, rng.random())),
                        "segmentations": _jitter(rng, masks),
                    }
                )
    categories = [{"id": i, "name": str(i)} for i in (1, 2, 5)]
    gt, pred = folder / "gt.json", folder / "pred.json"
    gt.write_text(json.dumps({"videos": videos, "categories": categories, "annotations": truth}))
    pred.write_text(json.dumps(results))
    return gt, pred


@pytest.mark.parametrize("seed", range(12))
def test_figures_agree_on_random_files(seed: int, tmp_path: Path) -> None:
    gt, pred = _write(tmp_path, seed)
    plain = plain_evaluation(gt, pred)
    fast = evaluate_files(gt, pred)
    assert {name: fast[name] for name in plain} == pytest.approx(plain, abs=1e-9)


def test_the_bench_runs_and_its_figures_agree() -> None:
    figures = bench_evaluate(
        EvaluateBenchSettings(
            num_videos=2,
            num_results=12,
            num_truth=3,
            num_frames=4,
            num_categories=2,
            height=48,
            width=64,
            baseline_videos=1,
        )
    )
    assert figures["largest_difference"] < 1e-9
    assert figures["ratio"] > 0
