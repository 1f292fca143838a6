"""The fused method: one track carried, matched and judged from its corrected frames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.inference.confidence import Support, frame_confidence, is_supported
from ifc_core.inference.far_match import PixelFeatures, Places
from ifc_core.inference.flow_chain import (
    FlowChain,
    follow,
    part_around,
    sample,
    sample_picture,
    signed_distance,
)
from ifc_core.inference.flow_store import FlowPath, FlowStore
from ifc_core.inference.fusion import (
    NETWORK_PRIOR,
    PRIOR,
    SideCues,
    fused_logit,
    nearness,
    track_weights,
)
from ifc_core.inference.local_match import NEAR_OFFSETS, descriptors, match_logit
from ifc_core.inference.mask_output import encode_logits
from ifc_core.inference.patch import Box, Patch, mask_box
from ifc_core.inference.reappearance import SEARCH_SHORT_SIDE, find_again
from ifc_core.inference.track_looks import LOGIT_LIMIT, Evidence, Reference, TrackLooks
from ifc_core.jobs import JobContext
from ifc_core.structures import RLEMask

FloatImage = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_LEAST_MARGIN_PX = 16
_MARGIN_SHARE = 0.2
_MOST_ROWS = 2000
_MEMORY_SHARE = 0.5
_MEMORY_SHARE_BETWEEN = 0.3
_SMOOTH = 1.0
_SAMPLED_FROM_HALF = 0.6  # cells a pixel
_BOX_CELLS = 8  # a carried mask is sampled so finely, or at every _BOX_EVERY pixels of the flow
_BOX_EVERY = 4
_FOUND_AGAIN_CONFIDENCE = 0.5


@dataclass(frozen=True, slots=True)
class SpreadMask:
    """What a correction says about another frame.

    Attributes:
        frame_index: 0-based in the video.
        rle: The mask, or ``None`` where nothing supports one.
        confidence: 0 to 1, an estimate of how likely the mask is good (J of 0.75 or more).
    """

    frame_index: int
    rle: RLEMask | None
    confidence: float


@dataclass(frozen=True, slots=True)
class _Carried:
    """A corrected frame as seen from another one."""

    reference: Reference
    path: FlowPath
    box: Box | None  # of the carried mask, in working pixels
    is_cut_off: bool  # another shot begins between the two
    is_covered: bool  # something else took the object's place at once


@dataclass(frozen=True, slots=True)
class _Present:
    """The frame to decide, and what it looks like on its own."""

    frame: int
    patch: Patch
    rgb: npt.NDArray[np.uint8]
    descriptors: FloatImage
    looks: FloatImage
    features: FloatImage
    places: Places | None


@dataclass(frozen=True, slots=True)
class _Memory:
    """The frame decided last, a neighbour of the next one."""

    frame_index: int
    patch: Patch
    rgb: npt.NDArray[np.uint8]
    logit: FloatImage


@dataclass(slots=True)
class _HeldOut:
    """Cues on corrected frames that another one was carried to, and the truth there."""

    cues: list[FloatImage]
    truths: list[Mask]


class TrackSpreader:
    """Takes one track's corrections to other frames.

    Args:
        store: Pictures and flow of the video.
        masks: Corrected frames and their masks, (H, W) bool at any size; all false is absent.
        reach: Frames further from every correction are not visited.
        context: Asked for cancellation at every frame.
        looks: Whether colour, matching and the network take part; flow alone otherwise.
        evidence: The network's opinion, or ``None``.
        features: The network's early maps, or ``None``.
        avoid: Frames with pixels that are not the object.
    """

    def __init__(
        self,
        store: FlowStore,
        masks: Mapping[int, Mask],
        reach: int,
        context: JobContext,
        *,
        looks: bool = True,
        evidence: Evidence | None = None,
        features: PixelFeatures | None = None,
        avoid: Mapping[int, Mask] | None = None,
    ) -> None:
        self._store, self._reach, self._context = store, reach, context
        self._references = {f: self._reference(f, masks[f]) for f in sorted(masks)}
        self._avoid = {f: _resized(m, store.size) for f, m in (avoid or {}).items()}
        self._looks: TrackLooks | None = None
        if looks:
            self._looks = TrackLooks(store, self._references, self._avoid, evidence, features)
        self._held_out = _HeldOut([], [])
        self._memory: _Memory | None = None
        self._prior = PRIOR if features is None else NETWORK_PRIOR
        self.weights = self._prior

    def run(self, frames: range) -> Iterator[SpreadMask]:
        """Masks of the scope: between corrections first, then forward, then backward.

        Args:
            frames: The scope, step 1.

        Yields:
            One result a frame that is within reach and not corrected.
        """
        known = list(self._references)
        for left, right in pairwise(known):
            yield from self._between(left, right, frames)
        reach = self._reach
        last, first = known[-1], known[0]
        yield from self._outward(last, range(last + 1, min(frames.stop, last + reach + 1)), frames)
        stop = max(frames.start - 1, first - reach - 1)
        yield from self._outward(first, range(first - 1, stop, -1), frames)

    # ---- stretches ----------------------------------------------------------------------

    def _outward(self, start: int, path: range, frames: range) -> Iterator[SpreadMask]:
        """From an outer correction away from all others."""
        if not any(frame in frames for frame in path):
            return
        self._memory = None
        reference: Reference | None = self._references[start]
        while reference is not None:
            begun, reference = reference, None
            for frame, carried in self._carry(begun, path):
                if frame not in frames:
                    continue
                result = self._decide(frame, [carried])
                is_lost = result.rle is None and not carried.is_cut_off
                seen = self._seen_again(frame) if is_lost else None
                if seen is not None:  # go on from here instead
                    rle = encode_logits(signed_distance(seen), self._store.reader.video.size)
                    result = SpreadMask(frame, rle, _FOUND_AGAIN_CONFIDENCE)
                    reference = self._reference(frame, seen, _FOUND_AGAIN_CONFIDENCE)
                yield result
                if reference is not None:
                    path = path[path.index(frame) + 1 :]
                    break

    def _seen_again(self, frame: int) -> Mask | None:
        """A mask at working size where the frame alone looks like the lost object."""
        areas = [float(r.mask.mean()) for r in self._references.values() if r.mask.any()]
        if self._looks is None or not self._looks.is_known or not areas:
            return None
        # At the scale that the looks were fitted at, as texture depends on it.
        fitted = self._looks.fit_patch(
            next(r.mask for r in self._references.values() if r.mask.any())
        )
        limit = SEARCH_SHORT_SIDE / min(self._store.size)
        whole = Patch.whole(self._store.size, min(limit, 1.0 if fitted is None else fitted.scale))
        rgb = whole.cut(self._store.picture(frame))
        found = find_again(self._looks.logit(frame, whole, rgb), float(np.mean(areas)))
        return None if found is None else _resized(found, self._store.size)

    def _between(self, left: int, right: int, frames: range) -> Iterator[SpreadMask]:
        """Between two corrections: carried from both, fused by distance."""
        reach = self._reach
        inner = [
            f for f in range(left + 1, right) if f in frames and min(f - left, right - f) <= reach
        ]
        if not inner:
            return
        found: dict[int, list[_Carried]] = {frame: [] for frame in inner}
        for start, end in ((left, right), (right, left)):
            step = 1 if end > start else -1
            stop = start + step * (min(abs(end - start), reach) + 1)
            reference = self._references[start]
            for frame, carried in self._carry(reference, range(start + step, stop, step)):
                if frame == end:  # a known mask: how well would each cue have told it?
                    self._hold_out(frame, carried)
                elif frame in found:
                    found[frame].append(carried)
        if self._looks is not None:
            self.weights = track_weights(self._held_out.cues, self._held_out.truths, self._prior)
        self._memory = None
        for frame in inner:
            self._context.raise_if_cancelled()
            yield self._decide(frame, found.pop(frame))

    def _carry(self, reference: Reference, path: range) -> Iterator[tuple[int, _Carried]]:
        chain = FlowChain(self._store, reference.frame_index)
        scale, work = self._store.size[0] / self._store.flow_size[0], self._store.size[::-1]
        last, is_replaced = mask_box(reference.mask), False
        every = 1 if last is None else _box_step(last, scale)
        for frame in path:
            self._context.raise_if_cancelled()
            before = chain.frame_index
            chain.step(frame)
            box = None
            if not chain.is_broken and not is_replaced:
                box = mask_box(chain.carry(reference.small_distance, every) > 0)
            if box is not None:
                low, high = (scale * every * np.array(b) for b in (box[:2], box[2:]))
                x0, y0, x1, y1 = (round(float(v)) for v in (*low, *np.minimum(high, work)))
                box = (x0, y0, x1, y1)
                is_replaced = self._store.is_replaced(before, frame, _joined([last or box, box]))
                box = last = None if is_replaced else box
            yield frame, _Carried(reference, chain.path(), box, chain.is_broken, is_replaced)

    # ---- one frame ----------------------------------------------------------------------

    def _decide(self, frame: int, carried: Sequence[_Carried]) -> SpreadMask:
        boxes = [c.box for c in carried]
        patch = self._patch([*boxes, self._remembered_box(frame)] if any(boxes) else boxes)
        if patch is None:
            return SpreadMask(frame, None, _absence_confidence(carried))
        present = self._look(frame, patch)
        sides = [self._cues(c, present) for c in carried]
        moved = _moved(sides)
        logit = self._fused(present, sides) if self._looks is not None else moved
        if frame in self._avoid:
            denied = sample(self._avoid[frame].astype(np.float32), patch.positions(patch.size))
            logit = np.where(denied > 0.5, -LOGIT_LIMIT, logit).astype(np.float32)
        certainty = min(c.reference.certainty for c in carried)
        support = _support(logit, moved, sides)
        confidence = certainty * frame_confidence(support)
        rle = None
        if is_supported(support):
            size = self._store.reader.video.size
            rle = encode_logits(logit, size, patch.region_in(size))
        return SpreadMask(frame, rle, confidence if rle is not None else 1.0 - confidence)

    def _look(self, frame: int, patch: Patch) -> _Present:
        """A patch of a frame, and what it looks like whatever was corrected."""
        rgb = patch.cut(self._store.picture(frame))
        if self._looks is None:
            nothing = np.zeros(patch.grid, np.float32)
            return _Present(frame, patch, rgb, nothing, nothing, nothing, None)
        places = self._looks.places(frame, patch)
        known = np.zeros(patch.grid, np.float32)
        if places is not None:
            known = self._looks.known(places, patch)
        looks = self._looks.logit(frame, patch, rgb)
        return _Present(frame, patch, rgb, descriptors(rgb), looks, known, places)

    def _fused(self, present: _Present, sides: Sequence[SideCues]) -> FloatImage:
        """The corrected frames' say, and that of the neighbour decided before."""
        assert self._looks is not None  # noqa: S101 - for the type checker
        frame, patch = present.frame, present.patch
        logit = fused_logit(sides, self.weights)
        logit = logit + self._looks.network_say(frame, patch, min(s.steps for s in sides))
        memory = self._memory
        if memory is not None and abs(frame - memory.frame_index) == 1:
            share = _MEMORY_SHARE if len(sides) == 1 else _MEMORY_SHARE_BETWEEN
            recent = fused_logit([self._remembered(memory, present, sides[0])], self._prior)
            logit = (1 - share) * logit + share * recent
        limited = np.clip(logit, -LOGIT_LIMIT, LOGIT_LIMIT)
        smooth = np.asarray(cv2.GaussianBlur(limited, (0, 0), _SMOOTH), np.float32)
        self._memory = _Memory(frame, patch, present.rgb, smooth)
        return self._memory.logit

    def _remembered(self, memory: _Memory, present: _Present, side: SideCues) -> SideCues:
        """What the neighbour decided before says, as if it were a corrected frame."""
        store, old = self._store, memory.patch
        cells = present.patch.positions(store.flow_size)
        part, inside = part_around(cells, store.flow_size)
        flow = store.between(present.frame, memory.frame_index, part)
        scale = store.size[0] / store.flow_size[0]
        at = (cells + sample(flow, inside) + 0.5) * scale
        origin = np.array(old.box[:2], np.float32)
        extent = np.array([old.box[2] - old.box[0], old.box[3] - old.box[1]], np.float32)
        cell = ((at - origin) * np.array(old.grid[::-1], np.float32) / extent - 0.5).astype(
            np.float32
        )
        distance = sample(signed_distance(memory.logit > 0), cell) / (old.scale * scale)
        there = descriptors(sample_picture(memory.rgb, cell))
        match = match_logit(present.descriptors, there, distance > 0, NEAR_OFFSETS)
        trust = np.ones_like(distance)
        return SideCues(distance, trust, side.looks, match, side.far_match, side.features, 1)

    def _remembered_box(self, frame: int) -> Box | None:
        """Where the mask of the neighbour decided before was, in working pixels."""
        memory = self._memory
        if memory is None or abs(frame - memory.frame_index) != 1:
            return None
        found = mask_box(memory.logit > 0)
        if found is None:
            return None
        (x, y), scale = memory.patch.box[:2], memory.patch.scale
        x0, y0, x1, y1 = (round(v / scale) for v in found)
        height, width = self._store.size
        return x + x0, y + y0, min(width, x + x1), min(height, y + y1)

    def _patch(self, boxes: Sequence[Box | None]) -> Patch | None:
        there = [box for box in boxes if box is not None]
        if not there:
            return None
        box = _joined(there)
        longest = max(box[2] - box[0], box[3] - box[1])
        margin = max(_LEAST_MARGIN_PX, round(_MARGIN_SHARE * longest))
        return Patch.around(box, margin, self._store.size)

    def _cues(self, carried: _Carried, present: _Present) -> SideCues:
        store, path, patch = self._store, carried.path, present.patch
        reference = carried.reference
        cells = patch.positions(store.flow_size)
        source, trust = follow(path, cells)
        scale = store.size[0] / store.flow_size[0]
        at = (source + 0.5) * scale - 0.5
        distance = sample(reference.distance, at) / scale
        match = far = np.zeros_like(trust)
        if self._looks is not None:
            if present.places is not None:
                far = self._looks.far(present.places, reference, at, patch)
            seen = store.picture(reference.frame_index)
            if patch.scale < _SAMPLED_FROM_HALF:  # a fine picture on a coarse grid would alias
                there = descriptors(sample_picture(seen.half, source))
            else:
                there = descriptors(sample_picture(seen.rgb, at))
            match = match_logit(present.descriptors, there, distance > 0)
        return SideCues(distance, trust, present.looks, match, far, present.features, path.steps)

    # ---- learning from corrected frames -------------------------------------------------

    def _hold_out(self, frame: int, carried: _Carried) -> None:
        """Keep the cues around a known mask, as another corrected frame gives them."""
        reference = self._references[frame]
        patch = self._patch([carried.box, mask_box(reference.mask)])
        box_lost = carried.is_cut_off or carried.is_covered
        both_there = reference.mask.any() and carried.reference.mask.any()
        if self._looks is None or patch is None or not both_there or box_lost:
            return  # absence, or another shot, says nothing about how far cues can be believed
        cues = self._cues(carried, self._look(frame, patch)).stacked()
        truth = sample(reference.distance, patch.positions(patch.size)) > 0
        rows = _spaced(truth.size, _MOST_ROWS)
        self._held_out.cues.append(cues.reshape(-1, cues.shape[-1])[rows])
        self._held_out.truths.append(truth.reshape(-1)[rows])

    def _reference(self, frame: int, mask: Mask, certainty: float = 1.0) -> Reference:
        work = _resized(mask, self._store.size)
        small = _resized(mask, self._store.flow_size)
        return Reference(frame, work, signed_distance(work), signed_distance(small), certainty)


