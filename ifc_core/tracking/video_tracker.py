"""Streaming tracker: clips come in, finished frames and running class scores come out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ifc_core.tracking.clip_matching import (
    MATCH_THRESHOLD,
    match,
    pairwise_soft_iou,
    soft_iou_matrix,
)
from ifc_core.tracking.reidentification import Reidentifier

CONTINUE_THRESHOLD = 0.35
"""Soft IoU over which an unsure instance continues a track; chosen on generated and real clips."""

_MOST_MERGED = 32  # frames averaged at once


@dataclass(frozen=True, slots=True)
class ClipInstances:
    """The instances of one clip: those that survived, and unsure ones that may continue a track.

    Attributes:
        frame_indices: T strictly increasing frame numbers.
        class_probs: (N, K + 1) float32, the last column is no-object.
        mask_logits: (N, T, h, w) float32.
        queries: The network's query behind each row; empty where nobody asks.
        mask_weights: (N, C), needed to know instances again after an absence.
        unsure: Rows whose best class is no-object: they begin no track. Empty as published.
    """

    frame_indices: tuple[int, ...]
    class_probs: Tensor
    mask_logits: Tensor
    queries: tuple[int, ...] = ()
    mask_weights: Tensor | None = None
    unsure: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        """Check that the shapes agree."""
        shape = self.mask_logits.shape
        if len(shape) != 4 or shape[1] != len(self.frame_indices):
            raise ValueError(f"mask_logits {tuple(shape)} must be (N, T, h, w), T frames given")
        if self.class_probs.ndim != 2 or self.class_probs.shape[0] != shape[0]:
            raise ValueError("class_probs must be (N, K + 1) with one row a mask")

    def only(self, rows: Sequence[int]) -> ClipInstances:
        """The same clip with some of its rows, in the order given."""
        if list(rows) == list(range(self.class_probs.shape[0])):
            return self
        index = torch.tensor(rows, dtype=torch.long, device=self.class_probs.device)
        weights = self.mask_weights
        return ClipInstances(
            self.frame_indices,
            self.class_probs[index],
            self.mask_logits[index],
            tuple(self.queries[row] for row in rows) if self.queries else (),
            None if weights is None else weights[index],
            frozenset(place for place, row in enumerate(rows) if row in self.unsure),
        )


@dataclass(frozen=True, slots=True)
class ClipAssignment:
    """Who is who in a clip.

    Attributes:
        identities: Instance id of each of the N rows.
        link_scores: Soft IoU with which each row was linked, ``None`` for a new instance.
    """

    identities: tuple[int, ...]
    link_scores: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class TrackedFrame:
    """A frame that no later clip holds.

    Attributes:
        frame_index: Its number.
        instance_ids: The n instances that some clip saw here, ascending.
        mask_logits: (n, h, w) float32, mean over the clips that saw the frame.
        uncertainties: 1 - mean pairwise soft IoU of the clips' masks; ``None`` for one clip.
        link_scores: Lowest score among the links of the clips that hold the frame;
            ``None`` where none of them was linked to an earlier clip.
    """

    frame_index: int
    instance_ids: tuple[int, ...]
    mask_logits: Tensor
    uncertainties: tuple[float | None, ...]
    link_scores: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class _HeldClip:
    clip: ClipInstances
    probs: Tensor  # (N, T, h, w)
    assignment: ClipAssignment
    offset_of: dict[int, int]  # frame index -> position in the clip


@dataclass(slots=True)
class _ClassScore:
    total: Tensor  # (K + 1,) sum over clips
    num_clips: int = 0
    is_certain: bool = False  # whether the clips are sure of an object, and not unsure all


@dataclass(slots=True)
class VideoTracker:
    """Links clips into tracks and keeps only what the clips still to come can touch.

    Memory holds the last T clips and one row of class scores an instance: it grows neither
    with the video (but for those rows) nor is the number of instances limited.

    Args:
        clip_length: T; the soft IoU is averaged over at most the last T clips.
        match_threshold: Pairs must exceed it.
        reidentifier: Knows instances again after an absence; ``None`` as published.

    Source: paper section 3.3. The published tracker keeps two (V, 50, V, h, w) buffers and
    fails past 50 instances; identities, class probabilities and masks here are the same as long
    as no clip brings unsure instances. That those may continue a track is the second association
    of ByteTrack (Zhang et al., ECCV 2022), here with masks.
    """

    clip_length: int
    match_threshold: float = MATCH_THRESHOLD
    reidentifier: Reidentifier | None = None
    _held: deque[_HeldClip] = field(default_factory=deque)
    _scores: dict[int, _ClassScore] = field(default_factory=dict)
    _next_id: int = 0
    _released_before: int = -1

    @property
    def num_instances(self) -> int:
        """Instances seen so far."""
        return self._next_id

    @property
    def num_held_clips(self) -> int:
        """Clips in memory."""
        return len(self._held)

    def class_probs(self, instance_id: int) -> Tensor:
        """(K + 1,) float32: mean over the clips that hold the instance so far."""
        score = self._scores[instance_id]
        return score.total / score.num_clips

    def update(self, clip: ClipInstances) -> ClipAssignment:
        """Link the instances of the next clip to the known ones.

        Those that survived are linked first; an unsure one goes on with a track that is left,
        where their soft IoU exceeds :data:`CONTINUE_THRESHOLD`, and is dropped otherwise. Its
        class scores count only for an instance that no clip was sure of. Where the device fails,
        for want of memory say, nothing has changed.

        Args:
            clip: Clips come in the order of their first frame.

        Returns:
            The identities of the rows that stay, new ones numbered on in their order.

        Raises:
            ValueError: The clip holds a frame that was released already.
        """
        self._check_unreleased(clip)
        probs = clip.mask_logits.float().sigmoid()
        known, scores = self._link_scores(clip, probs)
        linked = self._linked(scores, clip.unsure)
        rows = [row for row in range(probs.shape[0]) if row in linked or row not in clip.unsure]
        clip, probs = clip.only(rows), probs[rows] if clip.unsure else probs
        identities = [known[linked[row]] if row in linked else None for row in rows]
        links = [float(scores[linked[row], row]) if row in linked else None for row in rows]
        return self._enter(clip, probs, identities, links)

    def take(
        self,
        clip: ClipInstances,
        identities: Sequence[int | None],
        link_scores: Sequence[float | None],
        probs: Tensor | None = None,
    ) -> ClipAssignment:
        """Hold the next clip, whose links were decided elsewhere.

        Args:
            clip: Clips come in the order of their first frame.
            identities: Track of each row, ``None`` for one that begins here.
            link_scores: Soft IoU with which each row was linked, ``None`` for a new one.
            probs: (N, T, h, w), the sigmoid of its masks, where it is known; the device then has
                nothing to do.

        Returns:
            The identities of the rows, new ones numbered on in their order.

        Raises:
            ValueError: The clip holds a frame that was released already.
        """
        self._check_unreleased(clip)
        probs = clip.mask_logits.float().sigmoid() if probs is None else probs
        return self._enter(clip, probs, identities, link_scores)

    def _check_unreleased(self, clip: ClipInstances) -> None:
        if clip.frame_indices[0] < self._released_before:
            raise ValueError(f"frame {clip.frame_indices[0]} was released already")

    def _enter(
        self,
        clip: ClipInstances,
        probs: Tensor,
        identities: Sequence[int | None],
        link_scores: Sequence[float | None],
    ) -> ClipAssignment:
        who = list(identities)
        # From here on the device is only read, so that nothing fails halfway.
        for row, identity in self._returning(clip, who).items():
            who[row] = identity
        assignment = ClipAssignment(
            tuple(self._new_id() if i is None else i for i in who), tuple(link_scores)
        )
        self._count_classes(clip, assignment)
        if self.reidentifier is not None and clip.mask_weights is not None:
            last = clip.frame_indices[-1]
            self.reidentifier.observe(assignment.identities, clip.mask_weights.cpu(), last)
        self._hold(clip, probs, assignment)
        return assignment

    def replay(self, clip: ClipInstances, assignment: ClipAssignment) -> None:
        """Hold a clip again whose links are known from before an interruption.

        Args:
            clip: The clip, computed again with the same queries.
            assignment: What :meth:`update` said then.
        """
        self._hold(clip, clip.mask_logits.float().sigmoid(), assignment)

    def release(self, before: int) -> Iterator[TrackedFrame]:
        """Hand out the frames in [last release, ``before``) and forget them.

        Args:
            before: No later clip holds a frame under this number.

        Yields:
            One result a frame that some clip held, in order.
        """
        for frames in self.settled(before):
            for tracked in self.merge(frames):
                yield tracked
                self._released_before = tracked.frame_index + 1
        self.forget(before)

    def settled(self, before: int) -> list[tuple[int, ...]]:
        """Frames in [last release, ``before``) that some clip holds, in order.

        Returns:
            Runs of neighbouring frames that the same clips hold, each of a length that fits
            into memory: what :meth:`merge` takes.
        """
        frames = sorted({f for h in self._held for f in h.clip.frame_indices})
        runs: list[tuple[int, ...]] = []
        holders: list[int] = []
        for frame in (f for f in frames if self._released_before <= f < before):
            now = [n for n, held in enumerate(self._held) if frame in held.offset_of]
            if runs and now == holders and len(runs[-1]) < _MOST_MERGED:
                runs[-1] += (frame,)
            else:
                runs.append((frame,))
            holders = now
        return runs

    def forget(self, before: int, kept_from: int | None = None) -> None:
        """Let go of what only frames under ``before`` needed; no clip to come may hold them.

        Args:
            before: First frame that :meth:`settled` may still name.
            kept_from: Keep what frames from here on need, where that is earlier.
        """
        self._released_before = max(self._released_before, before)
        needed = self._released_before
        needed = needed if kept_from is None else min(needed, kept_from)
        while self._held and self._held[0].clip.frame_indices[-1] < needed:
            self._held.popleft()

    def finish(self) -> Iterator[TrackedFrame]:
        """Hand out every frame that is left."""
        if self._held:
            yield from self.release(max(h.clip.frame_indices[-1] for h in self._held) + 1)

    def held(self, before: int) -> list[tuple[ClipInstances, ClipAssignment]]:
        """Clips that a frame from ``before`` on still needs, and who is who in them."""
        return [
            (held.clip, held.assignment)
            for held in self._held
            if held.clip.frame_indices[-1] >= before
        ]

    def class_totals(self, instance_id: int) -> tuple[list[float], int]:
        """Sum of the class probabilities over the clips of an instance, and their number."""
        score = self._scores[instance_id]
        return score.total.tolist(), score.num_clips

    def is_certain(self, instance_id: int) -> bool:
        """Whether some clip was sure of an instance."""
        return self._scores[instance_id].is_certain

    def restore(
        self,
        totals: Mapping[int, tuple[Sequence[float], int]],
        certain: Set[int],
        num_instances: int,
        released_before: int,
    ) -> None:
        """Go on where an earlier tracker was interrupted; follow with :meth:`replay`.

        Args:
            totals: :meth:`class_totals` of every instance.
            certain: The instances of which :meth:`is_certain` held.
            num_instances: As it was.
            released_before: First frame that was not handed out.
        """
        self._scores = {
            i: _ClassScore(torch.tensor(list(total), dtype=torch.float32), count, i in certain)
            for i, (total, count) in totals.items()
        }
        self._next_id = num_instances
        self._released_before = released_before

    def _hold(self, clip: ClipInstances, probs: Tensor, assignment: ClipAssignment) -> None:
        offsets = {frame: i for i, frame in enumerate(clip.frame_indices)}
        self._held.append(_HeldClip(clip, probs, assignment, offsets))

    def _linked(self, scores: Tensor, unsure: frozenset[int]) -> dict[int, int]:
        """Row of the clip -> row of the known instances: sure rows first, then unsure ones.

        Args:
            scores: (S, N) on the CPU.
            unsure: Columns that take what the others left.
        """
        if not unsure:
            return {row: known for known, row in match(scores, self.match_threshold)}
        linked: dict[int, int] = {}
        sure = [row for row in range(scores.shape[1]) if row not in unsure]
        steps = ((sure, self.match_threshold), (sorted(unsure), CONTINUE_THRESHOLD))
        for rows, threshold in steps:
            left = [k for k in range(scores.shape[0]) if k not in linked.values()]
            for known, row in match(scores[left][:, rows], threshold):
                linked[rows[row]] = left[known]
        return linked

    def _returning(self, clip: ClipInstances, identities: Sequence[int | None]) -> dict[int, int]:
        """Rows that are linked to nobody and look like an instance that was away."""
        rows = [row for row, identity in enumerate(identities) if identity is None]
        if self.reidentifier is None or clip.mask_weights is None or not rows:
            return {}
        labels = clip.class_probs.cpu()[rows, :-1].argmax(1).tolist()
        label_of = {i: int(score.total[:-1].argmax()) for i, score in self._scores.items()}
        found = self.reidentifier.recognise(
            clip.mask_weights.cpu()[rows], labels, label_of, clip.frame_indices[0]
        )
        return {rows[place]: identity for place, identity in found.items()}

    def _new_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    def _count_classes(self, clip: ClipInstances, assignment: ClipAssignment) -> None:
        """Add up classes; unsure ones count as long as no clip is sure of the instance."""
        probs = clip.class_probs.cpu().float()
        for row, identity in enumerate(assignment.identities):
            score, is_unsure = self._scores.get(identity), row in clip.unsure
            if score is not None and is_unsure and score.is_certain:
                continue
            if score is None or not (is_unsure or score.is_certain):
                nothing = torch.zeros(probs.shape[1])
                score = self._scores[identity] = _ClassScore(nothing, is_certain=not is_unsure)
            score.total += probs[row]
            score.num_clips += 1

    def _link_scores(self, clip: ClipInstances, probs: Tensor) -> tuple[list[int], Tensor]:
        """Mean soft IoU of the known instances (rows) with those of the clip (columns)."""
        earlier = list(self._held)[-self.clip_length :]
        known = sorted({i for held in earlier for i in held.assignment.identities})
        row_of = {identity: row for row, identity in enumerate(known)}
        total = probs.new_zeros(len(known), probs.shape[0])
        count = probs.new_zeros(len(known), 1)
        for held in earlier:
            shared = [f for f in clip.frame_indices if f in held.offset_of]
            if not shared or not held.assignment.identities:
                continue
            here = [i for i, f in enumerate(clip.frame_indices) if f in held.offset_of]
            there = [held.offset_of[f] for f in shared]
            rows = torch.tensor(
                [row_of[i] for i in held.assignment.identities], device=probs.device
            )
            total.index_add_(0, rows, soft_iou_matrix(held.probs[:, there], probs[:, here]))
            count.index_add_(0, rows, count.new_ones(len(rows), 1))
        return known, (total / (count + 1e-6)).cpu()

    def merge(self, frames: Sequence[int]) -> list[TrackedFrame]:
        """Average the clips that hold some frames, all of them at once.

        Args:
            frames: Held by the same clips; see :meth:`settled`.

        Returns:
            One result a frame.
        """
        holding = [held for held in self._held if frames[0] in held.offset_of]
        ids = tuple(sorted({i for held in holding for i in held.assignment.identities}))
        first = holding[0].probs
        if not ids:
            none = first.new_zeros(0, *first.shape[2:])
            return [TrackedFrame(frame, (), none, (), ()) for frame in frames]
        row_of = {identity: row for row, identity in enumerate(ids)}
        links: list[list[float]] = [[] for _ in ids]
        size = (len(ids), len(holding))
        logits = first.new_zeros(*size, len(frames), *first.shape[2:])  # (n, clips, F, h, w)
        probs = torch.zeros_like(logits) if len(holding) > 1 else logits
        present = torch.zeros(size, dtype=torch.bool)
        for number, held in enumerate(holding):
            where = slice(held.offset_of[frames[0]], held.offset_of[frames[-1]] + 1)
            places = [row_of[i] for i in held.assignment.identities]
            rows = torch.tensor(places, dtype=torch.long, device=first.device)
            logits[rows, number] = held.clip.mask_logits[:, where].float()
            if len(holding) > 1:
                probs[rows, number] = held.probs[:, where]
            present[places, number] = True
            for place, link in zip(places, held.assignment.link_scores, strict=True):
                links[place] += [] if link is None else [link]
        count = present.sum(1).to(first.device)
        means = logits.sum(1) / count[:, None, None, None]  # (n, F, h, w)
        doubts = _disagreements(probs, present, len(frames))
        lowest = tuple(min(found) if found else None for found in links)
        return [
            TrackedFrame(frame, ids, means[:, place], doubts[place], lowest)
            for place, frame in enumerate(frames)
        ]


def _disagreements(
    probs: Tensor, present: Tensor, num_frames: int
) -> list[tuple[float | None, ...]]:
    """1 - mean soft IoU of the clips' masks, for each frame and instance.

    Args:
        probs: (n, clips, F, h, w), 0 where a clip does not hold the instance.
        present: (n, clips) bool on the CPU.
        num_frames: F.

    Returns:
        A row of n a frame; ``None`` where only one clip holds the instance.
    """
    pairs = present[:, :, None] & present[:, None, :]
    pairs = torch.triu(pairs, diagonal=1).to(probs.device)  # (n, clips, clips)
    several = (present.sum(1) > 1).tolist()
    if not any(several):
        return [(None,) * len(several)] * num_frames
    agreement = pairwise_soft_iou(probs.transpose(1, 2))  # (n, F, clips, clips)
    total = (agreement * pairs[:, None]).sum((-1, -2))
    mean = total / pairs.sum((-1, -2)).clamp(min=1)[:, None]  # (n, F)
    rows = mean.T.cpu().tolist()
    return [
        tuple(1.0 - value if known else None for value, known in zip(row, several, strict=True))
        for row in rows
    ]
