"""What the correction tools show: plain, frozen values without behaviour."""

from __future__ import annotations

from dataclasses import dataclass

from napari_ifc.language import tr

SCOPES = (
    ("both", tr("Both"), tr("From this frame to both ends of the video")),
    ("forward", tr("Forward"), tr("From this frame to the end of the video")),
    ("backward", tr("Backward"), tr("From this frame to the start of the video")),
    ("next", tr("To next"), tr("Up to the next corrected or approved frame on each side")),
    ("gap", tr("Gap"), tr("Only the frames around this one on which the track has no mask")),
    ("clip", tr("This clip"), tr("The few frames that the model sees together with this one")),
)
METHODS = (
    ("fused", tr("Fused"), tr("Optical flow together with what the model knows of the object")),
    ("light", tr("Light"), tr("Flow and colour without the model: faster where there is no GPU")),
    ("flow", tr("Flow"), tr("Optical flow alone")),
    ("interpolate", tr("Blend"), tr("The shape between two corrected frames, without the picture")),
    ("copy", tr("Copy"), tr("The mask of the nearest corrected frame, unchanged")),
)
OVERLAPS = (
    ("keep", tr("Overlap as painted"), tr("Masks may overlap; the order of tracks stays as it is")),
    ("top", tr("Paint on top"), tr("The painted track comes to lie above those that it overlaps")),
    ("below", tr("Paint below"), tr("The painted track comes to lie below those that it overlaps")),
    ("forbid", tr("No overlap"), tr("Pixels that belong to another track are not painted")),
)


@dataclass(frozen=True, slots=True)
class SpreadView:
    """A propagation as the window shows it.

    Attributes:
        active: Whether one is going on, paused or not.
        text: What is being done.
        detail: How far, and how long still.
        fraction: 0 to 1, or ``None`` where it is not known.
        paused: Whether it waits for Resume.
        stopping: Whether it was asked to stop.
    """

    active: bool = False
    text: str = ""
    detail: str = ""
    fraction: float | None = None
    paused: bool = False
    stopping: bool = False


@dataclass(frozen=True, slots=True)
class CandidateView:
    """Hidden masks of the model for a place, as the window shows them.

    Attributes:
        active: Whether candidates are being asked for or shown.
        text: One line: which one is shown, and what the keys do.
        place: Which one is shown, 0-based.
        count: How many there are.
    """

    active: bool = False
    text: str = ""
    place: int = 0
    count: int = 0
