"""How a model does on the labelled frames that training never sees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ifc_core.data.clip_sampling import resize_mask
from ifc_core.data.labelled_video import FrameStore, LabelledVideo
from ifc_core.evaluation.records import EvaluationSet
from ifc_core.evaluation.ytvis_ap import evaluate_records
from ifc_core.io.ytvis_types import YtvisTrack, YtvisVideo
from ifc_core.jobs import JobContext
from ifc_core.models.ifc import IFC, IFCOutput
from ifc_core.models.input_size import input_size
from ifc_core.structures import RLEMask
from ifc_core.tracking.duplicates import KEEP_ALL, without_duplicates
from ifc_core.tracking.video_tracker import ClipInstances
from ifc_core.training.finetune_settings import HeldOutScore
from ifc_core.training.held_out_split import time_blocks
from ifc_core.training.judging import FrameCount

_SCORE_THRESHOLD = 0.1
_CLIP_LENGTH = 5
_LEAST_INSIDE = 0.5  # of a mask, for it to count where not everything is annotated
_MOST_STRETCHES = 20  # each costs one AP


@dataclass(frozen=True, slots=True)
class FramePrediction:
    """What a model finds on one frame.

    Attributes:
        masks: (P, H, W) bool, best first.
        labels: (P,) int.
        scores: (P,) 0 to 1.
    """

    masks: npt.NDArray[np.bool_]
    labels: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]


@torch.inference_mode()
def predict_frame(
    model: IFC, video: LabelledVideo, frame: int, short_side: int, store: FrameStore
) -> FramePrediction:
    """Predict one frame from the clip that centres it.

    Args:
        model: In eval mode.
        video: Whose frame.
        frame: 0-based.
        short_side: Of the network's input, in pixels.
        store: Reads the pictures.

    Returns:
        Confident masks in the size of the video.
    """
    output, t = clip_output(model, video, frame, short_side, store)
    size = video.height, video.width
    return confident_masks(output, t, size, model.preferences.duplicate_iou)


@torch.inference_mode()
def clip_output(
    model: IFC, video: LabelledVideo, frame: int, short_side: int, store: FrameStore
) -> tuple[IFCOutput, int]:
    """The network's output for the clip that centres a frame, and the frame's place in it.

    Args:
        model: In eval mode.
        video: Whose frame.
        frame: 0-based.
        short_side: Of the network's input, in pixels.
        store: Reads the pictures.
    """
    length = min(_CLIP_LENGTH, video.num_frames)
    first = min(max(0, frame - length // 2), video.num_frames - length)
    own, multiple = (video.height, video.width), model.preferences.size_multiple
    size = input_size(own, short_side, multiple=multiple)
    clip = np.stack([store.read(video, f, size) for f in range(first, first + length)])
    output: IFCOutput = model(model.normalize(clip)[None], aux=False)
    return output, frame - first


def confident_masks(
    output: IFCOutput, t: int, size: tuple[int, int], duplicate_iou: float = KEEP_ALL
) -> FramePrediction:
    """The masks of one frame of a clip whose class is probable enough to be proposed.

    Args:
        output: Of the network for one clip.
        t: Frame of the clip.
        size: (height, width) in pixels of the masks wanted.
        duplicate_iou: Masks of the clip that overlap this much are one thing, as Propose has it.

    Returns:
        Best first.
    """
    class_probs = output.class_logits[0].float().softmax(-1)
    probs, labels = class_probs[:, :-1].max(-1)
    order = probs.argsort(descending=True)
    order = order[probs[order] >= _SCORE_THRESHOLD]
    order = order[_rows_kept(class_probs[order], output.mask_logits[0, order], duplicate_iou)]
    logits = output.mask_logits[0, order, t].float().cpu().numpy()
    masks = np.zeros((len(logits), *size), dtype=np.bool_)
    for row, mask in enumerate(logits):
        masks[row] = cv2.resize(mask, size[::-1], interpolation=cv2.INTER_LINEAR) > 0
    return FramePrediction(masks, labels[order].cpu().numpy(), probs[order].cpu().numpy())


def _rows_kept(class_probs: Tensor, mask_logits: Tensor, duplicate_iou: float) -> list[int]:
    """Which of the rows of a clip Propose keeps, where several tell the same thing."""
    count = len(class_probs)
    unsure = (class_probs.argmax(-1) == class_probs.shape[-1] - 1).tolist()
    clip = ClipInstances(
        tuple(range(mask_logits.shape[1])),
        class_probs,
        mask_logits,
        queries=tuple(range(count)),
        unsure=frozenset(row for row in range(count) if unsure[row]),
    )
    (kept,) = without_duplicates([clip], duplicate_iou)
    return list(kept.queries)


def _truth(video: LabelledVideo, frame: int) -> list[tuple[int, RLEMask]]:
    """(label, mask) of the objects on a frame."""
    found = ((t.label, t.masks.get(frame)) for t in video.tracks)
    return [(label, rle) for label, rle in found if rle is not None and rle.area]


def assigned_ious(
    prediction: FramePrediction, truth: Sequence[npt.NDArray[np.bool_]]
) -> npt.NDArray[np.float64]:
    """IoU of each true mask with the confident mask assigned to it, one to one; 0 for none."""
    rows, _, ious = _assigned(prediction.masks, truth)
    best = np.zeros(len(truth))
    best[rows] = ious
    return best


def _assigned(
    masks: npt.NDArray[np.bool_], truth: Sequence[npt.NDArray[np.bool_]]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Places of true masks and of those (M, H, W) assigned to them, one to one, and the IoUs."""
    if not len(masks) or not len(truth):
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    found = masks.reshape(len(masks), -1).astype(np.float32)
    true = np.stack([m.ravel() for m in truth]).astype(np.float32)
    overlap = true @ found.T
    union = true.sum(1)[:, None] + found.sum(1)[None] - overlap
    ious = overlap / np.maximum(union, 1)
    rows, columns = linear_sum_assignment(ious, maximize=True)
    return rows, columns, ious[rows, columns].astype(np.float64)


