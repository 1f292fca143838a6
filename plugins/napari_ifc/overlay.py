"""The picture of all masks on one frame: fills, outlines and track numbers.

Outlines and numbers stay crisp on small videos because the picture is drawn at a whole
multiple of the video's size.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.structures import RLEMask
from ifc_core.structures.run_lengths import decode_batch

RGBA = npt.NDArray[np.uint8]
_Box = tuple[int, int, int, int]
_Crop = tuple[int, int, npt.NDArray[np.uint8]]

_TARGET_SIDE_PX = 1600
_MAX_SCALE = 4
_CACHE_BYTES = 96 * 1024 * 1024
_SHADOW = (0, 0, 0, 140)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_SHARE = 1 / 1700  # size of the numbers against the long side of the picture
_DASH_PX, _GAP_PX = 9, 6


@dataclass(frozen=True, slots=True)
class DrawnMask:
    """One mask to draw.

    Attributes:
        track_id: Number on the label.
        rle: The mask.
        color_rgb: Its colour.
        provisional: Hatched with a dashed outline: a run's result before it is accepted.
        selected: Drawn with a thick white-rimmed outline.
        filled: Whether the inside is tinted; the mask under the brush is filled elsewhere.
    """

    track_id: int
    rle: RLEMask
    color_rgb: tuple[int, int, int]
    provisional: bool = False
    selected: bool = False
    filled: bool = True


@dataclass(frozen=True, slots=True)
class OverlayStyle:
    """How masks are drawn.

    Attributes:
        opacity: Opacity of the tint, 0 to 1.
        contour_width_px: Width of outlines in pixels of the picture.
        show_ids: Whether each mask carries its number.
    """

    opacity: float = 0.45
    contour_width_px: int = 2
    show_ids: bool = True


def overlay_scale(size: tuple[int, int]) -> int:
    """Whole factor by which the picture is larger than a video of ``size`` (H, W)."""
    return max(1, min(_MAX_SCALE, _TARGET_SIDE_PX // max(size)))


class OverlayPainter:
    """Draws masks into one picture, again and again.

    What a stroke does not change is not drawn again: the masks that are filled are kept in a
    picture of their own, and decoded masks in a cache that is bounded in bytes.

    Args:
        size: (height, width) of the video.
        scale: Factor between the picture and the video; by default :func:`overlay_scale`.

    Attributes:
        picture: (H * scale, W * scale, 4) uint8, straight alpha.
    """

    def __init__(self, size: tuple[int, int], scale: int | None = None) -> None:
        self.scale = overlay_scale(size) if scale is None else scale
        shape = (size[0] * self.scale, size[1] * self.scale, 4)
        self.picture: RGBA = np.zeros(shape, np.uint8)
        self._filled: RGBA = np.zeros(shape, np.uint8)
        self._drawn: tuple[OverlayStyle, list[DrawnMask]] | None = None
        self._taken: list[_Box] = []
        self._crops: OrderedDict[RLEMask, _Crop | None] = OrderedDict()
        self._crop_bytes = 0

    def draw(self, masks: Sequence[DrawnMask], style: OverlayStyle) -> RGBA:
        """Draw masks, lowest first; those that are not filled lie above the others.

        Args:
            masks: What to draw, all of the video's size.
            style: How.

        Returns:
            :attr:`picture`.
        """
        filled = [mask for mask in masks if mask.filled]
        if self._drawn != (style, filled):
            self._filled.fill(0)
            self._taken = []
            self._draw_into(self._filled, filled, style, self._taken)
            self._drawn = (style, filled)
        np.copyto(self.picture, self._filled)
        hollow = [mask for mask in masks if not mask.filled]
        self._draw_into(self.picture, hollow, style, list(self._taken))
        return self.picture

    def _draw_into(
        self, out: RGBA, masks: Sequence[DrawnMask], style: OverlayStyle, taken: list[_Box]
    ) -> None:
        placed = [(mask, crop) for mask in masks if (crop := self._crop(mask.rle)) is not None]
        alpha = round(255 * style.opacity)
        for mask, (x, y, inside) in placed:
            if mask.filled:
                _fill(out, x, y, inside, (*mask.color_rgb, alpha), hatched=mask.provisional)
        anchors = [
            _outline(out, x, y, inside, mask, style.contour_width_px)
            for mask, (x, y, inside) in placed
        ]
        if style.show_ids:
            for (mask, _), anchor in zip(placed, anchors, strict=True):
                _label(out, anchor, mask, taken)

    def _crop(self, rle: RLEMask) -> _Crop | None:
        """Left, top and the mask inside its box, all at the scale of the picture."""
        if rle in self._crops:
            self._crops.move_to_end(rle)
            return self._crops[rle]
        crop = crop_mask(rle)
        if crop is not None and self.scale > 1:
            x, y, inside = crop
            factor = self.scale
            inside = cv2.resize(inside, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST)
            crop = (x * factor, y * factor, inside)
        self._crops[rle] = crop
        self._crop_bytes += 0 if crop is None else crop[2].nbytes
        while self._crop_bytes > _CACHE_BYTES and len(self._crops) > 1:
            _, dropped = self._crops.popitem(last=False)
            self._crop_bytes -= 0 if dropped is None else dropped[2].nbytes
        return crop


def draw_overlay(
    size: tuple[int, int], masks: Sequence[DrawnMask], style: OverlayStyle, scale: int = 1
) -> RGBA:
    """Draw masks once; see :meth:`OverlayPainter.draw`."""
    return OverlayPainter(size, scale).draw(masks, style)


def crop_mask(rle: RLEMask) -> _Crop | None:
    """Decode a mask inside its box only.

    Args:
        rle: The mask.

    Returns:
        Left and top of the box and the (h, w) uint8 mask in it; ``None`` for an empty mask.
    """
    edges = np.cumsum(decode_batch([rle.counts]).runs, dtype=np.int64)
    stops = edges[1::2]
    starts = edges[0::2][: len(stops)]
    real = stops > starts
    starts, stops = starts[real], stops[real]
    if not len(starts):
        return None
    height = rle.size[0]
    left, right = int(starts[0]) // height, (int(stops[-1]) - 1) // height + 1
    steps = np.zeros((right - left) * height + 1, np.int8)
    steps[starts - left * height] += 1
    steps[stops - left * height] -= 1
    columns = np.cumsum(steps[:-1], dtype=np.int8).reshape(right - left, height)
    rows = np.flatnonzero(columns.any(axis=0))
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    return left, top, np.ascontiguousarray(columns[:, top:bottom].T).view(np.uint8)


def _fill(
    out: RGBA,
    x: int,
    y: int,
    inside: npt.NDArray[np.uint8],
    rgba: tuple[int, int, int, int],
    *,
    hatched: bool,
) -> None:
    h, w = inside.shape
    region = out.view(np.uint32)[y : y + h, x : x + w, 0]  # whole pixels at once
    mask = inside
    if hatched:
        stripes = (np.arange(h)[:, None] + np.arange(w)[None, :]) % 12 < 5
        mask = inside & stripes
    color = np.array(rgba, np.uint8).view(np.uint32)[0]
    np.copyto(region, color, where=mask.view(np.bool_))


def _outline(
    out: RGBA,
    x: int,
    y: int,
    inside: npt.NDArray[np.uint8],
    mask: DrawnMask,
    width: int,
) -> tuple[int, int]:
    """Draw the outline; gives the middle of the upper side of the largest piece (x, y)."""
    method = cv2.CHAIN_APPROX_NONE if mask.provisional else cv2.CHAIN_APPROX_SIMPLE
    contours, _ = cv2.findContours(inside, cv2.RETR_CCOMP, method, offset=(x, y))
    lines = _dashes(contours) if mask.provisional else contours
    closed = not mask.provisional
    color = (*mask.color_rgb, 255)
    if mask.selected:
        cv2.polylines(out, lines, closed, (255, 255, 255, 255), width + 3, cv2.LINE_AA)
    else:
        cv2.polylines(out, lines, closed, _SHADOW, width + 2, cv2.LINE_AA)
    cv2.polylines(out, lines, closed, color, width, cv2.LINE_AA)
    left, top, wide, _ = cv2.boundingRect(max(contours, key=cv2.contourArea))
    return (left + wide // 2, top)


def _dashes(contours: Sequence[npt.NDArray[np.int32]]) -> list[npt.NDArray[np.int32]]:
    period = _DASH_PX + _GAP_PX
    return [
        contour[start : start + _DASH_PX]
        for contour in contours
        for start in range(0, len(contour), period)
    ]


def _label(out: RGBA, anchor: tuple[int, int], mask: DrawnMask, taken: list[_Box]) -> None:
    """Write a number above ``anchor``, beside the numbers that are there already."""
    text = f"~{-mask.track_id}" if mask.provisional else f"{mask.track_id}"
    font_scale = max(0.45, max(out.shape[:2]) * _FONT_SHARE)
    stroke = max(1, round(1.6 * font_scale))
    (text_w, text_h), _ = cv2.getTextSize(text, _FONT, font_scale, stroke)
    pad = max(3, round(6 * font_scale))
    box_w, box_h = text_w + 2 * pad, text_h + 2 * pad
    left = int(np.clip(anchor[0] - box_w // 2, 0, max(0, out.shape[1] - box_w)))
    top = int(np.clip(anchor[1] - box_h - 3, 0, max(0, out.shape[0] - box_h)))
    for _ in taken:
        hit = next((b for b in taken if _overlap(b, (left, top, box_w, box_h))), None)
        if hit is None or hit[0] + hit[2] + 2 + box_w > out.shape[1]:
            break
        left = hit[0] + hit[2] + 2
    taken.append((left, top, box_w, box_h))
    corner = (left + box_w - 1, top + box_h - 1)
    cv2.rectangle(out, (left, top), corner, (*mask.color_rgb, 255), -1)
    if mask.selected:
        cv2.rectangle(out, (left, top), corner, (255, 255, 255, 255), max(1, stroke // 2))
    r, g, b = mask.color_rgb
    dark = 0.299 * r + 0.587 * g + 0.114 * b > 140
    ink = (16, 16, 16, 255) if dark else (255, 255, 255, 255)
    place = (left + pad, top + pad + text_h)
    cv2.putText(out, text, place, _FONT, font_scale, ink, stroke, cv2.LINE_AA)


def _overlap(a: _Box, b: _Box) -> bool:
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]
