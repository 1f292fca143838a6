"""How well a model does on the frames of a project that a person approved.

An approved frame is exhaustive: what a model finds there and no person left standing is wrong, so
the figures of the published protocol hold. Other frames are left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ifc_core.annotation import ProjectReader
from ifc_core.annotation.annotation_files import detect_format, open_annotations
from ifc_core.annotation.exporting import ExportFormat
from ifc_core.annotation.file_videos import FileVideo, resolve_videos
from ifc_core.annotation.records import VideoEntry
from ifc_core.errors import InputError
from ifc_core.evaluation.proposals import Found, Masks, from_imports, from_runs, no_proposals
from ifc_core.evaluation.records import EvaluationSet
from ifc_core.evaluation.track_quality import video_quality
from ifc_core.evaluation.ytvis_ap import evaluate_records
from ifc_core.io.ytvis_types import YtvisTrack, YtvisVideo
from ifc_core.jobs import JobContext
from ifc_core.structures import FrameState, RLEMask, TrackKind, TrackState

MIN_SCORE = 0.3
"""Results below it are left out of J, F and identity switches, which know no confidence."""

_ANY_CLASS = 1


@dataclass(frozen=True, slots=True)
class QualityFigures:
    """Figures of some true tracks; ``None`` where there is nothing to find.

    Attributes:
        ap: Average precision over IoU thresholds 0.5 to 0.95, 0 to 1.
        ap50: At IoU 0.5.
        ap75: At IoU 0.75.
        region_j: Mean J of the true tracks, a track that was not found counts as 0.
        boundary_f: Mean F, likewise.
        identity_switches: How often a true track went on under another predicted identity.
        num_tracks: True tracks.
    """

    ap: float | None
    ap50: float | None
    ap75: float | None
    region_j: float | None
    boundary_f: float | None
    identity_switches: int
    num_tracks: int


@dataclass(frozen=True, slots=True)
class ClassQuality:
    """Figures of one class.

    Attributes:
        category_id: The class in the project.
        name: Its name.
        figures: The figures.
    """

    category_id: int
    name: str
    figures: QualityFigures


@dataclass(frozen=True, slots=True)
class ProjectQuality:
    """Figures of a project, ready for a table.

    Attributes:
        source: What was judged, in words.
        models: Names of the models whose proposals were judged, "" for the bundled one; empty
            for a file.
        files: Names of the files from which proposals that were judged were imported.
        num_videos: Videos with approved frames that were judged.
        num_frames: Approved frames.
        num_masks: Masks on them.
        overall: All classes together.
        per_category: Each class that has true tracks.
        classes_compared: Whether a result of another class counts as wrong. Not so where the
            model knows none of the project's classes, such as a model for objects of any kind.
        notes: Sentences for the person.
    """

    source: str
    num_videos: int
    num_frames: int
    num_masks: int
    overall: QualityFigures
    per_category: tuple[ClassQuality, ...]
    classes_compared: bool
    notes: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The same as JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Judged:
    """One video: approved frames, true tracks, results with the name of their class."""

    video: YtvisVideo
    truth: list[YtvisTrack]
    found: list[tuple[str, YtvisTrack]]


def project_quality(
    reader: ProjectReader,
    predictions: Path | str | None = None,
    *,
    run_id: int | None = None,
    video_ids: Sequence[int] | None = None,
    context: JobContext | None = None,
) -> ProjectQuality:
    """Judge proposals, or the results in a file, against the approved frames.

    Args:
        reader: The project; a reader of its own when called in a worker.
        predictions: A file that ``ifc-studio propose`` wrote for videos of the project, or
            results with the ids of the project; by default what was proposed in the project or,
            of videos on which nothing was, what a file proposed that was imported, as it came.
        run_id: The proposals of this run; by default of each video the latest run that came to
            its end or was accepted, else the latest. One that was stopped is judged on the
            frames that it reached.
        video_ids: Only these videos.
        context: Told of the videos done; may cancel.

    Returns:
        The figures.

    Raises:
        InputError: There are no approved frames, or nothing to compare them with.
        FormatError: The file breaks its format.
    """
    context = context or JobContext()
    wanted = [v for v in reader.videos() if video_ids is None or v.id in video_ids]
    approved = {video.id: reader.exhaustive_frames(video.id) for video in wanted}
    videos = [video for video in wanted if approved[video.id]]
    if not videos:
        raise InputError("No frame of the project is approved, so there is nothing to judge by.")
    models: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    import_notes: list[str] = []
    stopped: list[str] = []
    if predictions is not None:
        found, source = _from_file(reader, Path(predictions), approved), Path(predictions).name
    else:
        found, models, stopped = from_runs(reader, videos, approved, run_id)
        if run_id is None:
            rest = [video for video in videos if video.id not in found]
            imported, by_video, import_notes = from_imports(reader, rest, approved)
            found |= imported
            files = tuple(dict.fromkeys(by_video.values()))
        source = _source_of(models, files)
    missing = [video.name for video in videos if video.id not in found]
    if len(missing) == len(videos):
        if predictions is not None:
            raise InputError(f"{source} holds nothing for the videos with approved frames.")
        raise InputError(no_proposals(reader))
    judged = []
    for number, video in enumerate(videos, start=1):
        if video.id in found:
            judged.append(_judge(reader, video, found[video.id]))
        context.advance(number, len(videos), "Reading masks", "videos")
    notes = [f"Nothing was proposed in {name}; it is left out." for name in missing]
    notes += [
        f"The run on {name} is not complete; it is judged on the frames that it reached."
        for name in stopped
    ]
    passed = sum(len(approved[i]) - len(entry.frames) for i, entry in found.items())
    if passed:
        one = passed == 1
        frames = "1 approved frame is" if one else f"{passed} approved frames are"
        notes.append(f"{frames} not in {source}; {'it is' if one else 'they are'} left out.")
    notes += import_notes
    figures = _figures(reader, judged, source, notes, context)
    return replace(figures, models=models, files=files)


def _source_of(models: Sequence[str], files: Sequence[str]) -> str:
    """Whose proposals are judged, in words."""
    made = f"proposals of {', '.join(name or 'the bundled model' for name in models)}"
    brought = f"imported from {', '.join(files)}"
    if not files:
        return made
    return f"{made}, and {brought}" if models else f"proposals {brought}"


def _from_file(
    reader: ProjectReader, path: Path, approved: Mapping[int, Sequence[int]]
) -> dict[int, Found]:
    form = detect_format(path)
    if form not in (ExportFormat.YTVIS, ExportFormat.YTVIS_RESULTS):
        raise InputError(f"{path.name} must hold YouTube-VIS annotations or results.")
    header, tracks = open_annotations(reader, path, form)
    places = resolve_videos(reader, header.videos, path.parent, {})
    names = {category.id: category.name for category in header.categories}
    gathered: dict[int, Found] = {}
    if form is ExportFormat.YTVIS:  # it names the videos and frames that were looked at
        for where in places.values():
            frames = set(where.frames)
            looked_at = [f for f in approved.get(_known(where), ()) if f in frames]
            if looked_at:
                gathered[_known(where)] = Found(looked_at, {}, {}, {})
    for track in tracks:
        place = _known(places[track.video_id])
        if not approved.get(place) or (form is ExportFormat.YTVIS and place not in gathered):
            continue
        entry = gathered.setdefault(place, Found(approved[place], {}, {}, {}))
        shown = dict(zip(places[track.video_id].frames, track.segmentations, strict=True))
        number = len(entry.labels)
        entry.labels[number] = names[track.category_id]
        entry.scores[number] = 1.0 if track.score is None else track.score
        entry.masks[number] = {
            n: mask for n, f in enumerate(entry.frames) if (mask := shown.get(f)) is not None
        }
    return gathered


def _known(video: FileVideo) -> int:
    """Id of a video in the project, 0 where it is not there."""
    return video.place if isinstance(video.place, int) else 0


def _judge(reader: ProjectReader, video: VideoEntry, found: Found) -> _Judged:
    masks: Masks = defaultdict(dict)
    frames = found.frames
    for place, frame_index in enumerate(frames):
        for record in reader.masks_at(video.id, frame_index):
            # What came as a proposal after the frame was approved is not what a person said.
            if record.rle is not None and record.state is not FrameState.PROPOSED:
                masks[record.track_id][place] = record.rle
    truth = [
        YtvisTrack(
            track.id,
            video.id,
            track.category_id,
            _in_a_row(masks[track.id], len(frames)),
            is_crowd=track.kind is not TrackKind.OBJECT,
        )
        for track in reader.tracks(video.id)
        if track.state is not TrackState.REJECTED and masks.get(track.id)
    ]
    names = tuple(f"{video.id}/{frame:05d}.jpg" for frame in frames)
    shape = YtvisVideo(video.id, video.height, video.width, len(frames), names)
    results = [
        (
            found.labels.get(i, "object"),
            YtvisTrack(
                number,
                video.id,
                _ANY_CLASS,
                _in_a_row(shown, len(frames)),
                score=found.scores.get(i, 0.0),
            ),
        )
        for number, (i, shown) in enumerate(found.masks.items(), start=1)
        if shown
    ]
    return _Judged(shape, truth, results)


def _in_a_row(masks: Mapping[int, RLEMask], length: int) -> tuple[RLEMask | None, ...]:
    return tuple(masks.get(place) for place in range(length))


def _figures(
    reader: ProjectReader,
    judged: Sequence[_Judged],
    source: str,
    notes: list[str],
    context: JobContext,
) -> ProjectQuality:
    by_name = {category.name: category.id for category in reader.categories()}
    present = {track.category_id for video in judged for track in video.truth}
    labels = {label for video in judged for label, _ in video.found}
    compared = not labels or any(by_name.get(label) in present for label in labels)
    if not compared:
        notes.append("The model knows none of the project's classes, so classes are not compared.")
    average = _average_precision(judged, by_name if compared else None, context)
    tracks, switches = _tracks(judged, context)
    names = {category_id: name for name, category_id in by_name.items()}
    classes = average["per_category"] if compared else ()
    by_class = {row["category_id"]: row for row in classes}
    per_category = [
        ClassQuality(
            category_id,
            names[category_id],
            _one(by_class.get(category_id, {}), tracks[category_id], switches[category_id]),
        )
        for category_id in sorted(present & set(tracks))
    ]
    everything = [entry for entries in tracks.values() for entry in entries]
    return ProjectQuality(
        source,
        len(judged),
        sum(video.video.length for video in judged),
        sum(m is not None for v in judged for t in v.truth for m in t.segmentations),
        _one(average, everything, sum(switches.values())),
        tuple(per_category),
        compared,
        tuple(notes),
    )


def _average_precision(
    judged: Sequence[_Judged], by_name: Mapping[str, int] | None, context: JobContext
) -> dict[str, Any]:
    """The published protocol; without names all classes count as one."""

    def truth_class(track: YtvisTrack) -> int:
        return _ANY_CLASS if by_name is None else track.category_id

    annotations, results = [], []
    for video in judged:
        for track in video.truth:
            annotations.append(_with_class(track, truth_class(track)))
        for label, track in video.found:
            category_id = _ANY_CLASS if by_name is None else by_name.get(label)
            if category_id is not None:  # a class that is in no frame is neither right nor wrong
                results.append(_with_class(track, category_id))
    categories = (
        {_ANY_CLASS: "object"} if by_name is None else {i: name for name, i in by_name.items()}
    )
    records = EvaluationSet.build([v.video for v in judged], categories, annotations, results)
    return evaluate_records(records, context)


def _with_class(track: YtvisTrack, category_id: int) -> YtvisTrack:
    return YtvisTrack(
        track.id, track.video_id, category_id, track.segmentations, track.is_crowd, track.score
    )


def _tracks(
    judged: Sequence[_Judged], context: JobContext
) -> tuple[dict[int, list[dict[str, Any]]], dict[int, int]]:
    """By class: the quality of each true track, and identity switches."""
    tracks: dict[int, list[dict[str, Any]]] = defaultdict(list)
    switches: dict[int, int] = defaultdict(int)
    for number, video in enumerate(judged, start=1):
        truth = [track for track in video.truth if not track.is_crowd]
        found = [track for _, track in video.found if (track.score or 0.0) >= MIN_SCORE]
        quality = video_quality(video.video, found, truth)
        for track, entry in zip(truth, quality["tracks"], strict=True):
            tracks[track.category_id].append(entry)
            switches[track.category_id] += entry["identity_switches"]
        context.advance(number, len(judged), "Comparing tracks", "videos")
    return tracks, switches


def _one(
    average: Mapping[str, Any], tracks: Sequence[Mapping[str, Any]], switches: int
) -> QualityFigures:
    def mean(key: str) -> float | None:
        return sum(t[key] for t in tracks) / len(tracks) if tracks else None

    def defined(key: str) -> float | None:
        value = average.get(key, -1.0)
        return None if value < 0 else float(value)

    return QualityFigures(
        defined("AP"),
        defined("AP50"),
        defined("AP75"),
        mean("J"),
        mean("F"),
        switches,
        len(tracks),
    )
