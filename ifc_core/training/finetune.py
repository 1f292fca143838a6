"""One-click fine-tuning: from a snapshot of a project to a new model version."""

from __future__ import annotations

import copy
import json
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ifc_core.data.augmentation import Augmentation
from ifc_core.data.clip_source import ClipSource, MixedSource
from ifc_core.data.labelled_video import (
    FrameStore,
    LabelledVideo,
    check_picture_size,
)
from ifc_core.data.small_objects import count_unseen
from ifc_core.data.video_source import VideoSource
from ifc_core.errors import ConfigError, DeviceMemoryError, OutputError
from ifc_core.inference.device_memory import is_out_of_memory
from ifc_core.io.atomic import atomic_output
from ifc_core.jobs import JobContext
from ifc_core.models.backbone import BatchNorm
from ifc_core.models.ifc import IFC
from ifc_core.models.registry import resolve_device
from ifc_core.training.blend import keep_old_task, most_frames
from ifc_core.training.class_head import OBJECT, with_classes
from ifc_core.training.close_views import judged_parts
from ifc_core.training.config import DataConfig, OptimizerConfig, StageConfig, TrainConfig
from ifc_core.training.finetune_plan import FinetunePlan, final_classes, plan_finetune
from ifc_core.training.finetune_settings import (
    FinetuneEvent,
    FinetunePreset,
    FinetuneResult,
    FinetuneSettings,
    FinetuneStarted,
    FinetuneStep,
    FinetuneValidation,
    HeldOutScore,
    event_to_json,
)
from ifc_core.training.finetune_version import write_version
from ifc_core.training.fitting_edges import EDGE_FRAMES, fitting_edges
from ifc_core.training.held_out import draw_comparison, predict_frame, score_held_out
from ifc_core.training.held_out_split import restrict
from ifc_core.training.judging import FrameCount, judge
from ifc_core.training.nearest_class import nearest_classes
from ifc_core.training.old_task import first_world
from ifc_core.training.outcome import memory_sentence
from ifc_core.training.precision import training_precision
from ifc_core.training.rehearsal import (
    DIFFICULTIES,
    NUM_CLIPS,
    NUM_FRAMES,
    rehearsal_score,
    rehearsal_source,
)
from ifc_core.training.run_files import (
    NOTE_NAME,
    TRAINING_FOLDER,
    keep_result,
    read_note,
    training_lock,
)
from ifc_core.training.score_threshold import THRESHOLD_FRAMES, fitting_threshold
from ifc_core.training.trainer import Trainer

_SMALLEST_SIDE = 128
_MOST_PICTURES = 6
LOOK_FRAMES = 24
"""Held-out frames that a look during training judges by, at most."""
VERDICT_FRAMES = 200
"""Held-out frames that the verdict rests on, at most, evenly spread; more would tell the same."""


def finetune(
    project_folder: Path,
    settings: FinetuneSettings,
    context: JobContext | None = None,
    *,
    holds_lock: bool = False,
) -> Iterator[FinetuneEvent]:
    """Learn from what a project's people corrected and approved.

    The caller made the snapshot in ``runs/RUN_ID`` and enters the new model version into the
    project when the result comes; this job never opens the project's database. A job that was
    cancelled or killed goes on where it was when it is started again with the same ``run_id``.

    Args:
        project_folder: The ``NAME.ifcproj`` folder.
        settings: What the person chose.
        context: Progress and cancellation, looked at once an iteration and judged frame.
        holds_lock: The caller holds the run's
            :func:`~ifc_core.training.run_files.training_lock`.

    Yields:
        The plan, then iterations and looks at the held-out frames, then the result, which is
        also kept in the run's folder until :func:`ifc_core.training.entering.enter_version`.

    Raises:
        JobCancelled: The job was cancelled; its state is saved.
        FormatError: The snapshot, or what a stopped run had settled, cannot be used.
        ProjectError: A video of the project is not there, or is not what was annotated.
        ProjectLockedError: Another process trains this run.
        VideoError: A video cannot be read, or has another shape than what was annotated.
        CheckpointError: The parent model cannot be used.
        ConfigError: The parent cannot be trained: its gradients are not finite.
        DeviceMemoryError: Not even the smallest fallback fits.
    """
    job, begun = context or JobContext(), time.monotonic()
    run_folder = Path(project_folder) / "runs" / settings.run_id
    with nullcontext() if holds_lock else training_lock(run_folder):
        yield from _trained_and_judged(plan_finetune(project_folder, settings), job, begun)


