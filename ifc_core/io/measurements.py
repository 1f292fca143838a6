"""Measurements of masks as a table: one line a mask, for spreadsheets and statistics.

Lengths are pixels of the frame, x to the right and y downward; the centre of the pixel in the
upper left corner lies at (0, 0).
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.io.atomic import atomic_output
from ifc_core.structures import RLEMask
from ifc_core.structures.rle_runs import Crop, crop_each

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would take a text for a formula by."""

_UM_PER_M = 1e6
_MOTION_CELLS = 5

COLUMNS = (
    "video",
    "frame",
    "time_s",
    "um_per_px",
    "track",
    "parent",
    "class",
    "name",
    "score",
    "state",
    "source",
    "area_px",
    "x_px",
    "y_px",
    "left_px",
    "top_px",
    "width_px",
    "height_px",
    "perimeter_px",
    "major_axis_px",
    "minor_axis_px",
    "angle_deg",
    "dx_px",
    "dy_px",
    "speed_px_s",
    "speed_um_s",
    "speed_m_s",
)
"""Columns of every table; intensities follow where they are measured."""


@dataclass(frozen=True, slots=True)
class MaskShape:
    """What is measured of one mask.

    Attributes:
        area_px: Pixels of the mask.
        x_px: Centroid.
        y_px: Centroid.
        box_xywh: Left, top, width and height of the tight box.
        perimeter_px: Length of the outer outlines of all its pieces, through the centres of their
            pixels.
        major_axis_px: Long axis of the ellipse with the same second moments.
        minor_axis_px: Its short axis.
        angle_deg: Of the long axis against the x axis, over -90 to 90, clockwise as one sees it.
    """

    area_px: int
    x_px: float
    y_px: float
    box_xywh: tuple[int, int, int, int]
    perimeter_px: float
    major_axis_px: float
    minor_axis_px: float
    angle_deg: float

    def row(self) -> list[object]:
        """The cells of a line, lengths to a hundredth of a pixel."""
        lengths = (self.perimeter_px, self.major_axis_px, self.minor_axis_px, self.angle_deg)
        centre = [_hundredths(self.x_px), _hundredths(self.y_px)]
        return [self.area_px, *centre, *self.box_xywh, *map(_hundredths, lengths)]


def _hundredths(value: float) -> float:
    """A number as a cell has it; 0 has no sign."""
    return round(value, 2) + 0.0


@dataclass(frozen=True, slots=True)
class Motion:
    """The way of an object from its previous mask to this one.

    Attributes:
        dx_px: Of the centroid, to the right.
        dy_px: Downward.
        seconds: From one to the other, or ``None``.
        um_per_px: Micrometres from one pixel to the next, or ``None``.
    """

    dx_px: float
    dy_px: float
    seconds: float | None = None
    um_per_px: float | None = None

    @property
    def length_px(self) -> float:
        """Of the way, straight."""
        return math.hypot(self.dx_px, self.dy_px)

    @property
    def speed_px_s(self) -> float | None:
        """Mean over the way; ``None`` without a time between the masks."""
        if self.seconds is None or self.seconds <= 0:
            return None
        return self.length_px / self.seconds

    def row(self) -> list[object]:
        """The cells of a line: mean speeds over the way, to six digits that count."""
        speeds = speed_cells(self.speed_px_s, self.um_per_px)
        return [_hundredths(self.dx_px), _hundredths(self.dy_px), *speeds]


class MaskFacts(NamedTuple):
    """What a line says before the shape, as :data:`COLUMNS` has it; ``None`` is empty.

    Attributes:
        video: Name of the video.
        frame_index: 0-based.
        time_seconds: After the first frame.
        um_per_px: Micrometres from one pixel to the next.
        track_id: Number of the track.
        parent_id: That of its mother, where she is in the table.
        class_name: Its class.
        name: Its label, or "".
        score: Its confidence.
        state: Review state of the mask.
        source: Who made the mask.
    """

    video: str
    frame_index: int
    time_seconds: float | None
    um_per_px: float | None
    track_id: int
    parent_id: int | None
    class_name: str
    name: str
    score: float
    state: str
    source: str


@dataclass(frozen=True, slots=True)
class MeasuredMask:
    """One line of the table.

    Attributes:
        facts: The cells before the shape.
        shape: What was measured of the mask.
        intensities: Mean value of each channel under the mask; empty where none was measured.
        motion: How the object came here; ``None`` for the first mask of a track.
    """

    facts: MaskFacts
    shape: MaskShape
    intensities: tuple[float, ...] = ()
    motion: Motion | None = None

    def means(self, most: int) -> tuple[float, ...]:
        """The intensities of a table with so many columns of them.

        Those of a line that has more are left out, since nobody knows which ones are meant.
        """
        return self.intensities if len(self.intensities) <= most else ()


