"""``ifc-studio bench tracker``: linking clips against full tracker buffers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch

from ifc_core.bench.machine import in_own_process, machine_facts, peak_memory_bytes
from ifc_core.bench.plain_baseline import MOST_INSTANCES, BufferTracker
from ifc_core.inference.clip_plan import clip_windows
from ifc_core.tracking.video_tracker import ClipInstances, VideoTracker


@dataclass(frozen=True, slots=True)
class TrackerOptions:
    """What is measured.

    Attributes:
        num_frames: V of the comparison; the baseline's buffers take 2 * 50 * V * V masks.
        long_frames: V of a second run of ours, to see that memory does not grow; 0 leaves it out.
        clip_length: T.
        clip_stride: S.
        height: Of the mask grid.
        width: Of the mask grid.
        instances: In every clip, moving slowly.
        threads: Threads of torch; 0 leaves its default.
    """

    num_frames: int = 36
    long_frames: int = 720
    clip_length: int = 5
    clip_stride: int = 1
    height: int = 45
    width: int = 80
    instances: int = 13
    threads: int = 0


def run_tracker(options: TrackerOptions) -> dict[str, Any]:
    """Measure both trackers on the same seeded clips, each in its own process.

    Returns:
        ``baseline`` and ``ours`` with milliseconds a clip, peak memory and identities' count;
        ``ours_long`` for the longer video; ``ratio`` of time, ``same_identities``, and the bytes
        that the baseline's buffers take by their shape.
    """
    plain = in_own_process(measure_buffers, options)
    ours = in_own_process(measure_streaming, options, options.num_frames)
    figures: dict[str, Any] = {
        "machine": machine_facts(),
        "options": asdict(options),
        "same_identities": plain.pop("identities") == ours.pop("identities"),
        "ratio": plain["cpu_ms_per_clip"] / ours["cpu_ms_per_clip"],
        "baseline": plain
        | {"buffer_bytes": 8 * MOST_INSTANCES * options.num_frames**2 * _grid(options)},
        "ours": ours,
    }
    if options.long_frames:
        long = in_own_process(measure_streaming, options, options.long_frames)
        long.pop("identities")
        figures["ours_long"] = long
    return figures


def measure_buffers(options: TrackerOptions) -> dict[str, Any]:
    """The baseline, in this process."""
    _threads(options)
    grid = (options.height, options.width)
    tracker = BufferTracker(options.clip_length, options.num_frames, 1, grid)
    identities, seconds = [], 0.0
    for clip in seeded_clips(options, options.num_frames):
        began = time.process_time()
        ids = tracker.update(list(clip.frame_indices), clip.class_probs, clip.mask_logits)
        seconds += time.process_time() - began
        identities.append(ids)
    began = time.process_time()
    tracker.result()
    return _figures(seconds + time.process_time() - began, identities)


def measure_streaming(options: TrackerOptions, num_frames: int) -> dict[str, Any]:
    """Ours, in this process, finished frames released as they come."""
    _threads(options)
    tracker = VideoTracker(options.clip_length)
    identities, seconds = [], 0.0
    for clip in seeded_clips(options, num_frames):
        began = time.process_time()
        identities.append(list(tracker.update(clip).identities))
        for _ in tracker.release(clip.frame_indices[0] + 1):
            pass
        seconds += time.process_time() - began
    return _figures(seconds, identities)


def seeded_clips(options: TrackerOptions, num_frames: int) -> Iterator[ClipInstances]:
    """Clips of discs that move over the grid, with noise, in a shuffled order."""
    generator = torch.Generator().manual_seed(0)
    count, height, width = options.instances, options.height, options.width
    start = torch.rand(count, 2, generator=generator) * torch.tensor([height, width])
    speed = torch.randn(count, 2, generator=generator) * 0.3
    yy, xx = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    probs = torch.tensor([[0.9, 0.1]]).expand(count, 2)
    for window in clip_windows(num_frames, options.clip_length, options.clip_stride):
        times = torch.tensor(list(window))[None, :, None]
        centre = (start[:, None] + speed[:, None] * times) % torch.tensor([height, width])
        squared = (yy - centre[..., 0, None, None]) ** 2 + (xx - centre[..., 1, None, None]) ** 2
        logits = (36.0 - squared).clamp(-6, 6)  # (N, T, h, w)
        logits = logits + torch.randn(logits.shape, generator=generator)
        order = torch.randperm(count, generator=generator)
        yield ClipInstances(tuple(window), probs, logits[order])


def _figures(seconds: float, identities: list[list[int]]) -> dict[str, Any]:
    return {
        "cpu_ms_per_clip": 1000 * seconds / max(1, len(identities)),
        "peak_memory_bytes": peak_memory_bytes(),
        "num_instances": 1 + max((i for ids in identities for i in ids), default=-1),
        "identities": identities,
    }


def _grid(options: TrackerOptions) -> int:
    return options.height * options.width


def _threads(options: TrackerOptions) -> None:
    if options.threads:
        torch.set_num_threads(options.threads)
