"""Suspected identity swaps: two tracks that seem to have changed places, from stored masks alone.

Torch-free: masks, link scores and, where frames can be read, colours. One pass over the video in
bounded memory; frames are read only near the moments at which geometry leaves a doubt.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ifc_core.inference.object_looks import Look, LookReader, look_distance
from ifc_core.jobs import JobContext
from ifc_core.structures import RLEMask

ReadFrame = Callable[[int], npt.NDArray[np.uint8]]
"""Gives frame i as (H, W, 3) uint8 RGB."""

_WINDOW = 6  # masks of a track on either side of a moment
_LONGEST_GAP = 90  # a track that was away for longer is compared with nothing
_LEAST_DOUBT = -0.6  # geometry under this rules a swap out without reading a frame
_LOOK_FLOOR = 0.12  # differences of looks of this size are noise
_WEIGHT_GEOMETRY = 3.0
_WEIGHT_LOOKS = 5.0
_WEIGHT_LINK = 1.0
_BIAS = -3.0


@dataclass(frozen=True, slots=True)
class TrackedMask:
    """One track on one frame, as stored.

    Attributes:
        track_id: The track.
        rle: Its mask.
        link_score: Soft IoU by which the tracker joined the frame, or ``None``.
    """

    track_id: int
    rle: RLEMask
    link_score: float | None = None


@dataclass(frozen=True, slots=True)
class SuspectedSwap:
    """Two tracks that seem to have changed places.

    Attributes:
        frame_index: First frame on which each follows the other's object.
        track_a: The smaller track id.
        track_b: The larger one.
        score: 0 to 1, how likely.
    """

    frame_index: int
    track_a: int
    track_b: int
    score: float


def suspected_swaps(
    frames: Iterable[tuple[int, Sequence[TrackedMask]]],
    read_frame: ReadFrame | None = None,
    threshold: float = 0.4,
    context: JobContext | None = None,
) -> list[SuspectedSwap]:
    """Find moments at which exchanging two tracks from there on would fit better.

    Args:
        frames: Frame index and masks, in ascending order; frames without a mask may be left out.
        read_frame: Reads a frame of the video; without it only geometry and links decide.
        threshold: Least score.
        context: Can cancel; gets progress in frames.

    Returns:
        Swaps by frame, each pair of tracks at most once around one moment.

    Raises:
        JobCancelled: The context was asked to stop.
    """
    check = (context or JobContext()).raise_if_cancelled

    def read(frame_index: int) -> npt.NDArray[np.uint8]:
        check()  # the looks of a crowded frame take long
        assert read_frame is not None  # noqa: S101
        return read_frame(frame_index)

    scan = _Scan(None if read_frame is None else LookReader(read), check)
    found: list[SuspectedSwap] = []
    for done, (frame_index, masks) in enumerate(frames, start=1):
        found += scan.add(frame_index, masks)
        if context is not None:
            context.advance(done, None, "looking for swaps and divisions")
    found += scan.finish()
    return sorted(
        _strongest([swap for swap in found if swap.score >= threshold]),
        key=lambda swap: (swap.frame_index, swap.track_a, swap.track_b),
    )


@dataclass(frozen=True, slots=True)
class _Sighting:
    frame: int
    box: npt.NDArray[np.float64]  # x0, y0, x1, y1
    area: int
    link: float | None

    @property
    def centre(self) -> npt.NDArray[np.float64]:
        centre: npt.NDArray[np.float64] = (self.box[:2] + self.box[2:]) / 2
        return centre

    @property
    def extent(self) -> float:
        return math.sqrt(max(1.0, float(np.prod(self.box[2:] - self.box[:2]))))


@dataclass(slots=True)
class _Scan:
    """A window that slides over the video; a moment is judged once enough frames follow it."""

    looks: LookReader | None
    check: Callable[[], None]
    _history: dict[int, deque[_Sighting]] = field(default_factory=dict)
    _masks: dict[int, dict[int, RLEMask]] = field(default_factory=dict)
    _order: deque[int] = field(default_factory=deque)  # frames not judged yet

    def add(self, frame_index: int, masks: Sequence[TrackedMask]) -> Iterator[SuspectedSwap]:
        """Take the next frame; judge the one that has enough frames behind it now."""
        self._masks[frame_index] = {mask.track_id: mask.rle for mask in masks}
        for mask in masks:
            x, y, width, height = mask.rle.bbox_xywh
            box = np.array([x, y, x + width, y + height])
            seen = _Sighting(frame_index, box, mask.rle.area, mask.link_score)
            if seen.area:
                self._history.setdefault(mask.track_id, deque()).append(seen)
        self._order.append(frame_index)
        if len(self._order) >= _WINDOW:
            yield from self._judge(self._order.popleft())
            self._forget()

    def finish(self) -> Iterator[SuspectedSwap]:
        """Judge the frames that are left."""
        while self._order:
            yield from self._judge(self._order.popleft())

    def _forget(self) -> None:
        """Drop what no later moment looks at."""
        now = self._order[0]
        for track, seen in list(self._history.items()):
            while len(seen) > _WINDOW and seen[_WINDOW].frame < now:
                seen.popleft()
            if seen[-1].frame < now - _LONGEST_GAP:
                del self._history[track]
        needed = {sighting.frame for seen in self._history.values() for sighting in seen}
        for frame in [f for f in self._masks if f < now and f not in needed]:
            del self._masks[frame]

    def _judge(self, moment: int) -> Iterator[SuspectedSwap]:
        halves = {}
        for track, seen in self._history.items():
            before = [s for s in seen if moment - _LONGEST_GAP <= s.frame < moment][-_WINDOW:]
            after = [s for s in seen if s.frame >= moment][:_WINDOW]
            if before and after:
                halves[track] = (before, after)
        tracks = sorted(halves)
        starts = np.array([halves[track][1][0].frame == moment for track in tracks])
        if len(tracks) < 2 or not starts.any():
            return
        doubt = _geometry([halves[track] for track in tracks])
        doubt[~(starts[:, None] | starts[None])] = -1.0
        for i, j in np.argwhere(np.triu(doubt >= _LEAST_DOUBT, 1)):
            self.check()
            a, b = tracks[i], tracks[j]
            looks = self._compare_looks(a, b, halves[a], halves[b])
            links = [s.link for s in (halves[a][1][0], halves[b][1][0]) if s.link is not None]
            weak_link = 1.0 - min(links) if links else 0.0
            score = _score(float(doubt[i, j]), looks, weak_link)
            yield SuspectedSwap(moment, a, b, score)

    def _compare_looks(self, a: int, b: int, half_a: _Halves, half_b: _Halves) -> float | None:
        """-1 where each track keeps its look, 1 where each takes on the other's."""
        if self.looks is None:
            return None
        looks = [
            self._mean_look(track, part)
            for track, half in ((a, half_a), (b, half_b))
            for part in half
        ]
        if any(look is None for look in looks):
            return None
        a0, a1, b0, b1 = (look for look in looks if look is not None)
        own = look_distance(a0, a1) + look_distance(b0, b1)
        crossed = look_distance(a0, b1) + look_distance(b0, a1)
        return (own - crossed) / (own + crossed + _LOOK_FLOOR)

    def _mean_look(self, track: int, sightings: Sequence[_Sighting]) -> Look | None:
        """Mean over some frames; where most of the object is hidden, a frame counts little."""
        if self.looks is None:
            return None
        largest = max(s.area for s in sightings)
        total: npt.NDArray[np.float32] | None = None
        for sighting in sightings:
            look = self.looks.look(sighting.frame, track, self._masks[sighting.frame])
            if look is None:
                continue
            share = np.square(look) * np.float32(sighting.area / largest)
            total = share if total is None else total + share
        if total is None:
            return None
        mean: Look = np.sqrt(total / total.sum())
        return mean


