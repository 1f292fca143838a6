"""What a run starts from: random weights, exported shards or a model file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ifc_core.errors import CheckpointError, ConfigError
from ifc_core.models.checkpoint import compare_shapes, read_checkpoint
from ifc_core.models.config import IFCConfig
from ifc_core.models.ifc import IFC
from ifc_core.structures import Category
from ifc_core.training.class_head import class_rows
from ifc_core.training.config import TrainConfig
from ifc_core.training.run_files import EXPORT_NAME, STATE_NAME
from ifc_core.training.run_state import INDEX_NAME, read_shards

_QUERIES = ("decoder.query_position.weight", "decoder.query_content.weight")
_MEMORY = ("encoder.memory_content", "encoder.memory_position")
_SHAKEN = 0.3  # of the standard deviation over the queries
_UNSEEN = (
    "color_order", "pixel_mean", "pixel_std", "stride_in_1x1", "num_heads", "pre_norm",
    "memory_grouping", "token_position", "mask_logit_scale",
)  # fmt: skip
"""Settings that change what weights mean, and no shape."""


@dataclass(frozen=True, slots=True)
class StartWeights:
    """Weights to start from, and what is known of the network that they are of.

    Attributes:
        tensors: By name.
        classes: Names, in the order of the rows of the class head.
        config: Its architecture.
    """

    tensors: dict[str, torch.Tensor]
    classes: tuple[str, ...]
    config: IFCConfig


def build_model(config: TrainConfig, tell: Callable[[str], object] = lambda _: None) -> IFC:
    """A network with seeded random weights, or with those of ``config.init``.

    Args:
        config: Of the run.
        tell: Gets sentences about what it starts from that a person should know.

    Raises:
        ConfigError: A model setting is wrong.
        CheckpointError: The weights do not fit.
    """
    model = new_model(config)
    if config.init is not None:
        load_weights(model, config.init, config.seed, tell)
    elif config.frozen_stages:
        tell(
            f"frozen_stages = {config.frozen_stages} without weights to start from: these stages "
            "of the backbone stay random; give --init, such as what `ifc-studio models import` "
            "makes of torchvision's ResNet."
        )
    return model


def new_model(config: TrainConfig) -> IFC:
    """A network with seeded random weights.

    Raises:
        ConfigError: A model setting is wrong.
    """
    assignment = str(config.matching.cost)  # matching by boxes needs the box head
    fields = {"num_classes": len(config.categories), "assignment": assignment, **config.model}
    preset = fields.pop("preset", None)
    model_config = IFCConfig.preset(preset, **fields) if preset else IFCConfig.from_dict(fields)
    torch.manual_seed(config.seed)
    categories = [Category(i, name) for i, name in enumerate(config.categories, start=1)]
    return IFC(model_config, categories)


def load_weights(
    model: IFC, path: Path, seed: int = 0, tell: Callable[[str], object] = lambda _: None
) -> None:
    """Start from exported shards or from a model file, optimizer and all else anew.

    Queries and memory tokens that the network has beyond those of the file start as shaken copies
    of these. A class has the row of the file's class of that name, whatever its place; a new one
    starts as in fine-tuning (:func:`~ifc_core.training.class_head.class_rows`).

    Args:
        model: Gets the weights.
        path: Folder of shards, folder of a run that has them, or file.
        seed: Of the shaking.
        tell: Gets sentences about what was made of them.

    Raises:
        CheckpointError: The file is damaged or of another architecture.
    """
    start = _read(path)
    tensors = start.tensors
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    for name in (*_QUERIES, *_MEMORY):
        if name in tensors and name in wanted:
            tensors[name] = _with_more_rows(tensors[name], wanted[name][0], seed)
    names = [category.name for category in model.categories]
    last = f"class_head.layers.{len(model.class_head.layers) - 1}"
    for name in (f"{last}.weight", f"{last}.bias"):
        if name in tensors and len(tensors[name]) == len(start.classes) + 1:
            tensors[name] = class_rows(tensors[name], start.classes, names)
    compare_shapes(path, wanted, {name: tuple(value.shape) for name, value in tensors.items()})
    model.load_state_dict(tensors)
    _tell(start, model, path, tell)


def _read(path: Path) -> StartWeights:
    """The weights of a file or a folder.

    Raises:
        CheckpointError: There are none, or they are damaged.
    """
    folder = path if (path / INDEX_NAME).is_file() else path / EXPORT_NAME
    if (folder / INDEX_NAME).is_file():
        tensors, facts = read_shards(folder)
        try:
            config = IFCConfig.from_dict(facts["model"])
            classes = tuple(str(name) for name in facts["categories"])
        except (KeyError, TypeError, ConfigError) as error:
            index = folder / INDEX_NAME
            raise CheckpointError(
                f"{index} is no index of exported weights.", path=index
            ) from error
        return StartWeights(tensors, classes, config)
    if path.is_dir():
        raise CheckpointError(
            f"The folder {path} holds no exported weights; name a model file, the folder of a run, "
            f"or its {EXPORT_NAME}.",
            path=path,
        )
    if path.name == STATE_NAME:
        raise CheckpointError(
            f"{path} is what its run goes on from; to start another one from it name the folder "
            f"{path.parent} or the model file in it.",
            path=path,
        )
    checkpoint = read_checkpoint(path)
    tensors = {k: v.float() for k, v in checkpoint.state_dict.items()}
    classes = tuple(category.name for category in checkpoint.info.categories)
    return StartWeights(tensors, classes, checkpoint.info.model_config)


def _tell(start: StartWeights, model: IFC, path: Path, tell: Callable[[str], object]) -> None:
    """Say which classes are new, and which settings the weights were not made for."""
    new = [c.name for c in model.categories if c.name not in start.classes]
    if new:
        shown = ", ".join(new[:3]) + (", ..." if len(new) > 3 else "")
        tell(
            f"{len(new)} of {len(model.categories)} classes are new to {path.name} ({shown}); "
            "their rows of the class head begin from those it has."
        )
    theirs, mine = start.config.to_dict(), model.config.to_dict()
    differing = [name for name in _UNSEEN if theirs[name] != mine[name]]
    if differing:
        pairs = ", ".join(f"{name} {theirs[name]}, not {mine[name]}" for name in differing)
        tell(
            f"{path.name} was trained with {pairs}: its weights mean something else to this run, "
            "unless [model] says the same."
        )


def _with_more_rows(rows: torch.Tensor, count: int, seed: int) -> torch.Tensor:
    """(Q, C) rows, and copies of them in turn up to ``count``, shaken by a part of their spread."""
    more = count - len(rows)
    if more <= 0 or not len(rows):
        return rows
    copies = rows[torch.arange(more) % len(rows)]
    noise = torch.randn(copies.shape, generator=torch.Generator().manual_seed(seed))
    return torch.cat([rows, copies + _SHAKEN * rows.std(dim=0, correction=0) * noise])


def told_of_a_run(
    folder: Path, iteration: int, total: int, mine: Mapping[str, Any], theirs: Mapping[str, Any]
) -> str:
    """What is said of a run that is found in the output folder.

    Args:
        folder: Where it lies.
        iteration: Where it is.
        total: Iterations asked for.
        mine: The present settings, as plain values.
        theirs: Those it was saved with.
    """
    if iteration >= total:
        said = (
            f"The run in {folder} is complete with {iteration} of {total} iterations, so nothing "
            "is trained; ask for more iterations, or name another output folder to begin anew."
        )
    else:
        said = f"Going on with the run in {folder}, at iteration {iteration} of {total}."
    init = mine.get("init")
    if init is not None and "init" in theirs and init != theirs["init"]:
        began = theirs["init"] or "random weights"
        said += f" It began from {began}; {init} is not looked at."
    return said
