"""Where a model's proposals are to be believed rather than a propagation that came astray.

Once a carried mask slid off its object, or the object was lost and something else was taken for
it, nothing tells it back. A proposal that was there before is better then, if it is of the same
object. Whether it is, the frames say on which the new mask is still to be believed: where it
agrees with the proposals there, they follow the object; where it does not, they are what the
person wants to be rid of.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt

HARDLY = 0.2
"""Two masks of a smaller IoU hardly overlap."""

_SLID_OFF = 0.02
_WITNESS = 0.1
_SAME = 0.3  # IoU
_NUM_WITNESSES = 5

Flags = npt.NDArray[np.bool_]


def better_left(
    frames: npt.ArrayLike,
    overlap: npt.ArrayLike,
    confidence: npt.ArrayLike,
    trust: npt.ArrayLike,
    corrected: Collection[int],
    lost: Collection[int],
) -> Flags:
    """On which frames the proposals of a model are to stay.

    That is where the new mask hardly overlaps the proposal, is less sure than it, and came
    astray: the object was lost between it and every correction that it was made from, or nearly
    nothing speaks for it. Unless, on the way to such a correction, the nearest new masks that did
    not come astray show that the proposals are of something else.

    Args:
        frames: (n,) ascending, those on which the track has both: a new mask and an untouched
            proposal of a model.
        overlap: (n,) IoU of the two.
        confidence: (n,) how likely the new mask is good, 0 to 1.
        trust: (n,) how likely the proposal is good, 0 to 1.
        corrected: Frames that the new masks were made from.
        lost: Frames on which the object was not found.

    Returns:
        (n,) bool.
    """
    where = np.asarray(frames, np.int64)
    shared, sure = np.asarray(overlap, np.float64), np.asarray(confidence, np.float64)
    ends = np.array(sorted(corrected), np.int64)
    astray = _after_loss(where, ends, np.array(sorted(lost), np.int64)) | (sure < _SLID_OFF)
    left = (shared < HARDLY) & astray & (sure < np.asarray(trust, np.float64))
    speaks = ~astray & (sure >= _WITNESS)
    stretch = np.searchsorted(ends, where)
    speaking: dict[int, npt.NDArray[np.intp]] = {}  # by stretch; there may be thousands of frames
    for place in np.flatnonzero(left):
        between = int(stretch[place])
        if between not in speaking:
            speaking[between] = np.flatnonzero(speaks & (stretch == between))
        witnesses = speaking[between]
        split = int(np.searchsorted(witnesses, place))
        for near in (witnesses[:split][-_NUM_WITNESSES:], witnesses[split:][:_NUM_WITNESSES]):
            if len(near) and np.median(shared[near]) < _SAME:
                left[place] = False
    return left


def _after_loss(
    frames: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], lost: npt.NDArray[np.int64]
) -> Flags:
    """(n,) bool, whether a lost frame lies between a frame and the next end on every side."""
    after = np.searchsorted(ends, frames)
    known = np.concatenate(([-1], ends, [1 << 62]))
    sides = []
    for end, is_there in ((known[after], after > 0), (known[after + 1], after < len(ends))):
        low, high = np.minimum(frames, end), np.maximum(frames, end)
        between = np.searchsorted(lost, high) > np.searchsorted(lost, low)
        sides.append(between | ~is_there)
    found: Flags = np.logical_and(*sides)
    return found
