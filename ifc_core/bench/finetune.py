"""What a fine-tuning on a few corrected frames brings on labelled clips, clip by clip.

Each clip is a project of its own: a few of its frames count as corrected and approved, a
fine-tuning learns from them, and the other frames judge the model before and after.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ifc_core.annotation.snapshot import Snapshot, SnapshotTrack, SnapshotVideo, write_snapshot
from ifc_core.bench.model import FoundTrack, find_tracks
from ifc_core.data.labelled_video import FrameStore, LabelledVideo
from ifc_core.data.video_source import read_ytvis_videos
from ifc_core.errors import ConfigError
from ifc_core.inference.run_setup import score_threshold_for
from ifc_core.inference.settings import ProposeSettings
from ifc_core.io.video import open_video
from ifc_core.io.ytvis import YtvisFile, YtvisTrack, read_ytvis
from ifc_core.jobs import JobContext
from ifc_core.models.checkpoint import read_checkpoint_info
from ifc_core.models.ifc import IFC
from ifc_core.models.registry import load_model
from ifc_core.training.finetune import finetune
from ifc_core.training.finetune_settings import FinetuneResult, FinetuneSettings, HeldOutScore
from ifc_core.training.held_out import score_held_out
from ifc_core.training.held_out_split import restrict

TARGET_J = 0.75
_RUN = "bench"


@dataclass(frozen=True, slots=True)
class FinetuneBenchOptions:
    """What the ``finetune`` bench measures.

    Attributes:
        data: Folder with ``*_ytvis.json`` files and their clips.
        clips: Names of videos to take; empty for all.
        model: Name or file of the weights to start from.
        preset: ``quick``, ``balanced`` or ``thorough``.
        frames: Corrected frames of a clip, evenly spaced; where never more than one of several
            objects is in sight (shots cut together), two frames an object instead.
        judged: Of the other frames at most this many judge, evenly spaced.
        minutes: Overrides the preset.
        iterations: Exactly this many, instead of what fits into the time.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        held_out_share: Share of the corrected frames that training keeps aside.
        tracks: Also propose on every clip before and after, and follow whole tracks.
        seed: Of the fine-tuning.
    """

    data: Path | None = None
    clips: tuple[str, ...] = ()
    model: str = "default"
    preset: str = "quick"
    frames: int = 5
    judged: int = 24
    minutes: float | None = None
    iterations: int | None = None
    device: str = "auto"
    held_out_share: float = 0.2
    tracks: bool = True
    seed: int = 0


@dataclass(frozen=True, slots=True)
class _Clip:
    """A labelled video, as training and as the format know it."""

    video: LabelledVideo
    file: YtvisFile
    tracks: tuple[YtvisTrack, ...]
    class_names: tuple[str, ...]


def run_finetune(
    options: FinetuneBenchOptions, context: JobContext | None = None
) -> dict[str, Any]:
    """Fine-tune on each clip of a folder, and judge on the frames that nobody corrected.

    Args:
        options: What to measure.
        context: Told of the clips done; may cancel.

    Returns:
        Figures by clip, ready for JSON: mean J of the masks before and after (each labelled mask
        against the confident one assigned to it), of the best track before and after, how many
        tracks Propose gives, rehearsal, iterations and seconds.

    Raises:
        ConfigError: No folder was given, or it holds no such clip.
        FormatError: An annotation file breaks its format.
        VideoError: A clip cannot be read.
    """
    if options.data is None:
        raise ConfigError("This bench needs labelled clips: --data DIR.", name="data", value=None)
    job = context or JobContext()
    rows: list[dict[str, Any]] = []
    for clip in _clips(options.data, options.clips):
        job.advance(len(rows), None, clip.video.name, unit="clips")
        rows.append(_measure(clip, options, job))
    if not rows:
        raise ConfigError(
            f"{options.data} holds no labelled clip of that name.",
            name="clips",
            value=options.clips,
        )
    return {
        "model": options.model,
        "preset": options.preset,
        "target_j": TARGET_J,
        "reached": sum((row["after"]["mean_j"] or 0.0) >= TARGET_J for row in rows),
        "clips": rows,
    }


def corrected_frames(tracks: Sequence[YtvisTrack], num_frames: int, count: int) -> list[int]:
    """Which frames the simulated person corrects.

    Args:
        tracks: Labelled tracks of the clip.
        num_frames: Of the clip.
        count: Frames, unless the clip is several shots cut together.

    Returns:
        Sorted frame indices: ``count`` evenly spaced ones, or two a track (after a quarter and
        three quarters of its frames) where several tracks never meet.
    """
    seen = [
        [i for i, rle in enumerate(track.segmentations) if rle is not None and rle.area]
        for track in tracks
    ]
    frames = [frame for track in seen for frame in track]
    if len(tracks) > 1 and len(frames) == len(set(frames)):
        return sorted({t[len(t) * part // 4] for t in seen if t for part in (1, 3)})
    count = min(count, num_frames)
    return [int((n + 0.5) * num_frames / count) for n in range(count)]


def _clips(data: Path, names: Sequence[str]) -> Iterator[_Clip]:
    for path in sorted(data.glob("*_ytvis.json")):
        file = read_ytvis(path)
        videos, class_names = read_ytvis_videos(path, data)
        for entry, video in zip(file.videos, videos, strict=True):
            if not names or video.name in names:
                tracks = tuple(t for t in file.tracks if t.video_id == entry.id)
                yield _Clip(video, file, tracks, tuple(class_names))


def _measure(clip: _Clip, options: FinetuneBenchOptions, job: JobContext) -> dict[str, Any]:
    video = clip.video
    chosen = corrected_frames(clip.tracks, video.num_frames, options.frames)
    others = [i for i in range(video.num_frames) if i not in set(chosen)]
    judged = others[:: max(1, len(others) // options.judged)]
    settings = FinetuneSettings(
        _RUN,
        preset=options.preset,
        model=options.model,
        held_out_share=options.held_out_share,
        minutes=options.minutes,
        iterations=options.iterations,
        device=options.device,
        seed=options.seed,
    )
    with tempfile.TemporaryDirectory(prefix="ifc-bench-") as folder:
        project = Path(folder) / f"{video.name}.ifcproj"
        write_snapshot(_snapshot(clip, chosen), project / "runs" / _RUN)
        started = time.perf_counter()
        *_, result = finetune(project, settings, job)
        seconds = time.perf_counter() - started
        if not isinstance(result, FinetuneResult):
            raise TypeError("a fine-tuning ends with its result")
        short_side = read_checkpoint_info(result.path).preferences.short_side
        figures = {
            name: _figures(path, clip, judged, short_side, options, job)
            for name, path in (("before", options.model), ("after", str(result.path)))
        }
    return {
        "clip": video.name,
        "corrected_frames": chosen,
        "judged_frames": len(judged),
        **figures,
        "rehearsal_before": result.rehearsal_before,
        "rehearsal_after": result.rehearsal_after,
        "iterations": result.iterations,
        "seconds": round(seconds, 1),
    }


def _snapshot(clip: _Clip, frames: Sequence[int]) -> Snapshot:
    """The chosen frames with all their masks, approved."""
    video = clip.video
    tracks = tuple(
        SnapshotTrack(
            track.id,
            track.category_id,
            {i: rle if (rle := track.segmentations[i]) and rle.area else None for i in frames},
        )
        for track in clip.tracks
    )
    copy = SnapshotVideo(
        1, video.name, video.path.resolve(), video.num_frames, video.height, video.width,
        tuple(frames), tracks,
    )  # fmt: skip
    return Snapshot(video.name, tuple(clip.file.categories), (copy,))


def _figures(
    model: str,
    clip: _Clip,
    judged: Sequence[int],
    short_side: int,
    options: FinetuneBenchOptions,
    job: JobContext,
) -> dict[str, Any]:
    network = load_model(model, options.device, "fp32")
    with closing(FrameStore()) as store:
        score: HeldOutScore = score_held_out(
            network, [restrict(clip.video, judged)], clip.class_names, short_side, store, job
        )
    figures: dict[str, Any] = {
        "mean_j": round(score.mean_j, 3) if score.num_masks else None,
        "ap": round(score.ap, 3),
        "masks": score.num_masks,
    }
    if options.tracks:
        settings = ProposeSettings(short_side=short_side, precision="fp32")
        threshold = score_threshold_for(network, settings)
        found = [t for t in _proposed(network, clip, settings, job) if t.certainty >= threshold]
        figures["track_j"] = _track_js(found, clip, judged)
        figures["tracks"] = len(found)
        figures["score_threshold"] = round(threshold, 3)
    return figures


def _proposed(
    network: IFC, clip: _Clip, settings: ProposeSettings, job: JobContext
) -> list[FoundTrack]:
    with open_video(clip.video.path) as reader:
        return find_tracks(network, reader.iter_frames(), settings, job)


def _track_js(found: Sequence[FoundTrack], clip: _Clip, judged: Sequence[int]) -> list[float]:
    """Mean J over the judged frames of the best found track, for each labelled one."""
    values = []
    for track in clip.tracks:
        wanted = {i: m for i in judged if (m := track.segmentations[i]) is not None and m.area}
        means = [
            np.mean([m.iou(t.masks[i]) if i in t.masks else 0.0 for i, m in wanted.items()])
            for t in found
            if wanted
        ]
        values.append(round(float(max(means, default=0.0)), 3))
    return values
