"""Object categories."""

from __future__ import annotations

from dataclasses import dataclass

from ifc_core.errors import ConfigError

MAX_ID = (1 << 62) - 1
"""More the number of a class, track or video in a file of annotations may not be."""


@dataclass(frozen=True, slots=True)
class Category:
    """A class of objects.

    Attributes:
        id: Positive number, as in COCO and YTVIS files.
        name: Name shown to people and matched between files.
        supercategory: COCO's grouping, may be empty.
        color_rgb: Display colour, 0 to 255 each.
        hotkey: A single key that selects the category, or empty.
    """

    id: int
    name: str
    supercategory: str = ""
    color_rgb: tuple[int, int, int] = (0, 158, 115)
    hotkey: str = ""

    def __post_init__(self) -> None:
        """Check the fields."""
        if not 1 <= self.id <= MAX_ID:
            bound = "positive" if self.id < 1 else f"{MAX_ID} at most"
            raise ConfigError(f"A category id must be {bound}.", name="id", value=self.id)
        if not self.name.strip():
            raise ConfigError("A category needs a name.", name="name", value=self.name)
        try:
            f"{self.name}{self.supercategory}{self.hotkey}".encode()
        except UnicodeEncodeError as error:  # half a character, as JSON can have
            raise ConfigError(
                "The name of a category must be UTF-8.", name="name", value=self.name
            ) from error
        if any(not 0 <= c <= 255 for c in self.color_rgb):
            raise ConfigError(
                "A colour has three values from 0 to 255.", name="color_rgb", value=self.color_rgb
            )
