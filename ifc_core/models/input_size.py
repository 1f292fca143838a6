"""To which size frames are brought before a network sees them."""

from __future__ import annotations

COARSEST_STRIDE = 32
"""Pixels of a frame from one cell to the next in the coarsest grid of features."""

MAX_LONG_SIDE = 1333
"""Bound on the long side in pixels, as published."""


def input_size(
    size: tuple[int, int],
    short_side: int,
    max_long_side: int = MAX_LONG_SIDE,
    *,
    multiple: int = 1,
) -> tuple[int, int]:
    """(height, width) to which a frame is resized, its shape kept.

    A network that learnt only on frames that its grids cover without a remainder takes the cells
    that lie partly beyond the right and the lower edge of others for things. The nearest multiple
    of a grid's step changes the shape of a frame by a few hundredths.

    Args:
        size: (height, width) of the frame or region.
        short_side: Wanted short side in pixels.
        max_long_side: Bound on the long side, which then decides.
        multiple: Of which both sides are made the nearest multiple; 1 keeps the shape to the
            pixel.

    Source: the published test-time resizing (short side 360, long side at most 1333), which keeps
    the shape.
    """
    height, width = size
    scale = short_side / min(height, width)
    new_height = short_side if height <= width else scale * height
    new_width = short_side if width < height else scale * width
    if max(new_height, new_width) > max_long_side:
        shrink = max_long_side / max(new_height, new_width)
        new_height, new_width = new_height * shrink, new_width * shrink
    most = max_long_side // multiple
    return _rounded(new_height, multiple, most), _rounded(new_width, multiple, most)


def _rounded(side: float, multiple: int, most: int) -> int:
    """The nearest multiple that is 1 to ``most`` times as much."""
    return multiple * max(1, min(most, int(side / multiple + 0.5)))
