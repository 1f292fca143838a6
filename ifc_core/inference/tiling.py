"""Large frames in overlapping tiles: every tile is a run of its own, tracks are joined across.

Objects of a few pixels vanish when a 4K frame is brought to 360 rows. In tiles they stay large
enough; what two tiles see alike in their overlap is one object.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, combinations

import numpy as np
import numpy.typing as npt

from ifc_core.annotation.rle_runs import toggles_of
from ifc_core.inference.mask_quality import QualityTally, score_with_quality
from ifc_core.inference.predictor import (
    Frame,
    VideoPrediction,
    predict_video,
)
from ifc_core.inference.results import FrameMask, FrameResult, InstanceSummary
from ifc_core.inference.run_checkpoint import RunCheckpoint
from ifc_core.inference.run_setup import prepare_model, score_threshold_for, short_side_for
from ifc_core.inference.settings import ProposeSettings
from ifc_core.inference.shot_watch import ShotWatch
from ifc_core.jobs import JobContext
from ifc_core.models.ifc import IFC
from ifc_core.structures import RLEMask

Region = tuple[int, int, int, int]
"""x, y, width, height in pixels of the frame."""

_OVERLAP = 0.2  # of a tile's side, shared with its neighbour
_LARGEST_SHRINK = 2.0  # ``auto``: a tile is brought to at least half its size
_MOST_TILES = 8  # of ``auto``, in each direction
_JOIN_IOU = 0.5
_FEWEST_SHARED_PX = 9
_VOTES = 3  # frames of agreement before two tracks that had a number each are joined


def tile_counts(tiles: str, size: tuple[int, int], short_side: int) -> tuple[int, int]:
    """Rows and columns behind the setting ``tiles``.

    Args:
        tiles: ``auto`` or ``ROWSxCOLUMNS``.
        size: (height, width) of what is cut.
        short_side: To which the network's input is brought.
    """
    if tiles != "auto":
        rows, _, columns = tiles.lower().partition("x")
        return int(rows), int(columns)
    side = short_side * _LARGEST_SHRINK
    rows_wanted = min(_MOST_TILES, math.ceil(size[0] / side))
    columns_wanted = min(_MOST_TILES, math.ceil(size[1] / (side * 16 / 9)))
    return rows_wanted, columns_wanted


def tile_regions(area: Region, rows: int, columns: int) -> list[Region]:
    """Equal tiles that cover an area, neighbours sharing a fifth of a side.

    Args:
        area: What is cut.
        rows: Tiles from top to bottom.
        columns: Tiles from left to right.
    """
    x0, y0, width, height = area
    spans = [
        [(x, y, w, h) for x, w in _spans(x0, width, columns)] for y, h in _spans(y0, height, rows)
    ]
    return list(chain.from_iterable(spans))


def _spans(start: int, length: int, count: int) -> list[tuple[int, int]]:
    side = min(length, math.ceil(length / (count - (count - 1) * _OVERLAP)))
    if count == 1:
        return [(start, length)]
    return [(start + round(i * (length - side) / (count - 1)), side) for i in range(count)]


def predict(
    model: IFC,
    frames: Iterable[Frame],
    settings: ProposeSettings,
    context: JobContext | None = None,
    *,
    num_frames: int | None = None,
    resume: RunCheckpoint | None = None,
) -> VideoPrediction | TiledPrediction:
    """:func:`predict_video`, in tiles where the settings ask for them.

    A run in tiles has no checkpoint: it cannot be paused.
    """
    if not settings.tiles:
        return predict_video(model, frames, settings, context, num_frames=num_frames, resume=resume)
    return TiledPrediction(model, frames, settings, context or JobContext(), num_frames)


@dataclass(slots=True)
class _Joined:
    """One object, seen by one or several tiles."""

    parts: set[tuple[int, int]] = field(default_factory=set)  # (tile, instance id there)
    first: int = -1
    last: int = -1
    count: int = 0


@dataclass(slots=True)
class TileMerger:
    """Gives the instances of all tiles common numbers.

    Two of neighbouring tiles are one object if their masks agree where the tiles overlap: at
    once when one of them is new, after some frames of agreement when both had numbers already
    (from then on; frames given out keep theirs).

    Args:
        regions: The tiles.
    """

    regions: Sequence[Region]
    objects: dict[int, _Joined] = field(default_factory=dict)
    _number_of: dict[tuple[int, int], int] = field(default_factory=dict)
    _votes: dict[tuple[int, int], int] = field(default_factory=dict)

    def merge(self, frames: Sequence[FrameResult]) -> FrameResult:
        """One frame, as every tile sees it, to one frame."""
        masks = {
            (tile, mask.instance_id): mask
            for tile, frame in enumerate(frames)
            for mask in frame.masks
        }
        for first, second in sorted(self._agreeing(masks)):
            self._join(first, second)
        for part in masks:
            if part not in self._number_of:
                self._assign(part, len(self.objects))
        groups: dict[int, list[FrameMask]] = {}
        for part, mask in masks.items():
            groups.setdefault(self._number_of[part], []).append(mask)
        index = frames[0].frame_index
        for number in groups:
            self._count(self.objects[number], index)
        merged = [_united(number, group) for number, group in sorted(groups.items())]
        return FrameResult(index, tuple(merged))

    def _agreeing(
        self, masks: dict[tuple[int, int], FrameMask]
    ) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        for a, b in combinations(range(len(self.regions)), 2):
            shared = _intersection(self.regions[a], self.regions[b])
            if shared is None:
                continue
            cuts = {
                part: cut
                for part, mask in masks.items()
                if part[0] in (a, b) and (cut := _cut(mask.rle, shared)) is not None
            }
            for first in (part for part in cuts if part[0] == a):
                for second in (part for part in cuts if part[0] == b):
                    union = (cuts[first] | cuts[second]).sum()
                    if (cuts[first] & cuts[second]).sum() >= _JOIN_IOU * union:
                        yield first, second

    def _join(self, first: tuple[int, int], second: tuple[int, int]) -> None:
        one, other = self._number_of.get(first), self._number_of.get(second)
        if one is None and other is None:
            number = len(self.objects)
            self._assign(first, number)
            self._assign(second, number)
        elif one is None and other is not None:
            self._assign(first, other)
        elif other is None and one is not None:
            self._assign(second, one)
        elif one is not None and other is not None and one != other:
            pair = (min(one, other), max(one, other))
            self._votes[pair] = self._votes.get(pair, 0) + 1
            if self._votes[pair] >= _VOTES:
                self._unite(*pair)

    def _unite(self, kept: int, dropped: int) -> None:
        """From now on the parts of one object count to another, unless a tile tells them apart."""
        tiles = [{tile for tile, _ in self.objects[n].parts} for n in (kept, dropped)]
        if tiles[0] & tiles[1]:
            return
        for part in list(self.objects[dropped].parts):
            self._number_of[part] = kept
            self.objects[kept].parts.add(part)

    def _assign(self, part: tuple[int, int], number: int) -> None:
        self._number_of[part] = number
        self.objects.setdefault(number, _Joined()).parts.add(part)

    @staticmethod
    def _count(found: _Joined, frame_index: int) -> None:
        found.first = frame_index if found.first < 0 else found.first
        found.last = frame_index
        found.count += 1


class TiledPrediction(Iterator[FrameResult]):
    """A run in tiles: iterate it for finished frames, then read :attr:`instances`.

    Args:
        model: The network on its device.
        frames: As for :func:`predict_video`.
        settings: With ``tiles`` set; tiles lie in ``region_xywh`` where that is given.
        context: Progress and cancellation.
        num_frames: Frames after the frame step, if known.
    """

    def __init__(
        self,
        model: IFC,
        frames: Iterable[Frame],
        settings: ProposeSettings,
        context: JobContext,
        num_frames: int | None,
    ) -> None:
        self._model, self._settings, self._context = model, settings, context
        self._num_frames = num_frames
        self._runs: list[VideoPrediction] = []
        self._merger = TileMerger(())
        self._steps = self._run(iter(frames))

    def __next__(self) -> FrameResult:
        return next(self._steps)

    def close(self) -> None:
        """Stop early and let go of the frames."""
        for run in self._runs:
            run.close()

    def checkpoint(self) -> None:
        """Nothing: a run in tiles cannot be paused."""

    @property
    def instances(self) -> tuple[InstanceSummary, ...]:
        """Objects over the score threshold: so far, or final at the end."""
        parts = {
            (tile, found.instance_id): found
            for tile, run in enumerate(self._runs)
            for found in run.instances
        }
        table = [
            _summary(number, joined, [parts[p] for p in sorted(joined.parts) if p in parts])
            for number, joined in sorted(self._merger.objects.items())
            if joined.count
        ]
        threshold = score_threshold_for(self._model, self._settings)
        return tuple(s for s in table if s is not None and s.certainty >= threshold)

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences for the person, each once."""
        return tuple(dict.fromkeys(n for run in self._runs for n in run.notices))

    @property
    def shot_starts(self) -> tuple[int, ...]:
        """First frame of each shot so far: cuts are looked for once, in the whole frame."""
        return self._runs[0].shot_starts if self._runs else ()

    def _run(self, frames: Iterator[Frame]) -> Iterator[FrameResult]:
        first = next(frames, None)
        if first is None:
            return
        height, width = first[1].shape[:2]
        area = self._settings.region_xywh or (0, 0, int(width), int(height))
        short_side = short_side_for(self._model, self._settings)
        counts = tile_counts(self._settings.tiles, (area[3], area[2]), short_side)
        regions = tile_regions(area, *counts)
        prepared = prepare_model(self._model, self._settings.precision)
        self._merger = TileMerger(regions)
        watch = ShotWatch(self._settings.shot_cuts, self._settings.frame_step)
        copies = watch.shared(chain([first], frames), len(regions))  # a clip long: all are in step
        self._runs = [
            VideoPrediction(
                self._model,
                copy,
                replace(self._settings, tiles="", region_xywh=region, score_threshold=0.0),
                JobContext(lambda progress: self._context.raise_if_cancelled()),
                self._num_frames,
                None,
                prepared=prepared,
            )
            for copy, region in zip(copies, regions, strict=True)
        ]
        for done, seen in enumerate(zip(*self._runs, strict=True), start=1):
            yield self._merger.merge(seen)
            self._context.advance(done, self._num_frames, "finding instances in tiles")


