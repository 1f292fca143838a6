"""``ifc-studio bench infer -s device=cuda``: from a file to encoded masks, stage by stage."""

from __future__ import annotations

import copy
import json
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ifc_core.bench.plain_baseline import run_plain
from ifc_core.inference.clip_runner import CachedFrame, ClipRunner
from ifc_core.inference.device_graphs import GraphedWork
from ifc_core.inference.device_input import FrameSender
from ifc_core.inference.device_masks import encode_many
from ifc_core.inference.frame_input import resize_frames
from ifc_core.inference.fused_layers import FusedBackbone
from ifc_core.inference.predictor import predict_video
from ifc_core.inference.run_setup import prepare_model
from ifc_core.inference.settings import ProposeSettings
from ifc_core.models.ifc import IFC
from ifc_core.tracking.video_tracker import VideoTracker

if TYPE_CHECKING:
    from ifc_core.bench.infer import InferOptions

_ROUNDS = 8
_BATCHES = (18, 36, 72)


@dataclass(slots=True)
class GpuBench:
    """One model and one short stretch of frames, measured in parts.

    Args:
        model: On the device, in float32.
        frames: (V, H, W, 3) uint8 at the network's size, at least T of them.
        options: Of the bench.
    """

    model: IFC
    frames: npt.NDArray[np.uint8]
    options: InferOptions

    def run(self) -> dict[str, Any]:
        """Every part that was asked for; one that fails says why, and the others go on."""
        parts: dict[str, Callable[[], dict[str, Any]]] = {
            "model": self.model_alone,
            "file": self.from_file,
            "kernels": self.kernels,
            "stages": self.stages,
            "agreement": self.agreement,
            "plain": self.plain,
            "backbones": self.backbones,
        }
        figures: dict[str, Any] = {}
        for name, part in parts.items():
            if self.options.parts and name not in self.options.parts:
                continue
            began = time.perf_counter()
            try:
                with self._current_device():
                    figures[name] = part()
            except Exception as error:
                figures[name] = {"failed": repr(error), "where": traceback.format_exc()[-1500:]}
            figures[name]["bench_seconds"] = time.perf_counter() - began
            sys.stderr.write(json.dumps({name: figures[name]}, default=str) + "\n")
            sys.stderr.flush()
        return figures

    def _current_device(self) -> AbstractContextManager[Any]:
        """Whose memory and clock are asked."""
        device = self.model.device
        return torch.cuda.device(device) if device.type == "cuda" else nullcontext()

    # ---- the network ------------------------------------------------------------------------

    def runner(self, batch: int, precision: str = "auto") -> ClipRunner:
        """A runner as a run makes it."""
        ready = prepare_model(self.model, precision)
        return ClipRunner(
            ready.network, batch, max(1, batch // 2), is_exact=ready.precision == "fp32"
        )

    def cached(self, count: int) -> list[CachedFrame]:
        """Frames on the device."""
        where = self.model.device
        turns = [self.frames[i % len(self.frames)] for i in range(count)]
        return [CachedFrame(torch.from_numpy(frame).to(where)) for frame in turns]

    def model_alone(self) -> dict[str, Any]:
        """Frames a second of the network: everything a frame needs once, and the clip."""
        length = self.options.clip_length
        rows: dict[str, Any] = {}
        for precision in self.options.precisions:
            for batch in _BATCHES if precision == "auto" else (length,):
                rows[f"{precision}, {batch} at a time"] = self._model_alone(precision, batch)
        best = max((row["frames_per_second"], name) for name, row in rows.items())
        return {"rows": rows, "frames_per_second": best[0], "best": best[1]}

    def _model_alone(self, precision: str, batch: int) -> dict[str, Any]:
        length = self.options.clip_length
        runner = self.runner(batch, precision)
        frames = self.cached(batch)
        windows = [frames[i : i + length] for i in range(0, len(frames) - length + 1, length)]
        if not windows:
            windows = [(frames * (length // batch + 1))[:length]]
        indices = [tuple(range(length))] * len(windows)

        def encode() -> None:
            for frame in frames:
                frame.features = None
            runner.encode(frames)

        began = time.perf_counter()
        encode()
        runner.begin(windows, indices)
        torch.cuda.synchronize()
        first = time.perf_counter() - began
        encoding = _seconds(encode)
        decoding = _seconds(lambda: runner.begin(windows, indices))
        a_frame = encoding / batch + decoding / (len(windows) * length)
        return {
            "frames_per_second": 1 / a_frame,
            "encode_ms_a_frame": 1000 * encoding / batch,
            "clip_ms_a_frame": 1000 * decoding / (len(windows) * length),
            "first_time_seconds": first,
            "graphs": bool(runner._encoding is not None and runner._encoding.enabled),
            "peak_device_bytes": torch.cuda.max_memory_allocated(),
        }

    def backbones(self) -> dict[str, Any]:
        """Milliseconds a frame of the backbone alone, in bf16: what fusing and searching bring."""
        folded = copy.deepcopy(self.model).fold_batch_norm().backbone
        low = folded.to(torch.bfloat16).to(memory_format=torch.channels_last)
        length = self.options.clip_length
        turns = np.stack([self.frames[i % len(self.frames)] for i in range(length)])
        images = self.model.normalize(turns).to(torch.bfloat16)
        rows: dict[str, Any] = {}
        kinds = {"folded": low, "fused": FusedBackbone(copy.deepcopy(low))}
        for name, module in kinds.items():
            module.to(memory_format=torch.channels_last)
            for search in (False, True):
                torch.backends.cudnn.benchmark = search
                graphed = GraphedWork(partial(_maps_of, module))
                began = time.perf_counter()
                with torch.inference_mode():
                    graphed(images)
                    torch.cuda.synchronize()
                    first = time.perf_counter() - began
                    seconds = _seconds(partial(graphed, images))
                what = f"{name}, {'searched' if search else 'by rule'}"
                rows[what] = {"ms_a_frame": 1000 * seconds / length, "first_time_seconds": first}
        torch.backends.cudnn.benchmark = False
        return rows

    def kernels(self) -> dict[str, Any]:
        """Where the device's time goes, by kernel."""
        from torch.profiler import ProfilerActivity, profile

        length = self.options.clip_length
        runner = self.runner(length)
        frames = self.cached(length)

        def once() -> None:
            for frame in frames:
                frame.features = None
            runner.encode(frames)
            runner.begin([frames], [tuple(range(length))])
            torch.cuda.synchronize()

        for _ in range(3):
            once()
        with profile(activities=[ProfilerActivity.CUDA]) as found:
            once()
        rows = sorted(found.key_averages(), key=lambda row: -row.self_device_time_total)
        total = sum(row.self_device_time_total for row in rows)
        return {
            "device_us_a_frame": total / length,
            "kernels": [
                f"{row.self_device_time_total / length:.2f} us {row.count}x {row.key[:110]}"
                for row in rows[:45]
            ],
        }

    # ---- the other stages -------------------------------------------------------------------

    def stages(self) -> dict[str, Any]:
        """Milliseconds a frame of each stage alone, waiting for the device after each."""
        length, size = self.options.clip_length, (self.options.height, self.options.width)
        rows: dict[str, float] = {}
        turns = [(i, self.frames[i % len(self.frames)]) for i in range(4 * length)]
        device = self.model.device

        def send() -> None:
            sender = FrameSender(device, length, lambda image: image)
            for batch in sender.batches(iter(turns)):
                batch.arrived()

        send()
        rows["transfer"] = _seconds(send, 3) / len(turns)
        large = torch.randint(0, 255, (length, 720, 1280, 3), dtype=torch.uint8, device=device)
        rows["resize from 720p"] = _seconds(lambda: resize_frames(large, size)) / length
        runner, frames = self.runner(length), self.cached(length)
        runner.encode(frames)
        clips = [
            runner.clips([frames], [tuple(range(start, start + length))])[0]
            for start in range(0, 4 * length, self.options.clip_stride)
        ]
        tracked: list[Any] = []

        def link() -> None:
            tracker = VideoTracker(length)
            tracked.clear()
            for clip in clips:
                tracker.update(clip)
                tracked.extend(tracker.release(clip.frame_indices[0] + 1))

        link()
        rows["link and average"] = _seconds(link, 2) / max(1, len(tracked))
        logits = [frame.mask_logits for frame in tracked][: 2 * length]
        encode_many(logits, size)
        rows["masks and run lengths"] = _seconds(lambda: encode_many(logits, size), 3) / max(
            1, len(logits)
        )
        return {
            "ms_a_frame": {name: 1000 * value for name, value in rows.items()},
            "instances": [len(clip.queries) for clip in clips][:4],
        }

    # ---- whole runs -------------------------------------------------------------------------

    def from_file(self) -> dict[str, Any]:
        """A made H.264 file, end to end."""
        from ifc_core.bench.small_video import make_small_video
        from ifc_core.io.video import open_video

        with TemporaryDirectory() as folder:
            path = Path(folder) / "bench.mp4"
            began = time.perf_counter()
            make_small_video(path, self.frames, self.options.file_frames)
            figures: dict[str, Any] = {
                "making_seconds": time.perf_counter() - began,
                "megabytes": path.stat().st_size / 1e6,
            }
            with open_video(path) as reader:
                count = reader.video.num_frames
                began = time.perf_counter()
                for _ in reader.iter_frames():
                    pass
                figures["frames"] = count
                figures["decoding_frames_per_second"] = count / (time.perf_counter() - began)
            strides = (self.options.clip_stride, max(1, self.options.clip_length // 2))
            for stride in dict.fromkeys(strides):
                with open_video(path) as reader:
                    figures[f"S = {stride}"] = self._whole_run(reader.iter_frames(), stride, count)
        return figures

    def _settings(self, stride: int, precision: str = "auto") -> ProposeSettings:
        return ProposeSettings(
            clip_length=self.options.clip_length,
            clip_stride=stride,
            short_side=min(self.options.height, self.options.width),
            max_long_side=max(self.options.height, self.options.width),
            score_threshold=0.0,
            duplicate_iou=1.0,  # the plain way keeps all, too
            continuation_score=1.0,
            lookahead=0,
            shot_cuts=False,
            precision=precision,
        )

    def _whole_run(
        self, frames: Iterator[tuple[int, npt.NDArray[np.uint8]]], stride: int, count: int
    ) -> dict[str, Any]:
        size = (self.options.height, self.options.width)
        torch.cuda.reset_peak_memory_stats()
        began, cpu_began = time.perf_counter(), time.process_time()
        run = predict_video(self.model, frames, self._settings(stride), output_size=size)
        arrivals, num_masks = [], 0
        for result in run:
            arrivals.append(time.perf_counter() - began)
            num_masks += len(result.masks)
        total = time.perf_counter() - began
        warm = count // 4
        steady = (len(arrivals) - warm) / max(1e-9, arrivals[-1] - arrivals[warm - 1])
        return {
            "frames_per_second": count / total,
            "frames_per_second_after_the_first_quarter": steady,
            "first_frame_after_seconds": arrivals[0],
            "seconds": total,
            "processor_seconds": time.process_time() - cpu_began,
            "masks_a_frame": num_masks / count,
            "instances": len(run.instances),
            "notices": list(run.notices),
            "peak_device_bytes": torch.cuda.max_memory_allocated(),
        }

    def agreement(self) -> dict[str, Any]:
        """Low precision and the CPU against float32 on the device, on one clip."""
        length = self.options.clip_length
        found = {}
        for precision in ("fp32", "auto"):
            runner = self.runner(length, precision)
            found[precision] = runner.clips([self.cached(length)], [tuple(range(length))])[0]
        figures = _compare(found["fp32"], found["auto"])
        with torch.inference_mode():
            on_cpu = ClipRunner(prepare_model(self.model.to("cpu"), "fp32").network)
            few = [CachedFrame(frame) for frame in self.frames[:4]]
            cpu = on_cpu.clips([few], [(0, 1, 2, 3)])[0]
            self.model.to(self.options.device)
            device = self.runner(4, "fp32").clips([self.cached(4)], [(0, 1, 2, 3)])[0]
        return {"low precision": figures, "float32 on the CPU": _compare(cpu, device)}

    def plain(self) -> dict[str, Any]:
        """The baseline on the same device: two clips' worth of frames."""
        turns = [self.frames[i % len(self.frames)] for i in range(2 * self.options.clip_length)]
        video = np.stack(turns)
        size = (self.options.height, self.options.width)
        arguments = (self.model, video, self.options.clip_length, self.options.clip_stride, size)
        run_plain(*arguments)
        seconds, _, rows = run_plain(*arguments)
        total = sum(seconds.values())
        return {
            "seconds": seconds | {"total": total},
            "frames_per_second": len(video) / total,
            "model_frames_per_second": len(video) / (seconds["backbone"] + seconds["clips"]),
            "num_rows": rows,
        }


def _maps_of(backbone: nn.Module, images: Tensor) -> tuple[Tensor, ...]:
    return tuple(backbone(images))


def _seconds(work: Callable[[], object], rounds: int = _ROUNDS) -> float:
    """Seconds of one round, the device's work included."""
    for _ in range(3):  # eager, recorded, replayed
        work()
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(rounds):
        work()
    torch.cuda.synchronize()
    return (time.perf_counter() - began) / rounds


def _compare(first: Any, second: Any) -> dict[str, Any]:
    """Which queries survive in both, and how far their masks overlap."""
    both = sorted(set(first.queries) & set(second.queries))
    overlaps, moved = [], []
    for query in both:
        a, b = first.queries.index(query), second.queries.index(query)
        masks: Sequence[Tensor] = (
            first.mask_logits[a].cpu() > 0,
            second.mask_logits[b].cpu() > 0,
        )
        union = int((masks[0] | masks[1]).sum())
        overlaps.append(int((masks[0] & masks[1]).sum()) / max(1, union))
        probs = first.class_probs[a].cpu() - second.class_probs[b].cpu()
        moved.append(float(probs.abs().max()))
    return {
        "survivors": [len(first.queries), len(second.queries), len(both)],
        "largest_change_of_a_probability": max(moved, default=None),
        "mean_overlap": float(np.mean(overlaps)) if overlaps else None,
        "least_overlap": min(overlaps, default=None),
    }
