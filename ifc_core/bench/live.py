"""``ifc-studio bench live``: a source that does not wait, at the pace of a camera."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import ifc_resources
from ifc_core.bench.machine import machine_facts
from ifc_core.inference.live_frames import MOST_WAITING, LiveFrames
from ifc_core.inference.predictor import predict_video
from ifc_core.inference.run_setup import prepare_model
from ifc_core.inference.settings import ProposeSettings
from ifc_core.io.video import open_video
from ifc_core.models.ifc import IFC
from ifc_core.models.registry import load_model

Image = npt.NDArray[np.uint8]
_MOST_KEPT = 100  # frames of the file, shown over and over


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """What is measured.

    Attributes:
        data: A video; the bundled sample by default.
        model: Name or file of the weights.
        fps: Frames per second that the source gives, one run each.
        seconds: Of each run.
        clip_length: T.
        clip_stride: S.
        short_side: Of the network's input in pixels; ``None`` takes the model's own.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        capacity: Frames that may wait.
    """

    data: Path | None = None
    model: str = "default"
    fps: tuple[float, ...] = (1.0, 10.0, 30.0)
    seconds: float = 20.0
    clip_length: int = 5
    clip_stride: int = 1
    short_side: int | None = None
    device: str = "auto"
    capacity: int = MOST_WAITING


def run_live(options: LiveOptions) -> dict[str, Any]:
    """Measure.

    Returns:
        ``rows``: for each pace what came, what was dropped, what was finished, the delay from
        the arrival of a frame to its masks, and the most frames that waited at once.
    """
    with open_video(options.data or ifc_resources.path("sample/bedroom.mp4")) as reader:
        images = [image for _, image in reader.iter_frames(0, _MOST_KEPT)]
    model = load_model(options.model, options.device)
    return {
        "machine": machine_facts(),
        "options": asdict(options) | {"data": str(options.data or "")},
        "rows": [watch(model, images, fps, options) for fps in options.fps],
    }


def watch(model: IFC, images: list[Image], fps: float, options: LiveOptions) -> dict[str, Any]:
    """One run at one pace.

    Args:
        model: On its device.
        images: Shown over and over.
        fps: Frames per second.
        options: Of the bench.
    """
    settings = ProposeSettings(
        clip_length=options.clip_length,
        clip_stride=options.clip_stride,
        short_side=options.short_side,
    )
    prepared = prepare_model(model, settings.precision)
    count = round(fps * options.seconds)
    frames = LiveFrames(paced(images, fps, count), options.capacity)
    finished, waiting, delays = 0, 0, []
    began, cpu_began = time.perf_counter(), time.process_time()
    try:
        for result in predict_video(model, frames, settings, low_delay=True, prepared=prepared):
            delays.append(frames.finished(result.frame_index))
            finished += 1
            waiting = max(waiting, frames.num_waiting)
    finally:
        frames.close()
    figures = frames.figures
    return {
        "fps": fps,
        "captured": figures.captured,
        "dropped": figures.dropped,
        "finished": finished,
        "most_waiting": waiting,
        "delay_seconds": {
            "median": float(np.median(delays)) if delays else None,
            "most": max(delays, default=None),
            "of_the_clip": (options.clip_length - 1) / fps,
        },
        "finished_per_second": finished / (time.perf_counter() - began),
        "processor_seconds": time.process_time() - cpu_began,
    }


def paced(
    images: list[Image],
    fps: float,
    count: int,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Image]:
    """Images over and over, each at its time whether anybody is ready or not.

    Args:
        images: At least one.
        fps: Frames per second.
        count: Frames to give.
        clock: Seconds, monotonic.
        sleep: Waits so many seconds.
    """
    began = clock()
    for number, image in zip(range(count), cycle(images), strict=False):
        early = began + number / fps - clock()
        if early > 0:
            sleep(early)
        yield image
