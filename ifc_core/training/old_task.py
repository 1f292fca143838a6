"""What a model knew before it saw anyone's videos, as its provenance says."""

from __future__ import annotations

from dataclasses import dataclass

from ifc_core.data.synthetic.spec import WORLD_CLASSES, World
from ifc_core.models.ifc import IFC

WORLD_KEY = "world"
"""Key of a model's provenance: the generated world that it learnt first, else that of things."""

CLASS_KEY = "world_class"
"""Key of a model's provenance: what the class of that world is called by now; empty where the model
has it no longer."""


@dataclass(frozen=True, slots=True)
class OldTask:
    """What a model knew before it saw anyone's videos.

    Attributes:
        world: The generated world that shows it.
        class_name: Its class, as the model calls it.
    """

    world: World
    class_name: str


def first_world(model: IFC) -> World:
    """The generated world that a model or its ancestor learnt first, as far as it says."""
    stored = model.provenance.get(WORLD_KEY)
    return next((world for world in WORLD_CLASSES if world == stored), "things")


def old_task(model: IFC) -> OldTask | None:
    """The old task of a model; ``None`` where it does not know what generated clips show."""
    world = first_world(model)
    name = model.provenance.get(CLASS_KEY, WORLD_CLASSES[world])
    known = {category.name for category in model.categories}
    return OldTask(world, name) if name in known else None
