"""Which frames a propagation goes out from, which it may reach and which it leaves alone."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ifc_core.annotation import Project, Scope, VideoEntry
from ifc_core.inference.spread_scope import (
    DEFAULT_CLIP_LENGTH,
    DEFAULT_REACH,
    scope_frames,
    within_reach,
)
from ifc_core.inference.uncertainty import need_of_attention
from ifc_core.structures import FrameState, RLEMask
from napari_ifc.controllers.guesses import is_box_guess
from napari_ifc.language import tr

_FIXED = (FrameState.CORRECTED, FrameState.APPROVED, FrameState.ABSENT, FrameState.REJECTED)
GAP = "gap"  # the scope that takes no mask away
RANGE = "range"  # the scope of a request that names its frames
_DOUBTFUL = 0.5  # of a proposal: it is rather wrong than right
_AVOID_NEAR = 50  # frames to either side on which other tracks are told of
_ANCHORS = (FrameState.CORRECTED, FrameState.APPROVED, FrameState.ABSENT)


@dataclass(frozen=True, slots=True)
class SpreadRequest:
    """What to propagate and how far.

    Attributes:
        track_id: The track.
        frame_index: The frame from which the scope is counted.
        scope: A word of :func:`ifc_core.inference.spread_scope.scope_frames`.
        method: A method of ``CorrectSettings``, or ``light``: fused, without the model.
        clip_length: T, for the scope ``clip``.
        frame_step: Distance of the frames of a clip, for the scope ``clip``.
        frames: The frames that are asked for in place of those of a scope, step 1; the scope
            is ``RANGE`` then.
    """

    track_id: int
    frame_index: int
    scope: str = "both"
    method: str = "fused"
    clip_length: int = DEFAULT_CLIP_LENGTH
    frame_step: int = 1
    frames: range | None = None


class SpreadFrames:
    """The frames of propagations on one video.

    Args:
        project: Knows which frames a person reviewed.
        entry: The video.
    """

    def __init__(self, project: Project, entry: VideoEntry) -> None:
        self._project = project
        self._entry = entry

    def scope(self, request: SpreadRequest) -> range:
        """The frames that are asked for, before it is looked at what may be reached."""
        if request.frames is not None:
            return range(self._entry.num_frames)[request.frames.start : request.frames.stop]
        return scope_frames(
            request.scope,
            request.frame_index,
            self._entry.num_frames,
            self.fixed(request.track_id),
            request.clip_length,
            request.frame_step,
            self._annotated(request.track_id) if request.scope == GAP else (),
        )

    def kept(self, request: SpreadRequest) -> set[int]:
        """Frames that this propagation does not touch."""
        fixed = self.fixed(request.track_id)
        return fixed | self._annotated(request.track_id) if request.scope == GAP else fixed

    def fixed(self, track_id: int) -> set[int]:
        """Frames that no propagation ever touches."""
        frames = self._project.track_frames(track_id)
        reviewed = {f.frame_index for f in frames if f.state in _FIXED or is_box_guess(f)}
        return reviewed | set(self._project.exhaustive_frames(self._entry.id))

    def wanted(self, request: SpreadRequest) -> list[int]:
        """Frames that may get a mask, ascending."""
        kept = self.kept(request)
        near = within_reach(self.scope(request), self.anchor_frames(request), DEFAULT_REACH)
        return [f for f in near if f not in kept]

    def anchor_frames(self, request: SpreadRequest) -> list[int]:
        """Frames that the others are made from: a person's, or else the one that is shown.

        The guess for a box counts too: a person said where the object is.

        Of those outside the scope only the nearest on each side counts. A gap, and a marked
        range in which a person said nothing, goes out from the masks beside it as well, whoever
        made them: what is around the frames that were asked for is what they are to join. A
        proposal that is rather wrong than right counts only where there is nothing else.
        """
        told = self._project.track_frames(request.track_id)
        frames = {f.frame_index: f for f in told}
        marked = [i for i, f in frames.items() if f.state in _ANCHORS or is_box_guess(f)]
        scope = self.scope(request)
        chosen, beside = _in_or_beside(marked, scope), list[int]()
        if request.scope == GAP or (request.scope == RANGE and not _any_in(marked, scope)):
            shown = [i for i, f in frames.items() if f.state is not FrameState.REJECTED]
            beside = _in_or_beside(shown, scope)
            if request.scope == RANGE:  # what lies in it is what is to be made anew
                beside = [f for f in beside if f not in scope]
            doubts = dict(zip(frames, need_of_attention(told), strict=True))
            likely = [f for f in beside if doubts[f] < _DOUBTFUL or f == request.frame_index]
            chosen = sorted({*chosen, *likely})
        for some in (chosen, beside):
            if any(frames[f].area_px for f in some):
                return some
        here = frames.get(request.frame_index)
        return [request.frame_index] if here is not None and here.area_px else []

    def anchors(self, request: SpreadRequest) -> list[dict[str, Any]]:
        """The same with their masks, as the job wants them."""
        masks = {f: self._mask(request.track_id, f) for f in self.anchor_frames(request)}
        return [
            {"frame_index": f, "rle": None if rle is None else rle.to_coco()}
            for f, rle in sorted(masks.items())
        ]

    def avoided(self, request: SpreadRequest) -> list[dict[str, Any]]:
        """Pixels of other tracks that a person made: they are not this object.

        Only near the frame that is shown: each such frame costs the engine a picture's memory.
        """
        wanted = [f for f in self.wanted(request) if abs(f - request.frame_index) <= _AVOID_NEAR]
        if not wanted:
            return []
        scope = Scope(wanted[0], wanted[-1])
        others: dict[int, list[RLEMask]] = {f: [] for f in wanted}
        for track_id, frame_index in self._project.decided_masks(self._entry.id, scope):
            if track_id == request.track_id or frame_index not in others:
                continue
            rle = self._mask(track_id, frame_index)
            if rle is not None:
                others[frame_index].append(rle)
        return [
            {"frame_index": f, "rle": RLEMask.union(masks).to_coco()}
            for f, masks in others.items()
            if masks
        ]

    def _annotated(self, track_id: int) -> set[int]:
        return {f.frame_index for f in self._project.track_frames(track_id)}

    def record_ids(self, track_id: int, frames: Iterable[int]) -> dict[int, int]:
        """Frame index -> id of the record that a track shows there."""
        records = {f: self._project.mask(track_id, f) for f in frames}
        return {f: record.id for f, record in records.items() if record is not None}

    def _mask(self, track_id: int, frame_index: int) -> RLEMask | None:
        record = self._project.mask(track_id, frame_index)
        return None if record is None else record.rle

    def beyond(self, request: SpreadRequest, anchors: Sequence[int]) -> str:
        """What is said where the scope goes on beyond the reach of the corrections."""
        scope = self.scope(request)
        near = within_reach(scope, anchors, DEFAULT_REACH)
        if len(near) + sum(frame in scope for frame in anchors) == len(scope):
            return ""
        text = tr("Frames more than {reach} away from a correction were left; correct one there.")
        return text.format(reach=DEFAULT_REACH)


def _in_or_beside(frames: Iterable[int], scope: range) -> list[int]:
    """Those in a scope, and the nearest one on each side of it; ascending."""
    known = sorted(frames)
    first, last = bisect_left(known, scope.start), bisect_left(known, scope.stop)
    return known[max(0, first - 1) : last + 1]


def _any_in(frames: Iterable[int], scope: range) -> bool:
    return any(f in scope for f in frames)


def no_anchor_text() -> str:
    """What is said where there is nothing that could be taken to other frames."""
    return tr("Draw the object on a frame first; that mask is taken to the others.")


def nothing_wanted_text(request: SpreadRequest) -> str:
    """What is said where no frame of what was asked for may get a mask."""
    if request.scope == GAP:
        return tr("The track has no gap here: go to a frame without its mask, or to one beside it.")
    return tr("Every frame of that scope is corrected or approved already.")


def nothing_left_text() -> str:
    """What is said where the last propagation replaced all that it found a mask for."""
    return tr("The last propagation left no proposals as they were.")


def changed_between(
    frames: Iterable[int], before: Mapping[int, int], after: Mapping[int, int]
) -> set[int]:
    """Those of the frames that would be made from other corrections than they were.

    A frame is made from the nearest correction on either side of it.

    Args:
        frames: Frames without a correction.
        before: Frame index -> id of the record, of the corrections they were made from.
        after: The same of those that there are now.
    """
    old, new = sorted(before.items()), sorted(after.items())
    return {f for f in frames if _around(f, old) != _around(f, new)}


def _around(frame_index: int, records: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The (frame, record) on either side, or on it, of a sorted list."""
    place = bisect_left(records, (frame_index, 0))
    return [records[i] for i in (place - 1, place) if 0 <= i < len(records)]
