"""What several tiles see of one frame, and what the whole of it shows, put together.

Two tiles that see an object alike where they overlap, or a tile and the whole frame, see one
object. Small ones are taken from the tiles, where they stay large enough; large ones, which lie in
pieces there, from the whole frame.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from ifc_core.inference.doubles import SharedPixels
from ifc_core.inference.mask_quality import QualityTally, score_with_quality
from ifc_core.inference.results import FrameMask, FrameResult, InstanceSummary
from ifc_core.structures import RLEMask
from ifc_core.structures.rle_runs import toggles_of

Region = tuple[int, int, int, int]
"""x, y, width, height in pixels of the frame."""

Part = tuple[int, int]
"""Region by its number, instance id of the run over it."""

_JOIN_IOU = 0.5
_FEWEST_SHARED_PX = 9
_VOTES = 3  # frames of agreement, less those of none, before two that have numbers are joined
_LEAST_COVER = 0.5  # of what the whole frame shows of an object, where the tiles' masks are taken
_LEAST_SCORE = 0.5  # of theirs, as a share of its score


@dataclass(slots=True)
class _Joined:
    """One object, seen by one run or several."""

    parts: set[Part] = field(default_factory=set)
    first: int = -1
    last: int = -1
    count: int = 0

    def count_frame(self, frame_index: int) -> None:
        self.first = frame_index if self.first < 0 else self.first
        self.last = frame_index
        self.count += 1


@dataclass(slots=True)
class TileMerger:
    """Gives the instances of all runs over parts of a frame common numbers.

    Two of overlapping regions are one object if their masks agree where the regions overlap: at
    once when one of them is new, else after some frames on which they do, less those on which both
    are there and do not (from then on; frames given out keep their numbers).

    Args:
        regions: The tiles; with ``whole_from_px`` the last one is the area that they cover.
        whole_from_px: Masks of that last region are taken of objects that have so many pixels
            there, those of the tiles of smaller ones, if they are hardly less sure and cover most
            of it; ``None`` if there are tiles alone.
    """

    regions: Sequence[Region]
    whole_from_px: float | None = None
    _overlaps: list[tuple[int, int, Region]] = field(init=False)
    _objects: dict[int, _Joined] = field(default_factory=dict)
    _number_of: dict[Part, int] = field(default_factory=dict)
    _votes: dict[tuple[int, int], int] = field(default_factory=dict)
    _became: dict[int, int] = field(default_factory=dict)  # number that was joined -> its new one
    _shared: SharedPixels = field(default_factory=SharedPixels)

    def __post_init__(self) -> None:
        """Find which regions overlap."""
        pairs = combinations(range(len(self.regions)), 2)
        shared = ((a, b, _intersection(self.regions[a], self.regions[b])) for a, b in pairs)
        self._overlaps = [(a, b, region) for a, b, region in shared if region is not None]

    def merge(self, frames: Sequence[FrameResult]) -> FrameResult:
        """One frame, as every region's run sees it, to one frame."""
        masks = {
            (region, mask.instance_id): mask
            for region, frame in enumerate(frames)
            for mask in frame.masks
        }
        agreeing = self._agreeing(frames)
        joined = [self._join(*pair, masks) for pair in agreeing]
        elsewhere = {pair[1] for pair, objects in zip(agreeing, joined, strict=True) if objects}
        there = frozenset(self._number_of[part] for part in masks if part in self._number_of)
        self._count_votes({objects for objects in joined if objects is not None}, there)
        for part in masks:
            if part not in self._number_of:
                self._assign(part, len(self._objects))
        groups: dict[int, dict[Part, FrameMask]] = {}
        for part, mask in masks.items():
            groups.setdefault(self._number_of[part], {})[part] = mask
        index = frames[0].frame_index
        merged = {n: self._united(n, group, elsewhere) for n, group in sorted(groups.items())}
        for number in merged:
            self._objects[number].count_frame(index)
        self._shared.add(list(merged.values()))
        return FrameResult(index, tuple(merged.values()))

    def instances(
        self, found: Mapping[Part, InstanceSummary], threshold: float
    ) -> tuple[InstanceSummary, ...]:
        """The objects that every run together found, so far.

        Args:
            found: What the runs say of their instances.
            threshold: Objects that are less certain are left out.
        """
        table = (
            self._summary(number, joined, found, threshold)
            for number, joined in self._objects.items()
        )
        certain = [s for s in table if s is not None and s.certainty >= threshold]
        return self._shared.lowered(certain)

    @property
    def _whole(self) -> int:
        """Number of the region that is the whole area; -1 without one."""
        return -1 if self.whole_from_px is None else len(self.regions) - 1

    def _agreeing(self, frames: Sequence[FrameResult]) -> list[tuple[Part, Part]]:
        agreeing: list[tuple[Part, Part]] = []
        for a, b, shared in self._overlaps:
            if frames[a].masks and frames[b].masks:
                pairs = (
                    self._alike_whole(frames[a].masks, frames[b].masks, a)
                    if b == self._whole
                    else _alike_in(shared, frames[a].masks, frames[b].masks)
                )
                agreeing += [((a, first), (b, second)) for first, second in pairs]
        return sorted(agreeing)

    def _alike_whole(
        self, in_tile: Sequence[FrameMask], in_whole: Sequence[FrameMask], tile: int
    ) -> Iterator[tuple[int, int]]:
        """Pairs alike of a tile and the whole frame.

        What lies within the tile must be all of the other mask; what goes on beyond the tile, the
        part of it there.
        """
        region, area = self.regions[tile], self.regions[self._whole]
        cut_off = [mask for mask in in_tile if _is_cut_off(mask.rle, region, area)]
        ids = {mask.instance_id for mask in cut_off}
        within = [mask for mask in in_tile if mask.instance_id not in ids]
        for mask in within:
            for other in in_whole:
                if mask.rle.iou(other.rle) >= _JOIN_IOU:
                    yield mask.instance_id, other.instance_id
        yield from _alike_in(region, cut_off, in_whole)

    def _join(
        self, first: Part, second: Part, masks: Mapping[Part, FrameMask]
    ) -> tuple[int, int] | None:
        """Give two parts that agree one number, or name two objects that should be one."""
        one, other = self._number_of.get(first), self._number_of.get(second)
        if one is None and other is None:
            number = len(self._objects)
            self._assign(first, number)
            self._assign(second, number)
        elif one is None and other is not None:
            self._assign_unless_there(first, other, masks)
        elif other is None and one is not None:
            self._assign_unless_there(second, one, masks)
        elif one is not None and other is not None and one != other:
            return (min(one, other), max(one, other))
        return None

    def _assign_unless_there(
        self, part: Part, number: int, masks: Mapping[Part, FrameMask]
    ) -> None:
        """Add a new part to an object, unless its region sees another part of it on this frame."""
        there = (other for other in self._objects[number].parts if other[0] == part[0])
        if not any(other in masks for other in there):
            self._assign(part, number)

    def _count_votes(self, agreeing: Collection[tuple[int, int]], there: frozenset[int]) -> None:
        """Take in which objects agree on a frame, however many of their parts do.

        Args:
            agreeing: Pairs of numbers, the lower first.
            there: All objects with a mask on the frame.
        """
        contradicted = [
            pair for pair in self._votes if there.issuperset(pair) and pair not in agreeing
        ]
        for pair in contradicted:
            self._votes[pair] -= 1
            if not self._votes[pair]:
                del self._votes[pair]
        for pair in sorted(agreeing):
            self._votes[pair] = self._votes.get(pair, 0) + 1
            if self._votes[pair] >= _VOTES:
                self._unite(*(self._now(number) for number in pair))

    def _now(self, number: int) -> int:
        """The number of an object that may have become part of another one."""
        while number in self._became:
            number = self._became[number]
        return number

    def _unite(self, one: int, other: int) -> None:
        """From now on the parts of one object count to another, unless a region has both."""
        kept, dropped = sorted((one, other))
        regions = [{region for region, _ in self._objects[n].parts} for n in (kept, dropped)]
        if kept == dropped or regions[0] & regions[1]:
            return
        self._became[dropped] = kept
        for part in self._objects[dropped].parts:
            self._number_of[part] = kept
            self._objects[kept].parts.add(part)

    def _assign(self, part: Part, number: int) -> None:
        self._number_of[part] = number
        self._objects.setdefault(number, _Joined()).parts.add(part)

    def _united(
        self, number: int, group: Mapping[Part, FrameMask], elsewhere: Collection[Part]
    ) -> FrameMask:
        """One mask of an object: of the tiles, or of the whole frame if it is large there.

        Args:
            number: Of the object.
            group: Its parts on the frame.
            elsewhere: Parts that agree with another object here.
        """
        whole = {part: mask for part, mask in group.items() if part[0] == self._whole}
        tiles = [mask for part, mask in group.items() if part[0] != self._whole]
        if self.whole_from_px is None or not whole or not tiles:
            return _union(number, list(group.values()))
        shown, close = _union(number, list(whole.values())), _union(number, tiles)
        area = shown.rle.area
        is_small = area < self.whole_from_px
        if not shown.rle.iou(close.rle):  # the whole frame's run went over to something else
            strayed = is_small or not whole.keys().isdisjoint(elsewhere)
            return close if strayed else _union(number, list(group.values()))
        is_covered = close.rle.area >= _LEAST_COVER * area
        is_sure = close.score >= _LEAST_SCORE * shown.score
        return close if is_small and is_covered and is_sure else shown

    def _summary(
        self,
        number: int,
        joined: _Joined,
        found: Mapping[Part, InstanceSummary],
        threshold: float,
    ) -> InstanceSummary | None:
        """What the tiles say or the whole frame: of those that are certain the better score."""
        if not joined.count:
            return None
        sides: tuple[list[InstanceSummary], list[InstanceSummary]] = ([], [])
        for part in sorted(joined.parts):
            if part in found:
                sides[part[0] == self._whole].append(found[part])
        said = [mean for side in sides if (mean := _mean(number, joined, side)) is not None]
        return max(said, key=lambda s: (s.certainty >= threshold, s.score), default=None)


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


