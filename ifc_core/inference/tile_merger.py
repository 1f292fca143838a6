"""What several tiles see of one frame, and what the whole of it shows, put together.

Two tiles that see an object alike where they overlap, or a tile and the whole frame, see one
object. Small ones are taken from the tiles, where they stay large enough; large ones, which lie in
pieces there, from the whole frame.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from ifc_core.annotation.rle_runs import toggles_of
from ifc_core.inference.mask_quality import QualityTally, score_with_quality
from ifc_core.inference.results import FrameMask, FrameResult, InstanceSummary
from ifc_core.structures import RLEMask

Region = tuple[int, int, int, int]
"""x, y, width, height in pixels of the frame."""

Part = tuple[int, int]
"""Region by its number, instance id of the run over it."""

_JOIN_IOU = 0.5
_FEWEST_SHARED_PX = 9
_VOTES = 3  # frames of agreement before two tracks that had a number each are joined
_LARGEST_INSIDE = 0.7  # of what only tiles saw, in one object of the whole frame
_LEAST_CERTAINTY = 0.5  # of that one, as a share of its own


@dataclass(slots=True)
class _Joined:
    """One object, seen by one run or several."""

    parts: set[Part] = field(default_factory=set)
    first: int = -1
    last: int = -1
    count: int = 0
    area: int = 0  # pixels of what only tiles saw, over all frames
    inside: dict[int, int] = field(default_factory=dict)  # those in objects of the whole frame

    def count_frame(self, frame_index: int) -> None:
        self.first = frame_index if self.first < 0 else self.first
        self.last = frame_index
        self.count += 1


@dataclass(slots=True)
class TileMerger:
    """Gives the instances of all runs over parts of a frame common numbers.

    Two of overlapping regions are one object if their masks agree where the regions overlap: at
    once when one of them is new, after some frames of agreement when both had numbers already
    (from then on; frames given out keep theirs).

    Args:
        regions: The tiles; with ``whole_from_px`` the last one is the area that they cover.
        whole_from_px: Masks of that last region are taken of objects that have so many pixels
            there, those of the tiles of smaller ones; ``None`` if there are tiles alone.
    """

    regions: Sequence[Region]
    whole_from_px: float | None = None
    _objects: dict[int, _Joined] = field(default_factory=dict)
    _number_of: dict[Part, int] = field(default_factory=dict)
    _votes: dict[tuple[int, int], int] = field(default_factory=dict)

    def merge(self, frames: Sequence[FrameResult]) -> FrameResult:
        """One frame, as every region's run sees it, to one frame."""
        masks = {
            (region, mask.instance_id): mask
            for region, frame in enumerate(frames)
            for mask in frame.masks
        }
        for first, second in sorted(self._agreeing(masks)):
            self._join(first, second)
        for part in masks:
            if part not in self._number_of:
                self._assign(part, len(self._objects))
        groups: dict[int, dict[Part, FrameMask]] = {}
        for part, mask in masks.items():
            groups.setdefault(self._number_of[part], {})[part] = mask
        index = frames[0].frame_index
        merged = {number: self._united(number, group) for number, group in sorted(groups.items())}
        for number in merged:
            self._objects[number].count_frame(index)
        self._note_what_holds(merged)
        return FrameResult(index, tuple(merged.values()))

    def instances(
        self, found: Mapping[Part, InstanceSummary], threshold: float
    ) -> tuple[InstanceSummary, ...]:
        """The objects that every run together found, so far.

        Args:
            found: What the runs say of their instances.
            threshold: Objects that are less certain are left out, and those of tiles alone that
                lie in one of the whole frame that is kept: most are parts of it.
        """
        kept = [
            summary
            for number, joined in self._objects.items()
            if (summary := self._summary(number, joined, found, threshold)) is not None
            and summary.certainty >= threshold
        ]
        certainties = {summary.instance_id: summary.certainty for summary in kept}
        return tuple(s for s in kept if not self._is_inside(s.instance_id, certainties))

    @property
    def _whole(self) -> int:
        """Number of the region that is the whole area; -1 without one."""
        return -1 if self.whole_from_px is None else len(self.regions) - 1

    def _agreeing(self, masks: dict[Part, FrameMask]) -> Iterator[tuple[Part, Part]]:
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

    def _join(self, first: Part, second: Part) -> None:
        one, other = self._number_of.get(first), self._number_of.get(second)
        if one is None and other is None:
            number = len(self._objects)
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
        """From now on the parts of one object count to another, unless a region has both."""
        regions = [{region for region, _ in self._objects[n].parts} for n in (kept, dropped)]
        if regions[0] & regions[1]:
            return
        for part in list(self._objects[dropped].parts):
            self._number_of[part] = kept
            self._objects[kept].parts.add(part)

    def _assign(self, part: Part, number: int) -> None:
        self._number_of[part] = number
        self._objects.setdefault(number, _Joined()).parts.add(part)

    def _united(self, number: int, group: Mapping[Part, FrameMask]) -> FrameMask:
        """One mask of an object: of the tiles, or of the whole frame if it is large there."""
        whole = [mask for part, mask in group.items() if part[0] == self._whole]
        tiles = [mask for part, mask in group.items() if part[0] != self._whole]
        if self.whole_from_px is None or not whole or not tiles:
            return _union(number, whole or tiles)
        shown = _union(number, whole)
        return shown if shown.rle.area >= self.whole_from_px else _union(number, tiles)

    def _note_what_holds(self, masks: Mapping[int, FrameMask]) -> None:
        """Count the pixels of what only tiles saw that lie in what the whole frame shows."""
        if self.whole_from_px is None:
            return
        of_tiles = [number for number in masks if not self._is_seen_whole(number)]
        of_whole = [number for number in masks if self._is_seen_whole(number)]
        shares = RLEMask.shares_inside(
            [masks[number].rle for number in of_tiles], [masks[number].rle for number in of_whole]
        )
        for number, row in zip(of_tiles, shares, strict=True):
            joined, area = self._objects[number], masks[number].rle.area
            joined.area += area
            for other in np.flatnonzero(row):
                inside = joined.inside.get(of_whole[other], 0)
                joined.inside[of_whole[other]] = inside + round(row[other] * area)

    def _is_seen_whole(self, number: int) -> bool:
        return any(region == self._whole for region, _ in self._objects[number].parts)

    def _is_inside(self, number: int, certainties: Mapping[int, float]) -> bool:
        """Whether only tiles saw an object, within a single one that is kept and no mere guess."""
        joined = self._objects[number]
        if self.whole_from_px is None or self._is_seen_whole(number):
            return False
        least = _LEAST_CERTAINTY * certainties[number]
        holders = [px for other, px in joined.inside.items() if certainties.get(other, -1) >= least]
        return max(holders, default=0) >= _LARGEST_INSIDE * max(1, joined.area)

    def _summary(
        self,
        number: int,
        joined: _Joined,
        found: Mapping[Part, InstanceSummary],
        threshold: float,
    ) -> InstanceSummary | None:
        """What the tiles say or the whole frame: of those that are certain the better score."""
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
