"""What a few labelled clips of cells of one look bring on other clips of that look.

As a person would use it: some fields of a generated culture make one project, a few frames of each
count as corrected and approved, a fine-tuning learns from them, and both models propose, each as
it does by default, on fields that nobody labelled.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from ifc_core.annotation.snapshot import Snapshot, SnapshotTrack, SnapshotVideo, write_snapshot
from ifc_core.bench.looks import NUM_FIELDS, culture
from ifc_core.bench.model import bench_synthetic, score_samples
from ifc_core.data.sample import ClipSample
from ifc_core.errors import ConfigError, OutputError
from ifc_core.inference.run_setup import score_threshold_for
from ifc_core.inference.settings import ProposeSettings
from ifc_core.jobs import JobContext
from ifc_core.models.registry import load_model
from ifc_core.structures import Category, RLEMask
from ifc_core.training.finetune import finetune
from ifc_core.training.finetune_settings import FinetuneResult, FinetuneSettings, HeldOutScore

_RUN = "bench"


@dataclass(frozen=True, slots=True)
class FinetuneLookOptions:
    """What the ``finetune-look`` bench measures.

    Attributes:
        look: Of the culture: ``learnt``, ``rings`` or ``kinds``.
        clips: Of its six fields so many are labelled; the others judge.
        frames: Labelled frames of each, evenly spaced.
        others: Clips of each difficulty of the frozen validation set that tell what was
            forgotten; 0 leaves them out.
        model: Name or file of the weights to start from.
        preset: ``quick``, ``balanced`` or ``thorough``.
        minutes: Overrides the preset.
        iterations: Exactly this many, instead of what fits into the time.
        short_side: Overrides the size of training, in pixels.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        seed: Of the fine-tuning.
    """

    look: str = "rings"
    clips: int = 3
    frames: int = 4
    others: int = 2
    model: str = "ifc-r18-cells"
    preset: str = "quick"
    minutes: float | None = None
    iterations: int | None = None
    short_side: int | None = None
    device: str = "auto"
    seed: int = 0


def run_finetune_look(
    options: FinetuneLookOptions, context: JobContext | None = None
) -> dict[str, Any]:
    """Fine-tune on labelled fields of a culture and propose on the others, before and after.

    Args:
        options: What to measure.
        context: Told of what is being done; may cancel.

    Returns:
        Figures ready for JSON: ``before`` and ``after`` as
        :func:`~ifc_core.bench.model.score_samples` gives them on the fields that nobody labelled,
        with the score threshold and size of each model, and under ``others`` their means on clips
        of the validation set; and what the fine-tuning itself told: its verdict, what it held out,
        rehearsal, iterations.

    Raises:
        ConfigError: There is no such look, or no field is left to learn from or to judge by.
        OutputError: A frame cannot be written.
    """
    if not 1 <= options.clips < NUM_FIELDS:
        raise ConfigError(
            f"clips must be from 1 to {NUM_FIELDS - 1}: other fields have to judge.",
            name="clips",
            value=options.clips,
        )
    job = context or JobContext()
    fields = culture(options.look)
    labelled, judged = fields[: options.clips], fields[options.clips :]
    with tempfile.TemporaryDirectory(prefix="ifc-bench-") as folder:
        project = Path(folder) / "culture.ifcproj"
        videos = [
            _video(Path(folder), number, field, options.frames)
            for number, field in enumerate(labelled, start=1)
        ]
        snapshot = Snapshot("culture", (Category(1, "cell"),), tuple(videos))
        write_snapshot(snapshot, project / "runs" / _RUN)
        before = _figures(options.model, judged, options, job)
        begun = time.perf_counter()
        *_, result = finetune(project, _settings(options), job)
        seconds = time.perf_counter() - begun
        if not isinstance(result, FinetuneResult):
            raise TypeError("a fine-tuning ends with its result")
        after = _figures(str(result.path), judged, options, job)
    return {
        "look": options.look,
        "model": options.model,
        "preset": options.preset,
        "labelled_masks": sum(_num_masks(video) for video in videos),
        "judged_masks": sum(int(field.masks.any(axis=(2, 3)).sum()) for field in judged),
        "before": before,
        "after": after,
        "verdict": result.verdict,
        "held_out_before": _told(result.before),
        "held_out_after": _told(result.after),
        "rehearsal_before": result.rehearsal_before,
        "rehearsal_after": result.rehearsal_after,
        "trained_share": result.trained_share,
        "iterations": result.iterations,
        "seconds": round(seconds, 1),
    }


def _settings(options: FinetuneLookOptions) -> FinetuneSettings:
    return FinetuneSettings(
        _RUN,
        preset=options.preset,
        model=options.model,
        minutes=options.minutes,
        iterations=options.iterations,
        short_side=options.short_side,
        device=options.device,
        seed=options.seed,
    )


def _video(root: Path, number: int, field: ClipSample, count: int) -> SnapshotVideo:
    """A field as a folder of frames, with the masks of so many of them as a person's."""
    length, height, width = field.frames.shape[:3]
    labelled = [int((n + 0.5) * length / count) for n in range(min(count, length))]
    folder = root / f"field-{number}"
    folder.mkdir()
    for index, frame in enumerate(field.frames):
        path = folder / f"{index:05d}.png"
        if not cv2.imwrite(str(path), frame[..., ::-1]):
            raise OutputError(f"The frame {path} cannot be written.", path=path)
    tracks = []
    for row, masks in enumerate(field.masks, start=1):
        said = {t: RLEMask.from_array(masks[t]) if masks[t].any() else None for t in labelled}
        tracks.append(SnapshotTrack(row, 1, said))
    size = length, height, width
    return SnapshotVideo(number, folder.name, folder, *size, tuple(labelled), tuple(tracks))


def _num_masks(video: SnapshotVideo) -> int:
    return sum(mask is not None for track in video.tracks for mask in track.masks.values())


def _figures(
    name: str, judged: Sequence[ClipSample], options: FinetuneLookOptions, job: JobContext
) -> dict[str, Any]:
    """How a model does on its own terms: its size, threshold, edges and the rest."""
    model = load_model(name, options.device, "fp32")
    settings = ProposeSettings(precision="fp32")
    figures: dict[str, Any] = {
        "short_side": model.preferences.short_side,
        "score_threshold": round(score_threshold_for(model, settings), 3),
        **score_samples(model, settings, judged, job),
    }
    if options.others:
        others = bench_synthetic(model, settings, options.others, job, world="cells")
        figures["others"] = others["mean"]
    return figures


def _told(score: HeldOutScore) -> dict[str, Any]:
    """What the person is told of the held-out masks."""
    mean_j = round(score.mean_j, 3) if score.num_masks else None
    return {"masks": score.num_masks, "mean_j": mean_j, "ap": round(score.ap, 3)}
