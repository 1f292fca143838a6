"""A video whose frames are in no file: an open napari layer, read by the client."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ifc_core.engine.server import ServerJob
from ifc_core.errors import ConfigError
from ifc_core.io.readable_frames import StandInReader
from ifc_core.io.video import VideoReader, open_video
from ifc_core.structures import Video

_KEPT_BYTES = 64 << 20


def open_reader(params: dict[str, Any], job: ServerJob, stack: ExitStack) -> VideoReader:
    """Random access to the frames that a request names.

    A frame of a video that cannot be decoded is stood in for by its neighbour, as where a run
    proposes.

    Args:
        params: ``video`` (a path), or ``frames`` (``count``, ``height``, ``width`` and, at will,
            ``key``: what tells one layer from another between requests).
        job: Asked for frames that are in no file.
        stack: Closes the video.

    Raises:
        VideoError: The video cannot be read.
        ConfigError: Neither is named.
    """
    if "video" in params:
        return stack.enter_context(StandInReader(open_video(str(params["video"]), job.context)))
    shape = params.get("frames")
    if not isinstance(shape, dict):
        raise ConfigError("A correction needs a video or frames.", name="video", value=None)
    return AskedReader(job, shape)


class AskedReader(VideoReader):
    """Asks the client for a frame and keeps the last few.

    Args:
        job: The job of the client.
        shape: ``count``, ``height``, ``width``, ``key``.
    """

    has_rate = False

    def __init__(self, job: ServerJob, shape: dict[str, Any]) -> None:
        count, height, width = (int(shape[name]) for name in ("count", "height", "width"))
        key = str(shape.get("key", ""))
        self.video = Video(Path(f"frames-{key}"), count, height, width, 1.0, key)
        self.pts_seconds = np.arange(count, dtype=np.float64)
        self._job = job
        self._kept: OrderedDict[int, npt.NDArray[np.uint8]] = OrderedDict()
        self._capacity = max(2, _KEPT_BYTES // max(1, height * width * 3))

    def read(self, frame_index: int) -> npt.NDArray[np.uint8]:
        """One frame, from the client unless it was one of the last."""
        index = self._checked(frame_index)
        if index not in self._kept:
            answer = self._job.ask("frames", {"indices": [index]})["frames"]
            self._kept[index] = np.asarray(answer[0], np.uint8)
        self._kept.move_to_end(index)
        while len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
        return self._kept[index]

    def close(self) -> None:
        """Let go of the frames."""
        self._kept.clear()
