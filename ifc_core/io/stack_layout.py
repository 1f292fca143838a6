"""Which axes of a stack are time, channels and colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy.typing as npt

from ifc_core.errors import VideoError

MOST_CHANNELS = 7
"""Channels that are shown together, each in a colour; a longer axis of channels is one of frames
where there is no other."""

_PICTURE_AXES = "CYXS"
_DEPTH = "Z"


def without_single(axes: str, shape: Sequence[int]) -> tuple[str, tuple[int, ...]]:
    """Axes and lengths but for those of length 1 that are neither height nor width."""
    kept = [(a, int(n)) for a, n in zip(axes, shape, strict=True) if n != 1 or a in "YX"]
    return "".join(a for a, _ in kept), tuple(n for _, n in kept)


@dataclass(frozen=True, slots=True)
class StackLayout:
    """The axes of a stack that are longer than 1, by the letters of OME and tifffile.

    Attributes:
        axes: One letter an axis: T time, Z depth, C channel, Y, X, S samples (colour); others
            where a file says no more than that there are several pictures.
        shape: Its lengths.
        frame_axis: Place of the axis along which frames follow each other; -1 for one frame.
        channels: Channels of a frame, each a grey picture; 1 where there are none.
        samples: Values a pixel has of its own, 3 for RGB; 1 for grey.
    """

    axes: str
    shape: tuple[int, ...]
    frame_axis: int
    channels: int
    samples: int

    @classmethod
    def of(cls, axes: str, shape: Sequence[int], name: str) -> Self:
        """Find out what the axes are.

        Args:
            axes: Letters.
            shape: Lengths.
            name: Of the file, for messages.

        Raises:
            VideoError: There are planes of depth at each time, or more axes than can be told
                apart.
        """
        axes, shape = without_single(axes, shape)
        lengths = dict(zip(axes, shape, strict=True))
        if len(lengths) != len(axes) or not {"Y", "X"} <= lengths.keys():
            raise VideoError(
                f"{name} does not say what its axes are ({axes}); save it with their names, as "
                "ImageJ and OME-TIFF do.",
                path=name,
            )
        others = [a for a, n in lengths.items() if a not in _PICTURE_AXES and n > 1]
        channels, samples = lengths.get("C", 1), lengths.get("S", 1)
        frames = "T" if "T" in others else next(iter(others), "")
        if not frames and channels > MOST_CHANNELS:
            frames, channels = "C", 1
        further = [axis for axis in others if axis != frames]
        if further == [_DEPTH]:
            raise VideoError(
                f"{name} holds {lengths[_DEPTH]} planes of depth at each of {lengths[frames]} "
                "times; save a projection of them first (ImageJ: Image, Stacks, Z Project).",
                path=name,
            )
        if further or (channels > 1 and samples > 1) or channels > MOST_CHANNELS:
            told = " x ".join(f"{a} {n}" for a, n in lengths.items())
            raise VideoError(
                f"{name} has more axes than time, {MOST_CHANNELS} channels, height and width "
                f"({told}); save a part of it first.",
                path=name,
            )
        place = axes.index(frames) if frames else -1
        return cls(axes, shape, place, channels, samples)

    @property
    def num_frames(self) -> int:
        """Frames."""
        return 1 if self.frame_axis < 0 else self.shape[self.frame_axis]

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels as stored."""
        return self.shape[self.axes.index("Y")], self.shape[self.axes.index("X")]

    def frame_axes(self) -> str:
        """The axes of what is left of the stack for one frame."""
        return "".join(a for place, a in enumerate(self.axes) if place != self.frame_axis)

    def picture(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """One frame's values in a fixed order.

        Args:
            values: With the axes of :meth:`frame_axes`.

        Returns:
            (channels, H, W), or (H, W, samples) where a pixel has several.
        """
        axes = self.frame_axes()
        kept = "YXS" if self.samples > 1 else "CYX" if self.channels > 1 else "YX"
        turned = values.transpose([axes.index(axis) for axis in kept])
        return turned[None] if kept == "YX" else turned
