"""Decoding from any packet of a video file, with every frame traced to its packet."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ifc_core.errors import VideoError
from ifc_core.io.frame_list import is_frame_name
from ifc_core.io.time_jumps import NO_TIME, shifts_of_parts
from ifc_core.io.video_index import PacketFinder, PacketTable

# Containers of video. Playlists and scripts (hls, dash, concat, ...) are left out: they
# would make the program open other files.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,live_flv,asf,ogg,gif,"
    "apng,mjpeg,h264,hevc,av1,obu,ivf,yuv4mpegpipe,mxf,dv,nut,wtv,rm,m4v,vc1"
)
_BEGIN_WITH_KEYFRAME = {"mp4", "matroska", "avi"}
_FIRST_PART = 1024
_TIMES_MAY_JUMP = 0x0200  # AVFMT_TS_DISCONT
_SKIPPABLE = (av.error.InvalidDataError, av.error.EOFError)


def open_container(path: Path) -> InputContainer:
    """Open a local file for reading, and nothing but that file.

    Args:
        path: The file.

    Returns:
        The container.

    Raises:
        VideoError: The file is not a video or may not be read.
    """
    options = {"protocol_whitelist": "file", "format_whitelist": _FORMATS}
    try:
        address = f"file:{os.fspath(path.absolute())}"
        return av.open(address, options=options, metadata_errors="ignore")
    except (av.error.PermissionError, PermissionError) as error:
        raise VideoError(f"{path} may not be read; check its permissions.", path=path) from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        if is_frame_name(path.name):
            text = f"{path} is a picture; open the folder that holds the frames as pictures."
        else:
            text = f"{path} is not a video that can be read; it may be cut off or of another kind."
        raise VideoError(text, path=path) from error


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The first moving picture in a container (not a cover image).

    Args:
        container: The open file.
        path: Its path, for the message.

    Returns:
        The stream.

    Raises:
        VideoError: There is none, or nothing here can decode it.
    """
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            if stream.codec_context is None:
                raise VideoError(f"{path} uses a codec that is not supported.", path=path)
            return stream
    if container.streams.audio:
        raise VideoError(f"{path} holds sound but no picture.", path=path)
    raise VideoError(f"{path} holds no video.", path=path)


def declared_frames(container: InputContainer, stream: VideoStream) -> int:
    """How many packets a file claims to have, 0 where it does not say.

    In a film that was trimmed by its edit list, those that this leaves out altogether do not count.
    """
    if "mp4" not in container.format.name.split(","):
        return stream.frames
    return min(stream.frames, len(stream.index_entries)) or stream.frames


def read_packets(
    container: InputContainer,
    stream: VideoStream,
    tick: Callable[[int], None] | None = None,
    on_part: Callable[[PacketTable], None] | None = None,
    most: int | None = None,
) -> PacketTable:
    """Go through the file without decoding.

    Args:
        container: The file, at its start.
        stream: The video in it.
        tick: Called now and then with the number of packets read; may raise to stop.
        on_part: Given what was read so far, each time that it has doubled.
        most: Stop after so many packets.

    Returns:
        All packets up to the end, or up to where the file cannot be read any more.
    """
    rows: list[tuple[int, int, int, bool, bool]] = []
    may_jump = bool(container.format.flags & _TIMES_MAY_JUMP)
    ticks_per_second = float(1 / stream.time_base) if stream.time_base else 0.0
    damaged = False
    next_part = _FIRST_PART
    try:
        for packet in container.demux(stream):
            if packet.size == 0:
                continue
            pts = NO_TIME if packet.pts is None else packet.pts
            dts = NO_TIME if packet.dts is None else packet.dts
            position = -1 if packet.pos is None else packet.pos
            damaged |= packet.is_corrupt
            rows.append((pts, dts, position, packet.is_keyframe, not packet.is_discard))
            if tick is not None and len(rows) % 2048 == 0:
                tick(len(rows))
            if on_part is not None and len(rows) >= next_part:
                next_part = 2 * len(rows)
                on_part(_table(rows, damaged, ticks_per_second, may_jump))
            if most is not None and len(rows) >= most:
                break
    except (av.error.FFmpegError, OSError):
        damaged = True
    return _table(rows, damaged, ticks_per_second, may_jump)


def _table(
    rows: list[tuple[int, int, int, bool, bool]],
    damaged: bool,
    ticks_per_second: float,
    may_jump: bool,
) -> PacketTable:
    columns = np.array(rows, dtype=np.int64).reshape(-1, 5).T
    pts, dts, positions = (np.ascontiguousarray(c) for c in columns[:3])
    is_keyframe, is_shown = (c.astype(bool) for c in columns[3:])
    shifts = np.zeros_like(pts)
    if is_shown.all():  # where an edit list hides some, the others' times go on, and theirs do not
        shifts = shifts_of_parts(pts, dts, is_keyframe, ticks_per_second, may_jump)
    return PacketTable(pts, dts, shifts, positions, is_keyframe, is_shown, damaged)


