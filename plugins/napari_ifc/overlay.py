"""The picture of all masks on one frame: fills, outlines and track numbers.

Outlines and numbers stay crisp on small videos because the picture is drawn at a whole
multiple of the video's size.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.structures import RLEMask
from ifc_core.structures.run_lengths import decode_batch

RGBA = npt.NDArray[np.uint8]
_Box = tuple[int, int, int, int]
_BOX = np.ones((3, 3), np.uint8)

_TARGET_SIDE_PX = 1600
_MAX_SCALE = 4
_CACHE_BYTES = 96 * 1024 * 1024
_SHADOW = (0, 0, 0, 140)
_RIM = (255, 255, 255, 255)
_RIM_PX = 2  # of the white rim around selected masks; the dark one is a pixel thinner
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_SHARE = 1 / 1700  # size of the numbers against the long side of the picture
_DASH_PX, _GAP_PX = 9, 6
_BAND_PX = 32  # about as high as a number
_PIXEL = Struct("=I")  # the four bytes of a pixel as one number


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
        ghost: Only a dashed outline: the mask of another frame, to compare with.
        text: What the label says; the number if empty.
    """

    track_id: int
    rle: RLEMask
    color_rgb: tuple[int, int, int]
    provisional: bool = False
    selected: bool = False
    filled: bool = True
    ghost: bool = False
    text: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class _Scaled:
    """A mask inside its box at the scale of the picture.

    Attributes:
        left: First column of the box.
        top: First row of the box.
        inside: (h, w) uint8, 1 inside.
        anchor: Where the number stands, (x, y): over the middle of the largest piece.
    """

    left: int
    top: int
    inside: npt.NDArray[np.uint8]
    anchor: tuple[int, int]


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


