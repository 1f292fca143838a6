"""The training loop: one iteration after the other, resumable to the bit."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from ifc_core.data.clip_source import ClipSource, load_batches
from ifc_core.data.remix import RawBatch, as_rendered, collate_raw, remix
from ifc_core.data.sample import ClipBatch, ClipSample, collate_clips
from ifc_core.errors import CheckpointError, ConfigError
from ifc_core.io.atomic import ready_folder
from ifc_core.jobs import JobCancelled, JobContext
from ifc_core.models.checkpoint import CheckpointInfo, write_checkpoint
from ifc_core.models.ifc import IFC, IFCOutput
from ifc_core.models.preferences import ModelPreferences
from ifc_core.models.registry import resolve_device
from ifc_core.training.config import StageConfig, TrainConfig
from ifc_core.training.criterion import Criterion, LayerOutput, LossResult, matched_iou
from ifc_core.training.distributed import Ranks, joined_ranks, saved_if_lost
from ifc_core.training.ema import WeightAverage
from ifc_core.training.guide import (
    POSITION_WEIGHT,
    GuidedNetwork,
    TrainingGuide,
    guided_losses,
    guided_targets,
)
from ifc_core.training.matcher import HungarianMatcher
from ifc_core.training.old_task import WORLD_KEY
from ifc_core.training.optimizer import make_optimizer, set_learning_rate
from ifc_core.training.place_matching import matching_loss
from ifc_core.training.plan import BatchPlan, first_use, position_of
from ifc_core.training.run_files import EXPORT_NAME, STATE_NAME
from ifc_core.training.run_state import (
    check_same_run,
    keeps_statistics,
    lesson_of,
    load_tensors,
    plain_settings,
    read_state,
    state_tensors,
    write_shards,
    write_state,
)
from ifc_core.training.schedule import lr_factor
from ifc_core.training.skipped_steps import SkippedSteps, take_step
from ifc_core.training.sources import open_data
from ifc_core.training.starting import build_model, new_model, told_of_a_run
from ifc_core.training.step_report import StepReport, append_to_log, forget_log_from
from ifc_core.training.unwritten import Unwritten

MODEL_NAME = "model.safetensors"
_SEED_STRIDE = 1_000_003


def layers_of(output: IFCOutput) -> list[LayerOutput]:
    """The network's output as the list of decoder layers that the losses take."""
    layers = [
        LayerOutput(a.class_logits, a.mask_logits, a.boxes)
        for a in output.aux
        if a.mask_logits is not None
    ]
    return [*layers, LayerOutput(output.class_logits, output.mask_logits, output.boxes)]


