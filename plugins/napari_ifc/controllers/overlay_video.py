"""The video with its masks drawn on it, for people who have no studio."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ifc_core.annotation import ProjectReader, VideoEntry
from ifc_core.io.overlay import OverlayMask, OverlayWriter
from ifc_core.jobs import JobContext
from napari_ifc.controllers.tracks import TrackIndex


def write_overlay_video(
    project: ProjectReader,
    entry: VideoEntry,
    index: TrackIndex,
    read: Callable[[int], npt.NDArray[np.uint8]],
    num_frames: int,
    path: Path,
    context: JobContext | None = None,
) -> None:
    """Write every frame with the masks of its tracks.

    Args:
        project: Where the masks are.
        entry: The video.
        index: Its tracks.
        read: Gives a frame, (H, W, 3) uint8 RGB.
        num_frames: How many frames are written.
        path: The film; mp4, m4v, mov or mkv.
        context: Progress and cancellation; a cancelled film leaves no file.

    Raises:
        OutputError: The film cannot be written.
        VideoError: A frame cannot be read.
    """
    context = context or JobContext()
    with OverlayWriter(path, entry.fps, entry.size) as film:
        for frame_index in range(num_frames):
            masks = [
                OverlayMask(record.track_id, record.rle, index.header(record.track_id).color_rgb)
                for record in project.masks_at(entry.id, frame_index)
                if record.rle is not None and record.track_id in index
            ]
            film.write(read(frame_index), masks)
            context.advance(frame_index + 1, num_frames, "Writing the film")
