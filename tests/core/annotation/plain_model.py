"""A project as plain dictionaries and pictures: what edits must come to, in a few lines each."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import numpy as np

from ifc_core.annotation import Project, Scope
from ifc_core.annotation.edits import OverlapRule

PROPOSED, CORRECTED, APPROVED, REJECTED, ABSENT = (
    "proposed",
    "corrected",
    "approved",
    "rejected",
    "absent",
)
HUMAN, DERIVED, MODEL = "human", "derived", "model"


class NoFitError(Exception):
    """The edit does not fit."""


@dataclass
class Shown:
    """What a track shows on a frame: a picture (``None``: absent), a state and a source."""

    mask: np.ndarray | None
    state: str
    source: str

    @property
    def is_seen(self) -> bool:
        return self.mask is not None and self.state != REJECTED

    @property
    def is_persons(self) -> bool:
        return self.source == HUMAN or self.state not in (PROPOSED, REJECTED)


@dataclass
class PlainTrack:
    """A track."""

    category: int
    state: str = CORRECTED
    frames: dict[int, Shown] = field(default_factory=dict)

    def touch(self) -> None:
        if self.state == PROPOSED:
            self.state = CORRECTED

    def draw(self, frame: int, mask: np.ndarray) -> None:
        is_there = bool(mask.any())
        state = CORRECTED if is_there else ABSENT
        self.frames[frame] = Shown(mask if is_there else None, state, HUMAN)
        if self.state in (PROPOSED, REJECTED):
            self.state = CORRECTED


class PlainProject:
    """One video; edits are named after those of the project."""

    def __init__(self, size: tuple[int, int], num_frames: int) -> None:
        self.size, self.num_frames = size, num_frames
        self.tracks: dict[int, PlainTrack] = {}
        self.order: list[int] = []  # lowest first
        self.complete: set[int] = set()

    def copy(self) -> PlainProject:
        return copy.deepcopy(self)

    def _frames(self, scope: Scope) -> list[int]:
        return [f for f in range(self.num_frames) if f in scope]

    def _within(self, track: PlainTrack, scope: Scope) -> dict[int, Shown]:
        return {f: s for f, s in sorted(track.frames.items()) if f in scope}

    def new(self, track_id: int, category: int, frame: int, mask: np.ndarray) -> None:
        self.tracks[track_id] = PlainTrack(category)
        self.order.append(track_id)
        self.tracks[track_id].draw(frame, mask)

    def set_mask(self, i: int, frame: int, mask: np.ndarray) -> None:
        self.tracks[i].draw(frame, mask)

    def patch(self, i: int, frame: int, top: int, left: int, patch: np.ndarray) -> None:
        shown = self.tracks[i].frames.get(frame)
        mask = np.zeros(self.size, bool)
        if shown is not None and shown.is_seen:
            mask = shown.mask.copy()
        mask[top : top + patch.shape[0], left : left + patch.shape[1]] = patch
        self.tracks[i].draw(frame, mask)

    def absent(self, i: int, scope: Scope) -> None:
        for frame in self._frames(scope):
            self.tracks[i].frames[frame] = Shown(None, ABSENT, HUMAN)
        if self.tracks[i].state in (PROPOSED, REJECTED):
            self.tracks[i].state = CORRECTED

    def _take_away(self, track: PlainTrack, frames: list[int]) -> None:
        for frame in frames:
            shown = track.frames.pop(frame)
            if track.state != REJECTED and shown.state != REJECTED:
                self.complete.discard(frame)

    def clear(self, i: int, scope: Scope) -> None:
        self._take_away(self.tracks[i], list(self._within(self.tracks[i], scope)))

    def trim(self, i: int, keep: Scope) -> None:
        track = self.tracks[i]
        self._take_away(track, [f for f in track.frames if f not in keep])

    def copy_mask(self, i: int, source: int, target: int) -> None:
        track = self.tracks[i]
        shown = track.frames.get(source)
        if shown is None or not shown.is_seen:
            raise NoFitError
        if source != target:
            track.frames[target] = Shown(shown.mask, CORRECTED, HUMAN)
        if track.state in (PROPOSED, REJECTED):
            track.state = CORRECTED

    def extend(self, i: int, to_frame: int) -> None:
        track = self.tracks[i]
        ends = [f for f, s in sorted(track.frames.items()) if s.is_seen]
        if not ends:
            raise NoFitError
        start = min(ends, key=lambda f: abs(f - to_frame))
        for frame in range(min(start, to_frame), max(start, to_frame) + 1):
            if frame not in track.frames and frame not in self.complete:
                track.frames[frame] = Shown(track.frames[start].mask, PROPOSED, DERIVED)

    def delete(self, i: int) -> None:
        del self.tracks[i]
        self.order.remove(i)

    def relabel(self, i: int, category: int) -> None:
        if self.tracks[i].category != category:
            self.tracks[i].category = category
            self.tracks[i].touch()

    def merge(self, kept: int, other: int, rule: OverlapRule) -> None:
        mine, theirs = self.tracks[kept], self.tracks[other]
        if kept == other:
            raise NoFitError
        for frame, shown in theirs.frames.items():
            mine.frames[frame] = _winner(mine.frames.get(frame), shown, rule)
        if theirs.state != PROPOSED and mine.state == REJECTED:
            mine.state = CORRECTED
        mine.touch()
        self.delete(other)

    def split(self, i: int, new: int, frame: int) -> None:
        track = self.tracks[i]
        later = [f for f in track.frames if f >= frame]
        if not later or len(later) == len(track.frames):
            raise NoFitError
        track.touch()
        made = PlainTrack(track.category, track.state)
        made.frames = {f: track.frames.pop(f) for f in later}
        self.tracks[new] = made
        self.order.insert(self.order.index(i) + 1, new)

    def swap(self, a: int, b: int, scope: Scope) -> None:
        first, second = self.tracks[a], self.tracks[b]
        of_first, of_second = self._within(first, scope), self._within(second, scope)
        if a == b or not (of_first or of_second):
            raise NoFitError
        for track, old, new in ((first, of_first, of_second), (second, of_second, of_first)):
            for frame in old:
                del track.frames[frame]
            track.frames |= new
        for i in (a, b):
            self.tracks[i].touch()
            if not self.tracks[i].frames:
                self.delete(i)

    def approve(self, scope: Scope) -> None:
        for track in self.tracks.values():
            if track.state != REJECTED:
                self._set(track, scope, (PROPOSED, CORRECTED), APPROVED)
        self.complete |= set(self._frames(scope))

    def unapprove(self, scope: Scope) -> None:
        self.complete -= set(self._frames(scope))
        for track in self.tracks.values():
            if self._back(track, self._within(track, scope), APPROVED) and track.state == APPROVED:
                track.state = CORRECTED

    def approve_track(self, i: int, scope: Scope) -> None:
        self._set(self.tracks[i], scope, (PROPOSED, CORRECTED), APPROVED)
        if scope.is_whole:
            self.tracks[i].state = APPROVED

    def reject_track(self, i: int) -> None:
        self.tracks[i].state = REJECTED

    def restore(self, i: int) -> None:
        track = self.tracks[i]
        if track.state == APPROVED:
            open_ones = {f: s for f, s in track.frames.items() if f not in self.complete}
            self._back(track, open_ones, APPROVED)
        self._back(track, track.frames, REJECTED)
        track.state = CORRECTED

    def reject_masks(self, i: int, scope: Scope) -> None:
        self._set(self.tracks[i], scope, (PROPOSED, CORRECTED, APPROVED), REJECTED)

    def restore_masks(self, i: int, scope: Scope) -> None:
        self._back(self.tracks[i], self._within(self.tracks[i], scope), REJECTED)

    def _set(self, track: PlainTrack, scope: Scope, states: tuple[str, ...], new: str) -> None:
        for shown in self._within(track, scope).values():
            if shown.state in states:
                shown.state = new

    def _back(self, track: PlainTrack, frames: dict[int, Shown], state: str) -> bool:
        taken = [shown for shown in frames.values() if shown.state == state]
        for shown in taken:
            shown.state = CORRECTED if shown.source == HUMAN else PROPOSED
        return bool(taken)

    def account(self) -> dict[str, object]:
        """Everything, in values that can be compared."""
        tracks = {
            i: (t.category, t.state, {f: _told(s) for f, s in sorted(t.frames.items())})
            for i, t in self.tracks.items()
        }
        return {"tracks": tracks, "order": self.order, "complete": sorted(self.complete)}


def _winner(mine: Shown | None, theirs: Shown, rule: OverlapRule) -> Shown:
    if mine is None:
        return theirs
    if not (mine.is_seen and theirs.is_seen):
        weights = [2 if s.is_seen else int(s.state != REJECTED) for s in (mine, theirs)]
        return theirs if weights[1] > weights[0] else mine
    is_persons = mine.is_persons or theirs.is_persons
    match rule:
        case OverlapRule.KEEP:
            return mine
        case OverlapRule.TAKE:
            return theirs
        case OverlapRule.PREFER_HUMAN:
            return theirs if theirs.is_persons and not mine.is_persons else mine
    joined = mine.mask | theirs.mask
    return Shown(joined, CORRECTED, HUMAN) if is_persons else Shown(joined, PROPOSED, DERIVED)


def _told(shown: Shown) -> tuple[bytes, str, str]:
    mask = b"" if shown.mask is None else np.packbits(shown.mask).tobytes()
    return mask, shown.state, shown.source


def account_of(project: Project, video_id: int) -> dict[str, object]:
    """The same of a project."""
    tracks, order = {}, []
    for track in project.tracks(video_id):
        order.append(track.id)
        frames = {
            r.frame_index: _told(
                Shown(None if r.rle is None else r.rle.to_array(), r.state.value, r.source.value)
            )
            for r in project.track_masks(track.id)
        }
        tracks[track.id] = (track.category_id, track.state.value, frames)
    complete = project.exhaustive_frames(video_id)
    return {"tracks": tracks, "order": order, "complete": complete}
