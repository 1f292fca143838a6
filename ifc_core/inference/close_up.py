"""A window that goes along with a small object, at a size at which the object has pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.inference.mask_output import encode_box
from ifc_core.inference.references import resized
from ifc_core.io.video import VideoReader
from ifc_core.structures import RLEMask

Frame = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Place = npt.NDArray[np.float64]

_SPEED_FROM = 4  # frames
_GOES_ON_FOR = 3  # frames after the object was seen last


class CloseUp(VideoReader):
    """A video as a window shows it that is moved along with an object.

    Where the window lies on a frame is settled when that frame is first asked for: between two
    frames on which the object's place is known evenly, beyond them as it moved so far.

    Args:
        reader: The video; closing this leaves it open.
        side_px: Sides of the window, in pixels of the video; less where the frame has less.
        enlarged: How many times the window's pixels are enlarged, at least 1.
        centres: Frame -> (x, y) of the object, for at least one frame.
    """

    def __init__(
        self, reader: VideoReader, side_px: int, enlarged: float, centres: Mapping[int, Place]
    ) -> None:
        self._reader = reader
        self._sides = tuple(min(side_px, side) for side in reader.video.size)
        height, width = (round(side * enlarged) for side in self._sides)
        self.video = replace(reader.video, height=height, width=width)
        self.pts_seconds, self.has_rate = reader.pts_seconds, reader.has_rate
        self._known = dict(sorted(centres.items()))
        self._corners: dict[int, tuple[int, int]] = {}

    @property
    def sides(self) -> tuple[int, int]:
        """(height, width) of the window, in pixels of the video."""
        return self._sides[0], self._sides[1]

    def note(self, frame_index: int, rle: RLEMask) -> None:
        """Tell where the object, as a mask of the whole frame, was found."""
        self._known[frame_index] = centre_of(rle)

    def read(self, frame_index: int) -> Frame:
        """The window of one frame, enlarged.

        Raises:
            VideoError: The frame cannot be read.
        """
        rows, columns = self._window(frame_index)
        part = np.ascontiguousarray(self._reader.read(frame_index)[rows, columns])
        if part.shape[:2] == self.video.size:
            return part
        large = cv2.resize(part, self.video.size[::-1], interpolation=cv2.INTER_CUBIC)
        return np.asarray(large, np.uint8)

    def close(self) -> None:
        """Nothing: the video is its owner's."""

    def cut(self, mask: Mask, frame_index: int) -> Mask:
        """What the window shows of a mask of the whole frame, (h, w) bool, enlarged."""
        rows, columns = self._window(frame_index)
        part = np.ascontiguousarray(mask[rows, columns]).astype(np.float32)
        large = cv2.resize(part, self.video.size[::-1], interpolation=cv2.INTER_LINEAR)
        return np.asarray(large > 0.5, np.bool_)

    def put(self, rle: RLEMask, frame_index: int) -> RLEMask | None:
        """A mask of the window as one of the whole frame; ``None`` where nothing is left."""
        mask = resized(rle.to_array(), self.sides)
        return encode_box(mask, self._reader.video.size, *self._corner(frame_index))

    def _window(self, frame_index: int) -> tuple[slice, slice]:
        top, left = self._corner(frame_index)
        return slice(top, top + self._sides[0]), slice(left, left + self._sides[1])

    def _corner(self, frame_index: int) -> tuple[int, int]:
        """(top, left) of the window on a frame."""
        if frame_index not in self._corners:
            x, y = self._expected(frame_index)
            top, left = (
                round(float(np.clip(at - side / 2, 0, whole - side)))
                for at, side, whole in zip(
                    (y, x), self._sides, self._reader.video.size, strict=True
                )
            )
            self._corners[frame_index] = top, left
        return self._corners[frame_index]

    def _expected(self, frame_index: int) -> Place:
        """(x, y) where the object should be."""
        frames = np.array(sorted(self._known))
        before, after = frames[frames <= frame_index], frames[frames >= frame_index]
        if len(before) and len(after):
            ends = int(before[-1]), int(after[0])
            share = (frame_index - ends[0]) / max(1, ends[1] - ends[0])
            return (1 - share) * self._known[ends[0]] + share * self._known[ends[1]]
        last = int(before[-1] if len(before) else after[0])
        near = frames[(frames != last) & (abs(frames - last) <= _SPEED_FROM)]
        if not len(near):
            return self._known[last]
        other = int(near[np.argmax(abs(near - last))])
        speed = (self._known[last] - self._known[other]) / (last - other)
        ahead = int(np.clip(frame_index - last, -_GOES_ON_FOR, _GOES_ON_FOR))
        return self._known[last] + ahead * speed


def centre_of(rle: RLEMask) -> Place:
    """(x, y) of the middle of a mask's box, in pixels."""
    x, y, width, height = rle.bbox_xywh
    return np.array([x + width / 2, y + height / 2])
