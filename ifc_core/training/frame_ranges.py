"""Frames of videos as short lists of ranges, as a model version keeps them.

Nothing here needs torch, since the window's process has none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_WORTH_A_RANGE = 8
_LONGEST_GAP_FRAMES = 1 << 24

FrameRange = int | list[int]
"""A frame, or first frame, last frame and step."""


def to_ranges(frames: Sequence[int]) -> list[FrameRange]:
    """Sorted frames in short: many that are evenly spaced become one range."""
    found: list[FrameRange] = []
    place = 0
    while place < len(frames):
        last = place + 1
        step = frames[last] - frames[place] if last < len(frames) else 0
        while last + 1 < len(frames) and frames[last + 1] - frames[last] == step:
            last += 1
        if last - place + 1 >= _WORTH_A_RANGE:
            found.append([frames[place], frames[last], step])
            place = last + 1
        else:  # the last one may begin a longer row
            found += frames[place : max(place + 1, last)]
            place = max(place + 1, last)
    return found


def from_ranges(stored: object) -> Iterator[range]:
    """The ranges of what a version says of a video: :func:`to_ranges`, or frames one by one.

    Args:
        stored: Of a file of unknown origin; what is no frame or range in it is passed over.

    Yields:
        Ranges, which may be long: they are never written out.
    """
    for item in stored if isinstance(stored, list | tuple) else ():
        numbers = list(item) if isinstance(item, list | tuple) else [item, item, 1]
        if len(numbers) == 3 and all(type(number) is int for number in numbers):
            first, last, step = numbers
            if 0 <= first <= last and step > 0:
                yield range(first, last + 1, step)


def count_frames(stored: object) -> int:
    """How many frames :func:`from_ranges` gives."""
    return sum(len(found) for found in from_ranges(stored))


def frames_within(stored: object, num_frames: int) -> set[int]:
    """The frames that a video of so many frames can have, of what a version says."""
    frames = set[int]()
    for found in from_ranges(stored):
        frames.update(range(found.start, min(found.stop, num_frames), found.step))
    return frames


def joined(frames: Mapping[str, Sequence[int]], most_letters: int) -> dict[str, list[FrameRange]]:
    """Frames of videos in a text of bounded length; where it is short they count as more.

    Frames that lie near each other become one range with those between, as near as it takes.

    Args:
        frames: Sorted frames by name of the video.
        most_letters: Of the JSON text.
    """
    found = {name: to_ranges(own) for name, own in frames.items()}
    gap = 2
    while _letters(found) > most_letters and gap < _LONGEST_GAP_FRAMES:
        found = {name: _near_ranges(own, gap) for name, own in frames.items()}
        gap *= 2
    return first_ones(found, most_letters)


def _near_ranges(frames: Sequence[int], gap: int) -> list[FrameRange]:
    """Sorted frames as ranges of step 1 that reach over gaps of so many frames at most."""
    found: list[FrameRange] = []
    first = last = -1
    for frame in frames:
        if last >= 0 and frame - last > gap:
            found.append(first if first == last else [first, last, 1])
            first = -1
        first, last = (frame if first < 0 else first), frame
    if last >= 0:
        found.append(first if first == last else [first, last, 1])
    return found


def first_ones(found: Mapping[str, list[FrameRange]], most_letters: int) -> dict[str, Any]:
    """As many of the ranges as a text of so many letters holds."""
    kept: dict[str, list[FrameRange]] = {}
    left = most_letters
    for name, ranges in found.items():
        left -= _letters(name) + 6
        for item in ranges if left > 0 else ():
            left -= _letters(item) + 2
            if left <= 0:
                return kept
            kept.setdefault(name, []).append(item)
    return kept


def _letters(value: object) -> int:
    return len(json.dumps(value))
