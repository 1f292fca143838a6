"""Where a person should look: masks that are likely wrong, and identities likely swapped.

Everything here works on what a project stores; neither torch nor the model is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ifc_core.annotation.reading import ProjectReader
from ifc_core.annotation.records import TrackFrame
from ifc_core.inference.identity_swaps import SuspectedSwap, TrackedMask, suspected_swaps
from ifc_core.structures import FrameState, MaskSource

__all__ = [
    "SuspectedSwap",
    "TrackedMask",
    "need_of_attention",
    "stored_masks",
    "suspected_swaps",
]

_NEIGHBOURS = 5  # frames on either side that say how large the object is
_UNKNOWN_UNCERTAINTY = 0.25  # where only one clip holds a frame
_WEIGHT_UNCERTAINTY = 6.0
_WEIGHT_LINK = 3.0
_WEIGHT_AREA = 2.0
_BIAS = -3.0
_SETTLED = (FrameState.APPROVED, FrameState.CORRECTED, FrameState.ABSENT, FrameState.REJECTED)


def need_of_attention(frames: Sequence[TrackFrame]) -> npt.NDArray[np.float64]:
    """How likely each mask of one track is bad, for ordering a review queue.

    Three signs are weighed: the clips that hold the frame disagree (``uncertainty``), a link of
    the tracker was weak (``link_score``), or the area departs from that of the neighbours.

    Args:
        frames: The frames of one track in order, as ``ProjectReader.track_frames`` and
            ``timeline`` give them.

    Returns:
        (n,) float64 in 0 to 1; 0 for frames that a person drew, corrected, approved or marked
        absent.
    """
    if not frames:
        return np.zeros(0)
    uncertainty = np.array(
        [_UNKNOWN_UNCERTAINTY if f.uncertainty is None else f.uncertainty for f in frames]
    )
    link = np.array([1.0 if f.link_score is None else f.link_score for f in frames])
    value = (
        _WEIGHT_UNCERTAINTY * uncertainty
        + _WEIGHT_LINK * (1.0 - link)
        + _WEIGHT_AREA * _area_departure([f.area_px for f in frames])
        + _BIAS
    )
    settled = np.array([f.state in _SETTLED or f.source is MaskSource.HUMAN for f in frames])
    return np.where(settled, 0.0, 1.0 / (1.0 + np.exp(-value)))


def stored_masks(reader: ProjectReader, video_id: int) -> Iterator[tuple[int, list[TrackedMask]]]:
    """The visible masks of a video in the form :func:`suspected_swaps` takes, frame by frame.

    Args:
        reader: An open project.
        video_id: The video.

    Yields:
        Frame index and masks with their link scores, frames without a mask left out.
    """
    links: dict[int, dict[int, float | None]] = {}
    for track_id, frames in reader.timeline(video_id).items():
        for frame in frames:
            links.setdefault(frame.frame_index, {})[track_id] = frame.link_score
    for frame_index in sorted(links):
        masks = [
            TrackedMask(record.track_id, record.rle, links[frame_index].get(record.track_id))
            for record in reader.masks_at(video_id, frame_index)
            if record.rle is not None
        ]
        if masks:
            yield frame_index, masks


def _area_departure(areas: Sequence[int]) -> npt.NDArray[np.float64]:
    """|log| of each area over the median of its neighbourhood, at most 2; absent ones are 0."""
    log_area = np.log(np.maximum(1.0, np.asarray(areas, dtype=np.float64)))
    padded = np.pad(log_area, _NEIGHBOURS, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * _NEIGHBOURS + 1)
    departure: npt.NDArray[np.float64] = np.abs(log_area - np.median(windows, axis=1))
    return np.minimum(2.0, np.where(np.asarray(areas) > 0, departure, 0.0))
