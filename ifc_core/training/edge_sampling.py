"""Drawing of the clips that the edge network learns from, and of what a model makes of them."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ifc_core.data.clip_source import sample_generator, sample_seed
from ifc_core.data.synthetic import ClipSpec, render_clip
from ifc_core.errors import ConfigError
from ifc_core.jobs import JobCancelled, JobContext
from ifc_core.models.ifc import IFC
from ifc_core.models.registry import load_model
from ifc_core.training.distributed import Ranks
from ifc_core.training.edge_config import ClipSource, EdgeTrainConfig
from ifc_core.training.edge_sample_store import SampleStore, sample_settings
from ifc_core.training.edge_samples import ClipSamples, samples_of

_CLIPS_A_FILE = 50
_SOURCE_STRIDE = 1_000_000
"""Between the numbers of the first clips of two sources."""


@dataclass(frozen=True, slots=True)
class _File:
    """A pair of sample files: those of neighbouring clips of a source."""

    store: SampleStore
    source: ClipSource
    number: int
    before: int  # clips of the run that come before

    @property
    def clips(self) -> range:
        """Of the source."""
        first = self.number * _CLIPS_A_FILE
        return range(first, min(first + _CLIPS_A_FILE, self.source.clips))


class EdgeSampling:
    """The samples of a run, source by source, file by file.

    Args:
        config: Of the run.
        ranks: This process among others; each draws its share of the files.
        device: Where models propose.
        in_bf16: Whether their convolutions do so in bfloat16.
    """

    def __init__(
        self, config: EdgeTrainConfig, ranks: Ranks, device: torch.device, *, in_bf16: bool = False
    ) -> None:
        self._config = config
        self._ranks = ranks
        self._device = device
        self._in_bf16 = in_bf16
        self._stores = [
            SampleStore(config.output, sample_settings(source, config.seed), number)
            for number, source in enumerate(config.sources, start=1)
        ]

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the samples of all sources, JSON values."""
        first, *others = (dict(store.settings) for store in self._stores)
        return {**first, "also": others}

    def stores(self) -> list[tuple[SampleStore, int]]:
        """Where the samples of each source are, and how many pairs of files it has."""
        counts = (_num_files(source) for source in self._config.sources)
        return list(zip(self._stores, counts, strict=True))

    def gather(self, context: JobContext, until: float) -> bool:
        """Draw the clips that are missing and keep what the proposers make of them.

        A file is drawn again where it holds fewer clips than it should, as the last one may where
        a run is given more of them.

        Args:
            context: Progress and cancellation.
            until: On the clock of ``time.monotonic``; stops after it.

        Returns:
            Whether all are there.

        Raises:
            JobCancelled: The job was cancelled; files that are whole are kept.
            CheckpointError: Samples of a run with other settings lie in the output folder.
        """
        files = list(self._files())
        missing = [not file.store.has(file.number, len(file.clips)) for file in files]
        models: dict[str, IFC] = {}
        for first in range(0, len(files), self._ranks.world_size):
            place, late = first + self._ranks.rank, False
            if place < len(files) and missing[place]:
                name = files[place].source.proposer
                if name not in models:
                    model = load_model(name, self._device)
                    models = {name: model.to(memory_format=torch.channels_last)}
                late = not self._draw(files[place], models[name], context, until)
            if self._ranks.any(late, self._device):  # all processes stop together
                context.raise_if_cancelled()
                return False
        return True

    def _files(self) -> Iterator[_File]:
        before = 0
        for store, source in zip(self._stores, self._config.sources, strict=True):
            for number in range(_num_files(source)):
                yield _File(store, source, number, before)
            before += source.clips

    def _draw(self, file: _File, model: IFC, context: JobContext, until: float) -> bool:
        """Write a file of samples; gives up out of time and when cancelled."""
        total = sum(source.clips for source in self._config.sources)
        found: list[ClipSamples] = []
        for index in file.clips:
            if time.monotonic() > until or context.is_cancelled:
                return False
            with suppress(JobCancelled):
                context.advance(file.before + index, total, "drawing clips", unit="clips")
            number = (file.store.number - 1) * _SOURCE_STRIDE + index
            clip = render_clip(*self._clip(file.source, number))
            chosen_by = np.random.default_rng((self._config.seed, number, 1))
            with torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self._in_bf16):
                found.append(samples_of(model, clip, chosen_by))
        samples = ClipSamples(
            np.concatenate([of.matched for of in found]),
            np.concatenate([of.unmatched for of in found]),
        )
        file.store.write(file.number, len(file.clips), samples)
        return True

    def _clip(self, source: ClipSource, number: int) -> tuple[int, ClipSpec]:
        """Seed and settings of a generated clip."""
        seed = self._config.seed
        rng = sample_generator(seed, number)
        height, width = source.sizes[int(rng.integers(len(source.sizes)))]
        difficulty = source.difficulties[int(rng.integers(len(source.difficulties)))]
        fields = {"difficulty": difficulty, **source.synthetic}
        try:
            spec = ClipSpec(height=height, width=width, num_frames=source.num_frames, **fields)
        except TypeError as error:
            raise ConfigError(
                f"The table [synthetic] has a wrong entry: {error}.",
                name="synthetic",
                value=source.synthetic,
            ) from error
        return sample_seed(seed, number), spec


def _num_files(source: ClipSource) -> int:
    return math.ceil(source.clips / _CLIPS_A_FILE)
