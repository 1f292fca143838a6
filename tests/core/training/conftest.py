"""A toy source of clips and the settings of toy runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from ifc_core.data.clip_source import ClipRequest, sample_generator
from ifc_core.data.sample import ClipSample
from ifc_core.training.config import TrainConfig, build_config


@dataclass(frozen=True, slots=True)
class ToySource:
    """Two coloured squares a clip that drift over noise, exactly labelled."""

    seed: int = 0
    num_objects: int = 2

    def __call__(self, request: ClipRequest) -> ClipSample:
        rng = sample_generator(self.seed, request.index)
        shape = (request.num_frames, request.height, request.width)
        frames = rng.integers(0, 60, size=(*shape, 3), dtype=np.uint8)
        masks = np.zeros((self.num_objects, *shape), dtype=np.bool_)
        labels = rng.integers(0, 2, size=self.num_objects)
        for number in range(self.num_objects):
            y, x = rng.integers(2, request.height - 18), rng.integers(2, request.width - 22)
            for t in range(request.num_frames):
                masks[number, t, y : y + 16, x + t : x + t + 16] = True
            frames[masks[number]] = (250, 40, 40) if labels[number] else (40, 250, 40)
        return ClipSample.fully_labelled(frames, masks, labels.astype(np.int64))


@pytest.fixture
def toy_source():
    return ToySource()


@pytest.fixture
def toy_config(tmp_path):
    """A function that builds the settings of a toy run in a folder of its own."""

    def build(name: str = "run", **changes) -> TrainConfig:
        table = {
            "output": str(tmp_path / name),
            "categories": ["red", "green"],
            "model": {"preset": "tiny"},
            "device": "cpu",
            "data": {"num_workers": 0},
            "optimizer": {"lr": 1e-3, "backbone_lr": 1e-3, "clip_norm": 1.0, "ema_decay": 0.9},
            "stages": [
                {"iterations": 4, "num_frames": [1, 2], "batch_size": 4, "sizes": [[48, 64]]}
            ],
            "log_every": 1,
        }
        return build_config(TrainConfig, {**table, **changes})

    return build
