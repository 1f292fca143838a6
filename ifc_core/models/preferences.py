"""What a model says of how it is best used, for all that a person leaves open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ifc_core.errors import ConfigError
from ifc_core.models.config import EDGES, LEAST_DUPLICATE_IOU, MOST_LOOKAHEAD

_PREFIX = "preferred_"  # of the keys in files, in JSON output and in errors
_SHORT_SIDES = (32, 8192)
_MOST_MULTIPLE = 64
_SHARES = {
    "score_threshold": 0.0,
    "duplicate_iou": LEAST_DUPLICATE_IOU,
    "continuation_score": 0.0,
}  # least value of each; the largest is 1


@dataclass(frozen=True, slots=True)
class ModelPreferences:
    """What a model prefers where nobody asks for something else.

    The defaults are as published; they hold too where a file is older than a preference.

    Attributes:
        short_side: Short side of the frames in pixels that the model was trained at, 32 to 8192.
        size_multiple: Both sides of a resized frame are made the nearest multiple of it, 1 to 64;
            1 keeps the frame's shape to the pixel. See ``ifc_core.models.input_size``.
        score_threshold: Instances under it are seldom right, 0 to 1.
        duplicate_iou: Masks of a clip with this soft IoU are mostly one thing, 0.1 to 1; 1 keeps
            all.
        continuation_score: Instances that a clip is not sure of, but that are at least so
            probable, are mostly what a track before them was, 0 to 1; 1 leaves them out.
        lookahead: Frames that the decision who is who looks ahead, 0 to ``MOST_LOOKAHEAD``; 0
            links each clip as it comes.
        edges: How the edges of its masks are best decided again, one of ``EDGES``.
    """

    short_side: int = 360
    size_multiple: int = 1
    score_threshold: float = 0.1
    duplicate_iou: float = 1.0
    continuation_score: float = 1.0
    lookahead: int = 0
    edges: str = "off"

    def __post_init__(self) -> None:
        """Check each of them, since they come from files of unknown origin too.

        Raises:
            ConfigError: One is impossible; it is named by its key in files.
        """
        self._check_whole("short_side", *_SHORT_SIDES, "pixels")
        self._check_whole("size_multiple", 1, _MOST_MULTIPLE, "pixels")
        self._check_whole("lookahead", 0, MOST_LOOKAHEAD, "frames")
        if self.edges not in EDGES:
            raise self._impossible("edges", f"one of {', '.join(EDGES)}")
        for name, least in _SHARES.items():
            value = getattr(self, name)
            if type(value) not in (int, float) or not least <= value <= 1:
                raise self._impossible(name, f"from {least:g} to 1")

    def _check_whole(self, name: str, low: int, high: int, unit: str) -> None:
        value = getattr(self, name)
        if type(value) is not int or not low <= value <= high:
            raise self._impossible(name, f"from {low} to {high} {unit}")

    def _impossible(self, name: str, wanted: str) -> ConfigError:
        key = _PREFIX + name
        said = key.replace("_", " ").replace("iou", "IoU")
        return ConfigError(f"The {said} must be {wanted}.", name=key, value=getattr(self, name))

    def to_fields(self) -> dict[str, Any]:
        """Them as JSON values, each under its key in files: ``preferred_short_side`` and so on."""
        return {_PREFIX + field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_fields(cls, stored: Mapping[str, Any]) -> ModelPreferences:
        """Read what :meth:`to_fields` gave, among any other keys.

        Args:
            stored: Values by key. One that is missing is as published.

        Raises:
            ConfigError: A value is impossible.
            KeyError: The short side is missing, which every file has.
        """
        names = [field.name for field in fields(cls)]
        given = {name: stored[_PREFIX + name] for name in names if _PREFIX + name in stored}
        if "short_side" not in given:
            raise KeyError(f"{_PREFIX}short_side")
        return cls(**given)
