"""Space-time IoU of tracks from their run lengths, all pairs of a video and class at once.

Masks are column-major, so a run lies in one column or goes on in the next one; cut at the
columns, runs become vertical *pieces*. For a true track the pieces of each column of each frame
are laid out in tables, one table for the first piece of every column, one for the second and so
on; most objects need few. The overlap of a predicted piece with the true track is then read off
with two look-ups a table, for all predicted pieces in one go.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ifc_core.structures.run_lengths import RunBatch, decode_joined

Ints = npt.NDArray[np.int64]
_GROUP_BYTES = 1 << 16  # so much that the arrays stay in the processor's cache
_BLOCK_COLUMNS = 1 << 22
_Rows = npt.NDArray[np.int16] | npt.NDArray[np.int32]
_Table = tuple[_Rows, _Rows]


@dataclass(frozen=True, slots=True)
class CodedTrack:
    """The masks of one track as they stand in a file.

    Attributes:
        frames: Ascending frames that have a mask, n of them.
        coded: COCO count strings, one after the other.
        lengths: Bytes of each string.
    """

    frames: list[int]
    coded: bytes
    lengths: list[int]

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
) -> Overlap:
    """Measure all pairs of tracks.

    Args:
        found: D predicted tracks.
        truth: G true tracks.
        size: (height, width) of the video.
        num_frames: T.

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
    for first in range(0, num_frames, step):
        stop = min(first + step, num_frames)
        tables: list[list[_Table]] = []
        for place, track in enumerate(truth):
            pieces = _read_pieces([track], size, (first, stop), (True, place))
            pieces.store_areas(overlap.truth_areas[place : place + 1])
            tables.append(_layers(pieces, (stop - first) * size[1]))
        for begin, end in _groups(found):
            pieces = _read_pieces(found[begin:end], size, (first, stop), (False, begin))
            pieces.store_areas(overlap.found_areas[begin:end])
            if truth:
                overlap.common[begin:end] += _common(pieces, tables, end - begin)
    return overlap


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
        columns: (P,) int64, counted over the frames of a block.
        tops: (P,) first row, int16 where the height allows it, else int32.
        bottoms: (P,) one past the last row, likewise.
        bounds: (n + 1,) int64 the pieces of each track.
        owners: (m,) track of each mask.
        frames: (m,) frame of each mask.
        areas: (m,) pixels of each mask.
    """

    columns: Ints
    tops: _Rows
    bottoms: _Rows
    bounds: Ints
    owners: Ints
    frames: Ints
    areas: Ints

    def store_areas(self, table: Ints) -> None:
        """Write the areas to a (n, T) table."""
        table[self.owners, self.frames] = self.areas


def _read_pieces(
    tracks: Sequence[CodedTrack],
    size: tuple[int, int],
    block: tuple[int, int],
    origin: tuple[bool, int],
) -> _Pieces:
    """Decode tracks; ``origin`` (is truth, place of the first) goes into an error."""
    parts = [track.part(*block) for track in tracks]
    numbers = np.array([len(part.frames) for part in parts], dtype=np.int64)
    frames = np.array([frame for part in parts for frame in part.frames], dtype=np.int64)
    owners = np.repeat(np.arange(len(parts)), numbers)
    lengths = np.array([n for part in parts for n in part.lengths], dtype=np.int64)
    batch = decode_joined(b"".join(part.coded for part in parts), lengths)
    pixels = size[0] * size[1]
    sums = np.zeros(len(batch.runs) + 1, dtype=np.int64)
    np.cumsum(batch.runs, out=sums[1:])
    broken = ~batch.is_valid | (np.diff(sums[batch.offsets]) != pixels)
    if broken.any():
        place = int(np.flatnonzero(broken)[0])
        raise BrokenMaskError(origin[0], origin[1] + int(owners[place]), int(frames[place]))
    columns, tops, bottoms, counts = _cut_columns(batch, sums, frames - block[0], size)
    mask_bounds = np.concatenate(([0], np.cumsum(counts)))
    track_bounds = np.concatenate(([0], np.cumsum(numbers)))
    return _Pieces(
        columns,
        _narrow(tops, size[0]),
        _narrow(bottoms, size[0]),
        mask_bounds[track_bounds],
        owners,
        frames,
        _segment_sums(bottoms - tops, mask_bounds),
    )


def _narrow(rows: npt.NDArray[np.int32], height: int) -> _Rows:
    return rows.astype(np.int16) if height < 1 << 15 else rows


def _cut_columns(
    batch: RunBatch, sums: Ints, frames: Ints, size: tuple[int, int]
) -> tuple[Ints, npt.NDArray[np.int32], npt.NDArray[np.int32], Ints]:
    """Columns, tops and bottoms of all pieces, and how many each mask has."""
    height, width = size
    # Foreground is every second run of a mask.
    counts = np.diff(batch.offsets) // 2
    first = np.repeat(batch.offsets[:-1] - 2 * (np.cumsum(counts) - counts), counts)
    places = first + np.arange(1, 2 * len(first), 2)
    starts = sums[places] - np.repeat(np.arange(len(batch)) * (height * width), counts)
    local = starts.astype(np.int32)
    columns = local // np.int32(height)
    tops = local - columns * np.int32(height)
    bottoms = tops + batch.runs[places]
    shift = np.repeat(frames * width, counts)
    if not len(bottoms) or int(bottoms.max()) <= height:
        return columns + shift, tops, bottoms, counts
    owners = np.repeat(np.arange(len(batch)), counts)
    spans = np.maximum((bottoms - 1) // np.int32(height), 0).astype(np.int64) + 1
    source = np.repeat(np.arange(len(spans)), spans)
    step = np.arange(len(source)) - np.repeat(np.cumsum(spans) - spans, spans)
    offset = (step * height).astype(np.int32)
    cut_tops = np.maximum(tops[source] - offset, 0)
    cut_bottoms = np.minimum(bottoms[source] - offset, np.int32(height))
    cut_columns = (columns + shift)[source] + step
    return cut_columns, cut_tops, cut_bottoms, np.bincount(owners[source], minlength=len(batch))


def _layers(pieces: _Pieces, num_columns: int) -> list[_Table]:
    """Tables of tops and bottoms by column: of the first piece, the second, ..."""
    columns = pieces.columns
    is_first = np.concatenate(([True], np.diff(columns) > 0)) if len(columns) else np.zeros(0, bool)
    heads = np.flatnonzero(is_first)
    widths = np.diff(np.concatenate((heads, [len(columns)])))
    rank = np.arange(len(columns)) - np.repeat(heads, widths)
    tables: list[_Table] = []
    for layer in range(int(rank.max(initial=-1)) + 1):
        chosen = rank == layer
        tops = np.zeros(num_columns, dtype=pieces.tops.dtype)
        bottoms = np.zeros(num_columns, dtype=pieces.tops.dtype)
        tops[columns[chosen]] = pieces.tops[chosen]
        bottoms[columns[chosen]] = pieces.bottoms[chosen]
        tables.append((tops, bottoms))
    return tables


def _common(pieces: _Pieces, truth: Sequence[Sequence[_Table]], num_tracks: int) -> Ints:
    """(n, G) common pixels of the tracks of ``pieces`` with each true track."""
    common = np.zeros((num_tracks, len(truth)), dtype=np.int64)
    for place, tables in enumerate(truth):
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
            common[:, place] += _segment_sums(np.maximum(shared, 0, out=shared), bounds)
    return common


def _segment_sums(values: _Rows, bounds: Ints) -> Ints:
    """Sums of the values between each two neighbours of ``bounds``."""
    sums = np.zeros(len(bounds) - 1, dtype=np.int64)
    some = np.flatnonzero(bounds[1:] > bounds[:-1])
    if len(some):
        sums[some] = np.add.reduceat(values, bounds[some], dtype=np.int64)
    return sums