_Halves = tuple[list[_Sighting], list[_Sighting]]


def _geometry(halves: Sequence[_Halves]) -> npt.NDArray[np.float64]:
    """(n, n): -1 where two tracks go on where they were heading, 1 where at the other's place."""
    steps = _steps(halves)
    alone = np.diag(steps)
    own = alone[:, None] + alone[None]
    crossed = steps + steps.T
    doubt: npt.NDArray[np.float64] = (own - crossed) / (own + crossed + 0.1)
    return doubt


def _steps(halves: Sequence[_Halves]) -> npt.NDArray[np.float64]:
    """(n, n): how far track j begins from where track i was heading, in sizes of the objects."""
    last, first = [before[-1] for before, _ in halves], [after[0] for _, after in halves]
    extent0 = np.array([s.extent for s in last])
    extent1 = np.array([s.extent for s in first])
    gap = np.array([s.frame for s in first])[None] - np.array([s.frame for s in last])[:, None]
    speed = np.stack([_velocity(before) for before, _ in halves])
    heading = np.stack([s.centre for s in last])[:, None] + (
        speed[:, None] * np.minimum(gap, _WINDOW)[..., None]
    )  # (n, n, 2)
    away = np.linalg.norm(np.stack([s.centre for s in first])[None] - heading, axis=-1)
    moved = away / ((extent0[:, None] + extent1[None]) / 2)
    grown = np.abs(np.log(extent1[None] / extent0[:, None]))
    steps: npt.NDArray[np.float64] = moved + 0.5 * grown
    return steps


def _velocity(sightings: Sequence[_Sighting]) -> npt.NDArray[np.float64]:
    if len(sightings) < 2:
        return np.zeros(2)
    steps = [(b.centre - a.centre) / (b.frame - a.frame) for a, b in pairwise(sightings)]
    median: npt.NDArray[np.float64] = np.median(np.stack(steps), axis=0)
    return median


def _score(geometry: float, looks: float | None, weak_link: float) -> float:
    if looks is None:
        looks = geometry
    value = _WEIGHT_GEOMETRY * geometry + _WEIGHT_LOOKS * looks + _WEIGHT_LINK * weak_link + _BIAS
    return 1.0 / (1.0 + math.exp(-value))


def _strongest(swaps: list[SuspectedSwap]) -> list[SuspectedSwap]:
    """The best moment of each pair; weaker ones within a window of it are the same event."""
    kept: list[SuspectedSwap] = []
    for swap in sorted(swaps, key=lambda s: s.score, reverse=True):
        near = any(
            (k.track_a, k.track_b) == (swap.track_a, swap.track_b)
            and abs(k.frame_index - swap.frame_index) <= 2 * _WINDOW
            for k in kept
        )
        if not near:
            kept.append(swap)
    return kept
