"""Masks to choose from for a click or a box: the network's hidden ones, or by colour alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ifc_core.inference.correction import CorrectedMask, CorrectSettings, spread
from ifc_core.inference.flow_store import FlowStore
from ifc_core.inference.mask_output import encode_logits
from ifc_core.inference.prompt_mask import mask_from_box, mask_standing_out, masks_from_click
from ifc_core.inference.spread_scope import DEFAULT_CLIP_LENGTH, scope_frames
from ifc_core.io.video import VideoReader
from ifc_core.jobs import JobContext
from ifc_core.structures import RLEMask

if TYPE_CHECKING:
    from ifc_core.inference.clip_features import Candidate, ClipFeatureCache

Box = tuple[float, float, float, float]

_LEAST_BOX_IOU = 0.5
_SAME_IOU = 0.85


@dataclass(frozen=True, slots=True)
class ClipCandidate:
    """One answer to a click or a box.

    Attributes:
        source: ``network``: a query of the model; ``colour``: GrabCut, carried by flow.
        score: Only for ordering among candidates of one source, 0 to 1.
        label: The network's class, 0 to K - 1; ``None`` without a network.
        masks: Frame index -> mask over the clip; frames without a mask are ``None``.
    """

    source: Literal["network", "colour"]
    score: float
    label: int | None
    masks: dict[int, RLEMask | None]


def click_candidates(
    reader: VideoReader,
    frame_index: int,
    point_xy: tuple[float, float],
    cache: ClipFeatureCache | None = None,
    limit: int = 9,
    context: JobContext | None = None,
    store: FlowStore | None = None,
) -> list[ClipCandidate]:
    """What a click on a frame may mean, best first.

    Args:
        reader: The video.
        frame_index: 0-based.
        point_xy: Pixel of the displayed frame.
        cache: The network's features; without it colour and flow answer alone.
        limit: At most so many; those that hardly differ from a better one are left out.
        context: Can cancel.
        store: Flow of the video from earlier corrections.

    Returns:
        Candidates of the network that cover the point, then those by colour.

    Raises:
        ConfigError: The click lies outside of the frame.
        VideoError: A frame cannot be read.
    """
    found = [] if cache is None else cache.candidates(frame_index, point_xy)
    chosen = _different(reader, frame_index, found, limit)
    flows = store or FlowStore(reader, CorrectSettings().short_side)
    for mask in masks_from_click(reader.read(frame_index), point_xy):
        rle = RLEMask.from_array(mask)
        if len(chosen) < limit and all(_overlap(rle, c, frame_index) < _SAME_IOU for c in chosen):
            chosen.append(_carried(flows, frame_index, rle, _length(cache), context))
    return chosen


def box_candidates(
    reader: VideoReader,
    frame_index: int,
    box_xyxy: Box,
    cache: ClipFeatureCache | None = None,
    limit: int = 9,
    context: JobContext | None = None,
    store: FlowStore | None = None,
) -> list[ClipCandidate]:
    """What a box on a frame may hold, best first.

    Args:
        reader: The video.
        frame_index: 0-based.
        box_xyxy: Corners in pixels of the displayed frame.
        cache: The network's features; without it GrabCut answers alone.
        limit: At most so many.
        context: Can cancel.
        store: Flow of the video from earlier corrections.

    Returns:
        What stands out in the box from an even ground, if that is clear; candidates of the
        network whose box overlaps this one by half or more, by that overlap times their score;
        GrabCut's answer last, where nothing stands out, or alone where nothing fits.

    Raises:
        ConfigError: The box lies outside of the frame.
        VideoError: A frame cannot be read.
    """
    found = [] if cache is None else _fitting(reader, cache, frame_index, box_xyxy)
    chosen = _different(reader, frame_index, found, limit - 1)
    frame = reader.read(frame_index)
    standing_out = mask_standing_out(frame, box_xyxy)
    mask = mask_from_box(frame, box_xyxy) if standing_out is None else standing_out
    flows = store or FlowStore(reader, CorrectSettings().short_side)
    by_color = _carried(flows, frame_index, RLEMask.from_array(mask), _length(cache), context)
    return [*chosen, by_color] if standing_out is None else [by_color, *chosen]


def _fitting(
    reader: VideoReader, cache: ClipFeatureCache, frame_index: int, box: Box
) -> list[Candidate]:
    """Queries by the overlap of their box with this one, best first."""
    ranked = []
    for candidate in cache.all_candidates(frame_index):
        rle = _on_frame(reader, candidate, frame_index)
        if rle is None:
            continue
        x, y, width, height = rle.bbox_xywh
        overlap = _box_iou((x, y, x + width, y + height), box)
        if overlap >= _LEAST_BOX_IOU:
            ranked.append((overlap * (0.5 + candidate.score), candidate))
    return [candidate for _, candidate in sorted(ranked, key=lambda pair: -pair[0])]


def _different(
    reader: VideoReader, frame_index: int, found: Sequence[Candidate], limit: int
) -> list[ClipCandidate]:
    """The best that differ from each other on the frame, over their clip."""
    chosen: list[ClipCandidate] = []
    shown: list[RLEMask] = []
    for candidate in found:
        rle = _on_frame(reader, candidate, frame_index)
        if len(chosen) == limit or rle is None:
            continue
        if any(rle.iou(other) > _SAME_IOU for other in shown):
            continue
        shown.append(rle)
        size = reader.video.size
        pairs = zip(candidate.frame_indices, candidate.logits, strict=True)
        masks = {frame: encode_logits(logits, size) for frame, logits in pairs}
        chosen.append(ClipCandidate("network", candidate.score, candidate.label, masks))
    return chosen


def _on_frame(reader: VideoReader, candidate: Candidate, frame_index: int) -> RLEMask | None:
    place = candidate.frame_indices.index(frame_index)
    return encode_logits(candidate.logits[place], reader.video.size)


def _carried(
    store: FlowStore,
    frame_index: int,
    rle: RLEMask,
    clip_length: int,
    context: JobContext | None,
) -> ClipCandidate:
    """A mask of one frame, taken over the clip by flow and colour."""
    reader = store.reader
    frames = scope_frames("clip", frame_index, reader.video.num_frames, (), clip_length)
    masks: dict[int, RLEMask | None] = {frame_index: rle}
    quiet = JobContext() if context is None else context.quiet()
    confidences = [1.0]
    known = [CorrectedMask(frame_index, rle)]
    for found in spread(reader, known, frames, CorrectSettings(), quiet, store=store):
        masks[found.frame_index] = found.rle
        confidences.append(found.confidence)
    return ClipCandidate("colour", float(np.mean(confidences)), None, dict(sorted(masks.items())))


def _length(cache: ClipFeatureCache | None) -> int:
    return DEFAULT_CLIP_LENGTH if cache is None else cache.clip_length


def _overlap(rle: RLEMask, candidate: ClipCandidate, frame_index: int) -> float:
    other = candidate.masks.get(frame_index)
    return 0.0 if other is None else rle.iou(other)


def _box_iou(first: Box, second: Box) -> float:
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(0.0, width) * max(0.0, height)
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (first, second)]
    return shared / max(1e-6, sum(areas) - shared)
