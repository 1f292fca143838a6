"""What a generated clip is asked to look like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ifc_core.errors import ConfigError

Difficulty = Literal["easy", "medium", "hard"]
DIFFICULTIES: tuple[Difficulty, ...] = ("easy", "medium", "hard")
STRENGTH: dict[Difficulty, float] = {"easy": 0.4, "medium": 0.8, "hard": 1.0}
"""How often lens, sensor and codec degrade the clips of a difficulty, 0 to 1."""

World = Literal["things", "cells"]
WORLD_CLASSES: dict[World, str] = {"things": "object", "cells": "cell"}
"""The generated worlds, and the one class of each."""
MOST_OBJECTS: dict[World, int] = {"things": 30, "cells": 200}


def check_world(name: str) -> World:
    """The generated world of a name.

    Raises:
        ConfigError: There is none.
    """
    for world in WORLD_CLASSES:
        if world == name:
            return world
    known = ", ".join(WORLD_CLASSES)
    raise ConfigError(f"The world must be one of {known}.", name="world", value=name)


@dataclass(frozen=True, slots=True)
class ClipSpec:
    """Settings of one generated clip; with a seed it determines every pixel.

    Attributes:
        height: Frame height in pixels.
        width: Frame width in pixels.
        num_frames: Frames of the clip, T.
        difficulty: ``easy`` (few, clear objects), ``medium`` or ``hard`` (crowds, twins,
            camouflage, occluders, strong degradation).
        max_objects: Most objects of a clip; up to 30 things or 200 cells. More than 30 cells are
            in hard clips alone.
        cutout_dir: Folder with ``instances.json`` (COCO format) and its images, whose objects
            are pasted and whose photographs serve as backgrounds; ``None`` for a purely
            procedural world.
        sprite_dir: Folder of PNG or WebP pictures with transparency that are pasted as objects,
            in other colours and surfaces; ``None`` for none.
        sprite_fraction: Share of the objects that are such pictures, where there are any.
        cutout_fraction: Share of the other objects that are cut from photographs, where there
            are any.
        real_fraction: Share of the clips that are photographs of ``cutout_dir`` themselves, seen
            by a moving camera, with the masks of that file. They are exhaustive only with
            ``real_exhaustive``.
        real_exhaustive: Treat the labels of those photographs as complete.
        photographs: Use the photographs that ship with scikit-image as surfaces, where it is
            installed.
        frame_gap: Time between two frames of the clip, in frames of a usual video; motion
            scales with it.
        world: ``things`` (people, animals, vehicles, objects of all kinds before backgrounds) or
            ``cells`` (microscopy, which pictures of folders do not enter).
    """

    height: int = 128
    width: int = 224
    num_frames: int = 3
    difficulty: Difficulty = "medium"
    max_objects: int = 30
    cutout_dir: str | None = None
    cutout_fraction: float = 0.6
    sprite_dir: str | None = None
    sprite_fraction: float = 0.25
    real_fraction: float = 0.3
    real_exhaustive: bool = False
    photographs: bool = True
    frame_gap: float = 2.0
    world: World = "things"

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: A value is outside its range.
        """
        size = (self.height, self.width, self.num_frames)
        if min(size[:2]) < 32 or self.num_frames < 1:
            raise ConfigError(
                "A generated clip needs at least 32 x 32 pixels and one frame.",
                name="height, width, num_frames",
                value=size,
            )
        if self.difficulty not in DIFFICULTIES:
            raise ConfigError(
                f"The difficulty must be one of {', '.join(DIFFICULTIES)}.",
                name="difficulty",
                value=self.difficulty,
            )
        check_world(self.world)
        most = MOST_OBJECTS[self.world]
        if not 1 <= self.max_objects <= most:
            raise ConfigError(
                f"A generated clip of {self.world} holds 1 to {most}.",
                name="max_objects",
                value=self.max_objects,
            )
        for name in ("cutout_fraction", "sprite_fraction", "real_fraction"):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise ConfigError(f"{name} must be between 0 and 1.", name=name, value=value)
