"""RGB of what a decoder gives, by the matrix that the picture names."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, VideoReformatter

# Numbers of ITU-T H.273, table 4 (matrix coefficients) and table 2 (colour primaries).
_CONVERTED = {0, 1, 2, 4, 5, 6, 7, 9}  # by libswscale
_BY_PRIMARIES = 12
_OF_WIDE_GAMUT = {10, 13, 14}
_PRIMARIES = {1: Colorspace.ITU709, 9: Colorspace.BT2020}


class FrameColors:
    """Turns decoded pictures of one video into RGB.

    Args:
        size: (height, width) that all of them get.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self._height, self._width = size
        self._reformatter = VideoReformatter()

    def to_rgb(self, frame: VideoFrame) -> npt.NDArray[np.uint8]:
        """(H, W, 3) uint8 of a picture as it is stored."""
        matrix = _matrix_instead(frame)
        picture = self._reformatter.reformat(
            frame,
            self._width,
            self._height,
            "rgb24",
            src_colorspace=matrix,
            # Of RGB it means nothing, but one that libswscale does not know is refused there too.
            dst_colorspace=matrix,
        )
        return np.asarray(picture.to_ndarray(), dtype=np.uint8)


def _matrix_instead(frame: VideoFrame) -> Colorspace | None:
    """What to take for a matrix that libswscale refuses; ``None`` where it knows the own one."""
    if frame.colorspace in _CONVERTED or not _is_yuv(frame):
        return None
    primaries = frame.color_primaries
    if frame.colorspace in _OF_WIDE_GAMUT:
        return _PRIMARIES.get(primaries, Colorspace.BT2020)
    return _PRIMARIES.get(primaries, Colorspace.DEFAULT)


def _is_yuv(frame: VideoFrame) -> bool:
    return not frame.format.is_rgb and len(frame.format.components) >= 3


def colors_notice(frame: VideoFrame, name: str) -> str:
    """A sentence where the colours of a video cannot be told exactly, else empty.

    Args:
        frame: A picture of it.
        name: Its name.
    """
    is_exact = frame.colorspace == _BY_PRIMARIES and frame.color_primaries in _PRIMARIES
    if _matrix_instead(frame) is None or is_exact:
        return ""
    return (
        f"{name} stores its colours in a way that is not known here (matrix {frame.colorspace} of "
        "H.273); they are shown roughly."
    )
