"""A file to measure proposing on: H.264 with regular keyframes."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import av
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.stream import VideoStream


def make_small_video(
    path: Path,
    frames: npt.NDArray[np.uint8],
    num_frames: int,
    fps: int = 30,
    keyframe_interval: int = 30,
) -> None:
    """Encode frames, there and back again, to the length asked for.

    Args:
        path: An .mp4 file to write.
        frames: (V, H, W, 3) uint8, even sides.
        num_frames: Frames of the file.
        fps: Its rate.
        keyframe_interval: Frames from one keyframe to the next.
    """
    name = "libx264" if "libx264" in av.codecs_available else "mpeg4"
    turn = list(range(len(frames))) + list(range(len(frames) - 2, 0, -1))
    with av.open(str(path), "w") as container:
        stream = cast("VideoStream", container.add_stream(name, rate=fps))
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.gop_size = keyframe_interval
        if name == "libx264":
            stream.options = {
                "preset": "veryfast",
                "crf": "23",
                "x264-params": "scenecut=0:bframes=2",
            }
        for number in range(num_frames):
            view = np.ascontiguousarray(frames[turn[number % len(turn)]])
            container.mux(stream.encode(VideoFrame.from_ndarray(view, format="rgb24")))
        container.mux(stream.encode(None))