class _Places:
    """Where numbers stand, by bands of the picture, so that a free place is found fast."""

    def __init__(self, bands: dict[int, tuple[_Box, ...]] | None = None) -> None:
        self._bands = bands or {}

    def copy(self) -> _Places:
        return _Places(dict(self._bands))

    def take(self, box: _Box, width: int) -> _Box:
        """Take the box or the first free place to the right of it.

        Args:
            box: Left, top, width and height.
            width: Of the picture; where there is no place left the last one is shared.
        """
        left, top, box_w, box_h = box
        bands = range(top // _BAND_PX, (top + box_h - 1) // _BAND_PX + 1)
        near = {other for band in bands for other in self._bands.get(band, ())}
        for other in sorted(near):  # from the left: each can be in the way only once
            beyond = other[0] + other[2] + 2
            if _overlap(other, (left, top, box_w, box_h)):
                if beyond + box_w > width:
                    break
                left = beyond
        taken = (left, top, box_w, box_h)
        for band in bands:
            self._bands[band] = (*self._bands.get(band, ()), taken)
        return taken


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
        self._taken = _Places()
        self._crops: OrderedDict[RLEMask, _Scaled | None] = OrderedDict()
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
            self._taken = _Places()
            self._draw_into(self._filled, filled, style, self._taken)
            self._drawn = (style, filled)
        np.copyto(self.picture, self._filled)
        hollow = [mask for mask in masks if not mask.filled]
        self._draw_into(self.picture, hollow, style, self._taken.copy())
        return self.picture

    def _draw_into(
        self, out: RGBA, masks: Sequence[DrawnMask], style: OverlayStyle, taken: _Places
    ) -> None:
        crops = self._crops_of([mask.rle for mask in masks])
        placed = [(m, c) for m, c in zip(masks, crops, strict=True) if c is not None]
        alpha = round(255 * style.opacity)
        for mask, crop in placed:
            if mask.filled and not mask.ghost:
                rgba = (*mask.color_rgb, alpha)
                inside = _striped(crop.inside, 12, 5) if mask.provisional else crop.inside
                _paint(out, crop.left, crop.top, inside, rgba)
        for mask, crop in placed:
            _outline(out, crop, mask, style.contour_width_px)
        if style.show_ids:
            for mask, crop in placed:
                if not mask.ghost:
                    _label(out, crop.anchor, mask, taken)

    def _crops_of(self, rles: Sequence[RLEMask]) -> list[_Scaled | None]:
        """Masks inside their boxes at the scale of the picture; new ones are decoded at once."""
        fresh = [rle for rle in dict.fromkeys(rles) if rle not in self._crops]
        batch = decode_batch([rle.counts for rle in fresh])
        for number, rle in enumerate(fresh):
            runs = batch.runs[batch.offsets[number] : batch.offsets[number + 1]]
            crop = _crop_runs(runs, rle.size[0])
            scaled = None if crop is None else _scaled(*crop, self.scale)
            self._crops[rle] = scaled
            self._crop_bytes += 0 if scaled is None else scaled.inside.nbytes
        found = [self._crops[rle] for rle in rles]
        for rle in rles:
            self._crops.move_to_end(rle)
        while self._crop_bytes > _CACHE_BYTES and len(self._crops) > 1:
            _, dropped = self._crops.popitem(last=False)
            self._crop_bytes -= 0 if dropped is None else dropped.inside.nbytes
        return found


def draw_overlay(
    size: tuple[int, int], masks: Sequence[DrawnMask], style: OverlayStyle, scale: int = 1
) -> RGBA:
    """Draw masks once; see :meth:`OverlayPainter.draw`."""
    return OverlayPainter(size, scale).draw(masks, style)


def crop_mask(rle: RLEMask) -> tuple[int, int, npt.NDArray[np.uint8]] | None:
    """Decode a mask inside its box only.

    Args:
        rle: The mask.

    Returns:
        Left and top of the box and the (h, w) uint8 mask in it; ``None`` for an empty mask.
    """
    return _crop_runs(decode_batch([rle.counts]).runs, rle.size[0])


def _crop_runs(
    runs: npt.NDArray[np.int32], height: int
) -> tuple[int, int, npt.NDArray[np.uint8]] | None:
    edges = np.cumsum(runs, dtype=np.int64)
    stops = edges[1::2]
    starts = edges[0::2][: len(stops)]
    real = stops > starts
    starts, stops = starts[real], stops[real]
    if not len(starts):
        return None
    first_column, first_row = np.divmod(starts, height)
    last_column, last_row = np.divmod(stops - 1, height)
    left, right = int(first_column[0]), int(last_column[-1]) + 1
    top, bottom = 0, height
    if np.array_equal(first_column, last_column):  # no run goes on in the next column
        top, bottom = int(first_row.min()), int(last_row.max()) + 1
    tall = bottom - top
    bounds = np.zeros(2 * len(starts) + 2, np.int64)
    bounds[1:-1:2] = (first_column - left) * tall + first_row - top
    bounds[2:-1:2] = (last_column - left) * tall + last_row - top + 1
    bounds[-1] = (right - left) * tall
    values = np.zeros(len(bounds) - 1, np.uint8)
    values[1::2] = 1
    columns = np.repeat(values, np.diff(bounds)).reshape(right - left, tall)
    return left, top, cv2.transpose(columns)


def _scaled(left: int, top: int, inside: npt.NDArray[np.uint8], factor: int) -> _Scaled:
    contours, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    x, y, wide, _ = cv2.boundingRect(max(contours, key=cv2.contourArea))
    anchor = ((left + x + wide // 2) * factor, (top + y) * factor)
    if factor > 1:
        inside = cv2.resize(inside, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST)
    return _Scaled(left * factor, top * factor, inside, anchor)


def _paint(
    out: RGBA, left: int, top: int, where: npt.NDArray[np.uint8], rgba: tuple[int, int, int, int]
) -> None:
    """Colour pixels; what of ``where`` lies outside the picture is left out."""
    height, width = out.shape[:2]
    cut_top, cut_left = max(0, -top), max(0, -left)
    cut = where[cut_top : max(0, height - top), cut_left : max(0, width - left)]
    if not cut.size:
        return
    y, x = top + cut_top, left + cut_left
    color = np.full(cut.shape, _PIXEL.unpack(bytes(rgba))[0], np.uint32)
    region = out[y : y + cut.shape[0], x : x + cut.shape[1]]
    cv2.copyTo(color.view(np.uint8).reshape(*cut.shape, 4), cut, region)


def _striped(where: npt.NDArray[np.uint8], period: int, on: int) -> npt.NDArray[np.uint8]:
    height, width = where.shape
    stripes = (np.arange(height)[:, None] + np.arange(width)[None, :]) % period < on
    return where & stripes.view(np.uint8)


def _outline(out: RGBA, crop: _Scaled, mask: DrawnMask, width: int) -> None:
    """Draw the outline inside the mask, and a rim around it that parts it from any ground."""
    pad = _RIM_PX
    inside = cv2.copyMakeBorder(crop.inside, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=0)
    left, top = crop.left - pad, crop.top - pad
    core = cv2.erode(inside, _BOX, iterations=width)
    color = (*mask.color_rgb, 255)
    if mask.provisional or mask.ghost:
        line = _striped(cv2.subtract(inside, core), _DASH_PX + _GAP_PX, _DASH_PX)
        _touch(out, left, top, line, (color, color))
        return
    around = cv2.dilate(inside, _BOX, iterations=_RIM_PX if mask.selected else _RIM_PX - 1)
    ring = cv2.subtract(cv2.add(around, inside), cv2.add(core, core))  # 1 on the rim, 2 inside
    _touch(out, left, top, ring, (_RIM if mask.selected else _SHADOW, color))


def _touch(
    out: RGBA,
    left: int,
    top: int,
    codes: npt.NDArray[np.uint8],
    colors: tuple[tuple[int, int, int, int], tuple[int, int, int, int]],
) -> None:
    """Colour the few pixels whose code is 1 or 2, leaving out what lies outside the picture."""
    height, width = out.shape[:2]
    cut_top, cut_left = max(0, -top), max(0, -left)
    cut = codes[cut_top : max(0, height - top), cut_left : max(0, width - left)]
    places = np.flatnonzero(cut)
    if not len(places):
        return
    rows, columns = np.divmod(places, cut.shape[1])
    pixels = np.array([colors[0], *colors], np.uint8).view(np.uint32)[:, 0]
    first = (top + cut_top) * width + left + cut_left
    whole = out.view(np.uint32).reshape(-1)
    whole[rows * width + columns + first] = pixels[cut.reshape(-1)[places]]


def _label(out: RGBA, anchor: tuple[int, int], mask: DrawnMask, taken: _Places) -> None:
    """Put a number above ``anchor``, beside the numbers that are there already."""
    text = mask.text or (f"~{-mask.track_id}" if mask.track_id < 0 else f"{mask.track_id}")
    font_scale = max(0.45, max(out.shape[:2]) * _FONT_SHARE)
    plate = _plate(text, mask.color_rgb, mask.selected, font_scale)
    box_h, box_w = min(plate.shape[0], out.shape[0]), min(plate.shape[1], out.shape[1])
    left = min(max(anchor[0] - box_w // 2, 0), out.shape[1] - box_w)
    top = min(max(anchor[1] - box_h - 3, 0), out.shape[0] - box_h)
    left, top, *_ = taken.take((left, top, box_w, box_h), out.shape[1])
    out[top : top + box_h, left : left + box_w] = plate[:box_h, :box_w]


@lru_cache(maxsize=2048)
def _plate(text: str, color_rgb: tuple[int, int, int], selected: bool, font_scale: float) -> RGBA:
    """A number on a ground of the track's colour, (h, w, 4)."""
    stroke = max(1, round(1.6 * font_scale))
    (text_w, text_h), _ = cv2.getTextSize(text, _FONT, font_scale, stroke)
    pad = max(3, round(6 * font_scale))
    plate: RGBA = np.empty((text_h + 2 * pad, text_w + 2 * pad, 4), np.uint8)
    plate[:] = (*color_rgb, 255)
    if selected:
        corner = (plate.shape[1] - 1, plate.shape[0] - 1)
        cv2.rectangle(plate, (0, 0), corner, (255, 255, 255, 255), max(1, stroke // 2))
    r, g, b = color_rgb
    dark = 0.299 * r + 0.587 * g + 0.114 * b > 140
    ink = (16, 16, 16, 255) if dark else (255, 255, 255, 255)
    cv2.putText(plate, text, (pad, pad + text_h), _FONT, font_scale, ink, stroke, cv2.LINE_AA)
    return plate


def _overlap(a: _Box, b: _Box) -> bool:
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]
