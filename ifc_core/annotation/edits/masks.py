"""Edits of masks: paint, absent, clear, copy, interpolate, extend, trim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from ifc_core.annotation.delta import Pointer
from ifc_core.annotation.edits.base import Edit, name_of, names_of
from ifc_core.annotation.interpolation import between
from ifc_core.annotation.records import WHOLE, Scope
from ifc_core.annotation.transaction import (
    ABSENT,
    CORRECTED,
    DERIVED,
    HUMAN,
    PROPOSED,
    REJECTED,
    EditTransaction,
)
from ifc_core.structures import FrameState, MaskSource, RLEMask, Track, TrackState
from ifc_core.structures.rle_runs import patch_mask


@dataclass(frozen=True, slots=True)
class SetMask(Edit):
    """Give one track a new mask on one frame: what paint, erase, fill and polygon end in.

    The record is human, the frame state becomes *corrected*. An empty mask is stored as
    looked-at-and-absent.

    Attributes:
        track_id: The track.
        frame_index: 0-based frame.
        rle: The new mask, at the video's size.
        seconds_spent: How long the person took.
        tool: Word for the history list, such as ``"Paint"`` or ``"Erase"``.
    """

    track_id: int
    frame_index: int
    rle: RLEMask
    seconds_spent: float = 0.0
    tool: str = "Paint"

    def perform(self, tx: EditTransaction) -> str:
        """Store the mask as a human record."""
        return _draw(tx, tx.track(self.track_id), self.frame_index, self.rle, self)


@dataclass(frozen=True, slots=True, eq=False)
class PatchMask(Edit):
    """Like :class:`SetMask`, given only the rectangle that a stroke changed.

    Attributes:
        track_id: The track.
        frame_index: 0-based frame.
        top: First row of the rectangle.
        left: First column of the rectangle.
        patch: (h, w) bool, the mask inside the rectangle after the stroke.
        seconds_spent: How long the person took.
        tool: Word for the history list.
    """

    track_id: int
    frame_index: int
    top: int
    left: int
    patch: npt.NDArray[Any]
    seconds_spent: float = 0.0
    tool: str = "Paint"

    def perform(self, tx: EditTransaction) -> str:
        """Store the patched mask as a human record."""
        track = tx.track(self.track_id)
        size = tx.video(track.video_id).size
        old = tx.pointer(track.id, self.frame_index)
        before = tx.rle(old.mask_id, size) if old is not None and old.is_seen else None
        rle = patch_mask(before, size, self.top, self.left, self.patch)
        return _draw(tx, track, self.frame_index, rle, self)


@dataclass(frozen=True, slots=True)
class MarkAbsent(Edit):
    """Say that the object was looked for and is not there.

    Attributes:
        track_id: The track.
        scope: The frames.
        unannotated_only: Leave frames alone on which the track shows anything.
    """

    track_id: int
    scope: Scope
    unannotated_only: bool = False

    def perform(self, tx: EditTransaction) -> str:
        """Show one absent record on every frame of the scope."""
        track = tx.track(self.track_id)
        first, last = self.scope.bounds(tx.video(track.video_id).num_frames)
        if last < first:
            tx.fail("There is no such frame in the video.")
        mask_id, _ = tx.new_mask(None, MaskSource.HUMAN)
        old = tx.pointers(track.id, self.scope)
        frames: dict[int, Pointer | None] = {
            f: Pointer(mask_id, ABSENT, old[f].revision + 1 if f in old else 1, HUMAN, 0)
            for f in range(first, last + 1)
            if f not in old or not (self.unannotated_only or old[f].state == ABSENT)
        }
        tx.point(track, frames)
        tx.touch(track)
        return f"Mark {name_of(track)} absent, {self.scope.describe()}"


@dataclass(frozen=True, slots=True)
class ClearMasks(Edit):
    """Take tracks back to *not annotated* on some frames; those are complete no longer.

    Attributes:
        track_ids: The tracks.
        scope: The frames.
        proposals_only: Spare what a person made or approved.
        area_below_px: Only masks with fewer pixels; 0 for all, absent ones included.
    """

    track_ids: tuple[int, ...]
    scope: Scope
    proposals_only: bool = False
    area_below_px: int = 0

    def perform(self, tx: EditTransaction) -> str:
        """Make the tracks show nothing on the frames."""
        kept = 0
        reopened = set[int]()
        tracks = tx.tracks_of(self.track_ids)
        for track in tracks:
            old = tx.pointers(track.id, self.scope)
            if self.area_below_px:
                old = {f: p for f, p in old.items() if 0 < p.area < self.area_below_px}
            gone = {f for f, p in old.items() if not (self.proposals_only and _is_kept(p))}
            kept += len(old) - len(gone)
            reopened |= _take_away(tx, track, {f: old[f] for f in gone})
        _note_reopened(tx, reopened)
        if kept:
            tx.notes.append(f"{kept} masks that a person made or approved were kept.")
        return f"Clear {names_of(tracks)}, {self.scope.describe()}"


@dataclass(frozen=True, slots=True)
class CopyMask(Edit):
    """Copy a track's mask from one frame to others, which count as drawn and corrected there.

    Attributes:
        track_id: The track.
        from_frame: Where the mask is.
        to_frames: Where it goes; whatever was there is replaced.
    """

    track_id: int
    from_frame: int
    to_frames: tuple[int, ...]

    def perform(self, tx: EditTransaction) -> str:
        """Make the other frames show the record of the first one."""
        track = tx.track(self.track_id)
        pointer = _with_mask(tx, track, self.from_frame)
        size = tx.video(track.video_id).size
        rle = tx.rle(pointer.mask_id, size)
        # A person chose this mask for these frames. As a derived one it would be a mere
        # proposal as soon as an approval is taken back, and a run could replace it.
        mask_id, area = tx.new_mask(rle, MaskSource.HUMAN)
        frames: dict[int, Pointer | None] = {}
        for frame_index in self.to_frames:
            if frame_index == self.from_frame:
                continue
            old = tx.pointer(track.id, frame_index)
            revision = 1 if old is None else old.revision + 1
            frames[frame_index] = Pointer(mask_id, CORRECTED, revision, HUMAN, area)
        tx.point(track, frames)
        tx.touch(track)
        return f"Copy {name_of(track)} from frame {self.from_frame} to {_count(len(frames))}"


@dataclass(frozen=True, slots=True)
class InterpolateMasks(Edit):
    """Fill the frames between two masks by blending their signed distances.

    Frames that a person corrected or approved are kept.

    Attributes:
        track_id: The track.
        first: Frame of the first mask.
        last: Frame of the second mask.
        scope: Leave other frames as they are.
    """

    track_id: int
    first: int
    last: int
    scope: Scope = WHOLE

    def perform(self, tx: EditTransaction) -> str:
        """Append a derived record for each frame between."""
        track = tx.track(self.track_id)
        video = tx.video(track.video_id)
        if self.last <= self.first:
            tx.fail("Interpolation goes from an earlier frame to a later one.")
        ends = [_with_mask(tx, track, f) for f in (self.first, self.last)]
        masks = [tx.rle(pointer.mask_id, video.size) for pointer in ends]
        if masks[0] is None or masks[1] is None:
            tx.fail("Interpolation needs a mask on both frames.")
        old = tx.pointers(track.id, Scope(self.first, self.last))
        blocked = {f for f, p in old.items() if _is_kept(p)}
        blocked |= tx.exhaustive(track.video_id, Scope(self.first, self.last))
        between_ends = [f for f in range(self.first + 1, self.last) if f in self.scope]
        wanted = [f for f in between_ends if f not in blocked]
        span = self.last - self.first
        weights = [(f - self.first) / span for f in wanted]
        for frame_index, rle in zip(wanted, between(masks[0], masks[1], weights), strict=True):
            if rle.area:  # two thin shapes may leave nothing half way
                tx.put_mask(track, frame_index, rle, MaskSource.DERIVED, FrameState.PROPOSED)
        if len(wanted) < len(between_ends):
            tx.notes.append(f"{len(between_ends) - len(wanted)} reviewed frames were kept.")
        return f"Interpolate {name_of(track)}, frames {self.first} to {self.last}"


@dataclass(frozen=True, slots=True)
class ExtendTrack(Edit):
    """Carry the nearest end of a track unchanged to a frame before or behind it.

    Only frames that are not annotated are filled; the new masks are proposals.

    Attributes:
        track_id: The track.
        to_frame: The frame to reach.
        scope: Leave other frames as they are.
    """

    track_id: int
    to_frame: int
    scope: Scope = WHOLE

    def perform(self, tx: EditTransaction) -> str:
        """Make the frames up to the target show a copy of the nearest end."""
        track = tx.track(self.track_id)
        old = tx.pointers(track.id)
        ends = [f for f, p in old.items() if p.is_seen]
        if not ends:
            tx.fail(f"{name_of(track)} has no mask to extend.")
        start = min(ends, key=lambda f: abs(f - self.to_frame))
        step = 1 if self.to_frame > start else -1
        blocked = set(old) | tx.exhaustive(track.video_id)
        on_the_way = range(start + step, self.to_frame + step, step)
        wanted = [f for f in on_the_way if f in self.scope and f not in blocked]
        rle = tx.rle(old[start].mask_id, tx.video(track.video_id).size)
        mask_id, area = tx.new_mask(rle, MaskSource.DERIVED)
        tx.point(track, {f: Pointer(mask_id, PROPOSED, 1, DERIVED, area) for f in wanted})
        return f"Extend {name_of(track)} to frame {self.to_frame}"


@dataclass(frozen=True, slots=True)
class TrimTrack(Edit):
    """Take away everything of a track outside some frames; those are complete no longer.

    Attributes:
        track_id: The track.
        keep: The frames to keep.
    """

    track_id: int
    keep: Scope

    def perform(self, tx: EditTransaction) -> str:
        """Make the track show nothing outside the frames."""
        track = tx.track(self.track_id)
        old = tx.pointers(track.id)
        gone = {f: p for f, p in old.items() if f not in self.keep}
        _note_reopened(tx, _take_away(tx, track, gone))
        return f"Trim {name_of(track)}: keep {self.keep.describe()}"


def _take_away(tx: EditTransaction, track: Track, gone: Mapping[int, Pointer]) -> set[int]:
    """Make a track show nothing on frames; returns those that are approved no longer.

    An approved frame says that every object is annotated. What is *not annotated* any more
    would be taught as absent there. What was rejected never counted as an object.
    """
    tx.point(track, dict.fromkeys(gone))
    if track.state is TrackState.REJECTED:
        return set()
    reopened = {f for f, p in gone.items() if p.state != REJECTED} & tx.exhaustive(track.video_id)
    tx.set_exhaustive(track.video_id, sorted(reopened), False)
    return reopened


def _note_reopened(tx: EditTransaction, frames: set[int]) -> None:
    if frames:
        tx.notes.append(f"Approved as complete no longer: {_count(len(frames))}.")


def _is_kept(pointer: Pointer) -> bool:
    """Whether only a person may replace it: reviewed, or drawn and never decided on."""
    return pointer.state != PROPOSED or pointer.source == HUMAN


def _draw(
    tx: EditTransaction, track: Track, frame_index: int, rle: RLEMask, edit: SetMask | PatchMask
) -> str:
    tx.put_mask(track, frame_index, rle, MaskSource.HUMAN, FrameState.CORRECTED, edit.seconds_spent)
    tx.touch(track)
    return f"{edit.tool} {name_of(track)}, frame {frame_index}"


def _with_mask(tx: EditTransaction, track: Track, frame_index: int) -> Pointer:
    pointer = tx.pointer(track.id, frame_index)
    if pointer is None or not pointer.is_seen:
        tx.fail(f"{name_of(track)} has no mask on frame {frame_index}.")
    return pointer


def _count(number: int) -> str:
    return "1 frame" if number == 1 else f"{number} frames"
