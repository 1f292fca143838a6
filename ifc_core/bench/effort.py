"""``ifc-studio bench effort``: how many frames a person corrects until a track is good."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.bench.labelled_files import labelled_files
from ifc_core.bench.machine import machine_facts
from ifc_core.data.synthetic.spec import DIFFICULTIES
from ifc_core.data.synthetic.validation import validation_clips
from ifc_core.errors import ConfigError
from ifc_core.evaluation.effort import (
    EffortResult,
    Masks,
    annotate,
    grid_ceiling,
    ranking_quality,
)
from ifc_core.inference.appearance import fit_appearance, look_channels
from ifc_core.inference.correction import CorrectedMask, CorrectSettings, spread
from ifc_core.inference.flow_store import FlowStore
from ifc_core.inference.mask_output import encode_logits
from ifc_core.io.video import VideoReader, open_video
from ifc_core.io.ytvis import read_ytvis
from ifc_core.structures import RLEMask, Video

if TYPE_CHECKING:
    from ifc_core.inference.clip_features import ClipFeatureCache
    from ifc_core.models.ifc import IFC

METHODS = (
    "copy",
    "interpolate",
    "flow",
    "colour",
    "refit",
    "fused",
    "fused+network",
    "fused+finetune",
)
"""``colour`` and ``refit`` are parts of the fused methods, each on its own; with ``fused+finetune``
the network learns from the corrected frames before each round."""

STARTS = ("truth", "proposals")

BASELINES = ("copy", "interpolate", "flow")
BAD_J = 0.7
_CURVE = (1, 2, 3, 4, 6, 8)
_MARGIN_FRAMES = 5
_SPEED_FRAMES = 36
_ALL_FRAMES = 2000
_COLOUR_SHORT_SIDE = 120


@dataclass(frozen=True, slots=True)
class EffortOptions:
    """What is measured.

    Attributes:
        data: Folder with ``*_ytvis.json`` files and their clips, or ``None``.
        synthetic: Generated clips of each difficulty; 0 leaves them out.
        methods: Some of :data:`METHODS`.
        objects: Only objects whose name holds one of these; all by default.
        goal: Mean J over the uncorrected frames that is to be reached; 95% of what the grid of
            the working picture allows, where that is less.
        most: Corrections after which the annotator gives up.
        max_frames: Frames of an object, from its first one; 0 for all.
        boundary: Whether to give the boundary accuracy F, too.
        model: For proposals, ``refit`` and the fused methods with a network.
        start: ``truth``: the first frame with the object is corrected to begin with;
            ``proposals``: the network's track that overlaps the object most is there already.
        finetune_iterations: Steps of training before each round of ``fused+finetune``.
        short_side: Working resolution.
    """

    data: Path | None = None
    synthetic: int = 2
    methods: tuple[str, ...] = ("copy", "interpolate", "flow", "colour", "fused")
    objects: tuple[str, ...] = ()
    goal: float = 0.85
    most: int = 12
    max_frames: int = 0
    boundary: bool = False
    model: str = "default"
    short_side: int = 480
    start: str = "truth"
    finetune_iterations: int = 60

    def __post_init__(self) -> None:
        """Check the methods and the start."""
        if self.start not in STARTS:
            raise ConfigError(
                f"The start {self.start!r} is unknown; choose from {', '.join(STARTS)}.",
                name="start",
                value=self.start,
            )
        refuse_unknown("method", self.methods, METHODS)


def refuse_unknown(what: str, chosen: Iterable[str], known: Sequence[str]) -> None:
    """Check a list of names that a person gave.

    Raises:
        ConfigError: One of them does not exist.
    """
    for name in chosen:
        if name not in known:
            raise ConfigError(
                f"The {what} {name!r} is unknown; choose from {', '.join(known)}.",
                name=f"{what}s",
                value=name,
            )


@dataclass(frozen=True, slots=True)
class EffortObject:
    """One labelled object and the frames around it.

    Attributes:
        name: Clip and track.
        frames: (V, H, W, 3) uint8 RGB.
        truth: True mask of each frame, ``None`` where absent.
    """

    name: str
    frames: npt.NDArray[np.uint8]
    truth: tuple[RLEMask | None, ...]


class ArrayReader(VideoReader):
    """A video of frames in memory."""

    def __init__(self, name: str, frames: npt.NDArray[np.uint8]) -> None:
        count, height, width = frames.shape[:3]
        self.video = Video(Path(name), count, int(height), int(width), 25.0, name)
        self.pts_seconds = np.arange(count) / 25.0
        self._frames = frames

    def read(self, frame_index: int) -> npt.NDArray[np.uint8]:
        """One frame."""
        frame: npt.NDArray[np.uint8] = self._frames[self._checked(frame_index)]
        return frame

    def close(self) -> None:
        """Nothing is open."""


def run_effort(options: EffortOptions) -> dict[str, Any]:
    """Annotate every object with every method.

    Returns:
        ``objects`` (corrections, whether the goal was reached, J and F by number of corrections,
        processor seconds, for each method), ``total`` (by method, over all objects), ``ratio``
        (corrections of the best of copy, interpolation and flow over those of each other method)
        and ``speed``, see :func:`measure_speed`. ``auroc`` in ``total`` says how well the
        confidences find frames with J under 0.7; ``proposed_j`` of an object is the J of the
        proposals that were started from.

    Raises:
        ConfigError: There is nothing to measure, or no labelled clip in the folder.
        FormatError: An annotation file breaks its format.
        VideoError: A clip cannot be read.
    """
    rows: list[dict[str, Any]] = []
    speed: dict[str, Any] = {}
    for item in effort_objects(options):
        speed = speed or measure_speed(item, options)
        rows.append(measure_object(item, options))
    if not rows:
        raise ConfigError(
            "There is no labelled object to measure; give --data DIR or synthetic clips.",
            name="data",
            value=str(options.data),
        )
    values = asdict(options)
    values["data"] = None if options.data is None else options.data.name
    figures = {"machine": machine_facts(), "options": values, "speed": speed}
    return {**figures, **summary(rows, options.methods)}


def effort_objects(options: EffortOptions) -> Iterator[EffortObject]:
    """Labelled real objects, then generated ones."""
    if options.data is not None:
        yield from _real_objects(options)
    for difficulty in DIFFICULTIES:
        for clip in validation_clips(difficulty, options.synthetic):
            sample = clip.render()
            for number, masks in enumerate(sample.masks):
                name = f"{difficulty}-{clip.seed % 1000}#{number}"
                if masks.any() and _wanted(name, options):
                    yield EffortObject(name, sample.frames, tuple(_rle(m) for m in masks))


def _real_objects(options: EffortOptions) -> Iterator[EffortObject]:
    data = options.data or Path()
    for file in labelled_files(data):
        content = read_ytvis(file)
        for video in content.videos:
            folder = data / video.name
            path = folder if folder.is_dir() else next(iter(sorted(data.glob(f"{video.name}.*"))))
            for track in content.tracks:
                name = f"{video.name}#{track.id}"
                if track.video_id != video.id or not _wanted(name, options):
                    continue
                there = [i for i, mask in enumerate(track.segmentations) if mask is not None]
                start = max(0, there[0] - _MARGIN_FRAMES)
                stop = min(video.length, there[-1] + 1 + _MARGIN_FRAMES)
                if options.max_frames:
                    stop = min(stop, start + options.max_frames)
                with open_video(path) as reader:
                    frames = np.stack([f for _, f in reader.iter_frames(start, stop)])
                yield EffortObject(name, frames, tuple(track.segmentations[start:stop]))


def measure_object(item: EffortObject, options: EffortOptions) -> dict[str, Any]:
    """One object under all methods.

    Returns:
        ``name``, ``frames``, ``size_px`` (root of the mean area), ``ceiling`` (J that the grid
        of f' at 360 pixels allows), ``goal`` and ``methods``.
    """
    reader = ArrayReader(item.name, item.frames)
    store = FlowStore(reader, options.short_side)
    size = reader.video.size
    scale = 360 / min(size)
    coarse = (int(np.ceil(size[0] * scale / 8)), int(np.ceil(size[1] * scale / 8)))
    goal = min(options.goal, 0.95 * grid_ceiling(item.truth, store.size))
    began = time.process_time()
    for frame in range(len(item.frames) - 1):
        store.between(frame, frame + 1)
    flow_seconds = time.process_time() - began
    methods = {}
    proposals = _proposals(reader, item, options)
    for name in options.methods:
        began = time.process_time()
        take = _spreader(name, reader, store, options)
        result = annotate(
            item.truth, take, goal, options.most, boundary=options.boundary, proposals=proposals
        )
        methods[name] = _figures(result, time.process_time() - began)
    areas = [mask.area for mask in item.truth if mask is not None]
    return {
        "name": item.name,
        "frames": len(item.frames),
        "size_px": round(float(np.sqrt(np.mean(areas))), 1),
        "ceiling": round(grid_ceiling(item.truth, coarse), 4),
        "goal": round(goal, 4),
        "flow_seconds": round(flow_seconds, 2),
        "methods": methods,
    }


def _proposals(reader: VideoReader, item: EffortObject, options: EffortOptions) -> Masks | None:
    """The network's track of an object, where the annotator starts from one."""
    if options.start != "proposals":
        return None
    from ifc_core.bench.effort_network import proposed_track

    return proposed_track(_model(options), reader, dict(enumerate(item.truth)))


def measure_speed(item: EffortObject, options: EffortOptions) -> dict[str, Any]:
    """Processor milliseconds of the fused method from one corrected frame.

    Returns:
        ``frames`` that got a mask, ``flow_ms`` to compute their flow and chains, ``fit_ms`` for
        fitting and fusing with these at hand, to masks at full resolution, and ``clip_fit_ms``,
        the same for the four other frames of a clip.
    """
    reader = ArrayReader(item.name, item.frames)
    store = FlowStore(reader, options.short_side)
    first = next(i for i, mask in enumerate(item.truth) if mask is not None)
    stop = min(len(item.frames), first + _SPEED_FRAMES)
    known = [CorrectedMask(first, item.truth[first])]
    settings = CorrectSettings(short_side=options.short_side)
    seconds = []
    for frames in (range(first, stop), range(first, stop), range(first, min(stop, first + 5))):
        began = time.process_time()
        for _ in spread(reader, known, frames, settings, store=store):
            pass
        seconds.append(1000 * (time.process_time() - began))
    cold, warm, clip = seconds
    return {
        "object": item.name,
        "frame_size": list(reader.video.size),
        "frames": stop - first - 1,
        "flow_ms": round(cold - warm, 1),
        "fit_ms": round(warm, 1),
        "clip_fit_ms": round(clip, 1),
    }


def summary(rows: Sequence[dict[str, Any]], methods: Sequence[str]) -> dict[str, Any]:
    """Sums over all objects; see :func:`run_effort`."""
    total: dict[str, Any] = {}
    for name in methods:
        own = [row["methods"][name] for row in rows]
        curves = [[_after(m["j"], count) for m in own] for count in _CURVE]
        total[name] = {
            "corrections": sum(m["corrections"] for m in own),
            "reached": sum(m["reached"] for m in own),
            "mean_j": {
                str(c): round(float(np.mean(v)), 4) for c, v in zip(_CURVE, curves, strict=True)
            },
        }
        if own[0]["f"]:
            edges = [float(np.mean([_after(m["f"], c) for m in own])) for c in _CURVE]
            total[name]["mean_f"] = {
                str(c): round(v, 4) for c, v in zip(_CURVE, edges, strict=True)
            }
        said = [pair for m in own for pair in m["confidence"]]
        if said:
            bad = [j < BAD_J for _, j in said]
            total[name]["auroc"] = _rounded(ranking_quality([c for c, _ in said], bad))
    base = [total[m]["corrections"] for m in methods if m in BASELINES]
    ratio = {
        name: round(min(base) / total[name]["corrections"], 3)
        for name in methods
        if base and name not in BASELINES
    }
    listed = [
        {
            **row,
            "methods": {
                name: {k: v for k, v in figures.items() if k != "confidence"}
                for name, figures in row["methods"].items()
            },
        }
        for row in rows
    ]
    return {"total": total, "ratio": ratio, "objects": listed}


def _after(curve: Sequence[float], count: int) -> float:
    """The value after so many corrections; the last one where fewer were made."""
    return curve[min(count, len(curve)) - 1]


def _figures(result: EffortResult, seconds: float) -> dict[str, Any]:
    corrected = tuple(r for r in result.rounds if r.corrected)
    rounds = corrected or result.rounds
    with_f = not np.isnan(rounds[0].mean_f)
    first = result.rounds[0]
    return {
        "corrections": result.corrections,
        "reached": result.reached,
        "proposed_j": None if first.corrected else round(first.mean_j, 4),
        "j": [round(r.mean_j, 4) for r in rounds],
        "f": [round(r.mean_f, 4) for r in rounds] if with_f else [],
        "seconds": round(seconds, 2),
        "confidence": [(r.confidence[f], r.j[f]) for r in rounds for f in r.confidence],
    }


Take = Callable[[Masks], tuple[Masks, Mapping[int, float]]]


def _spreader(name: str, reader: VideoReader, store: FlowStore, options: EffortOptions) -> Take:
    """What takes corrections to all other frames under one method."""
    frames = range(reader.video.num_frames)
    if name == "colour":
        return lambda known: _by_colour(reader, known)
    if name == "refit":
        cache = _features(reader, options)
        return lambda known: _by_refit(reader, cache, known)
    if name == "fused+finetune":
        return lambda known: _fused_after_finetune(reader, store, known, options)
    features = _features(reader, options) if name == "fused+network" else None
    if name.startswith("fused"):
        return lambda known: _fused(reader, store, known, features, options)
    settings = CorrectSettings(method=name, short_side=options.short_side, reach=_ALL_FRAMES)  # type: ignore[arg-type]

    def take(known: Masks) -> tuple[Masks, Mapping[int, float]]:
        return _collected(spread(reader, _corrected(known), frames, settings, store=store))

    return take


def _fused(
    reader: VideoReader,
    store: FlowStore,
    known: Masks,
    features: ClipFeatureCache | None,
    options: EffortOptions,
) -> tuple[Masks, Mapping[int, float]]:
    corrected = _corrected(known)
    evidence = None
    if features is not None:
        from ifc_core.inference.mask_refit import RefitEvidence

        evidence = RefitEvidence(features, corrected)
    settings = CorrectSettings(short_side=options.short_side, reach=_ALL_FRAMES)
    frames = range(reader.video.num_frames)
    found = spread(
        reader, corrected, frames, settings, evidence=evidence, features=features, store=store
    )
    return _collected(found)


def _fused_after_finetune(
    reader: VideoReader, store: FlowStore, known: Masks, options: EffortOptions
) -> tuple[Masks, Mapping[int, float]]:
    from ifc_core.bench.effort_network import finetuned

    model = finetuned(_model(options), reader, known, options.finetune_iterations)
    return _fused(reader, store, known, _features(reader, options, model), options)


def _collected(found: Iterator[Any]) -> tuple[Masks, Mapping[int, float]]:
    masks: dict[int, RLEMask | None] = {}
    confidence: dict[int, float] = {}
    for result in found:
        masks[result.frame_index] = result.rle
        confidence[result.frame_index] = result.confidence
    return masks, confidence


def _by_colour(reader: VideoReader, known: Masks) -> tuple[Masks, Mapping[int, float]]:
    """Colour alone, on small pictures: neither place nor motion counts."""
    height, width = reader.video.size
    scale = min(1.0, _COLOUR_SHORT_SIDE / min(height, width))
    small = (max(2, round(width * scale)), max(2, round(height * scale)))

    def picture(frame: int) -> npt.NDArray[np.uint8]:
        resized = cv2.resize(reader.read(frame), small, interpolation=cv2.INTER_AREA)
        return np.asarray(resized, np.uint8)

    def target(rle: RLEMask | None) -> npt.NDArray[np.bool_]:
        if rle is None:
            return np.zeros(small[::-1], np.bool_)
        soft = np.ascontiguousarray(rle.to_array()).astype(np.float32)
        return np.asarray(cv2.resize(soft, small, interpolation=cv2.INTER_AREA) > 0.5)

    looks = [look_channels(picture(f)) for f in known]
    model = fit_appearance(looks, [target(r) for r in known.values()])
    if model is None:
        return {}, {}
    others = (f for f in range(reader.video.num_frames) if f not in known)
    return {f: encode_logits(model.logits(picture(f)), (height, width)) for f in others}, {}


def _by_refit(
    reader: VideoReader, cache: ClipFeatureCache, known: Masks
) -> tuple[Masks, Mapping[int, float]]:
    """The refitted mask weight alone."""
    from ifc_core.inference.mask_refit import RefitEvidence

    evidence = RefitEvidence(cache, _corrected(known))
    others = (f for f in range(reader.video.num_frames) if f not in known)
    return {f: encode_logits(evidence.logits(f), reader.video.size) for f in others}, {}


def _model(options: EffortOptions) -> IFC:
    from ifc_core.models.registry import load_model

    return load_model(options.model, device="cpu")


def _features(
    reader: VideoReader, options: EffortOptions, model: IFC | None = None
) -> ClipFeatureCache:
    from ifc_core.inference.clip_features import ClipFeatureCache
    from ifc_core.inference.settings import ProposeSettings

    return ClipFeatureCache(model or _model(options), reader, ProposeSettings(precision="fp32"))


def _corrected(known: Masks) -> list[CorrectedMask]:
    return [CorrectedMask(frame, rle) for frame, rle in known.items()]


def _rle(mask: npt.NDArray[np.bool_]) -> RLEMask | None:
    return RLEMask.from_array(mask) if mask.any() else None


def _wanted(name: str, options: EffortOptions) -> bool:
    return not options.objects or any(part in name for part in options.objects)


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 4)
