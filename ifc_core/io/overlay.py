"""Films of frames with masks drawn over them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from av.video.stream import VideoStream

from ifc_core.errors import OutputError
from ifc_core.io.atomic import atomic_output
from ifc_core.io.letters import drawable
from ifc_core.structures import RLEMask
from ifc_core.structures.palette import track_color

_TICKS_PER_SECOND = 60_000  # MPEG-4 part 2 allows 65,535
_ENCODERS = ("libx264", "mpeg4")
_SUFFIXES = (".mp4", ".mov", ".mkv", ".m4v")
_AROUND = tuple((x, y) for x in (-1, 0, 1) for y in (-1, 0, 1) if x or y)


@dataclass(frozen=True, slots=True)
class OverlayMask:
    """One mask to draw.

    Attributes:
        track_id: Number written beside the mask; it chooses the colour where none is given.
        mask: RLE, or (H, W) bool.
        color_rgb: Colour, or ``None`` for :func:`track_color`.
        label: Text instead of the number.
    """

    track_id: int
    mask: RLEMask | npt.NDArray[np.bool_]
    color_rgb: tuple[int, int, int] | None = None
    label: str = ""


def draw_masks(
    frame: npt.NDArray[np.uint8], masks: Sequence[OverlayMask], opacity: float = 0.45
) -> npt.NDArray[np.uint8]:
    """Draw masks with contours and numbers; the last of them lies on top.

    Args:
        frame: (H, W, 3) uint8 RGB.
        masks: Masks of the size of the frame.
        opacity: Of the filling, 0 to 1.

    Returns:
        A new (H, W, 3) uint8 RGB picture.
    """
    picture = frame.copy()
    width_px = max(1, round(min(frame.shape[:2]) / 240))
    labels: list[tuple[str, tuple[int, int]]] = []
    for item in masks:
        array = item.mask.to_array() if isinstance(item.mask, RLEMask) else item.mask
        if array.shape != frame.shape[:2]:
            raise ValueError(f"a mask of {array.shape} does not fit a frame of {frame.shape[:2]}")
        columns, rows = np.flatnonzero(array.any(0)), np.flatnonzero(array.any(1))
        if not len(rows):
            continue
        color = item.color_rgb or track_color(item.track_id)
        top, bottom = int(rows[0]), int(rows[-1]) + 1
        left, right = int(columns[0]), int(columns[-1]) + 1
        part = np.ascontiguousarray(array[top:bottom, left:right], dtype=np.uint8)
        window = picture[top:bottom, left:right]
        inside = part.astype(bool)
        mixed = window[inside] * (1 - opacity) + np.array(color) * opacity
        window[inside] = mixed.astype(np.uint8)
        contours, _ = cv2.findContours(
            part, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE, offset=(left, top)
        )
        cv2.drawContours(picture, contours, -1, (255, 255, 255), width_px + 2)
        cv2.drawContours(picture, contours, -1, color, width_px)
        labels.append((item.label or str(item.track_id), (left, top)))
    for text, corner in labels:
        _write_label(picture, text, corner)
    return picture


def _write_label(picture: npt.NDArray[np.uint8], text: str, corner: tuple[int, int]) -> None:
    scale = max(0.35, min(picture.shape[:2]) / 700)
    font, thickness = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(scale * 1.5))
    text = drawable(text)
    (width, height), below = cv2.getTextSize(text, font, scale, thickness)
    rim = max(1, round(scale))  # dark, around the letters
    x = min(max(rim, corner[0]), max(rim, picture.shape[1] - width - rim))
    y = min(max(height + 1 + rim, corner[1] - 3), picture.shape[0] - 1 - min(below, height))
    # One thicker stroke would not lie around the letters, since thick letters are wider.
    for right, down in _AROUND:
        place = (x + right * rim, y + down * rim)
        cv2.putText(picture, text, place, font, scale, (0, 0, 0), thickness, cv2.LINE_AA)
    cv2.putText(picture, text, (x, y), font, scale, (255, 255, 255), thickness, cv2.LINE_AA)


class OverlayWriter:
    """Writes a film, H.264 where the encoder is there and MPEG-4 otherwise.

    A context manager; the file appears when the block ends well, else nothing is left. Odd
    sizes are padded by one row or column, as the codecs need even ones.

    Args:
        path: The target, with the suffix mp4, m4v, mov or mkv.
        fps: Frames per second, used where frames come without times.
        size: (height, width) of the frames.

    Raises:
        OutputError: The target cannot be written, or has another suffix.
    """

    def __init__(self, path: Path | str, fps: float, size: tuple[int, int]) -> None:
        self._path = Path(path)
        if self._path.suffix.lower() not in _SUFFIXES:
            raise OutputError(
                f"{self._path.name} must end in one of {', '.join(_SUFFIXES)}.", path=self._path
            )
        self._rate = Fraction(fps if fps > 0 else 25.0).limit_denominator(1001)
        self._size = size
        self._last_ticks = -1
        self._number = 0
        self._output: AbstractContextManager[Path] | None = None
        self._container: Any = None

    def __enter__(self) -> Self:
        self._output = atomic_output(self._path)
        temporary = self._output.__enter__()
        try:
            self._container = av.open(str(temporary), "w")
            self._stream = self._add_stream()
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def _add_stream(self) -> VideoStream:
        height, width = self._size
        name = next(n for n in _ENCODERS if n in av.codecs_available)
        rate = max(self._rate, Fraction(1, 60))
        stream: VideoStream = self._container.add_stream(name, rate=rate)
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = Fraction(1, _TICKS_PER_SECOND)
        if name == "libx264":
            stream.options = {"crf": "20", "preset": "veryfast"}
            # Told nothing, players take large pictures for BT.709 and small ones for BT.601.
            context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
            context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        else:
            stream.bit_rate = min(40_000_000, 5 * width * height)
        return stream

    def write(
        self,
        frame: npt.NDArray[np.uint8],
        masks: Sequence[OverlayMask] = (),
        pts_seconds: float | None = None,
    ) -> None:
        """Add a frame.

        Args:
            frame: (H, W, 3) uint8 RGB.
            masks: Drawn in the order given.
            pts_seconds: Its time, for videos of variable rate; times must ascend.

        Raises:
            OutputError: The target cannot be written.
        """
        if frame.shape[:2] != self._size:
            raise ValueError(f"a frame of {frame.shape[:2]} does not fit a film of {self._size}")
        picture = draw_masks(frame, masks)
        height, width = self._size
        if height % 2 or width % 2:
            picture = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        seconds = self._number / float(self._rate) if pts_seconds is None else pts_seconds
        ticks = max(self._last_ticks + 1, round(seconds * _TICKS_PER_SECOND))
        coded = VideoFrame.from_ndarray(picture, format="rgb24").reformat(
            format="yuv420p",
            dst_colorspace=self._stream.codec_context.colorspace,
            dst_color_range=ColorRange.MPEG,
        )
        coded.pts, coded.time_base = ticks, Fraction(1, _TICKS_PER_SECOND)
        self._last_ticks = ticks
        self._number += 1
        self._mux(coded)

    def _mux(self, frame: VideoFrame | None) -> None:
        try:
            self._container.mux(self._stream.encode(frame))
        except OSError as error:
            reason = (error.strerror or "unknown reason").lower()
            raise OutputError(f"Cannot write {self._path}: {reason}.", path=self._path) from error
        except av.error.FFmpegError as error:
            height, width = self._size
            raise OutputError(
                f"Cannot write {self._path}: the encoder takes no frames of {width}x{height}.",
                path=self._path,
            ) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        output, self._output = self._output, None
        if output is None:
            return
        try:
            if error is None:
                self._mux(None)
            if self._container is not None:
                self._container.close()
        except BaseException as late:
            output.__exit__(type(late), late, late.__traceback__)
            raise
        output.__exit__(kind, error, trace)
