"""The picture of all masks on one frame: fills, outlines and track numbers.

The picture is about as large as it is on screen: a whole multiple of a small video, so that
outlines and numbers stay crisp, and a whole fraction of a large one that is shown small.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from struct import Struct

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.structures import RLEMask
from napari_ifc.mask_crops import DrawnCrop, crop_masks
from napari_ifc.overlay_labels import RGBA, Places, put_label

_BOX = np.ones((3, 3), np.uint8)

_TARGET_SIDE_PX = 1600
_MAX_SCALE = 4
_COARSEST_PX = 4 / 3  # of the screen for one of the picture
_CACHE_BYTES = 96 * 1024 * 1024
_SHADOW = (0, 0, 0, 140)
_RIM = (255, 255, 255, 255)
_RIM_PX = 2  # of the white rim around selected masks; the dark one is a pixel thinner
_DASH_PX, _GAP_PX = 9, 6
_STRIPES_PX, _STRIPE_PX = 12, 5
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
        filled: Whether the inside is tinted; the mask under the brush is filled elsewhere, and
            has its stripes here where it is hatched.
        ghost: Only a dashed outline: the mask of another frame, to compare with.
        text: What the label says; the number if empty.
        hatched: Whether the inside is tinted in stripes, as of a region to ignore.
    """

    track_id: int
    rle: RLEMask
    color_rgb: tuple[int, int, int]
    provisional: bool = False
    selected: bool = False
    filled: bool = True
    ghost: bool = False
    text: str = ""
    hatched: bool = False

    @property
    def is_brushed(self) -> bool:
        """Whether it is under the brush, where it is tinted over the picture."""
        return self.track_id > 0 and not (self.filled or self.ghost or self.provisional)

    @property
    def label(self) -> str:
        """What stands on it."""
        return self.text or (f"~{-self.track_id}" if self.track_id < 0 else f"{self.track_id}")


@dataclass(frozen=True, slots=True)
class OverlayStyle:
    """How masks are drawn.

    Attributes:
        opacity: Opacity of the tint, 0 to 1.
        contour_width_px: Width of outlines in pixels of the picture.
        show_ids: Whether each mask carries its number.
        digit_px: Height of the digits in pixels of the picture; 0 for one that suits its size.
        color_by: Whose colours whoever gives the masks gives them: ``track``, ``class`` or
            ``lineage``.
    """

    opacity: float = 0.45
    contour_width_px: int = 2
    show_ids: bool = True
    color_by: str = "track"
    digit_px: int = 0


