"""``ifc-studio bench infer``: frames per second by stage against the plain way."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ifc_core.bench.infer_gpu import GpuBench
from ifc_core.bench.machine import in_own_process, machine_facts, peak_memory_bytes
from ifc_core.bench.plain_baseline import Stopwatch, run_plain
from ifc_core.inference.clip_plan import WindowStream
from ifc_core.inference.clip_runner import CachedFrame, ClipRunner
from ifc_core.inference.fast_model import choose_dtype, fast_model
from ifc_core.inference.mask_output import encode_logits
from ifc_core.inference.predictor import predict_video
from ifc_core.inference.settings import ProposeSettings
from ifc_core.models.config import IFCConfig
from ifc_core.models.ifc import IFC
from ifc_core.models.registry import load_model
from ifc_core.tracking.video_tracker import VideoTracker

PAPER_SWEEP = ((5, 1), (5, 3), (10, 5), (15, 8), (20, 10))
"""(T, S) of the paper's Table 2(d)."""


@dataclass(frozen=True, slots=True)
class InferOptions:
    """What is measured.

    Attributes:
        model: Name or file of weights; ``seeded-resnet50`` (or 18, 34, 101) for random ones
            whose no-object bias lets ``instances`` queries survive.
        height: Of the network's input in pixels.
        width: Of the network's input in pixels.
        num_frames: V.
        clip_length: T.
        clip_stride: S.
        instances: Survivors a clip with seeded weights.
        precisions: What to measure of ours.
        device: ``cpu`` or ``cuda``.
        threads: Threads of torch; 0 leaves its default.
        baseline: Whether to run the plain way too.
        sweep: Also measure the (T, S) pairs of the paper's Table 2(d), precision ``auto``.
        file_frames: On a GPU: frames of the file that is made and proposed on, end to end.
        parts: On a GPU: what to measure, of ``model``, ``file``, ``kernels``, ``stages``,
            ``agreement``, ``plain``, ``backbones``; all by default.
    """

    model: str = "seeded-resnet50"
    height: int = 360
    width: int = 640
    num_frames: int = 36
    clip_length: int = 5
    clip_stride: int = 1
    instances: int = 13
    precisions: tuple[str, ...] = ("fp32", "auto")
    device: str = "cpu"
    threads: int = 0
    baseline: bool = True
    sweep: bool = False
    file_frames: int = 3000
    parts: tuple[str, ...] = ()


def run_infer(options: InferOptions) -> dict[str, Any]:
    """Measure, each variant in its own process.

    Returns:
        ``machine``, ``options``, ``baseline`` and ``ours`` (by precision), each with seconds by
        stage, frames per second and peak memory; ``ratio`` of frames per second to the baseline,
        and the same of processor seconds; with ``sweep``, a row for each pair. On a GPU the
        parts of ``GpuBench``, in this process.
    """
    figures: dict[str, Any] = {"machine": machine_facts(), "options": asdict(options)}
    if options.device.startswith("cuda"):
        return figures | GpuBench(*prepare(options), options).run()
    if options.baseline:
        figures["baseline"] = in_own_process(measure_plain, options)
    figures["ours"] = {p: in_own_process(measure_ours, options, p) for p in options.precisions}
    if options.baseline:
        plain = figures["baseline"]["frames_per_second"]
        figures["ratio"] = {
            p: found["frames_per_second"] / plain for p, found in figures["ours"].items()
        }
        # On a busy machine processor time says more than the clock on the wall.
        figures["ratio_of_cpu_seconds"] = {
            p: figures["baseline"]["cpu_seconds"] / found["cpu_seconds"]
            for p, found in figures["ours"].items()
        }
        figures["same_number_of_instances"] = {
            p: found["num_instances"] == figures["baseline"]["num_instances"]
            for p, found in figures["ours"].items()
        }
    if options.sweep:
        figures["sweep"] = run_sweep(options)
    return figures


def run_sweep(
    options: InferOptions, pairs: tuple[tuple[int, int], ...] = PAPER_SWEEP
) -> list[dict[str, Any]]:
    """Frames per second of ours for the (T, S) pairs of the paper's Table 2(d)."""
    rows = []
    for clip_length, clip_stride in pairs:
        values = asdict(options) | {
            "clip_length": clip_length,
            "clip_stride": clip_stride,
            "baseline": False,
            "sweep": False,
            "precisions": ("auto",),
        }
        found = run_infer(InferOptions(**values))["ours"]["auto"]
        rows.append({"clip_length": clip_length, "clip_stride": clip_stride} | found)
    return rows


def measure_plain(options: InferOptions) -> dict[str, Any]:
    """The baseline, in this process."""
    model, frames = prepare(options)
    model.decode_clip(model.encode_frames(model.normalize(frames[:1])))  # warm up
    began = time.process_time()
    seconds, identities, rows = run_plain(
        model, frames, options.clip_length, options.clip_stride, (options.height, options.width)
    )
    total = sum(seconds.values())
    return {
        "seconds": seconds | {"total": total},
        "cpu_seconds": time.process_time() - began,
        "frames_per_second": options.num_frames / total,
        "peak_memory_bytes": peak_memory_bytes(),
        "num_instances": 1 + max((i for clip in identities for i in clip), default=-1),
        "num_rows": rows,
    }


