"""The score threshold a fine-tuned model should propose with, from frames that were approved."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ifc_core.data.labelled_video import FrameStore, LabelledVideo
from ifc_core.jobs import JobContext
from ifc_core.models.ifc import IFC
from ifc_core.training.held_out import FramePrediction, predict_frame
from ifc_core.training.judging import FrameCount

LOWEST, HIGHEST = 0.1, 0.9
"""A model's own threshold stays between: what a few frames say of scores is no more than a hint."""

THRESHOLD_FRAMES = 24
"""Frames that are looked at, at most."""

_RIGHT_IOU = 0.5


def fitting_threshold(
    model: IFC,
    videos: Sequence[LabelledVideo],
    short_side: int,
    store: FrameStore,
    context: JobContext,
    count: FrameCount | None = None,
) -> float | None:
    """The threshold that tells right masks from wrong ones best on approved frames.

    Only frames on which everything is annotated can say that a mask is wrong. A mask is right
    where it covers an object with IoU 0.5 that no better-scored one covers, whatever its class.

    Args:
        model: In eval mode.
        videos: Labelled, those that training saw too: there are few.
        short_side: Of the network's input, in pixels.
        store: Reads the pictures.
        context: Can cancel between frames.
        count: Is told of each frame.

    Returns:
        Between :data:`LOWEST` and :data:`HIGHEST`; ``None`` where no frame can tell.
    """
    places = [(v, f) for v in videos for f in sorted(v.exhaustive)]
    step = max(1, -(-len(places) // THRESHOLD_FRAMES))
    scores: list[float] = []
    right: list[bool] = []
    num_objects = 0
    for video, frame in places[::step]:
        context.raise_if_cancelled()
        found = (track.masks.get(frame) for track in video.tracks)
        truth = [rle.to_array() for rle in found if rle is not None and rle.area]
        prediction = predict_frame(model, video, frame, short_side, store)
        if count is not None:
            count.add()
        if store.is_broken(video, frame):
            continue
        scores += prediction.scores.tolist()
        right += right_masks(prediction, truth)
        num_objects += len(truth)
    return best_threshold(scores, right, num_objects)


def right_masks(prediction: FramePrediction, truth: Sequence[npt.NDArray[np.bool_]]) -> list[bool]:
    """Which masks of a frame cover an object that no better-scored one covers.

    Args:
        prediction: Best first.
        truth: (H, W) bool masks of all objects of the frame.
    """
    left = list(range(len(truth)))
    found = []
    for mask in prediction.masks:
        ious = [np.sum(mask & truth[n]) / max(1, np.sum(mask | truth[n])) for n in left]
        best = int(np.argmax(ious)) if ious else -1
        is_right = best >= 0 and ious[best] >= _RIGHT_IOU
        if is_right:
            left.pop(best)
        found.append(bool(is_right))
    return found


def best_threshold(
    scores: Sequence[float], right: Sequence[bool], num_objects: int
) -> float | None:
    """The score between the masks that are worth keeping and those that are not, by F1.

    Args:
        scores: Of all masks of some frames.
        right: Which of them are right.
        num_objects: True objects on these frames.

    Returns:
        Half way between the lowest kept and the highest dropped score, within bounds; ``None``
        where no mask is right.
    """
    order = np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")
    ranked = np.asarray(scores, dtype=np.float64)[order]
    hits = np.cumsum(np.asarray(right, dtype=np.int64)[order])
    if not len(ranked) or not hits[-1]:
        return None
    f1 = 2 * hits / (np.arange(1, len(ranked) + 1) + num_objects)
    last = int(np.flatnonzero(f1 == f1.max())[-1])
    below = ranked[last + 1] if last + 1 < len(ranked) else 0.0
    return float(np.clip((ranked[last] + below) / 2, LOWEST, HIGHEST))
