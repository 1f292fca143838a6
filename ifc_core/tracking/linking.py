"""When it is decided who is who in a clip: as it comes, or with a look at those that follow."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ifc_core.tracking.best_paths import MOST_STEPS, SAME_IOU, Column, Floats, Path, best_paths
from ifc_core.tracking.clip_matching import soft_iou_matrix
from ifc_core.tracking.video_tracker import ClipInstances, VideoTracker

_CERTAIN = 0.5  # probability of being an object from which on an instance makes a path better
_LEAST_CERTAINTY = 0.25  # by which a new track exceeds it in each of the clips it needs
CERTAIN_TRACK = _CERTAIN + _LEAST_CERTAINTY
"""Mean probability of being an object of what begins a track that somebody is sure of."""
_PROBABLE = 0.1  # the same as _CERTAIN for tracks that nobody is sure of
_MOST_PROBABLE = 1.0  # what such a track brings along at most
_SAME_THING = 0.5  # soft IoU from which on one ends as what another begins as
_FEWEST_CLIPS = 3  # that agree, however soon the shot ends; with 2 real shots end in glimpses
_MOST_BROUGHT = 5.0  # what a track brings along at most: as much as ten sure clips


class ClipLinker(Protocol):
    """Takes clips in the order of their first frame and hands them to a tracker, decided."""

    @property
    def undecided_from(self) -> int | None:
        """First frame of the first clip that waits; ``None`` where none does."""

    def add(self, clip: ClipInstances) -> int:
        """Take the next clip; gives how many were decided, the oldest first."""

    def finish(self) -> int:
        """Decide on all clips that wait, as no more will come of this shot; gives their number."""

    def recall(self, clip: ClipInstances, identities: Sequence[int]) -> None:
        """Know a clip again that was decided before an interruption; the tracker has it."""


@dataclass(frozen=True, slots=True)
class DirectLinker:
    """Links each clip as it comes, as published.

    Args:
        tracker: Links the clips.
    """

    tracker: VideoTracker

    @property
    def undecided_from(self) -> int | None:
        """No clip waits."""
        return None

    def add(self, clip: ClipInstances) -> int:
        """Link the next clip."""
        self.tracker.update(clip)
        return 1

    def finish(self) -> int:
        """Nothing is left to decide."""
        return 0

    def recall(self, clip: ClipInstances, identities: Sequence[int]) -> None:
        """The tracker knows all that is needed."""


@dataclass(frozen=True, slots=True)
class _Compared:
    clip: ClipInstances
    probs: Tensor  # (N, T, h, w)
    gains: Floats  # (N,) of a track that somebody is sure of
    probable: Floats  # (N,) of one that nobody is sure of
    ious: tuple[Floats | None, ...]  # with 1, 2, ... clips before
    same: Floats  # (N, N) soft IoU
    identities: tuple[int | None, ...] = ()  # of the rows, once decided; None: of no track

    def only(self, rows: Sequence[int]) -> tuple[ClipInstances, Tensor]:
        """Some of the rows, and their probabilities."""
        clip = self.clip.only(rows)
        return clip, self.probs if clip is self.clip else self.probs[list(rows)]


@dataclass(slots=True)
class LookaheadLinker:
    """Feeds a tracker with clips whose identities are decided by the clips that follow too.

    In the published tracker each clip is linked as it comes: where another query takes an object
    over, the track stays with the old query while that slides off, and the object gets a new
    track. Here a stretch of clips waits; the best paths through its instances become tracks, and
    those are certain for its first half.

    Args:
        tracker: Holds the decided clips, merges their masks and knows the class scores.
        lookahead: Clips that a decision sees beyond the clips it is about, at least 1.
        least_clips: Sure clips that a new track needs, where so many came already.
        least_prob: Mean probability of being an object that a track needs. Under
            :data:`CERTAIN_TRACK` what the tracks leave is looked through for such that no clip
            is sure of; those that somebody is sure of stay what they are.

    Memory holds the masks of at most ``2 * lookahead`` clips beside those of the tracker.
    """

    tracker: VideoTracker
    lookahead: int
    least_clips: int = 1
    least_prob: float = CERTAIN_TRACK
    _num_clips: int = 0
    _waiting: deque[_Compared] = field(default_factory=deque)
    _known: deque[_Compared] = field(default_factory=lambda: deque(maxlen=MOST_STEPS))

    @property
    def undecided_from(self) -> int | None:
        """First frame of the first clip that waits; ``None`` where none does."""
        return self._waiting[0].clip.frame_indices[0] if self._waiting else None

    def add(self, clip: ClipInstances) -> int:
        """Let a clip wait; where enough do, hand those that are certain to the tracker.

        Where the device fails, for want of memory say, nothing has changed: add the clip again.

        Args:
            clip: Clips come in the order of their first frame.

        Returns:
            How many were decided, the oldest first.
        """
        self._waiting.append(self._compared(clip))
        self._num_clips += 1
        if len(self._waiting) < 2 * self.lookahead:
            return 0
        try:
            return self._decide(self.lookahead)
        except BaseException:
            self._waiting.pop()
            self._num_clips -= 1
            raise

    def finish(self) -> int:
        """Decide on all clips that wait, as no more will come of this shot; gives their number.

        Clips that come all the same are those of another shot, of which nothing is known.
        """
        count = self._decide(len(self._waiting), is_end=True) if self._waiting else 0
        self._known.clear()
        self._num_clips = 0
        return count

    def recall(self, clip: ClipInstances, identities: Sequence[int]) -> None:
        """Know a clip again that was decided before an interruption; the tracker has it."""
        self._known.append(replace(self._compared(clip), identities=tuple(identities)))
        self._num_clips += 1

    def _compared(self, clip: ClipInstances) -> _Compared:
        """A clip with its soft IoU with itself and the clips just before it."""
        probs = clip.mask_logits.float().sigmoid()
        earlier = list(islice(self._newest_first(), MOST_STEPS))
        parts = [clip.class_probs[:, -1:].float().T, soft_iou_matrix(probs, probs)]
        parts += [_overlap(other, clip, probs) for other in earlier]
        # One transfer for all of them: on a GPU each one waits for the device.
        facts = torch.cat(parts).cpu().double().numpy()
        no_object, same, *found = np.split(facts, np.cumsum([len(part) for part in parts])[:-1])
        is_object = 1.0 - no_object[0]
        gains = is_object - _CERTAIN
        unsure = sorted(clip.unsure)
        gains[unsure] = np.minimum(gains[unsure], 0.0)  # no path begins with them
        ious = tuple(
            part if _share_frames(other.clip, clip) else None
            for part, other in zip(found, earlier, strict=True)
        )
        return _Compared(clip, probs, gains, is_object - _PROBABLE, ious, same)

    def _newest_first(self) -> Iterator[_Compared]:
        yield from reversed(self._waiting)
        yield from reversed(self._known)

    def _decide(self, count: int, *, is_end: bool = False) -> int:
        """Hand the first clips to the tracker, with the tracks that the paths give them."""
        known = self._known_columns()
        waiting = [Column(w.gains, w.ious, w.same) for w in self._waiting]
        steps: list[list[_Step]] = [[] for _ in waiting]
        track_of: dict[int, int] = {}  # number of the path -> identity
        clips = self._clips_needed(len(waiting), is_end)
        least_gains = [0.0] * len(known) + [_LEAST_CERTAINTY * needed for needed in clips]
        paths = best_paths([*known, *waiting], least_gains)
        if self.least_prob < CERTAIN_TRACK:
            paths = self._with_probable(known, paths, clips)
        for number, path in enumerate(paths):
            before: tuple[int, int] | None = None
            for column, row in path:
                place = column - len(known)
                if place >= 0:
                    score = None if before is None else self._iou(place, row, column, before)
                    steps[place].append((row, number, score))
                elif (identity := self._known[column].identities[row]) is not None:
                    track_of[number] = identity
                before = (column, row)
        # What can fail for want of memory comes before the first clip is given away.
        given = [(sorted(steps[place]), self._waiting[place]) for place in range(count)]
        taken = [waiting.only([row for row, _, _ in rows]) for rows, waiting in given]
        for (rows, _), (clip, probs) in zip(given, taken, strict=True):
            self._hand_over(clip, probs, rows, track_of)
        return count

    def _with_probable(
        self, known: Sequence[Column], certain: Sequence[Path], clips: Sequence[int]
    ) -> list[Path]:
        """Paths of all tracks, with those that nobody is sure of in what the others leave.

        Args:
            known: Of the decided clips.
            certain: Paths that somebody is sure of; where another one leads to their beginning,
                they begin with it.
            clips: That a new track needs, for each of the waiting clips.
        """
        own = [np.array([self._is_probable(i) for i in k.identities], bool) for k in self._known]
        columns = [
            replace(column, gains=np.where(mine, column.gains, -np.inf))
            for mine, column in zip(own, known, strict=True)
        ]
        columns += [Column(w.probable.copy(), w.ious, w.same) for w in self._waiting]
        for column, row in (step for path in certain for step in path):
            taken = columns[column]
            if not taken.is_known:
                taken.gains[taken.same[row] >= SAME_IOU] = -np.inf
            taken.gains[row] = -np.inf
        needed = [0] * len(known) + list(clips)
        paths = list(certain)
        for path in best_paths(columns):
            gains = [columns[column].gains[row] for column, row in path]
            begun = path[0][0]
            is_track = len(path) >= needed[begun] and np.mean(gains) + _PROBABLE >= self.least_prob
            number = self._leads_to(path, paths[: len(certain)], len(known))
            if number is not None:
                paths[number] = path + paths[number]
            elif columns[begun].is_known or is_track:
                paths.append(path)
        return paths

    def _leads_to(self, path: Path, others: Sequence[Path], num_known: int) -> int | None:
        """Number of the path that begins where one ends, ``None`` where none does."""
        column, row = path[-1]
        best, found = _SAME_THING, None
        for number, other in enumerate(others):
            begun, first = other[0]
            if begun < num_known or not 0 < begun - column <= MOST_STEPS:
                continue
            ious = self._waiting[begun - num_known].ious[begun - column - 1]
            if ious is not None and ious[row, first] >= best:
                best, found = float(ious[row, first]), number
        return found

    def _clips_needed(self, num_waiting: int, is_end: bool) -> list[int]:
        """Clips that a new track needs which begins in each of the waiting clips.

        What comes shortly before the end can be seen by the clips that are left and no more.
        """
        needed = min(self.least_clips, self._num_clips)
        left = [num_waiting - place if is_end else needed for place in range(num_waiting)]
        return [min(needed, max(_FEWEST_CLIPS, clips)) for clips in left]

    def _iou(self, place: int, row: int, column: int, before: tuple[int, int]) -> float | None:
        """Soft IoU of a row of a waiting clip with the instance before it on its path."""
        iou = self._waiting[place].ious[column - before[0] - 1]
        return None if iou is None else float(iou[before[1], row])

    def _hand_over(
        self, clip: ClipInstances, probs: Tensor, steps: Sequence[_Step], track_of: dict[int, int]
    ) -> None:
        """Give the oldest clip to the tracker, and note the tracks that begin in it.

        Args:
            clip: The rows of it that belong to tracks.
            probs: Their probabilities.
            steps: Their places in the paths.
            track_of: Identity of each path.
        """
        decided = self._waiting.popleft()
        tracks = [track_of.get(number) for _, number, _ in steps]
        who = self.tracker.take(clip, tracks, [score for _, _, score in steps], probs)
        identities: list[int | None] = [None] * len(decided.gains)
        for (row, number, _), identity in zip(steps, who.identities, strict=True):
            track_of[number] = identities[row] = identity
        self._known.append(replace(decided, identities=tuple(identities)))

    def _known_columns(self) -> list[Column]:
        """What the decided clips bring along: each track once, where it was seen last."""
        columns: list[Column] = []
        seen: set[int | None] = {None}
        for known in reversed(self._known):
            gains = np.full(len(known.identities), -np.inf)
            for row, identity in enumerate(known.identities):
                if identity is not None and identity not in seen:
                    gains[row] = self._brought(identity)
            seen.update(known.identities)
            columns.append(Column(gains, (), known.same, is_known=True))
        return columns[::-1]

    def _brought(self, identity: int) -> float:
        totals, num_clips = self.tracker.class_totals(identity)
        if self._is_probable(identity):
            return min(_MOST_PROBABLE, max(0.0, (1.0 - _PROBABLE) * num_clips - totals[-1]))
        return min(_MOST_BROUGHT, max(0.0, (1.0 - _CERTAIN) * num_clips - totals[-1]))

    def _is_probable(self, identity: int | None) -> bool:
        """Whether no clip so far is sure of a track."""
        return identity is not None and not self.tracker.is_certain(identity)


_Step = tuple[int, int, float | None]  # row, number of the path, soft IoU with the step before


def _share_frames(first: ClipInstances, second: ClipInstances) -> bool:
    return not set(first.frame_indices).isdisjoint(second.frame_indices)


def _overlap(earlier: _Compared, clip: ClipInstances, probs: Tensor) -> Tensor:
    """(M, N) soft IoU over the frames that two clips share; zeros where they share none."""
    place = {frame: number for number, frame in enumerate(earlier.clip.frame_indices)}
    shared = [frame for frame in clip.frame_indices if frame in place]
    if not shared:
        return probs.new_zeros(earlier.probs.shape[0], probs.shape[0])
    here = [number for number, frame in enumerate(clip.frame_indices) if frame in place]
    return soft_iou_matrix(earlier.probs[:, [place[frame] for frame in shared]], probs[:, here])