class Trainer:
    """A run: model, optimizer, schedule, average, data and files.

    Args:
        config: Of the run.
        source: Of the clips; by default what ``config.data`` names.
        model: Network to train; by default built from the settings.
        ranks: This process among others.
        resume: Go on from the checkpoint in the output folder, where there is one.
        tell: Gets sentences about what the run starts from; the first process alone tells them.
    """

    def __init__(
        self,
        config: TrainConfig,
        *,
        source: ClipSource | None = None,
        model: IFC | None = None,
        ranks: Ranks | None = None,
        resume: bool = True,
        tell: Callable[[str], object] = lambda _: None,
    ) -> None:
        if source is None:
            config, source = open_data(config)
        self.config = config
        self.source = source
        self.ranks = ranks or Ranks()
        self.device = resolve_device(config.device)
        self.iteration = 0
        self.skipped = SkippedSteps()
        self.damaged: set[str] = set(getattr(source, "left_out", ()))  # of pictures in a folder
        self._parts: list[ClipBatch | RawBatch] = []
        self._remixes = any(stage.remix for stage in config.stages)
        self._check_batches()
        self._tell = tell if self.ranks.is_main else lambda _: None
        self._began_from = plain_settings(config)["init"]
        resumes = resume and self.state_path.is_file()
        if model is None:  # what a run began from need not be there any more
            model = new_model(config) if resumes else build_model(config, self._tell)
        self.model = model.to(self.device)
        if config.channels_last:
            self.model = self.model.to(memory_format=torch.channels_last)
        self.model.backbone.freeze_stages(config.frozen_stages)
        self.guide = self._make_guide()
        self.optimizer = make_optimizer(self.model, config.optimizer, self.guide)
        decay = config.optimizer.ema_decay
        self.average = WeightAverage(self.model, decay) if decay else None
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=config.precision == "fp16")
        matcher = HungarianMatcher(config.matching.dice_weight, config.matching.cost)
        self.criterion = Criterion(matcher, config.loss, self.ranks.mean)
        self._unwritten = Unwritten()
        self._is_whole = True  # what there is now is what an iteration begins with
        if self.ranks.is_main:
            ready_folder(config.output)
        if resumes:
            self.load_state()
        if not self.ranks.agree(self.iteration, self.device):
            sentence = f"Not all processes find the same {STATE_NAME}; copy it to every machine."
            raise CheckpointError(sentence, path=self.state_path)
        self._network: nn.Module = self.model
        if self.guide is not None:
            self._network = GuidedNetwork(self.model, self.guide)
        if self.ranks.world_size > 1:
            self._network = DistributedDataParallel(self._network)

    def _make_guide(self) -> TrainingGuide | None:
        if not self.config.guided_queries:
            return None
        torch.manual_seed(self.config.seed)
        facts = self.model.config
        return TrainingGuide(facts.hidden_dim, facts.mask_logit_scale).to(self.device)

    def _check_batches(self) -> None:
        for stage in self.config.stages:
            if stage.batch_size % (self.ranks.world_size * stage.accumulate):
                raise ConfigError(
                    f"A batch of {stage.batch_size} does not divide evenly among "
                    f"{self.ranks.world_size} processes with {stage.accumulate} passes each.",
                    name="batch_size",
                    value=stage.batch_size,
                )

    # ---- the loop -----------------------------------------------------------------------

    def run(self, context: JobContext | None = None) -> Generator[StepReport, None, None]:
        """Train to the end of the last stage.

        Checkpoints and exports are written as time passes and at the end. A run that is
        cancelled writes its checkpoint first. One that cannot be written in between is told with
        the progress, and the run goes on.

        Args:
            context: Progress and cancellation, looked at once an iteration or oftener.

        Yields:
            A report for each iteration.

        Raises:
            JobCancelled: The job was cancelled; the state is saved.
            ConfigError: Too many iterations had gradients that are not finite; the state is saved.
            OutputError: What the run leaves at its end cannot be written.
        """
        job = context or JobContext()
        self._parts = []
        if self.ranks.is_main:
            forget_log_from(self.config.output, self.iteration)
        plan = BatchPlan(self.config, self.iteration, self.ranks.rank, self.ranks.world_size)
        data = self.config.data
        collate: Callable[[Sequence[ClipSample]], ClipBatch | RawBatch] = collate_raw
        if not self._remixes:
            collate = partial(collate_clips, stride=self.config.matching.stride)
        batches = load_batches(
            self.source,
            plan,  # type: ignore[arg-type]  # the plan is lazy
            collate,
            num_workers=data.num_workers,
            prefetch=data.prefetch,
            pinned=self.device.type == "cuda",
        )
        saved = exported = time.monotonic()
        with closing(batches) as stream:  # type: ignore[type-var]
            while self.iteration < self.config.iterations:
                self._stop_if_cancelled(job)
                yield self._iterate(stream, job)
                self._stop_if_diverged()
                self._report_progress(job)
                now = time.monotonic()
                if now - saved > self.config.checkpoint_seconds:
                    self._unwritten.attempt("state", self.save_state)
                    saved = now
                if now - exported > self.config.export_seconds:
                    self._unwritten.attempt("weights", self.export)
                    exported = now
        self._write_last()

    def _write_last(self) -> None:
        """Without an export the network itself is what is wanted, and it is there."""
        if self.config.export_seconds == float("inf"):
            self._unwritten.attempt("state", self.save_state)
            return
        self.save_and_export()

    def _stop_if_cancelled(self, job: JobContext) -> None:
        if self.ranks.any(job.is_cancelled, self.device):
            self.save_state()
            raise JobCancelled("Training was stopped; its state is saved.")

    def _stop_if_diverged(self) -> None:
        self.skipped.stop_if_diverged(
            self.iteration,
            self.config.iterations,
            self.state_path,
            partial(self._unwritten.attempt, "state", self.save_state),
            lr=self.config.optimizer.lr,
            is_main=self.ranks.is_main,
            finds_scale=self.scaler.is_enabled(),
        )

    def _report_progress(self, job: JobContext) -> None:
        told = f"training{self.skipped}"
        if self.damaged:
            told += f", {len(self.damaged)} unusable pictures left out ({min(self.damaged)})"
        told += str(self._unwritten)
        try:
            job.advance(self.iteration, self.config.iterations, told, unit="iterations")
        except JobCancelled:
            return  # the loop stops at its own check, in all processes alike

    def _iterate(self, stream: Iterator[ClipBatch | RawBatch], job: JobContext) -> StepReport:
        """One optimizer step over the process's micro-batches; alone it may stop between them."""
        config, started = self.config, time.monotonic()
        place = position_of(config.stages, self.iteration)
        stage = config.stages[place.stage]
        if anchors := stage.anchor_queries and place.begins:
            self._anchor_queries()
        self._is_whole = not anchors and not keeps_statistics(self.model)  # until the step
        within = self.ranks.world_size == 1 and self._is_whole
        on_cpu = self.device.type == "cpu"  # seeding absent devices takes a thousand times as long
        seed_all = torch.default_generator.manual_seed if on_cpu else torch.manual_seed
        seed_all(config.seed + _SEED_STRIDE * (1 + self.iteration) + self.ranks.rank)
        rate = set_learning_rate(
            self.optimizer, lr_factor(config.optimizer, self.iteration, config.iterations)
        )
        self.model.train()
        self.optimizer.zero_grad(set_to_none=True)
        loss, terms, iou = 0.0, dict[str, float](), float("nan")
        if not self._parts or first_use(config.stages, self.iteration) == self.iteration:
            self._parts = [next(stream).to(self.device) for _ in range(stage.accumulate)]
            self.damaged.update(name for part in self._parts for name in part.damaged)
        for part, fetched in enumerate(self._parts):
            if within:  # nothing has changed yet
                self._stop_if_cancelled(job)
            batch = self._supervised(fetched, stage)
            last = part == stage.accumulate - 1
            output, result = self._forward_backward(batch, stage.accumulate, synchronise=last)
            iou, found = self._figures(output, batch, result)
            loss += found.pop("") / stage.accumulate
            for name, value in found.items():
                terms[name] = terms.get(name, 0.0) + value / stage.accumulate
        if within:
            self._stop_if_cancelled(job)
        norm = self._step()
        self.iteration, self._is_whole = self.iteration + 1, True
        report = StepReport(
            self.iteration - 1, config.iterations, place.stage, loss, terms, iou, rate, norm,
            stage.batch_size / max(1e-6, time.monotonic() - started), self.skipped.total,
            len(self.damaged),
        )  # fmt: skip
        if self.ranks.is_main and report.iteration % config.log_every == 0:
            self._unwritten.attempt("log", partial(append_to_log, config.output, report))
        return report

    def _supervised(self, batch: ClipBatch | RawBatch, stage: StageConfig) -> ClipBatch:
        """The batch as this iteration sees it, with masks at the scale that is compared."""
        if isinstance(batch, ClipBatch):
            return batch
        compose = remix if stage.remix else as_rendered
        return compose(batch, self.config.matching.stride)

    def _anchor_queries(self) -> None:
        """Let the learnt queries take over from guided ones; their moments start anew."""
        if self.guide is None:
            return  # the settings do not allow it
        for name, parameter in self.guide.anchor_queries(self.model).items():
            self.optimizer.state.pop(parameter, None)
            if self.average is not None:
                self.average.tensors[name].copy_(parameter.detach())

    def _figures(
        self, output: IFCOutput, batch: ClipBatch, result: LossResult
    ) -> tuple[float, dict[str, float]]:
        """Mean IoU of this process's pairs, and the terms over all processes (total: "")."""
        named = {"": result.total, **result.terms}
        values = self.ranks.mean(torch.stack([v.detach().float() for v in named.values()]))
        # Fetched at once, since each look at the device waits for it.
        matched = matched_iou(output.mask_logits, batch.targets, result)
        iou, *means = torch.cat([matched[None], values]).tolist()
        return iou, dict(zip(named, means, strict=True))

    def _forward_backward(
        self, batch: ClipBatch, parts: int, *, synchronise: bool
    ) -> tuple[IFCOutput, LossResult]:
        frames = self.model.normalize(batch.frames)  # (B, T, 3, H, W)
        if batch.padding_mask is not None:
            frames = frames.masked_fill(batch.padding_mask[:, None, None], 0.0)
        with self._gradient_exchange(synchronise):
            output, result = self._losses(frames, batch)
            self.scaler.scale(result.total / parts).backward()
        return output, result

    def _losses(self, frames: torch.Tensor, batch: ClipBatch) -> tuple[IFCOutput, LossResult]:
        if self.guide is None:
            with self._autocast():
                output: IFCOutput = self._network(frames, batch.padding_mask)
            return output, self.criterion(layers_of(output), batch.targets)
        guided = guided_targets(batch.targets, self.config.guided_queries)
        with self._autocast():
            output, logits, position_error, early = self._network(
                frames, batch.padding_mask, guided.boxes, guided.pixels
            )
        result = self.criterion(layers_of(output), batch.targets)
        focal, dice = guided_losses(logits, guided, batch.targets)
        weights = self.criterion.weights
        terms = {
            "loss_position": position_error.detach(),
            "loss_pixel_dice": dice[0].detach(),
            "loss_guided_mask": focal[-1].detach(),
            "loss_guided_dice": dice[-1].detach(),
        }
        total = result.total + weights.focal * focal.sum() + weights.dice * dice.sum()
        total = total + POSITION_WEIGHT * position_error
        if self.config.matching_weight and frames.shape[1] > 1:
            error = matching_loss(early, batch.targets)
            terms["loss_matching"] = error.detach()
            total = total + self.config.matching_weight * error
        return output, LossResult(total, {**result.terms, **terms}, result.assignments)

    def _gradient_exchange(self, synchronise: bool) -> AbstractContextManager[None]:
        if isinstance(self._network, DistributedDataParallel) and not synchronise:
            exchange: AbstractContextManager[None] = self._network.no_sync()
            return exchange
        return nullcontext()

    def _autocast(self) -> AbstractContextManager[Any]:
        kinds = {"bf16": torch.bfloat16, "fp16": torch.float16}
        kind = kinds.get(self.config.precision)
        return torch.autocast(self.device.type, dtype=kind, enabled=kind is not None)

    def _step(self) -> float:
        limit = self.config.optimizer.clip_norm or float("inf")
        parts = (self.model, self.optimizer, limit, self.skipped, self.average)
        return take_step(*parts, self.scaler)

    # ---- files --------------------------------------------------------------------------

    @property
    def state_path(self) -> Path:
        """The checkpoint that a run goes on from."""
        return self.config.output / STATE_NAME

    @property
    def export_path(self) -> Path:
        """Folder of the averaged weights, sharded."""
        return self.config.output / EXPORT_NAME

    @property
    def model_path(self) -> Path:
        """The averaged weights as one file that the program can propose with."""
        return self.config.output / MODEL_NAME

    def save_state(self) -> None:
        """Write all that is needed to go on as if the run had never stopped."""
        if not self.ranks.is_main:
            return
        tensors = state_tensors(self.model, self.optimizer, self.average, self.guide)
        facts = {
            "iteration": self.iteration,
            "average_updates": self.average.updates if self.average else 0,
            "skipped": self.skipped.total,
            "scaler": self.scaler.state_dict(),
            "model": self.model.config.to_dict(),
            "settings": plain_settings(self.config) | {"init": self._began_from},
        }
        write_state(self.state_path, tensors, facts)

    def save_and_export(self) -> None:
        """Write state and weights, the one even where there is no room for the other."""
        try:
            self.save_state()
        finally:
            self.export()

    def save_what_is_whole(self) -> None:
        """Save what an iteration began with that came to no end, as others of its processes did."""
        if self._is_whole:
            self._unwritten.attempt("state", self.save_state)

    def load_state(self) -> None:
        """Go on from the checkpoint in the output folder.

        The random numbers of an iteration are functions of seed and iteration, and so are its
        samples, so that nothing else needs to be restored.

        Raises:
            CheckpointError: It is damaged, of another architecture or of another run.
        """
        tensors, facts = read_state(self.state_path)
        if facts["model"] != self.model.config.to_dict():
            raise CheckpointError(
                f"{self.state_path} is of another architecture; choose another output folder.",
                path=self.state_path,
            )
        mine, theirs = plain_settings(self.config), facts.get("settings", {})
        self._began_from = theirs.get("init", self._began_from)
        check_same_run(self.state_path, lesson_of(mine), lesson_of(theirs))
        parts = (self.model, self.optimizer, self.average, self.guide)
        load_tensors(self.state_path, tensors, *parts, int(facts.get("average_updates", 0)))
        self.scaler.load_state_dict(facts["scaler"])
        self.iteration = int(facts["iteration"])
        self.skipped = SkippedSteps(int(facts.get("skipped", 0)))
        place = (self.config.output, self.iteration, self.config.iterations)
        self._tell(told_of_a_run(*place, mine, theirs))

    def averaged_weights(self) -> dict[str, torch.Tensor]:
        """The averaged weights, or the present ones where no average is kept."""
        return self.average.tensors if self.average is not None else self.model.state_dict()

    def export(self) -> None:
        """Write the averaged weights in half precision: as one model file, and as shards."""
        if not self.ranks.is_main:
            return
        last, data = self.config.stages[-1], self.config.data
        world = {WORLD_KEY: data.synthetic.get("world", "things")}
        info = CheckpointInfo(
            self.model.config,
            self.model.categories,
            ModelPreferences(
                short_side=max(min(size) for size in last.sizes),
                size_multiple=self.config.size_multiple,
            ),
            provenance={"data": data.kind, **(world if data.kind == "synthetic" else {}),
                        "seed": self.config.seed, "iteration": self.iteration,
                        "iterations": self.config.iterations},
        )  # fmt: skip
        write_checkpoint(self.model_path, info, self.averaged_weights(), "fp16")
        facts = {
            "iteration": self.iteration,
            "model": self.model.config.to_dict(),
            "categories": list(self.config.categories),
            "seed": self.config.seed,
        }
        write_shards(self.export_path, self.averaged_weights(), facts)


def train(
    config: TrainConfig,
    context: JobContext | None = None,
    stop_after_seconds: float | None = None,
    tell: Callable[[str], object] = lambda _: None,
) -> Path:
    """Run a training to its end, alone or as one of ``torchrun``'s processes.

    Args:
        config: Of the run; a checkpoint in its output folder is resumed.
        context: Progress and cancellation.
        stop_after_seconds: Save the state, export and return after this time; the same call
            goes on from there. ``None`` runs to the end.
        tell: Gets sentences about what the run starts from.

    Returns:
        The folder of the exported weights.

    Raises:
        JobCancelled: The job was cancelled; the state is saved.
    """
    limit = float("inf") if stop_after_seconds is None else time.monotonic() + stop_after_seconds
    with joined_ranks(resolve_device(config.device).type) as ranks:
        trainer = Trainer(config, ranks=ranks, tell=tell)
        lost = saved_if_lost(trainer.save_what_is_whole)
        with closing(trainer.run(context)) as reports, lost:
            for _ in reports:
                if ranks.any(time.monotonic() > limit, trainer.device):
                    trainer.save_and_export()
                    break
        return trainer.export_path
