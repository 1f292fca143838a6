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

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ifc_core.structures.run_lengths import (
    NO_MASK,
    PAIR_END,
    RunPairs,
    decode_marked,
    segment_sums,
)

Ints = npt.NDArray[np.int64]
_GROUP_BYTES = 1 << 19  # so much that most arrays stay in the processor's cache
_BLOCK_COLUMNS = 1 << 21
_BLOCK_PIXELS = (1 << 31) - 1  # so that places fit into 32 bits
_Rows = npt.NDArray[np.int16] | npt.NDArray[np.int32]
_Table = tuple[_Rows, _Rows]


@dataclass(frozen=True, slots=True)
class CodedTrack:
    """The masks of one track as they stand in a file.

    Attributes:
        coded: A COCO count string and ``PAIR_END`` for each frame with a mask, ``NO_MASK`` for
            each other frame. The strings may be broken but hold neither mark.
    """

    coded: bytes

    @classmethod
    def of(cls, strings: Sequence[bytes | None]) -> CodedTrack:
        """A track from its count strings, one a frame."""
        return cls(b"".join([NO_MASK if s is None else s + PAIR_END for s in strings]))

    def part(self, first: int, stop: int) -> CodedTrack:
        """The masks of the frames from ``first`` up to ``stop``."""
        raw = np.frombuffer(self.coded, dtype=np.uint8)
        ends = np.flatnonzero((raw == PAIR_END[0]) | (raw == NO_MASK[0])) + 1
        bounds = np.concatenate(([0], ends))
        return CodedTrack(self.coded[bounds[first] : bounds[min(stop, len(ends))]])

    def string(self, frame: int) -> bytes:
        """The count string of a frame that has a mask."""
        return self.part(frame, frame + 1).coded[: -len(PAIR_END)]


