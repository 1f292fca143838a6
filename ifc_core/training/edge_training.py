"""Training of the edge network: draw clips, let a model propose on them, learn from its masks."""

from __future__ import annotations

import json
import math
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ifc_core.data.clip_source import one_thread_each, sample_generator, sample_seed
from ifc_core.data.synthetic import ClipSpec, render_clip
from ifc_core.data.video_source import pick_in_epochs
from ifc_core.errors import CheckpointError, ConfigError
from ifc_core.jobs import JobContext
from ifc_core.models.edge_network import EdgeNetwork, read_edge_network, write_edge_network
from ifc_core.models.registry import load_model, resolve_device
from ifc_core.training.edge_config import EdgeTrainConfig
from ifc_core.training.edge_samples import (
    EdgeExample,
    SampleFiles,
    Samples,
    example_of,
    samples_of,
)
from ifc_core.training.ema import WeightAverage
from ifc_core.training.optimizer import load_optimizer_tensors, optimizer_tensors
from ifc_core.training.run_files import STATE_NAME
from ifc_core.training.run_state import read_state, write_state

WEIGHTS_NAME = "edges.safetensors"
LOG_NAME = "log.jsonl"
_CLIPS_A_FILE = 50
_BAND_PX = 9
_BAND_WEIGHT = 2.0

Batch = tuple[Tensor, Tensor, Tensor]
"""Pictures (N, 3, S, S), truth (N, S, S), prior (N, S, S), all float32."""


