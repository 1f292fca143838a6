"""Times of packets that jump, as where recordings were put one behind the other.

Each part of such a file (MPEG transport streams joined by a copy, a recorder that was restarted)
counts its time anew. Put in order by these times, the pictures of one part would come to lie
between those of another. So parts are told apart by their times of decoding, which within a part
never go back.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

NO_TIME = np.iinfo(np.int64).min
"""Stands for a time that a packet does not have."""

_BACK_SECONDS = 0.1
_GAP_SECONDS = 10.0
Times = npt.NDArray[np.int64]


def shifts_of_parts(
    pts: Times,
    dts: Times,
    is_keyframe: npt.NDArray[np.bool_],
    ticks_per_second: float,
    closes_gaps: bool,
) -> Times:
    """What to take off the times of each packet so that every part goes on after the one before.

    A part begins where the time of decoding goes back by more than a tenth of a second, or at a
    keyframe by any time. As FFmpeg's own program does, gaps of more than ten seconds are closed too
    in formats that allow for jumps.

    Args:
        pts: (N,) display times in file order, ``NO_TIME`` where there is none.
        dts: (N,) times of decoding, likewise.
        is_keyframe: (N,) bool.
        ticks_per_second: Of both.
        closes_gaps: Whether times of this format may jump.

    Returns:
        (N,) int64; zeros where nothing jumps.
    """
    shifts = np.zeros(len(pts), dtype=np.int64)
    known = np.flatnonzero(dts != NO_TIME)
    if len(known) < 2 or ticks_per_second <= 0:
        return shifts
    steps = np.diff(dts[known])
    begins = (steps < -_BACK_SECONDS * ticks_per_second) | ((steps < 0) & is_keyframe[known[1:]])
    if closes_gaps:
        begins |= steps > _GAP_SECONDS * ticks_per_second
    usual = np.flatnonzero((steps > 0) & ~begins)
    places = np.searchsorted(known[usual + 1], known[1:][begins]) - 1
    starts = [0, *known[1:][begins].tolist(), len(pts)]
    ends = [_ends(pts[a:b], dts[a:b]) for a, b in pairwise(starts)]
    for part, (start, stop) in enumerate(pairwise(starts[1:]), start=1):
        step = int(steps[usual[places[part - 1]]]) if places[part - 1] >= 0 else 1
        last = ends[part - 1][1] - int(shifts[start - 1])
        shifts[start:stop] = ends[part][0] - last - step
    return shifts


def _ends(pts: Times, dts: Times) -> tuple[int, int]:
    """The first and the last time of a part."""
    times = pts[pts != NO_TIME]
    if not len(times):
        times = dts[dts != NO_TIME]
    return int(times.min()), int(times.max())
