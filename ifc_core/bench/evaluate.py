"""How fast tracks are scored, against the published algorithm in the same process."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from ifc_core.bench.plain_evaluation import plain_evaluation
from ifc_core.evaluation.ytvis_ap import evaluate_files


@dataclass(frozen=True, slots=True)
class EvaluateBenchSettings:
    """Size of the synthetic task.

    Attributes:
        num_videos: Videos.
        num_results: Results a video.
        num_truth: Annotations a video.
        num_frames: Frames a video.
        num_categories: Classes.
        height: Pixels.
        width: Pixels.
        baseline_videos: Videos on which the slow loop is timed; its time is then scaled to
            all videos.
        seed: Of the random numbers.
    """

    num_videos: int = 400
    num_results: int = 100
    num_truth: int = 4
    num_frames: int = 20
    num_categories: int = 1
    height: int = 360
    width: int = 640
    baseline_videos: int = 8
    seed: int = 0


def bench_evaluate(settings: EvaluateBenchSettings = EvaluateBenchSettings()) -> dict[str, Any]:
    """Time :func:`evaluate_files` and the published algorithm on the same kind of task.

    Args:
        settings: Size of the task.

    Returns:
        Processor seconds of both, from the files on disk to the figures, and their ratio. Both
        run on one core, and other load on the machine disturbs processor seconds less. Also
        the largest difference of the figures that both give on the smaller task.
    """
    with TemporaryDirectory() as folder:
        gt, pred = _write_task(settings, Path(folder), settings.num_videos)
        start = time.process_time()
        evaluate_files(gt, pred)
        ours = time.process_time() - start
        small = Path(folder) / "small"
        small.mkdir()
        small_gt, small_pred = _write_task(settings, small, settings.baseline_videos)
        start = time.process_time()
        slow_figures = plain_evaluation(small_gt, small_pred)
        slow = time.process_time() - start
        figures = evaluate_files(small_gt, small_pred)
    scale = settings.num_videos / settings.baseline_videos
    return {
        "processor_seconds": ours,
        "baseline": "published algorithm: per pair, per frame mask operations in a Python loop",
        "baseline_processor_seconds": slow * scale,
        "baseline_measured_on_videos": settings.baseline_videos,
        "ratio": slow * scale / ours,
        "largest_difference": max(abs(figures[k] - v) for k, v in slow_figures.items()),
        "options": asdict(settings),
    }


def _write_task(
    settings: EvaluateBenchSettings, folder: Path, num_videos: int
) -> tuple[Path, Path]:
    """Ellipses that drift through each video, and results that shift them or are clutter."""
    rng = np.random.default_rng(settings.seed)
    pool = _pool(settings, rng)
    annotations, results = [], []
    for video in range(1, num_videos + 1):
        paths = rng.integers(0, len(pool), settings.num_truth)
        for path in paths.tolist():
            annotations.append(_record(settings, pool, path, video, rng))
            masks = annotations[-1]["segmentations"]
            areas = [float(coco_mask.area(m)) if m else None for m in masks]
            annotations[-1] |= {"id": len(annotations), "iscrowd": 0, "areas": areas}
        for number in range(settings.num_results):
            near = int(paths[number % len(paths)]) + int(rng.integers(-2, 3))
            path = near if number % 3 == 0 else int(rng.integers(0, len(pool)))
            results.append(_record(settings, pool, path % len(pool), video, rng))
            results[-1]["score"] = float(rng.random())
    names = [f"{frame:05d}.jpg" for frame in range(settings.num_frames)]
    size = {"height": settings.height, "width": settings.width, "length": settings.num_frames}
    videos = [{"id": v, **size, "file_names": names} for v in range(1, num_videos + 1)]
    classes = [{"id": c + 1, "name": f"class {c + 1}"} for c in range(settings.num_categories)]
    gt, pred = folder / "gt.json", folder / "pred.json"
    gt.write_text(json.dumps({"videos": videos, "categories": classes, "annotations": annotations}))
    pred.write_text(json.dumps(results))
    return gt, pred


def _pool(settings: EvaluateBenchSettings, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Masks along one long wandering path, so that neighbours overlap."""
    pool: list[dict[str, Any]] = []
    height, width = settings.height, settings.width
    phase = rng.random(4) * 6
    for step in range(400):
        t = step / 20
        center = (
            int(width * (0.5 + 0.35 * np.sin(t + phase[0]))),
            int(height * (0.5 + 0.35 * np.sin(1.7 * t + phase[1]))),
        )
        axes = (int(width * (0.1 + 0.05 * np.sin(2 * t))), int(height * 0.14))
        picture = np.zeros((height, width), dtype=np.uint8, order="C")
        cv2.ellipse(picture, center, axes, 40 * t, 0, 360, 1, -1)
        coded = coco_mask.encode(np.asfortranarray(picture))
        pool.append({"size": [height, width], "counts": coded["counts"].decode("ascii")})
    return pool


def _record(
    settings: EvaluateBenchSettings,
    pool: list[dict[str, Any]],
    path: int,
    video: int,
    rng: np.random.Generator,
) -> dict[str, Any]:
    masks: list[dict[str, Any] | None] = [
        pool[(path + frame) % len(pool)] for frame in range(settings.num_frames)
    ]
    if rng.random() < 0.3:
        for frame in rng.integers(0, settings.num_frames, settings.num_frames // 4).tolist():
            masks[frame] = None
    category = int(rng.integers(1, settings.num_categories + 1))
    return {"video_id": video, "category_id": category, "segmentations": masks}
