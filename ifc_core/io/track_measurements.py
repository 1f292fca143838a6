"""Measurements of tracks as a table: one line a track, summed up from those of its masks."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ifc_core.io.measurements import (
    MaskShape,
    MeasuredMask,
    digits,
    mean_cells,
    speed_cells,
    write_table,
)

TRACK_COLUMNS = (
    "video",
    "um_per_px",
    "track",
    "parent",
    "daughters",
    "class",
    "name",
    "score",
    "state",
    "masks",
    "first_frame",
    "last_frame",
    "longest_gap_frames",
    "first_time_s",
    "last_time_s",
    "duration_s",
    "mean_area_px",
    "min_area_px",
    "max_area_px",
    "mean_area_um2",
    "min_area_um2",
    "max_area_um2",
    "mean_perimeter_px",
    "mean_major_axis_px",
    "mean_minor_axis_px",
    "mean_elongation",
    "first_x_px",
    "first_y_px",
    "last_x_px",
    "last_y_px",
    "path_px",
    "displacement_px",
    "path_um",
    "displacement_um",
    "straightness",
    "mean_speed_px_s",
    "mean_speed_um_s",
    "mean_speed_m_s",
    "max_speed_px_s",
    "max_speed_um_s",
    "max_speed_m_s",
)
"""Columns of every table; means of intensities follow where they are measured."""


@dataclass(slots=True)
class _Mean:
    """A mean that grows."""

    total: float = 0.0
    number: int = 0

    def add(self, value: float) -> None:
        self.total += value
        self.number += 1

    @property
    def value(self) -> float | None:
        return self.total / self.number if self.number else None


@dataclass(slots=True)
class TrackSummary:
    """What the masks of one track come to, added one after the other.

    Attributes:
        first: The first mask.
        last: The last one so far.
    """

    first: MeasuredMask
    last: MeasuredMask = field(init=False)
    _longest_gap: int = 0
    _areas: tuple[int, int] = (0, 0)
    _area: _Mean = field(default_factory=_Mean)
    _perimeter: _Mean = field(default_factory=_Mean)
    _major: _Mean = field(default_factory=_Mean)
    _minor: _Mean = field(default_factory=_Mean)
    _elongation: _Mean = field(default_factory=_Mean)
    _path_px: float = 0.0
    _timed_px: float = 0.0
    _timed_seconds: float = 0.0
    _max_speed: float | None = None
    _intensities: list[_Mean] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with the first mask, which is added like any other."""
        self.last = self.first
        self._areas = (self.first.shape.area_px, self.first.shape.area_px)

    def add(self, mask: MeasuredMask, num_means: int) -> None:
        """Add a mask, by frame.

        Args:
            mask: Of the track.
            num_means: Columns of intensities that the table has.
        """
        gap = mask.facts.frame_index - self.last.facts.frame_index - 1
        self._longest_gap = max(self._longest_gap, gap)
        self.last = mask
        self._add_shape(mask.shape)
        self._add_motion(mask)
        means = mask.means(num_means)
        while len(self._intensities) < len(means):
            self._intensities.append(_Mean())
        for mean, value in zip(self._intensities, means, strict=False):
            mean.add(value)

    def _add_shape(self, shape: MaskShape) -> None:
        least, most = self._areas
        self._areas = (min(least, shape.area_px), max(most, shape.area_px))
        self._area.add(shape.area_px)
        self._perimeter.add(shape.perimeter_px)
        self._major.add(shape.major_axis_px)
        self._minor.add(shape.minor_axis_px)
        if shape.minor_axis_px > 0:
            self._elongation.add(shape.major_axis_px / shape.minor_axis_px)

    def _add_motion(self, mask: MeasuredMask) -> None:
        way = mask.motion
        if way is None:
            return
        self._path_px += way.length_px
        if way.speed_px_s is not None and way.seconds is not None:
            self._timed_px += way.length_px
            self._timed_seconds += way.seconds
            self._max_speed = max(self._max_speed or 0.0, way.speed_px_s)

    def row(self, state: str, daughters: Sequence[int], num_means: int) -> list[object]:
        """The cells of the line.

        Args:
            state: Review state of the track.
            daughters: Their numbers.
            num_means: Columns of intensities that the table has.
        """
        facts, last = self.first.facts, self.last.facts
        kin = (facts.track_id, facts.parent_id, " ".join(map(str, daughters)))
        of_track = (facts.class_name, facts.name, facts.score, state)
        span = (self._area.number, facts.frame_index, last.frame_index, self._longest_gap)
        means = [mean.value or 0.0 for mean in self._intensities]
        return [
            *(facts.video, facts.um_per_px, *kin, *of_track, *span),
            *self._time_cells(),
            *self._shape_cells(),
            *self._way_cells(),
            *mean_cells(means, num_means),
        ]

    def _time_cells(self) -> list[object]:
        first, last = self.first.facts.time_seconds, self.last.facts.time_seconds
        duration = None if first is None or last is None else round(last - first, 6)
        return [first, last, duration]

    def _shape_cells(self) -> list[object]:
        scale = self.first.facts.um_per_px
        areas = (self._area.value or 0.0, *self._areas)
        in_um2 = [None if scale is None else digits(area * scale * scale) for area in areas]
        lengths = (self._perimeter.value, self._major.value, self._minor.value)
        rounded = [_rounded(value, 2) for value in lengths]
        elongation = _rounded(self._elongation.value, 4)
        return [round(areas[0], 2), *areas[1:], *in_um2, *rounded, elongation]

    def _way_cells(self) -> list[object]:
        start, end, scale = self.first.shape, self.last.shape, self.first.facts.um_per_px
        ends = [round(value, 2) for value in (start.x_px, start.y_px, end.x_px, end.y_px)]
        if self.last.motion is None:  # one mask, which went nowhere that is known of
            return [*ends, *[None] * 11]
        displacement = math.hypot(end.x_px - start.x_px, end.y_px - start.y_px)
        ways = (self._path_px, displacement)
        in_um = [None if scale is None else digits(way * scale) for way in ways]
        straightness = round(displacement / self._path_px, 4) if self._path_px > 0 else None
        mean_speed = self._timed_px / self._timed_seconds if self._timed_seconds > 0 else None
        speeds = (*speed_cells(mean_speed, scale), *speed_cells(self._max_speed, scale))
        return [*ends, *(round(way, 2) for way in ways), *in_um, straightness, *speeds]


