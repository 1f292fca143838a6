"""Track colours that people with colour-vision deficiencies can tell apart."""

from __future__ import annotations

import math
from collections.abc import Collection

RGB = tuple[int, int, int]

# Okabe and Ito, "Color Universal Design" (2008), without black.
OKABE_ITO: tuple[RGB, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)
# Without the blue, whose lighter form looks like the sky blue.
_FAMILY_HUES = tuple(hue for hue in OKABE_ITO if hue != (0, 114, 178))
_FAMILY_MIXES = ((0, 0.0), (255, 0.5), (0, 0.15))
NUM_FAMILY_HUES, NUM_SHADES = len(_FAMILY_HUES), len(_FAMILY_MIXES)
NO_FAMILY: RGB = (178, 178, 178)
"""Colour of what has no family, where the others are seen in the colours of theirs."""
_MIXES = ((0, 0.0), (255, 0.45), (0, 0.4))
_TOLD_APART = 0.1  # of two colours in Oklab; the two nearest of the seven hues lie 0.16 apart


def track_color(index: int) -> RGB:
    """The colour of the track with a number; 21 in turn.

    The seven hues come first, then lighter and darker forms of them. Tracks must not be told
    apart by colour alone: show the number too.

    Args:
        index: Any integer, such as a track's id.

    Returns:
        (red, green, blue), 0 to 255 each.
    """
    return _mixed(OKABE_ITO[index % len(OKABE_ITO)], *_MIXES[index // len(OKABE_ITO) % len(_MIXES)])


def family_color(hue: int, shade: int) -> RGB:
    """A colour of one of six families of three shades each.

    In Oklab two shades of one family lie at least 0.06 apart, and colours of two families 0.07; as
    seen without the receptor for red or for green these still lie 0.04 apart.

    Args:
        hue: Any integer, which family.
        shade: Any integer, which of its shades; 0 is the full hue.
    """
    mix = _FAMILY_MIXES[shade % NUM_SHADES]
    return _mixed(_FAMILY_HUES[hue % NUM_FAMILY_HUES], *mix)


def family_hue(color: RGB) -> int:
    """The hue of :func:`family_color` that is most like a colour, however light that is."""
    wanted = _oklab(color)[1:]
    hues = [_oklab(hue)[1:] for hue in _FAMILY_HUES]
    return min(range(NUM_FAMILY_HUES), key=lambda i: math.dist(hues[i], wanted))


def unlike_color(used: Collection[RGB]) -> RGB:
    """The colour of the palette that is least like any that is in use.

    One of the seven hues where one of them is told apart from all in use, else also of their
    lighter and darker forms.

    Args:
        used: The colours in use, (red, green, blue) with 0 to 255 each, of any palette.
    """
    taken = [_oklab(color) for color in used]

    def distance(color: RGB) -> float:
        return min((math.dist(_oklab(color), other) for other in taken), default=math.inf)

    hue = max(OKABE_ITO, key=distance)
    if distance(hue) >= _TOLD_APART:
        return hue
    return max((track_color(index) for index in range(len(_MIXES) * len(OKABE_ITO))), key=distance)


def _mixed(hue: RGB, target: int, share: float) -> RGB:
    red, green, blue = (round(channel + (target - channel) * share) for channel in hue)
    return (red, green, blue)


def _oklab(rgb: RGB) -> tuple[float, float, float]:
    """A colour where distances are about as large as they look.

    Source: Ottosson, "A perceptual color space for image processing" (2020).
    """
    shares = (channel / 255 for channel in rgb)
    r, g, b = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    long = math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
    middle = math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
    short = math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )
