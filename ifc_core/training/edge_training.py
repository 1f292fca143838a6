"""Training of the edge network: draw clips, let a model propose on them, learn from its masks."""

from __future__ import annotations

import json
import math
import time
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader

from ifc_core.data.clip_source import one_thread_each
from ifc_core.errors import CheckpointError, ConfigError
from ifc_core.io.atomic import ready_folder
from ifc_core.jobs import JobCancelled, JobContext
from ifc_core.models.edge_network import (
    EdgeAnswer,
    EdgeNetwork,
    new_edge_network,
    read_edge_network,
    write_edge_network,
)
from ifc_core.models.registry import resolve_device
from ifc_core.training.distributed import Ranks, joined_ranks
from ifc_core.training.edge_batches import Batch, EdgeBatches
from ifc_core.training.edge_config import EdgeTrainConfig
from ifc_core.training.edge_sampling import EdgeSampling
from ifc_core.training.ema import WeightAverage
from ifc_core.training.precision import training_precision
from ifc_core.training.run_files import STATE_NAME
from ifc_core.training.run_state import (
    check_same_run,
    load_tensors,
    read_state,
    state_tensors,
    write_state,
)
from ifc_core.training.skipped_steps import SkippedSteps, take_step
from ifc_core.training.step_report import append_line, forget_log_from
from ifc_core.training.unwritten import Unwritten

WEIGHTS_NAME = "edges.safetensors"
_BAND_PX = 9
_BAND_WEIGHT = 2.0
_QUALITY_WEIGHT = 0.25


def edge_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """How far masks are from the truth, the mean over N crops.

    Args:
        logits: (N, S, S) float.
        truth: (N, S, S) float, 0 to 1.

    Returns:
        Scalar: cross-entropy, in which the band around the true edge counts three times, plus
        1 - Dice.
    """
    weight = 1 + _BAND_WEIGHT * (_largest_near(truth) + _largest_near(-truth))
    entropy = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    entropy = (entropy * weight).sum((1, 2)) / weight.sum((1, 2))
    probs = logits.sigmoid()
    shared, both = (probs * truth).sum((1, 2)), probs.sum((1, 2)) + truth.sum((1, 2))
    return (entropy + 1 - (2 * shared + 1) / (both + 1)).mean()


def _largest_near(values: Tensor) -> Tensor:
    """(N, H, W): the largest value of a square around each; one axis after the other is faster."""
    half = _BAND_PX // 2
    along = F.max_pool2d(values[:, None], (1, _BAND_PX), 1, (0, half))
    return F.max_pool2d(along, (_BAND_PX, 1), 1, (half, 0))[:, 0]


def quality_loss(answer: EdgeAnswer, truth: Tensor) -> Tensor:
    """How far estimates of quality are from the IoU that the masks have.

    Args:
        answer: Of N crops.
        truth: (N, S, S) float, 0 to 1.

    Returns:
        Scalar: the mean cross-entropy with the IoU as target.
    """
    drawn, true = answer.masks.detach() > 0, truth > 0.5
    shared = (drawn & true).sum((1, 2))
    ious = shared / (drawn | true).sum((1, 2)).clamp(min=1)
    return F.binary_cross_entropy_with_logits(answer.quality, ious)