def _intersection(first: Region, second: Region) -> Region | None:
    x0, y0 = max(first[0], second[0]), max(first[1], second[1])
    x1 = min(first[0] + first[2], second[0] + second[2])
    y1 = min(first[1] + first[3], second[1] + second[3])
    return (x0, y0, x1 - x0, y1 - y0) if x1 > x0 and y1 > y0 else None


def _cut(rle: RLEMask, region: Region) -> npt.NDArray[np.bool_] | None:
    """The part of a mask in a region, or ``None`` where hardly anything of it lies there."""
    x, y, width, height = (int(side) for side in rle.bbox_xywh)
    shared = _intersection((x, y, width, height), region)
    if shared is None:
        return None
    left, _, across, _ = shared
    rows = rle.size[0]
    toggles = toggles_of(rle)
    first, last = np.searchsorted(toggles, (left * rows, (left + across) * rows))
    begin, length = left * rows, across * rows  # these columns only
    edges = np.concatenate(([0], toggles[first:last] - begin, [length]))
    is_inside = (np.arange(len(edges) - 1) + first) % 2 == 1
    columns = np.repeat(is_inside, np.diff(edges)).reshape(across, rows)
    part = np.zeros((region[3], region[2]), dtype=np.bool_)
    inside = columns[:, region[1] : region[1] + region[3]].T
    part[:, left - region[0] : left - region[0] + across] = inside
    return part if part.sum() >= _FEWEST_SHARED_PX else None


