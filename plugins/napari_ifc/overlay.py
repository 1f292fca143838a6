"""The picture of all masks on one frame: fills, outlines and track numbers.

Outlines and numbers stay crisp on small videos because the picture is drawn at a whole
multiple of the video's size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.structures import RLEMask

RGBA = npt.NDArray[np.uint8]

_TARGET_SIDE_PX = 1600
_MAX_SCALE = 4
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


def draw_overlay(
    out: RGBA, masks: Sequence[DrawnMask], style: OverlayStyle, scale: int = 1
) -> RGBA:
    """Draw masks into a picture, lowest first.

    Args:
        out: (H * scale, W * scale, 4) uint8, straight alpha; cleared first.
        masks: What to draw, lowest first, all of the video's size.
        style: How.
        scale: Factor between the picture and the masks.

    Returns:
        ``out``.
    """
    out.fill(0)
    placed = [(mask, crop) for mask in masks if (crop := _crop(mask.rle, scale)) is not None]
    alpha = round(255 * style.opacity)
    for mask, (x, y, inside) in placed:
        if mask.filled:
            _fill(out, x, y, inside, (*mask.color_rgb, alpha), hatched=mask.provisional)
    anchors = [
        _outline(out, x, y, inside, mask, style.contour_width_px) for mask, (x, y, inside) in placed
    ]
    if style.show_ids:
        taken: list[tuple[int, int, int, int]] = []
        for (mask, _), anchor in zip(placed, anchors, strict=True):
            _label(out, anchor, mask, taken)
    return out


def _crop(rle: RLEMask, scale: int) -> tuple[int, int, npt.NDArray[np.uint8]] | None:
    """Left, top and the mask inside its box, enlarged; ``None`` for an empty mask."""
    x, y, w, h = (int(v) for v in rle.bbox_xywh)
    if w == 0 or h == 0:
        return None
    inside = np.ascontiguousarray(rle.to_array()[y : y + h, x : x + w]).view(np.uint8)
    if scale > 1:
        inside = cv2.resize(inside, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST)
    return x * scale, y * scale, inside


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
    region = out[y : y + h, x : x + w]
    mask = inside
    if hatched:
        stripes = (np.arange(h)[:, None] + np.arange(w)[None, :]) % 12 < 5
        mask = inside & stripes
    region[mask.view(np.bool_)] = rgba


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


def _label(
    out: RGBA, anchor: tuple[int, int], mask: DrawnMask, taken: list[tuple[int, int, int, int]]
) -> None:
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


def _overlap(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> bool:
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]
