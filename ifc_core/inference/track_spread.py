"""The fused method: one track carried, matched and judged from its corrected frames."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.inference.confidence import frame_confidence, is_supported
from ifc_core.inference.far_match import PixelFeatures
from ifc_core.inference.flow_chain import (
    FlowChain,
    follow,
    part_around,
    sample,
    sample_picture,
    signed_distance,
)
from ifc_core.inference.flow_store import FlowStore
from ifc_core.inference.fusion import (
    PRIOR,
    Share,
    SideCues,
    Vector,
    fused_logit,
    network_prior,
    shares_of,
    track_weights,
)
from ifc_core.inference.lazy_mapping import LazyMapping
from ifc_core.inference.local_match import NEAR_OFFSETS, descriptors, likeness, match_logit
from ifc_core.inference.mask_output import encode_logits
from ifc_core.inference.own_motion import own_motion_logit, own_motion_share
from ifc_core.inference.patch import (
    MOST_CELLS,
    Box,
    Patch,
    box_step,
    is_at_edge,
    is_more_than_rest,
    joined_box,
    looked_at,
    main_box,
    mask_box,
)
from ifc_core.inference.reappearance import SEARCH_SHORT_SIDE, find_again
from ifc_core.inference.references import (
    MARGIN_SHARE,
    few_of,
    reference_of,
    resized,
    spaced,
)
from ifc_core.inference.spread_frame import (
    Carried,
    Memory,
    Prepared,
    Present,
    SpreadMask,
    beyond_cut,
    moved_logit,
    support_of,
    sure_of_absence,
)
from ifc_core.inference.track_looks import LOGIT_LIMIT, Evidence, Reference, TrackLooks
from ifc_core.jobs import JobContext

FloatImage = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

Watch = Callable[[int, Patch, Sequence[tuple[Share, SideCues]]], None]

_LEAST_MARGIN_PX = 16
_MOST_ROWS = 2000
_REFERENCES_KEPT = 8
_HELD_OUT_KEPT = 24  # corrected frames as told by their neighbours
_MEMORY_SHARE = 0.5
_MEMORY_SHARE_BETWEEN = 0.3
_LEAST_SHARE_OF_BOX = 0.25
_NEAR_STEPS = 3
_NEAR_CELLS = 216
_SWEPT_FRAMES = 64
_SWEPT_BYTES = 128_000_000
_MOVED_COVERED = 0.1  # of its length a frame, out of sight
_SMOOTH = 1.0
_SAMPLED_FROM_HALF = 0.6  # cells a pixel
_FOUND_AGAIN_CONFIDENCE = 0.5


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
        prior: Weights of the fusion before a track says otherwise; by default those of
            :mod:`ifc_core.inference.fusion`.

    Attributes:
        watch: Called for each frame that is decided by looks, with the shares of what is said of
            it, by corrected frames and by the neighbour decided before, and what that is.
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
        prior: Vector | None = None,
    ) -> None:
        self._store, self._reach, self._context = store, reach, context
        self._references = LazyMapping(
            sorted(masks), lambda frame: reference_of(store, frame, masks[frame]), _REFERENCES_KEPT
        )
        denied = avoid or {}
        self._avoid = LazyMapping(
            denied, lambda frame: resized(denied[frame], store.size), _REFERENCES_KEPT
        )
        self._learnt_from = few_of(self._references)
        self._looks: TrackLooks | None = None
        if looks:
            others = few_of(self._avoid)
            self._looks = TrackLooks(store, self._learnt_from, others, evidence, features)
        self._held_out = _HeldOut([], [])
        self._memory: Memory | None = None
        self._span = range(0)  # frames that may be looked at
        self._has_features, self._prior = features is not None, prior
        self._learnt = np.zeros_like(PRIOR)  # what corrected frames change in the weights
        self.watch: Watch | None = None

    def run(self, frames: range) -> Iterator[SpreadMask]:
        """Masks of the scope: between corrections first, then forward, then backward.

        Args:
            frames: The scope, step 1.

        Yields:
            One result a frame that is within reach and not corrected.
        """
        known = list(self._references)
        self._span = range(min(frames.start, known[0]), max(frames.stop, known[-1] + 1))
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
                if carried.is_cut_off:  # nothing is looked for in another shot
                    steps, rest = carried.path.steps, path[path.index(frame) :]
                    yield from beyond_cut(steps, [f for f in rest if f in frames], rest)
                    return
                if frame not in frames:
                    continue
                result = self._decide(frame, [carried])
                is_lost = result.rle is None
                seen = self._seen_again(frame, carried) if is_lost else None
                if seen is not None:  # go on from here instead
                    rle = encode_logits(signed_distance(seen), self._store.reader.video.size)
                    result = SpreadMask(frame, rle, _FOUND_AGAIN_CONFIDENCE)
                    reference = reference_of(self._store, frame, seen, _FOUND_AGAIN_CONFIDENCE)
                yield result
                if reference is not None:
                    path = path[path.index(frame) + 1 :]
                    break

    def _seen_again(self, frame: int, carried: Carried) -> Mask | None:
        """A mask at working size where the frame alone looks like the lost object."""
        areas = [float(r.mask.mean()) for r in self._learnt_from.values() if r.mask.any()]
        if self._looks is None or not self._looks.is_known or not areas:
            return None
        # At the scale that the looks were fitted at, as texture depends on it.
        fitted = self._looks.fit_patch(
            next(r.mask for r in self._learnt_from.values() if r.mask.any())
        )
        limit = SEARCH_SHORT_SIDE / min(self._store.size)
        whole = Patch.whole(self._store.size, min(limit, 1.0 if fitted is None else fitted.scale))
        rgb = whole.cut(self._store.picture(frame))
        found = find_again(self._looks.logit(frame, whole, rgb), float(np.mean(areas)))
        if found is None:
            return None
        mask = resized(found, self._store.size)
        last = mask_box(carried.reference.mask)
        if carried.is_covered and last is not None:  # what covered it did not move it far
            length = max(last[2] - last[0], last[3] - last[1])
            far = round(_MOVED_COVERED * length * carried.path.steps)
            rows = slice(max(0, last[1] - far), last[3] + far)
            if not mask[rows, max(0, last[0] - far) : last[2] + far].any():
                return None
        return mask

    def _between(self, left: int, right: int, frames: range) -> Iterator[SpreadMask]:
        """Between two corrections: carried from both, fused by distance."""
        reach = self._reach
        inner = [
            f for f in range(left + 1, right) if f in frames and min(f - left, right - f) <= reach
        ]
        if not inner:
            return
        found: dict[int, list[Carried]] = {frame: [] for frame in inner}
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
            prior = self._prior_weights(right - left)
            learnt = track_weights(self._held_out.cues, self._held_out.truths, prior)
            self._learnt = learnt - prior
        while inner:
            done = yield from self._swept(inner[:_SWEPT_FRAMES], found, (left, right))
            inner = inner[done:]

    def _swept(
        self, frames: list[int], found: dict[int, list[Carried]], ends: tuple[int, int]
    ) -> Generator[SpreadMask, None, int]:
        """Frames between two corrections, each told by the neighbour before and the one after.

        Returns:
            How many of the frames were done: as many as may be held at once.
        """
        self._memory = None
        known: dict[int, tuple[Prepared, FloatImage] | SpreadMask] = {}
        held = 0
        for frame in frames:
            if held > _SWEPT_BYTES:
                break
            self._context.raise_if_cancelled()
            prepared = self._prepare(frame, found.pop(frame))
            if isinstance(prepared, Prepared):
                known[frame] = prepared, self._logit(prepared)
                held += prepared.num_bytes
            else:
                known[frame] = prepared
        self._memory = None
        done = len(known)
        for frame in frames[:done][::-1]:
            self._context.raise_if_cancelled()
            what = known.pop(frame)
            if isinstance(what, SpreadMask):
                yield what
                continue
            prepared, before = what
            from_left = (ends[1] - frame) / (ends[1] - ends[0])
            logit = from_left * before + (1 - from_left) * self._logit(prepared)
            yield self._decided(prepared, logit)
        return done

    def _carry(self, reference: Reference, path: range) -> Iterator[tuple[int, Carried]]:
        chain = FlowChain(self._store, reference.frame_index)
        scale, work = self._store.size[0] / self._store.flow_size[0], self._store.size[::-1]
        last, is_replaced = mask_box(reference.mask), False
        recent = last  # where it was seen last
        every = 1 if last is None else box_step(last, scale)
        for frame in path:
            self._context.raise_if_cancelled()
            before = chain.frame_index
            chain.step(frame)
            box = None
            if not chain.is_broken and not is_replaced:
                box = main_box(chain.carry(reference.small_distance, every) > 0)
            if box is not None:
                low, high = (scale * every * np.array(b) for b in (box[:2], box[2:]))
                x0, y0, x1, y1 = (round(float(v)) for v in (*low, *np.minimum(high, work)))
                box = (x0, y0, x1, y1)
                is_replaced = self._store.is_replaced(before, frame, looked_at(last or box, box))
                box = last = None if is_replaced else box
            recent = box if is_more_than_rest(box, recent) else recent
            has_left = recent is not None and is_at_edge(recent, self._store.size)
            path_back, is_broken = chain.path(), chain.is_broken
            yield frame, Carried(reference, path_back, box, is_broken, is_replaced, has_left)

    # ---- one frame ----------------------------------------------------------------------

    def _decide(self, frame: int, carried: Sequence[Carried]) -> SpreadMask:
        prepared = self._prepare(frame, carried)
        if isinstance(prepared, SpreadMask):
            return prepared
        return self._decided(prepared, self._logit(prepared))

    def _prepare(self, frame: int, carried: Sequence[Carried]) -> Prepared | SpreadMask:
        near = min(carried, key=lambda c: c.path.steps)
        all_steps = sum(c.path.steps for c in carried)
        boxes = [c.box for c in carried]
        if near.box is not None and near.path.steps < _LEAST_SHARE_OF_BOX * all_steps:
            boxes = [near.box]  # what came from afar may have strayed, and a wide patch is coarse
        is_near = near.path.steps <= _NEAR_STEPS or len(carried) > 1
        cells = _NEAR_CELLS if is_near else MOST_CELLS  # finer where little has to be searched
        there = [*boxes, self._remembered_box(frame)] if any(boxes) else boxes
        patch = self._patch(there, max(cells, near.reference.cells))
        if patch is None:
            return SpreadMask(frame, None, sure_of_absence(carried))
        present = self._look(frame, patch)
        sides = [self._cues(c, present, is_alone=len(carried) == 1) for c in carried]
        return Prepared(replace(present, places=None), sides, carried)

    def _logit(self, prepared: Prepared) -> FloatImage:
        if self._looks is None:
            return moved_logit(prepared.sides)
        return self._fused(prepared.present, prepared.sides)

    def _decided(self, prepared: Prepared, logit: FloatImage) -> SpreadMask:
        patch, frame = prepared.present.patch, prepared.present.frame
        moved = moved_logit(prepared.sides)
        if frame in self._avoid:
            denied = sample(self._avoid[frame].astype(np.float32), patch.positions(patch.size))
            logit = np.where(denied > 0.5, -LOGIT_LIMIT, logit).astype(np.float32)
        certainty = min(c.reference.certainty for c in prepared.carried)
        support = support_of(logit, moved, prepared.sides)
        confidence = certainty * frame_confidence(support)
        rle = None
        if is_supported(support):
            size = self._store.reader.video.size
            rle = encode_logits(logit, size, patch.region_in(size))
        if rle is None:
            confidence = sure_of_absence(prepared.carried, 1.0 - confidence)
        return SpreadMask(frame, rle, confidence)

    def _look(self, frame: int, patch: Patch) -> Present:
        """A patch of a frame, and what it looks like whatever was corrected."""
        rgb = patch.cut(self._store.picture(frame))
        if self._looks is None:
            nothing = np.zeros(patch.grid, np.float32)
            return Present(frame, patch, rgb, nothing, nothing, nothing, None)
        places = self._looks.places(frame, patch)
        known = np.zeros(patch.grid, np.float32)
        if places is not None:
            known = self._looks.known(places, patch)
        looks = self._looks.logit(frame, patch, rgb)
        return Present(frame, patch, rgb, descriptors(rgb), looks, known, places)

    def _fused(self, present: Present, sides: Sequence[SideCues]) -> FloatImage:
        """The corrected frames' say, and that of the neighbour decided before."""
        assert self._looks is not None  # noqa: S101 - for the type checker
        frame, patch = present.frame, present.patch
        said = list(zip(shares_of(sides), sides, strict=True))
        steps = min(s.steps for s in sides)
        weights = self._prior_weights(steps)
        logit = fused_logit(said, weights + self._learnt)
        memory = self._memory
        if memory is not None and abs(frame - memory.frame_index) == 1:
            share = _MEMORY_SHARE if len(sides) == 1 else _MEMORY_SHARE_BETWEEN
            recent = self._remembered(memory, present, sides[0])
            logit = (1 - share) * logit + share * recent.logit(weights)
            said = [((1 - share) * s, side) for s, side in said] + [(share, recent)]
        if self.watch is not None:
            self.watch(frame, patch, said)
        moves = own_motion_logit(self._store, frame, patch, logit, self._span)
        logit = logit + np.float32(own_motion_share(steps)) * moves
        logit = logit + self._looks.network_say(frame, patch, steps)
        limited = np.clip(logit, -LOGIT_LIMIT, LOGIT_LIMIT)
        smooth = np.asarray(cv2.GaussianBlur(limited, (0, 0), _SMOOTH), np.float32)
        self._memory = Memory(frame, patch, present.rgb, smooth)
        return self._memory.logit

    def _prior_weights(self, steps: int) -> Vector:
        """Weights of the fusion so many frames from the nearest correction, by default."""
        if self._prior is not None:
            return self._prior
        return network_prior(steps) if self._has_features else PRIOR

    def _remembered(self, memory: Memory, present: Present, side: SideCues) -> SideCues:
        """What the neighbour decided before says, as if it were a corrected frame."""
        store, old = self._store, memory.patch
        cells = present.patch.positions(store.flow_size)
        part, inside = part_around(cells, store.flow_size)
        flow = store.between(present.frame, memory.frame_index, part)
        scale = store.size[0] / store.flow_size[0]
        cell = cells + sample(flow, inside)
        for axis, (share, start) in enumerate(zip(old.scale_xy, old.box[:2], strict=True)):
            cell[..., axis] *= np.float32(scale * share)  # cells of the neighbour
            cell[..., axis] += np.float32((0.5 * scale - start) * share - 0.5)
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
        found = main_box(memory.logit > 0)
        if found is None:
            return None
        (x, y), scale = memory.patch.box[:2], memory.patch.scale
        x0, y0, x1, y1 = (round(v / scale) for v in found)
        height, width = self._store.size
        return x + x0, y + y0, min(width, x + x1), min(height, y + y1)

    def _patch(self, boxes: Sequence[Box | None], cells: int = MOST_CELLS) -> Patch | None:
        there = [box for box in boxes if box is not None]
        if not there:
            return None
        box = joined_box(there)
        longest = max(box[2] - box[0], box[3] - box[1])
        margin = max(_LEAST_MARGIN_PX, round(MARGIN_SHARE * longest))
        return Patch.around(box, margin, self._store.size, cells)

    def _cues(self, carried: Carried, present: Present, *, is_alone: bool = True) -> SideCues:
        store, path, patch = self._store, carried.path, present.patch
        reference = carried.reference
        cells = patch.positions(store.flow_size)
        source, trust = follow(path, cells)
        scale = store.size[0] / store.flow_size[0]
        at = (source + 0.5) * scale - 0.5
        distance = sample(reference.distance, at) / scale
        match = far = np.zeros_like(trust)
        alike = None
        if self._looks is not None:
            if present.places is not None:
                far = self._looks.far(present.places, reference, at, patch)
            seen = store.picture(reference.frame_index)
            if patch.scale < _SAMPLED_FROM_HALF:  # a fine picture on a coarse grid would alias
                there = descriptors(sample_picture(seen.half, source))
            else:
                there = descriptors(sample_picture(seen.rgb, at))
            match = match_logit(present.descriptors, there, distance > 0)
            alike = None if is_alone else likeness(present.descriptors, there)
        looks, known = present.looks, present.features
        return SideCues(distance, trust, looks, match, far, known, path.steps, alike)

    # ---- learning from corrected frames -------------------------------------------------

    def _hold_out(self, frame: int, carried: Carried) -> None:
        """Keep the cues around a known mask, as another corrected frame gives them."""
        reference = self._references[frame]
        patch = self._patch([carried.box, mask_box(reference.mask)])
        box_lost = carried.is_cut_off or carried.is_covered
        both_there = reference.mask.any() and carried.reference.mask.any()
        if self._looks is None or patch is None or not both_there or box_lost:
            return  # absence, or another shot, says nothing about how far cues can be believed
        cues = self._cues(carried, self._look(frame, patch)).stacked()
        truth = sample(reference.distance, patch.positions(patch.size)) > 0
        rows = spaced(truth.size, _MOST_ROWS)
        self._held_out.cues.append(cues.reshape(-1, cues.shape[-1])[rows])
        self._held_out.truths.append(truth.reshape(-1)[rows])
        for kept in (self._held_out.cues, self._held_out.truths):
            del kept[:-_HELD_OUT_KEPT]
