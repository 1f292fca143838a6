"""Objects that are too small for the size that a network sees whole frames at.

They are shown to it close up: a part of the frame, as a tile of a run in tiles shows it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ifc_core.data.labelled_video import FrameWindow, LabelledVideo
from ifc_core.data.sample import LEAST_AREA_PX
from ifc_core.models.input_size import input_size

SEEN_FROM_PX = 15.0
"""Longer side in pixels of the network's input from which on things are mostly found; runs in tiles
bring the smallest object that is asked for to this (``ifc_core.inference.tiling``)."""

_HIDDEN_BELOW_PX = SEEN_FROM_PX / 2  # of the network's input: hardly one of them is found
_LARGEST_ZOOM = 2.0  # of a window: its object is so many times as long as it has to be, at most
_MIDDLE_ZOOM = 1.4
_SMALLEST_WINDOW_PX = 32
_FEWEST_WINDOWS, _MOST_WINDOWS = 4, 16
_LEAST_TILED_PX = 4
_EMPTY_EVERY = 4  # windows of an exhaustive frame: one of them lies anywhere

Box = tuple[float, float, float, float]
"""x, y, width, height in pixels of the frame."""


@dataclass(frozen=True, slots=True)
class SmallMasks:
    """Labelled masks that whole frames do not show well.

    Attributes:
        unseen: Masks of which nothing is to be seen.
        side: Short side in pixels that whole frames are brought to.
        smallest_px: Longer side of the smallest of them in pixels of its frame, at least what
            tiles can be chosen for; 0 without any.
    """

    unseen: int
    side: int
    smallest_px: int


def count_unseen(videos: Sequence[LabelledVideo], short_side: int) -> SmallMasks:
    """Count the masks that training on whole frames would not see.

    Args:
        videos: Labelled.
        short_side: Of the network's input, in pixels.
    """
    unseen, smallest = 0, math.inf
    for video in videos:
        scale = _scale(video, short_side)
        for track in video.tracks:
            for rle in track.masks.values():
                if rle is not None and 0 < rle.area * scale**2 < LEAST_AREA_PX:
                    unseen += 1
                    smallest = min(smallest, max(rle.bbox_xywh[2:]))
    return SmallMasks(unseen, short_side, max(_LEAST_TILED_PX, round(smallest)) if unseen else 0)


def small_objects(
    video: LabelledVideo, frame: int, short_side: int, seen_from_px: float = SEEN_FROM_PX
) -> tuple[list[Box], int]:
    """Boxes of the objects of a frame that are too small, and how many objects it has in all.

    Args:
        video: Whose frame.
        frame: 0-based.
        short_side: Of the network's input, in pixels.
        seen_from_px: Longer side in pixels of that input from which on one is large enough.
    """
    found = (track.masks.get(frame) for track in video.tracks)
    boxes = [rle.bbox_xywh for rle in found if rle is not None and rle.area]
    limit = seen_from_px / _scale(video, short_side)
    return [box for box in boxes if max(box[2:]) < limit], len(boxes)


def training_window(
    video: LabelledVideo, frame: int, short_side: int, rng: np.random.Generator
) -> FrameWindow | None:
    """Draw a part of a frame that shows a small object close up, or ``None`` for the whole frame.

    The whole frame is drawn the more often the more of its objects are large enough for it. A
    frame has a few windows alone, so that their pictures can be kept. Some of an exhaustive frame
    lie anywhere, so that ground is known close up, too.

    Args:
        video: Of whole frames.
        frame: Around which the clip is drawn.
        short_side: Of the network's input, in pixels.
        rng: Source of chance; nothing is drawn where no object is small.
    """
    boxes, count = small_objects(video, frame, short_side)
    if not boxes or rng.random() >= 0.8 * len(boxes) / count:
        return None
    number = int(rng.integers(min(_MOST_WINDOWS, max(_FEWEST_WINDOWS, len(boxes)))))
    own = np.random.default_rng((frame, number))
    box = boxes[int(own.integers(len(boxes)))]
    zoom = math.exp(own.uniform(0, math.log(_LARGEST_ZOOM)))
    is_anywhere = number % _EMPTY_EVERY == _EMPTY_EVERY - 1 and frame in video.exhaustive
    return _window(video, box, short_side, zoom, own, is_anywhere=is_anywhere)


def judging_windows(
    video: LabelledVideo, frame: int, short_side: int, most: int
) -> list[FrameWindow]:
    """Parts of a frame that show its small objects close up.

    Args:
        video: Of whole frames.
        frame: 0-based.
        short_side: Of the network's input, in pixels.
        most: Windows.

    Returns:
        None where the frame has no object, or one that may be found on the whole of it.
    """
    boxes, count = small_objects(video, frame, short_side, _HIDDEN_BELOW_PX)
    windows: list[FrameWindow] = []
    for box in boxes if len(boxes) == count else ():
        if len(windows) < most and not any(_holds(window, box) for window in windows):
            windows.append(_window(video, box, short_side, _MIDDLE_ZOOM, None))
    return windows


def _scale(video: LabelledVideo, short_side: int) -> float:
    return input_size((video.height, video.width), short_side)[0] / video.height


def _holds(window: FrameWindow, box: Box) -> bool:
    x, y, width, height = box
    across = window.x <= x and x + width <= window.x + window.width
    return across and window.y <= y and y + height <= window.y + window.height


def _window(
    video: LabelledVideo,
    box: Box,
    short_side: int,
    zoom: float,
    rng: np.random.Generator | None,
    *,
    is_anywhere: bool = False,
) -> FrameWindow:
    """A window of the frame's shape in which an object is so many times as long as it has to be.

    It holds the object somewhere, or in its middle where nothing is drawn.
    """
    part = _scale(video, short_side) * max(box[2:]) / (SEEN_FROM_PX * zoom)
    part = max(part, _SMALLEST_WINDOW_PX / min(video.height, video.width))
    spans = []
    for start, length, whole in ((box[0], box[2], video.width), (box[1], box[3], video.height)):
        side = max(1, min(whole, math.ceil(part * whole)))
        low, high = max(0.0, start + length - side), min(start, whole - side)
        if is_anywhere:
            low, high = 0.0, float(whole - side)
        place = start + length / 2 - side / 2 if rng is None else rng.uniform(low, high)
        spans.append((round(min(max(0.0, place), whole - side)), side))
    (x, width), (y, height) = spans
    return FrameWindow(x, y, width, height, (video.height, video.width))
