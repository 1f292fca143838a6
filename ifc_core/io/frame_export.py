"""Frames of a video as JPEG files, for programs that read folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2

from ifc_core.errors import OutputError
from ifc_core.io.video import VideoReader
from ifc_core.jobs import JobContext

_JPEG_QUALITY = 95


def write_jpeg_frames(
    reader: VideoReader,
    frame_indices: Sequence[int],
    folder: Path,
    context: JobContext | None = None,
    names: Sequence[str] | None = None,
) -> list[str]:
    """Write frames as ``00000.jpg``, ``00001.jpg``, ...

    Args:
        reader: The video.
        frame_indices: Frames to write; without names the files are numbered from 0 in this
            order.
        folder: Where to write; made if need be.
        context: Told of the frames written; may cancel.
        names: Names of the files, one a frame.

    Returns:
        The names of the files.

    Raises:
        OutputError: The folder cannot be written.
        VideoError: A frame cannot be read.
    """
    files = [f"{number:05d}.jpg" for number in range(len(frame_indices))]
    files = files if names is None else list(names)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, (frame_index, name) in enumerate(zip(frame_indices, files, strict=True)):
            picture = cv2.cvtColor(reader.read(frame_index), cv2.COLOR_RGB2BGR)
            _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
            (folder / name).write_bytes(coded.tobytes())
            if context is not None:
                context.advance(number + 1, len(frame_indices), "Writing frames")
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise OutputError(f"Cannot write frames to {folder}: {reason}.", path=folder) from error
    return files
