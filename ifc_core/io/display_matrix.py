"""How a stored picture is turned for display."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, cast

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

# EXIF tag 274 -> (transpose, flip rows, flip columns), applied in that order.
_EXIF = {
    1: (False, False, False),
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}


@dataclass(frozen=True, slots=True)
class Orientation:
    """Transposition and flips from storage to display.

    Attributes:
        transpose: Rows become columns, before the flips.
        flip_rows: Upside down.
        flip_columns: Left and right change places.
    """

    transpose: bool = False
    flip_rows: bool = False
    flip_columns: bool = False

    @classmethod
    def of(cls, frame: VideoFrame) -> Self:
        """Read the display matrix of a decoded frame.

        The matrix maps stored (x, y) to displayed (a x + c y, b x + d y). Angles between the
        quarter turns are rounded to the nearest one.

        Source: ISO/IEC 14496-12, transformation matrix of the track header.
        """
        side_data = cast("Mapping[str, Any]", frame.side_data)
        try:
            data = bytes(side_data["DISPLAYMATRIX"])
        except KeyError:
            return cls()
        a, b, _, c, d = struct.unpack("=5i", data[:20])
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(False, d < 0, a < 0)
        return cls(True, b < 0, c < 0)

    @classmethod
    def from_exif(cls, value: object) -> Self:
        """Read an EXIF orientation, 1 to 8; anything else means upright."""
        return cls(*_EXIF.get(value if isinstance(value, int) else 1, _EXIF[1]))

    def displayed(self, size: tuple[int, int]) -> tuple[int, int]:
        """(height, width) on display of a stored (height, width)."""
        return (size[1], size[0]) if self.transpose else size

    def apply(self, picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Turn a (H, W, 3) picture; the result is contiguous."""
        turned = picture.swapaxes(0, 1) if self.transpose else picture
        if self.flip_rows:
            turned = turned[::-1]
        if self.flip_columns:
            turned = turned[:, ::-1]
        return np.ascontiguousarray(turned)

    def undo(self, picture: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The picture as stored that :meth:`apply` turned into one (H, W, ...)."""
        stored = picture[:, ::-1] if self.flip_columns else picture
        stored = stored[::-1] if self.flip_rows else stored
        return np.ascontiguousarray(stored.swapaxes(0, 1) if self.transpose else stored)
