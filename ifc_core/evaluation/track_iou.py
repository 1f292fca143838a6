"""Space-time IoU of tracks from their run lengths, all pairs of a video and class at once.

Masks are column-major, so a run lies in one column or goes on in the next one; cut at the
columns, runs become vertical *pieces*. For a true track the pieces of each column of each frame
are laid out in tables, one table for the first piece of every column, one for the second and so
on; most objects need few. The overlap of a predicted piece with the true track is then read off
with two look-ups a table, for all predicted pieces in one go.

Most predictions are nowhere near a true track. Areas and columns of all masks, which take a
fraction of the time, bound the IoU of each pair; pieces are made of pairs that can matter.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ifc_core.structures.run_lengths import PAIR_END, RunPairs, decode_pairs

Ints = npt.NDArray[np.int64]
_GROUP_BYTES = 1 << 18  # so much that the arrays stay in the processor's cache
_BLOCK_COLUMNS = 1 << 22
_Ints = npt.NDArray[np.int32] | Ints
_Rows = npt.NDArray[np.int16] | npt.NDArray[np.int32]
_Table = tuple[_Rows, _Rows]


@dataclass(frozen=True, slots=True)
class CodedTrack:
    """The masks of one track as they stand in a file.

    Attributes:
        frames: Ascending frames that have a mask, n of them.
        coded: COCO count strings, one after the other, each with ``PAIR_END`` behind it.
        lengths: Bytes of each string and what is behind it.
    """

    frames: list[int]
    coded: bytes
    lengths: list[int]

    @classmethod
    def join(cls, frames: list[int], strings: list[bytes]) -> CodedTrack:
        """A track from its count strings, one a frame."""
        coded = b"".join([string + PAIR_END for string in strings])
        return cls(frames, coded, [len(string) + 1 for string in strings])

    def part(self, first: int, stop: int) -> CodedTrack:
        """The masks of the frames from ``first`` up to ``stop``."""
        if not self.frames or (first <= self.frames[0] and self.frames[-1] < stop):
            return self
        begin, end = bisect_left(self.frames, first), bisect_left(self.frames, stop)
        start = sum(self.lengths[:begin])
        coded = self.coded[start : start + sum(self.lengths[begin:end])]
        return CodedTrack(self.frames[begin:end], coded, self.lengths[begin:end])


class BrokenMaskError(ValueError):
    """A mask is no COCO count string or does not fill its frame.

    Attributes:
        is_truth: Whether it is a true track's.
        track: Place of its track among those compared.
        frame: Its frame.
    """

    def __init__(self, is_truth: bool, track: int, frame: int) -> None:
        super().__init__(f"broken mask in track {track}, frame {frame}")
        self.is_truth, self.track, self.frame = is_truth, track, frame


@dataclass(frozen=True, slots=True)
class Overlap:
    """How tracks of one video overlap; D predicted, G true.

    Attributes:
        common: (D, G) int64 pixels in both, over all frames.
        found_areas: (D, T) int64 pixels a frame.
        truth_areas: (G, T) int64.
    """

    common: Ints
    found_areas: Ints
    truth_areas: Ints

    @property
    def ious(self) -> npt.NDArray[np.float64]:
        """(D, G) space-time IoU; 0 where both are empty.

        Frames on which only one side has a mask count in the union.

        Source: the published YouTube-VIS evaluation (``iou_seq``).
        """
        union = self.found_areas.sum(1)[:, None] + self.truth_areas.sum(1)[None, :] - self.common
        ious: npt.NDArray[np.float64] = np.zeros(union.shape)
        np.divide(self.common, union, out=ious, where=union > 0)
        return ious


def compare_tracks(
    found: Sequence[CodedTrack],
    truth: Sequence[CodedTrack],
    size: tuple[int, int],
    num_frames: int,
    least_iou: float = 0.0,
) -> Overlap:
    """Measure all pairs of tracks.

    Args:
        found: D predicted tracks.
        truth: G true tracks.
        size: (height, width) of the video.
        num_frames: T.
        least_iou: Pairs that cannot reach this IoU need no common pixels; they may be 0.

    Returns:
        Areas and common pixels.

    Raises:
        BrokenMaskError: A mask is broken.
    """
    overlap = Overlap(
        np.zeros((len(found), len(truth)), dtype=np.int64),
        np.zeros((len(found), num_frames), dtype=np.int64),
        np.zeros((len(truth), num_frames), dtype=np.int64),
    )
    step = max(1, _BLOCK_COLUMNS // size[1])
    if step < num_frames:
        least_iou = 0.0  # a part of the frames says nothing about the whole
    for first in range(0, num_frames, step):
        block = (first, min(first + step, num_frames))
        targets = [
            target
            for begin, end in _groups(truth)
            for target in _Target.read(truth[begin:end], begin, size, block)
        ]
        for place, target in enumerate(targets):
            overlap.truth_areas[place, first : block[1]] = target.extents.areas[0]
        for begin, end in _groups(found):
            masks = _Masks.read(found[begin:end], size, block, (False, begin))
            extents = masks.extents()
            overlap.found_areas[begin:end, first : block[1]] = extents.areas
            matters = _can_reach(extents, targets, least_iou)
            if not matters.any():
                continue
            pieces = masks.pieces()
            for place, target in enumerate(targets):
                wanted = matters[:, place]
                if wanted.any():
                    shared = _common(pieces.of(wanted), target.layers)
                    overlap.common[begin:end, place][wanted] += shared
    return overlap


@dataclass(frozen=True, slots=True)
class _Extents:
    """How large each mask is and where it lies, of n tracks over T frames of a block.

    Attributes:
        areas: (n, T) int64 pixels.
        lefts: (n, T) first column with a pixel.
        rights: (n, T) last column with a pixel; -1 where there is no mask.
    """

    areas: Ints
    lefts: Ints
    rights: Ints


@dataclass(frozen=True, slots=True)
class _Masks:
    """The decoded masks of some tracks on a block of frames; m masks, P pairs of runs.

    Attributes:
        pairs: Their runs.
        ends: (P,) int64 end of each foreground run, counted over all masks.
        owners: (m,) track of each mask.
        frames: (m,) its frame, counted from the first of the block.
        num_tracks: n.
        num_frames: T.
        size: (height, width).
    """

    pairs: RunPairs
    ends: Ints
    owners: Ints
    frames: Ints
    num_tracks: int
    num_frames: int
    size: tuple[int, int]

    @classmethod
    def read(
        cls,
        tracks: Sequence[CodedTrack],
        size: tuple[int, int],
        block: tuple[int, int],
        origin: tuple[bool, int],
    ) -> _Masks:
        """Decode and check; ``origin`` (is truth, place of the first) goes into an error."""
        parts = [track.part(*block) for track in tracks]
        frames = np.array([frame for part in parts for frame in part.frames], dtype=np.int64)
        owners = np.repeat(np.arange(len(parts)), [len(part.frames) for part in parts])
        lengths = np.array([n for part in parts for n in part.lengths], dtype=np.int64)
        pairs = decode_pairs(b"".join([part.coded for part in parts]), lengths)
        ends = np.cumsum(pairs.background + pairs.foreground, dtype=np.int64)
        totals = np.diff(np.concatenate(([0], ends))[pairs.bounds])
        broken = ~pairs.is_valid | (totals != size[0] * size[1])
        if broken.any():
            place = int(np.flatnonzero(broken)[0])
            raise BrokenMaskError(origin[0], origin[1] + int(owners[place]), int(frames[place]))
        length = block[1] - block[0]
        return cls(pairs, ends, owners, frames - block[0], len(parts), length, size)

    def extents(self) -> _Extents:
        """Areas and columns."""
        shape = (self.num_tracks, self.num_frames)
        extents = _Extents(np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.full(shape, -1))
        if len(self.owners):
            at = (self.owners, self.frames)
            height, width = self.size
            first, last = self.pairs.bounds[:-1], self.pairs.bounds[1:] - 1
            extents.areas[at] = np.add.reduceat(self.pairs.foreground, first, dtype=np.int64)
            extents.lefts[at] = self.pairs.background[first] // height
            # A mask that ends with background has its last pixel one pair before.
            tail = np.where(self.pairs.foreground[last] > 0, 0, self.pairs.background[last])
            extents.rights[at] = (height * width - tail - 1) // height
        return extents

    def pieces(self) -> _Pieces:
        """All foreground runs, cut at the columns."""
        height, width = self.size
        pairs, ends = self.pairs, self.ends
        if len(ends) and int(ends[-1]) < 1 << 31:
            ends = ends.astype(np.int32)  # divides twice as fast
        tops = ends - pairs.foreground
        tops -= pairs.foreground == 0  # an empty run may stand behind the last pixel
        columns = tops // height  # over all masks
        tops -= columns * height
        bottoms = tops + pairs.foreground
        counts = np.diff(pairs.bounds)
        shift = (self.frames - np.arange(len(counts))) * width
        columns += np.repeat(shift.astype(columns.dtype), counts)
        if len(bottoms) and int(bottoms.max()) > height:
            owners = np.repeat(np.arange(len(counts)), counts)
            columns, tops, bottoms, owners = _cut(columns, tops, bottoms, owners, height)
            counts = np.bincount(owners, minlength=len(counts))
        mask_bounds = np.concatenate(([0], np.cumsum(counts)))
        track_bounds = np.searchsorted(self.owners, np.arange(self.num_tracks + 1))
        bounds = mask_bounds[track_bounds]
        return _Pieces(
            columns.astype(np.intp), _narrow(tops, height), _narrow(bottoms, height), bounds
        )


def _cut(
    columns: _Ints, tops: _Ints, bottoms: _Ints, owners: Ints, height: int
) -> tuple[_Ints, _Ints, _Ints, Ints]:
    """Cut runs that go on in the next columns."""
    spans = np.maximum((bottoms - 1) // height, 0) + 1
    source = np.repeat(np.arange(len(spans)), spans)
    step = np.arange(len(source)) - np.repeat(np.cumsum(spans) - spans, spans)
    offset = step * height
    cut_tops = np.maximum(tops[source] - offset, 0)
    cut_bottoms = np.minimum(bottoms[source] - offset, height)
    return columns[source] + step, cut_tops, cut_bottoms, owners[source]


@dataclass(frozen=True, slots=True)
class _Target:
    """A true track on a block of frames.

    Attributes:
        extents: Of the one track.
        layers: Its pieces as tables by column.
    """

    extents: _Extents
    layers: list[_Table]

    @classmethod
    def read(
        cls, tracks: Sequence[CodedTrack], begin: int, size: tuple[int, int], block: tuple[int, int]
    ) -> list[_Target]:
        """Decode true tracks, the first of which is the ``begin``-th of all."""
        masks = _Masks.read(tracks, size, block, (True, begin))
        extents, pieces = masks.extents(), masks.pieces()
        num_columns = (block[1] - block[0]) * size[1]
        targets = []
        for n, (start, end) in enumerate(pairwise(pieces.bounds.tolist())):
            own = _Extents(*(v[n : n + 1] for v in (extents.areas, extents.lefts, extents.rights)))
            targets.append(cls(own, _layers(pieces.part(start, end), num_columns)))
        return targets


def _can_reach(
    found: _Extents, targets: Sequence[_Target], least_iou: float
) -> npt.NDArray[np.bool_]:
    """(n, G) whether a pair can share pixels and reach an IoU, by areas and columns alone."""
    matters = np.zeros((len(found.areas), len(targets)), dtype=bool)
    sums = found.areas.sum(1)
    for place, target in enumerate(targets):
        truth = target.extents
        touches = (found.lefts <= truth.rights) & (truth.lefts <= found.rights)
        most = np.where(touches, np.minimum(found.areas, truth.areas), 0).sum(1)
        union = sums + truth.areas.sum() - most
        matters[:, place] = (most > 0) & (most >= (least_iou - 1e-9) * union)
    return matters


def _groups(tracks: Sequence[CodedTrack]) -> Iterator[tuple[int, int]]:
    """Ranges of tracks that are decoded together."""
    begin = held = 0
    for place, track in enumerate(tracks):
        if held and held + len(track.coded) > _GROUP_BYTES:
            yield begin, place
            begin, held = place, 0
        held += len(track.coded)
    if begin < len(tracks):
        yield begin, len(tracks)


@dataclass(frozen=True, slots=True)
class _Pieces:
    """Vertical pieces of some tracks.

    Attributes:
        columns: (P,) counted over the frames of a block.
        tops: (P,) first row, int16 where the height allows it, else int32.
        bottoms: (P,) one past the last row, likewise.
        bounds: (n + 1,) int64 the pieces of each track.
    """

    columns: npt.NDArray[np.intp]
    tops: _Rows
    bottoms: _Rows
    bounds: Ints

    def part(self, start: int, end: int) -> _Pieces:
        """Some pieces in a row, as one track."""
        own = slice(start, end)
        bounds = np.array([0, end - start])
        return _Pieces(self.columns[own], self.tops[own], self.bottoms[own], bounds)

    def of(self, wanted: npt.NDArray[np.bool_]) -> _Pieces:
        """The pieces of some of the tracks."""
        if wanted.all():
            return self
        numbers = np.diff(self.bounds)
        chosen = np.repeat(wanted, numbers)
        bounds = np.concatenate(([0], np.cumsum(numbers[wanted])))
        return _Pieces(self.columns[chosen], self.tops[chosen], self.bottoms[chosen], bounds)


def _narrow(rows: _Ints, height: int) -> _Rows:
    return rows.astype(np.int16) if height < 1 << 15 else rows.astype(np.int32)


def _layers(pieces: _Pieces, num_columns: int) -> list[_Table]:
    """Tables of tops and bottoms by column: of the first piece, the second, ..."""
    some = pieces.bottoms > pieces.tops
    columns, own_tops, own_bottoms = (
        values[some] for values in (pieces.columns, pieces.tops, pieces.bottoms)
    )
    is_first = np.concatenate(([True], np.diff(columns) > 0)) if len(columns) else np.zeros(0, bool)
    heads = np.flatnonzero(is_first)
    widths = np.diff(np.concatenate((heads, [len(columns)])))
    rank = np.arange(len(columns)) - np.repeat(heads, widths)
    tables: list[_Table] = []
    for layer in range(int(rank.max(initial=-1)) + 1):
        chosen = rank == layer
        tops = np.zeros(num_columns, dtype=pieces.tops.dtype)
        bottoms = np.zeros(num_columns, dtype=pieces.tops.dtype)
        tops[columns[chosen]] = own_tops[chosen]
        bottoms[columns[chosen]] = own_bottoms[chosen]
        tables.append((tops, bottoms))
    return tables


def _common(pieces: _Pieces, tables: Sequence[_Table]) -> Ints:
    """(n,) common pixels of the tracks of ``pieces`` with one true track."""
    common = np.zeros(len(pieces.bounds) - 1, dtype=np.int64)
    for layer, (tops, bottoms) in enumerate(tables):
        ends = bottoms[pieces.columns]
        own_tops, own_bottoms, columns = pieces.tops, pieces.bottoms, pieces.columns
        bounds = pieces.bounds
        if layer:
            hit = np.flatnonzero(ends)
            own_tops, own_bottoms, columns = own_tops[hit], own_bottoms[hit], columns[hit]
            ends, bounds = ends[hit], np.searchsorted(hit, bounds)
        low = np.maximum(own_tops, tops[columns])
        shared = np.minimum(own_bottoms, ends)
        shared -= low
        common += _segment_sums(np.maximum(shared, 0, out=shared), bounds)
    return common


def _segment_sums(values: _Rows, bounds: Ints) -> Ints:
    """Sums of the values between each two neighbours of ``bounds``."""
    sums = np.zeros(len(bounds) - 1, dtype=np.int64)
    some = np.flatnonzero(bounds[1:] > bounds[:-1])
    if len(some):
        sums[some] = np.add.reduceat(values, bounds[some], dtype=np.int64)
    return sums
