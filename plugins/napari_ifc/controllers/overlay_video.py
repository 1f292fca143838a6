"""The video with its masks drawn on it, for people who have no studio."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ifc_core.annotation import ProjectReader, VideoEntry
from napari_ifc.controllers.tracks import TrackIndex


def blend(frame: npt.NDArray[np.uint8], picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Lay an overlay on a frame.

    Args:
        frame: (H, W, 3) uint8 RGB.
        picture: (H, W, 4) uint8, straight alpha.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    alpha = picture[..., 3:].astype(np.uint16)
    mixed = frame.astype(np.uint16) * (255 - alpha) + picture[..., :3].astype(np.uint16) * alpha
    return ((mixed + 127) // 255).astype(np.uint8)


def write_overlay_video(
    project: ProjectReader,
    entry: VideoEntry,
    index: TrackIndex,
    read: Callable[[int], npt.NDArray[np.uint8]],
    num_frames: int,
    path: Path,
) -> None:
    raise NotImplementedError
