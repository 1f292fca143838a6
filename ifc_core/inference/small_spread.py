"""Spreading the corrections of an object that has next to no pixels at the usual working size.

Each stretch of frames, from a correction up to half way to the next one or to the end of the
scope, is worked on in a window that goes along with the object (:mod:`.close_up`), at a size at
which the object has pixels. Where it outgrows the window, the rest is worked on anew from there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ifc_core.inference.close_up import CloseUp, centre_of
from ifc_core.inference.flow_store import FlowStore
from ifc_core.inference.lazy_mapping import LazyMapping
from ifc_core.inference.spread_frame import SpreadMask
from ifc_core.inference.track_spread import TrackSpreader
from ifc_core.io.video import VideoReader
from ifc_core.jobs import JobContext
from ifc_core.structures import RLEMask

Mask = npt.NDArray[np.bool_]

_LEAST_PX = 8.0  # of the working picture, by the root of the area
_WANTED_PX = 16.0
_LEAST_FRAME_PX = 64  # of smaller ones a window shows too little to find motion in
_MOST_ENLARGED = 4.0
_WINDOW_OBJECTS = 2.5  # sides of the window in long sides of the largest mask
_OUTGROWN = 0.6  # of the window
_NEAR_FRAMES = 12  # between two corrections an object moves evenly
_MISSED = 0.5  # at most, that what was not found is absent
_STORE_BYTES = 256 << 20


def is_small(rle: RLEMask | None, size: tuple[int, int], short_side: int) -> bool:
    """Whether too few pixels of a mask are left where frames of a size are worked on."""
    if rle is None or not rle.area or min(size) < _LEAST_FRAME_PX:
        return False
    return float(np.sqrt(rle.area)) * min(1.0, short_side / min(size)) < _LEAST_PX


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Frames in the order in which they are gone through, and the corrections they come from."""

    path: range
    ends: tuple[int, ...]


