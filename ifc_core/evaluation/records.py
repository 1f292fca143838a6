"""Annotations and results side by side, video by video, for evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ifc_core.evaluation.track_iou import TrackRuns
from ifc_core.io.ytvis import (
    YtvisTrack,
    YtvisVideo,
    iter_ytvis_results,
    iter_ytvis_tracks,
    read_ytvis_header,
)
from ifc_core.structures.run_lengths import decode_batch


@dataclass(frozen=True, slots=True)
class VideoRecords:
    """What is annotated and what was found in one video.

    Attributes:
        video: The video.
        annotations: Its annotations, in file order.
        results: Its results, in file order, each with a score.
    """

    video: YtvisVideo
    annotations: list[YtvisTrack] = field(default_factory=list)
    results: list[YtvisTrack] = field(default_factory=list)

    def runs(self) -> tuple[TrackRuns, TrackRuns]:
        """Runs of the results and of the annotations."""
        return (
            _runs_of(self.results, self.video.length),
            _runs_of(self.annotations, self.video.length),
        )

    def by_category(self) -> dict[int, tuple[list[int], list[int]]]:
        """Category id -> (places of its results, places of its annotations)."""
        groups: dict[int, tuple[list[int], list[int]]] = {}
        for side, tracks in enumerate((self.results, self.annotations)):
            for place, track in enumerate(tracks):
                groups.setdefault(track.category_id, ([], []))[side].append(place)
        return groups

    def annotation_area(self, place: int, areas: npt.NDArray[np.int64]) -> float:
        """Mean of the non-zero areas that the file states, or else of the masks' own."""
        stated = self.annotations[place].areas
        values = stated if stated else areas[place].tolist()
        present = [float(area) for area in values if area]
        return float(np.mean(present)) if present else 0.0


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """Everything that is to be scored.

    Attributes:
        videos: By ascending id of the video.
        categories: Category id -> name.
    """

    videos: Sequence[VideoRecords]
    categories: Mapping[int, str]

    @classmethod
    def build(
        cls,
        videos: Iterable[YtvisVideo],
        categories: Mapping[int, str],
        annotations: Iterable[YtvisTrack],
        results: Iterable[YtvisTrack],
    ) -> EvaluationSet:
        """Sort records into their videos.

        Args:
            videos: All videos.
            categories: Category id -> name.
            annotations: Ground truth.
            results: Predictions, each with a score.

        Returns:
            The set.
        """
        records = {v.id: VideoRecords(v) for v in sorted(videos, key=lambda v: v.id)}
        for annotation in annotations:
            records[annotation.video_id].annotations.append(annotation)
        for result in results:
            records[result.video_id].results.append(result)
        return cls(list(records.values()), dict(categories))


def load_records(gt: Path, pred: Path) -> EvaluationSet:
    """Read annotations and results.

    Args:
        gt: Annotation file.
        pred: Result file, a list.

    Returns:
        The set.

    Raises:
        FormatError: A file breaks its format; the message names the record.
    """
    header = read_ytvis_header(gt)
    categories = {category.id: category.name for category in header.categories}
    return EvaluationSet.build(
        header.videos, categories, iter_ytvis_tracks(gt, header), iter_ytvis_results(pred, header)
    )


def _runs_of(tracks: Sequence[YtvisTrack], num_frames: int) -> TrackRuns:
    strings: list[bytes] = []
    owners: list[int] = []
    frames: list[int] = []
    for owner, track in enumerate(tracks):
        for frame, mask in enumerate(track.segmentations):
            if mask is not None:
                strings.append(mask.counts)
                owners.append(owner)
                frames.append(frame)
    return TrackRuns.build(
        decode_batch(strings),
        np.array(owners, dtype=np.int64),
        np.array(frames, dtype=np.int64),
        len(tracks),
        num_frames,
    )
