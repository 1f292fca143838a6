"""Where the shots of a run begin, found on the frames as they are read."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.inference.flow_store import Picture, reduced_picture, working_sizes
from ifc_core.inference.shot_cuts import (
    FloatImage,
    colour_change,
    colours,
    gap_after_motion,
    is_shot_cut,
)

Frame = tuple[int, npt.NDArray[np.uint8]]

FRAMES_BEFORE = 3
"""Frames before one that the answer on it depends on: who goes on later must give them again."""

_SHORT_SIDE_PX = 480  # at which corrections look for cuts too
_SAMPLED_PX = 72  # of the short side: enough pixels to see that colours changed
_PERHAPS = 0.2  # change of colours of the sampled pixels: well under that of any cut
_SAME_AGAIN = 0.5  # of the change of colours at a flash, what is left when it is over
_LEAST_HALF_CHANGE = 0.2  # of colours, in each half: a panel or one side of a split screen is none
_RELIT = 0.9  # correlation of what is the same picture in another light


@dataclass(slots=True)
class _Seen:
    index: int
    image: npt.NDArray[np.uint8]
    colours: FloatImage


class ShotWatch:
    """Passes the frames on that are looked at and knows which of them begin a shot.

    A false cut would end every track, so on top of :func:`is_shot_cut` three things are let pass:
    what is over after two frames, such as a flash (after one with a frame step); the same picture
    in another light, as in a fade; and a change of one half of the picture only. Most frames cost
    a histogram; only where that says "perhaps" are both frames reduced and is flow computed, and
    two more frames read before the one in question is passed on.

    Args:
        is_on: Otherwise everything is one shot.
        frame_step: Every how many-th frame is looked at, counted from the first one's index.
    """

    def __init__(self, is_on: bool = True, frame_step: int = 1) -> None:
        self._is_on = is_on
        self._frame_step = frame_step
        self._flash_frames = FRAMES_BEFORE - 1 if frame_step == 1 else 1
        self._begins: set[int] = set()
        self._method = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def begins_shot(self, frame_index: int) -> bool:
        """Whether a frame that was passed on is the first after a cut; asked once a frame."""
        is_first = frame_index in self._begins
        self._begins.discard(frame_index)
        return is_first

    def watched(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """The frames that are looked at; of each it is known then whether it begins a shot.

        May run in another thread than the one that asks.

        Args:
            frames: (index, (H, W, 3) uint8 RGB), in order; they may come stepped already.
        """
        stepped = self._stepped(frames)
        if not self._is_on:
            yield from stepped
            return
        source = (_Seen(index, image, _sampled_colours(image)) for index, image in stepped)
        before: deque[_Seen] = deque(maxlen=FRAMES_BEFORE)
        coming: deque[_Seen] = deque()
        while (now := coming.popleft() if coming else next(source, None)) is not None:
            if before and colour_change(before[-1].colours, now.colours) > _PERHAPS:
                coming.extend(islice(source, self._flash_frames - len(coming)))
                if self._is_cut(before, now, coming):
                    self._begins.add(now.index)
            before.append(now)
            yield now.index, now.image

    def _stepped(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        first = None
        for index, image in frames:
            first = index if first is None else first
            if (index - first) % self._frame_step == 0:
                yield index, image

    def _is_cut(self, before: Sequence[_Seen], now: _Seen, coming: Sequence[_Seen]) -> bool:
        if _goes_away_again(list(before)[-self._flash_frames - 1 :], now, coming):
            return False
        first, second = _same_size(before[-1].image, now.image)
        if _is_relit(first.gray, second.gray) or not _each_half_changed(first.rgb, second.rgb):
            return False
        return is_shot_cut(first.rgb, second.rgb, lambda: self._mean_gap(first.gray, second.gray))

    def _mean_gap(self, first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> float:
        flow = self._method.calc(second, first, None)  # type: ignore[call-overload]
        return float(gap_after_motion(first, second, np.asarray(flow, np.float32)).mean())


def _sampled_colours(image: npt.NDArray[np.uint8]) -> FloatImage:
    step = max(1, min(image.shape[:2]) // _SAMPLED_PX)
    return colours(image[::step, ::step], step=1)


def _goes_away_again(before: Sequence[_Seen], now: _Seen, coming: Sequence[_Seen]) -> bool:
    """Whether the same colours are back soon after the frame before, or were there just now."""
    last = before[-1]
    most = _SAME_AGAIN * colour_change(last.colours, now.colours)
    back = [colour_change(last.colours, later.colours) for later in coming]
    there = [colour_change(earlier.colours, now.colours) for earlier in before[:-1]]
    return min([*back, *there], default=1.0) < most


def _same_size(
    first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]
) -> tuple[Picture, Picture]:
    """Both frames as corrections see them, at the size of the first."""
    sizes = working_sizes((int(first.shape[0]), int(first.shape[1])), _SHORT_SIDE_PX)
    return reduced_picture(first, *sizes), reduced_picture(second, *sizes)


def _each_half_changed(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> bool:
    """Whether the colours of the upper, lower, left and right half are others."""
    middle = (first.shape[0] // 2, first.shape[1] // 2)
    halves = (np.s_[: middle[0]], np.s_[middle[0] :], np.s_[:, : middle[1]], np.s_[:, middle[1] :])
    changes = (colour_change(colours(first[half]), colours(second[half])) for half in halves)
    return all(change > _LEAST_HALF_CHANGE for change in changes)


def _is_relit(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> bool:
    """Whether two grey pictures differ by little but brightness and contrast."""
    small = [
        np.asarray(cv2.resize(gray, (64, 36), interpolation=cv2.INTER_AREA), np.float64).ravel()
        for gray in (first, second)
    ]
    first_contrast, second_contrast = (values - values.mean() for values in small)
    length = float(np.linalg.norm(first_contrast) * np.linalg.norm(second_contrast))
    return float(first_contrast @ second_contrast) > _RELIT * length > 0.0  # 0: of one colour
