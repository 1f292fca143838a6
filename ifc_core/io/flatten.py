"""One label a pixel, for formats in which masks may not overlap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ifc_core.io.frame_source import FrameSource, paint_order
from ifc_core.io.ytvis_types import YtvisVideo
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


def flatten_frame(masks: Iterable[tuple[int, RLEMask]], size: tuple[int, int]) -> FlatFrame:
    """Paint the masks of one frame over each other.

    Args:
        masks: (label from 1 to 65535, mask), lowest first.
        size: (height, width).

    Returns:
        The labels, and how much was covered.
    """
    # Column-major, like the masks.
    painted = np.zeros((size[1], size[0]), dtype=np.uint16)
    total = 0
    for label, mask in masks:
        painted[mask.to_array().T] = label
        total += mask.area
    visible = int(np.count_nonzero(painted))
    return FlatFrame(np.ascontiguousarray(painted.T), total - visible)


def flat_frames(
    source: FrameSource, video: YtvisVideo, labels: Mapping[int, int]
) -> Iterator[FlatFrame]:
    """The frames of a video, one label a pixel.

    Args:
        source: Where the masks come from.
        video: The video.
        labels: Track id -> label.

    Yields:
        One a frame.
    """
    tracks = source.tracks(video.id)
    order = [tracks[place].id for place in paint_order(tracks)]
    for place in range(video.length):
        masks = source.masks(video.id, place)
        shown = ((labels[i], masks[i]) for i in order if i in masks)
        yield flatten_frame(shown, (video.height, video.width))