class SmallSpreader:
    """Takes the corrections of a track to other frames, of which some are small.

    Args:
        reader: The video.
        rles: Corrected frames and their masks, ``None`` where absent.
        short_side: Working size of windows, in pixels.
        reach: Frames further from every correction are not visited.
        context: Asked for cancellation at every frame.
        looks: Whether colour and matching take part; flow alone otherwise.
        usual: What spreads the track where it is not small; made when it is needed.
    """

    def __init__(
        self,
        reader: VideoReader,
        rles: Mapping[int, RLEMask | None],
        short_side: int,
        reach: int,
        context: JobContext,
        *,
        looks: bool,
        usual: Callable[[Mapping[int, RLEMask | None]], TrackSpreader],
    ) -> None:
        self._reader, self._rles, self._context = reader, dict(sorted(rles.items())), context
        self._short_side, self._reach, self._looks, self._make_usual = (
            short_side,
            reach,
            looks,
            usual,
        )
        self._usual: TrackSpreader | None = None

    def run(self, frames: range) -> Iterator[SpreadMask]:
        """Masks of the scope, in the order of :meth:`TrackSpreader.run` as far as that goes.

        Args:
            frames: The scope, step 1.

        Yields:
            One result a frame that is within reach and not corrected.
        """
        for stretch in self._stretches(frames):
            if not any(frame in frames for frame in stretch.path):
                continue
            rles = {end: self._rles[end] for end in stretch.ends}
            for result in self._spread(rles, stretch.path, 1.0, is_first=True):
                if result.frame_index in frames:
                    yield result

    def _stretches(self, frames: range) -> Iterator[_Stretch]:
        known, reach = list(self._rles), self._reach
        for left, right in pairwise(known):
            if right - left < 2:
                continue
            both_there = all(self._is_there(end) for end in (left, right))
            any_small = any(self._is_small(self._rles[end]) for end in (left, right))
            if not any_small or (both_there and right - left <= _NEAR_FRAMES):
                yield _Stretch(range(left + 1, right), (left, right))
                continue
            middle = (left + right + 1) // 2
            yield _Stretch(range(left + 1, min(middle, left + reach + 1)), (left,))
            yield _Stretch(range(right - 1, max(middle - 1, right - reach - 1), -1), (right,))
        last, first = known[-1], known[0]
        yield _Stretch(range(last + 1, min(frames.stop, last + reach + 1)), (last,))
        yield _Stretch(range(first - 1, max(frames.start - 1, first - reach - 1), -1), (first,))

    def _is_there(self, frame: int) -> bool:
        rle = self._rles[frame]
        return rle is not None and rle.area > 0

    def _is_small(self, rle: RLEMask | None) -> bool:
        return is_small(rle, self._reader.video.size, self._short_side)

    def _spread(
        self,
        rles: Mapping[int, RLEMask | None],
        path: range,
        certainty: float,
        *,
        is_first: bool = False,
    ) -> Iterator[SpreadMask]:
        """One stretch, from the masks at its ends."""
        if not any(self._is_small(rle) for rle in rles.values()):
            if not is_first:  # from where it had outgrown its window
                spreader = self._make_usual(rles)
            else:
                spreader = self._usual = self._usual or self._make_usual(self._rles)
            for result in spreader.run(_scope(rles, path)):
                yield replace(result, confidence=certainty * result.confidence)
            return
        window = self._window([rle for rle in rles.values() if rle is not None], rles)
        for result in self._followed(window, rles, path):
            result = replace(result, confidence=certainty * result.confidence)
            yield result
            rest = path[path.index(result.frame_index) + 1 :]
            if len(rles) == 1 and rest and _outgrows(result.rle, window):
                begin = {result.frame_index: result.rle}
                yield from self._spread(begin, rest, result.confidence)
                return

    def _followed(
        self, window: CloseUp, rles: Mapping[int, RLEMask | None], path: range
    ) -> Iterator[SpreadMask]:
        """One stretch in a window; what is found tells the window where to go."""
        masks = LazyMapping(
            sorted(rles), lambda frame: window.cut(_array(rles[frame]), frame), len(rles)
        )
        store = FlowStore(window, self._short_side, _STORE_BYTES)
        spreader = TrackSpreader(store, masks, self._reach, self._context, looks=self._looks)
        for result in spreader.run(_scope(rles, path)):
            if result.rle is None:  # what is small is easily missed, or gone from the window
                yield replace(result, confidence=min(_MISSED, result.confidence))
                continue
            rle = window.put(result.rle, result.frame_index)
            if rle is not None and len(rles) == 1:
                window.note(result.frame_index, rle)
            yield replace(result, rle=rle)

    def _window(self, there: Sequence[RLEMask], rles: Mapping[int, RLEMask | None]) -> CloseUp:
        smallest = min(float(np.sqrt(rle.area)) for rle in there)
        longest = max(max(rle.bbox_xywh[2:]) for rle in there)
        scale = min(_WANTED_PX / smallest, _MOST_ENLARGED)
        side = max(self._short_side / scale, _WINDOW_OBJECTS * longest)
        centres = {frame: centre_of(rle) for frame, rle in rles.items() if rle is not None}
        enlarged = max(1.0, self._short_side / side)
        return CloseUp(self._reader, round(side), enlarged, centres)


def _scope(ends: Collection[int], path: range) -> range:
    """A path as the ascending frames of a scope, with the corrections at its ends."""
    frames = [*ends, *(path[place] for place in (0, -1) if len(path))]
    return range(min(frames), max(frames) + 1)


def _outgrows(rle: RLEMask | None, window: CloseUp) -> bool:
    if rle is None:
        return False
    longest: float = max(rle.bbox_xywh[2:])
    return longest > _OUTGROWN * min(window.sides)


def _array(rle: RLEMask | None) -> Mask:
    assert rle is not None  # noqa: S101 - where something is absent there is no window
    return rle.to_array()
