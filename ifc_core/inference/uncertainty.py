"""Where a person should look: masks that are likely wrong, and identities likely swapped.

Everything here works on what a project stores; neither torch nor the model is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ifc_core.annotation.frame_columns import FrameColumns
from ifc_core.annotation.reading import ProjectReader
from ifc_core.annotation.records import TrackFrame
from ifc_core.annotation.schema import SOURCE_CODE, STATE_CODE
from ifc_core.inference.identity_swaps import SuspectedSwap, TrackedMask, suspected_swaps
from ifc_core.structures import FrameState, MaskSource

__all__ = [
    "SuspectedSwap",
    "TrackedMask",
    "area_departure",
    "is_settled",
    "need_of_attention",
    "need_of_columns",
    "open_frames",
    "stored_masks",
    "suspected_swaps",
]

_NEIGHBOURS = 5  # frames on either side that say how large the object is
_UNKNOWN_UNCERTAINTY = 0.25  # where only one clip holds a frame
_SETTLED = (FrameState.APPROVED, FrameState.CORRECTED, FrameState.ABSENT, FrameState.REJECTED)


@dataclass(frozen=True, slots=True)
class _Weights:
    """Of a logistic regression."""

    uncertainty: float
    weak_link: float
    area: float
    poor_fit: float
    bias: float

    def of(self, signs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """(n,) log odds from (4, n) signs in the order of the fields."""
        weights = np.array([self.uncertainty, self.weak_link, self.area, self.poor_fit])
        return np.asarray(weights @ signs + self.bias)


_UNJUDGED = _Weights(6.0, 3.0, 2.0, 0.0, -3.0)  # set by hand
_JUDGED = _Weights(6.0, 3.0, 2.0, 8.0, -5.9)  # the same, and the estimate


def need_of_attention(frames: Sequence[TrackFrame]) -> npt.NDArray[np.float64]:
    """How likely each mask of one track is bad, for ordering a review queue.

    Four signs are weighed: the clips that hold the frame disagree (``uncertainty``), a link of
    the tracker was weak (``link_score``), the area departs from that of the neighbours, or the
    edge network thinks that the mask fits badly (``quality``). Where that was asked, it says most.

    Args:
        frames: The frames of one track in order, as ``ProjectReader.track_frames`` and
            ``timeline`` give them.

    Returns:
        (n,) float64 in 0 to 1; 0 for frames that a person drew, corrected, approved or marked
        absent.
    """
    settled = [f.state in _SETTLED or f.source is MaskSource.HUMAN for f in frames]
    return _need(
        np.array([np.nan if f.uncertainty is None else f.uncertainty for f in frames]),
        np.array([np.nan if f.link_score is None else f.link_score for f in frames]),
        np.array([np.nan if f.quality is None else f.quality for f in frames]),
        np.array([f.area_px for f in frames]),
        np.array(settled, dtype=np.bool_),
    )


def need_of_columns(columns: FrameColumns) -> npt.NDArray[np.float64]:
    """:func:`need_of_attention` of a track whose frames are given as columns."""
    return _need(
        columns.uncertainty.astype(np.float64),
        columns.link_score.astype(np.float64),
        columns.quality.astype(np.float64),
        columns.area_px,
        is_settled(columns),
    )


def is_settled(columns: FrameColumns) -> npt.NDArray[np.bool_]:
    """(n,) bool, frames that a person drew, corrected, approved or marked absent."""
    by_state = np.isin(columns.state, [STATE_CODE[state] for state in _SETTLED])
    return np.asarray(by_state | (columns.source == SOURCE_CODE[MaskSource.HUMAN]), dtype=np.bool_)


def open_frames(columns: FrameColumns) -> npt.NDArray[np.bool_]:
    """(n,) bool, frames with a mask that nobody reviewed."""
    return columns.has_mask & ~is_settled(columns)


def _need(
    uncertainty: npt.NDArray[np.float64],
    link_score: npt.NDArray[np.float64],
    quality: npt.NDArray[np.float64],
    area_px: npt.NDArray[Any],
    settled: npt.NDArray[np.bool_],
) -> npt.NDArray[np.float64]:
    if not len(area_px):
        return np.zeros(0)
    signs = np.stack(
        [
            np.nan_to_num(uncertainty, nan=_UNKNOWN_UNCERTAINTY),
            1.0 - np.nan_to_num(link_score, nan=1.0),
            area_departure(area_px),
            1.0 - np.nan_to_num(quality, nan=1.0),
        ]
    )
    value = np.where(np.isnan(quality), _UNJUDGED.of(signs), _JUDGED.of(signs))
    need: npt.NDArray[np.float64] = np.where(settled, 0.0, 1.0 / (1.0 + np.exp(-value)))
    return need


def stored_masks(reader: ProjectReader, video_id: int) -> Iterator[tuple[int, list[TrackedMask]]]:
    """The visible masks of a video in the form :func:`suspected_swaps` takes, frame by frame.

    Args:
        reader: An open project.
        video_id: The video.

    Yields:
        Frame index and masks with their link scores, frames without a mask left out.
    """
    columns = reader.frame_columns(video_id)
    every = [track.frame_index for track in columns.values()]
    for frame_index in np.unique(np.concatenate(every)).tolist() if every else ():
        masks = [
            TrackedMask(record.track_id, record.rle, _link(columns[record.track_id], frame_index))
            for record in reader.masks_at(video_id, frame_index)
            if record.rle is not None
        ]
        if masks:
            yield frame_index, masks


def _link(columns: FrameColumns, frame_index: int) -> float | None:
    value = float(columns.link_score[np.searchsorted(columns.frame_index, frame_index)])
    return None if np.isnan(value) else value


def area_departure(areas: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """How far the area of each mask departs from those of its neighbours.

    Args:
        areas: (n,) areas in pixels of the frames of one track, in order; 0 where it is absent.

    Returns:
        (n,) float64, the absolute logarithm of each area over the median of its neighbourhood, at
        most 2; 0 where absent. Absent frames are nobody's neighbours: they say nothing of how
        large the object is.
    """
    sizes = np.asarray(areas, dtype=np.float64)
    departure = np.zeros(len(sizes))
    there = sizes > 0
    if there.any():
        log_area = np.log(sizes[there])
        padded = np.pad(log_area, _NEIGHBOURS, mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * _NEIGHBOURS + 1)
        departure[there] = np.minimum(2.0, np.abs(log_area - np.median(windows, axis=1)))
    return departure
