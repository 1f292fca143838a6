"""What the network attended to around any frame of a video."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt
import torch

from ifc_core.inference.clip_plan import canonical_window, within_shot
from ifc_core.inference.device_arithmetic import device_arithmetic
from ifc_core.inference.frame_input import cut_region, resize_frames
from ifc_core.inference.run_setup import input_size_for
from ifc_core.inference.settings import ProposeSettings
from ifc_core.inference.shot_watch import Read, ShotFinder
from ifc_core.io.video import VideoReader
from ifc_core.jobs import JobContext
from ifc_core.models.attention import attend_clip
from ifc_core.models.attention_rows import FrameAttention
from ifc_core.models.ifc import IFC


def clip_around(frame_index: int, num_frames: int, settings: ProposeSettings) -> range:
    """Frames of the video in the clip of the canonical plan that centres a frame best.

    Args:
        frame_index: 0-based in the video.
        num_frames: V.
        settings: T and the frame step count; with a step, the plan runs over the frames that
            lie a multiple of it from ``frame_index``.

    Raises:
        IndexError: There is no such frame.
    """
    if not 0 <= frame_index < num_frames:
        raise IndexError(f"frame {frame_index} of {num_frames}")
    looked_at = range(frame_index % settings.frame_step, num_frames, settings.frame_step)
    window = canonical_window(looked_at.index(frame_index), len(looked_at), settings.clip_length)
    return looked_at[window.start : window.stop]


def clip_of_shot(
    frame_index: int, num_frames: int, settings: ProposeSettings, shots: ShotFinder, read: Read
) -> range:
    """:func:`clip_around`, moved into the shot of the frame where it would reach over a cut.

    Args:
        frame_index: 0-based in the video.
        num_frames: V.
        settings: As for :func:`clip_around`; without ``shot_cuts`` everything is one shot.
        shots: Of the video at the same frame step.
        read: Gives a frame; those of the clip are asked for, and more only where it is cut.

    Raises:
        IndexError: There is no such frame.
    """
    frames = clip_around(frame_index, num_frames, settings)
    if not settings.shot_cuts or shots.shot_within(read, frame_index, frames) == frames:
        return frames
    looked_at = range(frame_index % settings.frame_step, num_frames, settings.frame_step)
    start, stop = looked_at.index(frames[0]), looked_at.index(frames[-1]) + 1
    reach = settings.clip_length - 1
    wider = looked_at[max(0, start - reach) : stop + reach]
    shot = shots.shot_within(read, frame_index, wider)
    positions = range(looked_at.index(shot[0]), looked_at.index(shot[-1]) + 1)
    window = within_shot(range(start, stop), positions, settings.clip_length)
    return looked_at[window.start : window.stop]


def attention_at(
    model: IFC,
    reader: VideoReader,
    frame_index: int,
    settings: ProposeSettings,
    context: JobContext | None = None,
) -> FrameAttention:
    """Attention rows of the clip that centres a frame best, and what the network says there.

    Args:
        model: With the ``ifc`` or ``none`` encoder.
        reader: The video; only the T frames of the clip are read, and some around a cut.
        frame_index: 0-based in the video.
        settings: T, frame step, sizes and region as in a run of Propose.
        context: Can cancel between frames.

    Raises:
        VideoError: A frame cannot be read.
        ConfigError: The region does not lie in the frame.
        ValueError: The model's encoder has no rows of one frame.
        JobCancelled: The context was asked to stop.
    """

    @cache
    def read(index: int) -> npt.NDArray[np.uint8]:
        if context is not None:
            context.raise_if_cancelled()
        return reader.read(index)

    num_frames = reader.video.num_frames
    shots = ShotFinder(num_frames, settings.frame_step)
    frames = clip_of_shot(frame_index, num_frames, settings, shots, read)
    images = []
    for index in frames:
        part = cut_region(read(index), settings.region_xywh)
        size = input_size_for(model, settings)((int(part.shape[0]), int(part.shape[1])))
        source = torch.from_numpy(np.array(part))[None]
        images.append(resize_frames(source, size)[0].numpy())
    with device_arithmetic(model.device, exact=True):
        prediction, attention = attend_clip(model, np.stack(images))
    indices = np.array(frames, dtype=np.int64)
    return FrameAttention(
        frame_index=frame_index,
        position=frames.index(frame_index),
        prediction=replace(prediction, frame_indices=indices),
        attention=attention,
    )
