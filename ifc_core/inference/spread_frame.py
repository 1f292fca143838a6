"""One frame of a track that is being spread: what is known of it, and what speaks for its mask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from ifc_core.inference.confidence import Support
from ifc_core.inference.far_match import Places
from ifc_core.inference.flow_store import FlowPath
from ifc_core.inference.fusion import SideCues, nearness
from ifc_core.inference.patch import Box, Patch
from ifc_core.inference.track_looks import Reference
from ifc_core.structures import RLEMask

FloatImage = npt.NDArray[np.float32]

_MERELY_NOT_FOUND = 0.5


@dataclass(frozen=True, slots=True)
class SpreadMask:
    """What a correction says about another frame.

    Attributes:
        frame_index: 0-based in the video.
        rle: The mask, or ``None`` where nothing supports one.
        confidence: 0 to 1, an estimate of how likely the mask is good (J of 0.75 or more), or that
            nothing is there; the latter is above a half only where something explains it: a cut,
            what covered the object, the edge of the picture, a person's word.
    """

    frame_index: int
    rle: RLEMask | None
    confidence: float


@dataclass(frozen=True, slots=True)
class Carried:
    """A corrected frame as seen from another one."""

    reference: Reference
    path: FlowPath
    box: Box | None  # of the carried mask, in working pixels
    is_cut_off: bool  # another shot begins between the two
    is_covered: bool  # something else took the object's place at once
    has_left: bool  # it was at the edge of the picture when it was seen last

    @property
    def explains_absence(self) -> bool:
        """Whether anything says why the object is not to be seen, besides that it is not found."""
        was_absent = not self.reference.mask.any()
        return self.is_cut_off or self.is_covered or self.has_left or was_absent


@dataclass(frozen=True, slots=True)
class Present:
    """The frame to decide, and what it looks like on its own."""

    frame: int
    patch: Patch
    rgb: npt.NDArray[np.uint8]
    descriptors: FloatImage
    looks: FloatImage
    features: FloatImage
    places: Places | None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A frame with what corrected frames say of it."""

    present: Present
    sides: Sequence[SideCues]
    carried: Sequence[Carried]

    @property
    def num_bytes(self) -> int:
        """Memory of what was cut out of the frame and of what speaks for its mask."""
        here = self.present
        places = None if here.places is None else here.places.descriptors
        cues = [getattr(side, field.name) for side in self.sides for field in fields(side)]
        arrays = (here.rgb, here.descriptors, here.looks, here.features, places, *cues)
        return sum(array.nbytes for array in arrays if isinstance(array, np.ndarray))


@dataclass(frozen=True, slots=True)
class Memory:
    """The frame decided last, a neighbour of the next one."""

    frame_index: int
    patch: Patch
    rgb: npt.NDArray[np.uint8]
    logit: FloatImage


def moved_logit(sides: Sequence[SideCues]) -> FloatImage:
    """The logit of motion alone: carried distances, the nearer correction counting more."""
    parts = [
        n * side.distance_px / (1.5 + 0.5 * side.steps + 4.0 * (1.0 - side.trust))
        for n, side in zip(nearness(sides), sides, strict=True)
    ]
    total: FloatImage = np.sum(parts, axis=0).astype(np.float32)
    return total


def support_of(logit: FloatImage, moved: FloatImage, sides: Sequence[SideCues]) -> Support:
    """What speaks for the mask of a frame.

    Args:
        logit: (h, w) float32, what was decided.
        moved: (h, w) float32, what motion alone says.
        sides: What the corrected frames say.
    """
    mask, carried = logit > 0, moved > 0
    either = mask | carried
    shares = nearness(sides)
    if not either.any():
        return Support(0.0, 0.0, 0.0, 0.0, min(s.steps for s in sides))
    trust = sum(n * float(s.trust[either].mean()) for n, s in zip(shares, sides, strict=True))
    agreement = float((mask & carried).sum()) / float(either.sum())
    certainty = float(np.abs(np.tanh(logit[either] / 2)).mean())
    votes = [s.distance_px > 0 for s in sides]
    union = float(np.logical_or.reduce(votes).sum())
    sides_agree = float(np.logical_and.reduce(votes).sum()) / union if union else 0.0
    return Support(trust, agreement, certainty, sides_agree, min(s.steps for s in sides))


def sure_of_absence(carried: Sequence[Carried], sure: float | None = None) -> float:
    """How sure it is that nothing is there, 0 to 1.

    Args:
        carried: The corrected frames as seen from the frame.
        sure: How sure it were if something explained it; by default less with the distance.
    """
    near = min(carried, key=lambda c: c.path.steps)
    if sure is None:
        sure = _sure_so_far(near.path.steps)
    return sure if near.explains_absence else min(_MERELY_NOT_FOUND, sure)


def beyond_cut(steps: int, frames: Sequence[int], path: Sequence[int]) -> Iterator[SpreadMask]:
    """Frames of other shots than the correction, on which nothing is found.

    Args:
        steps: From the correction to the first frame behind the cut.
        frames: Those that are asked for.
        path: All behind the cut, the next one first.
    """
    for frame in frames:
        yield SpreadMask(frame, None, _sure_so_far(steps + abs(frame - path[0])))


def _sure_so_far(steps: int) -> float:
    return 1.0 / (1.0 + 0.1 * steps)
