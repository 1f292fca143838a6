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

_QUERIES = ("decoder.query_position.weight", "decoder.query_content.weight")
_SHAKEN = 0.3  # of the standard deviation over the queries


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
        load_weights(model, config.init, config.seed)
    return model


def load_weights(model: nn.Module, path: Path, seed: int = 0) -> None:
    """Start from exported shards or from a model file, optimizer and all else anew.

    Queries that the network has beyond those of the file start as shaken copies of these.

    Args:
        model: Gets the weights.
        path: Folder of shards, or file.
        seed: Of the shaking.

    Raises:
        CheckpointError: The file is damaged or of another architecture.
    """
    if (path / INDEX_NAME).is_file():
        tensors, _ = read_shards(path)
    else:
        tensors = {k: v.float() for k, v in read_checkpoint(path).state_dict.items()}
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    for name in _QUERIES:
        if name in tensors and name in wanted:
            tensors[name] = _with_more_rows(tensors[name], wanted[name][0], seed)
    compare_shapes(path, wanted, {name: tuple(value.shape) for name, value in tensors.items()})
    model.load_state_dict(tensors)


def _with_more_rows(rows: torch.Tensor, count: int, seed: int) -> torch.Tensor:
    """(Q, C) rows, and copies of them in turn up to ``count``, shaken by a part of their spread."""
    more = count - len(rows)
    if more <= 0:
        return rows
    copies = rows[torch.arange(more) % len(rows)]
    noise = torch.randn(copies.shape, generator=torch.Generator().manual_seed(seed))
    return torch.cat([rows, copies + _SHAKEN * rows.std(dim=0, correction=0) * noise])
