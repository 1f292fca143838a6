"""Many COCO count strings at once as arrays of run lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    is_head = np.concatenate(([True], np.diff(inner) != 1))
    rank = np.flatnonzero(is_head)
    begin = inner[rank]
    digits = np.diff(np.concatenate((rank, [len(inner)]))) + 1
    exact = np.zeros(len(begin), dtype=np.int64)
    for place in range(int(min(digits.max(), _MAX_DIGITS))):
        has = digits > place
        at = np.where(has, begin + place, 0)
        code = (raw[at].astype(np.int64) - _FIRST_BYTE) & 31
        exact |= np.where(has, code << (5 * place), 0)
    last = raw[begin + digits - 1].astype(np.int64) - _FIRST_BYTE
    negative = (last & 16) > 0
    exact[negative] -= np.int64(1) << (5 * np.minimum(digits[negative], _MAX_DIGITS))
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
        return self._sums(self.foreground)

    @property
    def totals(self) -> npt.NDArray[np.int64]:
        """(n,) pixels that each mask covers, foreground and background."""
        return self._sums(self.foreground) + self._sums(self.background)

    def _sums(self, runs: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        sums = np.concatenate(([0], np.cumsum(runs, dtype=np.int64)))
        return np.asarray(np.diff(sums[self.bounds]), dtype=np.int64)


PAIR_END = b"0"
"""What :func:`decode_pairs` wants behind each string: room for a run that may be missing."""


def decode_pairs(data: bytes, lengths: npt.NDArray[np.int64]) -> RunPairs:
    """Expand count strings, each followed by ``PAIR_END``; faster than :func:`decode_joined`.

    Args:
        data: The strings.
        lengths: (n,) their lengths in bytes, ``PAIR_END`` included.

    Returns:
        The runs, and which strings were sound.
    """
    is_valid = lengths > 1
    raw = np.frombuffer(data, dtype=np.uint8)
    if not len(raw):
        none = np.zeros(0, np.int32)
        return RunPairs(none, none, np.zeros(len(lengths) + 1, np.int64), is_valid)
    places = np.concatenate(([0], np.cumsum(lengths)))
    pads = places[1:] - 1
    dropped = raw >= _CONTINUED
    closing = pads[is_valid] - 1
    bad_places = [closing[dropped[closing]]]
    if raw.min() < _FIRST_BYTE or raw.max() > _LAST_BYTE:
        bad_places.append(np.flatnonzero((raw < _FIRST_BYTE) | (raw > _LAST_BYTE)))
    dropped[closing] = False
    inner = np.flatnonzero(dropped)  # few: most numbers have one digit
    before = np.searchsorted(inner, places)
    counts = lengths - 1 - np.diff(before)
    is_odd = (counts & 1) == 1
    dropped[pads] = ~is_odd
    digits = _one_digit(raw[~dropped])
    bounds = np.concatenate(([0], np.cumsum(counts + is_odd))) // 2
    pair = [digits[side::2].astype(np.int32) for side in range(2)]
    if len(inner):
        begin, rank, numbers, too_large = _long_numbers(raw, inner)
        owner = np.searchsorted(places, begin, side="right") - 1
        at = 2 * bounds[owner] + begin - places[owner] - rank + before[owner]
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
    is_valid[np.searchsorted(places, bad, side="right") - 1] = False
    return RunPairs(pair[0], pair[1], bounds, is_valid)


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
