"""What a video file holds, found out once and remembered while the file stays as it is."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ifc_core.errors import VideoError
from ifc_core.io.display_matrix import Orientation
from ifc_core.io.fingerprint import file_fingerprint
from ifc_core.io.frame_colors import colors_notice
from ifc_core.io.packet_decoder import (
    PacketDecoder,
    declared_frames,
    open_container,
    read_packets,
    video_stream,
)
from ifc_core.io.stream_notices import stream_notice
from ifc_core.io.time_jumps import NO_TIME
from ifc_core.io.video_index import FrameIndex, PacketTable
from ifc_core.io.video_probe import ProbeResult, probe_frames
from ifc_core.jobs import JobContext

_LEAST_REMEMBERED = 8  # files, however long they are
_MOST_REMEMBERED = 256
_MOST_REMEMBERED_FRAMES = 1_000_000  # of all files together, 50 MB


@dataclass(frozen=True, slots=True)
class FileScan:
    """What is known of a file; about 50 bytes a frame.

    Attributes:
        table: Its packets.
        index: Its frames.
        first_readable: The first of them that can be decoded.
        warning: What cannot be read, or empty.
        orientation: From storage to display.
        stored_size: (height, width) of the first frame as stored.
        frame_bytes: Size of a decoded frame.
        pts_seconds: (V,) float64 time of each frame after the first one's; not to be written to.
        fps: Average frames per second.
        fingerprint: See :mod:`ifc_core.io.fingerprint`.
    """

    table: PacketTable
    index: FrameIndex
    first_readable: int
    warning: str
    orientation: Orientation
    stored_size: tuple[int, int]
    frame_bytes: int
    pts_seconds: npt.NDArray[np.float64]
    fps: float
    fingerprint: str


_remembered: OrderedDict[tuple[str, int, int], FileScan] = OrderedDict()
_lock = threading.Lock()


class PartListener(Protocol):
    """Told what a scan in progress has found."""

    def packets(self, table: PacketTable) -> None:
        """The first packets of the file, in order."""

    def frames(self, table: PacketTable, index: FrameIndex) -> None:
        """All packets and the first frames, where those are found by decoding."""


def scan_file(
    path: Path, context: JobContext | None = None, listener: PartListener | None = None
) -> FileScan:
    """Read a file's packets and find the frames that decode.

    The last files are remembered by path, size and time of change, so that opening one
    again takes no second scan.

    Args:
        path: The file.
        context: Told of the packets read; may cancel.
        listener: Told what was found so far.

    Returns:
        What it holds.

    Raises:
        VideoError: The file has no frame that can be read.
    """
    key = _key_of(path)
    known = _recall(key)
    if known is not None:
        return known
    scan = _scan(path, context, listener)
    with _lock:
        _remembered[key] = scan
        while _is_too_much():
            _remembered.popitem(last=False)
    return scan


def _is_too_much() -> bool:
    num_frames = sum(len(scan.index) for scan in _remembered.values())
    is_long = num_frames > _MOST_REMEMBERED_FRAMES and len(_remembered) > _LEAST_REMEMBERED
    return is_long or len(_remembered) > _MOST_REMEMBERED


def is_remembered(path: Path) -> bool:
    """Whether opening the file takes no scan."""
    return _recall(_key_of(path)) is not None


def _key_of(path: Path) -> tuple[str, int, int]:
    try:
        facts = path.stat()
    except OSError as error:
        raise VideoError(f"{path} may not be read; check its permissions.", path=path) from error
    return (str(path.absolute()), facts.st_size, facts.st_mtime_ns)


def _recall(key: tuple[str, int, int]) -> FileScan | None:
    with _lock:
        known = _remembered.get(key)
        if known is not None:
            _remembered.move_to_end(key)
        return known


def _scan(path: Path, context: JobContext | None, listener: PartListener | None) -> FileScan:
    with open_container(path) as container:
        stream = video_stream(container, path)
        declared = declared_frames(container, stream)
        rate = float(stream.average_rate or stream.guessed_rate or 0.0)
        time_base = float(stream.time_base or 0.0)
        notice = stream_notice(container, stream, path.name)
        tick = None if context is None else (lambda n: _report(context, n, declared))
        table = read_packets(
            container, stream, tick, None if listener is None else listener.packets
        )
    if not len(table) or not table.is_shown.any():
        raise VideoError(f"{path} holds no frames.", path=path)
    decoder = PacketDecoder(path, table)
    try:
        probe = probe_frames(
            path, table, decoder, declared, context, None if listener is None else listener.frames
        )
    finally:
        decoder.close()
    scan = describe_scan(path, table, probe, rate, time_base)
    return replace(scan, warning=f"{scan.warning} {notice}".strip())


def describe_scan(
    path: Path, table: PacketTable, probe: ProbeResult, rate: float, time_base: float
) -> FileScan:
    """What is known of a file, from its packets and the frames found in them.

    Args:
        path: The file.
        table: Its packets.
        probe: Its frames.
        rate: Frames a second as the container states them, 0 where it does not.
        time_base: Seconds of one unit of the packets' times, 0 where unknown.
    """
    first = probe.first_frame
    times = frame_times(table, probe.index, rate, time_base)
    return FileScan(
        table,
        probe.index,
        probe.first_readable,
        f"{probe.warning} {colors_notice(first, path.name)}".strip(),
        Orientation.of(first),
        (first.height, first.width),
        max(1, sum(plane.buffer_size for plane in first.planes)),
        times,
        _average_rate(times, rate),
        file_fingerprint(path),
    )


def _report(context: JobContext, packets: int, declared: int) -> None:
    context.advance(packets, declared or None, "Reading the video's index", "packets")


def frame_times(
    table: PacketTable, index: FrameIndex, rate: float, time_base: float
) -> npt.NDArray[np.float64]:
    """(V,) seconds after the first frame, from the file's times or else from its rate."""
    pts = np.sort(table.shown_at[index.ordinals])
    if np.any(pts == NO_TIME):
        pts = np.sort(table.decoded_at[index.ordinals])
    if np.any(pts == NO_TIME) or not time_base:
        return np.arange(len(index)) / (rate or 25.0)
    return np.asarray((pts - pts[0]) * time_base, dtype=np.float64)


def _average_rate(times: npt.NDArray[np.float64], rate: float) -> float:
    span = float(times[-1] - times[0])
    if len(times) > 1 and span > 0:
        return (len(times) - 1) / span
    return rate if rate > 0 else 25.0