def _trained_and_judged(
    plan: FinetunePlan, job: JobContext, begun: float
) -> Iterator[FinetuneEvent]:
    store = FrameStore()
    try:
        for video in (*plan.split.training, *plan.split.held_out):
            job.raise_if_cancelled()
            check_picture_size(video, store)
        count = FrameCount(job, "judging the present model", _parts(plan)[1:3])
        before = _score(plan, plan.parent, store, job, count, plan.parent.preferences.short_side)
        rehearsal_before = _rehearsed(plan, plan.parent, count)
        run = yield from _train_with_fallback(plan, store, job, before)
        plan = run.plan
        count = FrameCount(job, "judging the new model", _parts(plan))
        trained, share = run.model, 1.0
        if plan.rehearsed:
            trained, share = keep_old_task(plan, trained, store, job, count)
        trained = _with_final_classes(plan, trained)
        count.end_part()
        after = _score(plan, trained, store, job, count)
        if after.num_masks:
            yield FinetuneValidation(run.iterations, after)
        rehearsal_after = _rehearsed(plan, trained, count)
        pictures = _compare(plan, trained, store, count)
        found = _score_threshold(plan, trained, store, job, count)
        trained.preferences = replace(trained.preferences, score_threshold=found)
        edges = _edges(plan, trained, store, job, count)
        trained.preferences = replace(trained.preferences, edges=edges)
        path, info = write_version(plan, trained, before, after, run.iterations, share)
    finally:
        store.close()
    verdict = judge(before, after)
    result = FinetuneResult(
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
        iterations=run.iterations,
        seconds=time.monotonic() - begun,
        comparisons=pictures,
        provenance=info.provenance,
        trained_share=share,
        skipped=run.skipped,
        num_damaged=run.num_damaged,
        fallback=run.fallback,
        num_seen=plan.split.num_seen,
        unseen=_unseen(plan),
    )
    with suppress(OutputError):  # who waits for the result enters it without that
        keep_result(plan.run_folder, event_to_json(result))
    yield result


def _parts(plan: FinetunePlan) -> tuple[int, ...]:
    """Frames that the parts of judging take at most: blending, held out, old task and so on."""
    held_out = sum(len(video.labelled_frames) for video in _judged_by(plan, VERDICT_FRAMES))
    return (
        most_frames(plan) if plan.rehearsed else 0,
        held_out,
        NUM_CLIPS * NUM_FRAMES if plan.rehearsed else 0,
        min(_MOST_PICTURES, held_out),
        THRESHOLD_FRAMES,
        min(EDGE_FRAMES, held_out),
    )


def _judged_by(plan: FinetunePlan, most: int) -> tuple[LabelledVideo, ...]:
    """So many held-out frames, alike for both models and whatever memory allows."""
    return judged_parts(plan.split.held_out, most, plan.wanted_side)


# ---- training ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Run:
    """What training came to: the network, and the plan as memory allowed it."""

    plan: FinetunePlan
    model: IFC
    iterations: int
    skipped: int
    num_damaged: int
    fallback: tuple[int, int] | None


def _train_with_fallback(
    plan: FinetunePlan, store: FrameStore, job: JobContext, before: HeldOutScore
) -> Generator[FinetuneEvent, None, _Run]:
    """Train; where memory runs out, with fewer clips at once, then with smaller frames."""
    noted = read_note(plan.run_folder)
    fallback: tuple[int, int] | None = None
    if "batch_size" in noted:  # an earlier part of the run fell back to it
        fallback = int(noted["batch_size"]), int(noted["short_side"])
    while True:
        if fallback is not None:
            preset = replace(plan.preset, batch_size=fallback[0], short_side=fallback[1])
            plan = replace(plan, preset=preset)
        try:
            return (yield from _train(plan, store, job, fallback, before))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            smaller = _smaller(plan, error)
            fallback = smaller.batch_size, smaller.short_side
            _note(plan, batch_size=smaller.batch_size, short_side=smaller.short_side)
        except ConfigError as error:
            if error.name != "lr":
                raise
            raise ConfigError(
                f"{plan.parent_name} cannot be trained on these frames, since its gradients are "
                "not finite; start from another model.",
                name="lr",
                value=error.value,
            ) from error