def summed_up(
    masks: Iterable[MeasuredMask], states: Mapping[int, str], num_means: int
) -> list[list[object]]:
    """The lines of one video, by track.

    Args:
        masks: All of the video, by frame; each is measured once, by the caller.
        states: Review state of each track.
        num_means: Columns of intensities that the table has.
    """
    summaries: dict[int, TrackSummary] = {}
    for mask in masks:
        track_id = mask.facts.track_id
        if track_id not in summaries:
            summaries[track_id] = TrackSummary(mask)
        summaries[track_id].add(mask, num_means)
    daughters: dict[int, list[int]] = defaultdict(list)
    for track_id, summary in sorted(summaries.items()):
        if summary.first.facts.parent_id is not None:
            daughters[summary.first.facts.parent_id].append(track_id)
    return [
        summary.row(states[track_id], daughters[track_id], num_means)
        for track_id, summary in sorted(summaries.items())
    ]


def write_track_measurements(
    rows: Iterable[Sequence[object]], path: Path | str, intensity_names: Sequence[str] = ()
) -> int:
    """Write a table with a line a track; see :func:`ifc_core.io.measurements.write_table`.

    Args:
        rows: What :func:`summed_up` gives; consumed while writing.
        path: The target.
        intensity_names: Names of the columns of intensities.

    Returns:
        The number of lines below the names.

    Raises:
        OutputError: The target cannot be written.
    """
    return write_table((*TRACK_COLUMNS, *intensity_names), rows, path)


def _rounded(value: float | None, digits_after: int) -> float | None:
    return None if value is None else round(value, digits_after)
