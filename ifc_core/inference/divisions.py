"""Suspected divisions of cells: a track ends as two others begin in its place.

Torch-free, from stored masks alone: one pass over the video in bounded memory, without a frame
being read. Boxes and areas rule out nearly everything; masks are compared for what is left.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise

import numpy as np
import numpy.typing as npt

from ifc_core.inference.identity_swaps import TrackedMask
from ifc_core.jobs import JobContext
from ifc_core.structures import RLEMask

THRESHOLD = 0.6
"""Least score of a division that is worth a person's look."""

GAP = 2
"""Frames on which a mother is gone and a daughter not there yet, at most."""

APART = 2 * GAP + 1
"""Frames between two divisions of one track, at least: no daughter is near to both of them."""

_BEFORE = 5  # masks of a track before a moment
_AFTER = 4  # frames after a moment that are waited for
_REACH = 1.0  # of the mother's box's diagonal: how far from her daughters begin
_LARGEST_CHILD = 0.85  # of the mother's area
_SMALLEST_CHILD = 0.15
_LEAST_LIKENESS = 0.3  # of the smaller daughter to the larger one, by area
_SUM = (0.45, 1.9)  # of both daughters to the mother, by area
_GROWN = 1.3  # from one frame to the next, by area: more than cells grow
_LASTING = 3  # frames on which daughters should be seen
_LINGERS = 0.3  # IoU of a mother's mask that is still there with both daughters, at least
_LEFT = 0.8  # of her area: what a mother who goes on as her own daughter has at most


@dataclass(frozen=True, slots=True)
class SuspectedDivision:
    """A cell that seems to have divided.

    Attributes:
        frame_index: First frame on which daughters are seen.
        parent_id: The mother's track.
        daughter_ids: The tracks of the daughters, ascending. Where the tracker went on with the
            mother's track on one of them, ``parent_id`` is among them, and that track has to be
            split on ``frame_index``.
        score: 0 to 1, how likely.
    """

    frame_index: int
    parent_id: int
    daughter_ids: tuple[int, int]
    score: float


def suspected_divisions(
    frames: Iterable[tuple[int, Sequence[TrackedMask]]],
    threshold: float = THRESHOLD,
    context: JobContext | None = None,
) -> list[SuspectedDivision]:
    """Find tracks that end, or lose about half their area, where one or two others begin.

    Args:
        frames: Frame index and masks, in ascending order; frames without a mask may be left out.
        threshold: Least score.
        context: Can cancel; gets progress in frames.

    Returns:
        Divisions by frame. A track has at most one mother; it divides again only where the tracker
        goes on with it on a daughter, and then at least :data:`APART` frames later.

    Raises:
        JobCancelled: The context was asked to stop.
    """
    finder = DivisionFinder(threshold)
    for done, (frame_index, masks) in enumerate(frames, start=1):
        finder.add(frame_index, masks)
        if context is not None:
            context.raise_if_cancelled()
            context.advance(done, None, "looking for divisions")
    return finder.finish()


@dataclass(frozen=True, slots=True)
class _Sighting:
    at: int  # place among the frames
    frame: int
    area: int
    centre: npt.NDArray[np.float64]
    diagonal: float
    rle: RLEMask
    is_joined: bool  # it took in another track's object, which may come out again


@dataclass(frozen=True, slots=True)
class _Child:
    """A daughter to be: its track, and its masks from the first one on."""

    track: int
    seen: Sequence[_Sighting]

    @property
    def first(self) -> _Sighting:
        return self.seen[0]


@dataclass(frozen=True, slots=True)
class _Mother:
    """A mother to be: her track, and her masks up to the last one."""

    track: int
    seen: Sequence[_Sighting]

    @property
    def last(self) -> _Sighting:
        return self.seen[-1]

    def step(self, of_video: float) -> float:
        """Frames from one of her masks to the next, as a rule; of one alone the video's."""
        if len(self.seen) < 2:
            return of_video
        return float(np.median([b.frame - a.frame for a, b in pairwise(self.seen)]))


@dataclass(frozen=True, slots=True)
class _Found:
    """A division, the place of its frame, and the last frame of its mother by then."""

    at: int
    end: int
    division: SuspectedDivision