def measure_ours(options: InferOptions, precision: str) -> dict[str, Any]:
    """Ours, end to end as a program would run it, then once more stage by stage."""
    model, frames = prepare(options)
    settings = ProposeSettings(
        clip_length=options.clip_length,
        clip_stride=options.clip_stride,
        short_side=min(options.height, options.width),
        max_long_side=max(options.height, options.width),
        score_threshold=0.0,
        duplicate_iou=1.0,  # the plain way keeps all, too
        continuation_score=1.0,
        lookahead=0,
        shot_cuts=False,
        precision=precision,
    )
    dtype = choose_dtype(model, precision)
    list(predict_video(model, enumerate(frames[: options.clip_length]), settings))  # warm up
    began, cpu_began = time.perf_counter(), time.process_time()
    run = predict_video(model, enumerate(frames), settings)
    num_masks = sum(len(result.masks) for result in run)
    total, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    peak = peak_memory_bytes()
    stages = _stages(model, frames, options, dtype)
    return {
        "dtype": str(dtype).removeprefix("torch."),
        "seconds": stages | {"total": total},
        "cpu_seconds": cpu,
        "frames_per_second": options.num_frames / total,
        "peak_memory_bytes": peak,
        "num_instances": len(run.instances),
        "num_masks": num_masks,
    }


def _stages(
    model: IFC, frames: npt.NDArray[np.uint8], options: InferOptions, dtype: torch.dtype
) -> dict[str, float]:
    watch = Stopwatch()
    began = watch.clock()
    runner = ClipRunner(fast_model(model, dtype))
    began = watch.add("preparation", began)
    tracker, stream = (
        VideoTracker(options.clip_length),
        WindowStream(options.clip_length, options.clip_stride),
    )
    cached: list[CachedFrame] = []
    for step in [*frames, None]:
        if step is None:
            window, settled = stream.close(), len(frames)
        else:
            cached.append(CachedFrame(step))
            runner.encode(cached[-1:])
            began = watch.add("backbone", began)
            window = stream.push()
            settled = stream.settled_before
        if window is not None:
            clip = runner.clips([cached[window.start : window.stop]], [tuple(window)])[0]
            began = watch.add("clips", began)
            tracker.update(clip)
        finished = list(tracker.release(settled))
        began = watch.add("tracker", began)
        for frame in finished:
            for logits in frame.mask_logits.cpu().numpy():
                encode_logits(logits, (options.height, options.width))
        began = watch.add("masks", began)
        for old in cached[:settled]:
            old.features = None
    return watch.seconds


def prepare(options: InferOptions) -> tuple[IFC, npt.NDArray[np.uint8]]:
    """The model and the frames that ``options`` ask for.

    Returns:
        The network, and (V, H, W, 3) uint8 frames of textures that move.
    """
    if options.threads:
        torch.set_num_threads(options.threads)
    frames = np.stack(list(_moving_textures(options)))
    if not options.model.startswith("seeded-"):
        return load_model(options.model, options.device), frames
    with torch.random.fork_rng():
        torch.manual_seed(0)
        backbone = options.model.removeprefix("seeded-")
        model = IFC(IFCConfig(backbone=backbone)).eval()  # type: ignore[arg-type]
    model = model.to(options.device)
    _let_survive(model, frames[: options.clip_length], options.instances)
    return model, frames


@torch.inference_mode()
def _let_survive(model: IFC, clip: npt.NDArray[np.uint8], count: int) -> None:
    """Spread the queries, and set the no-object bias so that ``count`` of them survive a clip."""
    last = model.class_head.layers[-1]
    assert isinstance(last, nn.Linear)  # noqa: S101 - for the type checker
    model.decoder.query_position.weight.mul_(3.0)
    last.weight.mul_(4.0)
    logits = model.decode_clip(model.encode_frames(model.normalize(clip))).class_logits[0]
    margins = (logits[:, :-1].amax(-1) - logits[:, -1]).sort(descending=True).values
    last.bias[-1] += (margins[count - 1] + margins[count]) / 2


def _moving_textures(options: InferOptions) -> Iterator[npt.NDArray[np.uint8]]:
    rng = np.random.default_rng(0)
    height, width = options.height, options.width
    coarse = rng.integers(0, 256, (height // 8 + 1, width // 8 + options.num_frames, 3))
    large = coarse.astype(np.uint8).repeat(8, 0).repeat(8, 1)
    yy, xx = np.mgrid[:height, :width]
    for t in range(options.num_frames):
        frame = large[:height, 3 * t : 3 * t + width].copy()
        for k in range(6):
            y, x = (k * 97 + 5 * t) % height, (k * 151 + (k - 3) * 7 * t) % width
            inside = (yy - y) ** 2 + (xx - x) ** 2 < (height / 10 + 4 * k) ** 2
            frame[inside] = (40 * k, 255 - 40 * k, 120)
        yield frame
