"""Two films with boxes and a ring, for formats that hold polygons."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ifc_core.io.ytvis_types import YtvisFile, YtvisTrack, YtvisVideo
from ifc_core.structures import Category, RLEMask

SIZE = (40, 60)
RING = np.zeros(SIZE, bool)
RING[5:25, 5:25] = True
RING[10:20, 10:20] = False


def boxes(*sides: tuple[int, int, int, int]) -> npt.NDArray[np.bool_]:
    """Some boxes of (top, left, bottom, right)."""
    drawn = np.zeros(SIZE, bool)
    for top, left, bottom, right in sides:
        drawn[top:bottom, left:right] = True
    return drawn


def two_films(scale: int = 1) -> YtvisFile:
    """Three frames and one; the second film is one box all over.

    Args:
        scale: Pixels of a side for each here.
    """

    def mask(drawn: npt.NDArray[np.bool_]) -> RLEMask:
        return RLEMask.from_array(drawn.repeat(scale, 0).repeat(scale, 1))

    height, width = (scale * side for side in SIZE)
    names = tuple(f"my film/{number:05d}.jpg" for number in (3, 4, 5))
    videos = (
        YtvisVideo(1, height, width, 3, names),
        YtvisVideo(2, height, width, 1, ("b/00000.jpg",)),
    )
    classes = (Category(4, "dog"), Category(2, 'größe: "犬" #1'))
    first = (mask(boxes((1, 1, 9, 9), (20, 30, 30, 50))), None, mask(boxes((2, 2, 9, 9))))
    tracks = (
        YtvisTrack(7, 1, 4, first),
        YtvisTrack(8, 1, 2, (mask(RING), None, None)),
        YtvisTrack(9, 2, 4, (mask(boxes((0, 0, *SIZE))),)),
    )
    return YtvisFile(videos, classes, tracks)
