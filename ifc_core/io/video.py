"""Frames of a video file, a TIFF stack or a folder of pictures, exact and lazy.

Frame ``i`` is the same picture whether it is reached forward, backward or by a seek, for
variable frame rates, B-frames, edit lists and rotated video too. Nothing is written to disk and
nothing but local files is opened.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ifc_core.errors import VideoError
from ifc_core.io.problems import why_no_file
from ifc_core.io.video_suffixes import STACK_SUFFIXES
from ifc_core.jobs import JobContext
from ifc_core.structures import FrameBatch, Video


class VideoReader(ABC):
    """Random and sequential access to the frames of one video.

    A context manager. Use it from one thread at a time; readers on the same video in several
    threads are fine. Frames come in display orientation, RGB, and may be kept by the caller
    (they are not overwritten), but must not be written to.

    Attributes:
        video: Facts about the video. ``num_frames`` counts frames that really can be read, and
            broken ones that lie before or between them.
        pts_seconds: (V,) float64, ascending, time of each frame after the first one's.
        first_readable: Frames before it are known not to decode.
        warning: Sentences for the person when part of the file cannot be read (for instance a
            cut-off tail) or not exactly, else empty.
        has_rate: Whether ``video.fps`` and ``pts_seconds`` are known, not a mere convention.
        frame_seconds: Where there is no rate: what a stack of pictures says lies between two of
            them, which may be minutes, or ``None``.
        um_per_px: Micrometres from one pixel to the next, where the pictures say so.
        is_provisional: ``video.num_frames`` is an estimate and only the first
            :attr:`num_indexed` frames can be read, until :meth:`finish_index` was called.
    """

    video: Video
    pts_seconds: npt.NDArray[np.float64]
    first_readable: int = 0
    warning: str = ""
    has_rate: bool = True
    frame_seconds: float | None = None
    um_per_px: float | None = None
    is_provisional: bool = False

    @property
    def num_indexed(self) -> int:
        """Frames that can be read now; all of them unless :attr:`is_provisional`."""
        return self.video.num_frames

    def finish_index(self, context: JobContext | None = None) -> None:  # noqa: B027 - nothing to do
        """Make a provisional reader exact; returns at once for any other.

        Meant for a worker thread: frames can be read meanwhile from the thread that shows them,
        and :attr:`num_indexed` grows. Afterwards ``video``, ``pts_seconds`` and ``warning``
        are final.

        Args:
            context: Told of the packets or frames seen; may cancel, after which it can be
                called again.

        Raises:
            VideoError: The file cannot be read.
        """

    @abstractmethod
    def read(self, frame_index: int) -> npt.NDArray[np.uint8]:
        """One frame.

        Args:
            frame_index: 0 to ``video.num_frames`` - 1.

        Returns:
            (H, W, 3) uint8 RGB.

        Raises:
            VideoError: There is no such frame, or it cannot be decoded.
        """

    def stored_values(self, frame_index: int) -> npt.NDArray[Any] | None:
        """What a camera measured, where a frame is a picture that holds it; more is brighter.

        Args:
            frame_index: 0 to ``video.num_frames`` - 1.

        Returns:
            (C, H, W) in display orientation and in the number type that the picture has; ``None``
            where there are no such values: a film's are compressed.

        Raises:
            VideoError: There is no such frame, or it cannot be read.
        """
        self._checked(frame_index)
        return None

    @abstractmethod
    def close(self) -> None:
        """Let go of the file. Reading afterwards raises :class:`VideoError`."""

    def keyframe_before(self, frame_index: int) -> int:
        """The nearest frame at or before ``frame_index`` that can be decoded on its own.

        Reading it takes one decoded frame, so a viewer may show it first while the exact frame
        is on its way.
        """
        return self._checked(frame_index)

    def batch(self, indices: Iterable[int]) -> FrameBatch:
        """Several frames; ascending indices are read in one pass.

        Args:
            indices: 0-based frames, in any order, repeats allowed.

        Returns:
            The frames in the order asked for.

        Raises:
            VideoError: A frame does not exist or cannot be decoded.
        """
        wanted = np.array([self._checked(i) for i in indices], dtype=np.int64)
        height, width = self.video.size
        data = np.empty((len(wanted), height, width, 3), dtype=np.uint8)
        for place in np.argsort(wanted, kind="stable"):
            data[place] = self.read(int(wanted[place]))
        return FrameBatch(data, wanted, self.pts_seconds[wanted])

    def iter_frames(
        self, start: int = 0, stop: int | None = None, step: int = 1
    ) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
        """Frames in order, decoded sequentially.

        Args:
            start: First frame.
            stop: One past the last frame, the end of the video by default.
            step: Distance of the frames, at least 1.

        Yields:
            Frame index and (H, W, 3) uint8 RGB.

        Raises:
            VideoError: A frame cannot be decoded.
        """
        end = self.num_indexed if stop is None else min(stop, self.num_indexed)
        for frame_index in range(start, end, step):
            yield frame_index, self.read(frame_index)

    def _checked(self, frame_index: int) -> int:
        if self.is_provisional and self.num_indexed <= frame_index < self.video.num_frames:
            raise VideoError(
                f"Frame {frame_index} of {self.video.path.name} is not indexed yet; "
                f"{self.num_indexed} frames are.",
                path=self.video.path,
                frame_index=int(frame_index),
            )
        if not 0 <= frame_index < self.video.num_frames:
            raise VideoError(
                f"{self.video.path.name} has frames 0 to {self.video.num_frames - 1}, "
                f"so there is no frame {frame_index}.",
                path=self.video.path,
                frame_index=int(frame_index),
            )
        return int(frame_index)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def are_pictures(path: Path) -> bool:
    """Whether what lies there is read picture by picture, and no film; told by its name."""
    return path.is_dir() or path.suffix.lower() in STACK_SUFFIXES


def open_video(
    path: Path | str, context: JobContext | None = None, *, provisional: bool = False
) -> VideoReader:
    """Open a video file, a TIFF stack or a folder of frames.

    Files: whatever FFmpeg decodes, among them H.264, HEVC, VP9 and MJPEG in mp4, mov, mkv, avi
    and webm; TIFF files as :class:`~ifc_core.io.tiff_stack.StackReader` has it. Folders: jpg,
    png, tif and bmp pictures of one size, in natural order.

    Args:
        path: A local file or folder.
        context: Told of the progress of indexing a long file, and able to cancel it.
        provisional: Open at once where making the index would take long (raw H.264, MPEG
            transport streams, files above 1 GiB): the reader is then
            :attr:`~VideoReader.is_provisional` and the caller sees to
            :meth:`~VideoReader.finish_index`.

    Returns:
        A reader; close it, or use it in a ``with`` block.

    Raises:
        VideoError: There is nothing at the path, or no frame in it can be read.
    """
    from ifc_core.io.frame_folder import FolderReader
    from ifc_core.io.provisional_video import ProvisionalReader, takes_long
    from ifc_core.io.video_file import FileReader

    place = Path(path)
    if not place.exists():
        raise VideoError(f"There is no file or folder {place}.", path=place)
    if reason := why_no_file(place):
        raise VideoError(reason, path=place)
    if place.is_dir():
        return FolderReader(place)
    if place.suffix.lower() in STACK_SUFFIXES:
        from ifc_core.io.tiff_stack import StackReader

        return StackReader(place)
    if provisional and takes_long(place):
        with suppress(VideoError):  # nothing at the beginning can be decoded: look further
            return ProvisionalReader(place)
    return FileReader(place, context)
