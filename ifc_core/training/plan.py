"""Which clips each iteration of a run asks for: a pure function of settings and iteration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ifc_core.data.clip_source import ClipRequest
from ifc_core.training.config import StageConfig, TrainConfig

_SHAPE_STREAM = 1
_DIFFICULTY_STREAM = 2


@dataclass(frozen=True, slots=True)
class Position:
    """Where an iteration lies.

    Attributes:
        stage: Number of its stage.
        first_sample: Number of its first sample in the run.
        offset: Iterations of the stage before it.
    """

    stage: int
    first_sample: int
    offset: int

    @property
    def begins(self) -> bool:
        """Whether the stage begins with it."""
        return self.offset == 0


def position_of(stages: tuple[StageConfig, ...], iteration: int) -> Position:
    """Find an iteration's stage and first sample.

    Args:
        stages: Of the run.
        iteration: From 0, below the run's length.

    Returns:
        Its place.
    """
    sample, left = 0, iteration
    for number, stage in enumerate(stages):
        if left < stage.iterations:
            batches = left // max(1, stage.remix)
            return Position(number, sample + batches * stage.batch_size, left)
        sample += stage.iterations // max(1, stage.remix) * stage.batch_size
        left -= stage.iterations
    raise ValueError(f"iteration {iteration} is past the end of the run")


def first_use(stages: tuple[StageConfig, ...], iteration: int) -> int:
    """The iteration for which the batch of ``iteration`` is fetched; later ones use it again."""
    place = position_of(stages, iteration)
    return iteration - place.offset % max(1, stages[place.stage].remix)


def requests_of(config: TrainConfig, iteration: int) -> list[ClipRequest]:
    """The clips of one iteration, over all processes.

    Args:
        config: Of the run.
        iteration: From 0.

    Returns:
        ``batch_size`` requests of one clip length and size.
    """
    place = position_of(config.stages, iteration)
    stage = config.stages[place.stage]
    shape = np.random.default_rng((config.seed, _SHAPE_STREAM, iteration))
    num_frames = stage.num_frames[int(shape.integers(len(stage.num_frames)))]
    height, width = stage.sizes[int(shape.integers(len(stage.sizes)))]
    difficulty = np.random.default_rng((config.seed, _DIFFICULTY_STREAM, iteration))
    drawn = difficulty.integers(len(stage.difficulties), size=stage.batch_size)
    return [
        ClipRequest(
            place.first_sample + offset,
            num_frames,
            height,
            width,
            stage.difficulties[int(drawn[offset])],
        )
        for offset in range(stage.batch_size)
    ]


class BatchPlan:
    """The batches that one process works through, from an iteration to the end.

    Args:
        config: Of the run.
        start: First iteration.
        rank: Of this process.
        world_size: Number of processes; it must divide every batch.
    """

    def __init__(
        self, config: TrainConfig, start: int = 0, rank: int = 0, world_size: int = 1
    ) -> None:
        self._config = config
        self._start = start
        self._rank = rank
        self._world_size = world_size

    def __len__(self) -> int:
        """Batches that are left."""
        stages = self._config.stages
        return sum(
            stages[position_of(stages, iteration).stage].accumulate
            for iteration in self._fetching()
        )

    def _fetching(self) -> Iterator[int]:
        """The iterations whose batches are fetched, from that of the first one on."""
        stages, total = self._config.stages, self._config.iterations
        if self._start < total:
            yield first_use(stages, self._start)
        for iteration in range(self._start + 1, total):
            if first_use(stages, iteration) == iteration:
                yield iteration

    def __iter__(self) -> Iterator[list[ClipRequest]]:
        """Give the micro-batches of this process in order."""
        for iteration in self._fetching():
            stage = self._config.stages[position_of(self._config.stages, iteration).stage]
            requests = requests_of(self._config, iteration)
            size = stage.batch_size // self._world_size
            mine = requests[self._rank * size : (self._rank + 1) * size]
            step = size // stage.accumulate
            for part in range(stage.accumulate):
                yield mine[part * step : (part + 1) * step]
