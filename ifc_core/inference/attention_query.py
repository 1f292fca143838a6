"""The attention of the network at one frame of a video of any length."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from ifc_core.inference.clip_plan import canonical_window
from ifc_core.inference.frame_input import cut_region, network_size, resize_frames
from ifc_core.inference.predictor import short_side_for
from ifc_core.inference.settings import ProposeSettings
from ifc_core.io.video import VideoReader
from ifc_core.jobs import JobContext
from ifc_core.models.attention import attend_clip
from ifc_core.models.attention_rows import FrameAttention
from ifc_core.models.ifc import IFC
from ifc_core.structures import ClipPrediction


def attention_at(
    model: IFC,
    reader: VideoReader,
    frame_index: int,
    settings: ProposeSettings,
    context: JobContext | None = None,
) -> FrameAttention:
    """Run the clip of the canonical plan that centres a frame best, and keep its attention.

    Args:
        model: The network, in evaluation mode.
        reader: The video.
        frame_index: 0-based frame; with a frame step the nearest frame that a run looks at.
        settings: Clip length, frame step, sizes and region are those of a run.
        context: Asked for cancellation before the network runs.

    Returns:
        The attention of the clip, and where the frame lies in it.

    Raises:
        VideoError: A frame cannot be read.
        ValueError: The encoder of the model has no rows of single frames.
        JobCancelled: The job was cancelled.
    """
    looked_at = range(0, reader.video.num_frames, settings.frame_step)
    place = min(len(looked_at) - 1, round(frame_index / settings.frame_step))
    window = canonical_window(place, len(looked_at), settings.clip_length)
    indices = [looked_at[i] for i in window]
    frames = _network_frames(model, reader.batch(indices).data, settings)
    if context is not None:
        context.raise_if_cancelled()
    prediction, attention = attend_clip(model, frames)
    named = ClipPrediction(
        np.asarray(indices, np.int64),
        prediction.class_logits,
        prediction.mask_logits,
        prediction.mask_weights,
    )
    return FrameAttention(looked_at[place], place - window.start, named, attention)


def _network_frames(
    model: IFC, frames: npt.NDArray[np.uint8], settings: ProposeSettings
) -> npt.NDArray[np.uint8]:
    """Cut and resize as a run does, (T, H, W, 3) uint8."""
    cut = np.stack([cut_region(frame, settings.region_xywh) for frame in frames])
    short_side = short_side_for(model, settings)
    size = network_size((cut.shape[1], cut.shape[2]), short_side, settings.max_long_side)
    resized: npt.NDArray[np.uint8] = resize_frames(torch.from_numpy(cut), size).numpy()
    return resized
