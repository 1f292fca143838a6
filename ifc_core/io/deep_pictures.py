"""Pictures of more than 8 bits a channel, brought to 8 bits.

A camera of 12 bits fills a sixteenth of 16: cut to their upper eight bits its pictures are black.
So what is darkest and brightest in the pictures of a folder, stack or film becomes black and
white, by one range for all of them, or a film of them would flicker.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

PIXELS_VERSION = 4
"""Names what was made of frames and kept; counts up when the same file comes to give others."""

_SAMPLED = 16
"""Pictures, spread over the video."""
Levels = tuple[float, float]
"""What becomes black, and what white."""

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PHOTOMETRIC = 262
_FLAGS = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH


class DeepRange:
    """The values that become black and white in the deep pictures of a video.

    These are the least and the greatest of 16 pictures spread over it, single pixels that differ
    from all around them left out: every camera has dead and hot ones. It is found when the first
    deep picture comes.

    Args:
        find: Finds them: :func:`common_levels` of the pictures with the numbers of
            :func:`sampled`.
    """

    def __init__(self, find: Callable[[], Levels | None]) -> None:
        self._find = find
        self._levels: Levels | None = None
        self._is_known = False

    @classmethod
    def of_files(cls, files: Sequence[Path]) -> Self:
        """The range of the pictures of a folder; those that cannot be read do not count."""
        return cls(lambda: common_levels(_stored_picture(files[n]) for n in sampled(len(files))))

    def to_8_bits(self, picture: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """A picture of any number type as uint8, of the same shape."""
        if picture.dtype == np.uint8:
            return picture
        if not self._is_known:
            self._levels, self._is_known = self._find(), True
        black, white = self._levels or _levels(picture) or (0.0, 1.0)
        share = (picture.astype(np.float32) - black) / ((white - black) or 1.0)
        return np.asarray(np.rint(255 * np.nan_to_num(share).clip(0, 1)), np.uint8)


def sampled(count: int) -> list[int]:
    """Which of so many pictures the range is found by."""
    places = np.linspace(0, count - 1, min(count, _SAMPLED))
    return [int(place) for place in places]


def common_levels(pictures: Iterable[npt.NDArray[Any] | None]) -> Levels | None:
    """Black and white of the deep pictures among some; ``None`` where there is none.

    Args:
        pictures: (H, W) or (H, W, 3) in the depth that they have; ``None`` does not count.
    """
    black, white = np.inf, -np.inf
    for picture in pictures:
        levels = None if picture is None or picture.dtype == np.uint8 else _levels(picture)
        if levels is not None:
            black, white = min(black, levels[0]), max(white, levels[1])
    return (black, white) if black <= white else None


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
    if picture is None:
        return None
    if picture.dtype != np.uint8 and _is_inverted(coded):  # of 8 bits OpenCV does it itself
        picture = black_is_zero(picture)
    return _as_rgb(picture)


def black_is_zero(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The values of a grey picture whose 0 is white, so that brighter means more.

    Args:
        values: Of any shape, in the number type of the picture.

    Returns:
        What is left to the greatest value of the type; numbers with a point, which have none,
        change their sign.
    """
    return -values if values.dtype.kind == "f" else np.invert(values)


def _is_inverted(coded: npt.NDArray[np.uint8]) -> bool:
    """Whether a file is a TIFF whose 0 is white."""
    if coded[:4].tobytes() not in _TIFF:
        return False
    with suppress(Exception), Image.open(io.BytesIO(coded.data)) as image:  # many kinds of damage
        return dict(getattr(image, "tag_v2", {})).get(_PHOTOMETRIC) == 0
    return False


def _as_rgb(picture: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Of (H, W) grey or (H, W, 3) BGR; contiguous."""
    is_grey = picture.ndim == 2
    if picture.dtype in (np.uint8, np.uint16, np.float32):  # what OpenCV turns, and fast
        return cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB if is_grey else cv2.COLOR_BGR2RGB)
    return np.repeat(picture[..., None], 3, 2) if is_grey else picture[..., ::-1].copy()


def _stored_picture(file: Path) -> npt.NDArray[Any] | None:
    try:
        return decode_picture(np.fromfile(file, dtype=np.uint8))
    except OSError:
        return None


def _levels(picture: npt.NDArray[Any]) -> Levels | None:
    """The least and the greatest value that more than one pixel has; ``None`` if none is finite."""
    values = picture.astype(np.float32)
    finite = np.isfinite(values)
    if not finite.any():
        return None
    calm = cv2.medianBlur(np.where(finite, values, values[finite].min()), 3)
    return float(calm.min()), float(calm.max())
