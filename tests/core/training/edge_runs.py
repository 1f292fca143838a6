"""Small runs that train the edge network: a proposer, settings, and samples that are there."""

from dataclasses import replace

import numpy as np
import torch

from ifc_core.models.preferences import ModelPreferences
from ifc_core.training.config import build_config
from ifc_core.training.edge_config import EdgeTrainConfig
from ifc_core.training.edge_sample_store import SampleStore, sample_settings
from ifc_core.training.edge_samples import ClipSamples, samples_of


class Proposer(torch.nn.Module):
    """Draws the brightest pixels of a frame on a grid of 1/8, once surely and once not."""

    preferences = ModelPreferences(short_side=96)

    def __init__(self):
        super().__init__()
        self.anchor = torch.nn.Parameter(torch.zeros(1))

    def normalize(self, frames):
        return frames.movedim(-1, -3).float()

    def forward(self, frames):
        light = torch.nn.functional.avg_pool2d(frames[0].amax(1), 8)  # (T, h, w)
        masks = torch.stack([light - 130, light - 130])[None] / 10
        return type("Output", (), {
            "class_logits": torch.tensor([[[4.0, 0.0], [0.0, 4.0]]]),
            "mask_logits": masks,
        })()  # fmt: skip


def config(folder, **changes):
    table = {
        "output": str(folder),
        "clips": 4,
        "num_frames": 1,
        "sizes": [[64, 96]],
        "difficulties": ["easy"],
        "synthetic": {"photographs": False, "real_fraction": 0.0},
        "stages": [
            {"iterations": 2, "side": 32, "batch_size": 2},
            {"iterations": 3, "side": 64, "batch_size": 3, "unmatched": 0.4},
        ],
        "num_workers": 0,
        "device": "cpu",
        "precision": "fp32",
        "log_every": 1,
    }
    return build_config(EdgeTrainConfig, {**table, **changes})


def of_clip(clip):
    return samples_of(Proposer(), clip, np.random.default_rng(0))


def matched(clip):
    return of_clip(clip).matched


def elsewhere(clip):
    """The same pictures with the true masks beside the objects."""
    return replace(clip, masks=np.roll(clip.masks, 40, axis=2))


def keep(settings, matched, unmatched):
    """Write samples as those of a run with one clip."""
    store = SampleStore(settings.output, sample_settings(settings.sources[0], settings.seed))
    store.write(0, 1, ClipSamples(matched, unmatched))


def filled(folder, clip, **changes):
    """Settings of a run with one clip whose samples are there."""
    settings = config(folder, clips=1, **changes)
    keep(settings, matched(clip), of_clip(elsewhere(clip)).unmatched)
    return settings
