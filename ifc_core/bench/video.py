"""``ifc-studio bench video``: opening, seeking and decoding, against plain PyAV."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ifc_core.bench.machine import machine_facts
from ifc_core.io.video import VideoReader, open_video


@dataclass(frozen=True, slots=True)
class VideoBenchOptions:
    """What is measured.

    Attributes:
        video: A file to measure; without it one is made.
        minutes: Length of the file that is made.
        height: Its height in pixels.
        width: Its width in pixels.
        fps: Its frames per second.
        keyframe_interval: Frames from one keyframe to the next.
        megabits_per_second: Its rate.
        seeks: Random frames read.
        sequential_frames: Frames decoded in a row.
    """

    video: Path | None = None
    minutes: float = 60.0
    height: int = 1080
    width: int = 1920
    fps: int = 30
    keyframe_interval: int = 30
    megabits_per_second: float = 2.0
    seeks: int = 40
    sequential_frames: int = 300


def run_video(options: VideoBenchOptions) -> dict[str, Any]:
    """Measure opening, random seeks and sequential decoding.

    Returns:
        Seconds to open; median and 95th percentile of random reads in milliseconds; frames per
        second in a row of ours and of plain PyAV (decoding and conversion to RGB), in turns,
        and their ratio.
    """
    figures: dict[str, Any] = {"machine": machine_facts(), "options": asdict(options)}
    figures["options"]["video"] = str(options.video or "")
    with TemporaryDirectory() as folder:
        path = options.video or _make_video(Path(folder) / "bench.mp4", options)
        start, start_cpu = time.perf_counter(), time.process_time()
        reader = open_video(path)
        figures["open_seconds"] = time.perf_counter() - start
        figures["open_processor_seconds"] = time.process_time() - start_cpu
        with reader:
            figures["frames"] = reader.video.num_frames
            figures["file_megabytes"] = path.stat().st_size / 1e6
            figures["seek"] = _measure_seeks(reader, options.seeks)
            number = min(options.sequential_frames, reader.video.num_frames)
            figures["sequential"] = _measure_sequential(path, number)
    return figures


def _measure_seeks(reader: VideoReader, seeks: int) -> dict[str, float]:
    rng = np.random.default_rng(0)
    exact: list[float] = []
    nearest: list[float] = []
    for index in rng.integers(0, reader.video.num_frames, seeks).tolist():
        start = time.perf_counter()
        reader.read(index)
        exact.append(1000 * (time.perf_counter() - start))
    for index in rng.integers(0, reader.video.num_frames, seeks).tolist():
        start = time.perf_counter()
        reader.read(reader.keyframe_before(index))
        nearest.append(1000 * (time.perf_counter() - start))
    return {
        "median_ms": float(np.median(exact)),
        "p95_ms": float(np.percentile(exact, 95)),
        "nearest_keyframe_median_ms": float(np.median(nearest)),
    }


def _measure_sequential(path: Path, number: int) -> dict[str, float]:
    """Best of three rounds each, in turns, so that other load hits both alike."""
    ours, plain = [float("inf")] * 2, [float("inf")] * 2
    for _ in range(3):
        plain = [
            min(a, b) for a, b in zip(plain, _exhaust(_plain_frames(path, number)), strict=True)
        ]
        with open_video(path) as reader:
            frames = (frame for _, frame in reader.iter_frames(0, number))
            ours = [min(a, b) for a, b in zip(ours, _exhaust(frames), strict=True)]
    return {
        "frames_per_second": number / ours[0],
        "plain_frames_per_second": number / plain[0],
        "ratio": plain[0] / ours[0],
        "ratio_of_processor_seconds": plain[1] / ours[1],
    }


def _exhaust(frames: Iterator[npt.NDArray[Any]]) -> list[float]:
    """Seconds and processor seconds that it takes to go through all frames."""
    start, start_cpu = time.perf_counter(), time.process_time()
    for _ in frames:
        pass
    return [time.perf_counter() - start, time.process_time() - start_cpu]


def _plain_frames(path: Path, number: int) -> Iterator[npt.NDArray[Any]]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for index, frame in enumerate(container.decode(stream)):
            if index == number:
                return
            yield frame.to_ndarray(format="rgb24")


def _make_video(path: Path, options: VideoBenchOptions) -> Path:
    """Encode ten seconds and repeat their packets to the length asked for."""
    part = path.with_name("part.mp4")
    seconds = max(1, round(10 * options.fps / options.keyframe_interval)) * (
        options.keyframe_interval / options.fps
    )
    _encode(part, options, round(seconds * options.fps))
    repeats = max(1, round(options.minutes * 60 / seconds))
    with av.open(str(part)) as source:
        stream = source.streams.video[0]
        rows = [(bytes(p), p.pts, p.dts, p.is_keyframe) for p in source.demux(stream) if p.size]
        time_base = stream.time_base or Fraction(1, options.fps)
        span = round(seconds / time_base)
        with av.open(str(path), "w") as target:
            copy = target.add_stream_from_template(stream)
            for repeat in range(repeats):
                for data, pts, dts, is_keyframe in rows:
                    packet = Packet(data)
                    packet.stream, packet.time_base = copy, time_base
                    packet.pts = (pts or 0) + repeat * span
                    packet.dts = (dts or 0) + repeat * span
                    packet.is_keyframe = is_keyframe
                    target.mux(packet)
    part.unlink()
    return path


def _encode(path: Path, options: VideoBenchOptions, num_frames: int) -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (options.height // 8, options.width // 4, 3), dtype=np.uint8)
    wide = cv2.resize(noise, (2 * options.width, options.height), interpolation=cv2.INTER_CUBIC)
    name = "libx264" if "libx264" in av.codecs_available else "mpeg4"
    with av.open(str(path), "w") as container:
        stream = cast("VideoStream", container.add_stream(name, rate=options.fps))
        stream.height, stream.width, stream.pix_fmt = options.height, options.width, "yuv420p"
        stream.gop_size = options.keyframe_interval
        stream.bit_rate = int(options.megabits_per_second * 1e6)
        if name == "libx264":
            stream.options = {"preset": "veryfast", "x264-params": "scenecut=0:bframes=2"}
        for number in range(num_frames):
            shift = round(options.width * number / num_frames)
            view = np.ascontiguousarray(wide[:, shift : shift + options.width], dtype=np.uint8)
            container.mux(stream.encode(VideoFrame.from_ndarray(view, format="rgb24")))
        container.mux(stream.encode(None))
