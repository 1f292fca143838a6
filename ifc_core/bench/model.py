"""How well a model finds and tracks things: generated validation clips and labelled real ones."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask
from scipy.optimize import linear_sum_assignment

from ifc_core.bench.labelled_files import labelled_files
from ifc_core.data.sample import ClipSample
from ifc_core.data.synthetic.spec import DIFFICULTIES, World
from ifc_core.data.synthetic.validation import (
    FROZEN_HASHES,
    rendered_hash,
    validation_clips,
)
from ifc_core.evaluation.records import EvaluationSet
from ifc_core.evaluation.region_boundary import boundary_accuracy
from ifc_core.evaluation.ytvis_ap import evaluate_records
from ifc_core.inference.run_setup import score_threshold_for
from ifc_core.inference.settings import ProposeSettings
from ifc_core.inference.tiling import predict
from ifc_core.io.video import open_video
from ifc_core.io.ytvis import YtvisTrack, YtvisVideo, read_ytvis
from ifc_core.jobs import JobContext
from ifc_core.models.ifc import IFC
from ifc_core.structures import RLEMask
from ifc_core.training.old_task import first_world

TOP_TRACKS = 10
FOUND_J = 0.5
_AP_FLOOR = 0.01
_BOUNDARY_STEP = 5
_CLASS = 1
Masks = dict[int, RLEMask]
"""Frame index -> mask."""


@dataclass(frozen=True, slots=True)
class FoundTrack:
    """One predicted track.

    Attributes:
        score: 0 to 1.
        masks: Its masks by frame.
        certainty: What a score threshold is about, see ``InstanceSummary.certainty``.
    """

    score: float
    masks: Masks
    certainty: float


@dataclass(frozen=True, slots=True)
class ObjectFigures:
    """How well one labelled object was found.

    Attributes:
        video: Name of its video.
        track_id: Id in the annotation file.
        best_j: Mean J of the best of the top ten tracks over the threshold.
        best_f: Mean boundary F of that track, over every fifth frame that shows the object.
        any_j: Mean J of the best of all tracks, whatever their score.
        switches: Changes of the track that covers it with J of at least 0.5.
        centre_j: The same for one fixed ellipse in the middle.
        ellipses_j: The same for the best of thirty fixed ellipses.
    """

    video: str
    track_id: int
    best_j: float
    best_f: float
    any_j: float
    switches: int
    centre_j: float
    ellipses_j: float


@dataclass(slots=True)
class RealFigures:
    """Figures over the real clips.

    Attributes:
        objects: One a labelled object.
        metrics: AP figures with all classes taken as one.
        seconds: Time that predicting took.
        frames: Frames that were looked at.
    """

    objects: list[ObjectFigures] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    frames: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        rows = self.objects
        mean = {
            name: float(np.mean([getattr(row, name) for row in rows])) if rows else 0.0
            for name in ("best_j", "best_f", "any_j", "centre_j", "ellipses_j")
        }
        return {
            **{k: round(v, 4) for k, v in self.metrics.items()},
            **{f"mean_{k}": round(v, 4) for k, v in mean.items()},
            "found": sum(row.best_j >= FOUND_J for row in rows),
            "objects": len(rows),
            "switches": sum(row.switches for row in rows),
            "frames": self.frames,
            "seconds": round(self.seconds, 1),
            "per_object": [
                {name: getattr(row, name) for name in ObjectFigures.__dataclass_fields__}
                for row in rows
            ],
        }


def bench_synthetic(
    model: IFC,
    settings: ProposeSettings,
    count: int,
    context: JobContext | None = None,
    *,
    world: World = "things",
) -> dict[str, Any]:
    """AP on the frozen validation set of a world, by difficulty.

    Args:
        model: On its device.
        settings: Of proposing; the score threshold does not enter AP.
        count: Clips of each difficulty.
        context: Told of the difficulties done; may cancel.
        world: Whose clips.

    Returns:
        ``difficulty -> {"AP", "AP50", ..., "mask_precision", "mask_recall", "hash",
        "is_frozen_set"}`` and ``mean``. The last says whether these are, pixel for pixel, all the
        clips that were frozen. Precision and recall are of the masks of single frames, tracks
        over the score threshold alone, each matched with one object by an IoU of at least 0.5.
    """
    job = context or JobContext()
    figures: dict[str, Any] = {}
    for number, difficulty in enumerate(DIFFICULTIES):
        job.advance(number, len(DIFFICULTIES), f"{difficulty} clips", unit="sets")
        clips = validation_clips(difficulty, count, world)
        metrics = score_samples(model, settings, (clip.render() for clip in clips), job)
        digest = rendered_hash(clips)
        frozen = digest in FROZEN_HASHES[world][difficulty]
        figures[difficulty] = {**metrics, "hash": digest, "is_frozen_set": frozen}
    figures["mean"] = {
        k: round(float(np.mean([figures[d][k] for d in DIFFICULTIES])), 4)
        for k in ("AP", "AP50", "AR10", "mask_precision", "mask_recall")
    }
    figures["world"] = world
    return figures


def score_samples(
    model: IFC,
    settings: ProposeSettings,
    samples: Iterable[ClipSample],
    context: JobContext | None = None,
) -> dict[str, float]:
    """AP, and how many masks of single frames are right, on fully labelled clips of one class.

    Args:
        model: On its device.
        settings: Of proposing; the score threshold does not enter AP.
        samples: The clips.
        context: May cancel.

    Returns:
        ``{"AP", "AP50", ..., "mask_precision", "mask_recall"}``, see :func:`bench_synthetic`.
    """
    threshold = score_threshold_for(model, settings)
    counts = MaskCounts()
    videos: list[YtvisVideo] = []
    truth: list[YtvisTrack] = []
    results: list[YtvisTrack] = []
    for video_id, sample in enumerate(samples, start=1):
        length, height, width = sample.frames.shape[:3]
        names = tuple(f"{video_id}/{t}.jpg" for t in range(length))
        videos.append(YtvisVideo(video_id, height, width, length, names))
        for masks in sample.masks:
            coded = tuple(RLEMask.from_array(m) if m.any() else None for m in masks)
            truth.append(YtvisTrack(len(truth) + 1, video_id, _CLASS, coded))
        found = find_tracks(model, enumerate(sample.frames), settings, context)
        results += [_result(t, video_id, range(length)) for t in found]
        own = [track for track in truth if track.video_id == video_id]
        counts.add(own, [t.masks for t in found if t.certainty >= threshold], length)
    return {**_metrics(videos, truth, results), **counts.to_json()}


@dataclass(slots=True)
class MaskCounts:
    """Masks of single frames that are right, wrong or missing.

    Attributes:
        right: Masks matched with an object by an IoU of at least 0.5.
        found: Masks in all.
        wanted: Labelled masks in all.
    """

    right: int = 0
    found: int = 0
    wanted: int = 0

    def add(self, truth: list[YtvisTrack], found: list[Masks], length: int) -> None:
        """Count a video.

        Args:
            truth: Its labelled tracks.
            found: Masks of each track that was found.
            length: Frames of the video.
        """
        for t in range(length):
            there = [m for track in truth if (m := track.segmentations[t]) is not None and m.area]
            shown = [masks[t] for masks in found if t in masks and masks[t].area]
            self.wanted += len(there)
            self.found += len(shown)
            if there and shown:
                table = np.array([[a.iou(b) for b in shown] for a in there])
                table[table < FOUND_J] = 0.0
                self.right += int((table[linear_sum_assignment(-table)] > 0).sum())

    def to_json(self) -> dict[str, float]:
        """Shares of the masks that are right, and of the labelled ones that are found."""
        return {
            "mask_precision": round(self.right / max(1, self.found), 4),
            "mask_recall": round(self.right / max(1, self.wanted), 4),
        }


def bench_real(
    model: IFC, data: Path, settings: ProposeSettings, context: JobContext | None = None
) -> RealFigures:
    """Figures on labelled clips, ``*_ytvis.json`` beside their videos or frame folders.

    Args:
        model: On its device.
        data: The folder.
        settings: Of proposing; only every ``frame_step``-th frame is looked at and scored.
        context: Told of the videos done; may cancel.

    Returns:
        The figures.

    Raises:
        ConfigError: There are no labelled clips in the folder.
        FormatError: An annotation file breaks its format.
        VideoError: A clip cannot be read.
    """
    job = context or JobContext()
    threshold = score_threshold_for(model, settings)
    figures = RealFigures()
    videos: list[YtvisVideo] = []
    truth: list[YtvisTrack] = []
    results: list[YtvisTrack] = []
    for file in labelled_files(data):
        content = read_ytvis(file)
        for video in content.videos:
            job.advance(len(videos), None, video.name, unit="videos")
            looked = range(0, video.length, settings.frame_step)
            own = [t for t in content.tracks if t.video_id == video.id]
            started = time.perf_counter()
            found = find_tracks(model, _frames(data, video), settings, job)
            figures.seconds += time.perf_counter() - started
            figures.frames += len(looked)
            number = len(videos) + 1
            names = tuple(video.file_names[i] for i in looked)
            videos.append(YtvisVideo(number, video.height, video.width, len(names), names))
            for track in own:
                segmentations = tuple(track.segmentations[i] for i in looked)
                truth.append(YtvisTrack(len(truth) + 1, number, _CLASS, segmentations))
                figures.objects.append(_judge(file.stem, track, looked, found, threshold, video))
            results += [_result(t, number, looked) for t in found]
    figures.metrics = _metrics(videos, truth, results)
    return figures


def find_tracks(
    model: IFC,
    frames: Iterable[tuple[int, npt.NDArray[np.uint8]]],
    settings: ProposeSettings,
    context: JobContext | None = None,
) -> list[FoundTrack]:
    """Every track of a video with a certainty of at least 0.01, best score first.

    Args:
        model: On its device.
        frames: (frame index, (H, W, 3) uint8 RGB), in order.
        settings: Of proposing; its score threshold is not applied.
        context: May cancel; its progress is left alone.

    Returns:
        The tracks.

    Raises:
        JobCancelled: The job was cancelled.
    """
    values = {**settings.to_json(), "score_threshold": _AP_FLOOR}
    quiet = None if context is None else context.quiet()
    run = predict(model, frames, ProposeSettings.from_json(values), quiet)
    masks: dict[int, Masks] = {}
    for result in run:
        for item in result.masks:
            masks.setdefault(item.instance_id, {})[result.frame_index] = item.rle
    tracks = [FoundTrack(s.score, masks.get(s.instance_id, {}), s.certainty) for s in run.instances]
    return sorted(tracks, key=lambda t: -t.score)


def clip_path(data: Path, video: YtvisVideo) -> Path:
    """Where the frames of a labelled clip are: a folder of its name, or a file beside others."""
    folder = data / video.name
    named = sorted(path for path in data.glob(f"{video.name}.*") if path.is_file())
    return folder if folder.is_dir() else next(iter(named), folder)


def _frames(data: Path, video: YtvisVideo) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    with open_video(clip_path(data, video)) as reader:
        yield from reader.iter_frames()


def _result(track: FoundTrack, video_id: int, looked: range) -> YtvisTrack:
    segmentations = tuple(track.masks.get(i) for i in looked)
    return YtvisTrack(0, video_id, _CLASS, segmentations, score=track.score)


def _metrics(
    videos: list[YtvisVideo], truth: list[YtvisTrack], results: list[YtvisTrack]
) -> dict[str, float]:
    records = EvaluationSet.build(videos, {_CLASS: "object"}, truth, results)
    values = evaluate_records(records)
    return {name: round(float(values[name]), 4) for name in ("AP", "AP50", "AP75", "AR1", "AR10")}


def _judge(
    name: str,
    track: YtvisTrack,
    looked: range,
    found: list[FoundTrack],
    threshold: float,
    video: YtvisVideo,
) -> ObjectFigures:
    wanted = {i: m for i in looked if (m := track.segmentations[i]) is not None and m.area}
    there = [t for t in found if not wanted.keys().isdisjoint(t.masks)]
    table = np.array([_frame_ious(wanted, t.masks) for t in there]).reshape(len(there), len(wanted))
    means = table.mean(axis=1) if len(wanted) else np.zeros(len(there))
    kept = [i for i, t in enumerate(there) if t.certainty >= threshold][:TOP_TRACKS]
    ellipses = [_mean_j(wanted, e) for e in fixed_ellipses(video.height, video.width)]
    centre = RLEMask.from_array(_ellipse(video.height, video.width, 0.5, 0.5, 0.25, 0.25))
    return ObjectFigures(
        video=name,
        track_id=track.id,
        best_j=round(float(max((means[i] for i in kept), default=0.0)), 4),
        best_f=round(_boundary(wanted, there[max(kept, key=means.item)]) if kept else 0.0, 4),
        any_j=round(float(means.max(initial=0.0)), 4),
        switches=_switches(table[kept] if kept else table[:0]),
        centre_j=round(_mean_j(wanted, centre), 4),
        ellipses_j=round(max(ellipses), 4),
    )


def _boundary(wanted: Masks, track: FoundTrack) -> float:
    """Mean F over some of the frames; it costs a hundred times what J does."""
    some = list(wanted)[::_BOUNDARY_STEP]
    return float(np.mean([boundary_accuracy(track.masks.get(i), wanted[i]) for i in some]))


def _frame_ious(wanted: Masks, masks: Masks) -> list[float]:
    return [m.iou(masks[i]) if i in masks else 0.0 for i, m in wanted.items()]


def _switches(table: npt.NDArray[np.float64]) -> int:
    """Changes of the covering track from frame to frame, frames without one left out."""
    if not table.size:
        return 0
    holder = table.argmax(axis=0)[table.max(axis=0) >= FOUND_J]
    return int((np.diff(holder) != 0).sum())


def _mean_j(wanted: Masks, fixed: RLEMask) -> float:
    if not wanted:
        return 0.0
    coded = [m.to_coco() for m in wanted.values()]
    values = coco_mask.iou(coded, [fixed.to_coco()], [0])
    return float(np.mean(values))


def fixed_ellipses(height: int, width: int) -> list[RLEMask]:
    """Thirty ellipses that know nothing of the picture: five places, three sizes, two shapes."""
    places = ((0.5, 0.5), (0.3, 0.5), (0.7, 0.5), (0.5, 0.35), (0.5, 0.65))
    shapes = ((1.0, 0.6), (0.6, 1.0))
    return [
        RLEMask.from_array(_ellipse(height, width, x, y, size * a, size * b))
        for x, y in places
        for size in (0.12, 0.22, 0.38)
        for a, b in shapes
    ]


def _ellipse(
    height: int, width: int, x: float, y: float, a: float, b: float
) -> npt.NDArray[np.bool_]:
    """Centre and half axes relative to the frame's sides."""
    rows = (np.arange(height)[:, None] + 0.5) / height - y
    cols = (np.arange(width)[None, :] + 0.5) / width - x
    return np.asarray((rows / b) ** 2 + (cols / a) ** 2 <= 1.0)


def run(
    model: IFC,
    data: Path | None,
    settings: ProposeSettings,
    *,
    synthetic_clips: int = 20,
    world: World | None = None,
    context: JobContext | None = None,
) -> dict[str, Any]:
    """All figures of a model.

    Args:
        model: On its device.
        data: Folder of labelled clips, or ``None`` for the generated ones alone.
        settings: Of proposing.
        synthetic_clips: Validation clips of each difficulty; 0 leaves them out.
        world: Of those clips; ``None`` takes the one that the model learnt first.
        context: Progress and cancellation.

    Returns:
        ``{"model", "settings", "synthetic", "real"}``, ready for JSON.
    """
    report: dict[str, Any] = {"model": model.sha256, "settings": settings.to_json()}
    if synthetic_clips:
        world = world or first_world(model)
        report["synthetic"] = bench_synthetic(
            model, settings, synthetic_clips, context, world=world
        )
    if data is not None:
        report["real"] = bench_real(model, data, settings, context).to_json()
    return report
