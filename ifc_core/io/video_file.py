"""Video files, over PyAV."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from ifc_core.errors import VideoError
from ifc_core.io.display_matrix import Orientation
from ifc_core.io.fingerprint import file_fingerprint
from ifc_core.io.packet_decoder import PacketDecoder, open_container, read_packets, video_stream
from ifc_core.io.video import VideoReader
from ifc_core.io.video_index import NO_TIME, FrameIndex, PacketFinder, PacketTable
from ifc_core.io.video_probe import probe_frames
from ifc_core.jobs import JobContext
from ifc_core.structures import Video

_CACHE_BYTES = 96 << 20
_MIN_CACHED_FRAMES = 24
_NEAR_PACKETS = 12


class FileReader(VideoReader):
    """Frames of one video file.

    Frames that change their size in the middle of the stream are scaled to the size of the
    first one. Pixels are taken as square. The last decoded frames are kept (at most 96 MiB of
    them, at least 24 frames), so that stepping back is quick.

    Args:
        path: The file.
        context: Told of the packets read while the file is indexed; may cancel.

    Raises:
        VideoError: The file has no frame that can be read.
    """

    def __init__(self, path: Path, context: JobContext | None = None) -> None:
        self._path = path
        self._lock = threading.RLock()
        container = open_container(path)
        with container:
            stream = video_stream(container, path)
            declared = stream.frames
            rate = stream.average_rate or stream.guessed_rate
            time_base = stream.time_base
            tick = None if context is None else (lambda n: _report(context, n, declared))
            self._table = read_packets(container, stream, tick)
        if not len(self._table) or not self._table.is_shown.any():
            raise VideoError(f"{path} holds no frames.", path=path)
        self._decoder = PacketDecoder(path, self._table, PacketFinder(self._table))
        try:
            self._finish_open(declared, float(rate or 0.0), float(time_base or 0.0), context)
        except BaseException:
            self.close()
            raise

    def _finish_open(
        self, declared: int, rate: float, time_base: float, context: JobContext | None
    ) -> None:
        probe = probe_frames(self._path, self._table, self._decoder, declared, context)
        self._index, self.warning = probe.index, probe.warning
        first = probe.first_frame
        self._orientation = Orientation.of(first)
        self._stored_size = (first.height, first.width)
        self._reformatter = VideoReformatter()
        frame_bytes = max(1, sum(plane.buffer_size for plane in first.planes))
        self._capacity = max(_MIN_CACHED_FRAMES, _CACHE_BYTES // frame_bytes)
        self._cache: OrderedDict[int, VideoFrame] = OrderedDict()
        self._last_rank = -1
        self._is_positioned = False
        self.pts_seconds = _frame_times(self._table, self._index, rate, time_base)
        height, width = self._orientation.displayed(self._stored_size)
        self.video = Video(
            path=self._path,
            num_frames=len(self._index),
            height=height,
            width=width,
            fps=_average_rate(self.pts_seconds, rate),
            fingerprint=file_fingerprint(self._path),
        )

    def read(self, frame_index: int) -> npt.NDArray[np.uint8]:
        """One frame; see :meth:`VideoReader.read`."""
        with self._lock:
            rank = self._checked(frame_index)
            frame = self._cache.get(rank)
            if frame is None:
                frame = self._decode(rank)
            else:
                self._cache.move_to_end(rank)
            return self._to_rgb(frame)

    def keyframe_before(self, frame_index: int) -> int:
        """See :meth:`VideoReader.keyframe_before`."""
        ordinal = next(iter(self._index.start_ordinals(self._checked(frame_index))))
        return max(0, int(self._index.ranks[ordinal]))

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._decoder.close()
            self._cache = OrderedDict()
            self._capacity = 0

    def _decode(self, rank: int) -> VideoFrame:
        if self._capacity == 0:
            raise VideoError(f"{self._path.name} was closed.", path=self._path)
        starts = self._index.start_ordinals(rank)
        if self._is_near(rank, next(iter(self._index.start_ordinals(rank)))):
            frame = self._roll_to(rank)
            if frame is not None:
                return frame
        for ordinal in starts:
            self._decoder.restart(ordinal)
            self._is_positioned = True
            self._last_rank = -1
            frame = self._roll_to(rank)
            if frame is not None:
                return frame
        self._is_positioned = False
        raise VideoError(
            f"Frame {rank} of {self._path.name} cannot be decoded; the file is damaged there.",
            path=self._path,
            frame_index=rank,
        )

    def _is_near(self, rank: int, start: int) -> bool:
        """Whether going on from here is cheaper than a seek."""
        if not self._is_positioned or self._decoder.ended or self._last_rank >= rank:
            return False
        return start - self._decoder.next_ordinal <= _NEAR_PACKETS

    def _roll_to(self, rank: int) -> VideoFrame | None:
        """Decode on until a frame appears; ``None`` if the stream passes it by."""
        found: VideoFrame | None = None
        while found is None and not self._decoder.ended and self._last_rank < rank:
            for ordinal, frame in self._decoder.advance():
                got = -1 if ordinal is None else int(self._index.ranks[ordinal])
                if got < 0:
                    continue
                self._last_rank = max(self._last_rank, got)
                self._keep(got, frame)
                if got == rank:
                    found = frame
        return found

    def _keep(self, rank: int, frame: VideoFrame) -> None:
        self._cache[rank] = frame
        self._cache.move_to_end(rank)
        while len(self._cache) > self._capacity:
            self._cache.popitem(last=False)

    def _to_rgb(self, frame: VideoFrame) -> npt.NDArray[np.uint8]:
        height, width = self._stored_size
        picture = self._reformatter.reformat(frame, width, height, "rgb24")
        return self._orientation.apply(np.asarray(picture.to_ndarray(), dtype=np.uint8))


def _report(context: JobContext, packets: int, declared: int) -> None:
    context.advance(packets, declared or None, "Reading the video's index", "packets")


def _frame_times(
    table: PacketTable, index: FrameIndex, rate: float, time_base: float
) -> npt.NDArray[np.float64]:
    """(V,) seconds after the first frame, from the file's times or else from its rate."""
    pts = np.sort(table.pts[index.ordinals])
    if np.any(pts == NO_TIME):
        pts = np.sort(table.dts[index.ordinals])
    if np.any(pts == NO_TIME) or not time_base:
        return np.arange(len(index)) / (rate or 25.0)
    return np.asarray((pts - pts[0]) * time_base, dtype=np.float64)


def _average_rate(times: npt.NDArray[np.float64], rate: float) -> float:
    span = float(times[-1] - times[0])
    if len(times) > 1 and span > 0:
        return (len(times) - 1) / span
    return rate if rate > 0 else 25.0
