"""The numbers of tracks on the picture of masks, beside each other."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

RGBA = npt.NDArray[np.uint8]
_Box = tuple[int, int, int, int]
RGB = tuple[int, int, int]

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_DIGIT_SHARE = 1 / 77  # height of a digit against the long side of the picture
_LEAST_DIGIT_PX = 10  # lower ones cannot be read
_FONT_PX = 22  # height of a digit at OpenCV's size of 1
_DARK, _WHITE = (16, 16, 16), (255, 255, 255)
_BAND_PX = 32  # about as high as a number


class Places:
    """Where numbers stand, by bands of the picture, so that a free place is found fast."""

    def __init__(self, bands: dict[int, list[_Box]] | None = None) -> None:
        self._bands = bands or {}

    def copy(self) -> Places:
        """Places that can be taken without taking them here."""
        return Places({band: list(boxes) for band, boxes in self._bands.items()})

    def take(self, box: _Box, width: int) -> _Box:
        """Take the box or the first free place to the right of it.

        Args:
            box: Left, top, width and height.
            width: Of the picture; where there is no place left the last one is shared.
        """
        left, top, box_w, box_h = box
        bands = range(top // _BAND_PX, (top + box_h - 1) // _BAND_PX + 1)
        right, bottom = left + box_w, top + box_h
        near = [
            other
            for band in bands
            for other in self._bands.get(band, ())
            if other[1] < bottom and top < other[1] + other[3] and other[0] + other[2] > left
        ]
        if near:
            near.sort()  # from the left: each can be in the way only once
        for other in near:
            beyond = other[0] + other[2] + 2
            if other[0] < right and left < beyond - 2:
                if beyond + box_w > width:
                    break
                left, right = beyond, beyond + box_w
        taken = (left, top, box_w, box_h)
        for band in bands:
            self._bands.setdefault(band, []).append(taken)
        return taken


def put_label(
    out: RGBA,
    anchor: tuple[int, int],
    text: str,
    look: tuple[RGB, bool],
    taken: Places,
    digit_px: int = 0,
) -> None:
    """Put a number above ``anchor``, beside the numbers that are there already.

    Args:
        out: The picture.
        anchor: (x, y) of the place below its middle.
        text: The number.
        look: Colour of its ground, and whether it has a white rim.
        taken: Where the others stand.
        digit_px: Height of its digits; 0 for one that suits the size of the picture.
    """
    tall, wide = out.shape[:2]
    digit = max(_LEAST_DIGIT_PX, digit_px or max(tall, wide) * _DIGIT_SHARE)
    plate = _plate(text, *look, digit / _FONT_PX)
    box_h, box_w = min(plate.shape[0], tall), min(plate.shape[1], wide)
    left = min(max(anchor[0] - box_w // 2, 0), wide - box_w)
    top = min(max(anchor[1] - box_h - 3, 0), tall - box_h)
    left, top, *_ = taken.take((left, top, box_w, box_h), wide)
    out[top : top + box_h, left : left + box_w] = plate[:box_h, :box_w]


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


@lru_cache(maxsize=2048)
def _plate(text: str, color_rgb: RGB, selected: bool, font_scale: float) -> RGBA:
    """A number on a ground of the track's colour, (h, w, 4)."""
    stroke = max(1, round(1.6 * font_scale))
    (text_w, text_h), _ = cv2.getTextSize(text, _FONT, font_scale, stroke)
    pad = max(3, round(6 * font_scale))
    plate: RGBA = np.empty((text_h + 2 * pad, text_w + 2 * pad, 4), np.uint8)
    plate[:] = (*color_rgb, 255)
    if selected:
        corner = (plate.shape[1] - 1, plate.shape[0] - 1)
        cv2.rectangle(plate, (0, 0), corner, (255, 255, 255, 255), max(1, stroke // 2))
    ink = (*ink_on(color_rgb), 255)
    cv2.putText(plate, text, (pad, pad + text_h), _FONT, font_scale, ink, stroke, cv2.LINE_AA)
    return plate
