"""What a person draws with the pointer alone: boxes, clicks and scribbles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

POINTER_TOOLS = ("scribble", "unscribble", "box", "candidates")
"""Tools that read the pointer and leave the pixels to somebody else."""

UNTIL_TOOL = "until_tool"
"""In a layer's metadata: it is drawn on until a tool is chosen."""

_KEYS = ("Shift", "Control", "Alt", "Meta")


def held_keys(event: Any) -> frozenset[str]:
    """Names of the keys that were held while the pointer did something.

    Args:
        event: An event of the canvas. The keys in it equal their names and no more than that:
            what ``str`` makes of one is another word.
    """
    return frozenset(name for name in _KEYS if name in event.modifiers)


@dataclass(frozen=True, slots=True)
class Gesture:
    """What a pointer tool saw from press to release.

    Attributes:
        tool: One of :data:`POINTER_TOOLS`.
        points_xy: Where the pointer was, (x, y) in pixels of the video; 0.5 is the middle of
            the first one.
        positions_px: The same on the canvas, for marks that are drawn over it.
        finished: Whether the button was released.
        modifiers: Names of the keys that were held, such as ``"Shift"``.
    """

    tool: str
    points_xy: tuple[tuple[float, float], ...]
    positions_px: tuple[tuple[float, float], ...]
    finished: bool
    modifiers: frozenset[str] = frozenset()