@dataclass(frozen=True, slots=True)
class _Judged:
    """What a model made of one frame; masks are kept encoded, there may be many frames.

    Attributes:
        video: Whose frame.
        frame: 0-based.
        truth: (label, mask) of its objects.
        ious: Of each of them, with the mask assigned to it.
        found: (label of the videos, mask, score) of what counts for AP.
    """

    video: LabelledVideo
    frame: int
    truth: list[tuple[int, RLEMask]]
    ious: list[float]
    found: list[tuple[int, RLEMask, float]]


def score_held_out(
    model: IFC,
    videos: Sequence[LabelledVideo],
    class_names: Sequence[str],
    short_side: int,
    store: FrameStore,
    context: JobContext,
    count: FrameCount | None = None,
    *,
    with_noise: bool = False,
) -> HeldOutScore:
    """Score a model on labelled frames, those that cannot be decoded left out.

    On frames that nobody approved as complete, what was found beside the labelled objects is
    neither right nor wrong.

    Args:
        model: Its classes are its ``categories``; those that ``class_names`` lacks do not
            count as any of them.
        videos: With the annotation of the held-out frames.
        class_names: Names of the labels of the videos.
        short_side: Of the network's input, in pixels.
        store: Reads the pictures.
        context: Can cancel between frames.
        count: Is told of each frame.
        with_noise: Whether to say how much the figures hang on the frames (``left_out``).

    Returns:
        The figures.
    """
    training = model.training
    model.eval()
    judged: list[_Judged] = []
    for video, frame in _frames_of(videos):
        context.raise_if_cancelled()
        prediction = predict_frame(model, video, frame, short_side, store)
        if not store.is_broken(video, frame):
            judged.append(_judged(video, frame, prediction, model, class_names))
        if count is not None:
            count.add()
    model.train(training)
    mean_j, ap = _figures(judged, class_names)
    ious = [(n, iou) for one in judged for (n, _), iou in zip(one.truth, one.ious, strict=True)]
    per_class = {
        class_names[label]: float(np.mean([iou for c, iou in ious if c == label]))
        for label in sorted({c for c, _ in ious})
    }
    left_out = _without_each(judged, class_names, context) if with_noise else ()
    return HeldOutScore(len(ious), mean_j, ap, per_class, left_out)


def _frames_of(videos: Sequence[LabelledVideo]) -> Iterator[tuple[LabelledVideo, int]]:
    for video in videos:
        for frame in video.labelled_frames:
            yield video, frame


def _judged(
    video: LabelledVideo,
    frame: int,
    prediction: FramePrediction,
    model: IFC,
    class_names: Sequence[str],
) -> _Judged:
    truth = _truth(video, frame)
    masks = [rle.to_array() for _, rle in truth]
    known = [
        class_names.index(category.name) if category.name in class_names else None
        for category in model.categories
    ]
    counts = _can_be_judged(prediction.masks, masks, is_complete=frame in video.exhaustive)
    found = []
    for row in np.flatnonzero(counts):
        label = known[prediction.labels[row]]
        if label is not None:
            rle = RLEMask.from_array(prediction.masks[row])
            found.append((label, rle, float(prediction.scores[row])))
    return _Judged(video, frame, truth, assigned_ious(prediction, masks).tolist(), found)


def _can_be_judged(
    masks: npt.NDArray[np.bool_], truth: Sequence[npt.NDArray[np.bool_]], *, is_complete: bool
) -> npt.NDArray[np.bool_]:
    """Which of the masks (P, H, W) found on a frame are known to be right or wrong.

    Where not everything is annotated a mask that lies mostly beside the annotated objects may
    show one that nobody got to; training leaves it alone, too.
    """
    areas = masks.reshape(len(masks), -1).sum(1)
    if is_complete:
        return np.asarray(areas > 0)
    covered = np.zeros(masks.shape[1:], dtype=np.bool_)
    for mask in truth:
        covered |= mask
    inside = (masks & covered).reshape(len(masks), -1).sum(1)
    return np.asarray((areas > 0) & (inside >= _LEAST_INSIDE * areas))


