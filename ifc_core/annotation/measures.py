"""What a scale and a rate that a person gives may be; edits, windows and commands ask here."""

from __future__ import annotations

import math

MOST_FPS = 1e6
"""Frames per second at most."""
LEAST_UM_PER_PX = 1e-6
"""Micrometres a pixel at least: a picometre, smaller than any microscope resolves."""
MOST_UM_PER_PX = 1e12
"""Micrometres a pixel at most: a thousand kilometres."""


def why_no_rate(fps: float) -> str:
    """Why a number cannot be frames per second, or an empty string."""
    if math.isfinite(fps) and 0 < fps <= MOST_FPS:
        return ""
    return f"The frames per second are a number above 0 and up to {MOST_FPS:,.0f}."


def why_no_scale(um_per_px: float) -> str:
    """Why a number cannot be micrometres a pixel, or an empty string."""
    if math.isfinite(um_per_px) and LEAST_UM_PER_PX <= um_per_px <= MOST_UM_PER_PX:
        return ""
    return (
        "The scale is a number above 0; a pixel is as large as 0.001 nm at least and 1,000 km at "
        "most."
    )
