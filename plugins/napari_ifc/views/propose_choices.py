"""What the form of Propose offers, in words."""

from __future__ import annotations

from ifc_core.models.config import EDGES
from napari_ifc.language import tr

NEAR_ONLINE, OFFLINE, CUSTOM = "near-online", "offline", "custom"
MODES = (
    (NEAR_ONLINE, tr("Near-online")),
    (OFFLINE, tr("Offline, whole video")),
    (CUSTOM, tr("Custom clips")),
)
"""How the video is cut into clips: key and text of each choice."""
MODE_HELP = {
    NEAR_ONLINE: tr("Overlapping clips of 5 frames; memory does not grow with the video."),
    OFFLINE: tr("The model sees all frames at once. Best for clips of up to a few dozen frames."),
    CUSTOM: tr("Longer clips see further; a larger stride is faster and joins fewer overlaps."),
}
"""What each mode means."""
TILES = (
    ("", tr("Whole frame at once")),
    ("auto", tr("Tiles, as many as the size asks for")),
    ("48px", tr("For objects from 48 pixels")),
    ("24px", tr("For objects from 24 pixels")),
    ("12px", tr("For objects from 12 pixels")),
    ("2x2", tr("2 × 2 tiles")),
    ("2x3", tr("2 × 3 tiles")),
    ("3x4", tr("3 × 4 tiles")),
)
"""Setting and text of each choice."""
EDGES_OFFERED = (
    ("", tr("Model's own")),
    ("off", tr("As the model draws them")),
    ("fast", tr("By the colours nearby")),
    ("best", tr("By a network of its own")),
)
"""Setting and text of each choice; the empty one leaves it to the model."""
assert tuple(key for key, _ in EDGES_OFFERED[1:]) == EDGES  # noqa: S101
FOR_MICROSCOPY = tr(
    "For microscopy choose the bundled model for cells; small cells need tiles too."
)
"""A hint beside the models."""


def gpu_in_words(device: str) -> str:
    """``cuda`` or ``cuda:1`` in words."""
    number = device.partition(":")[2]
    return tr("GPU {number} (CUDA)").format(number=number) if number else tr("GPU (CUDA)")


def tiles_in_words(tiles: str) -> str:
    """Of a choice that the list does not offer."""
    if tiles.endswith("px"):
        return tr("For objects from {size} pixels").format(size=tiles.removesuffix("px"))
    return tr("{grid} tiles").format(grid=tiles.replace("x", " × "))