class BrokenMaskError(ValueError):
    """A mask is no COCO count string or does not fill its frame.

    Attributes:
        track: Place of its track among those found; a true track's is its place counted
            from the end of the true ones, and negative.
        frame: Its frame.
    """

    def __init__(self, track: int, frame: int) -> None:
        super().__init__(f"broken mask in track {track}, frame {frame}")
        self.track, self.frame = track, frame


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
    step = max(1, min(_BLOCK_COLUMNS, _BLOCK_PIXELS // size[0]) // size[1])
    if step < num_frames:
        least_iou = 0.0  # a part of the frames says nothing about the whole
    for first in range(0, num_frames, step):
        block = (first, min(first + step, num_frames))
        tracks = [*truth, *found]
        if block != (0, num_frames):
            tracks = [track.part(*block) for track in tracks]
        targets: list[_Target] = []
        for begin, end in _groups(tracks):
            masks = _Masks.read(tracks[begin:end], size, block, begin - len(truth))
            extents = masks.extents()
            rows = np.arange(begin, end) - len(truth)  # below zero: true tracks
            is_true = rows < 0
            overlap.truth_areas[rows[is_true], first : block[1]] = extents.areas[is_true]
            overlap.found_areas[rows[~is_true], first : block[1]] = extents.areas[~is_true]
            if is_true.any():
                targets += _targets(masks, extents, np.flatnonzero(is_true))
            matters = _can_reach(extents, targets, least_iou)
            matters[is_true] = False
            some = np.flatnonzero(matters.any(axis=1))
            if not len(some):
                continue
            pieces = masks.of(some).pieces()
            for place, target in enumerate(targets):
                wanted = matters[some, place]
                if wanted.any():
                    shared = _common(pieces.of(wanted), target.layers)
                    overlap.common[rows[some[wanted]], place] += shared
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
    """The decoded masks of some tracks on a block of frames; m masks.

    Attributes:
        pairs: Their runs.
        areas: (m,) int64 pixels of each.
        owners: (m,) track of each, ascending.
        frames: (m,) its frame, counted from the first of the block; ascending in a track.
        num_tracks: n.
        num_frames: T.
        size: (height, width).
    """

    pairs: RunPairs
    areas: Ints
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
        origin: int,
    ) -> _Masks:
        """Decode and check; ``origin`` is the place of the first, true tracks are below 0."""
        num_frames = block[1] - block[0]
        pairs, places = decode_marked(b"".join([track.coded for track in tracks]))
        owners, frames = np.divmod(places, num_frames)
        areas = pairs.areas
        totals = areas + segment_sums(pairs.background, pairs.bounds)
        broken = ~pairs.is_valid | (totals != size[0] * size[1])
        if broken.any():
            bad = int(np.flatnonzero(broken)[0])
            raise BrokenMaskError(origin + int(owners[bad]), block[0] + int(frames[bad]))
        return cls(pairs, areas, owners, frames, len(tracks), num_frames, size)

    def extents(self) -> _Extents:
        """Areas and columns."""
        shape = (self.num_tracks, self.num_frames)
        extents = _Extents(np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.full(shape, -1))
        if len(self.owners):
            at = (self.owners, self.frames)
            height, width = self.size
            first, last = self.pairs.bounds[:-1], self.pairs.bounds[1:] - 1
            extents.areas[at] = self.areas
            extents.lefts[at] = self.pairs.background[first] // height
            # A mask that ends with background has its last pixel one pair before.
            tail = np.where(self.pairs.foreground[last] > 0, 0, self.pairs.background[last])
            extents.rights[at] = (height * width - tail - 1) // height
        return extents

    def of(self, rows: Ints) -> _Masks:
        """The masks of some of the tracks, ascending, which are then numbered anew."""
        if len(rows) == self.num_tracks:
            return self
        begin, end = (np.searchsorted(self.owners, rows + more) for more in (0, 1))
        numbers = np.diff(self.pairs.bounds)
        bounds = self.pairs.bounds
        masks = [slice(b, e) for b, e in zip(begin.tolist(), end.tolist(), strict=True)]
        runs = [
            slice(b, e) for b, e in zip(bounds[begin].tolist(), bounds[end].tolist(), strict=True)
        ]
        mine = np.concatenate([numbers[part] for part in masks])
        pairs = RunPairs(
            np.concatenate([self.pairs.background[part] for part in runs]),
            np.concatenate([self.pairs.foreground[part] for part in runs]),
            np.concatenate(([0], np.cumsum(mine))),
            np.concatenate([self.pairs.is_valid[part] for part in masks]),
        )
        areas, frames = (
            np.concatenate([v[part] for part in masks]) for v in (self.areas, self.frames)
        )
        owners = np.repeat(np.arange(len(rows)), end - begin)
        return _Masks(pairs, areas, owners, frames, len(rows), self.num_frames, self.size)

    def pieces(self) -> _Pieces:
        """All foreground runs, cut at the columns."""
        height, width = self.size
        first = self.pairs.bounds[:-1]
        # Where each run ends, counted over the frames of the block in each track.
        ends = self.pairs.background + self.pairs.foreground
        moves = (np.diff(self.frames, prepend=-1) - 1) * (height * width)
        ends[first] += moves.astype(np.int32)
        np.cumsum(ends, out=ends)
        tops = ends - self.pairs.foreground
        columns = tops // height
        tops -= columns * height
        bottoms = tops + self.pairs.foreground
        track_bounds = np.searchsorted(self.owners, np.arange(self.num_tracks + 1))
        bounds = self.pairs.bounds[track_bounds]
        if len(bottoms) and int(bottoms.max()) > height:
            columns, tops, bottoms, bounds = _cut(columns, tops, bottoms, bounds, height)
        return _Pieces(
            columns.astype(np.intp), _narrow(tops, height), _narrow(bottoms, height), bounds
        )


def _cut(
    columns: npt.NDArray[np.int32],
    tops: npt.NDArray[np.int32],
    bottoms: npt.NDArray[np.int32],
    bounds: Ints,
    height: int,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int32], Ints]:
    """Cut runs that go on in the next columns: few in most masks, so they are put in between."""
    long = np.flatnonzero(bottoms > height)
    more = (bottoms[long] - 1) // height  # columns beyond the first
    source = np.repeat(np.arange(len(long)), more)
    step = np.arange(len(source)) - np.repeat(np.cumsum(more) - more, more) + 1
    behind = long[source] + 1
    rest = bottoms[long][source] - step * height
    cut_columns = np.insert(columns, behind, columns[long][source] + step)
    cut_tops = np.insert(tops, behind, 0)
    cut_bottoms = np.insert(np.minimum(bottoms, height), behind, np.minimum(rest, height))
    return cut_columns, cut_tops, cut_bottoms, bounds + np.searchsorted(behind, bounds, "right")


@dataclass(frozen=True, slots=True)
class _Target:
    """A true track on a block of frames.

    Attributes:
        area: Pixels on all frames.
        before: (T * width + 1,) its pixels left of each column, counted over the frames.
        layers: Its pieces as tables by column.
    """

    area: int
    before: Ints
    layers: list[_Table]


