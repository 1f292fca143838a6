"""From frames to tracks, streaming: ``predict_video``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ifc_core.inference.results import FrameResult, InstanceSummary
from ifc_core.inference.settings import ProposeSettings
from ifc_core.jobs import JobContext

if TYPE_CHECKING:
    from ifc_core.models.ifc import IFC

Frame = tuple[int, npt.NDArray[np.uint8]]
"""(frame index in the video, (H, W, 3) uint8 RGB)."""


class VideoPrediction(Iterator[FrameResult]):
    """A run in progress: iterate it for finished frames, then read :attr:`instances`."""

    @property
    def instances(self) -> tuple[InstanceSummary, ...]:
        """Instances over the score threshold: so far while the run goes on, final at its end.

        An instance that some frame holds and that is not in the final table stayed under
        the threshold: drop its masks.
        """
        raise NotImplementedError

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences for the person, such as a smaller resolution for want of memory."""
        raise NotImplementedError


def predict_video(
    model: IFC,
    frames: Iterable[Frame],
    settings: ProposeSettings,
    context: JobContext | None = None,
    *,
    num_frames: int | None = None,
    output_size: tuple[int, int] | None = None,
) -> VideoPrediction:
    """Find and track the instances of a video, in memory that does not grow with its length.

    Args:
        model: The network, in eval mode on its device.
        frames: Frames in ascending order; every ``settings.frame_step``-th counted from the
            first one's index is used, so they may come stepped already. Any iterable will do: a
            file, a camera, a pipe. It is read as far ahead as a clip needs.
        settings: What the person chose.
        context: Progress goes to it (in frames finished), and it can cancel within one clip.
        num_frames: Frames that ``frames`` will give after the frame step, if known.
        output_size: (height, width) of the masks; by default that of the frames.

    Returns:
        An iterator over finished frames (every frame that was looked at, in order, those
        without a mask too), which knows the table of instances.

    Raises:
        JobCancelled: While iterating, when the context was asked to stop.
        ConfigError: The region does not lie in the frame.
        DeviceMemoryError: Not even the smallest fallback fits.
    """
    raise NotImplementedError