def overlay_scale(size: tuple[int, int], zoom: float = 1.0) -> Fraction:
    """Factor by which the picture is larger than a video of ``size`` (H, W).

    Args:
        size: Of the video.
        zoom: Pixels of the screen for one of the video.

    Returns:
        A whole number, or one over a whole number where the video is shown smaller than it is.
    """
    enlarged = max(1, min(_MAX_SCALE, _TARGET_SIDE_PX // max(size)))
    if enlarged > 1 or zoom <= 0:
        return Fraction(enlarged)
    return Fraction(1, max(1, min(_MAX_SCALE, int(_COARSEST_PX / zoom))))


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """The picture of the masks that are filled, which a stroke hardly ever changes.

    Attributes:
        pixels: (h, w, 4) uint8, straight alpha.
        style: How they were drawn.
        masks: They, lowest first.
        brushed: What is under the brush, which their numbers heed.
        places: Where their numbers stand.
        scale: Factor between the picture and the video.
    """

    pixels: RGBA
    style: OverlayStyle
    masks: Sequence[DrawnMask]
    brushed: Sequence[RLEMask]
    places: Places
    scale: Fraction

    @property
    def nbytes(self) -> int:
        """Bytes of the picture."""
        return self.pixels.nbytes


class CropCache:
    """Decoded masks at one scale, bounded in bytes; safe to use from several threads.

    Args:
        scale: Of the pictures they are drawn into.
    """

    def __init__(self, scale: Fraction) -> None:
        self._scale = scale
        self._crops: OrderedDict[RLEMask, DrawnCrop | None] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, rles: Sequence[RLEMask]) -> list[DrawnCrop | None]:
        """Masks inside their boxes at the scale of the picture; new ones are decoded at once."""
        with self._lock:
            known = {rle: self._crops[rle] for rle in rles if rle in self._crops}
        fresh = [rle for rle in dict.fromkeys(rles) if rle not in known]
        known.update(zip(fresh, crop_masks(fresh, self._scale), strict=True))
        with self._lock:
            for rle, crop in known.items():
                if rle not in self._crops:
                    self._bytes += 0 if crop is None else crop.inside.nbytes
                self._crops[rle] = crop
                self._crops.move_to_end(rle)
            while self._bytes > _CACHE_BYTES and len(self._crops) > 1:
                _, dropped = self._crops.popitem(last=False)
                self._bytes -= 0 if dropped is None else dropped.inside.nbytes
        return [known[rle] for rle in rles]


class OverlayPainter:
    """Draws masks into one picture, again and again.

    What a stroke does not change is not drawn again: the masks that are filled are kept in a
    picture of their own, and decoded masks in a cache that is bounded in bytes.

    Args:
        size: (height, width) of the video.
        scale: Factor between the picture and the video; by default :func:`overlay_scale`.
        crops: Decoded masks, shared with another painter of the same scale.

    Attributes:
        picture: (h, w, 4) uint8, straight alpha.
        crops: Decoded masks.
    """

    def __init__(
        self,
        size: tuple[int, int],
        scale: Fraction | int | None = None,
        crops: CropCache | None = None,
    ) -> None:
        self.scale = overlay_scale(size) if scale is None else Fraction(scale)
        self.crops = CropCache(self.scale) if crops is None else crops
        tall, wide = (-(-side * self.scale.numerator // self.scale.denominator) for side in size)
        self.picture: RGBA = np.zeros((tall, wide, 4), np.uint8)
        self._edges: npt.NDArray[np.uint16] = np.zeros((tall, wide), np.uint16)
        self._ground: Ground | None = None

    def draw(self, masks: Sequence[DrawnMask], style: OverlayStyle) -> RGBA:
        """Draw masks, lowest first; those that are not filled lie above the others.

        Args:
            masks: What to draw, all of the video's size.
            style: How.

        Returns:
            :attr:`picture`.
        """
        ground = self._ground = self._kept(masks, style) or self.paint_ground(masks, style)
        np.copyto(self.picture, ground.pixels)
        hollow = [mask for mask in masks if not mask.filled]
        if hollow:
            self._draw_into(self.picture, hollow, style, ground.places.copy(), below=ground)
        return self.picture

    def _kept(self, masks: Sequence[DrawnMask], style: OverlayStyle) -> Ground | None:
        """The ground that is there, where one painted anew would look the same."""
        ground, filled = self._ground, [mask for mask in masks if mask.filled]
        if ground is None or (ground.style, ground.masks) != (style, filled):
            return None
        brushed = [mask.rle for mask in masks if mask.is_brushed]
        if brushed == ground.brushed or not style.show_ids:
            return ground
        places = ground.places.laid_anew(self._seen(brushed), self.picture.shape)
        return None if places is None else replace(ground, brushed=brushed, places=places)

    def _seen(self, rles: Sequence[RLEMask]) -> list[DrawnCrop]:
        """Decoded masks, but for those of which nothing is seen."""
        return [crop for crop in self.crops.get(rles) if crop is not None]

    def paint_ground(self, masks: Sequence[DrawnMask], style: OverlayStyle) -> Ground:
        """Paint those of some masks that are filled, into a picture of their own.

        Args:
            masks: As for :meth:`draw`.
            style: How.
        """
        filled = [mask for mask in masks if mask.filled]
        brushed = [mask.rle for mask in masks if mask.is_brushed]
        places, pixels = Places(), np.zeros_like(self.picture)
        self._draw_into(pixels, filled, style, places, brushed)
        return Ground(pixels, style, filled, brushed, places, self.scale)

    def adopt(self, ground: Ground) -> None:
        """Take a ground that another painter of the same scale has painted, for :meth:`draw`."""
        if ground.scale == self.scale:
            self._ground = ground

    def _draw_into(
        self,
        out: RGBA,
        masks: Sequence[DrawnMask],
        style: OverlayStyle,
        taken: Places,
        brushed: Sequence[RLEMask] = (),
        below: Ground | None = None,
    ) -> None:
        """Draw masks over what is there, but for the numbers in it.

        Args:
            out: The picture.
            masks: What to draw, lowest first.
            style: How.
            taken: Where numbers stand.
            brushed: What is under the brush and drawn later; numbers heed it.
            below: What is there.
        """
        crops = self.crops.get([mask.rle for mask in masks])
        placed = [(m, c) for m, c in zip(masks, crops, strict=True) if c is not None]
        alpha = round(255 * style.opacity)
        for mask, crop in placed:
            if (mask.filled or mask.hatched) and not mask.ghost:
                is_striped = mask.provisional or mask.hatched
                most = 255 if mask.filled else alpha  # lines and numbers below it stay
                _tint(out, crop, _pixel((*mask.color_rgb, alpha)), is_striped, most)
        if placed:
            self._outline(out, placed, style.contour_width_px)
        if below is not None:
            for left, top, wide, tall in below.places.boxes:
                box = np.s_[top : top + tall, left : left + wide]
                out[box] = below.pixels[box]
        if style.show_ids:
            owners = [taken.cover(crop, out.shape, above=m.is_brushed) for m, crop in placed]
            taken.lay(self._seen(brushed), out.shape)
            for (mask, crop), owner in zip(placed, owners, strict=True):
                if not mask.ghost:
                    look = (mask.color_rgb, mask.selected)
                    ways = (crop.anchor, crop.middle, owner)
                    room = 2 * crop.inside.shape[1]  # a longer name would cover neighbours
                    put_label(out, ways, mask.label, look, taken, style.digit_px, room)

    def _outline(
        self, out: RGBA, placed: Sequence[tuple[DrawnMask, DrawnCrop]], width: int
    ) -> None:
        """Draw all outlines, and a rim around each that parts it from any ground.

        Where lines meet the upper mask's is seen. A line of one pixel along each mask's rim is
        drawn as the mask's place in the list, then all lines are made wider at once.
        """
        edges = self._edges
        edges.fill(0)
        for place, (_, crop) in enumerate(placed, start=1):
            cv2.polylines(edges, crop.outlines, True, place)
        lines = edges if width == 1 else cv2.dilate(edges, _square(width))
        around = cv2.dilate(lines, _BOX)
        self._widen_selected(placed, lines, around)
        dashed = np.array([False, *(m.provisional or m.ghost for m, _ in placed)])
        colors = _colors([(0, 0, 0, 0), *((*m.color_rgb, 255) for m, _ in placed)])
        rims = _colors([_SHADOW, *(_RIM if m.selected else _SHADOW for m, _ in placed)])
        touched = np.flatnonzero(around != 0)
        line, rim = lines.reshape(-1)[touched], around.reshape(-1)[touched]
        on_line = line != 0
        shown = np.where(on_line, colors[line], rims[rim])
        if dashed.any():
            rows, columns = np.divmod(touched, edges.shape[1])
            dash = on_line & ((rows + columns) % (_DASH_PX + _GAP_PX) < _DASH_PX)
            kept = np.where(on_line, ~dashed[line], ~dashed[rim]) | dash
            touched, shown = touched[kept], shown[kept]
        out.view(np.uint32).reshape(-1)[touched] = shown

    @staticmethod
    def _widen_selected(
        placed: Sequence[tuple[DrawnMask, DrawnCrop]],
        lines: npt.NDArray[np.uint16],
        around: npt.NDArray[np.uint16],
    ) -> None:
        """Give the lines of selected masks a wider rim."""
        for place, (mask, crop) in enumerate(placed, start=1):
            if mask.selected:
                box = _around([crop], lines.shape, 2 * _RIM_PX + 1)
                own = (lines[box] == place).view(np.uint8)
                wide = cv2.dilate(own, _square(2 * _RIM_PX + 1)).view(np.bool_)
                around[box][wide] = place


def draw_overlay(
    size: tuple[int, int],
    masks: Sequence[DrawnMask],
    style: OverlayStyle,
    scale: Fraction | int = 1,
) -> RGBA:
    """Draw masks once; see :meth:`OverlayPainter.draw`."""
    return OverlayPainter(size, scale).draw(masks, style)


def _pixel(rgba: tuple[int, int, int, int]) -> int:
    return int(_PIXEL.unpack(bytes(rgba))[0])


def _colors(rgba: Sequence[tuple[int, int, int, int]]) -> npt.NDArray[np.uint32]:
    return np.array(rgba, np.uint8).view(np.uint32)[:, 0]


def _square(side: int) -> npt.NDArray[np.uint8]:
    return np.ones((side, side), np.uint8)


def _around(crops: Sequence[DrawnCrop], shape: tuple[int, ...], margin: int) -> tuple[slice, slice]:
    """The part of a picture in which some crops and a margin around them lie."""
    left = max(0, min(c.left for c in crops) - margin)
    top = max(0, min(c.top for c in crops) - margin)
    right = min(shape[1], max(c.left + c.inside.shape[1] for c in crops) + margin)
    bottom = min(shape[0], max(c.top + c.inside.shape[0] for c in crops) + margin)
    return slice(top, bottom), slice(left, right)


def _tint(out: RGBA, crop: DrawnCrop, pixel: int, striped: bool, most: int) -> None:
    """Tint the inside of a mask where the picture is not more opaque than ``most``."""
    inside = crop.inside
    if striped:
        tall, wide = inside.shape
        rows, columns = np.arange(tall)[:, None] + crop.top, np.arange(wide) + crop.left
        inside = inside & ((rows + columns) % _STRIPES_PX < _STRIPE_PX)
    box = np.s_[crop.top : crop.top + inside.shape[0], crop.left : crop.left + inside.shape[1]]
    if most < 255:
        inside = inside & (out[box][..., 3] <= most)
    out.view(np.uint32)[..., 0][box][inside] = pixel