def edge_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """How far masks are from the truth, the mean over N crops.

    Args:
        logits: (N, S, S) float.
        truth: (N, S, S) float, 0 to 1.

    Returns:
        Scalar: cross-entropy, in which the band around the true edge counts three times, plus
        1 - Dice.
    """
    grown = F.max_pool2d(truth[:, None], _BAND_PX, 1, _BAND_PX // 2)
    shrunk = -F.max_pool2d(-truth[:, None], _BAND_PX, 1, _BAND_PX // 2)
    weight = 1 + _BAND_WEIGHT * (grown - shrunk)[:, 0]
    entropy = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    entropy = (entropy * weight).sum((1, 2)) / weight.sum((1, 2))
    probs = logits.sigmoid()
    shared, both = (probs * truth).sum((1, 2)), probs.sum((1, 2)) + truth.sum((1, 2))
    return (entropy + 1 - (2 * shared + 1) / (both + 1)).mean()


class EdgeTrainer:
    """A run: network, optimizer, average and files. Samples and views depend on the seed alone.

    Args:
        config: Of the run; a checkpoint in its output folder is resumed.

    Raises:
        CheckpointError: The checkpoint is of another run or damaged.
    """

    def __init__(self, config: EdgeTrainConfig) -> None:
        self.config = config
        self.device = resolve_device(config.device)
        self.iteration = 0
        torch.manual_seed(config.seed)
        network = EdgeNetwork() if config.init is None else read_edge_network(config.init)
        self.network = network.to(self.device).to(memory_format=torch.channels_last).train()
        names, parameters = zip(*self.network.named_parameters(), strict=True)
        self.optimizer = torch.optim.AdamW(
            [{"params": list(parameters), "names": list(names)}],
            lr=config.lr,
            weight_decay=config.weight_decay,
        )
        self.average = WeightAverage(self.network, config.ema_decay)
        self._files = SampleFiles(config.output / "samples")
        config.output.mkdir(parents=True, exist_ok=True)
        if self.state_path.is_file():
            self._load()

    @property
    def state_path(self) -> Path:
        """The checkpoint that a run goes on from."""
        return self.config.output / STATE_NAME

    @property
    def weights_path(self) -> Path:
        """The averaged weights."""
        return self.config.output / WEIGHTS_NAME

    # ---- samples ------------------------------------------------------------------------

    def gather(self, context: JobContext, until: float) -> bool:
        """Draw the clips that are missing and keep what the proposer makes of them.

        Args:
            context: Progress and cancellation.
            until: On the clock of ``time.monotonic``; stops after it.

        Returns:
            Whether all are there.
        """
        config = self.config
        missing = [n for n in range(self._num_files()) if not self._files.has(n)]
        if not missing:
            return True
        model = load_model(config.proposer, self.device)
        for number in missing:
            first = number * _CLIPS_A_FILE
            found: list[Samples] = []
            for index in range(first, min(first + _CLIPS_A_FILE, config.clips)):
                if time.monotonic() > until:
                    return False
                context.advance(index, config.clips, "drawing clips", unit="clips")
                context.raise_if_cancelled()
                found.append(samples_of(model, render_clip(*self._clip(index))))
            self._files.write(number, np.concatenate(found))
        return True

    def _num_files(self) -> int:
        return math.ceil(self.config.clips / _CLIPS_A_FILE)

    def _clip(self, index: int) -> tuple[int, ClipSpec]:
        """Seed and settings of a generated clip."""
        config = self.config
        rng = sample_generator(config.seed, index)
        height, width = config.sizes[int(rng.integers(len(config.sizes)))]
        difficulty = config.difficulties[int(rng.integers(len(config.difficulties)))]
        fields = {"difficulty": difficulty, **config.synthetic}
        try:
            spec = ClipSpec(height=height, width=width, num_frames=config.num_frames, **fields)
        except TypeError as error:
            raise ConfigError(
                f"The table [synthetic] has a wrong entry: {error}.",
                name="synthetic",
                value=config.synthetic,
            ) from error
        return sample_seed(config.seed, index), spec

    # ---- iterations ---------------------------------------------------------------------

    def run(self, context: JobContext, until: float) -> bool:
        """Train until the end or a time.

        Args:
            context: Progress and cancellation; a cancelled run saves its state first.
            until: On the clock of ``time.monotonic``.

        Returns:
            Whether the run has come to its end.
        """
        data = _Batches(self._files, self._num_files(), self.config)
        if not data.num_samples:
            raise ConfigError(
                "No object of the clips was found by the model; draw more clips.",
                name="clips",
                value=self.config.clips,
            )
        saved = time.monotonic()
        loader = self._loader(data)
        with one_thread_each():
            batches = iter(loader)  # workers start here
        for pictures, truth, prior in batches:
            if time.monotonic() > until or context.is_cancelled:
                break
            self._log(self._step(pictures, truth, prior))
            self.iteration += 1
            context.advance(self.iteration, self.config.iterations, "learning edges", unit="steps")
            if time.monotonic() - saved > self.config.checkpoint_seconds:
                self.save()
                saved = time.monotonic()
        self.save()
        context.raise_if_cancelled()
        return self.iteration >= self.config.iterations

    def _loader(self, data: _Batches) -> DataLoader[Batch]:
        config = self.config
        return DataLoader(
            data,
            batch_size=None,
            sampler=range(self.iteration, config.iterations),
            num_workers=config.num_workers,
            prefetch_factor=4 if config.num_workers else None,
            generator=torch.Generator(),  # else it draws its seed from the global one
        )

    def _step(self, pictures: Tensor, truth: Tensor, prior: Tensor) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.lr * self._factor()
        pictures = pictures.to(self.device).contiguous(memory_format=torch.channels_last)
        loss = edge_loss(self.network(pictures, prior.to(self.device)), truth.to(self.device))
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip_norm)
        self.optimizer.step()
        self.average.update(self.network)
        return float(loss.detach())

    def _factor(self) -> float:
        """Of the learning rate: up in a line, down with half a cosine."""
        config = self.config
        rise = min(1.0, (self.iteration + 1) / (config.warmup_iterations + 1))
        fall = 0.5 * (1 + math.cos(math.pi * self.iteration / config.iterations))
        return rise * (config.final_factor + (1 - config.final_factor) * fall)

    # ---- files --------------------------------------------------------------------------

    def save(self) -> None:
        """Write all that is needed to go on, and the averaged weights."""
        kinds = {
            "model": self.network.state_dict(),
            "optimizer": optimizer_tensors(self.optimizer),
            "average": self.average.tensors,
        }
        tensors = {f"{kind}/{k}": v for kind, table in kinds.items() for k, v in table.items()}
        facts = {
            "model": "edges",
            "iteration": self.iteration,
            "scaler": {},
            "average_updates": self.average.updates,
            "seed": self.config.seed,
        }
        write_state(self.state_path, tensors, facts)
        plain = json.loads(json.dumps(asdict(self.config), default=str))
        own = ("stages", "proposer", "clips", "sizes", "lr", "seed")
        provenance = {"iteration": self.iteration, **{name: plain[name] for name in own}}
        write_edge_network(self.weights_path, self.average.tensors, provenance)

    def _load(self) -> None:
        tensors, facts = read_state(self.state_path)
        if facts["model"] != "edges" or facts.get("seed") != self.config.seed:
            raise CheckpointError(
                f"{self.state_path} is of another run; choose another output folder.",
                path=self.state_path,
            )
        parts: dict[str, dict[str, Tensor]] = defaultdict(dict)
        for key, value in tensors.items():
            kind, name = key.split("/", 1)
            parts[kind][name] = value
        self.network.load_state_dict(parts["model"])
        load_optimizer_tensors(self.optimizer, parts["optimizer"])
        self.average.load(parts["average"], int(facts["average_updates"]))
        self.iteration = int(facts["iteration"])

    def _log(self, loss: float) -> None:
        if self.iteration % self.config.log_every:
            return
        line = {"iteration": self.iteration, "loss": round(loss, 5), "time": round(time.time(), 1)}
        with (self.config.output / LOG_NAME).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


class _Batches(Dataset[Batch]):
    """The batch of an iteration, a pure function of the seed and its number.

    Samples are mapped into memory by each process for itself, so that a worker is sent none.
    """

    def __init__(self, files: SampleFiles, count: int, config: EdgeTrainConfig) -> None:
        self._files = files
        self._count = count
        self._config = config
        self._starts = np.cumsum([0, *map(len, files.open(count))])
        self._parts: list[Samples] | None = None

    @property
    def num_samples(self) -> int:
        """Samples of all files."""
        return int(self._starts[-1])

    def __getitem__(self, iteration: int) -> Batch:
        stage, drawn = self._config.stage_at(iteration)
        draws = range(drawn, drawn + stage.batch_size)
        return _collate([self._example(draw, stage.side) for draw in draws])

    def _example(self, draw: int, side: int) -> EdgeExample:
        if self._parts is None:
            self._parts = self._files.open(self._count)
        seed = self._config.seed
        number = pick_in_epochs(seed, draw, self.num_samples)
        part = int(np.searchsorted(self._starts, number, side="right")) - 1
        return example_of(self._parts[part][number - self._starts[part]], side, seed, draw)


def _collate(examples: Sequence[EdgeExample]) -> Batch:
    pictures = torch.from_numpy(np.stack([e.picture for e in examples])).permute(0, 3, 1, 2)
    truth = torch.from_numpy(np.stack([e.truth for e in examples]))
    return pictures, truth, torch.from_numpy(np.stack([e.prior for e in examples]))


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
    trainer = EdgeTrainer(config)
    if trainer.gather(job, until):
        trainer.run(job, until)
    return trainer.weights_path
