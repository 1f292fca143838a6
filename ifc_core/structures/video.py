"""What is known of a video, and the frames read from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ifc_core.errors import VideoError


@dataclass(frozen=True, slots=True)
class Video:
    """Facts about a video; a reader is a separate, closable thing.

    Attributes:
        path: File, or folder of frames.
        num_frames: Frames that can be read.
        height: Displayed height in pixels (after rotation).
        width: Displayed width in pixels (after rotation).
        fps: Average frames per second.
        fingerprint: Size and hash of head and tail, to know a moved file again.
    """

    path: Path
    num_frames: int
    height: int
    width: int
    fps: float
    fingerprint: str

    def __post_init__(self) -> None:
        """Check the numbers."""
        if self.num_frames < 1 or self.height < 1 or self.width < 1:
            raise VideoError(f"{self.path.name} has no frames to show.", path=self.path)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return (self.height, self.width)


@dataclass(frozen=True, slots=True)
class FrameBatch:
    """Decoded frames.

    Attributes:
        data: (T, H, W, 3) uint8 RGB.
        frame_indices: (T,) int64, 0-based in the video.
        pts_seconds: (T,) float64, time of each frame.
    """

    data: npt.NDArray[np.uint8]
    frame_indices: npt.NDArray[np.int64]
    pts_seconds: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        """Check the shapes and types."""
        if self.data.ndim != 4 or self.data.shape[3] != 3 or self.data.dtype != np.uint8:
            raise ValueError(f"data must be (T, H, W, 3) uint8, got {self.data.shape}")
        num_frames = self.data.shape[0]
        if self.frame_indices.shape != (num_frames,) or self.pts_seconds.shape != (num_frames,):
            raise ValueError("frame_indices and pts_seconds must have one entry a frame")

    def __len__(self) -> int:
        return int(self.data.shape[0])
