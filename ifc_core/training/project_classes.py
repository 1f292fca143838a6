"""Which classes of a version are which of its project, whatever these are called by now."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ifc_core.errors import CheckpointError
from ifc_core.models.checkpoint import read_checkpoint_info
from ifc_core.models.ifc import IFC
from ifc_core.models.names import model_file, model_name
from ifc_core.structures import Category
from ifc_core.training.class_head import OBJECT

CATEGORY_IDS = "category_ids"
"""Key of a version's provenance: ids in its project of the classes learnt there, by name."""


@dataclass(frozen=True, slots=True)
class ParentClasses:
    """The classes of a parent as the project has them now.

    Attributes:
        names: One for each class of the parent, all different.
        kept: Those of them that a new version has, too, in order.
        ids: Of those that were learnt from the project, by name.
    """

    names: tuple[str, ...]
    kept: tuple[str, ...]
    ids: Mapping[str, int]


def learnt_ids(parent: IFC, model: str, models: Path) -> dict[str, int]:
    """Ids in the project of the classes that a parent learnt from it, by their names then.

    Args:
        parent: The network.
        model: Its name or file.
        models: Folder of the project's versions; ids of another project's say nothing.
    """
    try:
        info = read_checkpoint_info(model_file(models, model_name(model)))
    except CheckpointError:
        return {}
    stored = info.provenance.get(CATEGORY_IDS)
    if info.sha256 != parent.sha256 or not isinstance(stored, dict):
        return {}
    known = {category.name for category in info.categories} - {OBJECT}
    return {name: key for name, key in stored.items() if name in known and type(key) is int}


def parent_classes(
    known: Sequence[str], ids: Mapping[str, int], categories: Sequence[Category]
) -> ParentClasses:
    """Rename the classes of a parent as the project renamed its own, and find those it deleted.

    Where a class that was learnt elsewhere has the name that one of the project's has got, the
    project's takes its place; but "object" stays what it was.

    Args:
        known: Of the parent, in order.
        ids: From :func:`learnt_ids`.
        categories: Of the project now.
    """
    present = {category.id: category.name for category in categories}
    now = {name: present[key] for name, key in ids.items() if present.get(key, OBJECT) != OBJECT}
    taken = set(now.values())
    names: list[str] = []
    gone = set[str]()
    for name in known:
        current = now.get(name, name)
        is_deleted = name in ids and name not in now and name not in present.values()
        if is_deleted or (name not in now and current in taken):
            current = _unlike(current, taken.union(known, names, present.values()))
            gone.add(current)
        names.append(current)
    kept = tuple(name for name in names if name not in gone)
    return ParentClasses(
        tuple(names), kept, {now[name]: ids[name] for name in known if name in now}
    )


def _unlike(name: str, others: Collection[str]) -> str:
    number = 2
    while f"{name} ({number})" in others:
        number += 1
    return f"{name} ({number})"


def rename_classes(model: IFC, names: Sequence[str]) -> None:
    """Give the classes of a network other names, in order."""
    pairs = zip(model.categories, names, strict=True)
    model.categories = tuple(replace(category, name=name) for category, name in pairs)
