"""What a run starts from: random weights, exported shards or a model file."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from ifc_core.models.checkpoint import compare_shapes, read_checkpoint
from ifc_core.models.config import IFCConfig
from ifc_core.models.ifc import IFC
from ifc_core.structures import Category
from ifc_core.training.config import TrainConfig
from ifc_core.training.run_state import INDEX_NAME, read_shards


def build_model(config: TrainConfig) -> IFC:
    """A network with seeded random weights, or with those of ``config.init``.

    Raises:
        ConfigError: A model setting is wrong.
        CheckpointError: The weights do not fit.
    """
    assignment = str(config.matching.cost)  # matching by boxes needs the box head
    fields = {"num_classes": len(config.categories), "assignment": assignment, **config.model}
    preset = fields.pop("preset", None)
    model_config = IFCConfig.preset(preset, **fields) if preset else IFCConfig.from_dict(fields)
    torch.manual_seed(config.seed)
    categories = [Category(i, name) for i, name in enumerate(config.categories, start=1)]
    model = IFC(model_config, categories)
    if config.init is not None:
        load_weights(model, config.init)
    return model


def load_weights(model: nn.Module, path: Path) -> None:
    """Start from exported shards or from a model file, optimizer and all else anew.

    Raises:
        CheckpointError: The file is damaged or of another architecture.
    """
    if (path / INDEX_NAME).is_file():
        tensors, _ = read_shards(path)
    else:
        tensors = {k: v.float() for k, v in read_checkpoint(path).state_dict.items()}
    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    compare_shapes(path, {k: tuple(v.shape) for k, v in model.state_dict().items()}, shapes)
    model.load_state_dict(tensors)
