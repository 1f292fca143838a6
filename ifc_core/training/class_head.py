"""Growing and shrinking the classes that a network knows."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

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


def with_classes(
    model: IFC, names: Sequence[str], *, nearest: Mapping[str, str] | None = None
) -> IFC:
    """A copy of a network with other classes.

    A class that the network knows keeps its row. A new one starts from the row of "object" where
    the network has it, else from that of the nearest class, else from the mean of all rows, so
    that it fires from the start on what looks like it; learning tells the classes apart.

    Args:
        model: Its ``categories`` name its classes.
        names: The classes wanted, in order.
        nearest: New name to the known class that it is most like, for networks without "object".

    Returns:
        A new network; all else is copied.
    """
    known = [category.name for category in model.categories]
    old = last_linear(model)
    categories = [Category(number, name) for number, name in enumerate(names, start=1)]
    config = dataclasses.replace(model.config, num_classes=len(names))
    grown = IFC(config, categories)
    state = {k: v.detach().clone() for k, v in model.state_dict().items()}
    prefix = f"class_head.layers.{len(model.class_head.layers) - 1}"
    for kind, values in (("weight", old.weight), ("bias", old.bias)):
        state[f"{prefix}.{kind}"] = class_rows(values, known, names, nearest).detach().clone()
    grown.load_state_dict(state)
    grown.preferences = model.preferences
    grown.provenance = dict(model.provenance)
    return grown


def class_rows(
    values: torch.Tensor,
    known: Sequence[str],
    names: Sequence[str],
    nearest: Mapping[str, str] | None = None,
) -> torch.Tensor:
    """Rows of a class head for other classes, as :func:`with_classes` chooses them.

    Args:
        values: (K + 1, ...) rows of the known classes and of no-object.
        known: Their K names.
        names: The classes wanted, in order.
        nearest: New name to the known class that it is most like.

    Returns:
        A row a class wanted, and that of no-object.
    """
    rows = [_row_of(name, known, nearest or {}) for name in names]
    parts = [values[:-1].mean(0) if row is None else values[row] for row in rows]
    return torch.stack([*parts, values[-1]])


def _row_of(name: str, known: Sequence[str], nearest: Mapping[str, str]) -> int | None:
    """The row that a class starts from, ``None`` for the mean of all."""
    for candidate in (name, OBJECT, nearest.get(name)):
        if candidate in known:
            return known.index(candidate)
    return None
