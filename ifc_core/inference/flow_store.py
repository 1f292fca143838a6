"""Small pictures of a video and its optical flow, kept for the next correction."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.inference.shot_cuts import (
    FLASH_FRAMES,
    colour_change,
    colours,
    gap_after_motion,
    goes_away_again,
    is_shot_cut,
    sampled_colours,
)
from ifc_core.io.video import VideoReader

FloatImage = npt.NDArray[np.float32]
Frame = npt.NDArray[np.uint8]

Part = tuple[slice, slice]

WHOLE: Part = (slice(None), slice(None))
DEFAULT_FLOW_BYTES = 512 << 20
_PATH_UNITS = 16  # of a pixel: paths may lead across the largest working picture
_FLOW_UNITS = 64  # finer, as errors of single steps add up
_FLOW_SHARE = 0.5
_LEAST_FLOW_SIDE_PX = 16  # on smaller pictures DIS fails
_REPLACED_HISTOGRAM = 0.5
_REPLACED_GRAY = 20.0
_SCENE_EVERY_PX = 8
_SCENE_WITHIN_PX = 1.0
_SCENE_TRIALS = 300
_LEAST_SCENE_POINTS = 16


@dataclass(frozen=True, slots=True)
class FlowPath:
    """Where the pixels of one frame come from in another one.

    Both are kept as whole numbers, which become single precision ten times as fast as halves.

    Attributes:
        shift: (h, w, 2) int16, in sixteenths of a pixel, what to add to a pixel's (x, y) to get to
            its source.
        trust: (h, w) uint8, 255 where every step agreed forward and backward.
        steps: Frames between the two.
    """

    shift: npt.NDArray[np.int16]
    trust: npt.NDArray[np.uint8]
    steps: int

    @classmethod
    def of(cls, shift: FloatImage, trust: FloatImage, steps: int) -> FlowPath:
        """A path from (h, w, 2) shifts in pixels and (h, w) trust from 0 to 1."""
        kept = np.rint(np.clip(trust, 0, 1) * np.float32(255)).astype(np.uint8)
        return cls(_whole(shift, _PATH_UNITS), kept, steps)

    def shift_px(self, part: Part = WHOLE) -> FloatImage:
        """Shifts of a part of the frame, (h', w', 2) float32 in pixels."""
        return _pixels(self.shift[part], _PATH_UNITS)

    def trust_share(self, part: Part = WHOLE) -> FloatImage:
        """Trust of a part of the frame, (h', w') float32 from 0 to 1."""
        share = self.trust[part].astype(np.float32)
        share *= np.float32(1 / 255)
        return share

    @property
    def num_bytes(self) -> int:
        """Memory that the path holds."""
        return self.shift.nbytes + self.trust.nbytes


@dataclass(frozen=True, slots=True)
class Picture:
    """One frame at the sizes that corrections work at.

    Attributes:
        rgb: (h, w, 3) uint8 at the working size.
        half: (h / 2, w / 2, 3) uint8, for what is looked at more coarsely.
        gray: (h / 2, w / 2) uint8 at the size that flow is computed at.
    """

    rgb: Frame
    half: Frame
    gray: Frame

    @classmethod
    def of(cls, rgb: Frame, half_size: tuple[int, int]) -> Picture:
        """A picture at working size, and what is made of it at half of that."""
        gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        half, small = (
            np.asarray(cv2.resize(one, half_size[::-1], interpolation=cv2.INTER_AREA), np.uint8)
            for one in (rgb, gray)
        )
        return cls(rgb, half, small)

    @property
    def num_bytes(self) -> int:
        """Memory that the picture holds."""
        return self.rgb.nbytes + self.half.nbytes + self.gray.nbytes


def working_sizes(
    size: tuple[int, int], short_side: int
) -> tuple[tuple[int, int], tuple[int, int]]:
    """(height, width) of the working pictures of frames, and of their flow.

    Args:
        size: (height, width) of the frames.
        short_side: Frames whose short side is longer are reduced to it.
    """
    scale = min(1.0, short_side / min(size))
    height, width = (max(_LEAST_FLOW_SIDE_PX, round(side * scale)) for side in size)
    share = min(1.0, max(_FLOW_SHARE, _LEAST_FLOW_SIDE_PX / min(height, width)))
    return (height, width), (round(height * share), round(width * share))


def reduced_picture(frame: Frame, size: tuple[int, int], half_size: tuple[int, int]) -> Picture:
    """A frame at the sizes that :func:`working_sizes` gives."""
    same = frame.shape[:2] == size
    rgb = frame if same else cv2.resize(frame, size[::-1], interpolation=cv2.INTER_AREA)
    return Picture.of(np.asarray(rgb, np.uint8), half_size)


class FlowStore:
    """Pictures and flows of one video, the least recently used first to go.

    The flow is that of DIS (Kroeger et al., 2016), in both directions at half the working size,
    where it is as good for masks as at the full one at a quarter of the cost.

    Args:
        reader: The video.
        short_side: Working size: frames whose short side is longer are reduced to it.
        max_bytes: Bound on what is kept.

    Attributes:
        reader: The video; a new reader of the same video may be put in its place.
        computed: Flows computed so far, both directions together counting one.
        size: (height, width) of the working pictures.
        flow_size: (height, width) of the flow.
    """

    def __init__(
        self, reader: VideoReader, short_side: int, max_bytes: int = DEFAULT_FLOW_BYTES
    ) -> None:
        self.reader = reader
        self.computed = 0
        self.size, self.flow_size = working_sizes(reader.video.size, short_side)
        self._max_bytes = max_bytes
        self._pictures: OrderedDict[int, Picture] = OrderedDict()
        self._flows: OrderedDict[int, npt.NDArray[np.int16]] = OrderedDict()
        self._paths: OrderedDict[tuple[int, int], FlowPath] = OrderedDict()
        self._cuts: dict[int, bool] = {}
        self._residuals: dict[int, FloatImage] = {}
        self._scenes: dict[tuple[int, int], npt.NDArray[np.float64] | None] = {}
        self._bytes = 0
        self._method = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    @property
    def num_bytes(self) -> int:
        """Memory held now."""
        return self._bytes

    def picture(self, frame_index: int) -> Picture:
        """A frame at the sizes that are worked at.

        Raises:
            VideoError: The frame cannot be read.
        """
        kept = self._pictures.get(frame_index)
        if kept is None:
            kept = self._pictures[frame_index] = reduced_picture(
                self.reader.read(frame_index), self.size, self.flow_size
            )
            self._bytes += kept.num_bytes
        self._pictures.move_to_end(frame_index)
        self._trim()
        return kept

    def between(self, first: int, second: int, part: Part = WHOLE) -> FloatImage:
        """Motion from the pixels of a frame to those of its neighbour.

        Args:
            first: 0-based frame.
            second: ``first`` + 1 or - 1.
            part: Rows and columns that are wanted.

        Returns:
            (h, w, 2) float32 as (x, y), in pixels of :attr:`flow_size`.
        """
        early = min(first, second)
        pair = self._flows.get(early)
        if pair is None:
            grays = self.picture(early).gray, self.picture(early + 1).gray
            pair = np.stack([self._flow(*grays), self._flow(*grays[::-1])])
            self._flows[early] = pair
            self._bytes += pair.nbytes
            self.computed += 1
        self._flows.move_to_end(early)
        self._trim()
        return _pixels(pair[0 if first < second else 1][part], _FLOW_UNITS)

    def is_cut(self, first: int, second: int) -> bool:
        """Whether a new shot begins between neighbours.

        See :func:`is_shot_cut`.
        """
        early = min(first, second)
        if early not in self._cuts:
            pictures = (self.picture(early), self.picture(early + 1))
            one, other = ((picture.rgb, picture.gray) for picture in pictures)
            self._cuts[early] = is_shot_cut(
                one,
                other,
                lambda: float(self._residual(early).mean()),
                lambda: self._is_flash(early + 1),
            )
        return self._cuts[early]

    def _is_flash(self, frame_index: int) -> bool:
        """Whether what a frame shows is over at once, or was there just now."""
        last = min(frame_index + FLASH_FRAMES, self.reader.video.num_frames - 1)
        near = range(max(0, frame_index - FLASH_FRAMES - 1), last + 1)
        looks = [sampled_colours(self.picture(frame).rgb) for frame in near]
        place = near.index(frame_index)
        return goes_away_again(looks[:place], looks[place], looks[place + 1 :])

    def is_replaced(self, first: int, second: int, box: tuple[int, int, int, int]) -> bool:
        """Whether a part of the picture shows something else from one frame to its neighbour.

        Such as one half of a split screen that cuts, or a panel that is laid over it.

        Args:
            first: 0-based frame.
            second: ``first`` + 1 or - 1.
            box: (x0, y0, x1, y1) in working pixels.
        """
        early = min(first, second)
        residual = self._residual(early)
        ratio = np.array(residual.shape[::-1]) / np.array(self.size[::-1])
        low = np.floor(np.array(box[:2]) * ratio).astype(int)
        high = np.ceil(np.array(box[2:]) * ratio).astype(int)
        part = residual[low[1] : high[1], low[0] : high[0]]
        if not part.size or float(part.mean()) < _REPLACED_GRAY:
            return False
        x0, y0, x1, y1 = box
        both = (colours(self.picture(f).rgb[y0:y1, x0:x1]) for f in (early, early + 1))
        return colour_change(*both) > _REPLACED_HISTOGRAM

    def _residual(self, early: int) -> FloatImage:
        """Grey levels between a frame and its neighbour moved onto it, on a coarse grid."""
        kept = self._residuals.get(early)
        if kept is None:
            flow = self.between(early + 1, early)
            kept = gap_after_motion(self.picture(early).gray, self.picture(early + 1).gray, flow)
            self._residuals[early] = kept
            self._bytes += kept.nbytes
            self._trim()
        return kept

    def scene_motion(self, first: int, second: int) -> npt.NDArray[np.float64] | None:
        """How most of a picture moves to its neighbour, as the camera makes it.

        Args:
            first: 0-based frame.
            second: ``first`` + 1 or - 1.

        Returns:
            (3, 3) homography in pixels of :attr:`flow_size`; ``None`` beyond the video, across a
            cut, and where nothing moves as one.
        """
        if not 0 <= second < self.reader.video.num_frames or self.is_cut(first, second):
            return None
        if (first, second) not in self._scenes:
            self._scenes[first, second] = _most_common_motion(self.between(first, second))
        return self._scenes[first, second]

    def path(self, seed: int, frame_index: int) -> FlowPath | None:
        """The way from a frame back to a seed, if a chain has been there and it is still kept."""
        kept = self._paths.get((seed, frame_index))
        if kept is not None:
            self._paths.move_to_end((seed, frame_index))
        return kept

    def keep_path(self, seed: int, frame_index: int, path: FlowPath) -> None:
        """Keep what :meth:`path` gives."""
        self._paths[(seed, frame_index)] = path
        self._bytes += path.num_bytes
        self._trim()

    def _flow(self, first: Frame, second: Frame) -> npt.NDArray[np.int16]:
        flow = self._method.calc(first, second, None)  # type: ignore[call-overload]
        return _whole(np.asarray(flow, np.float32), _FLOW_UNITS)

    def _trim(self) -> None:
        """Drop the oldest: pictures, which are read again quickly, paths, residuals, then flows."""
        while self._bytes > self._max_bytes and len(self._pictures) > 2:
            self._bytes -= self._pictures.popitem(last=False)[1].num_bytes
        while self._bytes > self._max_bytes and self._paths:
            self._bytes -= self._paths.popitem(last=False)[1].num_bytes
        while self._bytes > self._max_bytes and self._residuals:
            self._bytes -= self._residuals.pop(next(iter(self._residuals))).nbytes
        while self._bytes > self._max_bytes and len(self._flows) > 1:
            self._bytes -= self._flows.popitem(last=False)[1].nbytes


def _most_common_motion(flow: FloatImage) -> npt.NDArray[np.float64] | None:
    """The homography that most of a flow follows, or ``None``."""
    height, width = flow.shape[:2]
    rows, columns = (np.arange(_SCENE_EVERY_PX // 2, n, _SCENE_EVERY_PX) for n in (height, width))
    if len(rows) * len(columns) < _LEAST_SCENE_POINTS:
        return None
    points = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2).astype(np.float32)
    moved = points + flow[np.ix_(rows, columns)].reshape(-1, 2)
    found = cv2.findHomography(points, moved, cv2.RANSAC, _SCENE_WITHIN_PX, maxIters=_SCENE_TRIALS)[
        0
    ]
    return None if found is None else np.asarray(found, np.float64)


def _whole(shift: FloatImage, units: int) -> npt.NDArray[np.int16]:
    """Pixels as whole numbers of a unit."""
    limits = np.iinfo(np.int16)
    whole = np.clip(np.rint(shift * np.float32(units)), limits.min, limits.max)
    return np.asarray(whole, np.int16)


def _pixels(whole: npt.NDArray[np.int16], units: int) -> FloatImage:
    """Whole numbers of a unit as pixels."""
    pixels = whole.astype(np.float32)
    pixels *= np.float32(1 / units)
    return pixels
