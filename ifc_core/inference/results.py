"""What a run of Propose gives: finished frames as they come, then the table of instances."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ifc_core.inference.mask_quality import score_with_quality
from ifc_core.structures.mask import RLEMask


@dataclass(frozen=True, slots=True)
class EncodedMask:
    """A finished mask.

    Attributes:
        rle: The mask in the size of the displayed frame, never empty.
        quality: Estimated IoU with the true object, 0 to 1; ``None`` where nothing estimates it.
    """

    rle: RLEMask
    quality: float | None = None

    @classmethod
    def unjudged(cls, masks: Iterable[RLEMask | None]) -> list[EncodedMask | None]:
        """Masks whose quality nothing estimates."""
        return [None if mask is None else cls(mask) for mask in masks]


@dataclass(frozen=True, slots=True)
class FrameMask:
    """One instance on one finished frame.

    Attributes:
        instance_id: Number of the instance in this run, from 0.
        rle: The mask in the size of the displayed frame, never empty.
        uncertainty: 1 - mean pairwise soft IoU of the clips' masks, 0 to 1; ``None`` where
            only one clip holds the instance here.
        link_score: Lowest soft IoU among the links of the clips that hold the frame; ``None``
            where nothing was linked.
        score: Provisional score of the instance so far, 0 to 1.
        label: Provisional class, 0 to K - 1.
        quality: As in :class:`EncodedMask`.
    """

    instance_id: int
    rle: RLEMask
    uncertainty: float | None
    link_score: float | None
    score: float
    label: int
    quality: float | None = None


@dataclass(frozen=True, slots=True)
class FrameResult:
    """A frame that no later clip can change.

    Attributes:
        frame_index: 0-based in the video.
        masks: The instances that have a mask here, by ascending id.
    """

    frame_index: int
    masks: tuple[FrameMask, ...]


@dataclass(frozen=True, slots=True)
class InstanceSummary:
    """One instance of the whole run.

    Attributes:
        instance_id: As in :class:`FrameMask`.
        class_probs: K + 1 probabilities, the last one no-object, averaged over the clips.
        score: Probability of the best class (no-object left out), together with ``quality``
            where there is one (:mod:`ifc_core.inference.mask_quality`), times ``alone``.
        label: The best class, 0 to K - 1.
        first_frame: First frame with a mask.
        last_frame: Last frame with a mask.
        num_frames: Frames with a mask.
        quality: Mean of its masks' estimates, or ``None``.
        alone: 1 - IoU of its masks with those of the nearest instance of a better score; 1 where
            none was judged. See :mod:`ifc_core.inference.doubles`.
    """

    instance_id: int
    class_probs: tuple[float, ...]
    score: float
    label: int
    first_frame: int
    last_frame: int
    num_frames: int
    quality: float | None = None
    alone: float = 1.0

    @property
    def certainty(self) -> float:
        """Probability of the best class alone: what score thresholds of settings are about.

        An estimate of quality may be of little worth on pictures of another kind, so it ranks
        instances and drops none.
        """
        return max(self.class_probs[:-1])


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One row of a YTVIS result file: an instance under one of its classes.

    Attributes:
        instance_id: The instance.
        label: Class, 0 to K - 1.
        score: Its probability, together with quality and doubles as that of the instance.
    """

    instance_id: int
    label: int
    score: float


def result_rows(
    instances: tuple[InstanceSummary, ...], threshold: float = 0.01, best_only: bool = False
) -> list[ResultRow]:
    """Rows for the YTVIS evaluator: each class over the threshold, or only the best one.

    Args:
        instances: The table of a run.
        threshold: The probability of a class must exceed it.
        best_only: Give one row an instance, its best class.

    Returns:
        Rows by instance, then class.

    Source: the published code's evaluation (several classes an instance, threshold 0.01).
    """
    rows = []
    for instance in instances:
        probs = instance.class_probs[:-1]
        labels = [instance.label] if best_only else range(len(probs))
        for label in labels:
            if probs[label] > threshold:
                score = score_with_quality(probs[label], instance.quality) * instance.alone
                rows.append(ResultRow(instance.instance_id, label, score))
    return rows
