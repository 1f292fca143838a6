"""Masks of the shapes that annotation programs draw: polygons, boxes, ellipses, rows of runs.

Places are in pixels of the frame, (0, 0) being the upper left corner of its first pixel, as CVAT
and LabelMe have them; a pixel belongs to a shape that holds its middle.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ifc_core.errors import FormatError
from ifc_core.io.segmentations import rasterise
from ifc_core.structures import RLEMask
from ifc_core.structures.rle_runs import boxed_mask

Points = npt.NDArray[np.float64]
"""(N, 2): x and y."""


def polygon_mask(points_xy: Points, size: tuple[int, int]) -> RLEMask:
    """The inside of a polygon.

    Args:
        points_xy: (N, 2) float64, its corners.
        size: (height, width) of the frame in pixels.

    Raises:
        FormatError: It has fewer than three corners, or lies far outside of the frame.
    """
    return rasterise([[float(value) for value in points_xy.ravel()]], size)


def box_corners(left: float, top: float, right: float, bottom: float, turn: float = 0.0) -> Points:
    """Corners of a box that may be turned around its middle.

    Args:
        left: x of its left side, before it is turned; the others alike.
        top: y of its upper side.
        right: x of its right side.
        bottom: y of its lower side.
        turn: Degrees, clockwise as seen on the screen.

    Returns:
        (4, 2) float64.
    """
    middle = np.array([(left + right) / 2, (top + bottom) / 2])
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]]) - middle
    angle = math.radians(turn)
    rotation = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    turned: Points = corners @ rotation + middle
    return turned


def ellipse_mask(
    middle_xy: tuple[float, float],
    radii_xy: tuple[float, float],
    turn: float,
    size: tuple[int, int],
) -> RLEMask:
    """The inside of an ellipse.

    Args:
        middle_xy: Its middle.
        radii_xy: Half its axes, before it is turned.
        turn: Degrees, clockwise as seen on the screen.
        size: (height, width) of the frame in pixels.

    Raises:
        FormatError: A radius is not positive.
    """
    (x, y), (across, down) = middle_xy, radii_xy
    if across <= 0 or down <= 0:
        raise FormatError("An ellipse needs radii that are greater than 0.")
    angle = math.radians(turn)
    cos, sin = math.cos(angle), math.sin(angle)
    reach_x, reach_y = math.hypot(across * cos, down * sin), math.hypot(across * sin, down * cos)
    left, right = _within(x - reach_x, x + reach_x, size[1])
    top, bottom = _within(y - reach_y, y + reach_y, size[0])
    rows = np.arange(top, bottom)[:, None] + 0.5 - y
    columns = np.arange(left, right)[None] + 0.5 - x
    along = (columns * cos + rows * sin) / across
    aside = (rows * cos - columns * sin) / down
    return boxed_mask(along**2 + aside**2 <= 1, size, top, left)


def _within(first: float, last: float, length: int) -> tuple[int, int]:
    """The pixels between two places, cut to those that there are."""
    start = min(max(math.floor(first), 0), length)
    return start, max(start, min(math.ceil(last), length))


def rows_mask(
    runs: Sequence[int], box_xywh: tuple[int, int, int, int], size: tuple[int, int]
) -> RLEMask:
    """A mask whose runs go along the rows of a box.

    Args:
        runs: Pixels outside and inside in turn, outside first.
        box_xywh: Left, top, width and height of the box, in whole pixels.
        size: (height, width) of the frame in pixels.

    Raises:
        FormatError: The box leaves the frame, or the runs do not fill it.
    """
    left, top, width, height = box_xywh
    if min(left, top) < 0 or min(width, height) < 1:
        raise FormatError("The box of a mask lies outside its frame.")
    if left + width > size[1] or top + height > size[0]:
        raise FormatError("The box of a mask lies outside its frame.")
    if min(runs, default=-1) < 0 or sum(runs) != width * height:
        raise FormatError("The runs of a mask do not fill its box.", expected=width * height)
    inside = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width)
    return boxed_mask(inside, size, top, left)


def rows_of(inside: npt.NDArray[np.bool_]) -> list[int]:
    """The inverse of :func:`rows_mask`: runs along the rows of a box, outside first.

    Args:
        inside: (h, w) bool.
    """
    flat = inside.ravel()
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = np.concatenate([[0] if flat[0] else [], [0], changes, [flat.size]])
    return [int(run) for run in np.diff(edges)]


def unmasked_notes(boxes: int, others: Mapping[str, int]) -> list[str]:
    """What became of shapes that are no masks, as sentences.

    Args:
        boxes: How many boxes became regions to ignore.
        others: How many of each kind without an inside were left out.
    """
    notes = []
    if boxes == 1:
        notes.append(
            "1 box without a mask is kept as a region to ignore; a box (X) outlines an object."
        )
    elif boxes:
        notes.append(
            f"{boxes:,} boxes without a mask are kept as regions to ignore; a box (X) outlines an "
            "object."
        )
    if others:
        kinds = ", ".join(f"{number} x {kind}" for kind, number in others.items())
        notes.append(
            f"Shapes without an inside were left out ({kinds}), so no frame of their videos counts "
            "as complete."
        )
    return notes
