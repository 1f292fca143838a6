"""Whether what a fine-tuned model proposes fits better with its edges decided again or as it is.

The network that decides edges again learnt what outlines of things look like. A person may outline
something else, a cell inside the rings around it, say: that is what a version has just learnt, and
what the edge network would take back.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ifc_core.data.labelled_video import FrameStore, LabelledVideo
from ifc_core.inference.settings import ProposeSettings
from ifc_core.inference.tiling import predict
from ifc_core.jobs import JobContext
from ifc_core.models.ifc import IFC
from ifc_core.training.finetune_settings import MIN_HELD_OUT_MASKS
from ifc_core.training.held_out import FramePrediction, assigned_ious
from ifc_core.training.judging import FrameCount

EDGE_FRAMES = 4
"""Frames that are looked at, at most: each is proposed on twice."""

LEAST_GAIN = 0.02
"""Of mean J, for masks to be left as they are."""

_AROUND = 1  # frames on both sides: what moves has edges
_AS_IT_IS = "off"


def fitting_edges(
    model: IFC,
    videos: Sequence[LabelledVideo],
    short_side: int,
    store: FrameStore,
    context: JobContext,
    count: FrameCount | None = None,
) -> str:
    """How a model's edges should be decided, from frames that it was not trained on.

    Args:
        model: In eval mode; prefers what its parent did.
        videos: With the labelled frames to look at.
        short_side: Of the network's input, in pixels.
        store: Reads the pictures.
        context: Can cancel between frames.
        count: Is told of each frame.

    Returns:
        What the model prefers, or ``off`` where its masks fit better by :data:`LEAST_GAIN` without
        it. Fewer masks than a verdict takes change nothing.
    """
    own = model.preferences.edges
    places = [(v, f) for v in videos for f in v.labelled_frames]
    labelled = sum(len(_truth(video, frame)) for video, frame in places)
    if own == _AS_IT_IS or labelled < MIN_HELD_OUT_MASKS:
        return own
    ious: dict[str, list[float]] = {own: [], _AS_IT_IS: []}
    for video, frame in places:
        for edges, found in ious.items():
            context.raise_if_cancelled()
            prediction = _proposed(model, video, frame, short_side, edges, store, context)
            if not store.is_broken(video, frame):
                found += assigned_ious(prediction, _truth(video, frame)).tolist()
        if count is not None:
            count.add()
    means = {edges: float(np.mean(found)) if found else 0.0 for edges, found in ious.items()}
    return _AS_IT_IS if means[_AS_IT_IS] > means[own] + LEAST_GAIN else own


def _truth(video: LabelledVideo, frame: int) -> list[npt.NDArray[np.bool_]]:
    found = (track.masks.get(frame) for track in video.tracks)
    return [rle.to_array() for rle in found if rle is not None and rle.area]


def _proposed(
    model: IFC,
    video: LabelledVideo,
    frame: int,
    short_side: int,
    edges: str,
    store: FrameStore,
    context: JobContext,
) -> FramePrediction:
    """What Propose gives on a frame, from a few frames around it."""
    settings = ProposeSettings(short_side=short_side, edges=edges, precision="fp32", lookahead=0)
    size = video.height, video.width
    around = range(max(0, frame - _AROUND), min(video.num_frames, frame + _AROUND + 1))
    run = predict(
        model, ((f, store.read(video, f, size)) for f in around), settings, context.quiet()
    )
    masks = [m for result in run if result.frame_index == frame for m in result.masks]
    shown = {s.instance_id: s for s in run.instances}
    kept = [m for m in masks if m.instance_id in shown]
    return FramePrediction(
        np.stack([m.rle.to_array() for m in kept]) if kept else np.zeros((0, *size), np.bool_),
        np.array([shown[m.instance_id].label for m in kept], dtype=np.int64),
        np.array([shown[m.instance_id].score for m in kept], dtype=np.float32),
    )
