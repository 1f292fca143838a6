"""Many COCO count strings at once as arrays of run lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_MAX_DIGITS = 7  # base-32 digits of one number, as in ``mask.decode_counts``


@dataclass(frozen=True, slots=True)
class RunBatch:
    """Run lengths of n masks, one after the other.

    Attributes:
        runs: (R,) int64 run lengths in column-major order; those of each mask begin with
            background.
        offsets: (n + 1,) int64, the runs of mask ``i`` are ``offsets[i]`` to
            ``offsets[i + 1]``.
        is_valid: (n,) bool, False where a string is not a COCO count string; the runs of
            such a mask mean nothing.
    """

    runs: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    is_valid: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.is_valid)

    @property
    def totals(self) -> npt.NDArray[np.int64]:
        """(n,) int64 pixels that each mask covers, foreground and background."""
        sums = np.concatenate(([0], np.cumsum(self.runs)))
        return np.asarray(np.diff(sums[self.offsets]), dtype=np.int64)

    @property
    def areas(self) -> npt.NDArray[np.int64]:
        """(n,) int64 foreground pixels."""
        places = np.arange(len(self.runs)) - np.repeat(self.offsets[:-1], np.diff(self.offsets))
        sums = np.concatenate(([0], np.cumsum(np.where(places & 1, self.runs, 0))))
        return np.asarray(np.diff(sums[self.offsets]), dtype=np.int64)


def decode_batch(strings: Sequence[bytes]) -> RunBatch:
    """Expand COCO compressed count strings of unknown origin.

    Nothing in a string can make this hang or read outside it; about 20 ns a run.

    Args:
        strings: Count strings.

    Returns:
        The runs, and which strings were sound.
    """
    lengths = np.fromiter((len(s) for s in strings), dtype=np.int64, count=len(strings))
    is_valid = lengths > 0
    codes = np.frombuffer(b"".join(strings), dtype=np.uint8) - np.uint8(48)
    if not len(codes):
        return RunBatch(np.zeros(0, np.int64), np.zeros(len(strings) + 1, np.int64), is_valid)
    bounds = np.concatenate(([0], np.cumsum(lengths)))
    is_end = codes < 32
    closing = bounds[1:][lengths > 0] - 1
    bad_places = [np.flatnonzero(codes > 63), closing[~is_end[closing]]]
    is_end[closing] = True
    ends = np.flatnonzero(is_end)
    values, too_long = _numbers(codes, ends)
    offsets = np.searchsorted(ends, bounds)
    runs = _sum_differences(values, offsets)
    bad_places += [ends[too_long], ends[runs < 0]]
    bad = np.concatenate(bad_places)
    is_valid[np.searchsorted(bounds, bad, side="right") - 1] = False
    return RunBatch(runs, offsets, is_valid)


def _numbers(
    codes: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """The signed numbers that end at ``ends``, and which have too many digits."""
    starts = np.empty_like(ends)
    starts[0] = 0
    starts[1:] = ends[:-1] + 1
    digits = ends - starts + 1
    values = (codes[starts] & 31).astype(np.int64)
    longer = np.flatnonzero(digits > 1)
    for place in range(1, _MAX_DIGITS):
        if not len(longer):
            break
        code = (codes[starts[longer] + place] & 31).astype(np.int64)
        values[longer] |= code << (5 * place)
        longer = longer[digits[longer] > place + 1]
    negative = np.flatnonzero((codes[ends] & 48) == 16)
    values[negative] -= np.int64(1) << (5 * np.minimum(digits[negative], _MAX_DIGITS))
    return values, digits > _MAX_DIGITS


def _sum_differences(
    values: npt.NDArray[np.int64], offsets: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Undo the coding of each run, from a mask's fourth on, as difference to the last but one."""
    sums = np.empty_like(values)
    np.cumsum(values[0::2], out=sums[0::2])
    np.cumsum(values[1::2], out=sums[1::2])
    first, counts = offsets[:-1], np.diff(offsets)
    # What the running sums held before this mask's own: one figure for odd places, one for even.
    last = len(values) - 1
    odd, even = np.minimum(first + 1, last), np.minimum(first + 2, last)
    before = np.stack((sums[even] - values[even], sums[odd] - values[odd]))
    owner = np.repeat(np.arange(len(first)), counts)
    parity = (np.arange(len(values)) - np.repeat(first, counts)) & 1
    runs: npt.NDArray[np.int64] = sums - before[parity, owner]
    some = first[counts > 0]
    runs[some] = values[some]
    return runs
