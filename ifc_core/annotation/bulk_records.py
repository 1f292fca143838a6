"""Mask records by the thousand, outside any edit; an edit shows them afterwards."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Sequence

from ifc_core.annotation.schema import SOURCE_CODE
from ifc_core.structures import MaskSource, RLEMask


def next_mask_id(db: sqlite3.Connection) -> int:
    """The id that the next record gets, inside the caller's transaction."""
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'masks'").fetchone()
    return 1 if row is None else int(row[0]) + 1


def append_records(
    db: sqlite3.Connection,
    items: Sequence[tuple[RLEMask | None, MaskSource]],
    annotator_id: int,
    run_id: int | None = None,
    areas: Sequence[int] | None = None,
) -> range:
    """Append records, inside the caller's transaction.

    Args:
        db: The writer's connection.
        items: (mask or ``None`` for absent, who made it); an empty mask counts as absent.
        annotator_id: Who brings them in.
        run_id: The run they come from.
        areas: Foreground pixels of each, where they are known already.

    Returns:
        Their ids, in order.
    """
    ids = range(first := next_mask_id(db), first + len(items))
    now = time.time()
    if areas is None:
        areas = [0 if rle is None else rle.area for rle, _ in items]
    db.executemany(
        "INSERT INTO masks VALUES (?, ?, ?, ?, ?, ?, 0, ?)",
        (
            (
                mask_id,
                SOURCE_CODE[source],
                area,
                run_id,
                annotator_id,
                now,
                rle.counts if rle is not None and area else None,
            )
            for mask_id, area, (rle, source) in zip(ids, areas, items, strict=True)
        ),
    )
    return ids


def drop_records(db: sqlite3.Connection, ranges: Iterable[range]) -> None:
    """Remove records that nothing shows, inside the caller's transaction."""
    for ids in ranges:
        if ids:
            db.execute("DELETE FROM masks WHERE id BETWEEN ? AND ?", (ids[0], ids[-1]))
