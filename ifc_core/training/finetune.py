"""One-click fine-tuning: from a snapshot of a project to a new model version."""

from __future__ import annotations

import copy
import json
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import torch

from ifc_core.data.augmentation import Augmentation
from ifc_core.data.clip_source import ClipRequest, ClipSource, MixedSource
from ifc_core.data.labelled_video import FrameStore, LabelledVideo, resized_size
from ifc_core.data.sample import ClipSample
from ifc_core.data.video_source import VideoSource
from ifc_core.errors import DeviceMemoryError
from ifc_core.inference.clip_runner import is_out_of_memory
from ifc_core.io.atomic import atomic_output
from ifc_core.jobs import JobContext
from ifc_core.models.backbone import BatchNorm
from ifc_core.models.checkpoint import CheckpointInfo, write_checkpoint
from ifc_core.models.ifc import IFC
from ifc_core.models.registry import resolve_device
from ifc_core.training.blend import keep_old_task
from ifc_core.training.class_head import OBJECT, with_classes
from ifc_core.training.config import DataConfig, OptimizerConfig, StageConfig, TrainConfig
from ifc_core.training.finetune_plan import FinetunePlan, final_classes, plan_finetune
from ifc_core.training.finetune_settings import (
    MIN_HELD_OUT_MASKS,
    FinetuneEvent,
    FinetuneResult,
    FinetuneSettings,
    FinetuneStarted,
    FinetuneStep,
    FinetuneValidation,
    HeldOutScore,
    Verdict,
)
from ifc_core.training.held_out import (
    assigned_ious,
    confident_masks,
    draw_comparison,
    predict_frame,
    score_held_out,
)
from ifc_core.training.nearest_class import nearest_classes
from ifc_core.training.run_files import TRAINING_FOLDER
from ifc_core.training.score_threshold import fitting_threshold
from ifc_core.training.sources import SyntheticSource
from ifc_core.training.trainer import Trainer
from ifc_core.version import __version__


@dataclass(frozen=True, slots=True)
class RelabelledSource:
    """Generated clips whose one class has another number in the model that rehearses them.

    Attributes:
        source: Of the clips, all of class 0.
        label: The number of that class in the model.
    """

    source: ClipSource
    label: int

    def __call__(self, request: ClipRequest) -> ClipSample:
        """The clip of a request."""
        clip = self.source(request)
        return replace(clip, labels=clip.labels + self.label)


def finetune(
    project_folder: Path, settings: FinetuneSettings, context: JobContext | None = None
) -> Iterator[FinetuneEvent]:
    """Learn from what a project's people corrected and approved.

    The caller made the snapshot in ``runs/RUN_ID`` and enters the new model version into the
    project when the result comes; this job never opens the project's database. A job that was
    cancelled or killed goes on where it was when it is started again with the same ``run_id``.

    Args:
        project_folder: The ``NAME.ifcproj`` folder.
        settings: What the person chose.
        context: Progress and cancellation, looked at once an iteration and held-out frame.

    Yields:
        The plan, then iterations and looks at the held-out frames, then the result. Who enters
        the version calls :func:`ifc_core.training.run_files.forget_training_state` afterwards.

    Raises:
        JobCancelled: The job was cancelled; its state is saved.
        FormatError: The snapshot cannot be used.
        ProjectError: A video of the project is not there.
        CheckpointError: The parent model cannot be used.
        DeviceMemoryError: Not even the smallest fallback fits.
    """
    job, begun = context or JobContext(), time.monotonic()
    plan = plan_finetune(project_folder, settings)
    store = FrameStore()
    try:
        job.advance(0, None, "judging the present model", unit="iterations")
        before = _score(plan, plan.parent, store, job, plan.parent.preferred_short_side)
        rehearsal_before = rehearsal_score(plan.parent, settings.seed) if plan.rehearses else None
        trained, iterations = yield from _train_with_fallback(plan, store, job, before)
        job.advance(iterations, iterations, "judging the new model", unit="iterations")
        share = 1.0
        if plan.rehearses:
            trained, share = keep_old_task(plan, trained, store, job)
        after = _score(plan, trained, store, job)
        if after.num_masks:
            yield FinetuneValidation(iterations, after)
        rehearsal_after = rehearsal_score(trained, settings.seed) if plan.rehearses else None
        pictures = _compare(plan, trained, store)
        verdict = judge(before, after)
        trained.preferred_score_threshold = _score_threshold(plan, trained, store, job)
        path, info = _write_version(plan, trained, before, after, iterations, share)
    finally:
        store.close()
    yield FinetuneResult(
        name=path.stem,
        path=path,
        sha256=info.sha256,
        parent=plan.parent_name,
        verdict=verdict,
        promote=verdict == "better",
        before=before,
        after=after,
        rehearsal_before=rehearsal_before,
        rehearsal_after=rehearsal_after,
        iterations=iterations,
        seconds=time.monotonic() - begun,
        comparisons=pictures,
        provenance=info.provenance,
        trained_share=share,
    )


