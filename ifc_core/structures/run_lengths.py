"""Many COCO count strings at once as arrays of run lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_MAX_DIGITS = 7  # base-32 digits of one number, as in ``mask.decode_counts``
_FIRST_BYTE, _CONTINUED, _LAST_BYTE = 48, 80, 111


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
    raw = np.frombuffer(data, dtype=np.uint8)
    if not len(raw):
        return RunBatch(np.zeros(0, np.int32), np.zeros(len(lengths) + 1, np.int64), is_valid)
    bounds = np.concatenate(([0], np.cumsum(lengths)))
    goes_on = raw >= _CONTINUED
    closing = bounds[1:][is_valid] - 1
    bad_places = [closing[goes_on[closing]]]
    if raw.min() < _FIRST_BYTE or raw.max() > _LAST_BYTE:
        bad_places.append(np.flatnonzero((raw < _FIRST_BYTE) | (raw > _LAST_BYTE)))
    goes_on[closing] = False
    inner = np.flatnonzero(goes_on)  # few: most numbers have one digit
    values = _one_digit(raw[~goes_on] if len(inner) else raw).astype(np.int32)
    offsets = bounds - np.searchsorted(inner, bounds)
    if len(inner):
        begin, rank, numbers, too_large = _long_numbers(raw, inner)
        values[begin - rank] = numbers
        bad_places.append(begin[too_large])
    runs = _sum_differences(values, offsets)
    if runs.min() < 0:
        negative = np.flatnonzero(runs < 0)
        is_valid[np.searchsorted(offsets, negative, side="right") - 1] = False
    bad = np.concatenate(bad_places)
    is_valid[np.searchsorted(bounds, bad, side="right") - 1] = False
    return RunBatch(runs, offsets, is_valid)


def _one_digit(raw: npt.NDArray[np.uint8]) -> npt.NDArray[np.int8]:
    """What each byte says as a number of its own: five bits in two's complement."""
    return (((raw - np.uint8(_FIRST_BYTE)) & np.uint8(31)) ^ np.uint8(16)).view(np.int8) - np.int8(
        16
    )


def _long_numbers(
    raw: npt.NDArray[np.uint8], inner: npt.NDArray[np.int64]
) -> tuple[
    npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.bool_]
]:
    """The numbers of several digits, modulo 2**32 as in pycocotools.

    Args:
        raw: All bytes.
        inner: Places of the bytes that are not the last of their number.

    Returns:
        Where each begins, how many of ``inner`` lie before it, its value, and whether it is too
        large.
    """
    is_head = np.empty(len(inner), dtype=bool)
    is_head[0] = True
    np.not_equal(inner[1:], inner[:-1] + 1, out=is_head[1:])
    rank = np.flatnonzero(is_head)
    begin = inner[rank]
    digits = np.diff(rank, append=len(inner)) + 1
    used = np.minimum(digits, _MAX_DIGITS)
    exact = np.zeros(len(begin), dtype=np.int64)
    longer: slice | npt.NDArray[np.int64] = slice(
        None
    )  # the numbers that have so many digits; all have two
    for place in range(int(used.max())):
        if place > 1:
            longer = np.flatnonzero(digits > place)
        codes = (raw[begin[longer] + place] & np.uint8(31)) ^ np.uint8(16)
        exact[longer] += codes.astype(np.int64) << 5 * place
    # The highest bit of the last digit says that the number is negative.
    bits = 5 * used
    exact -= (exact >> bits - 1 & 1) << bits
    too_large = (digits > _MAX_DIGITS) | (np.abs(exact) >= np.int64(1) << 31)
    return begin, rank, exact.astype(np.int32), too_large


