"""A TIFF stack as a video: what microscopes and ImageJ write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ifc_core.errors import VideoError
from ifc_core.io.deep_pictures import (
    DeepRange,
    Levels,
    black_is_zero,
    common_levels,
    sampled,
)
from ifc_core.io.fingerprint import file_fingerprint
from ifc_core.io.picture_reader import PICTURE_FPS, PictureReader
from ifc_core.io.stack_pages import StackFile
from ifc_core.structures import Video


class StackReader(PictureReader):
    """Frames of a TIFF file: ImageJ hyperstacks, OME-TIFF, BigTIFF and plain pages.

    Frames follow each other along time, or along the one axis that there is instead. Grey becomes
    RGB; up to seven channels are added up in their colours, which ImageJ and OME tell. Values of
    more than 8 bits become 8-bit by one range for all frames, for each channel its own
    (:mod:`~ifc_core.io.deep_pictures`).

    Args:
        path: The file.

    Raises:
        VideoError: It is no TIFF file, has planes of depth at each time, or none of its frames
            is whole.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._stack = StackFile(path)
        layout, count = self._stack.layout, self._stack.num_frames
        self._ranges = [DeepRange(partial(self._levels, n)) for n in range(layout.channels)]
        self._found: list[Levels | None] = []
        self.pts_seconds = np.arange(count) / PICTURE_FPS
        scale = self._stack.scale
        self.frame_seconds, self.um_per_px = scale.frame_seconds, scale.um_per_px
        try:
            size = self._stack.orientation.displayed(layout.size)
            self.video = Video(path, count, *size, PICTURE_FPS, file_fingerprint(path))
        except OSError as error:
            self._stack.close()
            raise VideoError(f"{path.name} cannot be read.", path=path) from error
        except BaseException:
            self._stack.close()
            raise
        if self._stack.is_cut_off:
            left = "1 frame is" if count == 1 else f"{count} frames are"
            self.warning = f"{path.name} is cut off: {left} left of it."

    def close(self) -> None:
        """Let go of the file."""
        super().close()
        with self._lock:
            self._stack.close()

    def _load(self, frame_index: int) -> npt.NDArray[np.uint8]:
        stack = self._stack
        values = stack.values(frame_index)
        palette = stack.palette(frame_index)
        if palette is not None and values.shape[0] == 1:
            picture = palette[np.minimum(values[0], len(palette) - 1)]
        elif stack.layout.samples > 1:
            picture = self._ranges[0].to_8_bits(_colours(values))
        else:
            parts = zip(values, self._ranges, stack.tables, strict=True)
            picture = _added([table[self._grey(part, deep)] for part, deep, table in parts])
        return stack.orientation.apply(picture)

    def stored_values(self, frame_index: int) -> npt.NDArray[Any]:
        """(C, H, W) the values of a frame, by channel; see :meth:`VideoReader.stored_values`."""
        index, stack = self._checked(frame_index), self._stack
        if stack.has_palette and stack.layout.channels == 1:  # numbers of colours measure nothing
            return np.moveaxis(self.read(index), -1, 0)
        with self._lock:
            values = stack.values(index)
        if stack.layout.samples > 1:
            by_pixel = values[..., :3] if values.shape[-1] >= 3 else values[..., :1]
        else:
            values = black_is_zero(values) if stack.is_inverted else values
            by_pixel = np.moveaxis(values, 0, -1)
        return np.moveaxis(stack.orientation.apply(by_pixel), -1, 0)

    def _grey(self, channel: npt.NDArray[Any], deep: DeepRange) -> npt.NDArray[np.uint8]:
        grey = deep.to_8_bits(channel)
        return 255 - grey if self._stack.is_inverted else grey

    def _levels(self, channel: int) -> Levels | None:
        """Black and white of a channel; the pages are read once for all of them."""
        if not self._found:
            of_each: list[list[Levels | None]] = [[] for _ in self._ranges]
            for number in sampled(self._stack.num_frames):
                for place, values in enumerate(self._channels(number)):
                    of_each[place].append(common_levels([values]))
            self._found = [_joined(levels) for levels in of_each]
        return self._found[channel]

    def _channels(self, number: int) -> Iterable[npt.NDArray[Any]]:
        """The pictures of a frame by whose values the ranges are found."""
        try:
            values = self._stack.values(number)
        except VideoError:
            return ()
        return (_colours(values),) if self._stack.layout.samples > 1 else values


def _joined(found: Sequence[Levels | None]) -> Levels | None:
    known = [levels for levels in found if levels is not None]
    return (min(b for b, _ in known), max(w for _, w in known)) if known else None


def _colours(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(H, W, 3) of RGB with or without transparency, or of grey with it."""
    return values[..., :3] if values.shape[-1] >= 3 else np.repeat(values[..., :1], 3, 2)


def _added(pictures: list[npt.NDArray[np.uint8]]) -> npt.NDArray[np.uint8]:
    if len(pictures) == 1:
        return pictures[0]
    total = np.sum(pictures, axis=0, dtype=np.uint16)
    return np.minimum(total, 255).astype(np.uint8)
