"""One label a pixel, for formats in which masks may not overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ifc_core.io.ytvis_types import YtvisTrack
from ifc_core.structures import RLEMask


@dataclass(frozen=True, slots=True)
class FlatFrame:
    """A frame on which every pixel belongs to one track at most.

    Attributes:
        labels: (H, W) uint16, 0 where there is none.
        hidden_pixels: Pixels of masks that lie under other masks.
    """

    labels: npt.NDArray[np.uint16]
    hidden_pixels: int


def paint_order(tracks: Sequence[YtvisTrack]) -> list[int]:
    """Places of the tracks, lowest first: crowds, then by z-order, then as in the file."""

    def key(place: int) -> tuple[bool, int, int]:
        track = tracks[place]
        return (not track.is_crowd, track.details.z_order if track.details else 0, place)

    return sorted(range(len(tracks)), key=key)


def flatten_frame(
    tracks: Sequence[YtvisTrack],
    labels: Sequence[int],
    frame_index: int,
    size: tuple[int, int],
) -> FlatFrame:
    """Paint the masks of one frame over each other.

    Args:
        tracks: All tracks of a video.
        labels: Their labels, 1 to 65535.
        frame_index: The frame.
        size: (height, width).

    Returns:
        The labels, and how much was covered.
    """
    # Column-major, like the masks.
    painted = np.zeros((size[1], size[0]), dtype=np.uint16)
    total = 0
    for place in paint_order(tracks):
        mask: RLEMask | None = tracks[place].segmentations[frame_index]
        if mask is not None:
            painted[mask.to_array().T] = labels[place]
            total += mask.area
    visible = int(np.count_nonzero(painted))
    return FlatFrame(np.ascontiguousarray(painted.T), total - visible)