def judge(before: HeldOutScore, after: HeldOutScore) -> Verdict:
    """Whether the new model is better, by mean J on the held-out masks.

    Args:
        before: Of the parent.
        after: Of the new model.

    Returns:
        The verdict; it takes :data:`MIN_HELD_OUT_MASKS` masks to give one.
    """
    if after.num_masks < MIN_HELD_OUT_MASKS:
        return "not enough to judge"
    return "better" if after.mean_j > before.mean_j else "not better"


# ---- training ---------------------------------------------------------------------------


def _train_with_fallback(
    plan: FinetunePlan, store: FrameStore, job: JobContext, before: HeldOutScore
) -> Generator[FinetuneEvent, None, tuple[IFC, int]]:
    """Train; where memory runs out, with fewer clips at once, then with smaller frames."""
    preset, notice = plan.preset, ""
    while True:
        try:
            smaller = replace(plan, preset=preset)
            judge_by = partial(_score, plan, store=store, job=job)
            return (yield from _train(smaller, store, job, notice, before, judge_by))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            device = str(resolve_device(plan.settings.device))
            if preset.batch_size > 1:
                preset = replace(preset, batch_size=preset.batch_size // 2)
            elif preset.short_side > 128:
                preset = replace(preset, short_side=max(128, preset.short_side * 3 // 4))
            else:
                raise DeviceMemoryError(
                    "There is too little memory to train even with the smallest frames.",
                    device=device,
                ) from error
            notice = (
                f"Memory ran out, so training goes on with {preset.batch_size} clips at a time "
                f"and a short side of {preset.short_side} pixels."
            )


def _train(
    plan: FinetunePlan,
    store: FrameStore,
    job: JobContext,
    notice: str,
    before: HeldOutScore,
    score: Callable[[IFC], HeldOutScore],
) -> Generator[FinetuneEvent, None, tuple[IFC, int]]:
    """One attempt; returns the trained network and its iterations.

    Its looks at the held-out frames begin with the parent's and are made as the verdict is, also
    where it trains on smaller frames, so that one curve holds them all.
    """
    source = training_source(plan, store)
    plan = replace(plan, nearest=_nearest_classes(plan, store))
    iterations = _settled_iterations(plan, source, job)
    trainer = make_trainer(plan, source, iterations, plan.run_folder / TRAINING_FOLDER)
    yield FinetuneStarted(
        iterations,
        trainer.iteration,
        str(trainer.device),
        final_classes(plan),
        sum(len(v.labelled_frames) for v in plan.split.training),
        sum(len(v.labelled_frames) for v in plan.split.held_out),
        notice,
    )
    if before.num_masks:
        yield FinetuneValidation(0, before)
    judged = copy.deepcopy(trainer.model)
    every = max(25, iterations // 6)
    begun, first = time.monotonic(), trainer.iteration
    for report in trainer.run(job):
        done = report.iteration + 1
        passed = time.monotonic() - begun
        terms = {k: v for k, v in report.terms.items() if not k[-1].isdigit()}
        eta = passed * (iterations - done) / (done - first)
        yield FinetuneStep(report.iteration, iterations, report.loss, terms, eta)
        if plan.split.held_out and done % every == 0 and done < iterations:
            judged.load_state_dict(trainer.averaged_weights())
            yield FinetuneValidation(done, score(judged))
    judged.load_state_dict(trainer.averaged_weights())
    return judged.eval(), iterations


def training_source(plan: FinetunePlan, store: FrameStore) -> ClipSource:
    """Clips of the project, mixed with generated ones where the old task can be rehearsed."""
    seed = plan.settings.seed
    videos = VideoSource(
        seed,
        plan.split.training,
        augmentation=Augmentation(("flip", "affine", "colour")),
        still_share=0.5,
        labelled_share=0.5,
        store=store,
    )
    if not plan.rehearses:
        return videos
    generated = RelabelledSource(SyntheticSource(seed), plan.class_names.index(OBJECT))
    share = plan.preset.rehearsal_share
    return MixedSource(seed + 1, (videos, generated), (1 - share, share))


def _nearest_classes(plan: FinetunePlan, store: FrameStore) -> dict[str, str]:
    if OBJECT in {category.name for category in plan.parent.categories}:
        return {}
    side = plan.preset.short_side
    return nearest_classes(plan.parent, plan.split.training, plan.class_names, side, store)


def make_trainer(
    plan: FinetunePlan, source: ClipSource, iterations: int, output: Path, *, resume: bool = True
) -> Trainer:
    """A trainer of the extended network whose batch norms keep their statistics."""
    preset, settings = plan.preset, plan.settings
    first = plan.split.training[0]
    size = resized_size(first.height, first.width, preset.short_side, 1333)
    config = TrainConfig(
        output=output,
        stages=(
            StageConfig(
                iterations,
                num_frames=preset.num_frames,
                batch_size=preset.batch_size,
                sizes=(size,),
                difficulties=("easy", "medium"),
            ),
        ),
        data=DataConfig(num_workers=0),
        optimizer=OptimizerConfig(
            lr=preset.lr,
            backbone_lr=preset.backbone_lr,
            clip_norm=1.0,
            warmup_iterations=min(30, iterations // 10),
            schedule="cosine",
            cosine_start=0.3,
            ema_decay=0.99 if iterations > 200 else 0.95,
        ),
        categories=plan.class_names,
        seed=settings.seed,
        device=settings.device,
        precision=training_precision(resolve_device(settings.device)),
        frozen_stages=preset.frozen_stages,
        checkpoint_seconds=60,
        export_seconds=float("inf"),
    )
    model = with_classes(plan.parent, plan.class_names, nearest=plan.nearest)
    for module in model.backbone.modules():
        if isinstance(module, BatchNorm):
            module.frozen = True  # a handful of frames has no statistics worth learning
    return Trainer(config, source=source, model=model, resume=resume)


def training_precision(device: torch.device) -> Literal["fp32", "bf16", "fp16"]:
    """Mixed precision where the device computes it natively."""
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    if device.type == "cpu" and torch.cpu._is_avx512_bf16_supported():
        return "bf16"
    return "fp32"


def _settled_iterations(plan: FinetunePlan, source: ClipSource, job: JobContext) -> int:
    """As many iterations as fit into the time on this machine; a resumed run keeps its number."""
    note = plan.run_folder / "plan.json"
    if note.is_file():
        stored = json.loads(note.read_text(encoding="utf-8"))
        return int(stored["iterations"])
    iterations = plan.settings.iterations or _fitting_iterations(plan, source, job)
    with atomic_output(note) as temporary:
        facts = {"iterations": iterations, "settings": plan.settings.to_json()}
        temporary.write_text(json.dumps(facts), encoding="utf-8")
    return iterations


def _fitting_iterations(plan: FinetunePlan, source: ClipSource, job: JobContext) -> int:
    """Time a few iterations of a throw-away trainer."""
    job.advance(0, None, "timing this machine", unit="iterations")
    trial = 8
    with tempfile.TemporaryDirectory() as folder:
        trainer = make_trainer(plan, source, trial, Path(folder), resume=False)
        with closing(trainer.run(JobContext())) as reports:
            begun, warm_up = 0.0, 2
            for number, _ in zip(range(trial - 1), reports, strict=False):
                job.raise_if_cancelled()  # large frames take minutes to time
                if number == warm_up - 1:
                    begun = time.monotonic()
        seconds = (time.monotonic() - begun) / (trial - 1 - warm_up)
    fitting = int(60 * plan.preset.minutes / seconds)
    return max(30, min(plan.preset.max_iterations, fitting))


# ---- judging and writing ----------------------------------------------------------------


def _score(
    plan: FinetunePlan,
    model: IFC,
    store: FrameStore,
    job: JobContext,
    short_side: int | None = None,
) -> HeldOutScore:
    """On the held-out frames, at the size that the new model proposes at or at another.

    The parent is judged at its own: that is what the person has, and what would be given up.
    """
    side = plan.preset.short_side if short_side is None else short_side
    return score_held_out(model, plan.split.held_out, plan.class_names, side, store, job)


def _score_threshold(plan: FinetunePlan, model: IFC, store: FrameStore, job: JobContext) -> float:
    """What tells right from wrong on the approved frames, or the parent's where none can say."""
    videos = (*plan.split.held_out, *plan.split.training)
    found = fitting_threshold(model, videos, plan.preset.short_side, store, job)
    return plan.parent.preferred_score_threshold if found is None else found


@torch.inference_mode()
def rehearsal_score(model: IFC, seed: int, num_clips: int = 6) -> float:
    """Mean J on generated clips that no training uses: what is left of the old task.

    Args:
        model: The network.
        seed: Of the clips.
        num_clips: How many.

    Returns:
        0 to 1; each object of a frame is compared with the confident mask assigned to it.
    """
    source = SyntheticSource(seed ^ 0x5EED)
    training = model.training
    model.eval()
    ious: list[float] = []
    for number in range(num_clips):
        clip = source(ClipRequest(number, 3, 128, 224, "easy"))
        output = model(model.normalize(clip.frames)[None], aux=False)
        for t in range(len(clip.frames)):
            truth = [mask[t] for mask in clip.masks if mask[t].any()]
            if truth:
                prediction = confident_masks(output, t, clip.frames.shape[1:3])
                ious += assigned_ious(prediction, truth).tolist()
    model.train(training)
    return sum(ious) / max(1, len(ious))


def _compare(plan: FinetunePlan, trained: IFC, store: FrameStore) -> tuple[Path, ...]:
    """Pictures of some held-out frames, before and after."""
    places = [(v, f) for v in plan.split.held_out for f in v.labelled_frames]
    step = max(1, len(places) // 6)
    folder = plan.run_folder / "compare"
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for video, frame in places[::step][:6]:
        sides = ((plan.parent, plan.parent.preferred_short_side), (trained, plan.preset.short_side))
        before, after = (predict_frame(m, video, frame, side, store) for m, side in sides)
        if store.is_broken(video, frame):
            continue
        path = folder / f"{Path(video.name).name}_{frame:06d}.png"
        draw_comparison(path, video, frame, before, after, store)
        written.append(path)
    return tuple(written)


def _write_version(
    plan: FinetunePlan,
    trained: IFC,
    before: HeldOutScore,
    after: HeldOutScore,
    iterations: int,
    share: float,
) -> tuple[Path, CheckpointInfo]:
    model = with_classes(trained.cpu(), final_classes(plan))
    folder = plan.project_folder / "models"
    folder.mkdir(parents=True, exist_ok=True)
    info = CheckpointInfo(
        model.config,
        model.categories,
        preferred_short_side=plan.preset.short_side,
        provenance={
            "parent": plan.parent_name,
            "parent_sha256": getattr(plan.parent, "sha256", ""),
            "project": plan.snapshot.project,
            "run": plan.settings.run_id,
            "trained_on": _frames_by_video(plan.split.training),
            "held_out": _frames_by_video(plan.split.held_out),
            "settings": plan.settings.to_json(),
            "iterations": iterations,
            "trained_share": share,
            "metrics": {"before": _plain(before), "after": _plain(after)},
            "program_version": __version__,
            "created_at": time.time(),
        },
        preferred_score_threshold=model.preferred_score_threshold,
        preferred_duplicate_iou=plan.parent.preferred_duplicate_iou,
        preferred_continuation_score=plan.parent.preferred_continuation_score,
        preferred_lookahead=plan.parent.preferred_lookahead,
    )
    path = folder / f"{_free_name(plan, folder)}.safetensors"
    return path, write_checkpoint(path, info, model.state_dict(), "fp16")


def _frames_by_video(videos: Sequence[LabelledVideo]) -> dict[str, list[int]]:
    return {video.name: list(video.labelled_frames) for video in videos}


def _plain(score: HeldOutScore) -> dict[str, float | int | None]:
    mean_j = None if score.mean_j != score.mean_j else score.mean_j
    return {"num_masks": score.num_masks, "mean_j": mean_j, "ap": score.ap}


def _free_name(plan: FinetunePlan, folder: Path) -> str:
    """The name that was asked for, or one made of the project's, not in use yet."""
    taken = {*plan.snapshot.model_names, *(file.stem for file in folder.glob("*.safetensors"))}
    wanted = plan.settings.name or "".join(
        c if c.isalnum() or c in "-_" else "-" for c in plan.snapshot.project
    )
    if plan.settings.name and wanted not in taken:
        return wanted
    number = 1
    while f"{wanted}-{number}" in taken:
        number += 1
    return f"{wanted}-{number}"