def _targets(masks: _Masks, extents: _Extents, rows: Ints) -> list[_Target]:
    """Some of the tracks as true ones."""
    num_columns = masks.num_frames * masks.size[1] + 1
    layers = _layers(masks.of(rows).pieces(), num_columns)
    before = np.zeros((len(rows), num_columns), dtype=np.int64)
    for tops, bottoms in layers:
        before[:, 1:] += (bottoms - tops)[:, :-1]
    np.cumsum(before, axis=1, out=before)
    areas = extents.areas[rows].sum(1).tolist()
    return [
        _Target(area, before[n], [(tops[n], bottoms[n]) for tops, bottoms in layers])
        for n, area in enumerate(areas)
    ]


def _can_reach(
    found: _Extents, targets: Sequence[_Target], least_iou: float
) -> npt.NDArray[np.bool_]:
    """(n, G) whether a pair can share pixels and reach an IoU, by areas and columns alone."""
    num_tracks, num_frames = found.areas.shape
    matters = np.zeros((num_tracks, len(targets)), dtype=bool)
    sums = found.areas.sum(1)
    for place, target in enumerate(targets):
        width = (len(target.before) - 1) // num_frames
        starts = np.arange(num_frames) * width
        within = target.before[found.rights + 1 + starts] - target.before[found.lefts + starts]
        most = np.minimum(found.areas, np.maximum(within, 0)).sum(1)  # an empty mask has no left
        union = sums + target.area - most
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

    def of(self, wanted: npt.NDArray[np.bool_]) -> _Pieces:
        """The pieces of some of the tracks, at least one."""
        if wanted.all():
            return self
        ends = self.bounds[1:][wanted]
        begins = self.bounds[:-1][wanted]
        own = [slice(b, e) for b, e in zip(begins.tolist(), ends.tolist(), strict=True)]
        columns = np.concatenate([self.columns[part] for part in own])
        tops, bottoms = (
            np.concatenate([rows[part] for part in own]) for rows in (self.tops, self.bottoms)
        )
        return _Pieces(columns, tops, bottoms, np.concatenate(([0], np.cumsum(ends - begins))))


def _narrow(rows: npt.NDArray[np.int32], height: int) -> _Rows:
    return rows.astype(np.int16) if height < 1 << 15 else rows.astype(np.int32)


def _layers(pieces: _Pieces, num_columns: int) -> list[_Table]:
    """Tables of tops and bottoms by track and column: of the first piece, the second, ..."""
    num_tracks = len(pieces.bounds) - 1
    places = np.repeat(np.arange(num_tracks) * num_columns, np.diff(pieces.bounds))
    places += pieces.columns
    some = pieces.bottoms > pieces.tops
    if not some.all():
        places = places[some]
        pieces = replace(pieces, tops=pieces.tops[some], bottoms=pieces.bottoms[some])
    is_first = np.ones(len(places), dtype=bool)
    np.greater(places[1:], places[:-1], out=is_first[1:])
    tables: list[_Table] = []
    chosen: npt.NDArray[np.bool_] = is_first
    while chosen.any():
        tops, bottoms = (
            np.zeros(num_tracks * num_columns, dtype=pieces.tops.dtype) for _ in range(2)
        )
        tops[places[chosen]] = pieces.tops[chosen]
        bottoms[places[chosen]] = pieces.bottoms[chosen]
        shape = (num_tracks, num_columns)
        tables.append((tops.reshape(shape), bottoms.reshape(shape)))
        # The next of a column stands right behind.
        chosen = np.concatenate(([False], chosen[:-1])) & ~is_first
    return tables


def _common(pieces: _Pieces, tables: Sequence[_Table]) -> Ints:
    """(n,) common pixels of the tracks of ``pieces`` with one true track."""
    common = np.zeros(len(pieces.bounds) - 1, dtype=np.int64)
    for layer, (tops, bottoms) in enumerate(tables):
        ends = bottoms.take(pieces.columns)
        own_tops, own_bottoms, columns = pieces.tops, pieces.bottoms, pieces.columns
        bounds = pieces.bounds
        if layer:
            hit = np.flatnonzero(ends)
            own_tops, own_bottoms, columns = own_tops[hit], own_bottoms[hit], columns[hit]
            ends, bounds = ends[hit], np.searchsorted(hit, bounds)
        low = np.maximum(own_tops, tops.take(columns))
        shared = np.minimum(own_bottoms, ends)
        shared -= low
        common += segment_sums(np.maximum(shared, 0, out=shared), bounds)
    return common