@dataclass(slots=True)
class DivisionFinder:
    """A window that slides over the video; births are judged once enough frames follow them.

    Args:
        threshold: Least score of what is found.
    """

    threshold: float = THRESHOLD
    _seen: dict[int, deque[_Sighting]] = field(default_factory=dict)
    _last: dict[int, int] = field(default_factory=dict)  # track -> the last frame that shows it
    _waiting: deque[list[int]] = field(default_factory=deque)  # births of frames not judged yet
    _young: deque[tuple[int, int]] = field(default_factory=deque)  # (place of its frame, track)
    _count: int = 0
    _frames: deque[int] = field(default_factory=lambda: deque(maxlen=_BEFORE + _AFTER + 1))
    _found: list[_Found] = field(default_factory=list)

    def watch(
        self, frames: Iterable[tuple[int, Sequence[TrackedMask]]], tracks: Container[int]
    ) -> Iterator[tuple[int, Sequence[TrackedMask]]]:
        """Look at some tracks of frames that another reader goes through.

        Args:
            frames: Frame index and masks, in ascending order.
            tracks: The tracks that may divide.

        Yields:
            The frames as they are.
        """
        for frame_index, masks in frames:
            self.add(frame_index, [mask for mask in masks if mask.track_id in tracks])
            yield frame_index, masks

    def add(self, frame_index: int, masks: Sequence[TrackedMask]) -> None:
        """Take the next frame; judge the births that have enough frames behind them now."""
        births = []
        ended = self._ended({mask.track_id for mask in masks})
        for mask in masks:
            x, y, width, height = mask.rle.bbox_xywh
            if not width:
                continue
            box = np.array([x, y, x + width, y + height])
            area, track = mask.rle.area, mask.track_id
            joined = self._is_joined(track, box, area, ended)
            centre, diagonal = (box[:2] + box[2:]) / 2, math.hypot(width, height)
            place = (self._count, frame_index)
            seen = _Sighting(*place, area, centre, diagonal, mask.rle, joined)
            if track not in self._last:
                births.append(track)
            self._seen.setdefault(track, deque()).append(seen)
            self._last[track] = frame_index
        self._frames.append(frame_index)
        self._waiting.append(births if self._count else [])
        self._count += 1
        if len(self._waiting) > _AFTER:
            self._judge()
            self._forget()

    def finish(self) -> list[SuspectedDivision]:
        """Judge the frames that are left, and settle what excludes one another."""
        while self._waiting:
            self._judge()
        gone = [
            (found.at, found.division)
            for found in self._found
            if found.division.parent_id in found.division.daughter_ids
            or self._last[found.division.parent_id] <= found.end
        ]
        return _consistent(gone)

    def _ended(self, shown: Container[int]) -> npt.NDArray[np.float64]:
        """(n, 2) float64: where the tracks that just ended were seen last.

        Args:
            shown: The tracks of the frame that is being added.
        """
        oldest = self._count - 1 - GAP
        centres = [
            seen[-1].centre
            for track, seen in self._seen.items()
            if seen[-1].at >= oldest and track not in shown
        ]
        return np.stack(centres) if centres else np.zeros((0, 2))

    def _is_joined(
        self,
        track: int,
        box: npt.NDArray[np.int64],
        area: int,
        ended: npt.NDArray[np.float64],
    ) -> bool:
        """Whether a mask holds the object of a track that just ended, besides its own."""
        earlier = self._seen.get(track)
        if earlier and area < _GROWN * earlier[-1].area:
            return earlier[-1].is_joined and area > earlier[-1].area / _GROWN
        inside = ((box[:2] <= ended) & (ended <= box[2:])).all(axis=1)
        return int(inside.sum()) >= (1 if earlier else 2)

    def _forget(self) -> None:
        """Drop what no later moment looks at."""
        oldest = self._count - len(self._waiting) - 2 * GAP - 1 - _BEFORE
        for track, seen in list(self._seen.items()):
            while seen and seen[0].at < oldest:
                seen.popleft()
            if not seen:
                del self._seen[track]

    def _judge(self) -> None:
        """Look for the mothers of those that begin on the frame that waited longest."""
        now = self._count - len(self._waiting)
        births = self._waiting.popleft()
        while self._young and self._young[0][0] < now - GAP:
            self._young.popleft()
        self._young.extend((now, track) for track in sorted(births))
        if not births:
            return
        children = [_Child(track, tuple(self._seen[track])) for _, track in self._young]
        for track, near in self._mothers(now, children):
            for a, b in combinations(near, 2):
                if now in (a.first.at, b.first.at):
                    self._judge_end(track, a, b)
            for child in near:
                if child.first.at == now:
                    self._judge_loss(track, child)

    def _mothers(
        self, now: int, children: Sequence[_Child]
    ) -> Iterator[tuple[int, Sequence[_Child]]]:
        """Tracks that were there before, and the children that begin where each was seen last."""
        before = [
            (track, max(earlier, key=lambda s: s.at))
            for track, seen in sorted(self._seen.items())
            if (earlier := [s for s in seen if s.at < now])
        ]
        if not before:
            return
        last = [sighting for _, sighting in before]
        starts = np.stack([child.first.centre for child in children])
        centres = np.stack([sighting.centre for sighting in last])
        reach = _REACH * np.array([sighting.diagonal for sighting in last])
        away = np.linalg.norm(starts[None] - centres[:, None], axis=-1)  # (mothers, children)
        near = away <= reach[:, None]
        for place in np.flatnonzero(near.any(axis=1)).tolist():
            track = before[place][0]
            chosen = [children[i] for i in np.flatnonzero(near[place]).tolist()]
            yield track, [child for child in chosen if child.track != track]

    def _judge_end(self, track: int, a: _Child, b: _Child) -> None:
        """A mother who ends as both daughters begin, or whose mask lingers for a moment."""
        begin = min(a.first, b.first, key=lambda s: s.at)
        seen = self._seen[track]
        before = tuple(s for s in seen if s.at < begin.at)[-_BEFORE:]
        if before and (seen[-1].at < begin.at or self._lingers(seen[-1], begin, a, b)):
            self._weigh(_Mother(track, before), a, b, begin, seen[-1].frame)

    def _lingers(self, last: _Sighting, begin: _Sighting, a: _Child, b: _Child) -> bool:
        """Whether a mother's last mask, beside both daughters, is over before long.

        One that goes on to the end of the video, or that lies elsewhere, is another cell's.
        """
        is_over = last.at < min(begin.at + GAP, self._count - 1)
        return is_over and RLEMask.union([a.first.rle, b.first.rle]).iou(last.rle) >= _LINGERS

    def _judge_loss(self, track: int, child: _Child) -> None:
        """A mother whose track goes on as one of the daughters, with about half her area."""
        seen = tuple(self._seen[track])
        drops = [
            (seen[i].area / seen[i - 1].area, i)
            for i in range(1, len(seen))
            if abs(seen[i].at - child.first.at) <= GAP
        ]
        if not drops:
            return
        _, place = min(drops)
        before, after = seen[:place][-_BEFORE:], seen[place:]
        other = tuple(s for s in child.seen if s.at >= after[0].at)
        begins_after = before[0].at < child.first.at
        if other and begins_after and max(s.area for s in after) <= _LEFT * before[-1].area:
            found = (_Mother(track, before), _Child(track, after), _Child(child.track, other))
            self._weigh(*found, after[0], after[0].frame)

    def _weigh(self, mother: _Mother, a: _Child, b: _Child, begin: _Sighting, end: int) -> None:
        whole = mother.last
        latest = max(a.first.frame, b.first.frame)
        of_video = float(np.median(np.diff(self._frames))) if len(self._frames) > 1 else 1.0
        if latest - whole.frame > (GAP + 1) * mother.step(of_video):
            return
        areas = np.array([a.first.area, b.first.area])
        shares = areas / whole.area
        if not (
            (shares >= _SMALLEST_CHILD).all()
            and (shares <= _LARGEST_CHILD).all()
            and _SUM[0] <= shares.sum() <= _SUM[1]
            and areas.min() >= _LEAST_LIKENESS * areas.max()
        ):
            return
        score = _signs(mother, a, b, self._count).score
        if score >= self.threshold:
            first, second = sorted((a.track, b.track))
            division = SuspectedDivision(begin.frame, mother.track, (first, second), score)
            self._found.append(_Found(begin.at, end, division))