def _moved(sides: Sequence[SideCues]) -> FloatImage:
    """The logit of motion alone: carried distances, the nearer correction counting more."""
    parts = [
        n * side.distance_px / (1.5 + 0.5 * side.steps + 4.0 * (1.0 - side.trust))
        for n, side in zip(nearness(sides), sides, strict=True)
    ]
    total: FloatImage = np.sum(parts, axis=0).astype(np.float32)
    return total


def _support(logit: FloatImage, moved: FloatImage, sides: Sequence[SideCues]) -> Support:
    mask, carried = logit > 0, moved > 0
    either = mask | carried
    shares = nearness(sides)
    if not either.any():
        return Support(0.0, 0.0, 0.0, 0.0, min(s.steps for s in sides))
    trust = sum(n * float(s.trust[either].mean()) for n, s in zip(shares, sides, strict=True))
    agreement = float((mask & carried).sum()) / float(either.sum())
    certainty = float(np.abs(np.tanh(logit[either] / 2)).mean())
    votes = [s.distance_px > 0 for s in sides]
    union = float(np.logical_or.reduce(votes).sum())
    sides_agree = float(np.logical_and.reduce(votes).sum()) / union if union else 0.0
    return Support(trust, agreement, certainty, sides_agree, min(s.steps for s in sides))


def _absence_confidence(carried: Sequence[_Carried]) -> float:
    """How sure it is that nothing is there, when nothing was carried: less with the distance."""
    return 1.0 / (1.0 + 0.1 * min(c.path.steps for c in carried))


def _box_step(box: Box, scale: float) -> int:
    """How coarsely the place of a mask may be looked at, in pixels of the flow."""
    shortest = min(box[2] - box[0], box[3] - box[1]) / scale
    return int(np.clip(shortest / _BOX_CELLS, 1, _BOX_EVERY))


def _joined(boxes: Sequence[Box]) -> Box:
    """The box that holds all of several."""
    lows, highs = np.min(boxes, axis=0), np.max(boxes, axis=0)
    return int(lows[0]), int(lows[1]), int(highs[2]), int(highs[3])


def _resized(mask: Mask, size: tuple[int, int]) -> Mask:
    if mask.shape == size:
        return np.ascontiguousarray(mask)
    whole = np.ascontiguousarray(mask).astype(np.float32)
    return np.asarray(cv2.resize(whole, size[::-1], interpolation=cv2.INTER_AREA) > 0.5, np.bool_)


def _spaced(count: int, most: int) -> npt.NDArray[np.int64]:
    """At most so many indices, evenly spaced."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))
