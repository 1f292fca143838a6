"""Batches of a run that trains the edge network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ifc_core.data.video_source import pick_in_epochs
from ifc_core.training.distributed import Ranks
from ifc_core.training.edge_config import EdgeTrainConfig
from ifc_core.training.edge_sample_store import SampleStore
from ifc_core.training.edge_samples import EdgeExample, SampleFiles, Samples, example_of

Batch = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
"""Pictures (N, 3, S, S), truth and prior (N, S, S), motion (N, 8, S/2, S/2), float32; whether each
is matched (N,) bool."""


class EdgeBatches(Dataset[Batch]):
    """The batch of an iteration, a pure function of the seed and its number.

    Samples are mapped into memory by each process for itself, so that a worker is sent none.

    Args:
        stores: Where the samples are, and how many pairs of files each store holds.
        config: Of the run.
        ranks: This process among others; it gets its share of each batch.
    """

    def __init__(
        self, stores: Sequence[tuple[SampleStore, int]], config: EdgeTrainConfig, ranks: Ranks
    ) -> None:
        self._matched = _Pool([(store.matched, count) for store, count in stores])
        self._unmatched = _Pool([(store.unmatched, count) for store, count in stores])
        self._config = config
        self._ranks = ranks

    @property
    def is_ready(self) -> bool:
        """Whether there is a sample of each kind that the stages ask for."""
        asked = any(stage.num_unmatched for stage in self._config.stages)
        return bool(len(self._matched)) and (not asked or bool(len(self._unmatched)))

    def __getitem__(self, iteration: int) -> Batch:
        stage, matched, unmatched = self._config.place_of(iteration)
        first = matched + unmatched
        examples = []
        for place in range(self._ranks.rank, stage.batch_size, self._ranks.world_size):
            if is_matched := place >= stage.num_unmatched:
                sample = self._drawn(self._matched, matched + place - stage.num_unmatched)
            else:
                sample = self._drawn(self._unmatched, unmatched + place)
            seed, side = self._config.seed, stage.side
            examples.append(example_of(sample, side, seed, first + place, is_matched=is_matched))
        return _collate(examples)

    def _drawn(self, pool: _Pool, draw: int) -> Samples:
        return pool[pick_in_epochs(self._config.seed, draw, len(pool))]


class _Pool:
    """The samples of several files, by number."""

    def __init__(self, files: Sequence[tuple[SampleFiles, int]]) -> None:
        self._files = files
        self._starts = np.cumsum([0, *map(len, self._opened())])
        self._parts: list[Samples] | None = None

    def _opened(self) -> list[Samples]:
        return [part for files, count in self._files for part in files.open(count)]

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, number: int) -> Samples:
        if self._parts is None:
            self._parts = self._opened()
        part = int(np.searchsorted(self._starts, number, side="right")) - 1
        sample: Samples = self._parts[part][number - self._starts[part]]
        return sample


def _collate(examples: Sequence[EdgeExample]) -> Batch:
    pictures = torch.from_numpy(np.stack([e.picture for e in examples])).permute(0, 3, 1, 2)
    truth = torch.from_numpy(np.stack([e.truth for e in examples]))
    prior = torch.from_numpy(np.stack([e.prior for e in examples]))
    motion = torch.from_numpy(np.stack([e.motion for e in examples])).permute(0, 3, 1, 2)
    return pictures, truth, prior, motion, torch.tensor([e.is_matched for e in examples])
