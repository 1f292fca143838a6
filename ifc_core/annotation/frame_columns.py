"""What is known of every track on every frame, as columns of numbers.

A long video with hundreds of tracks has millions of (track, frame) pairs; as Python objects
they would take gigabytes and minutes. SQLite joins the values of a block of frames into text,
so that a worker holds the interpreter's lock only while numpy reads that text.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ifc_core.annotation.records import WHOLE, Scope
from ifc_core.annotation.rows import checked_rles
from ifc_core.annotation.schema import HIDDEN_CODES

_FRAMES_AT_ONCE = 512
_MASKS_AT_ONCE = 512
_UNIT = 1 << 16  # signals travel as whole numbers of this part

_NUM_COLUMNS = 8
_NUM_FIELDS = 8  # of FrameColumns
_QUERY = """
SELECT group_concat(track_id), group_concat(frame_index), group_concat(current.mask_id),
    group_concat(state * 16 + source), group_concat(area),
    group_concat(coalesce(CAST(uncertainty * 65536 AS INTEGER), -1)),
    group_concat(coalesce(CAST(link_score * 65536 AS INTEGER), -1)),
    group_concat(coalesce(CAST(quality * 65536 AS INTEGER), -1))
FROM current LEFT JOIN signals ON signals.mask_id = current.mask_id
"""


@dataclass(frozen=True, slots=True, eq=False)
class FrameColumns:
    """The annotated frames of one track, ascending.

    Attributes:
        frame_index: (n,) int32.
        mask_id: (n,) int64, the records.
        state: (n,) uint8, places in ``schema.FRAME_STATES``.
        source: (n,) uint8, places in ``schema.MASK_SOURCES``.
        area_px: (n,) int32, 0 where absent.
        uncertainty: (n,) float32 in 0 to 1, NaN where it was not measured.
        link_score: (n,) float32 in 0 to 1, NaN where it was not measured.
        quality: (n,) float32 in 0 to 1, estimated IoU with the true object, NaN where nothing
            estimated it.
    """

    frame_index: npt.NDArray[np.int32]
    mask_id: npt.NDArray[np.int64]
    state: npt.NDArray[np.uint8]
    source: npt.NDArray[np.uint8]
    area_px: npt.NDArray[np.int32]
    uncertainty: npt.NDArray[np.float32]
    link_score: npt.NDArray[np.float32]
    quality: npt.NDArray[np.float32]

    @classmethod
    def empty(cls) -> FrameColumns:
        """No frame at all."""
        return _columns(np.zeros((_NUM_COLUMNS, 0), dtype=np.int64))

    def __len__(self) -> int:
        return len(self.frame_index)

    @property
    def has_mask(self) -> npt.NDArray[np.bool_]:
        """(n,) bool, where a mask is shown: neither absent nor rejected."""
        return np.asarray((self.area_px > 0) & ~np.isin(self.state, HIDDEN_CODES), dtype=np.bool_)

    def take(self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.intp] | slice) -> FrameColumns:
        """The same columns, fewer frames.

        Args:
            chosen: A mask, places or a slice.
        """
        return FrameColumns(
            self.frame_index[chosen],
            self.mask_id[chosen],
            self.state[chosen],
            self.source[chosen],
            self.area_px[chosen],
            self.uncertainty[chosen],
            self.link_score[chosen],
            self.quality[chosen],
        )

    def spliced(self, first: int, last: int, fresh: FrameColumns) -> FrameColumns:
        """These columns with other ones for frames ``first`` to ``last`` (included)."""
        left = int(np.searchsorted(self.frame_index, first))
        right = int(np.searchsorted(self.frame_index, last, side="right"))
        parts = (self.take(slice(0, left)), fresh, self.take(slice(right, None)))
        return _joined(parts)


def _joined(parts: tuple[FrameColumns, ...]) -> FrameColumns:
    return FrameColumns(
        np.concatenate([p.frame_index for p in parts]),
        np.concatenate([p.mask_id for p in parts]),
        np.concatenate([p.state for p in parts]),
        np.concatenate([p.source for p in parts]),
        np.concatenate([p.area_px for p in parts]),
        np.concatenate([p.uncertainty for p in parts]),
        np.concatenate([p.link_score for p in parts]),
        np.concatenate([p.quality for p in parts]),
    )


def has_more_than(db: sqlite3.Connection, video_id: int, count: int) -> bool:
    """Whether a video has more than ``count`` (track, frame) pairs; cheap for any video."""
    query = "SELECT 1 FROM current WHERE video_id = ? LIMIT 1 OFFSET ?"
    return db.execute(query, (video_id, count)).fetchone() is not None


def columns_of_track(db: sqlite3.Connection, track_id: int, scope: Scope = WHOLE) -> FrameColumns:
    """The columns of one track.

    Args:
        db: Connection.
        track_id: The track; an unknown one has no frames.
        scope: Only these frames.
    """
    last = (1 << 62) if scope.last is None else scope.last
    query = _QUERY + "WHERE track_id = ? AND frame_index BETWEEN ? AND ?"
    row = db.execute(query, (track_id, scope.first or 0, last)).fetchone()
    return _columns(_sorted(_numbers(row)))


def boxes_of(
    db: sqlite3.Connection, folder: Path, mask_ids: Sequence[int], size: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """(n, 4) float32 tight boxes (x, y, width, height) of records; zeros where absent.

    Raises:
        ProjectError: A stored mask is damaged.
    """
    boxes = np.zeros((len(mask_ids), 4), dtype=np.float32)
    read = "SELECT counts FROM masks WHERE id = ?"
    for start in range(0, len(mask_ids), _MASKS_AT_ONCE):
        part = mask_ids[start : start + _MASKS_AT_ONCE]
        found = [db.execute(read, (int(mask_id),)).fetchone() for mask_id in part]
        masks = checked_rles([row and row[0] for row in found], size, folder)
        for place, mask in enumerate(masks, start=start):
            if mask is not None:
                boxes[place] = mask.bbox_xywh
    return boxes


def columns_of_video(db: sqlite3.Connection, video_id: int) -> dict[int, FrameColumns]:
    """The columns of all tracks of a video: track id -> columns."""
    blocks: list[list[npt.NDArray[Any]]] = [[] for _ in range(1 + _NUM_FIELDS)]
    for table in _blocks(db, video_id):
        for column, part in zip(blocks, (table[0].astype(np.int32), *_fields(table)), strict=True):
            column.append(part)
    if not blocks[0]:
        return {}
    track_id = np.concatenate(blocks[0])
    order = np.lexsort((np.concatenate(blocks[1]), track_id))
    ids, starts = np.unique(track_id[order], return_index=True)
    parts = []
    for column in blocks[1:]:
        parts.append(np.split(np.concatenate(column)[order], starts[1:]))
        column.clear()  # of millions of masks not all is held twice
    return {int(i): FrameColumns(*some) for i, *some in zip(ids, *parts, strict=True)}


def _blocks(db: sqlite3.Connection, video_id: int) -> Iterator[npt.NDArray[np.int64]]:
    query = _QUERY + "WHERE video_id = ? GROUP BY frame_index / ?"
    for row in db.execute(query, (video_id, _FRAMES_AT_ONCE)):
        yield _numbers(row)


def _numbers(row: tuple[str | None, ...]) -> npt.NDArray[np.int64]:
    if row[0] is None:
        return np.zeros((_NUM_COLUMNS, 0), dtype=np.int64)
    return np.stack([np.fromstring(str(text), dtype=np.int64, sep=",") for text in row])


def _sorted(table: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return table[:, np.argsort(table[1], kind="stable")]


def _columns(table: npt.NDArray[np.int64]) -> FrameColumns:
    return FrameColumns(*_fields(table))


def _fields(table: npt.NDArray[np.int64]) -> tuple[npt.NDArray[Any], ...]:
    """The fields of :class:`FrameColumns` in their order."""
    return (
        table[1].astype(np.int32),
        table[2].copy(),
        (table[3] >> 4).astype(np.uint8),
        (table[3] & 15).astype(np.uint8),
        table[4].astype(np.int32),
        *map(_signal, table[5:]),
    )


def _signal(values: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Whole numbers back to fractions; -1 stands for none."""
    return np.where(values < 0, np.nan, values / _UNIT).astype(np.float32)
