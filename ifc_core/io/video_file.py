"""Video files, over PyAV."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from ifc_core.errors import VideoError
from ifc_core.io.deep_pictures import DeepRange, Levels, common_levels, sampled
from ifc_core.io.frame_colors import FrameColors
from ifc_core.io.packet_decoder import PacketDecoder
from ifc_core.io.video import VideoReader
from ifc_core.io.video_scan import FileScan, scan_file
from ifc_core.jobs import JobContext
from ifc_core.structures import Video

_CACHE_BYTES = 96 << 20
_MIN_CACHED_FRAMES = 24
_MOST_REORDERED = 16
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
        self._begin(path, scan_file(path, context))

    def _begin(self, path: Path, scan: FileScan) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._index, self.warning = scan.index, scan.warning
        self.first_readable = scan.first_readable
        self._orientation = scan.orientation
        self._colors = FrameColors(scan.stored_size, DeepRange(self._deep_levels))
        self._capacity = max(_MIN_CACHED_FRAMES, _CACHE_BYTES // scan.frame_bytes)
        self._cache: OrderedDict[int, VideoFrame] = OrderedDict()
        self._last_rank = -1
        self._is_positioned = False
        self.pts_seconds = scan.pts_seconds.copy()
        height, width = scan.orientation.displayed(scan.stored_size)
        self.video = Video(path, len(scan.index), height, width, scan.fps, scan.fingerprint)
        self._decoder = PacketDecoder(path, scan.table)

    def read(self, frame_index: int) -> npt.NDArray[np.uint8]:
        """One frame; see :meth:`VideoReader.read`."""
        with self._lock:
            rank = self._checked(frame_index)
            frame = self._cache.get(rank)
            if frame is None:
                frame = self._decode(rank)
            else:
                self._cache.move_to_end(rank)
            return self._orientation.apply(self._colors.to_rgb(frame))

    def _deep_levels(self) -> Levels | None:
        """What is darkest and brightest in deep grey pictures spread over the film."""
        return common_levels(map(self._deep_grey, sampled(len(self._index))))

    def _deep_grey(self, rank: int) -> npt.NDArray[np.uint16] | None:
        try:
            return self._colors.deep_grey(self._cache.get(rank) or self._decode(rank))
        except VideoError:
            return None

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
        if rank < self.first_readable:  # looking again would decode all that lies before
            raise self._broken(rank)
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
        raise self._broken(rank)

    def _broken(self, rank: int) -> VideoError:
        return VideoError(
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
        # Some files hand out pictures a little out of their order in time.
        furthest = rank + _MOST_REORDERED
        while found is None and not self._decoder.ended and self._last_rank < furthest:
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
