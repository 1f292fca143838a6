"""Growing and shrinking the classes that a network knows."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import nn

from ifc_core.models.ifc import IFC
from ifc_core.structures import Category

OBJECT = "object"


def last_linear(model: IFC) -> nn.Linear:
    """The layer whose rows are the classes, no-object last."""
    layer = model.class_head.layers[-1]
    if not isinstance(layer, nn.Linear):
        raise TypeError("the class head does not end in a linear layer")
    return layer


def with_classes(model: IFC, names: Sequence[str], *, template: str = OBJECT) -> IFC:
    """A copy of a network with other classes.

    A class that the network knows keeps its row. A new one starts from the row of ``template``
    where the network has it, else from the mean of all rows, so that it fires from the start on
    what looks like any object; learning tells the classes apart.

    Args:
        model: Its ``categories`` name its classes.
        names: The classes wanted, in order.
        template: Class whose row new ones start from.

    Returns:
        A new network; all else is copied.
    """
    known = [category.name for category in model.categories]
    old = last_linear(model)
    fallback = _row_of_template(old, known, template)
    rows = []
    for name in names:
        rows.append(known.index(name) if name in known else None)
    categories = [Category(number, name) for number, name in enumerate(names, start=1)]
    config = dataclasses.replace(model.config, num_classes=len(names))
    grown = IFC(config, categories)
    state = {k: v.detach().clone() for k, v in model.state_dict().items()}
    prefix = f"class_head.layers.{len(model.class_head.layers) - 1}"
    for kind, values in (("weight", old.weight), ("bias", old.bias)):
        parts = [values[row] if row is not None else fallback[kind] for row in rows]
        state[f"{prefix}.{kind}"] = torch.stack([*parts, values[-1]]).detach().clone()
    grown.load_state_dict(state)
    grown.preferred_short_side = model.preferred_short_side
    grown.provenance = dict(model.provenance)
    return grown


def _row_of_template(
    layer: nn.Linear, known: Sequence[str], template: str
) -> dict[str, torch.Tensor]:
    if template in known:
        row = known.index(template)
        return {"weight": layer.weight[row], "bias": layer.bias[row]}
    return {"weight": layer.weight[:-1].mean(0), "bias": layer.bias[:-1].mean(0)}
