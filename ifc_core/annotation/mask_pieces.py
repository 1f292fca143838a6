"""The pieces of a mask that do not touch, and which is which on the next frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ifc_core.structures import RLEMask
from ifc_core.structures.rle_runs import patch_mask

LEAST_PIECE_PX = 9
"""Smaller ones are crumbs of a stroke rather than things."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A connected part of a mask.

    Attributes:
        left: First column of its box.
        top: First row of its box.
        inside: (h, w) bool, the piece in its box.
        area_px: Its pixels.
        center_xy: Its centre of gravity.
    """

    left: int
    top: int
    inside: npt.NDArray[np.bool_]
    area_px: int
    center_xy: tuple[float, float]


def find_pieces(rle: RLEMask, least_px: int = LEAST_PIECE_PX) -> list[Piece]:
    """The connected parts of a mask, pixels at a corner of each other connected, too.

    Args:
        rle: The mask.
        least_px: Smaller parts are left out.

    Returns:
        The parts, the largest first.
    """
    import cv2  # slow to import, and most sessions never take a mask apart

    x, y, width, height = (int(value) for value in rle.bbox_xywh)
    if not width or not height:
        return []
    crop = rle.to_array()[y : y + height, x : x + width].astype(np.uint8)
    count, labels, stats, centers = cv2.connectedComponentsWithStats(crop, connectivity=8)
    pieces = []
    for number in range(1, count):
        left, top, wide, high, area = (int(value) for value in stats[number])
        if area >= least_px:
            inside = labels[top : top + high, left : left + wide] == number
            center = (x + float(centers[number, 0]), y + float(centers[number, 1]))
            pieces.append(Piece(x + left, y + top, inside, area, center))
    return sorted(pieces, key=lambda piece: -piece.area_px)


def follow(before: Sequence[Piece], found: Sequence[Piece]) -> list[Piece] | None:
    """Which piece is which on the next frame.

    Where each overlaps another piece most and no two of them the same one, it is that. Else each
    is looked for as far as half the least distance between any two of them, so that no other one
    can be meant; of several there the largest is taken.

    Args:
        before: At least two pieces.
        found: Those of the next frame, the largest first.

    Returns:
        As many pieces in the order of ``before``, or ``None`` where one cannot be told.
    """
    overlapped = [_most_overlapped(piece, found) for piece in before]
    met = [piece for piece in overlapped if piece is not None]
    if len({id(piece) for piece in met}) == len(before):
        return met
    centers = [piece.center_xy for piece in before]
    reach = min(math.dist(a, b) for n, a in enumerate(centers) for b in centers[n + 1 :]) / 2
    chosen = []
    for center in centers:
        near = (piece for piece in found if math.dist(piece.center_xy, center) < reach)
        piece = next(near, None)
        if piece is None:
            return None
        chosen.append(piece)
    return chosen


def _most_overlapped(piece: Piece, found: Sequence[Piece]) -> Piece | None:
    """``None`` where it overlaps none."""
    shared = [_overlap_px(piece, other) for other in found]
    most = max(shared, default=0)
    return found[shared.index(most)] if most else None


def _overlap_px(first: Piece, second: Piece) -> int:
    """Pixels that two pieces share."""
    top, left = max(first.top, second.top), max(first.left, second.left)
    bottom = min(piece.top + piece.inside.shape[0] for piece in (first, second))
    right = min(piece.left + piece.inside.shape[1] for piece in (first, second))
    if top >= bottom or left >= right:
        return 0
    parts = [
        piece.inside[top - piece.top : bottom - piece.top, left - piece.left : right - piece.left]
        for piece in (first, second)
    ]
    return int(np.count_nonzero(parts[0] & parts[1]))


def take_apart(rle: RLEMask, pieces: Sequence[Piece]) -> list[RLEMask]:
    """The masks of pieces; the first one keeps what belongs to none of the others."""
    rest, parts = rle, []
    whole = rle.to_array().copy()
    for piece in pieces[1:]:
        high, wide = piece.inside.shape
        window = whole[piece.top : piece.top + high, piece.left : piece.left + wide]
        window &= ~piece.inside
        rest = patch_mask(rest, rle.size, piece.top, piece.left, window)
        parts.append(patch_mask(None, rle.size, piece.top, piece.left, piece.inside))
    return [rest, *parts]
