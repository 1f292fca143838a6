"""Which packet of a video file holds which displayed frame.

The index is made by reading the packets without decoding them. A packet is known by its
*ordinal*: its place among the video packets of the file, in file (that is, decoding) order. A
frame is known by its *rank*: its place in display order, which is what the rest of the program
calls ``frame_index``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ifc_core.io.time_jumps import NO_TIME

_MOST_REORDERED = 16


@dataclass(frozen=True, slots=True)
class PacketTable:
    """The video packets of a file in file order, N of them.

    Attributes:
        pts: (N,) int64 display time in stream units, ``NO_TIME`` where the file has none.
        dts: (N,) int64 decoding time, likewise.
        shifts: (N,) int64 what to take off both for times that never jump back; the times as such
            are those that the file is sought by.
        positions: (N,) int64 byte offset in the file, -1 where unknown.
        is_keyframe: (N,) bool, decoding can start there.
        is_shown: (N,) bool, False where an edit list hides the frame.
        is_damaged: Reading ended with an error or met packets marked as corrupt.
    """

    pts: npt.NDArray[np.int64]
    dts: npt.NDArray[np.int64]
    shifts: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64]
    is_keyframe: npt.NDArray[np.bool_]
    is_shown: npt.NDArray[np.bool_]
    is_damaged: bool

    def __len__(self) -> int:
        return len(self.pts)

    @property
    def has_times(self) -> bool:
        """Whether every shown packet has a display time."""
        return not bool(np.any(self.pts[self.is_shown] == NO_TIME))

    @property
    def shown_at(self) -> npt.NDArray[np.int64]:
        """(N,) display times that go on where those of the file jump; ``NO_TIME`` as there."""
        return np.where(self.pts == NO_TIME, NO_TIME, self.pts - self.shifts)

    @property
    def decoded_at(self) -> npt.NDArray[np.int64]:
        """(N,) times of decoding, likewise."""
        return np.where(self.dts == NO_TIME, NO_TIME, self.dts - self.shifts)

    def seek_time(self, ordinal: int) -> int | None:
        """Stream time to seek to for reaching a packet, or ``None`` where it has none."""
        for times in (self.dts, self.pts):
            if times[ordinal] != NO_TIME:
                return int(times[ordinal])
        return None


@dataclass(frozen=True, slots=True)
class FrameIndex:
    """Display order over a :class:`PacketTable`, V frames.

    Attributes:
        ordinals: (V,) int64 packet of each displayed frame.
        ranks: (N,) int64 displayed frame of each packet, -1 where it shows none.
        keyframes: (k,) int64 ascending ordinals at which decoding can start.
    """

    ordinals: npt.NDArray[np.int64]
    ranks: npt.NDArray[np.int64]
    keyframes: npt.NDArray[np.int64]

    @classmethod
    def build(cls, table: PacketTable, ordinals: npt.NDArray[np.int64] | None = None) -> FrameIndex:
        """Order the packets for display.

        Args:
            table: The packets.
            ordinals: Packets in display order where that is known from decoding; otherwise
                the shown packets are sorted by their display time.

        Returns:
            The index.
        """
        if ordinals is None:
            shown = np.flatnonzero(table.is_shown)
            ordinals = shown[np.argsort(table.shown_at[shown], kind="stable")]
        ranks = np.full(len(table), -1, dtype=np.int64)
        ranks[ordinals] = np.arange(len(ordinals))
        return cls(ordinals.astype(np.int64), ranks, np.flatnonzero(table.is_keyframe))

    def __len__(self) -> int:
        return len(self.ordinals)

    def without(self, table: PacketTable, missing: Iterable[int]) -> FrameIndex:
        """The index without frames that turned out not to decode.

        Args:
            table: The packets.
            missing: Their ordinals.

        Returns:
            A new index.
        """
        gone = np.fromiter(missing, dtype=np.int64)
        return FrameIndex.build(table, self.ordinals[~np.isin(self.ordinals, gone)])

    def settled(self, table: PacketTable) -> FrameIndex:
        """The frames whose place no packet behind the table can change.

        A picture is stored before it is shown, so what is shown before the last packet was
        decoded is all there.
        """
        times = table.decoded_at[table.dts != NO_TIME]
        if not len(times):
            return FrameIndex.build(table, self.ordinals[: max(0, len(self) - _MOST_REORDERED)])
        shown = table.shown_at[self.ordinals]
        return FrameIndex.build(table, self.ordinals[: int(np.searchsorted(shown, times.max()))])

    def start_ordinals(self, frame_index: int) -> Iterable[int]:
        """Packets from which a frame can be reached, best first, the first packet last.

        The best is the last keyframe that neither lies behind the frame's packet nor is shown
        after it (frames shown before a keyframe but stored after it, as in open groups of
        pictures, need the keyframe before). Others follow in growing steps for files whose
        keyframe marks are not to be trusted.

        Args:
            frame_index: Displayed frame.

        Yields:
            Ordinals.
        """
        place = int(np.searchsorted(self.keyframes, self.ordinals[frame_index], "right")) - 1
        while place > 0 and self.ranks[self.keyframes[place]] > frame_index:
            place -= 1
        step = 1
        while place >= 0:
            yield int(self.keyframes[place])
            if self.keyframes[place] == 0:
                return
            place -= step
            step *= 2
        yield 0


class PacketFinder:
    """Recognises a packet after a seek by its place in the file.

    Files without places for every packet (MPEG program streams) cannot be recognised in: their
    times after a seek may differ from those of a sequential pass, too.
    """

    def __init__(self, table: PacketTable) -> None:
        self._pts = table.pts
        self._order = np.argsort(table.positions, kind="stable")
        self._positions = table.positions[self._order]
        unique = len(table) > 0 and not np.any(np.diff(self._positions) == 0)
        self.is_usable = bool(unique and self._positions[0] >= 0)

    def find(self, position: int | None, pts: int | None) -> int | None:
        """The ordinal of a packet.

        Args:
            position: Its byte offset.
            pts: Its display time, which must agree where the table has one.

        Returns:
            Its ordinal, or ``None`` if no packet of the table is like it.
        """
        if position is None or not self.is_usable:
            return None
        place = int(np.searchsorted(self._positions, position))
        if place >= len(self._positions) or self._positions[place] != position:
            return None
        ordinal = int(self._order[place])
        if pts is not None and self._pts[ordinal] not in (NO_TIME, pts):
            return None
        return ordinal
