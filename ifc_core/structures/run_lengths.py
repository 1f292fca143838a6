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
        runs: (R,) int32 run lengths in column-major order; those of each mask begin with
            background.
        offsets: (n + 1,) int64, the runs of mask ``i`` are ``offsets[i]`` to
            ``offsets[i + 1]``.
        is_valid: (n,) bool, False where a string is not a COCO count string; the runs of
            such a mask mean nothing.
    """

    runs: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    is_valid: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.is_valid)

    @property
    def totals(self) -> npt.NDArray[np.int64]:
        """(n,) int64 pixels that each mask covers, foreground and background."""
        sums = np.concatenate(([0], np.cumsum(self.runs, dtype=np.int64)))
        return np.asarray(np.diff(sums[self.offsets]), dtype=np.int64)


def decode_batch(strings: Sequence[bytes]) -> RunBatch:
    """Expand COCO compressed count strings of unknown origin.

    Args:
        strings: Count strings.

    Returns:
        The runs, and which strings were sound.
    """
    lengths = np.fromiter((len(s) for s in strings), dtype=np.int64, count=len(strings))
    return decode_joined(b"".join(strings), lengths)


def decode_joined(data: bytes, lengths: npt.NDArray[np.int64]) -> RunBatch:
    """Expand count strings that stand one after the other.

    Nothing in a string can make this hang or read outside it.

    Args:
        data: The strings.
        lengths: (n,) their lengths in bytes.

    Returns:
        The runs, and which strings were sound.
    """
    is_valid = lengths > 0
    codes = np.frombuffer(data, dtype=np.uint8) - np.uint8(48)
    if not len(codes):
        return RunBatch(np.zeros(0, np.int32), np.zeros(len(lengths) + 1, np.int64), is_valid)
    bounds = np.concatenate(([0], np.cumsum(lengths)))
    is_end = codes < 32
    closing = bounds[1:][is_valid] - 1
    bad_places = [closing[~is_end[closing]]]
    if codes.max() > 63:
        bad_places.append(np.flatnonzero(codes > 63))
    is_end[closing] = True
    ends = np.flatnonzero(is_end)
    values, too_large = _numbers(codes, is_end, ends)
    offsets = np.searchsorted(ends, bounds)
    runs = _sum_differences(values, offsets)
    bad_places.append(ends[too_large])
    if runs.min() < 0:
        bad_places.append(ends[runs < 0])
    bad = np.concatenate(bad_places)
    is_valid[np.searchsorted(bounds, bad, side="right") - 1] = False
    return RunBatch(runs, offsets, is_valid)


def _numbers(
    codes: npt.NDArray[np.uint8], is_end: npt.NDArray[np.bool_], ends: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """The signed numbers that end at ``ends``, and the places of those that are too large.

    Numbers are kept modulo 2**32, as in pycocotools.
    """
    # Most numbers have one digit: five bits in two's complement.
    values = (((codes[is_end] & np.uint8(31)) ^ np.uint8(16)).view(np.int8) - np.int8(16)).astype(
        np.int32
    )
    starts = np.empty_like(ends)
    starts[0] = 0
    np.add(ends[:-1], 1, out=starts[1:])
    longer = np.flatnonzero(ends != starts)
    begin, digits = starts[longer], ends[longer] - starts[longer] + 1
    exact = np.zeros(len(longer), dtype=np.int64)
    for place in range(int(min(digits.max(initial=0), _MAX_DIGITS))):
        has = digits > place
        at = np.where(has, begin + place, 0)
        exact |= np.where(has, (codes[at] & 31).astype(np.int64) << (5 * place), 0)
    negative = (codes[ends[longer]] & 16) > 0
    exact[negative] -= np.int64(1) << (5 * np.minimum(digits[negative], _MAX_DIGITS))
    values[longer] = exact.astype(np.int32)
    too_large = (digits > _MAX_DIGITS) | (np.abs(exact) >= np.int64(1) << 31)
    return values, longer[too_large]


def _sum_differences(
    values: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64]
) -> npt.NDArray[np.int32]:
    """Undo the coding of each run, from a mask's fourth on, as difference to the last but one.

    Even and odd places of the whole array are summed up in one go; what the sums held before
    a mask began is then taken away again.
    """
    runs = np.empty_like(values)
    begin, stop = offsets[:-1], offsets[1:]
    last = len(values) - 1
    for parity in range(min(2, len(values))):
        sums = np.cumsum(values[parity::2], dtype=np.int32)
        # Among the places of this parity, the first of each mask that is no difference.
        is_even = (begin & 1) == parity
        first = np.minimum(np.where(is_even, begin + 2, begin + 1), last)
        before = np.where((first & 1) == parity, sums[(first - parity) // 2] - values[first], 0)
        counts = (stop - parity + 1) // 2 - (begin - parity + 1) // 2
        np.subtract(sums, np.repeat(before, counts), out=runs[parity::2])
    some = begin[stop > begin]
    runs[some] = values[some]
    return runs