def _smaller(plan: FinetunePlan, error: BaseException) -> FinetunePreset:
    preset = plan.preset
    if preset.batch_size > 1:
        return replace(preset, batch_size=preset.batch_size // 2)
    if preset.short_side > _SMALLEST_SIDE:
        return replace(preset, short_side=max(_SMALLEST_SIDE, preset.short_side * 3 // 4))
    raise DeviceMemoryError(
        "There is too little memory to train even with the smallest frames.",
        device=str(resolve_device(plan.settings.device)),
    ) from error


def _train(
    plan: FinetunePlan,
    store: FrameStore,
    job: JobContext,
    fallback: tuple[int, int] | None,
    before: HeldOutScore,
) -> Generator[FinetuneEvent, None, _Run]:
    """One attempt.

    It begins with how the parent does (``before``), so that one curve holds all scores.
    """
    source = training_source(plan, store)
    plan = replace(plan, nearest=_nearest_classes(plan, store, job))
    iterations = _settled_iterations(plan, source, job)
    trainer = make_trainer(plan, source, iterations, plan.run_folder / TRAINING_FOLDER)
    yield FinetuneStarted(
        iterations,
        trainer.iteration,
        str(trainer.device),
        final_classes(plan),
        sum(len(v.labelled_frames) for v in plan.split.training),
        sum(len(v.labelled_frames) for v in plan.split.held_out),
        "" if fallback is None else str(memory_sentence(*fallback)),
        fallback,
        plan.split.num_seen,
        _unseen(plan),
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
        yield FinetuneStep(report.iteration, iterations, report.loss, terms, eta, report.skipped)
        if plan.split.held_out and done % every == 0 and done < iterations:
            judged.load_state_dict(trainer.averaged_weights())
            frames = sum(len(v.labelled_frames) for v in _judged_by(plan, LOOK_FRAMES))
            count = FrameCount(job, "judging the model so far", (frames,))
            score = _score(plan, judged, store, job, count, most=LOOK_FRAMES)
            yield FinetuneValidation(done, score)
    judged.load_state_dict(trainer.averaged_weights())
    skipped, damaged = trainer.skipped.total, len(trainer.damaged)
    return _Run(plan, judged.eval(), iterations, skipped, damaged, fallback)


def _unseen(plan: FinetunePlan) -> tuple[int, int, int] | None:
    """Masks that whole frames do not show, as :class:`FinetuneStarted` tells them."""
    found = count_unseen(plan.split.training, plan.preset.short_side)
    return (found.unseen, found.side, found.smallest_px) if found.unseen else None


def training_source(plan: FinetunePlan, store: FrameStore) -> ClipSource:
    """Clips of the project, mixed with generated ones where the old task can be rehearsed."""
    seed = plan.settings.seed
    videos = VideoSource(
        seed,
        plan.split.training,
        augmentation=Augmentation(("flip", "affine", "colour")),
        still_share=0.5,
        labelled_share=0.5,
        close_up=True,
        short_side=plan.preset.short_side,
        size_multiple=plan.parent.preferences.size_multiple,
        store=store,
    )
    if plan.rehearsed is None:
        return videos
    generated = rehearsal_source(seed, plan.rehearsed, plan.class_names)
    share = plan.preset.rehearsal_share
    return MixedSource(seed + 1, (videos, generated), (1 - share, share))


def _nearest_classes(plan: FinetunePlan, store: FrameStore, job: JobContext) -> dict[str, str]:
    if OBJECT in {category.name for category in plan.parent.categories}:
        return {}
    side = plan.preset.short_side
    return nearest_classes(plan.parent, plan.split.training, plan.class_names, side, store, job)


def make_trainer(
    plan: FinetunePlan, source: ClipSource, iterations: int, output: Path, *, resume: bool = True
) -> Trainer:
    """A trainer of the extended network whose batch norms keep their statistics."""
    preset, settings = plan.preset, plan.settings
    config = TrainConfig(
        output=output,
        stages=(
            StageConfig(
                iterations,
                num_frames=preset.num_frames,
                batch_size=preset.batch_size,
                sizes=(plan.frame_size(plan.split.training[0]),),
                difficulties=DIFFICULTIES[first_world(plan.parent)],
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


def _settled_iterations(plan: FinetunePlan, source: ClipSource, job: JobContext) -> int:
    """As many iterations as fit into the time on this machine; a resumed run keeps its number."""
    noted = read_note(plan.run_folder)
    if "iterations" in noted:
        return int(noted["iterations"])
    iterations = plan.settings.iterations or _fitting_iterations(plan, source, job)
    _note(plan, iterations=iterations, settings=plan.settings.to_json())
    return iterations


def _note(plan: FinetunePlan, **facts: Any) -> None:
    """Keep what a resumed run has to do alike."""
    text = json.dumps(read_note(plan.run_folder) | facts)
    with atomic_output(plan.run_folder / NOTE_NAME) as temporary:
        temporary.write_text(text, encoding="utf-8")


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
    count: FrameCount,
    short_side: int | None = None,
    *,
    most: int | None = None,
) -> HeldOutScore:
    """On the held-out frames, at the size that the new model proposes at or at another.

    The parent is judged at its own: that is what the person has, and what would be given up.
    A look at the ``most`` frames tells no noise; the verdict rests on more, with it.
    """
    side = plan.preset.short_side if short_side is None else short_side
    videos = _judged_by(plan, VERDICT_FRAMES if most is None else most)
    names, told = plan.class_names, most is None
    score = score_held_out(model, videos, names, side, store, job, count, with_noise=told)
    count.end_part()
    return score


def _rehearsed(plan: FinetunePlan, model: IFC, count: FrameCount) -> float | None:
    task, seed = plan.rehearsed, plan.settings.seed
    score = None if task is None else rehearsal_score(model, task.world, seed, count)
    count.end_part()
    return score


def _with_final_classes(plan: FinetunePlan, trained: IFC) -> IFC:
    """What is written is what is judged: a class that goes takes its share of every score."""
    if final_classes(plan) == plan.class_names:
        return trained
    device = next(trained.parameters()).device
    return with_classes(trained, final_classes(plan)).to(device).eval()


def _score_threshold(
    plan: FinetunePlan, model: IFC, store: FrameStore, job: JobContext, count: FrameCount
) -> float:
    """What tells right from wrong on the approved frames, or the parent's where none can say."""
    videos = (*plan.split.held_out, *plan.split.training)
    approved = [restrict(video, sorted(video.exhaustive)) for video in videos]
    parts = judged_parts(approved, THRESHOLD_FRAMES, plan.wanted_side)
    if any(part.window is not None for part in parts):
        videos = parts
    found = fitting_threshold(model, videos, plan.preset.short_side, store, job, count)
    count.end_part()
    return plan.parent.preferences.score_threshold if found is None else found


def _edges(
    plan: FinetunePlan, model: IFC, store: FrameStore, job: JobContext, count: FrameCount
) -> str:
    """The parent's, unless what the model learnt fits better without."""
    videos = _judged_by(plan, EDGE_FRAMES)
    return fitting_edges(model, videos, plan.preset.short_side, store, job, count)


def _compare(
    plan: FinetunePlan, trained: IFC, store: FrameStore, count: FrameCount
) -> tuple[Path, ...]:
    """Pictures of some held-out frames, before and after."""
    places = [(v, f) for v in _judged_by(plan, VERDICT_FRAMES) for f in v.labelled_frames]
    step = max(1, len(places) // _MOST_PICTURES)
    folder = plan.run_folder / "compare"
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for video, frame in places[::step][:_MOST_PICTURES]:
        own = plan.parent.preferences.short_side
        sides = ((plan.parent, own), (trained, plan.preset.short_side))
        before, after = (predict_frame(m, video, frame, side, store) for m, side in sides)
        count.add()
        if store.is_broken(video, frame):
            continue
        part = "" if video.window is None else f"_{video.window.x}_{video.window.y}"
        path = folder / f"{Path(video.name).name}_{frame:06d}{part}.png"
        draw_comparison(path, video, frame, before, after, store)
        written.append(path)
    count.end_part()
    return tuple(written)