def _figures(judged: Sequence[_Judged], class_names: Sequence[str]) -> tuple[float, float]:
    """Mean J (NaN without masks) and AP (-1 without)."""
    ious = [iou for one in judged for iou in one.ious]
    if not ious:
        return float("nan"), -1.0
    return float(np.mean(ious)), _average_precision(judged, class_names)


def _without_each(
    judged: Sequence[_Judged], class_names: Sequence[str], context: JobContext
) -> tuple[tuple[float, float], ...]:
    """Figures without each of some stretches of the frames: blocks of time, or single frames."""
    stretch_of: dict[tuple[str, int], int] = {}
    number = 0
    for video in dict.fromkeys(_film(one) for one in judged):
        frames = sorted({one.frame for one in judged if _film(one) == video})
        for block in time_blocks(frames):
            stretch_of |= {(video, frame): number for frame in block}
            number += 1
    if number < 2:  # then at least frame by frame
        stretch_of = {place: n for n, place in enumerate(stretch_of)}
        number = len(stretch_of)
    groups = min(number, _MOST_STRETCHES)
    rest: list[list[_Judged]] = [[] for _ in range(groups)]
    for one in judged:
        own = stretch_of[_film(one), one.frame] * groups // number
        for group in range(groups):
            if group != own:
                rest[group].append(one)
    found = []
    for part in rest if groups > 1 else ():
        context.raise_if_cancelled()  # AP of hundreds of frames takes most of a second
        found.append(_figures(part, class_names))
    return tuple(found)


def _film(one: _Judged) -> str:
    """What a frame is of, whichever part of it was judged."""
    return f"{one.video.path}\n{one.video.name}"


def _average_precision(judged: Sequence[_Judged], class_names: Sequence[str]) -> float:
    """AP by class, every frame a video of its own."""
    videos: list[YtvisVideo] = []
    annotations: list[YtvisTrack] = []
    results: list[YtvisTrack] = []
    for number, one in enumerate(judged, start=1):
        size = one.video.height, one.video.width
        videos.append(YtvisVideo(number, *size, 1, (f"{number}.png",)))
        for label, rle in one.truth:
            annotations.append(YtvisTrack(len(annotations) + 1, number, label + 1, (rle,)))
        for label, rle, score in one.found:
            results.append(YtvisTrack(len(results) + 1, number, label + 1, (rle,), score=score))
    names = dict(enumerate(class_names, start=1))
    scored = evaluate_records(EvaluationSet.build(videos, names, annotations, results))
    return float(scored["AP"])


def draw_comparison(
    path: Path,
    video: LabelledVideo,
    frame: int,
    before: FramePrediction,
    after: FramePrediction,
    store: FrameStore,
) -> None:
    """Write a picture of three panels: the label, the model before, the model after.

    A found mask has the colour of the labelled one that it covers, and is grey where it covers
    none, so that panels can be compared.

    Args:
        path: PNG to write.
        video: Whose frame.
        frame: 0-based.
        before: Of the parent.
        after: Of the new model.
        store: Reads the picture.
    """
    size = input_size((video.height, video.width), 240, 640)
    picture = store.read(video, frame, size)
    truth = [rle.to_array() for _, rle in _truth(video, frame)]
    colours = [_COLOURS[number % len(_COLOURS)] for number in range(len(truth))]
    panels = [_painted(picture, truth, colours)]
    for prediction in (before, after):
        masks = prediction.masks[prediction.scores >= 0.5]
        shown = dict(_matches(masks, truth))
        order = sorted(range(len(masks)), key=lambda place: place in shown)  # grey lies below
        taken = [colours[shown[place]] if place in shown else _GREY for place in order]
        panels.append(_painted(picture, [masks[place] for place in order], taken))
    cv2.imwrite(str(path), np.concatenate(panels, axis=1)[..., ::-1])


_COLOURS = ((0, 158, 115), (230, 159, 0), (86, 180, 233), (204, 121, 167), (240, 228, 66))
_GREY = (110, 110, 110)
_COVERS = 0.25  # IoU from which a found mask counts as one of a labelled object


def _matches(
    masks: npt.NDArray[np.bool_], truth: Sequence[npt.NDArray[np.bool_]]
) -> list[tuple[int, int]]:
    """(place of a found mask, place of the labelled one that it covers)."""
    rows, columns, ious = _assigned(masks, truth)
    pairs = zip(rows.tolist(), columns.tolist(), ious.tolist(), strict=True)
    return [(column, row) for row, column, iou in pairs if iou >= _COVERS]


def _painted(
    picture: npt.NDArray[np.uint8],
    masks: Sequence[npt.NDArray[np.bool_]],
    colours: Sequence[tuple[int, int, int]],
) -> npt.NDArray[np.uint8]:
    canvas = picture.astype(np.float32)
    for mask, colour in zip(masks, colours, strict=True):
        small = resize_mask(mask, picture.shape[:2])
        canvas[small] = 0.5 * canvas[small] + 0.5 * np.array(colour)
    return canvas.astype(np.uint8)