def _sum_differences(
    values: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64]
) -> npt.NDArray[np.int32]:
    """Undo, in place, the coding of each run as difference to the last but one.

    The first three runs of a mask are no differences. Even and odd places of the whole array
    are summed up in one go; where a mask begins, what the sum holds is taken away first.
    """
    begin, stop = offsets[:-1], offsets[1:]
    for parity in range(min(2, len(values))):
        part = values[parity::2]
        first, end = (begin - parity + 1) // 2, (stop - parity + 1) // 2
        some = np.flatnonzero(end > first)
        first, number = first[some], (end - first)[some]
        head = part[first]
        # Run 0 shares its places with runs 2, 4, ..., which begin anew at run 2.
        restarts = ((begin[some] & 1) == parity) & (number > 1)
        last = np.add.reduceat(part, first) - np.where(restarts, head, 0)
        part[first[restarts] + 1] -= head[restarts]
        part[first[1:]] -= last[:-1]
        np.cumsum(part, out=part)
    return values


@dataclass(frozen=True, slots=True)
class RunPairs:
    """Runs of n masks in pairs of background and foreground, P in all.

    Attributes:
        background: (P,) int32.
        foreground: (P,) int32; 0 at the end of a mask whose last run is of background.
        bounds: (n + 1,) int64, the pairs of mask ``i`` are ``bounds[i]`` to ``bounds[i + 1]``.
        is_valid: (n,) bool, False where a string is not a COCO count string.
    """

    background: npt.NDArray[np.int32]
    foreground: npt.NDArray[np.int32]
    bounds: npt.NDArray[np.int64]
    is_valid: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.is_valid)

    @property
    def areas(self) -> npt.NDArray[np.int64]:
        """(n,) foreground pixels of each mask."""
        return segment_sums(self.foreground, self.bounds)

    @property
    def totals(self) -> npt.NDArray[np.int64]:
        """(n,) pixels that each mask covers, foreground and background."""
        return self.areas + segment_sums(self.background, self.bounds)


