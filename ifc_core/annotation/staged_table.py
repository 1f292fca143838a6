"""The staged results of one run as columns of numbers."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ifc_core.annotation.pointer_tables import Table, read_table
from ifc_core.annotation.records import Scope
from ifc_core.annotation.schema import STATE_CODE
from ifc_core.structures import FrameState

_INSTANCE, _FRAME, _MASK, _SOURCE, _AREA = range(5)


@dataclass(frozen=True, slots=True)
class StagedTable:
    """Staged records, by instance and frame; n of them.

    Attributes:
        rows: (n, 5) int64: instance, frame, record, source, area (0 where absent).
    """

    rows: Table

    @classmethod
    def read(
        cls, db: sqlite3.Connection, run_id: int, scope: Scope, min_area_px: int
    ) -> StagedTable:
        """What a run staged.

        Args:
            db: The project.
            run_id: The run.
            scope: Leave out other frames.
            min_area_px: Leave out smaller masks.
        """
        rows = read_table(
            db,
            "SELECT instance_id, frame_index, mask_id, masks.source, masks.area FROM staged "
            "JOIN masks ON masks.id = mask_id "
            "WHERE staged.run_id = ? AND frame_index BETWEEN ? AND ? AND masks.area >= ?",
            (run_id, scope.first or 0, 1 << 62 if scope.last is None else scope.last, min_area_px),
            width=5,
        )
        return cls(rows[np.lexsort((rows[:, _FRAME], rows[:, _INSTANCE]))])

    @property
    def instance_ids(self) -> list[int]:
        """Every instance that has a record, ascending."""
        return [int(i) for i in np.unique(self.rows[:, _INSTANCE])]

    @property
    def instances(self) -> Table:
        """(n,) instance of each record."""
        return self.rows[:, _INSTANCE]

    @property
    def masks(self) -> Table:
        """(n,) id of each record."""
        return self.rows[:, _MASK]

    @property
    def frames(self) -> Table:
        """(n,) frame of each record."""
        return self.rows[:, _FRAME]

    @property
    def areas(self) -> Table:
        """(n,) pixels of each record."""
        return self.rows[:, _AREA]

    def of(self, instance_id: int) -> StagedTable:
        """The records of one instance."""
        return StagedTable(self.rows[self.place_of(instance_id)])

    def place_of(self, instance_id: int) -> slice:
        """Where the records of one instance are, by frame."""
        first, last = np.searchsorted(self.rows[:, _INSTANCE], [instance_id, instance_id + 1])
        return slice(int(first), int(last))

    def only(self, chosen: npt.NDArray[np.bool_]) -> StagedTable:
        """The records that are chosen."""
        return StagedTable(self.rows[chosen])

    def by_frame(self, instance_ids: set[int]) -> dict[int, list[tuple[int, int]]]:
        """Frame -> (instance, record) of some instances, those with a mask."""
        wanted = np.isin(self.rows[:, _INSTANCE], np.fromiter(instance_ids, np.int64))
        rows = self.rows[wanted & (self.rows[:, _AREA] > 0)]
        rows = rows[np.argsort(rows[:, _FRAME], kind="stable")]
        frames, begins = np.unique(rows[:, _FRAME], return_index=True)
        groups = np.split(rows[:, [_INSTANCE, _MASK]], begins[1:])
        return {
            int(frame): [(int(i), int(m)) for i, m in group]
            for frame, group in zip(frames, groups, strict=len(frames) > 0)
        }

    def shown_in(self, video_id: int, track_id: int) -> Table:
        """(n, 8) pointer table of the track on these frames, as if nothing were annotated."""
        table = np.zeros((len(self.rows), 8), dtype=np.int64)
        table[:, 0], table[:, 1], table[:, 2] = video_id, self.frames, track_id
        return table

    def pointers(self) -> Table:
        """(n, 5) pointers that show the records as proposals."""
        table = np.ones((len(self.rows), 5), dtype=np.int64)
        table[:, 0], table[:, 1] = self.rows[:, _MASK], STATE_CODE[FrameState.PROPOSED]
        table[:, 3:] = self.rows[:, [_SOURCE, _AREA]]
        return table

    def __len__(self) -> int:
        return len(self.rows)
