"""The numbers and names of tracks on the picture of masks, beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.io.letters import drawable
from napari_ifc.mask_crops import DrawnCrop

RGBA = npt.NDArray[np.uint8]
_Box = tuple[int, int, int, int]
RGB = tuple[int, int, int]

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_DIGIT_SHARE = 1 / 77  # height of a digit against the long side of the picture
_LEAST_DIGIT_PX = 10  # lower ones cannot be read
_FONT_PX = 22  # height of a digit at OpenCV's size of 1
_BLACK, _DARK, _WHITE = (0, 0, 0), (16, 16, 16), (255, 255, 255)
_BAND_PX = 32  # about as high as a number
_GAP_PX = 2  # between two side by side
_STEP = 4  # pixels of the picture for one of where masks lie
_HIDES = 0.15  # of a number, how much may lie on another's mask before a place inside is looked at
_SHRUNK = (1.0, 0.8, 0.65)  # smaller digits where there is no place for larger ones


class Places:
    """Where numbers stand, by bands of the picture, so that a free place is found fast.

    It knows roughly, too, which masks lie where, so that no number hides another's mask.
    """

    def __init__(self) -> None:
        self._bands: dict[int, list[_Box]] = {}
        self._owners: npt.NDArray[np.uint16] | None = None
        self._above: tuple[int, ...] = ()
        self._count = 0
        self._asked: list[tuple[tuple[_Box, ...], int, bool]] = []
        self._bare: Places | None = None

    def copy(self) -> Places:
        """Places that can be taken without taking them here."""
        other = Places()
        other._bands = {band: list(boxes) for band, boxes in self._bands.items()}
        other._owners = None if self._owners is None else self._owners.copy()
        other._above, other._count = self._above, self._count
        other._asked, other._bare = list(self._asked), self._bare
        return other

    def lay(self, crops: Sequence[DrawnCrop], shape: tuple[int, ...]) -> None:
        """Note which masks are under the brush, until :meth:`laid_anew` notes others."""
        self._bare = self.copy()
        for crop in crops:
            self.cover(crop, shape, above=True)

    def laid_anew(self, crops: Sequence[DrawnCrop], shape: tuple[int, ...]) -> Places | None:
        """These places, with other masks under the brush.

        Args:
            crops: Those masks.
            shape: (height, width) of the picture.

        Returns:
            ``None`` where a number would have another look, or might stand elsewhere.
        """
        if self._bare is None:
            return None
        other = self._bare.copy()
        other.lay(crops, shape)
        for boxes, owner, answer in self._asked:
            changed = any((self._under(b) != other._under(b)).any() for b in boxes)
            if changed and other._answer(boxes, owner) != answer:
                return None
        other._bands, other._asked = self.copy()._bands, list(self._asked)
        return other

    def cover(self, crop: DrawnCrop, shape: tuple[int, ...], *, above: bool = False) -> int:
        """Note where a mask lies, over those that were noted before.

        Args:
            crop: The mask.
            shape: (height, width) of the picture.
            above: Whether it is tinted over the picture, numbers and all: under the brush.

        Returns:
            Its number, for :meth:`hides`.
        """
        if self._owners is None:
            self._owners = np.zeros((-(-shape[0] // _STEP), -(-shape[1] // _STEP)), np.uint16)
        self._count += 1
        self._above += (self._count,) if above else ()
        skipped_y, skipped_x = -crop.top % _STEP, -crop.left % _STEP
        coarse = crop.inside[skipped_y::_STEP, skipped_x::_STEP]
        top, left = (crop.top + skipped_y) // _STEP, (crop.left + skipped_x) // _STEP
        part = self._owners[top : top + coarse.shape[0], left : left + coarse.shape[1]]
        part[coarse[: part.shape[0], : part.shape[1]]] = self._count
        return self._count

    def hides(self, box: _Box, owner: int) -> float:
        """Share of a box that lies on other masks than one's own, 0 to 1."""
        under = self._under(box)
        return float(np.count_nonzero((under != 0) & (under != owner))) / max(1, under.size)

    def prefers_second(self, first: _Box, second: _Box, owner: int) -> bool:
        """Whether a number hides too much of other masks in a box, and less in a second one."""
        return self._ask((first, second), owner)

    def is_tinted(self, box: _Box) -> bool:
        """Whether a mask that is tinted over the picture lies on much of a box."""
        return self._ask((box,), 0)

    def _ask(self, boxes: tuple[_Box, ...], owner: int) -> bool:
        answer = self._answer(boxes, owner)
        self._asked.append((boxes, owner, answer))
        return answer

    def _answer(self, boxes: tuple[_Box, ...], owner: int) -> bool:
        """What is asked of two boxes, or of one."""
        if len(boxes) > 1:
            hidden = self.hides(boxes[0], owner)
            return hidden > _HIDES and self.hides(boxes[1], owner) < hidden
        (box,) = boxes
        return bool(self._above) and np.isin(self._under(box), self._above).mean() > _HIDES

    def _under(self, box: _Box) -> npt.NDArray[np.uint16]:
        """Whose mask lies where in a box, roughly; 0 for nobody's."""
        if self._owners is None:
            return np.zeros((1, 1), np.uint16)
        left, top, wide, tall = box
        rows = slice(top // _STEP, max(-(-(top + tall) // _STEP), top // _STEP + 1))
        columns = slice(left // _STEP, max(-(-(left + wide) // _STEP), left // _STEP + 1))
        return self._owners[rows, columns]

    def free_place(self, box: _Box, size: tuple[int, int]) -> _Box | None:
        """The box where it is free, else the nearest free place above, below or beside it.

        Args:
            box: Left, top, width and height.
            size: (height, width) of the picture.

        Returns:
            A place no farther away than the box is wide, so that it is still seen what it is
            the number of; ``None`` where there is none.
        """
        left, top, wide, tall = box
        others = self._in_the_way(box)
        if not others:
            return box
        places = (
            (left, min(other[1] for other in others) - tall),
            (left, max(other[1] + other[3] for other in others)),
            (max(other[0] + other[2] for other in others) + _GAP_PX, top),
            (min(other[0] for other in others) - wide - _GAP_PX, top),
        )
        for x, y in sorted(places, key=lambda place: abs(place[0] - left) + abs(place[1] - top)):
            near = max(abs(x - left), abs(y - top)) <= wide + _GAP_PX
            inside = 0 <= x <= size[1] - wide and 0 <= y <= size[0] - tall
            if near and inside and not self._in_the_way((x, y, wide, tall)):
                return x, y, wide, tall
        return None

    @property
    def boxes(self) -> set[_Box]:
        """Where numbers stand."""
        return {box for boxes in self._bands.values() for box in boxes}

    def take(self, box: _Box) -> None:
        """Let no other number stand there."""
        for band in _bands(box):
            self._bands.setdefault(band, []).append(box)

    def _in_the_way(self, box: _Box) -> list[_Box]:
        left, top, right, bottom = box[0], box[1], box[0] + box[2], box[1] + box[3]
        return [
            other
            for band in _bands(box)
            for other in self._bands.get(band, ())
            if other[0] < right
            and left < other[0] + other[2]
            and other[1] < bottom
            and top < other[1] + other[3]
        ]


def _bands(box: _Box) -> range:
    return range(box[1] // _BAND_PX, (box[1] + box[3] - 1) // _BAND_PX + 1)


def put_label(
    out: RGBA,
    ways: tuple[tuple[int, int], tuple[int, int], int],
    text: str,
    look: tuple[RGB, bool],
    taken: Places,
    digit_px: int = 0,
    room_px: int = 0,
) -> None:
    """Put a number above its mask, beside the numbers that are there already.

    Where it would hide a mask that touches its own, it stands in the middle of its own. Where there
    is no place it is made smaller, and at last it covers others: one that stood far from its mask
    would be taken for another's.

    Args:
        out: The picture.
        ways: (x, y) of the place below its middle, (x, y) of the middle of its mask, and the number
            of that mask, of ``Places.cover``; 0 for none.
        text: The number.
        look: Colour of its ground, and whether it has a white rim.
        taken: Where the others stand.
        digit_px: Height of its digits; 0 for one that suits the size of the picture.
        room_px: What a name may take, less than which none is left of it; 0 for all it takes.
    """
    tall, wide = out.shape[:2]
    digit = max(_LEAST_DIGIT_PX, digit_px or max(tall, wide) * _DIGIT_SHARE)
    for share in _SHRUNK:
        scale = share * digit / _FONT_PX
        words = _fitted(text, room_px, scale) if room_px else text
        plate = _plate(words, *look, scale)
        box = left, top, box_w, box_h = _wanted(plate.shape, ways, taken, (tall, wide))
        place = taken.free_place(box, (tall, wide))
        if place is not None:
            left, top, *_ = place
            break
    taken.take((left, top, box_w, box_h))
    if taken.is_tinted((left, top, box_w, box_h)):
        plate = _plate(words, *look, scale, tinted=True)
    out[top : top + box_h, left : left + box_w] = plate[:box_h, :box_w]


def _wanted(
    plate: tuple[int, ...],
    ways: tuple[tuple[int, int], tuple[int, int], int],
    taken: Places,
    size: tuple[int, int],
) -> _Box:
    """Where a number stands best: above its mask, unless less is hidden in the middle of it."""
    (tall, wide), (above, middle, owner) = size, ways
    box_h, box_w = min(plate[0], tall), min(plate[1], wide)
    boxes = [
        (min(max(x - box_w // 2, 0), wide - box_w), min(max(y, 0), tall - box_h), box_w, box_h)
        for x, y in ((above[0], above[1] - box_h - 3), (middle[0], middle[1] - box_h // 2))
    ]
    return boxes[taken.prefers_second(*boxes, owner)]


def luminance(rgb: RGB) -> float:
    """Relative luminance of a colour, 0 to 1. Source: WCAG 2.1."""
    parts = [c / 255 for c in rgb]
    r, g, b = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(first: RGB, second: RGB) -> float:
    """How well two colours are told apart, 1 to 21. Source: WCAG 2.1."""
    dark, light = sorted((luminance(first), luminance(second)))
    return (light + 0.05) / (dark + 0.05)


def ink_on(ground: RGB) -> RGB:
    """The ink that is read best on a ground: dark or white."""
    return max(_DARK, _WHITE, key=lambda ink: contrast(ink, ground))


@lru_cache(maxsize=4096)
def _fitted(text: str, room_px: int, font_scale: float) -> str:
    """A number with as much of the name behind it as there is room for."""
    number, _, name = text.partition(": ")
    for end in range(len(name), 1, -1):
        short = text if end == len(name) else f"{number}: {name[:end].rstrip()}…"
        if cv2.getTextSize(drawable(short), _FONT, font_scale, 1)[0][0] <= room_px:
            return short
    return number


@lru_cache(maxsize=2048)
def _plate(
    text: str, color_rgb: RGB, selected: bool, font_scale: float, tinted: bool = False
) -> RGBA:
    """A number on a ground of the track's colour, (h, w, 4).

    Under a tint it would be hard to read, so there it is white on a black ground inside a rim
    of that colour.
    """
    text = drawable(text)
    stroke = max(1, round(1.6 * font_scale))
    (text_w, text_h), _ = cv2.getTextSize(text, _FONT, font_scale, stroke)
    pad = max(3, round(6 * font_scale))
    plate: RGBA = np.empty((text_h + 2 * pad, text_w + 2 * pad, 4), np.uint8)
    ground = _BLACK if tinted else color_rgb
    plate[:] = (*ground, 255)
    rim = color_rgb if tinted else _WHITE
    if selected or tinted:
        corner = (plate.shape[1] - 1, plate.shape[0] - 1)
        cv2.rectangle(plate, (0, 0), corner, (*rim, 255), max(1, stroke // 2))
    ink = (*ink_on(ground), 255)
    cv2.putText(plate, text, (pad, pad + text_h), _FONT, font_scale, ink, stroke, cv2.LINE_AA)
    plate[..., 3] = 255  # smooth lines leave less here and there
    return plate
