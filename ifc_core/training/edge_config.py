"""Settings of a run that trains the edge network, read from TOML."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ifc_core.errors import ConfigError
from ifc_core.training.config import (
    MIN_SIDE_PX,
    build_config,
    read_config_table,
    refuse_init_in_output,
)
from ifc_core.training.ranges import check_range, check_seed

TASK = "edges"
"""What ``task`` says at the top of such a file."""


@dataclass(frozen=True, slots=True)
class EdgeStageConfig:
    """A stretch of a run.

    Attributes:
        iterations: Optimizer steps.
        side: Pixels of a crop's side, a multiple of 32.
        batch_size: Crops of one step; two or more for each process.
        unmatched: Share of a batch that shows masks which cover nothing well, 0 to below 1. They
            teach the network to judge masks; their edges are not learnt.
    """

    iterations: int
    side: int = 128
    batch_size: int = 32
    unmatched: float = 0.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.iterations < 1 or self.batch_size < 2 or self.side < 32 or self.side % 32:
            raise ConfigError(
                "A stage needs an iteration, a batch of at least 2, and a side that is a multiple "
                f"of 32 (got {self}).",
                name="stages",
                value=self,
            )
        if not 0 <= self.unmatched < 1:
            raise ConfigError(
                f"unmatched must be at least 0 and below 1 (got {self.unmatched}).",
                name="stages",
                value=self,
            )

    @property
    def num_unmatched(self) -> int:
        """Crops of a batch that show masks which cover nothing well."""
        return min(round(self.unmatched * self.batch_size), self.batch_size - 1)


class IterationPlace(NamedTuple):
    """Where an iteration stands in a run.

    Attributes:
        stage: That it belongs to.
        matched: Crops of matched masks that were drawn before it.
        unmatched: Crops of masks that cover nothing well that were drawn before it.
    """

    stage: EdgeStageConfig
    matched: int
    unmatched: int


@dataclass(frozen=True, slots=True)
class ClipSource:
    """Generated clips, and the model whose masks on them are decided again.

    Attributes:
        proposer: Name or file of that model.
        clips: Generated clips that samples are taken from.
        num_frames: Frames of a clip.
        sizes: (height, width) of the clips in pixels; each draws one.
        difficulties: Each clip draws one.
        synthetic: Further fields of the generator's ``ClipSpec``.
    """

    proposer: str
    clips: int
    num_frames: int = 5
    sizes: tuple[tuple[int, int], ...] = ((192, 336), (288, 512), (360, 640))
    difficulties: tuple[str, ...] = ("easy", "medium", "hard")
    synthetic: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the ranges."""
        if min(self.clips, self.num_frames) < 1:
            raise ConfigError(
                f"A run needs at least one clip and one frame (got {self.clips} and "
                f"{self.num_frames}).",
                name="clips",
                value=self.clips,
            )
        if not self.sizes or not self.difficulties or min(map(min, self.sizes)) < MIN_SIDE_PX:
            raise ConfigError(
                f"A run needs a difficulty, and sizes of at least {MIN_SIDE_PX} pixels.",
                name="sizes",
                value=self.sizes,
            )


