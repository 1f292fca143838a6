"""Colours of provisional instances: safe for colour-blind eyes, neighbours far apart."""

from __future__ import annotations

# Okabe and Ito's set without black, in an order that keeps neighbours apart, then lighter
# and darker relatives of it.
_COLORS: tuple[tuple[int, int, int], ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (213, 94, 0),
    (204, 121, 167),
    (0, 114, 178),
    (148, 203, 236),
    (220, 205, 125),
    (128, 205, 193),
    (194, 106, 119),
    (159, 74, 150),
)


def color_for(number: int) -> tuple[int, int, int]:
    """The colour of the n-th instance, counted from 0."""
    return _COLORS[number % len(_COLORS)]
