"""Space-time IoU of tracks from their run lengths, all pairs of a video at once.

The masks of a track, frame after frame, are one long binary sequence. The ground-truth tracks
of a class cut the positions of a video into elementary pieces; in each piece the foreground of
every ground-truth track grows with slope 0 or 1. So the overlap of a predicted run with all of
them follows from looking up its two ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ifc_core.structures.run_lengths import RunBatch

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TrackRuns:
    """Foreground runs of n tracks of one video.

    Attributes:
        starts: (R,) int64 first position of each run, counted over all frames.
        ends: (R,) int64 one past the last position.
        owners: (R,) int64 track of each run, ascending.
        areas: (n, T) int64 foreground pixels a frame.
        is_present: (n, T) bool, where the track has a mask (which may be empty).
    """

    starts: Positions
    ends: Positions
    owners: Positions
    areas: npt.NDArray[np.int64]
    is_present: npt.NDArray[np.bool_]

    @classmethod
    def build(
        cls, batch: RunBatch, tracks: Positions, frames: Positions, num_tracks: int, num_frames: int
    ) -> TrackRuns:
        """Lay the masks of each track one after the other.

        Args:
            batch: Sound masks of one size, ordered by track and frame.
            tracks: (n,) track of each mask.
            frames: (n,) frame of each mask.
            num_tracks: Number of tracks, those without any mask included.
            num_frames: T.

        Returns:
            The runs.
        """
        areas = np.zeros((num_tracks, num_frames), dtype=np.int64)
        is_present = np.zeros((num_tracks, num_frames), dtype=bool)
        if not len(batch):
            none = np.zeros(0, dtype=np.int64)
            return cls(none, none, none, areas, is_present)
        pixels = int(batch.totals[0])
        positions = np.cumsum(batch.runs)
        counts = np.diff(batch.offsets)
        # Foreground is every second run of a mask.
        halves = counts // 2
        begin = np.repeat(batch.offsets[:-1] - 2 * (np.cumsum(halves) - halves), halves)
        background = begin + 2 * np.arange(len(begin))
        shift = np.repeat((frames - np.arange(len(batch))) * pixels, halves)
        starts = positions[background] + shift
        lengths = batch.runs[background + 1]
        sums = np.concatenate(([0], np.cumsum(lengths)))
        bounds = np.concatenate(([0], np.cumsum(halves)))
        areas[tracks, frames] = np.diff(sums[bounds])
        is_present[tracks, frames] = True
        return cls(starts, starts + lengths, np.repeat(tracks, halves), areas, is_present)

    def select(self, tracks: Sequence[int]) -> TrackRuns:
        """Only some tracks, in the order given (ascending)."""
        place = np.full(len(self.areas), -1, dtype=np.int64)
        place[list(tracks)] = np.arange(len(tracks))
        owners = place[self.owners]
        keep = np.flatnonzero(owners >= 0)
        chosen = list(tracks)
        return TrackRuns(
            self.starts[keep],
            self.ends[keep],
            owners[keep],
            self.areas[chosen],
            self.is_present[chosen],
        )


def intersections(predicted: TrackRuns, truth: TrackRuns) -> npt.NDArray[np.int64]:
    """Common pixels of each pair of tracks.

    Args:
        predicted: D tracks.
        truth: G tracks of the same video.

    Returns:
        (D, G) int64.
    """
    num_predicted, num_truth = len(predicted.areas), len(truth.areas)
    result = np.zeros((num_predicted, num_truth), dtype=np.int64)
    if not len(predicted.starts) or not len(truth.starts):
        return result
    knots = np.unique(np.concatenate((truth.starts, truth.ends)))
    touching = (predicted.ends > knots[0]) & (predicted.starts < knots[-1])
    starts, ends = predicted.starts[touching], predicted.ends[touching]
    owners = predicted.owners[touching]
    first = np.searchsorted(knots, starts, side="right")
    last = np.searchsorted(knots, ends, side="right")
    bounded = np.concatenate((knots[:1], knots))
    past_first, past_last = starts - bounded[first], ends - bounded[last]
    for track in range(num_truth):
        level, slope = _profile(truth, track, knots)
        overlap = level[last] - level[first]
        overlap += slope[last] * past_last - slope[first] * past_first
        result[:, track] = np.bincount(owners, weights=overlap, minlength=num_predicted)
    return result


def _profile(
    truth: TrackRuns, track: int, knots: Positions
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Foreground before each piece between knots, and its slope there (first piece: none)."""
    own = truth.owners == track
    toggles = np.zeros(len(knots) + 1, dtype=np.int64)
    np.add.at(toggles, np.searchsorted(knots, truth.starts[own]) + 1, 1)
    np.add.at(toggles, np.searchsorted(knots, truth.ends[own]) + 1, -1)
    slope = np.cumsum(toggles)
    level = np.zeros(len(knots) + 1, dtype=np.int64)
    np.cumsum(slope[1:-1] * np.diff(knots), out=level[2:])
    return level, slope


def track_ious(predicted: TrackRuns, truth: TrackRuns) -> npt.NDArray[np.float64]:
    """Space-time IoU of each pair of tracks; 0 where both are empty.

    Frames on which only one side has a mask count in the union.

    Source: the published YouTube-VIS evaluation (``iou_seq``).

    Args:
        predicted: D tracks.
        truth: G tracks of the same video.

    Returns:
        (D, G) float64.
    """
    common = intersections(predicted, truth)
    union = predicted.areas.sum(1)[:, None] + truth.areas.sum(1)[None, :] - common
    ious: npt.NDArray[np.float64] = np.zeros(common.shape)
    np.divide(common, union, out=ious, where=union > 0)
    return ious
