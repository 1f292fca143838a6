"""Masks of a run, kept on disk until the run knows which instances it found."""

from __future__ import annotations

import sqlite3
from types import TracebackType
from typing import Self

from ifc_core.inference.results import FrameResult
from ifc_core.structures import RLEMask


class MaskSpool:
    """Takes masks frame by frame, gives them back track by track.

    A long recording has more masks than fit into memory. They go into a private temporary
    database, which the system removes when it is closed or the process dies.
    """

    def __init__(self) -> None:
        self._db = sqlite3.connect("")
        self._db.execute(
            "CREATE TABLE masks (video INT, instance INT, position INT, height INT, width INT,"
            " counts BLOB, PRIMARY KEY (video, instance, position)) WITHOUT ROWID"
        )

    def add(self, video: int, position: int, frame: FrameResult) -> None:
        """Keep the masks of a frame.

        Args:
            video: Number of the video.
            position: Place of the frame among those that were looked at.
            frame: The frame.
        """
        rows = [
            (video, mask.instance_id, position, *mask.rle.size, mask.rle.counts)
            for mask in frame.masks
        ]
        self._db.executemany("INSERT INTO masks VALUES (?, ?, ?, ?, ?, ?)", rows)

    def track(self, video: int, instance: int, length: int) -> tuple[RLEMask | None, ...]:
        """All masks of one instance.

        Args:
            video: Number of the video.
            instance: Number of the instance.
            length: Frames that were looked at.

        Returns:
            One entry a frame, ``None`` where the instance has no mask.
        """
        masks: list[RLEMask | None] = [None] * length
        rows = self._db.execute(
            "SELECT position, height, width, counts FROM masks WHERE video = ? AND instance = ?",
            (video, instance),
        )
        for position, height, width, counts in rows:
            masks[position] = RLEMask((height, width), counts)
        return tuple(masks)

    def index_by_frame(self) -> None:
        """Prepare for :meth:`frame`."""
        self._db.execute("CREATE INDEX IF NOT EXISTS frames ON masks (video, position)")

    def frame(self, video: int, position: int) -> dict[int, RLEMask]:
        """The masks of one frame, by instance."""
        rows = self._db.execute(
            "SELECT instance, height, width, counts FROM masks"
            " WHERE video = ? AND position = ? ORDER BY instance",
            (video, position),
        )
        return {i: RLEMask((height, width), counts) for i, height, width, counts in rows}

    def close(self) -> None:
        """Remove everything."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
