"""Annotations and results side by side, video by video, for evaluation."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ifc_core.errors import FormatError
from ifc_core.evaluation.track_iou import (
    BrokenMaskError,
    CodedTrack,
    Overlap,
    compare_tracks,
)
from ifc_core.io.json_stream import iter_entries
from ifc_core.io.ytvis import (
    YtvisHeader,
    YtvisTrack,
    YtvisVideo,
    iter_ytvis_tracks,
    read_ytvis_header,
    read_ytvis_result,
)
from ifc_core.structures import RLEMask
from ifc_core.structures.run_lengths import PAIR_END


@dataclass(frozen=True, slots=True)
class Record:
    """An annotation or a result.

    Attributes:
        id: Of the annotation; results are numbered from 1 in the order of the file.
        category_id: Its class.
        score: Confidence of a result.
        masks: Its masks.
        is_crowd: A crowd annotation.
        area: Mean area that the file states, or ``None``.
    """

    id: int
    category_id: int
    score: float
    masks: CodedTrack
    is_crowd: bool = False
    area: float | None = None

    @classmethod
    def of(cls, track: YtvisTrack) -> Record:
        """The record of a track."""
        present = [(f, m.counts) for f, m in enumerate(track.segmentations) if m is not None]
        area = None
        if track.areas:
            stated = [a for a in track.areas if a]
            area = sum(stated) / len(stated) if stated else 0.0
        masks = CodedTrack.join([f for f, _ in present], [counts for _, counts in present])
        score = 0.0 if track.score is None else track.score
        return cls(track.id, track.category_id, score, masks, track.is_crowd, area)


@dataclass(frozen=True, slots=True)
class VideoRecords:
    """What is annotated and what was found in one video.

    Attributes:
        video: The video.
        source: Name of the result file, for messages.
        annotations: Its annotations, in file order.
        results: Its results, in file order.
    """

    video: YtvisVideo
    source: str = ""
    annotations: list[Record] = field(default_factory=list)
    results: list[Record] = field(default_factory=list)

    def by_category(self) -> dict[int, tuple[list[Record], list[Record]]]:
        """Category id -> (its results, its annotations)."""
        groups: dict[int, tuple[list[Record], list[Record]]] = {}
        for side, records in enumerate((self.results, self.annotations)):
            for record in records:
                groups.setdefault(record.category_id, ([], []))[side].append(record)
        return groups

    def compare(
        self, results: Sequence[Record], annotations: Sequence[Record], least_iou: float = 0.0
    ) -> Overlap:
        """Areas and common pixels of some of the records.

        Args:
            results: Results of this video.
            annotations: Annotations of this video.
            least_iou: Pairs that cannot reach this IoU may be given as having nothing in common.

        Returns:
            The overlap, in the order given.

        Raises:
            FormatError: A mask is broken; the message names the record and the frame.
        """
        size = (self.video.height, self.video.width)
        try:
            return compare_tracks(
                [record.masks for record in results],
                [record.masks for record in annotations],
                size,
                self.video.length,
                least_iou,
            )
        except BrokenMaskError as error:
            record = (annotations if error.is_truth else results)[error.track]
            raise self._broken(record, error, size) from error

    def _broken(self, record: Record, error: BrokenMaskError, size: tuple[int, int]) -> FormatError:
        kind = f"annotation {record.id}" if error.is_truth else f"result {record.id - 1}"
        where = f"{kind}.segmentations[{error.frame}]"
        coded = record.masks.part(error.frame, error.frame + 1).coded[: -len(PAIR_END)]
        reason = "the mask is broken."
        try:
            RLEMask.from_coco({"size": list(size), "counts": coded})
        except FormatError as found:
            reason = str(found)
        return FormatError(f"{self.source}, {where}: {reason}", where=where)


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
        """Sort tracks into their videos.

        Args:
            videos: All videos.
            categories: Category id -> name.
            annotations: Ground truth.
            results: Predictions, each with a score.

        Returns:
            The set.
        """
        return cls._gather(
            videos,
            categories,
            ((track.video_id, Record.of(track)) for track in annotations),
            ((track.video_id, Record.of(track)) for track in results),
        )

    @classmethod
    def _gather(
        cls,
        videos: Iterable[YtvisVideo],
        categories: Mapping[int, str],
        annotations: Iterable[tuple[int, Record]],
        results: Iterable[tuple[int, Record]],
        source: str = "results",
    ) -> EvaluationSet:
        records = {v.id: VideoRecords(v, source) for v in sorted(videos, key=lambda v: v.id)}
        for video_id, record in annotations:
            records[video_id].annotations.append(record)
        for video_id, record in results:
            records[video_id].results.append(record)
        return cls(list(records.values()), dict(categories))

    @classmethod
    def load(cls, gt: Path, pred: Path) -> EvaluationSet:
        """Read annotations and results.

        Args:
            gt: Annotation file.
            pred: Result file, a list.

        Returns:
            The set. The count strings of the results are checked when they are compared.

        Raises:
            FormatError: A file breaks its format; the message names the record.
        """
        header = read_ytvis_header(gt)
        return cls._gather(
            header.videos,
            {category.id: category.name for category in header.categories},
            ((track.video_id, Record.of(track)) for track in iter_ytvis_tracks(gt, header)),
            _iter_results(pred, header),
            pred.name,
        )


def _iter_results(path: Path, header: YtvisHeader) -> Iterator[tuple[int, Record]]:
    videos = {video.id: video for video in header.videos}
    categories = {category.id for category in header.categories}
    for key, index, raw in iter_entries(path, frozenset()):
        if key:
            raise FormatError(f"{path.name}: a result file must be a list of results.", path=path)
        if index < 0:
            continue
        record = _plain_record(raw, index, videos, categories)
        if record is None:
            # Anything out of the ordinary is read with care, or refused with the reason.
            track = read_ytvis_result(raw, index, header, path)
            record = Record.of(track)
        yield raw["video_id"], record


def _plain_record(
    raw: Any, index: int, videos: Mapping[int, YtvisVideo], categories: set[int]
) -> Record | None:
    """A result as nearly all are: compressed RLE of the right size. ``None`` for any other."""
    try:
        video, category_id, score = videos[raw["video_id"]], raw["category_id"], raw["score"]
        entries = raw["segmentations"]
        is_plain = (
            type(raw["video_id"]) is int
            and type(category_id) is int
            and category_id in categories
            and type(score) is float
            and math.isfinite(score)
            and type(entries) is list
            and len(entries) == video.length
            and "iscrowd" not in raw
        )
        if not is_plain:
            return None
        size = [video.height, video.width]
        present = [(f, e) for f, e in enumerate(entries) if e is not None]
        parts = [entry["counts"] for _, entry in present]
        if any(entry["size"] != size for _, entry in present) or "" in parts:
            return None
        end = PAIR_END.decode("ascii")
        coded = (end.join(parts) + end).encode("ascii") if parts else b""
    except (KeyError, TypeError, UnicodeEncodeError):
        return None
    masks = CodedTrack([frame for frame, _ in present], coded, [len(part) + 1 for part in parts])
    return Record(index + 1, category_id, score, masks)