class EdgeTrainer:
    """A run: network, optimizer, average and files. Samples and views depend on the seed alone.

    Args:
        config: Of the run; a checkpoint in its output folder is resumed.
        ranks: This process among others; all see the same output folder.

    Raises:
        ConfigError: A batch does not divide among the processes.
        CheckpointError: The checkpoint is of another run or damaged.
    """

    def __init__(self, config: EdgeTrainConfig, ranks: Ranks | None = None) -> None:
        self.config = config
        self.ranks = ranks or Ranks()
        for stage in config.stages:
            if (
                stage.batch_size % self.ranks.world_size
                or stage.batch_size == self.ranks.world_size
            ):
                raise ConfigError(
                    f"A batch of {stage.batch_size} does not divide evenly among "
                    f"{self.ranks.world_size} processes with two crops or more each.",
                    name="batch_size",
                    value=stage.batch_size,
                )
        self.device = resolve_device(config.device)
        self.iteration = 0
        self.skipped = SkippedSteps()
        chosen = config.precision
        known = training_precision(self.device) if chosen == "auto" else chosen
        self._in_bf16 = known == "bf16"
        torch.manual_seed(config.seed)
        network = self._begun()
        self.network = network.to(self.device).to(memory_format=torch.channels_last).train()
        learning = [(n, p) for n, p in self.network.named_parameters() if p.requires_grad]
        names, parameters = zip(*learning, strict=True)
        self.optimizer = torch.optim.AdamW(
            [{"params": list(parameters), "names": list(names)}],
            lr=config.lr,
            weight_decay=config.weight_decay,
            fused=self.device.type in ("cpu", "cuda"),
        )
        self.average = WeightAverage(self.network, config.ema_decay)
        self.samples = EdgeSampling(config, self.ranks, self.device, in_bf16=self._in_bf16)
        self._unwritten = Unwritten()
        ready_folder(config.output)
        if self.state_path.is_file():
            self._load()
        if not self.ranks.agree(self.iteration, self.device):
            sentence = f"Not all processes find the same {STATE_NAME}; share the output folder."
            raise CheckpointError(sentence, path=self.state_path)
        self._shared: nn.Module = self.network
        if self.ranks.world_size > 1:
            self._shared = DistributedDataParallel(self.network, gradient_as_bucket_view=True)

    def _begun(self) -> EdgeNetwork:
        """The network before the first iteration."""
        if self.config.init is not None:
            return read_edge_network(self.config.init)
        return EdgeNetwork() if self.state_path.is_file() else new_edge_network()

    @property
    def state_path(self) -> Path:
        """The checkpoint that a run goes on from."""
        return self.config.output / STATE_NAME

    @property
    def weights_path(self) -> Path:
        """The averaged weights."""
        return self.config.output / WEIGHTS_NAME

    # ---- iterations ---------------------------------------------------------------------

    def run(self, context: JobContext, until: float) -> bool:
        """Train until the end or a time.

        Args:
            context: Progress and cancellation; a cancelled run saves its state first.
            until: On the clock of ``time.monotonic``.

        Returns:
            Whether the run has come to its end.

        Raises:
            JobCancelled: The job was cancelled; the state is saved.
            ConfigError: Too few masks were drawn, or too many iterations had gradients that are
                not finite; what was learnt before is saved.
            OutputError: What the run leaves at its end cannot be written.
        """
        data = EdgeBatches(self.samples.stores(), self.config, self.ranks)
        if not data.is_ready:
            raise ConfigError(
                "The model drew too few masks on the clips; draw more clips.",
                name="clips",
                value=self.config.clips,
            )
        saved = time.monotonic()
        if self.ranks.is_main:
            forget_log_from(self.config.output, self.iteration)
        loader = self._loader(data)
        with one_thread_each():
            batches = iter(loader)  # workers start here
        for batch in batches:
            if self.ranks.any(time.monotonic() > until or context.is_cancelled, self.device):
                break
            losses = self._step(*batch)
            self._unwritten.attempt("log", partial(self._log, *losses))
            self.iteration += 1
            self._stop_if_diverged()
            with suppress(JobCancelled):  # the loop stops at its own check, in all processes alike
                steps = self.config.iterations
                told = f"learning edges{self.skipped}{self._unwritten}"
                context.advance(self.iteration, steps, told, unit="steps")
            if time.monotonic() - saved > self.config.checkpoint_seconds:
                self._unwritten.attempt("state", self.save)
                saved = time.monotonic()
        self.save()
        context.raise_if_cancelled()
        return self.iteration >= self.config.iterations

    def _stop_if_diverged(self) -> None:
        self.skipped.stop_if_diverged(
            self.iteration,
            self.config.iterations,
            self.state_path,
            partial(self._unwritten.attempt, "state", self.save),
            lr=self.config.lr,
            is_main=self.ranks.is_main,
        )

    def _loader(self, data: EdgeBatches) -> DataLoader[Batch]:
        config = self.config
        return DataLoader(
            data,
            batch_size=None,
            sampler=range(self.iteration, config.iterations),
            num_workers=config.num_workers,
            prefetch_factor=4 if config.num_workers else None,
            generator=torch.Generator(),  # else it draws its seed from the global one
        )

    def _step(
        self, pictures: Tensor, truth: Tensor, prior: Tensor, motion: Tensor, is_matched: Tensor
    ) -> tuple[float, float]:
        """Learn from a batch; gives its losses of edges and of quality."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.lr * self._factor()
        pictures = pictures.to(self.device).contiguous(memory_format=torch.channels_last)
        truth, is_matched = truth.to(self.device), is_matched.to(self.device)
        prior, motion = prior.to(self.device), motion.to(self.device)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self._in_bf16):
            prior = self._answered(pictures, prior, motion)
            said: EdgeAnswer = self._shared(pictures, prior, motion)
        answer = EdgeAnswer(said.masks.float(), said.quality.float())
        loss = self._edge_loss(answer.masks[is_matched], truth[is_matched])
        judged = quality_loss(answer, truth)
        self.optimizer.zero_grad()
        (loss + _QUALITY_WEIGHT * judged).backward()
        limit = self.config.clip_norm
        take_step(self.network, self.optimizer, limit, self.skipped, self.average)
        losses = self.ranks.mean(torch.stack([loss.detach(), judged.detach()]))
        return float(losses[0]), float(losses[1])

    @torch.no_grad()
    def _answered(self, pictures: Tensor, prior: Tensor, motion: Tensor) -> Tensor:
        """The prior, in whose place a share of the crops gets the network's answer to it."""
        share = self.config.repeated
        places = torch.arange(len(prior), dtype=torch.float64) + self.iteration  # by turns
        chosen = ((places * share) % 1 < share).to(self.device)
        if not chosen.any():
            return prior
        self.network.eval()
        answer: EdgeAnswer = self.network(pictures[chosen], prior[chosen], motion[chosen])
        self.network.train()
        prior = prior.clone()
        prior[chosen] = answer.masks.float()
        return prior

    def _edge_loss(self, logits: Tensor, truth: Tensor) -> Tensor:
        """Of the matched crops here, so that the mean over processes is that of all crops."""
        stage = self.config.place_of(self.iteration).stage
        everywhere = stage.batch_size - stage.num_unmatched
        share = len(logits) * self.ranks.world_size / everywhere
        return edge_loss(logits, truth) * share if len(logits) else logits.sum()

    def _factor(self) -> float:
        """Of the learning rate: up in a line, down with half a cosine."""
        config = self.config
        rise = min(1.0, (self.iteration + 1) / (config.warmup_iterations + 1))
        fall = 0.5 * (1 + math.cos(math.pi * self.iteration / config.iterations))
        return rise * (config.final_factor + (1 - config.final_factor) * fall)

    # ---- files --------------------------------------------------------------------------

    def save(self) -> None:
        """Write all that is needed to go on, and the averaged weights; the main process does."""
        if not self.ranks.is_main:
            return
        tensors = state_tensors(self.network, self.optimizer, self.average, None)
        facts = {
            "model": "edges",
            "iteration": self.iteration,
            "scaler": {},
            "average_updates": self.average.updates,
            "skipped": self.skipped.total,
            "samples": self.samples.settings,
        }
        write_state(self.state_path, tensors, facts)
        plain = json.loads(json.dumps(asdict(self.config), default=str))
        own = ("stages", "proposer", "clips", "sizes", "also", "lr", "repeated", "seed")
        provenance = {"iteration": self.iteration, **{name: plain[name] for name in own}}
        write_edge_network(self.weights_path, self.average.tensors, provenance)

    def _load(self) -> None:
        tensors, facts = read_state(self.state_path)
        if facts["model"] != "edges":
            raise CheckpointError(
                f"{self.state_path} is of another network; choose another output folder.",
                path=self.state_path,
            )
        # States of earlier versions say no more than the seed.
        check_same_run(self.state_path, self.samples.settings, facts.get("samples", facts))
        wanted = {f"model/{name}": v.shape for name, v in self.network.state_dict().items()}
        if wanted != {k: v.shape for k, v in tensors.items() if k.startswith("model/")}:
            raise CheckpointError(
                f"{self.state_path} is of an older edge network; choose another output folder.",
                path=self.state_path,
            )
        parts = (self.network, self.optimizer, self.average, None)
        load_tensors(self.state_path, tensors, *parts, int(facts.get("average_updates", 0)))
        self.iteration = int(facts["iteration"])
        self.skipped = SkippedSteps(int(facts.get("skipped", 0)))

    def _log(self, loss: float, judged: float) -> None:
        if self.iteration % self.config.log_every or not self.ranks.is_main:
            return
        losses = {"loss": loss, "quality_loss": judged}
        line = {"iteration": self.iteration, **losses, "skipped": self.skipped.total}
        append_line(self.config.output, line)


def train_edges(
    config: EdgeTrainConfig,
    context: JobContext | None = None,
    stop_after_seconds: float | None = None,
) -> Path:
    """Draw what is missing, then train to the end.

    Args:
        config: Of the run; what is in its output folder is gone on from.
        context: Progress and cancellation.
        stop_after_seconds: Save and return after this time; the same call goes on from there.

    Returns:
        The file of the averaged weights; it is there once training has begun.

    Raises:
        JobCancelled: The job was cancelled; the state is saved.
    """
    job = context or JobContext()
    until = math.inf if stop_after_seconds is None else time.monotonic() + stop_after_seconds
    with joined_ranks(resolve_device(config.device).type) as ranks:
        trainer = EdgeTrainer(config, ranks)
        if trainer.samples.gather(job, until):
            trainer.run(job, until)
        return trainer.weights_path