def _united(number: int, group: Sequence[FrameMask]) -> FrameMask:
    if len(group) == 1:
        return replace(group[0], instance_id=number)
    best = max(group, key=lambda mask: mask.score)
    doubts = [m.uncertainty for m in group if m.uncertainty is not None]
    links = [m.link_score for m in group if m.link_score is not None]
    return FrameMask(
        number,
        RLEMask.union(mask.rle for mask in group),
        max(doubts, default=None),
        min(links, default=None),
        best.score,
        best.label,
        min((m.quality for m in group if m.quality is not None), default=None),
    )


def _summary(
    number: int, joined: _Joined, parts: Sequence[InstanceSummary]
) -> InstanceSummary | None:
    """Class probabilities averaged over the parts, each by its frames."""
    total = sum(part.num_frames for part in parts)
    if not total:
        return None
    columns = zip(*(part.class_probs for part in parts), strict=True)
    probs = tuple(
        sum(p * part.num_frames for p, part in zip(column, parts, strict=True)) / total
        for column in columns
    )
    prob = max(probs[:-1])
    tally = QualityTally()
    for part in parts:
        tally.add(part.quality, part.num_frames)
    return InstanceSummary(
        number,
        probs,
        score_with_quality(prob, tally.mean),
        probs.index(prob),
        joined.first,
        joined.last,
        joined.count,
        tally.mean,
    )
