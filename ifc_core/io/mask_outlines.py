"""Polygons around masks, for programs that know no masks.

A polygon has few corners, so that a person can move them, and covers its mask by an IoU of 0.985
or more, filled so that a pixel belongs to it if its middle does; a simple one exactly. A hole is
reached by a cut of no width, since such programs know polygons of one ring alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.io.drawn_shapes import Points, polygon_mask
from ifc_core.structures import RLEMask
from ifc_core.structures.rle_runs import crop_mask

_Ring = npt.NDArray[np.int32]

_EXACT_SLACK_PX = (
    0.3  # a side passes by edges so closely that no middle of a pixel changes its side
)
_FEW_CORNERS = 12
_SLACKS_PX = (0.75, 0.5)  # of what needs more; tried in turn
_LEAST_IOU = 0.985
_MOST_HOLES = 32  # that are joined at once, or pieces


def mask_outlines(rle: RLEMask) -> list[Points]:
    """Polygons of a mask, at least one a piece; pieces that touch at a corner are one.

    Args:
        rle: The mask; an empty one has no polygon.

    Returns:
        Each (N, 2) float64, x and y in pixels from the upper left corner of the frame; at least
        three corners, the last one not the first again.
    """
    found = crop_mask(rle)
    if found is None:
        return []
    left, top, inside = found
    return [ring / 2 + (left, top) for ring in _outlines(inside.astype(np.uint8))]


def mask_outline(rle: RLEMask) -> Points | None:
    """One polygon of a mask that goes from piece to piece by ways of no width.

    Args:
        rle: The mask.

    Returns:
        (N, 2) float64, as those of :func:`mask_outlines`; ``None`` for an empty mask.
    """
    found = crop_mask(rle)
    if found is None:
        return None
    left, top, inside = found
    rings = _outlines(inside.astype(np.uint8))
    while len(rings) > 1:
        groups = [rings[n : n + _MOST_HOLES] for n in range(0, len(rings), _MOST_HOLES)]
        rings = [_joined(group[0], group[1:]) for group in groups]
    outline: Points = rings[0] / 2 + (left, top)
    return outline


def _outlines(inside: npt.NDArray[np.uint8]) -> list[_Ring]:
    """In half pixels. What has very many holes is cut in two, and each half again."""
    rings, tree = _rings(inside)
    parents = tree[:, 3]
    if np.bincount(parents[parents >= 0], minlength=1).max() > _MOST_HOLES:
        axis = int(inside.shape[1] >= inside.shape[0])
        middle = inside.shape[axis] // 2
        first, second = np.split(inside, [middle], axis)
        along = np.array([axis, 1 - axis], np.int32) * 2 * middle
        return [*_outlines(first), *(ring + along for ring in _outlines(second))]
    simple = [_simple(ring) for ring in rings]
    outers = np.flatnonzero(parents < 0)
    return [_joined(simple[o], [simple[h] for h in np.flatnonzero(parents == o)]) for o in outers]


def _rings(inside: npt.NDArray[np.uint8]) -> tuple[list[_Ring], npt.NDArray[np.int32]]:
    """Rings along the edges around pieces and holes, in half pixels, and which is in which.

    Pixels are spread over a grid that has their edges and corners too, and made to cover those
    around them: so the outermost places of a piece are its edges.

    Returns:
        The rings, and for each (next, last, child, parent) among them.
    """
    height, width = inside.shape
    grid = np.zeros((2 * height + 1, 2 * width + 1), np.uint8)
    grid[1::2, 1::2] = inside
    covered = cv2.dilate(grid, np.ones((3, 3), np.uint8))
    found, tree = cv2.findContours(covered, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return [ring[:, 0].astype(np.int32) for ring in found], tree[0]


def _simple(ring: _Ring) -> _Ring:
    """With few corners; where there are many, between the middles of edges, which stand out less.

    Corners of pixels lie up to half of one beside the outline that these stand for.
    """
    exact = _reduced(ring, _EXACT_SLACK_PX)
    if len(exact) <= _FEW_CORNERS:
        return exact
    first = ring.min(axis=0)
    size = (int(np.ptp(ring[:, 1])) // 2, int(np.ptp(ring[:, 0])) // 2)
    whole = polygon_mask((exact - first) / 2, size)
    middles = ring[ring.sum(axis=1) % 2 == 1]
    for slack in _SLACKS_PX:
        fewer = _reduced(middles, slack)
        if polygon_mask((fewer - first) / 2, size).iou(whole) >= _LEAST_IOU:
            return fewer
    return exact


def _reduced(ring: _Ring, slack_px: float) -> _Ring:
    fewer = cv2.approxPolyDP(ring, 2 * slack_px, closed=True)[:, 0].astype(np.int32)
    return ring if len(fewer) < 3 else np.asarray(fewer, np.int32)


def _joined(outer: _Ring, others: Sequence[_Ring]) -> _Ring:
    """One ring that goes to each hole or piece and back, from wherever the way is shortest.

    The shortest way from what is joined to what is not crosses neither.
    """
    whole = outer
    ways = {number: _way(outer, ring) for number, ring in enumerate(others)}
    while ways:
        number = min(ways, key=lambda n: ways[n].squared)
        way, ring = ways.pop(number), others[number]
        here = int((whole == way.begin).all(axis=1).argmax())
        there = int((ring == way.end).all(axis=1).argmax())
        round_trip = np.roll(ring, -there, axis=0)
        whole = np.concatenate([whole[: here + 1], round_trip, round_trip[:1], whole[here:]])
        for other, known in ways.items():
            ways[other] = min(known, _way(ring, others[other]), key=lambda w: w.squared)
    return whole


class _Way(NamedTuple):
    """From a corner of what is joined to one of what is not."""

    squared: int
    begin: _Ring
    end: _Ring


def _way(joined: _Ring, ring: _Ring) -> _Way:
    """The shortest one."""
    squared = ((joined[:, None].astype(np.int64) - ring) ** 2).sum(axis=2)
    here, there = np.unravel_index(squared.argmin(), squared.shape)
    return _Way(int(squared[here, there]), joined[here], ring[there])