def segment_sums(
    values: npt.NDArray[np.integer[Any]], bounds: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Sums of the values between each two neighbours of ``bounds``, which ascends to the end."""
    begin = bounds[:-1]
    some = np.flatnonzero(bounds[1:] > begin)
    if not len(some):
        return np.zeros(len(begin), dtype=np.int64)
    sums = np.add.reduceat(values, begin[some], dtype=np.int64)
    if len(some) == len(begin):
        return sums
    spread = np.zeros(len(begin), dtype=np.int64)
    spread[some] = sums
    return spread


PAIR_END = b'"'
"""What stands behind each string: no digit, and room for a run that may be missing."""

NO_MASK = b"!"
"""What stands in :func:`decode_marked` where there is no mask."""


def decode_pairs(data: bytes, lengths: npt.NDArray[np.int64]) -> RunPairs:
    """Expand count strings, each followed by ``PAIR_END``; faster than :func:`decode_joined`.

    Args:
        data: The strings.
        lengths: (n,) their lengths in bytes, ``PAIR_END`` included.

    Returns:
        The runs, and which strings were sound.
    """
    ends = np.cumsum(lengths)
    none = np.zeros(0, dtype=np.int64)
    return _pairs(np.frombuffer(data, dtype=np.uint8), ends - lengths, ends - 1, none)


def decode_marked(data: bytes) -> tuple[RunPairs, npt.NDArray[np.int64]]:
    """Expand count strings, each followed by ``PAIR_END``, with ``NO_MASK`` for missing ones.

    Args:
        data: The strings, of unknown origin; a ``NO_MASK`` behind a string makes it broken.

    Returns:
        The runs of the n masks, and (n,) how many marks of either kind stand before the one
        behind each mask.
    """
    raw = np.frombuffer(data, dtype=np.uint8)
    marks = np.flatnonzero(raw < _FIRST_BYTE)  # nothing else, unless a string is broken
    kinds = raw[marks]
    is_mark = (kinds == PAIR_END[0]) | (kinds == NO_MASK[0])
    if not is_mark.all():
        marks, kinds = marks[is_mark], kinds[is_mark]
    begins = np.zeros_like(marks)
    begins[1:] = marks[:-1] + 1
    is_none = (kinds == NO_MASK[0]) & (begins == marks)
    if not is_none.any():
        places = np.arange(len(marks))
        pairs = _pairs(raw, begins, marks, marks[:0])
    else:
        places = np.flatnonzero(~is_none)
        pairs = _pairs(raw, begins[places], marks[places], marks[is_none])
    pairs.is_valid[kinds[places] == NO_MASK[0]] = False
    return pairs, places


def _pairs(
    raw: npt.NDArray[np.uint8],
    begins: npt.NDArray[np.int64],
    pads: npt.NDArray[np.int64],
    skipped: npt.NDArray[np.int64],
) -> RunPairs:
    """Expand strings in one go.

    Args:
        raw: All bytes.
        begins: (n,) where each string begins.
        pads: (n,) the byte behind it.
        skipped: Bytes that belong to no string.

    Returns:
        The runs, and which strings were sound.
    """
    is_valid = pads > begins
    if not len(pads):
        none = np.zeros(0, np.int32)
        return RunPairs(none, none, np.zeros(1, np.int64), is_valid)
    dropped = raw >= _CONTINUED
    closing = pads[is_valid] - 1
    bad_places = [closing[dropped[closing]], _outside(raw, pads, skipped)]
    dropped[closing] = dropped[pads] = False
    inner = np.flatnonzero(dropped)  # few: most numbers have one digit
    until = np.searchsorted(inner, pads)
    before = np.concatenate(([0], until[:-1]))
    counts = pads - begins - (until - before)
    is_odd = (counts & 1) == 1
    dropped[pads] = ~is_odd
    dropped[skipped] = True
    bounds = np.concatenate(([0], np.cumsum(counts + is_odd))) // 2
    # Two digits a word: even places are background, odd ones foreground.
    words = _one_digit(raw[~dropped]).view("<i2")
    pair = [(words << 8 >> 8).astype(np.int32), (words >> 8).astype(np.int32)]
    if len(inner):
        begin, rank, numbers, too_large = _long_numbers(raw, inner)
        owner = np.searchsorted(pads, begin)
        at = 2 * bounds[owner] + begin - begins[owner] - rank + before[owner]
        for side in range(2):
            mine = (at & 1) == side
            pair[side][at[mine] >> 1] = numbers[mine]
        bad_places.append(begin[too_large])
    _sum_pairs(pair[0], bounds, restarts=True)
    _sum_pairs(pair[1], bounds, restarts=False)
    pair[1][bounds[1:][is_odd] - 1] = 0
    for runs in pair:
        if len(runs) and runs.min() < 0:
            negative = np.flatnonzero(runs < 0)
            is_valid[np.searchsorted(bounds, negative, side="right") - 1] = False
    bad = np.concatenate(bad_places)
    is_valid[np.searchsorted(pads, bad)] = False
    return RunPairs(pair[0], pair[1], bounds, is_valid)


def _outside(
    raw: npt.NDArray[np.uint8], pads: npt.NDArray[np.int64], skipped: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Places of bytes in the strings that are no digits."""
    # Bytes below the first digit wrap around.
    is_outside = raw - np.uint8(_FIRST_BYTE) > _LAST_BYTE - _FIRST_BYTE
    is_outside[pads] = is_outside[skipped] = False
    return np.flatnonzero(is_outside) if is_outside.any() else pads[:0]


def _sum_pairs(
    values: npt.NDArray[np.int32], bounds: npt.NDArray[np.int64], restarts: bool
) -> None:
    """Undo the coding as differences, in place.

    Args:
        values: Runs of one colour.
        bounds: Those of each mask.
        restarts: Whether the second run is no difference either (background).
    """
    some = np.flatnonzero(np.diff(bounds) > 0)
    if not len(some):
        return
    first = bounds[some]
    last = np.add.reduceat(values, first)
    if restarts:
        again = bounds[some + 1] - first > 1
        head = values[first[again]]
        values[first[again] + 1] -= head
        last[again] -= head
    values[first[1:]] -= last[:-1]
    np.cumsum(values, out=values)
