"""Which frames a propagation goes out from, which it may reach and which it leaves alone."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ifc_core.annotation import FrameColumns, Project, Scope, VideoEntry
from ifc_core.annotation.schema import STATE_CODE
from ifc_core.inference.spread_scope import (
    DEFAULT_CLIP_LENGTH,
    DEFAULT_REACH,
    scope_frames,
    within_reach,
)
from ifc_core.inference.uncertainty import need_of_columns
from ifc_core.structures import FrameState, RLEMask
from napari_ifc.controllers.guesses import are_box_guesses
from napari_ifc.language import tr

GAP = "gap"  # the scope that takes no mask away
RANGE = "range"  # the scope of a request that names its frames
_DOUBTFUL = 0.5  # of a proposal: it is rather wrong than right
_AVOID_NEAR = 50  # frames to either side on which other tracks are told of
_ANCHORS = tuple(
    STATE_CODE[s] for s in (FrameState.CORRECTED, FrameState.APPROVED, FrameState.ABSENT)
)
_FIXED = (*_ANCHORS, STATE_CODE[FrameState.REJECTED])
_BY_FRAMES = ("next", GAP)  # scopes that end at what is annotated


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


@dataclass(frozen=True, slots=True)
class SpreadPlan:
    """What a propagation comes to, as the project stands.

    Attributes:
        scope: The frames that are asked for, before it is looked at what may be reached.
        kept: Frames that are not touched, ascending.
        anchors: Frames that the others are made from, ascending.
        wanted: Frames that may get a mask, ascending.
    """

    scope: range
    kept: npt.NDArray[np.int32]
    anchors: list[int]
    wanted: list[int]


class SpreadFrames:
    """The frames of propagations on one video.

    A track of a long recording has a mask on tens of thousands of frames, and whether it can be
    propagated is asked with each selection: its frames are read once for each answer, as columns.

    Args:
        project: Knows which frames a person reviewed.
        entry: The video.
    """

    def __init__(self, project: Project, entry: VideoEntry) -> None:
        self._project = project
        self._entry = entry

    def plan(self, request: SpreadRequest) -> SpreadPlan:
        """Everything that is to be known before a propagation starts.

        Frames are made from a person's, or else from the one that is shown. The guess for a box
        counts too: a person said where the object is.

        Of those outside the scope only the nearest on each side counts. A gap, and a marked
        range in which a person said nothing, goes out from the masks beside it as well, whoever
        made them: what is around the frames that were asked for is what they are to join. A
        proposal that is rather wrong than right counts only where there is nothing else.
        """
        told = self._project.track_columns(request.track_id)
        fixed = self._fixed(told)
        scope = self._scope(request, told, fixed)
        kept = np.union1d(fixed, told.frame_index) if request.scope == GAP else fixed
        anchors = _anchors(told, request, scope)
        near = np.array(within_reach(scope, anchors, DEFAULT_REACH), dtype=np.int64)
        return SpreadPlan(scope, kept, anchors, near[~np.isin(near, kept)].tolist())

    def scope(self, request: SpreadRequest) -> range:
        """The frames that are asked for, before it is looked at what may be reached."""
        if request.frames is not None or request.scope not in _BY_FRAMES:
            return self._scope(request, FrameColumns.empty(), np.zeros(0, dtype=np.int32))
        return self.plan(request).scope

    def _scope(
        self, request: SpreadRequest, told: FrameColumns, fixed: npt.NDArray[np.int32]
    ) -> range:
        if request.frames is not None:
            return range(self._entry.num_frames)[request.frames.start : request.frames.stop]
        return scope_frames(
            request.scope,
            request.frame_index,
            self._entry.num_frames,
            fixed.tolist(),
            request.clip_length,
            request.frame_step,
            told.frame_index.tolist() if request.scope == GAP else (),
        )

    def kept(self, request: SpreadRequest) -> set[int]:
        """Frames that this propagation does not touch."""
        return set(self.plan(request).kept.tolist())

    def _fixed(self, told: FrameColumns) -> npt.NDArray[np.int32]:
        """Frames that no propagation ever touches."""
        reviewed = told.frame_index[np.isin(told.state, _FIXED) | are_box_guesses(told)]
        approved = self._project.exhaustive_frames(self._entry.id)
        return np.union1d(reviewed, np.array(approved, dtype=np.int32))

    def wanted(self, request: SpreadRequest) -> list[int]:
        """Frames that may get a mask, ascending."""
        return self.plan(request).wanted

    def anchor_frames(self, request: SpreadRequest) -> list[int]:
        """Frames that the others are made from, see :meth:`plan`."""
        return self.plan(request).anchors

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


def _anchors(told: FrameColumns, request: SpreadRequest, scope: range) -> list[int]:
    marked = np.isin(told.state, _ANCHORS) | are_box_guesses(told)
    places = np.flatnonzero(marked)
    chosen, beside = _in_or_beside(told, places, scope), np.zeros(0, dtype=np.intp)
    inside = (told.frame_index >= scope.start) & (told.frame_index < scope.stop)
    if request.scope == GAP or (request.scope == RANGE and not (marked & inside).any()):
        shown = np.flatnonzero(told.state != STATE_CODE[FrameState.REJECTED])
        beside = _in_or_beside(told, shown, scope)
        if request.scope == RANGE:  # what lies in it is what is to be made anew
            beside = beside[~inside[beside]]
        here = told.frame_index[beside] == request.frame_index
        likely = beside[(need_of_columns(told)[beside] < _DOUBTFUL) | here]
        chosen = np.union1d(chosen, likely)
    for some in (chosen, beside):
        if told.area_px[some].any():
            return told.frame_index[some].tolist()  # type: ignore[no-any-return]
    here = (told.frame_index == request.frame_index) & (told.area_px > 0)
    return [request.frame_index] if here.any() else []


def _in_or_beside(
    told: FrameColumns, places: npt.NDArray[np.intp], scope: range
) -> npt.NDArray[np.intp]:
    """Those of some places whose frames are in a scope, and the nearest on each side of it."""
    ends = np.searchsorted(told.frame_index[places], (scope.start, scope.stop))
    first, last = ends.tolist()
    return places[max(0, first - 1) : last + 1]


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