def _signs(mother: _Mother, a: _Child, b: _Child, count: int) -> _Signs:
    """Compare the mother's last mask with the first ones of the daughters.

    Args:
        mother: Up to her last mask.
        a: From its first mask on.
        b: The other one.
        count: Frames seen so far.
    """
    whole, one, two = mother.last, a.first, b.first
    total = one.area + two.area
    middle = (one.centre * one.area + two.centre * two.area) / total
    ways = one.centre - whole.centre, two.centre - whole.centre
    lengths = float(np.hypot(*ways[0]) * np.hypot(*ways[1]))
    latest = max(one.at, two.at)
    wanted = min(_LASTING, count - latest)
    return _Signs(
        total=abs(math.log(total / whole.area)),
        unlike=abs(math.log(one.area / two.area)),
        aside=min(1.0, float(np.hypot(*(middle - whole.centre))) / math.sqrt(whole.area)),
        same_side=float(ways[0] @ ways[1]) / lengths if lengths else 1.0,
        covered=RLEMask.union([one.rle, two.rle]).iou(whole.rle),
        overlap=one.rle.iou(two.rle),
        gap=max(0, latest - whole.at - 1),
        unsteady=math.log(whole.area / min(s.area for s in mother.seen)),
        joined=whole.is_joined,
        brief=1.0 - min(wanted, len(a.seen), len(b.seen)) / wanted,
    )


