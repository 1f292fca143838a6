"""RGB of what a decoder gives, by the matrix that the picture names.

Grey of more than 8 bits, as thermal and scientific cameras record it, is brought to 8 by one range
for the whole film (:mod:`~ifc_core.io.deep_pictures`): cut to its upper bits it would be black.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, VideoReformatter

from ifc_core.io.deep_pictures import DeepRange

# Numbers of ITU-T H.273, table 4 (matrix coefficients) and table 2 (colour primaries).
_CONVERTED = {0, 1, 2, 4, 5, 6, 7, 9}  # by libswscale
_BY_PRIMARIES = 12
_OF_WIDE_GAMUT = {10, 13, 14}
_DEEP_GREY = tuple(f"gray{depth}{order}" for depth in (9, 10, 12, 14, 16) for order in ("le", "be"))
_PRIMARIES = {1: Colorspace.ITU709, 9: Colorspace.BT2020}


class FrameColors:
    """Turns decoded pictures of one video into RGB.

    Args:
        size: (height, width) that all of them get.
        deep: What becomes black and white in deep grey pictures.
    """

    def __init__(self, size: tuple[int, int], deep: DeepRange) -> None:
        self._height, self._width = size
        self._deep = deep
        self._reformatter = VideoReformatter()

    def to_rgb(self, frame: VideoFrame) -> npt.NDArray[np.uint8]:
        """(H, W, 3) uint8 of a picture as it is stored."""
        grey = self.deep_grey(frame)
        if grey is not None:
            picture8 = cv2.cvtColor(self._deep.to_8_bits(grey), cv2.COLOR_GRAY2RGB)
            return np.asarray(picture8, dtype=np.uint8)
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

    def deep_grey(self, frame: VideoFrame) -> npt.NDArray[np.uint16] | None:
        """(H, W) values of a grey picture of more than 8 bits, filling 16; else ``None``."""
        if not is_deep_grey(frame.format.name):
            return None
        width, height = self._width, self._height
        picture = self._reformatter.reformat(frame, width, height, "gray16le")
        return np.asarray(picture.to_ndarray(), dtype=np.uint16)


def is_deep_grey(pixel_format: str | None) -> bool:
    """Whether pixels are grey of more than 8 bits, by FFmpeg's name for their format."""
    return pixel_format in _DEEP_GREY


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
