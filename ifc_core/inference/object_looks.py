"""What an object looks like, as a colour histogram: to tell two objects apart without a network."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.structures import RLEMask

Look = npt.NDArray[np.float32]
"""(D,) square roots of a colour distribution: the dot product of two is their affinity."""

_BINS = (8, 10, 10)  # lightness coarser than colour, because light changes along a path
_LONG_SIDE_PX = 320
_FEWEST_PIXELS = 12


def look_of(
    lab: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_], others: npt.NDArray[np.bool_] | None
) -> Look | None:
    """Distribution of the colours inside a mask.

    Args:
        lab: (h, w, 3) uint8, CIELAB as OpenCV scales it.
        mask: (h, w) the object.
        others: (h, w) pixels that another mask claims too; they are left out where enough remain.

    Returns:
        The look, or ``None`` where there are too few pixels.
    """
    inside = mask
    if others is not None:
        alone = mask & ~others
        if alone.sum() >= max(_FEWEST_PIXELS, mask.sum() // 5):
            inside = alone
    if inside.sum() < _FEWEST_PIXELS:
        return None
    ranges = [0, 256, 48, 208, 48, 208]
    counted = cv2.calcHist([lab], [0, 1, 2], inside.astype(np.uint8), list(_BINS), ranges)
    histogram: Look = np.asarray(counted, dtype=np.float32)
    for axis in range(3):  # neighbours share, so that a bin's edge is no cliff
        histogram = _smooth(histogram, axis)
    total = float(histogram.sum())
    if total <= 0:
        return None
    look: Look = np.sqrt(histogram.ravel() / total).astype(np.float32)
    return look


def look_distance(first: Look, second: Look) -> float:
    """Hellinger distance, 0 (alike) to 1 (no colour in common)."""
    return float(np.sqrt(max(0.0, 1.0 - float(first @ second))))


class LookReader:
    """Looks of the masks of a frame, the frame read and made small once.

    Args:
        read_frame: Gives frame i as (H, W, 3) uint8 RGB.
        capacity: Frames whose looks are kept.
    """

    def __init__(
        self, read_frame: Callable[[int], npt.NDArray[np.uint8]], capacity: int = 64
    ) -> None:
        self._read_frame = read_frame
        self._capacity = capacity
        self._known: OrderedDict[int, dict[int, Look | None]] = OrderedDict()

    def look(self, frame_index: int, track_id: int, masks: dict[int, RLEMask]) -> Look | None:
        """The look of one track on one frame.

        Args:
            frame_index: 0-based.
            track_id: One of ``masks``.
            masks: All masks of the frame by track.
        """
        known = self._known.get(frame_index)
        if known is None:
            known = self._known[frame_index] = self._looks(frame_index, masks)
            while len(self._known) > self._capacity:
                self._known.popitem(last=False)
        self._known.move_to_end(frame_index)
        return known.get(track_id)

    def _looks(self, frame_index: int, masks: dict[int, RLEMask]) -> dict[int, Look | None]:
        frame = self._read_frame(frame_index)
        height, width = frame.shape[:2]
        scale = min(1.0, _LONG_SIDE_PX / max(height, width))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        lab = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2LAB), dtype=np.uint8)
        shrunk = {track: _shrunk(rle, size) for track, rle in masks.items()}
        count = np.zeros(lab.shape[:2], np.uint16)
        for mask in shrunk.values():
            count += mask
        return {t: look_of(lab, m, m & (count > 1)) for t, m in shrunk.items()}


def _shrunk(rle: RLEMask, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """A mask at ``size`` (width, height); column-major as it is decoded, so nothing is turned."""
    columns = np.ascontiguousarray(rle.to_array().T).view(np.uint8)
    small = cv2.resize(columns, size[::-1], interpolation=cv2.INTER_NEAREST)
    return np.ascontiguousarray(small.T).view(np.bool_)


def _smooth(histogram: npt.NDArray[np.float32], axis: int) -> npt.NDArray[np.float32]:
    """A (1, 2, 1) / 4 kernel along one axis; what falls over the edge stays in the edge bin."""
    moved = np.moveaxis(histogram, axis, 0)
    padded = np.concatenate([moved[:1], moved, moved[-1:]])
    mixed: npt.NDArray[np.float32] = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    return np.moveaxis(mixed, 0, axis)