def _alike_in(
    region: Region, some: Sequence[FrameMask], others: Sequence[FrameMask]
) -> Iterator[tuple[int, int]]:
    """Ids of the masks of either side whose parts in a region are alike."""
    cuts = [
        [(m.instance_id, cut) for m in masks if (cut := _cut(m.rle, region)) is not None]
        for masks in (some, others)
    ]
    sizes = {id(cut): int(np.count_nonzero(cut)) for side in cuts for _, cut in side}
    for first, one in cuts[0]:
        for second, other in cuts[1]:
            smaller, larger = sorted((sizes[id(one)], sizes[id(other)]))
            if smaller < _JOIN_IOU * larger:
                continue
            inter = int(np.count_nonzero(one & other))
            if inter >= _JOIN_IOU * (smaller + larger - inter):
                yield first, second


def _is_cut_off(rle: RLEMask, tile: Region, area: Region) -> bool:
    """Whether a tile's mask reaches a side of the tile beyond which the area goes on."""
    left, top, width, height = rle.bbox_xywh
    x, y, across, down = tile
    return (
        (left <= x and x > area[0])
        or (top <= y and y > area[1])
        or (left + width >= x + across and x + across < area[0] + area[2])
        or (top + height >= y + down and y + down < area[1] + area[3])
    )


def _union(number: int, group: Sequence[FrameMask]) -> FrameMask:
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


def _mean(number: int, joined: _Joined, parts: Sequence[InstanceSummary]) -> InstanceSummary | None:
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
