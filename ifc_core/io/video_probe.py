"""Which frames of a file really decode, found out at its head and tail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame

from ifc_core.errors import VideoError
from ifc_core.io.packet_decoder import PacketDecoder
from ifc_core.io.video_index import FrameIndex, PacketTable
from ifc_core.jobs import JobContext

_HEAD_PACKETS = 32
_TAIL_PACKETS = 300


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What the probe found.

    Attributes:
        index: The frames that can be read, and broken ones before or between them.
        first_frame: The first one that can be read.
        first_readable: Its number.
        warning: What cannot be read, or empty.
    """

    index: FrameIndex
    first_frame: VideoFrame
    first_readable: int
    warning: str


def probe_frames(
    path: Path,
    table: PacketTable,
    decoder: PacketDecoder,
    declared: int,
    context: JobContext | None,
    on_part: Callable[[PacketTable, FrameIndex], None] | None = None,
) -> ProbeResult:
    """Find the frames that can be read.

    Sound files are decoded at their head and in their last group of pictures alone. Where that
    shows frames missing in between, or where packets have no display times (AVI with reordered
    pictures), the whole file is decoded once.

    Args:
        path: The file, for messages.
        table: Its packets.
        decoder: A decoder on it; its position afterwards is undefined.
        declared: Frames that the container claims to have, 0 where it does not say.
        context: May cancel a long scan.
        on_part: Given the packets and the frames that a scan found so far, each time that
            they have doubled.

    Returns:
        Index, first frame, and a warning where frames are missing.

    Raises:
        VideoError: No frame can be decoded.
    """
    first, head = _decode_head(decoder)
    if first is None:
        raise VideoError(f"No frame of {path} can be decoded.", path=path)
    is_ordered = table.has_times and not decoder.hides_order
    index = FrameIndex.build(table) if is_ordered else None
    if index is not None:
        index = _checked_head(table, index, head, decoder.begins_with_keyframe)
    if index is not None:
        damaged = table.is_damaged or 0 < declared != len(table)
        index = _checked_tail(table, index, decoder, damaged)
    if index is None:
        index = _scan(table, decoder, context, on_part)
    begin = _first_readable(index, head)
    warning = _warning(path, table, index, declared) or _warning_of_head(path, begin)
    return ProbeResult(index, first, begin, warning)


def _decode_head(decoder: PacketDecoder) -> tuple[VideoFrame | None, list[int]]:
    """The first frame, and the ordinals that came out, going on until there is one."""
    decoder.restart(0)
    first: VideoFrame | None = None
    ordinals: list[int] = []
    while not decoder.ended and (first is None or decoder.next_ordinal < _HEAD_PACKETS):
        for ordinal, frame in decoder.advance():
            first = first or frame
            ordinals.append(-1 if ordinal is None else ordinal)
    return first, ordinals


def _checked_head(
    table: PacketTable, index: FrameIndex, head: list[int], whole: bool
) -> FrameIndex | None:
    """Drop frames at the head that no decoder could show; ``None`` where the order is another.

    A recording that begins in the middle of a group of pictures has frames before its first
    keyframe. Where a file begins with a keyframe (``whole``), frames from there on keep their
    number, also where they are broken.
    """
    ranks = index.ranks[head]
    if min(head) < 0 or ranks.min() < 0:
        return None
    begin = int(ranks[0])
    if whole and index.ranks[0] >= 0 and np.all(np.diff(ranks) > 0):
        begin = min(begin, int(index.ranks[0]))
    elif np.any(np.diff(ranks) != 1):
        return None
    return index.without(table, index.ordinals[:begin])


def _checked_tail(
    table: PacketTable, index: FrameIndex, decoder: PacketDecoder, damaged: bool
) -> FrameIndex | None:
    """Drop frames at the end that do not decode; ``None`` where others are missing too."""
    while len(index):
        start = next(iter(index.start_ordinals(len(index) - 1)))
        if not damaged and len(table) - start > _TAIL_PACKETS:
            return index
        decoder.restart(start)
        seen: list[int] = []
        while not decoder.ended:
            seen.extend(-1 if ordinal is None else ordinal for ordinal, _ in decoder.advance())
        group = index.ordinals[max(0, int(index.ranks[start])) :]
        is_seen = np.isin(group, seen)
        if is_seen.all():
            return index
        last = int(np.flatnonzero(is_seen)[-1]) if is_seen.any() else -1
        if not is_seen[: last + 1].all():
            return None
        index = index.without(table, group[last + 1 :])
        if last >= 0:
            return index
    return None


def _scan(
    table: PacketTable,
    decoder: PacketDecoder,
    context: JobContext | None,
    on_part: Callable[[PacketTable, FrameIndex], None] | None,
) -> FrameIndex:
    """Decode the whole file and note what comes out."""
    decoder.restart(0)
    ordinals: list[int] = []
    next_part = _HEAD_PACKETS
    while not decoder.ended:
        for ordinal, _ in decoder.advance():
            if ordinal is not None:
                ordinals.append(ordinal)
        if context is not None:
            context.advance(decoder.next_ordinal, len(table), "Counting frames")
        if on_part is not None and len(ordinals) >= next_part:
            next_part = 2 * len(ordinals)
            on_part(table, _index_of(table, decoder, ordinals))
    return _index_of(table, decoder, ordinals)


def _index_of(table: PacketTable, decoder: PacketDecoder, ordinals: list[int]) -> FrameIndex:
    """The frames that came out, in that order, behind those that a damaged head holds back."""
    unique = list(dict.fromkeys(ordinals))
    if unique and decoder.begins_with_keyframe:
        # None of them decodes, so their order among themselves does not matter.
        unique = [*np.flatnonzero(table.is_shown[: min(unique)]).tolist(), *unique]
    return FrameIndex.build(table, np.array(unique, dtype=np.int64))


def probe_head(table: PacketTable, decoder: PacketDecoder) -> ProbeResult | None:
    """The frames at the beginning of a file of which only some packets were read.

    Args:
        table: The first packets.
        decoder: A decoder on them; its position afterwards is undefined.

    Returns:
        Frames whose place no later packet can change, and the first picture; ``None`` where
        nothing could be decoded yet.
    """
    first, head = _decode_head(decoder)
    if first is None:
        return None
    index = FrameIndex.build(table) if table.has_times and not decoder.hides_order else None
    if index is not None:
        index = _checked_head(table, index, head, decoder.begins_with_keyframe)
    if index is None:  # as far as the pictures came out
        index = _index_of(table, decoder, [ordinal for ordinal in head if ordinal >= 0])
    else:
        index = index.settled(table)
    return ProbeResult(index, first, _first_readable(index, head), "")


def _first_readable(index: FrameIndex, head: list[int]) -> int:
    seen = [int(index.ranks[ordinal]) for ordinal in head if ordinal >= 0]
    return min((rank for rank in seen if rank >= 0), default=0)


def _warning_of_head(path: Path, begin: int) -> str:
    if not begin:
        return ""
    return f"{path.name} is damaged at its beginning: frame {begin} is the first that can be read."


def _warning(path: Path, table: PacketTable, index: FrameIndex, declared: int) -> str:
    hidden = len(table) - int(table.is_shown.sum())
    expected = max(declared, len(table)) - hidden
    cut = table.is_damaged or declared > len(table)
    if len(index) >= expected or not (cut or len(index) < len(table) - hidden):
        return ""
    return (
        f"{path.name} is cut off or damaged: {len(index)} of about {expected} frames can be read."
    )
