"""Pictures of more than 8 bits a channel, brought to 8 bits.

A camera of 12 bits fills a sixteenth of 16: cut to their upper eight bits its pictures are black.
So what is darkest and brightest in the pictures of a folder becomes black and white, by one range
for all of them, or a film of them would flicker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

_SAMPLED = 16
"""Pictures, spread over the folder."""
_VALUES = 100_000
"""Of each, at most."""
_PERCENTILES = (0.1, 99.9)
"""A few dead and hot pixels of a camera are no range."""
_FLAGS = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH


@dataclass(frozen=True, slots=True)
class Levels:
    """The values that become black and white.

    Attributes:
        black: And what lies below.
        white: And what lies above; more than ``black``.
    """

    black: float
    white: float

    def to_8_bits(self, picture: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """A picture of any number type as uint8, of the same shape."""
        share = (picture.astype(np.float32) - self.black) / (self.white - self.black)
        shown: npt.NDArray[np.uint8] = np.rint(255 * np.nan_to_num(share).clip(0, 1)).astype(
            np.uint8
        )
        return shown


def decode_picture(
    coded: npt.NDArray[np.uint8], *, turned: bool = False
) -> npt.NDArray[Any] | None:
    """(H, W, 3) RGB in the depth that the file has; ``None`` where it is no picture.

    Args:
        coded: The bytes of the file.
        turned: As its EXIF orientation says.
    """
    flags = _FLAGS if turned else _FLAGS | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        picture = cv2.imdecode(coded, flags) if coded.size else None
    except cv2.error:  # a header that promises too much, say
        picture = None
    return None if picture is None else _as_rgb(picture)


def _as_rgb(picture: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Of (H, W) grey or (H, W, 3) BGR; contiguous."""
    is_grey = picture.ndim == 2
    if picture.dtype in (np.uint8, np.uint16, np.float32):  # what OpenCV turns, and fast
        return cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB if is_grey else cv2.COLOR_BGR2RGB)
    return np.repeat(picture[..., None], 3, 2) if is_grey else picture[..., ::-1].copy()


def levels_of(files: Sequence[Path]) -> Levels:
    """Black and white of the deep pictures among some that are spread over a folder.

    Args:
        files: The pictures of the folder; those that cannot be read do not count.
    """
    seen = []
    chosen = np.linspace(0, len(files) - 1, min(len(files), _SAMPLED)).astype(int).tolist()
    for rank in chosen:
        try:
            picture = decode_picture(np.fromfile(files[rank], dtype=np.uint8))
        except OSError:
            continue
        if picture is None or picture.dtype == np.uint8:
            continue
        values = picture.reshape(-1)
        values = values[:: 1 + len(values) // _VALUES].astype(np.float64)
        seen.append(values[np.isfinite(values)])
    known = np.concatenate([*seen, np.zeros(0)])
    black, white = np.percentile(known, _PERCENTILES) if len(known) else (0.0, 0.0)
    if not white > black:  # of one value
        black, white = min(0.0, black), max(white, black + 1, 1.0)
    return Levels(float(black), float(white))
