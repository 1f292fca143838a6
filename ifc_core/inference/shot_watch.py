"""Where the shots of a run begin, found on the frames as they are read."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, tee

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.inference.flow_store import Picture, reduced_picture, working_sizes
from ifc_core.inference.shot_cuts import (
    FLASH_FRAMES,
    FloatImage,
    colour_change,
    gap_after_motion,
    goes_away_again,
    is_shot_cut,
    sampled_colours,
)

Frame = tuple[int, npt.NDArray[np.uint8]]
Read = Callable[[int], npt.NDArray[np.uint8]]

FRAMES_BEFORE = FLASH_FRAMES + 1
"""Frames before one that the answer on it depends on: who goes on later must give them again."""

_SHORT_SIDE_PX = 480  # at which corrections look for cuts too
_PERHAPS = 0.2  # change of colours of the sampled pixels: well under that of any cut


@dataclass(slots=True)
class _Seen:
    index: int
    image: npt.NDArray[np.uint8]
    colours: FloatImage


@dataclass(frozen=True, slots=True)
class MarkedFrames:
    """Frames of which it is known already which begin a shot; a watch that gets them looks no more.

    Attributes:
        marked: (index, (H, W, 3) uint8 RGB, whether it begins a shot), stepped, in order.
    """

    marked: Iterator[tuple[int, npt.NDArray[np.uint8], bool]]

    def __iter__(self) -> Iterator[Frame]:
        return ((index, image) for index, image, _ in self.marked)


class ShotWatch:
    """Passes the frames on that are looked at and knows which of them begin a shot.

    See :func:`is_shot_cut`; with a frame step what is over after one frame is a flash. Most frames
    cost a histogram; only where that says "perhaps" are both frames reduced and is flow computed,
    and two more frames read before the one in question is passed on.

    Args:
        is_on: Otherwise everything is one shot.
        frame_step: Every how many-th frame is looked at, counted from the first one's index.
    """

    def __init__(self, is_on: bool = True, frame_step: int = 1) -> None:
        self._is_on = is_on
        self._frame_step = frame_step
        self._flash_frames = FLASH_FRAMES if frame_step == 1 else 1
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
        marked = frames.marked if isinstance(frames, MarkedFrames) else self._marked(frames)
        for index, image, begins in marked:
            if begins:
                self._begins.add(index)
            yield index, image

    def shared(self, frames: Iterable[Frame], count: int) -> list[MarkedFrames]:
        """The frames that are looked at, for several readers, who learn the shots with them.

        Args:
            frames: As for :meth:`watched`.
            count: Readers; what one is ahead of another is kept in memory.
        """
        return [MarkedFrames(copy) for copy in tee(self._marked(frames), count)]

    def _marked(self, frames: Iterable[Frame]) -> Iterator[tuple[int, npt.NDArray[np.uint8], bool]]:
        stepped = self._stepped(frames)
        if not self._is_on:
            yield from ((index, image, False) for index, image in stepped)
            return
        source = (_Seen(index, image, sampled_colours(image)) for index, image in stepped)
        before: deque[_Seen] = deque(maxlen=self._flash_frames + 1)
        coming: deque[_Seen] = deque()
        while (now := coming.popleft() if coming else next(source, None)) is not None:
            begins = False
            if before and colour_change(before[-1].colours, now.colours) > _PERHAPS:
                coming.extend(islice(source, self._flash_frames - len(coming)))
                begins = self._is_cut(before, now, coming)
            before.append(now)
            yield now.index, now.image, begins

    def _stepped(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        first = None
        for index, image in frames:
            first = index if first is None else first
            if (index - first) % self._frame_step == 0:
                yield index, image

    def _is_cut(self, before: Sequence[_Seen], now: _Seen, coming: Sequence[_Seen]) -> bool:
        first, second = _same_size(before[-1].image, now.image)
        return is_shot_cut(
            (first.rgb, first.gray),
            (second.rgb, second.gray),
            lambda: self._mean_gap(first.gray, second.gray),
            lambda: goes_away_again(
                [seen.colours for seen in before], now.colours, [seen.colours for seen in coming]
            ),
        )

    def _mean_gap(self, first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> float:
        flow = self._method.calc(second, first, None)  # type: ignore[call-overload]
        return float(gap_after_motion(first, second, np.asarray(flow, np.float32)).mean())


class ShotFinder:
    """Which frames of a video begin a shot, looked for where somebody asks and then kept.

    Finds what a run over the same frames finds.

    Args:
        num_frames: V.
        frame_step: Distance of the frames that are compared.
    """

    def __init__(self, num_frames: int, frame_step: int = 1) -> None:
        self._num_frames = num_frames
        self._frame_step = frame_step
        self._known: dict[int, bool] = {}

    def shot_within(self, read: Read, frame_index: int, frames: range) -> range:
        """The part of a stretch of frames that belongs to the shot of one of them.

        Args:
            read: Gives a frame; asked for those of the stretch in their order, often twice, and
                for a few more around what looks like a cut.
            frame_index: One of ``frames``.
            frames: Their step is the frame step.
        """
        cuts = [place for place in range(1, len(frames)) if self._begins_shot(read, frames[place])]
        place = frames.index(frame_index)
        start = max((cut for cut in cuts if cut <= place), default=0)
        stop = min((cut for cut in cuts if cut > place), default=len(frames))
        return frames[start:stop]

    def _begins_shot(self, read: Read, frame: int) -> bool:
        if frame not in self._known:
            step = self._frame_step
            looks = (sampled_colours(read(near)) for near in (frame - step, frame))
            self._known[frame] = colour_change(*looks) > _PERHAPS and self._is_cut(read, frame)
        return self._known[frame]

    def _is_cut(self, read: Read, frame: int) -> bool:
        step = self._frame_step
        near = range(frame - FRAMES_BEFORE * step, frame + FLASH_FRAMES * step + 1, step)
        inside = [other for other in near if 0 <= other < self._num_frames]
        watch = ShotWatch(frame_step=step)
        for other, _ in watch.watched((other, read(other)) for other in inside):
            if other == frame:
                return watch.begins_shot(frame)
        return False


def _same_size(
    first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]
) -> tuple[Picture, Picture]:
    """Both frames as corrections see them, at the size of the first."""
    sizes = working_sizes((int(first.shape[0]), int(first.shape[1])), _SHORT_SIDE_PX)
    return reduced_picture(first, *sizes), reduced_picture(second, *sizes)
