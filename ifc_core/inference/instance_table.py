"""What is known of each instance of a run so far: where it was seen, its class, its score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ifc_core.inference.doubles import SharedPixels
from ifc_core.inference.mask_quality import QualityTally, score_with_quality
from ifc_core.inference.results import FrameMask, InstanceSummary
from ifc_core.inference.run_checkpoint import InstanceTally
from ifc_core.tracking.video_tracker import VideoTracker


@dataclass(slots=True)
class _Seen:
    first: int
    last: int
    count: int = 0
    quality: QualityTally = field(default_factory=QualityTally)


class InstanceTable:
    """Counts the masks of a run's instances beside the tracker, which knows their classes.

    Args:
        tracker: Of the run.
    """

    def __init__(self, tracker: VideoTracker) -> None:
        self._tracker = tracker
        self._seen: dict[int, _Seen] = {}
        self._best: dict[int, tuple[int, float]] = {}
        self._shared = SharedPixels()

    def note_decided(self) -> None:
        """Clips were linked since: what the tracker says of classes may have changed."""
        self._best.clear()

    def note_mask(
        self, instance_id: int, frame_index: int, quality: float | None
    ) -> tuple[int, float]:
        """Count a finished mask.

        Args:
            instance_id: Its instance.
            frame_index: Later than that of the one before.
            quality: As in :class:`EncodedMask`.

        Returns:
            The instance's class and its score so far.
        """
        seen = self._seen.setdefault(instance_id, _Seen(frame_index, frame_index))
        seen.last = frame_index
        seen.count += 1
        seen.quality.add(quality)
        label, prob = self._best_class(instance_id)
        return label, score_with_quality(prob, seen.quality.mean)

    def note_frame(self, masks: Sequence[FrameMask]) -> None:
        """Count the masks of a finished frame together, each of which was noted."""
        self._shared.add(masks)

    def certainty(self, instance_id: int) -> float:
        """Probability of an instance's best class, so far."""
        return self._best_class(instance_id)[1]

    def found(self, threshold: float) -> tuple[InstanceSummary, ...]:
        """Instances that have a mask and are at least this certain, so far."""
        return self._shared.lowered([s for s in self._summaries() if s.certainty >= threshold])

    def _summaries(self) -> Iterator[InstanceSummary]:
        for instance_id, seen in sorted(self._seen.items()):
            label, prob = self._best_class(instance_id)
            quality = seen.quality.mean
            score = score_with_quality(prob, quality)
            probs = tuple(float(p) for p in self._tracker.class_probs(instance_id))
            yield InstanceSummary(
                instance_id, probs, score, label, seen.first, seen.last, seen.count, quality
            )

    def tallies(self) -> tuple[InstanceTally, ...]:
        """All that :meth:`restore` needs."""
        return tuple(self._tally(i) for i in range(self._tracker.num_instances))

    def restore(
        self, tallies: Sequence[InstanceTally], num_instances: int, next_position: int
    ) -> None:
        """Bring table and tracker to where an earlier part of the run stood.

        Args:
            tallies: What :meth:`tallies` gave then.
            num_instances: Of the tracker then.
            next_position: First one that was not given out.
        """
        reidentifier = self._tracker.reidentifier
        totals = {}
        for tally in tallies:
            totals[tally.instance_id] = (tally.class_totals, tally.num_clips)
            if tally.frames is not None:
                quality = QualityTally(*tally.quality)
                self._seen[tally.instance_id] = _Seen(*tally.frames, quality)
            self._shared.restore(tally.instance_id, tally.area, dict(tally.shared))
            if tally.look is not None and reidentifier is not None:
                reidentifier.restore(tally.instance_id, *tally.look)
        certain = {tally.instance_id for tally in tallies if tally.is_certain}
        self._tracker.restore(totals, certain, num_instances, next_position)

    def _tally(self, instance_id: int) -> InstanceTally:
        totals, num_clips = self._tracker.class_totals(instance_id)
        seen = self._seen.get(instance_id)
        frames = None if seen is None else (seen.first, seen.last, seen.count)
        memory = None
        if self._tracker.reidentifier is not None:
            memory = self._tracker.reidentifier.memory_of(instance_id)
        look = None if memory is None else (tuple(memory[0]), memory[1])
        quality = (0.0, 0) if seen is None else (seen.quality.total, seen.quality.count)
        certain = self._tracker.is_certain(instance_id)
        shared = tuple(self._shared.shared_with_later(instance_id).items())
        return InstanceTally(
            instance_id,
            tuple(totals),
            num_clips,
            frames,
            look,
            quality,
            certain,
            self._shared.area(instance_id),
            shared,
        )

    def _best_class(self, instance_id: int) -> tuple[int, float]:
        found = self._best.get(instance_id)
        if found is None:
            score, label = self._tracker.class_probs(instance_id)[:-1].max(0)
            found = self._best[instance_id] = (int(label), float(score))
        return found