@dataclass(frozen=True, slots=True)
class EdgeTrainConfig:
    """A whole run: clips are drawn and proposed on first, then the network learns from them.

    Attributes:
        task: ``edges``.
        output: Folder of samples, checkpoint, log and weights; it is created.
        stages: In order.
        proposer: As in :class:`ClipSource`; so are the next five.
        clips: Generated clips that samples are taken from.
        num_frames: Frames of a clip.
        sizes: (height, width) of the clips in pixels.
        difficulties: Of the clips.
        synthetic: Further fields of the generator's ``ClipSpec``.
        also: Further clips, such as another world's with a model of that world. A batch takes of
            each source's masks as many as there are among all.
        lr: Largest learning rate; it rises for ``warmup_iterations`` and falls with a cosine.
        repeated: Share of the crops whose prior is the network's own answer to them, as in use,
            where it looks twice.
        warmup_iterations: Steps of linear warm-up from 0.
        final_factor: Where the cosine ends, as a share of ``lr``.
        weight_decay: On every parameter.
        clip_norm: Largest norm of the gradient.
        ema_decay: Of the moving average of the weights, which is what is exported.
        seed: Of the weights and the samples.
        init: Weights to start from, or none.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        precision: Of the convolutions: ``fp32``, ``bf16``, or ``auto``, which is bf16 where the
            device multiplies it natively.
        num_workers: Worker processes that prepare crops; 0 prepares them in between.
        log_every: Iterations between log lines.
        checkpoint_seconds: Time between checkpoints for resuming.
    """

    output: Path
    stages: tuple[EdgeStageConfig, ...]
    task: str = TASK
    proposer: str = "default"
    clips: int = 1500
    num_frames: int = 5
    sizes: tuple[tuple[int, int], ...] = ((192, 336), (288, 512), (360, 640))
    difficulties: tuple[str, ...] = ("easy", "medium", "hard")
    synthetic: dict[str, Any] = field(default_factory=dict)
    also: tuple[ClipSource, ...] = ()
    lr: float = 1.5e-3
    repeated: float = 0.0
    warmup_iterations: int = 100
    final_factor: float = 0.02
    weight_decay: float = 1e-2
    clip_norm: float = 2.0
    ema_decay: float = 0.998
    seed: int = 0
    init: Path | None = None
    device: str = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    num_workers: int = 1
    log_every: int = 20
    checkpoint_seconds: float = 300.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not self.stages:
            raise ConfigError(
                "A run needs at least one [[stages]] table.", name="stages", value=self.stages
            )
        _ = self.sources  # which checks them
        refuse_init_in_output(self.init, self.output)
        if self.lr <= 0 or self.weight_decay < 0 or self.clip_norm <= 0 or self.num_workers < 0:
            raise ConfigError(
                "Learning rate and clipping are above 0, decay and workers not negative.",
                name="lr",
                value=self.lr,
            )
        if not 0 <= self.ema_decay < 1:
            raise ConfigError(
                "ema_decay must be at least 0 and below 1.", name="ema_decay", value=self.ema_decay
            )
        self._check_numbers()

    def _check_numbers(self) -> None:
        check_seed(self.seed)
        for name in ("lr", "warmup_iterations", "final_factor", "weight_decay", "clip_norm"):
            check_range(name, getattr(self, name))
        check_range("repeated", self.repeated, 0, 1)
        check_range("log_every", self.log_every, 1)
        check_range("checkpoint_seconds", self.checkpoint_seconds, 0, math.inf)

    @property
    def sources(self) -> tuple[ClipSource, ...]:
        """All clips that samples are taken from."""
        first = ClipSource(
            self.proposer,
            self.clips,
            self.num_frames,
            self.sizes,
            self.difficulties,
            self.synthetic,
        )
        return (first, *self.also)

    @property
    def iterations(self) -> int:
        """Optimizer steps of all stages."""
        return sum(stage.iterations for stage in self.stages)

    def place_of(self, iteration: int) -> IterationPlace:
        """The stage of an iteration, and the crops that were drawn before it."""
        matched = unmatched = 0
        for stage in self.stages:
            before = min(iteration, stage.iterations)
            unmatched += before * stage.num_unmatched
            matched += before * (stage.batch_size - stage.num_unmatched)
            if iteration < stage.iterations:
                return IterationPlace(stage, matched, unmatched)
            iteration -= stage.iterations
        raise IndexError(iteration)


def read_edge_config(path: Path | str, **replacements: Any) -> EdgeTrainConfig:
    """Read a run's settings; as :func:`ifc_core.training.config.read_train_config`.

    Raises:
        ConfigError: The file cannot be read, or a setting is unknown or out of range.
    """
    table, base = read_config_table(path)
    table.update({k: v for k, v in replacements.items() if v is not None})
    return build_config(EdgeTrainConfig, table, base=base)