class PacketDecoder:
    """Decodes packets in order, starting anywhere; says which packet each frame came from.

    Each packet is given its ordinal as its time stamp before it enters the decoder, which
    hands the stamp on with the picture. So frames are known for certain, whatever the time
    stamps of the file are.
    """

    def __init__(self, path: Path, table: PacketTable) -> None:
        self._path = path
        self._table = table
        self._finder = PacketFinder(table)
        self.next_ordinal = 0
        self._open()

    def _open(self) -> None:
        self._container = open_container(self._path)
        self._stream = video_stream(self._container, self._path)
        self._stream.thread_type = "AUTO"
        self._packets: Iterator[Packet[VideoStream]] = self._container.demux(self._stream)
        self._held: Packet[VideoStream] | None = None
        self._ended = False
        self.next_ordinal = 0

    def close(self) -> None:
        """Let go of the file."""
        self._container.close()

    def extend(self, table: PacketTable) -> None:
        """Take a table of more packets that begins with the ones known."""
        self._table = table
        self._finder = PacketFinder(table)

    @property
    def ended(self) -> bool:
        """Whether every packet was decoded."""
        return self._ended

    @property
    def hides_order(self) -> bool:
        """Whether the file's times are those of decoding although pictures are reordered (AVI)."""
        context = self._stream.codec_context
        return self._container.format.name == "avi" and bool(context.has_b_frames)

    @property
    def begins_with_keyframe(self) -> bool:
        """Whether a file of this kind begins with a keyframe, so that damage alone hides one.

        Recordings of a broadcast begin anywhere. A damaged packet is not marked as a keyframe.
        """
        return bool(_BEGIN_WITH_KEYFRAME & set(self._container.format.name.split(",")))

    def restart(self, ordinal: int) -> None:
        """Make ``ordinal`` the next packet to be decoded.

        Args:
            ordinal: A keyframe's packet, or 0.

        Raises:
            VideoError: The file went away or changed.
        """
        if ordinal == 0 or not self._seek(ordinal):
            self._rewind()
            self._skip_to(ordinal)

    def _rewind(self) -> None:
        self.close()
        self._open()

    def _seek(self, ordinal: int) -> bool:
        """Seek to a packet or a little before it; False if the file does not allow it."""
        time = self._table.seek_time(ordinal)
        if time is None or not self._finder.is_usable:
            return False
        base = self._table.seek_time(0)
        for back in (0, 1, 8):
            target = time if back == 0 else self._earlier(ordinal, back)
            if target is None or (base is not None and target < base):
                return False
            try:
                self._container.seek(target, stream=self._stream, backward=True)
            except (av.error.FFmpegError, OSError):
                return False
            landed = self._land()
            if landed is not None and landed <= ordinal:
                self._skip_to(ordinal)
                return True
        return False

    def _earlier(self, ordinal: int, packets: int) -> int | None:
        return self._table.seek_time(max(0, ordinal - packets))

    def _land(self) -> int | None:
        """Read one packet after a seek and recognise it."""
        self._packets = self._container.demux(self._stream)
        self._ended = False
        self._held = None
        packet = self._next_packet()
        if packet is None:
            return None
        found = self._finder.find(packet.pos, packet.pts)
        if found is not None:
            self._held = packet
            self.next_ordinal = found
        return found

    def _skip_to(self, ordinal: int) -> None:
        while self.next_ordinal < ordinal:
            if self._next_packet() is None:
                raise VideoError(f"{self._path} changed while it was open.", path=self._path)
            self.next_ordinal += 1

    def _next_packet(self) -> Packet[VideoStream] | None:
        if self._held is not None:
            packet, self._held = self._held, None
            return packet
        with suppress(StopIteration, av.error.FFmpegError, OSError):
            while True:
                packet = next(self._packets)
                if packet.size:
                    return packet
        return None

    def advance(self) -> list[tuple[int | None, VideoFrame]]:
        """Decode one packet, or at the end whatever the decoder still holds.

        Returns:
            (ordinal, frame) pairs that came out, in display order; often one, sometimes none.
        """
        if self._ended:
            return []
        packet = self._next_packet() if self.next_ordinal < len(self._table) else None
        context = self._stream.codec_context
        try:
            if packet is None:
                self._ended = True
                frames = context.decode(None)
            else:
                packet.pts = self.next_ordinal
                self.next_ordinal += 1
                frames = context.decode(packet)
        except _SKIPPABLE:
            return []
        except av.error.FFmpegError as error:
            raise VideoError(
                f"{self._path} cannot be decoded: {error.strerror}.", path=self._path
            ) from error
        return [(self._origin(frame.pts), frame) for frame in frames]

    def _origin(self, stamp: int | None) -> int | None:
        """The packet a stamp stands for; none for a stamp that a decoder made up."""
        return stamp if stamp is not None and 0 <= stamp < len(self._table) else None
