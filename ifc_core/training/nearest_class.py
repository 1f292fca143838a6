"""Which class that a model knows is nearest to one that it is to learn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
import numpy.typing as npt
import torch

from ifc_core.data.labelled_video import FrameStore, LabelledVideo
from ifc_core.jobs import JobContext
from ifc_core.models.ifc import IFC
from ifc_core.training.held_out import clip_output

_FRAMES_A_CLASS = 6
_GRID = 64


@torch.inference_mode()
def nearest_classes(
    model: IFC,
    videos: Sequence[LabelledVideo],
    class_names: Sequence[str],
    short_side: int,
    store: FrameStore,
    context: JobContext | None = None,
) -> dict[str, str]:
    """Find for each new class the known one that the model takes its objects for.

    On a few labelled frames of the class, the query whose mask fits the label best says what it
    sees; no-object does not count.

    Args:
        model: In eval mode; its classes are its ``categories``.
        videos: With labelled frames.
        class_names: Names of the labels of the videos.
        short_side: Of the network's input, in pixels.
        store: Reads the pictures.
        context: Can cancel between frames.

    Returns:
        New name to known name, for the new classes that occur.
    """
    known = [category.name for category in model.categories]
    nearest = {}
    for label, name in enumerate(class_names):
        if name in known:
            continue
        votes = torch.zeros(len(known))
        for video, frame, truth in _examples(videos, label):
            if context is not None:
                context.raise_if_cancelled()
            probs = _class_probs(model, video, frame, truth, short_side, store)
            if not store.is_broken(video, frame):
                votes += probs
        if votes.any():
            nearest[name] = known[int(votes.argmax())]
    return nearest


def _examples(
    videos: Iterable[LabelledVideo], label: int
) -> list[tuple[LabelledVideo, int, npt.NDArray[np.bool_]]]:
    """Evenly spread labelled frames of a class, with one mask each."""
    found = [
        (video, frame, rle)
        for video in videos
        for track in video.tracks
        if track.label == label
        for frame, rle in sorted(track.masks.items())
        if rle is not None and rle.area
    ]
    step = max(1, len(found) // _FRAMES_A_CLASS)
    return [(video, frame, rle.to_array()) for video, frame, rle in found[::step]]


def _class_probs(
    model: IFC,
    video: LabelledVideo,
    frame: int,
    truth: npt.NDArray[np.bool_],
    short_side: int,
    store: FrameStore,
) -> torch.Tensor:
    """Class probabilities (K,) of the query that fits a label best, weighted by how well."""
    output, t = clip_output(model, video, frame, short_side, store)
    small = cv2.resize(truth.astype(np.float32), (_GRID, _GRID), interpolation=cv2.INTER_AREA)
    label = torch.from_numpy(small > 0.5).flatten()
    masks = torch.nn.functional.interpolate(
        output.mask_logits[:, :, t].float(), size=(_GRID, _GRID), mode="bilinear"
    )
    found = (masks[0] > 0).flatten(1).cpu()  # (Q, grid)
    union = (found | label).sum(1).clamp(min=1)
    iou = (found & label).sum(1) / union
    best = int(iou.argmax())
    probs = output.class_logits[0, best, :-1].float().softmax(-1).cpu()
    weighted: torch.Tensor = probs * iou[best]
    return weighted