def measure_mask(
    rle: RLEMask, values: npt.NDArray[Any] | None = None
) -> tuple[MaskShape, tuple[float, ...]] | None:
    """Measure a mask.

    Args:
        rle: The mask.
        values: (C, H, W) the frame's values, or ``None``.

    Returns:
        Its shape, and the mean of each channel under it; ``None`` for an empty mask.
    """
    return next(measure_masks([rle], values))


def measure_masks(
    rles: Sequence[RLEMask], values: npt.NDArray[Any] | None = None
) -> Iterator[tuple[MaskShape, tuple[float, ...]] | None]:
    """:func:`measure_mask` of the masks of a frame, which takes half as long.

    Args:
        rles: The masks.
        values: (C, H, W) the frame's values, or ``None``.

    Yields:
        What :func:`measure_mask` returns, for each.
    """
    for crop in crop_each(rles):
        yield None if crop is None else _measured(crop, values)


def _measured(crop: Crop, values: npt.NDArray[Any] | None) -> tuple[MaskShape, tuple[float, ...]]:
    left, top, inside = crop
    height, width = inside.shape
    moments = cv2.moments(inside, binaryImage=True)
    area = moments["m00"]
    xx, yy, xy = (moments[key] / area for key in ("mu20", "mu02", "mu11"))
    spread = math.hypot(xx - yy, 2 * xy)  # difference of the eigenvalues of the covariance
    outlines, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    angle = math.degrees(0.5 * math.atan2(2 * xy, xx - yy)) if spread > 0 else 0.0
    shape = MaskShape(
        round(area),
        left + moments["m10"] / area,
        top + moments["m01"] / area,
        (left, top, width, height),
        sum(cv2.arcLength(outline, True) for outline in outlines),
        4 * math.sqrt((xx + yy + spread) / 2),
        4 * math.sqrt(max(0.0, (xx + yy - spread) / 2)),
        angle,
    )
    if values is None:
        return shape, ()
    in_box = values[:, top : top + height, left : left + width]
    under = in_box[:, inside.view(np.bool_)].astype(np.float64)
    return shape, tuple(float(mean) for mean in under.mean(axis=1))


def intensity_columns(channels: int) -> tuple[str, ...]:
    """Names of the columns of so many channels, the most that a video of the table has."""
    if channels == 1:
        return ("mean_intensity",)
    return tuple(f"mean_intensity_{number + 1}" for number in range(channels))


def write_measurements(
    lines: Iterable[MeasuredMask], path: Path | str, intensity_names: Sequence[str] = ()
) -> int:
    """Write a table with a line a mask; see :func:`write_table`.

    Args:
        lines: One a mask; consumed while writing.
        path: The target.
        intensity_names: Names of the columns of intensities; see :meth:`MeasuredMask.means`.

    Returns:
        The number of lines below the names.

    Raises:
        OutputError: The target cannot be written.
    """
    num_means = len(intensity_names)
    rows = (_row(line, num_means) for line in lines)
    return write_table((*COLUMNS, *intensity_names), rows, path)


def write_table(names: Sequence[str], rows: Iterable[Sequence[object]], path: Path | str) -> int:
    """Write a table as CSV (UTF-8, commas, a line of names), whole or not at all.

    A text with which a spreadsheet would begin a formula gets an apostrophe before it.

    Args:
        names: Of the columns.
        rows: As many cells each, ``None`` for an empty one; consumed while writing.
        path: The target.

    Returns:
        The number of lines below the names.

    Raises:
        OutputError: The target cannot be written.
    """
    number = 0
    with (
        atomic_output(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        out = csv.writer(file)
        out.writerow(names)
        for row in rows:
            out.writerow([_plain(cell) for cell in row])
            number += 1
    return number


def mean_cells(means: Sequence[float], number: int) -> list[object]:
    """Intensities to a thousandth, in so many columns."""
    return [*(round(mean, 3) for mean in means), *[None] * (number - len(means))]


def speed_cells(speed_px_s: float | None, um_per_px: float | None) -> list[object]:
    """A speed in pixels, micrometres and metres a second, to six digits that count."""
    if speed_px_s is None:
        return [None, None, None]
    if um_per_px is None:
        return [digits(speed_px_s), None, None]
    um_s = speed_px_s * um_per_px
    return [*map(digits, (speed_px_s, um_s, um_s / _UM_PER_M))]


def digits(value: float) -> float:
    """Six of them that count."""
    return float(f"{value:.6g}")


def _row(line: MeasuredMask, num_means: int) -> list[object]:
    way = [None] * _MOTION_CELLS if line.motion is None else line.motion.row()
    means = mean_cells(line.means(num_means), num_means)
    return [*line.facts, *line.shape.row(), *way, *means]


def _plain(cell: object) -> object:
    is_formula = isinstance(cell, str) and cell.startswith(_FORMULA)
    return f"'{cell}" if is_formula else cell
