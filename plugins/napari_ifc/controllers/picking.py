"""Which track a click on the canvas means."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ifc_core.structures import MaskRecord, RLEMask
from ifc_core.structures.mask import decode_counts


def covers(rle: RLEMask, x: int, y: int) -> bool:
    """Whether a pixel lies in a mask; nothing is decoded but its run lengths.

    Args:
        rle: The mask.
        x: Column of the pixel.
        y: Row of the pixel.
    """
    height, width = rle.size
    if not (0 <= x < width and 0 <= y < height):
        return False
    ends = np.cumsum(decode_counts(rle.counts))
    return bool(np.searchsorted(ends, x * height + y, side="right") % 2)


def picked(records: Sequence[MaskRecord], x: int, y: int, selected: tuple[int, ...]) -> int | None:
    """The track under a pixel: the topmost one, or the next below where that is current already.

    Args:
        records: What is shown on the frame, lowest first.
        x: Column of the pixel.
        y: Row of the pixel.
        selected: The selected tracks, the current one first.

    Returns:
        Its id, or ``None`` where no mask is.
    """
    under = [r.track_id for r in reversed(records) if r.rle is not None and covers(r.rle, x, y)]
    if not under:
        return None
    if selected and selected[0] in under:
        return under[(under.index(selected[0]) + 1) % len(under)]
    return under[0]


def with_picked(
    selected: tuple[int, ...], track_id: int | None, *, adding: bool
) -> tuple[int, ...]:
    """The selection after a click; what is added becomes the current one, as in the table.

    Args:
        selected: The selected tracks, the current one first.
        track_id: The clicked track, ``None`` beside all masks.
        adding: Whether the click adds to the selection, or takes out what is in it.
    """
    if not adding:
        return () if track_id is None else (track_id,)
    if track_id is None:
        return selected
    if track_id in selected:
        return tuple(i for i in selected if i != track_id)
    return (track_id, *selected)
