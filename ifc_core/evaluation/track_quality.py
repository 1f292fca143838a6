"""How well each true track was followed, frame by frame: J, F and identity switches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy  # its parts are loaded when they are first asked for

from ifc_core.evaluation.identity import identity_switches
from ifc_core.evaluation.records import Record
from ifc_core.evaluation.region_boundary import boundary_accuracy, region_similarity
from ifc_core.evaluation.track_iou import compare_tracks
from ifc_core.io.ytvis import (
    YtvisTrack,
    YtvisVideo,
    iter_ytvis_results,
    iter_ytvis_tracks,
    read_ytvis_header,
)
from ifc_core.jobs import JobContext


def track_quality_files(
    gt: Path | str,
    pred: Path | str,
    min_score: float = 0.3,
    context: JobContext | None = None,
) -> dict[str, Any]:
    """Judge the results of a file track by track, whatever their class.

    In each video the true tracks (crowds left out) are assigned to different results so that
    the sum of their space-time IoUs is largest; a true track without a result counts as 0.

    Args:
        gt: YouTube-VIS annotations.
        pred: YouTube-VIS results.
        min_score: Results below it are left out.
        context: Told of the videos done; may cancel.

    Returns:
        ``J`` and ``F`` (means over the true tracks, -1 where there are none),
        ``identity_switches`` (sum) and ``videos``, a list with ``video_id``, the same keys and
        ``tracks``: ``annotation_id``, ``result`` (its place in the file, or ``None``), ``J``,
        ``F``, both per frame (``None`` where neither side has a mask), ``identity_switches``.

    Raises:
        FormatError: A file breaks its format.
    """
    header = read_ytvis_header(gt)
    truth: dict[int, list[YtvisTrack]] = {video.id: [] for video in header.videos}
    found: dict[int, list[YtvisTrack]] = {video.id: [] for video in header.videos}
    for track in iter_ytvis_tracks(gt, header):
        if not track.is_crowd:
            truth[track.video_id].append(track)
    for track in iter_ytvis_results(pred, header):
        if (track.score or 0.0) >= min_score:
            found[track.video_id].append(track)
    videos: list[dict[str, Any]] = []
    for video in header.videos:
        videos.append(video_quality(video, found[video.id], truth[video.id]))
        if context is not None:
            context.advance(len(videos), len(header.videos), "Comparing tracks", "videos")
    tracks = [track for video in videos for track in video["tracks"]]
    return {
        "J": _mean([track["J"] for track in tracks]),
        "F": _mean([track["F"] for track in tracks]),
        "identity_switches": sum(video["identity_switches"] for video in videos),
        "videos": videos,
    }


def video_quality(
    video: YtvisVideo, found: Sequence[YtvisTrack], truth: Sequence[YtvisTrack]
) -> dict[str, Any]:
    """Judge the tracks of one video; see :func:`track_quality_files`.

    Args:
        video: The video.
        found: Predicted tracks.
        truth: True tracks.

    Returns:
        An entry of ``videos``.
    """
    ious = compare_tracks(
        [Record.of(track).masks for track in found],
        [Record.of(track).masks for track in truth],
        (video.height, video.width),
        video.length,
    ).ious
    pairs = zip(*scipy.optimize.linear_sum_assignment(ious, maximize=True), strict=True)
    partner = {int(t): int(p) for p, t in pairs if ious[p, t] > 0}
    switched = [switch.truth_id for switch in identity_switches(found, truth)]
    tracks = [
        _track_quality(track, found[partner[place]] if place in partner else None)
        | {"identity_switches": switched.count(track.id)}
        for place, track in enumerate(truth)
    ]
    return {
        "video_id": video.id,
        "J": _mean([track["J"] for track in tracks]),
        "F": _mean([track["F"] for track in tracks]),
        "identity_switches": len(switched),
        "tracks": tracks,
    }


def _track_quality(truth: YtvisTrack, found: YtvisTrack | None) -> dict[str, Any]:
    regions: list[float | None] = []
    boundaries: list[float | None] = []
    for frame, wanted in enumerate(truth.segmentations):
        mask = None if found is None else found.segmentations[frame]
        is_judged = wanted is not None or mask is not None
        regions.append(region_similarity(mask, wanted) if is_judged else None)
        boundaries.append(boundary_accuracy(mask, wanted) if is_judged else None)
    return {
        "annotation_id": truth.id,
        "result": None if found is None else found.id - 1,
        "J": _mean([value for value in regions if value is not None]),
        "F": _mean([value for value in boundaries if value is not None]),
        "J_per_frame": regions,
        "F_per_frame": boundaries,
    }


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if value >= 0 and not math.isnan(value)]
    return float(np.mean(known)) if known else -1.0
