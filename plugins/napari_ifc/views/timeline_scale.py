"""From frames to pixels and back, and what falls into each pixel of a timeline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_ifc.rows import Spans

_MIN_TICK_PX = 64


@dataclass(frozen=True, slots=True)
class Scale:
    """Which frames a strip of pixels shows.

    Attributes:
        first: Frame at the left edge, with a fraction.
        shown: Frames from edge to edge, with a fraction.
        left: Pixel of the left edge.
        width: Pixels from edge to edge.
    """

    first: float
    shown: float
    left: int
    width: int

    def x_of(self, frame: float) -> float:
        """Pixel at which a frame begins."""
        return self.left + (frame - self.first) / self.shown * self.width

    def frame_of(self, x: float) -> float:
        """Place of a pixel in frames, with a fraction."""
        return self.first + (x - self.left) / self.width * self.shown

    def edges(self) -> npt.NDArray[np.float64]:
        """(width + 1,) float64, the frame at each pixel's left edge and at the end."""
        share = np.arange(self.width + 1) / self.width
        return np.asarray(self.first + share * self.shown, dtype=np.float64)


def nice_step(frames_per_pixel: float) -> int:
    """Distance of labelled ticks in frames: 1, 2 or 5 times a power of ten."""
    wanted = max(1.0, frames_per_pixel * _MIN_TICK_PX)
    power = 10 ** int(np.floor(np.log10(wanted)))
    for factor in (1, 2, 5, 10):
        if factor * power >= wanted:
            return int(factor * power)
    return int(10 * power)


def kinds_in_pixels(spans: Spans, edges: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """(width,) int64, the code of the kind that each pixel shows, -1 for none.

    A pixel shows the first stretch that touches it, so that a single frame is never lost.

    Args:
        spans: The stretches of a lane.
        edges: :meth:`Scale.edges`.
    """
    if not len(spans):
        return np.full(len(edges) - 1, -1, dtype=np.int64)
    place = np.searchsorted(spans.stop, edges[:-1], side="right")
    inside = place < len(spans)
    place = np.minimum(place, len(spans) - 1)
    inside &= spans.start[place] < edges[1:]
    return np.where(inside, spans.kind[place].astype(np.int64), -1)


def highest_in_pixels(
    frames: npt.NDArray[np.int32],
    values: npt.NDArray[np.float32],
    edges: npt.NDArray[np.float64],
) -> npt.NDArray[np.float32]:
    """(width,) float32, the largest value of the frames that touch each pixel; 0 without any.

    Args:
        frames: (n,) int32, ascending.
        values: (n,) float32, at least 0.
        edges: :meth:`Scale.edges`.
    """
    low = np.floor(edges[:-1])
    high = np.maximum(low + 1, np.ceil(edges[1:]))
    begin, end = np.searchsorted(frames, low), np.searchsorted(frames, high)
    padded = np.append(values, np.float32(0))
    pairs = np.stack([begin, np.maximum(end, begin + 1)], axis=1).ravel()
    pairs = np.minimum(pairs, len(padded) - 1)
    most = np.maximum.reduceat(padded, pairs)[::2]
    return np.where(end > begin, most, np.float32(0)).astype(np.float32)


def highest_counts(
    counts: npt.NDArray[np.int32], edges: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    """(width,) int64, the largest count among the frames of each pixel."""
    places = np.clip(edges.astype(np.int64), 0, len(counts) - 1)
    return np.asarray(np.maximum.reduceat(counts, places)[:-1], dtype=np.int64)


def spaced(pixels: npt.NDArray[np.float64], distance: float) -> npt.NDArray[np.float64]:
    """Ascending pixels, thinned so that each stands for those of its own cell."""
    if not len(pixels):
        return pixels
    cells = np.floor(pixels / distance)
    return pixels[np.concatenate(([True], np.diff(cells) > 0))]
