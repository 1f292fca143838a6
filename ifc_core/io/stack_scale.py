"""How far apart the pixels and the frames of a stack are, as microscopes and ImageJ say it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import tifffile

_MICROMETRES = {
    **dict.fromkeys(("µm", "\u03bcm", "um", "micron", "microns", "micrometer", "micrometre"), 1.0),
    **dict.fromkeys(("nm", "nanometer"), 1e-3),
    **dict.fromkeys(("mm", "millimeter"), 1e3),
    **dict.fromkeys(("cm", "centimeter"), 1e4),
}
_SECONDS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86_400.0),
}
_OME_PIXELS = re.compile(r"<(?:\w+:)?Pixels\b[^>]*>")
_RESOLUTIONS = ("XResolution", "YResolution")  # pixels in a unit, as a fraction
_LEAST, _MOST = 1e-6, 1e6  # micrometres or seconds; beyond these nobody measured anything
_SAME = 1e-3  # pixels are square where their sides differ by less


@dataclass(frozen=True, slots=True)
class StackScale:
    """What is known of it.

    Attributes:
        frame_seconds: From one frame to the next, or ``None``.
        um_per_px: Micrometres from one pixel to the next, or ``None``; also where they differ
            along x and y.
    """

    frame_seconds: float | None = None
    um_per_px: float | None = None


def scale_of(file: tifffile.TiffFile, page: Any) -> StackScale:
    """Read the scale of a stack; what cannot be read is not known.

    Args:
        file: The open file.
        page: Its first page.
    """
    with suppress(Exception):  # a damaged tag has the library raise all kinds
        if file.ome_metadata:
            return _of_ome(file.ome_metadata)
        if file.imagej_metadata:
            return _of_imagej(file.imagej_metadata, page)
    return StackScale()


def _of_ome(text: str) -> StackScale:
    found = _OME_PIXELS.search(text)
    told = dict(re.findall(r'(\w+)="([^"]*)"', found.group() if found else ""))
    sizes = ("PhysicalSizeX", "PhysicalSizeY")
    sides = [_times(told.get(n), _MICROMETRES, told.get(f"{n}Unit", "µm")) for n in sizes]
    seconds = _times(told.get("TimeIncrement"), _SECONDS, told.get("TimeIncrementUnit", "s"))
    return StackScale(seconds, _square(*sides))


def _of_imagej(told: Mapping[str, Any], page: Any) -> StackScale:
    unit = str(told.get("unit", "")).replace("\\u00B5", "µ")
    sides = [_times(_inverse(page.tags.get(name)), _MICROMETRES, unit) for name in _RESOLUTIONS]
    interval = _times(told.get("finterval"), _SECONDS, str(told.get("tunit", "sec")))
    return StackScale(interval, _square(*sides))


def _inverse(tag: Any) -> float | None:
    if tag is None or not tag.value[0]:
        return None
    return float(tag.value[1]) / float(tag.value[0])


def _times(value: Any, units: Mapping[str, float], unit: str) -> float | None:
    """A number in the unit of a table; ``None`` where either says nothing."""
    factor = units.get(unit.strip().lower())
    try:
        number = float(value) * factor if value is not None and factor is not None else math.nan
    except (TypeError, ValueError):
        return None
    return number if _LEAST <= number <= _MOST else None


def _square(x: float | None, y: float | None) -> float | None:
    if x is None or y is None or abs(x - y) > _SAME * x:
        return None
    return x