@dataclass(frozen=True, slots=True)
class _Signs:
    """What is seen of a division.

    Attributes:
        total: |log| of the daughters' areas together over the mother's.
        unlike: |log| of one daughter's area over the other's.
        aside: From the mother's centre to the daughters' common one, in sizes of the mother.
        same_side: Cosine between the ways from her centre to theirs; -1 on opposite sides.
        covered: IoU of her mask with both of theirs.
        overlap: IoU of theirs with one another.
        gap: Frames between her last mask and the later one of theirs.
        unsteady: log of how much she grew in the frames before.
        joined: Whether she holds another track's object, which may have come out again.
        brief: Share of the next frames on which one of them is not seen.
    """

    total: float
    unlike: float
    aside: float
    same_side: float
    covered: float
    overlap: float
    gap: int
    unsteady: float
    joined: bool
    brief: float

    @property
    def score(self) -> float:
        """How likely it is one, 0 to 1: a logistic regression with rounded weights."""
        value = (
            -0.9
            - 2.0 * self.total
            - 1.5 * self.unlike
            - 3.5 * self.aside
            - 2.5 * self.same_side
            + 4.0 * min(self.covered, 0.6)
            - 20.0 * max(0.0, self.covered - 0.88)  # one thing in two parts, not two things
            - 8.0 * self.overlap
            - 1.0 * self.gap
            - 2.0 * self.unsteady
            - 4.0 * self.joined
            - 6.0 * self.brief
        )
        return 1.0 / (1.0 + math.exp(-value))


def _consistent(found: list[tuple[int, SuspectedDivision]]) -> list[SuspectedDivision]:
    """The best of those that share a daughter, or a mother at one time, by frame."""
    kept: dict[int, list[tuple[int, SuspectedDivision]]] = {}  # mother -> her divisions
    daughters: set[int] = set()
    for at, division in sorted(
        found, key=lambda f: (-f[1].score, f[1].frame_index, f[1].parent_id, f[1].daughter_ids)
    ):
        born = set(division.daughter_ids) - {division.parent_id}
        others = kept.setdefault(division.parent_id, [])
        if not born & daughters and all(_fit((at, division), other) for other in others):
            others.append((at, division))
            daughters |= born
    divisions = [division for others in kept.values() for _, division in others]
    return sorted(divisions, key=lambda d: (d.frame_index, d.parent_id))


def _fit(a: tuple[int, SuspectedDivision], b: tuple[int, SuspectedDivision]) -> bool:
    """Whether one track can divide twice: it goes on after the first time, for a while."""
    (early, first), (late, _) = sorted((a, b), key=lambda f: f[0])
    return late - early >= APART and first.parent_id in first.daughter_ids
