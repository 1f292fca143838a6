"""Annotations and results side by side, video by video, for evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ifc_core.errors import FormatError
from ifc_core.evaluation.plain_results import PlainResults
from ifc_core.evaluation.track_iou import (
    BrokenMaskError,
    CodedTrack,
    Overlap,
    compare_tracks,
)
from ifc_core.io.json_stream import iter_entries
from ifc_core.io.ytvis import (
    NO_RESULTS,
    YtvisHeader,
    YtvisTrack,
    YtvisVideo,
    read_ytvis_annotation,
    read_ytvis_header,
    read_ytvis_result,
)
from ifc_core.structures import RLEMask
from ifc_core.structures.run_lengths import NO_MASK, PAIR_END

_LARGEST = 1e300  # what is beyond, and what is no number, gets a closer look


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
        area = _stated_area(track.areas) if track.areas else None
        masks = CodedTrack.of([None if m is None else m.counts for m in track.segmentations])
        score = 0.0 if track.score is None else track.score
        return cls(track.id, track.category_id, score, masks, track.is_crowd, area)


@dataclass(frozen=True, slots=True)
class VideoRecords:
    """What is annotated and what was found in one video.

    Attributes:
        video: The video.
        source: Name of the result file, for messages.
        truth_source: Name of the annotation file, for messages.
        annotations: Its annotations, in file order.
        results: Its results, in file order.
    """

    video: YtvisVideo
    source: str = ""
    truth_source: str = ""
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
            is_truth = error.track < 0
            record = (annotations if is_truth else results)[error.track]
            raise self._broken(record, is_truth, error.frame) from error

    def _broken(self, record: Record, is_truth: bool, frame: int) -> FormatError:
        kind = f"annotation {record.id}" if is_truth else f"result {record.id - 1}"
        source = self.truth_source if is_truth else self.source
        where = f"{kind}.segmentations[{frame}]"
        size = [self.video.height, self.video.width]
        reason = "the mask is broken."
        try:
            RLEMask.from_coco({"size": size, "counts": record.masks.string(frame)})
        except FormatError as found:
            reason = str(found)
        return FormatError(f"{source}, {where}: {reason}", where=where)


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
        sources: tuple[str, str] = ("annotations", "results"),
    ) -> EvaluationSet:
        records = {
            video.id: VideoRecords(video, sources[1], sources[0])
            for video in sorted(videos, key=lambda video: video.id)
        }
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
            The set. Most count strings are checked when they are compared.

        Raises:
            FormatError: A file breaks its format; the message names the record.
        """
        header = read_ytvis_header(gt)
        return cls._gather(
            header.videos,
            {category.id: category.name for category in header.categories},
            _iter_annotations(gt, header),
            _iter_results(pred, header),
            (gt.name, pred.name),
        )


def _iter_annotations(path: Path, header: YtvisHeader) -> Iterator[tuple[int, Record]]:
    known = _Known.of(header)
    seen: set[int] = set()
    for key, index, raw in iter_entries(path, frozenset({"annotations"})):
        if key != "annotations" or index < 0:
            continue
        record = known.annotation(raw)
        if record is None:
            record = Record.of(read_ytvis_annotation(raw, index, header, path))
        if record.id in seen:
            where = f"annotations[{index}].id"
            raise FormatError(f"{path.name}, {where}: the id {record.id} occurs twice.", path=path)
        seen.add(record.id)
        yield raw["video_id"], record


def _iter_results(path: Path, header: YtvisHeader) -> Iterator[tuple[int, Record]]:
    known = _Known.of(header)
    count = 0
    plain = PlainResults(path, {v.id: (v.height, v.width) for v in header.videos})
    for result in plain:
        record = known.result(result.fields, count, result.masks, result.num_frames)
        if record is None:
            break
        yield result.fields["video_id"], record
        count += 1
    else:
        if plain.is_complete:
            return
    is_list = False
    for key, index, raw in iter_entries(path, frozenset()):
        if key:
            break
        is_list = True
        if index < count:
            continue
        record = known.result_entry(raw, index)
        if record is None:
            # Anything out of the ordinary is read with care, or refused with the reason.
            record = Record.of(read_ytvis_result(raw, index, header, path))
        yield raw["video_id"], record
    if not is_list:
        raise FormatError(f"{path.name}: {NO_RESULTS}", path=path)


