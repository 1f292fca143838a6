"""Track colours that people with colour-vision deficiencies can tell apart."""

from __future__ import annotations

# Okabe and Ito, "Color Universal Design" (2008), without black.
OKABE_ITO: tuple[tuple[int, int, int], ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)
_MIXES = ((0, 0.0), (255, 0.45), (0, 0.4))


def track_color(index: int) -> tuple[int, int, int]:
    """The colour of the track with a number; 21 in turn.

    The seven hues come first, then lighter and darker forms of them. Tracks must not be told
    apart by colour alone: show the number too.

    Args:
        index: Any integer, such as a track's id.

    Returns:
        (red, green, blue), 0 to 255 each.
    """
    hue = OKABE_ITO[index % len(OKABE_ITO)]
    target, share = _MIXES[index // len(OKABE_ITO) % len(_MIXES)]
    red, green, blue = (round(channel + (target - channel) * share) for channel in hue)
    return (red, green, blue)
