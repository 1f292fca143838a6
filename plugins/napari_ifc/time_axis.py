"""Which of napari's axes is time, and which frame of a video its slider stands on.

A video's layers have the last three axes of the viewer, without scale or offset, so that the
place on its axis is the number of the frame. napari's *steps* are those of all layers
together: beside a layer of a person's own with half a second a frame, step 5 is frame 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari.components import Dims

_NAMES = ("t", "y", "x")


def time_axis(dims: Dims) -> int:
    """The axis of the viewer along which the frames of a video lie."""
    return max(0, int(dims.ndim) - len(_NAMES))


def frame_of(dims: Dims) -> int:
    """The frame that napari shows, rounded as it rounds; it may lie beyond the video."""
    return int(np.round(dims.point[time_axis(dims)]))


def show_frame(dims: Dims, frame_index: int) -> None:
    """Have napari show a frame."""
    dims.set_point(time_axis(dims), float(frame_index))


def name_axes(dims: Dims) -> None:
    """Name the axes of a video; further ones keep their names."""
    first = time_axis(dims)
    dims.set_axis_label(range(first, first + len(_NAMES)), _NAMES)