@dataclass(frozen=True, slots=True)
class _Known:
    """What records may refer to; reads those that are as nearly all are.

    ``None`` stands for a record that needs a closer look.
    """

    videos: Mapping[int, YtvisVideo]
    categories: Set[int]

    @classmethod
    def of(cls, header: YtvisHeader) -> _Known:
        """What a file declares."""
        categories = frozenset(category.id for category in header.categories)
        return cls({video.id: video for video in header.videos}, categories)

    def result(
        self, fields: Mapping[str, Any], index: int, masks: CodedTrack, num_frames: int
    ) -> Record | None:
        """A result whose masks were read."""
        video = self._video(fields)
        score: Any = fields.get("score")
        if video is None or type(score) not in (int, float) or "iscrowd" in fields:
            return None
        if num_frames != video.length or not abs(score) < _LARGEST:
            return None
        return Record(index + 1, fields["category_id"], float(score), masks)

    def result_entry(self, raw: Any, index: int) -> Record | None:
        """A result as parsed from JSON."""
        masks = self._masks(raw)
        return None if masks is None else self.result(raw, index, masks, len(raw["segmentations"]))

    def annotation(self, raw: Any) -> Record | None:
        """An annotation as parsed from JSON."""
        masks = self._masks(raw)
        if masks is None or "ifc_studio" in raw or "score" in raw:
            return None
        video = self.videos[raw["video_id"]]
        identity, crowd, areas = raw.get("id"), raw.get("iscrowd", 0), raw.get("areas")
        repeats = (("height", video.height), ("width", video.width), ("length", video.length))
        if (
            type(identity) is not int
            or not 0 <= identity < 1 << 62
            or type(crowd) is not int
            or crowd not in (0, 1)
            or any(type(raw.get(key, 0)) is not int for key, _ in repeats)
            or any(raw.get(key, value) != value for key, value in repeats)
            or not (areas is None or _are_areas(areas, video.length))
        ):
            return None
        area = _stated_area(areas) if areas else None
        return Record(identity, raw["category_id"], 0.0, masks, crowd == 1, area)

    def _video(self, fields: Mapping[str, Any]) -> YtvisVideo | None:
        video_id, category_id = fields.get("video_id"), fields.get("category_id")
        if type(video_id) is not int or type(category_id) is not int:
            return None
        return self.videos.get(video_id) if category_id in self.categories else None

    def _masks(self, raw: Any) -> CodedTrack | None:
        """Compressed RLE of the right size."""
        if type(raw) is not dict:
            return None
        video, entries = self._video(raw), raw.get("segmentations")
        if video is None or type(entries) is not list or len(entries) != video.length:
            return None
        size = [video.height, video.width]
        try:
            if any(entry is not None and entry["size"] != size for entry in entries):
                return None
            masks = CodedTrack.of(
                [None if entry is None else entry["counts"].encode("ascii") for entry in entries]
            )
        except (KeyError, TypeError, AttributeError, UnicodeEncodeError):
            return None
        missing = entries.count(None)
        # A string that holds what stands between strings is broken.
        is_clear = masks.coded.count(NO_MASK) == missing
        is_clear &= masks.coded.count(PAIR_END) == len(entries) - missing
        return masks if is_clear else None


def _are_areas(areas: Any, length: int) -> bool:
    return (
        type(areas) is list
        and len(areas) == length
        and all(
            area is None or (type(area) in (int, float) and 0 <= area < _LARGEST) for area in areas
        )
    )


def _stated_area(areas: Iterable[float | None]) -> float:
    """Mean of the areas that are neither missing nor zero, 0 where there are none."""
    stated = [float(area) for area in areas if area]
    return sum(stated) / len(stated) if stated else 0.0
