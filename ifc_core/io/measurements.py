"""Measurements of masks as a table: one line a mask, for spreadsheets and statistics.

Lengths are pixels of the frame, x to the right and y downward; the centre of the pixel in the
upper left corner lies at (0, 0).
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.io.atomic import atomic_output
from ifc_core.structures import RLEMask
from ifc_core.structures.rle_runs import crop_mask

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
        centre = [round(self.x_px, 2), round(self.y_px, 2)]
        return [self.area_px, *centre, *self.box_xywh, *(round(value, 2) for value in lengths)]


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

    def row(self) -> list[object]:
        """The cells of a line: mean speeds over the way, to six digits that count."""
        way: list[object] = [round(self.dx_px, 2), round(self.dy_px, 2)]
        if self.seconds is None or self.seconds <= 0:
            return [*way, None, None, None]
        speed = math.hypot(self.dx_px, self.dy_px) / self.seconds
        if self.um_per_px is None:
            return [*way, _digits(speed), None, None]
        um_s = speed * self.um_per_px
        return [*way, *map(_digits, (speed, um_s, um_s / _UM_PER_M))]


@dataclass(frozen=True, slots=True)
class MeasuredMask:
    """One line of the table.

    Attributes:
        facts: The cells before the shape, as :data:`COLUMNS` has them; ``None`` is empty.
        shape: What was measured of the mask.
        intensities: Mean value of each channel under the mask; empty where none was measured.
        motion: How the object came here; ``None`` for the first mask of a track.
    """

    facts: tuple[object, ...]
    shape: MaskShape
    intensities: tuple[float, ...] = ()
    motion: Motion | None = None


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
    crop = crop_mask(rle)
    if crop is None:
        return None
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
    """Write a table as CSV (UTF-8, commas, a line of names), whole or not at all.

    A text with which a spreadsheet would begin a formula gets an apostrophe before it.

    Args:
        lines: One a mask; consumed while writing.
        path: The target.
        intensity_names: Names of the columns of intensities; those of a line that has more of
            them are left out, since nobody knows which ones are meant.

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
        out.writerow((*COLUMNS, *intensity_names))
        for line in lines:
            has_room = len(line.intensities) <= len(intensity_names)
            means = [round(mean, 3) for mean in line.intensities] if has_room else []
            empty = [None] * (len(intensity_names) - len(means))
            facts = [_plain(fact) for fact in line.facts]
            way = [None] * _MOTION_CELLS if line.motion is None else line.motion.row()
            out.writerow((*facts, *line.shape.row(), *way, *means, *empty))
            number += 1
    return number


def _digits(value: float) -> float:
    return float(f"{value:.6g}")


def _plain(cell: object) -> object:
    is_formula = isinstance(cell, str) and cell.startswith(_FORMULA)
    return f"'{cell}" if is_formula else cell
