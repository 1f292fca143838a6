"""Video files that can be looked at while their index is being made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ifc_core.errors import VideoError
from ifc_core.io.frame_colors import is_deep_grey
from ifc_core.io.packet_decoder import (
    PacketDecoder,
    declared_frames,
    open_container,
    read_packets,
    video_stream,
)
from ifc_core.io.video_file import FileReader
from ifc_core.io.video_index import FrameIndex, PacketTable
from ifc_core.io.video_probe import probe_head
from ifc_core.io.video_scan import (
    FileScan,
    describe_scan,
    frame_times,
    is_remembered,
    scan_file,
)
from ifc_core.jobs import JobContext

_QUICK_BYTES = 8 << 20
_QUICK_INDEXED_BYTES = 1 << 30
_FIRST_PACKETS = 300


def takes_long(path: Path) -> bool:
    """Whether making the index of a file may take longer than a person likes to wait.

    Raises:
        VideoError: The file is no video or may not be read.
    """
    if is_remembered(path):
        return False
    size = path.stat().st_size
    if size <= _QUICK_BYTES:
        return False
    with open_container(path) as container:
        stream = video_stream(container, path)
        if is_deep_grey(stream.codec_context.pix_fmt):
            return False  # its greys need frames of all the film
        return size > _QUICK_INDEXED_BYTES or not len(stream.index_entries)


class ProvisionalReader(FileReader):
    """A file of which the first frames are known at once and the others come.

    ``video.num_frames`` is what the file says of itself, or an estimate by its length; see
    :meth:`VideoReader.finish_index`.

    Args:
        path: The file.

    Raises:
        VideoError: The file has no frame that can be read.
    """

    def __init__(self, path: Path) -> None:
        scan, estimate, self._rate, self._time_base = _look(path)
        self._begin(path, scan)
        self.is_provisional = True
        self.video = replace(self.video, num_frames=max(estimate, len(scan.index)))

    @property
    def num_indexed(self) -> int:
        """Frames that can be read now."""
        return len(self._index)

    def finish_index(self, context: JobContext | None = None) -> None:
        """See :meth:`VideoReader.finish_index`."""
        if not self.is_provisional:
            return
        scan = scan_file(self._path, context, self)
        with self._lock:
            self._take(scan.table, scan.index)
            self.first_readable = scan.first_readable
            self._cache.clear()  # should the beginning have been misjudged
            self._is_positioned = False
            self.pts_seconds = scan.pts_seconds.copy()
            self.warning = scan.warning
            self.video = replace(
                self.video, num_frames=len(scan.index), fps=scan.fps, fingerprint=scan.fingerprint
            )
            self.is_provisional = False

    def packets(self, table: PacketTable) -> None:
        """Packets read so far (called while the index is made)."""
        if table.has_times and not self._decoder.hides_order:
            begin = int(self._index.ordinals[0])  # what lies before it does not decode
            index = FrameIndex.build(table)
            index = FrameIndex.build(table, index.ordinals[int(index.ranks[begin]) :])
            self._extend(table, index.settled(table))

    def frames(self, table: PacketTable, index: FrameIndex) -> None:
        """Frames found by decoding so far (called while the index is made)."""
        self._extend(table, index)

    def _extend(self, table: PacketTable, index: FrameIndex) -> None:
        if len(index) <= len(self._index):
            return
        with self._lock:
            self._take(table, index)
            self.pts_seconds = frame_times(table, index, self._rate, self._time_base)
            num_frames = max(self.video.num_frames, len(index))
            self.video = replace(self.video, num_frames=num_frames)

    def _take(self, table: PacketTable, index: FrameIndex) -> None:
        self._index = index
        self._decoder.extend(table)


def _look(path: Path) -> tuple[FileScan, int, float, float]:
    """The beginning of a file, how many frames it may have, its rate and its time base."""
    with open_container(path) as container:
        stream = video_stream(container, path)
        rate = float(stream.average_rate or stream.guessed_rate or 0.0)
        time_base = float(stream.time_base or 0.0)
        seconds = (container.duration or 0) / 1e6
        declared = declared_frames(container, stream)
        table = read_packets(container, stream, most=_FIRST_PACKETS)
    if not len(table):
        raise VideoError(f"{path} holds no frames.", path=path)
    decoder = PacketDecoder(path, table)
    try:
        found = probe_head(table, decoder)
    finally:
        decoder.close()
    if found is None or len(found.index) <= found.first_readable:
        raise VideoError(f"No frame at the beginning of {path} can be decoded.", path=path)
    scan = describe_scan(path, table, found, rate, time_base)
    return scan, declared or _estimate(path, table, seconds * (rate or scan.fps)), rate, time_base


def _estimate(path: Path, table: PacketTable, by_time: float) -> int:
    """Frames that the file may have, by its length in seconds or else in bytes."""
    if by_time >= 1:
        return round(by_time)
    span = int(table.positions[-1] - table.positions[0])
    if len(table) < 2 or span <= 0:
        return len(table)
    return round(path.stat().st_size * (len(table) - 1) / span)
