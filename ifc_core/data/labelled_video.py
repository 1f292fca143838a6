"""Videos with tracks, as the clip sampler reads them: one form for all datasets."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.errors import VideoError
from ifc_core.io.deep_pictures import DeepRange, decode_picture
from ifc_core.io.readable_frames import StandInReader
from ifc_core.io.video import VideoReader, open_video
from ifc_core.structures import RLEMask

MOST_OPEN_VIDEOS = 4
"""Videos that a frame store holds open at a time."""


@dataclass(frozen=True, slots=True)
class LabelledTrack:
    """One object of a video.

    Attributes:
        label: Class, 0 to K - 1.
        masks: Frame index to mask, ``None`` where it is known to be absent; a frame that is no
            key is not annotated for this track.
    """

    label: int
    masks: Mapping[int, RLEMask | None]


@dataclass(frozen=True, slots=True)
class FrameWindow:
    """A part of the frames of a video, in pixels of its masks.

    Attributes:
        x: Of its left edge.
        y: Of its upper edge.
        width: At least 1.
        height: At least 1.
        frame_size: (height, width) of the whole frame.
    """

    x: int
    y: int
    width: int
    height: int
    frame_size: tuple[int, int]

    def of_picture(self, picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """The part of a picture (H, W, 3), which may have been scaled as a whole."""
        down, across = (have / of for have, of in zip(picture.shape, self.frame_size, strict=False))
        top, left = round(self.y * down), round(self.x * across)
        height, width = max(1, round(self.height * down)), max(1, round(self.width * across))
        return np.ascontiguousarray(picture[top : top + height, left : left + width])

    def of_mask(self, rle: RLEMask) -> RLEMask:
        """The part of a mask of the whole frame."""
        return _cut_mask(rle, self)


@lru_cache(maxsize=4096)
def _cut_mask(rle: RLEMask, window: FrameWindow) -> RLEMask:
    """Kept, since whole frames are large and the same parts are asked for again and again."""
    left, top, width, height = rle.bbox_xywh
    beside = left >= window.x + window.width or left + width <= window.x
    if beside or top >= window.y + window.height or top + height <= window.y:
        return RLEMask.empty((window.height, window.width))
    rows = slice(window.y, window.y + window.height)
    return RLEMask.from_array(rle.to_array()[rows, window.x : window.x + window.width])


@dataclass(frozen=True, slots=True)
class LabelledVideo:
    """A video and what is known about it.

    Attributes:
        name: Shown to people.
        path: A video file or a folder of frames; not read where ``frame_files`` is given.
        num_frames: Frames.
        height: Pixels.
        width: Pixels.
        tracks: Its objects.
        exhaustive: Frames on which every object of the classes is annotated; a track that is
            not annotated there is absent.
        frame_files: One picture a frame, or empty.
        source_frames: One a frame: its index in the video file, where the frames here are a part
            of it. Empty means 0, 1, 2, ...
        window: The part of its frames that is shown and annotated; ``None`` is all of them.
    """

    name: str
    path: Path
    num_frames: int
    height: int
    width: int
    tracks: tuple[LabelledTrack, ...]
    exhaustive: frozenset[int]
    frame_files: tuple[Path, ...] = ()
    source_frames: tuple[int, ...] = ()
    window: FrameWindow | None = None

    @property
    def labelled_frames(self) -> tuple[int, ...]:
        """Frames about which something is known, sorted."""
        frames = set(self.exhaustive)
        for track in self.tracks:
            frames.update(track.masks)
        return tuple(sorted(frames))

    def picture_of(self, frame_index: int) -> tuple[Path, int]:
        """Where a frame's picture lies: the file or folder, and the frame of it."""
        if self.frame_files:
            return self.frame_files[frame_index], 0
        return self.path, self.source_frames[frame_index] if self.source_frames else frame_index


def cut_out(video: LabelledVideo, window: FrameWindow, frames: Iterable[int]) -> LabelledVideo:
    """A part of a video's frames as a video of its own.

    Args:
        video: Of whole frames.
        window: The part.
        frames: Whose annotation is kept; exhaustive frames are so inside the window.
    """
    wanted = set(frames)
    tracks = []
    for track in video.tracks:
        known = ((frame, track.masks[frame]) for frame in wanted & track.masks.keys())
        masks = {frame: None if rle is None else window.of_mask(rle) for frame, rle in known}
        if masks:
            tracks.append(LabelledTrack(track.label, masks))
    return replace(
        video,
        height=window.height,
        width=window.width,
        tracks=tuple(tracks),
        exhaustive=video.exhaustive & wanted,
        window=window,
    )


@dataclass(slots=True)
class FrameStore:
    """Reads frames at the size they are used at, and keeps the latest ones.

    A frame that cannot be decoded, or whose picture is missing, has its neighbour's picture, so
    that one damaged frame ends no training; see :meth:`is_broken`. Readers and pictures stay in
    the process that opened them: a copy that is sent to another process starts empty.

    Attributes:
        capacity_bytes: Memory for pictures.
    """

    capacity_bytes: int = 256_000_000
    _frames: OrderedDict[
        tuple[Path, int, FrameWindow | None, tuple[int, int]], npt.NDArray[np.uint8]
    ] = field(default_factory=OrderedDict, repr=False)
    _readers: OrderedDict[Path, VideoReader] = field(default_factory=OrderedDict, repr=False)
    _stands: dict[Path, dict[int, int]] = field(default_factory=dict, repr=False)
    _broken_pictures: dict[Path, Path] = field(default_factory=dict, repr=False)
    _ranges: dict[Path, DeepRange] = field(default_factory=dict, repr=False)
    _num_bytes: int = 0

    def __getstate__(self) -> tuple[int]:
        return (self.capacity_bytes,)

    def __setstate__(self, state: tuple[int]) -> None:
        self.__init__(state[0])  # type: ignore[misc]

    def read(
        self, video: LabelledVideo, frame_index: int, size: tuple[int, int]
    ) -> npt.NDArray[np.uint8]:
        """One frame, resized.

        Args:
            video: Whose frame.
            frame_index: 0-based.
            size: (height, width) wanted, in pixels.

        Returns:
            (height, width, 3) uint8 RGB; not to be written to.

        Raises:
            VideoError: There is no such frame, or nothing of the video decodes.
        """
        key = (
            *video.picture_of(frame_index),
            video.window,
            size,
        )  # videos may share a folder of pictures
        if key in self._frames:
            self._frames.move_to_end(key)
            return self._frames[key]
        frame = self._decode(video, frame_index)
        if video.window is not None:
            frame = video.window.of_picture(frame)
        if frame.shape[:2] != size:
            shrinks = size[0] < frame.shape[0]
            how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            frame = np.asarray(cv2.resize(frame, size[::-1], interpolation=how), dtype=np.uint8)
        self._frames[key] = frame
        self._num_bytes += frame.nbytes
        while self._num_bytes > self.capacity_bytes and len(self._frames) > 1:
            self._num_bytes -= self._frames.popitem(last=False)[1].nbytes
        return frame

    def picture_size(self, video: LabelledVideo) -> tuple[int, int]:
        """(height, width) in pixels of a video's first picture that can be decoded.

        Raises:
            VideoError: Nothing of the video decodes.
        """
        height, width = self._decode(video, 0).shape[:2]
        return height, width

    def _decode(self, video: LabelledVideo, frame_index: int) -> npt.NDArray[np.uint8]:
        path, frame = video.picture_of(frame_index)
        if video.frame_files:
            return self._picture(video.frame_files, frame_index)
        return self._reader(path).read(frame)

    def _picture(self, files: tuple[Path, ...], index: int) -> npt.NDArray[np.uint8]:
        """One of the pictures, a broken one stood in for by the nearest before it, or behind."""
        path = files[index]
        try:
            return self._read_picture(self._broken_pictures.get(path, path), files)
        except VideoError:
            for near in (*reversed(files[:index]), *files[index + 1 :]):
                with suppress(VideoError):
                    picture = self._read_picture(near, files)
                    self._broken_pictures[path] = near
                    return picture
            raise

    def _read_picture(self, path: Path, files: tuple[Path, ...]) -> npt.NDArray[np.uint8]:
        """One picture; deep ones get the range of all that the video has."""
        if files[0] not in self._ranges:
            self._ranges[files[0]] = DeepRange.of_files(files)
        return self._ranges[files[0]].to_8_bits(read_picture(path))

    def _reader(self, path: Path) -> VideoReader:
        """The open video; few are, since each has threads and frames of its own."""
        if path not in self._readers:
            stands = self._stands.setdefault(path, {})
            self._readers[path] = StandInReader(open_video(path), stands)
            while len(self._readers) > MOST_OPEN_VIDEOS:
                self._readers.popitem(last=False)[1].close()
        self._readers.move_to_end(path)
        return self._readers[path]

    def is_broken(self, video: LabelledVideo, frame_index: int) -> bool:
        """Whether a frame that was read has a neighbour's picture: its labels do not fit that."""
        path, frame = video.picture_of(frame_index)
        return path in self._broken_pictures or frame in self._stands.get(path, ())

    def close(self) -> None:
        """Close the videos and forget the pictures."""
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()
        self._stands.clear()
        self._broken_pictures.clear()
        self._ranges.clear()
        self._frames.clear()
        self._num_bytes = 0


def has_shape_of_masks(video: LabelledVideo, height: int, width: int) -> bool:
    """Whether pictures of a size in pixels have the shape of a video's masks, scaled at most."""
    error = abs(height * video.width - width * video.height)
    return error <= max(video.height, video.width)  # a pixel may have been rounded


def check_picture_size(video: LabelledVideo, store: FrameStore) -> None:
    """Refuse a video whose pictures its masks do not lie on.

    Pictures that were scaled as a whole are taken: masks are scaled with them.

    Args:
        video: With the size that its masks have.
        store: Reads its first picture.

    Raises:
        VideoError: The pictures have another shape, or nothing of the video decodes.
    """
    height, width = store.picture_size(video)
    if has_shape_of_masks(video, height, width):
        return
    path = video.picture_of(0)[0]
    raise VideoError(
        f"{path} is {width} x {height} pixels, but its masks are made for {video.width} x "
        f"{video.height}; give the video that was annotated.",
        path=path,
    )


def read_picture(path: Path) -> npt.NDArray[Any]:
    """Read a picture as (H, W, 3) RGB in the depth that the file has.

    Raises:
        VideoError: The file is missing or no picture.
    """
    try:
        coded = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    except OSError as error:
        raise VideoError(f"Cannot read the picture {path}: {error.strerror}.", path=path) from error
    picture = decode_picture(coded, turned=True)
    if picture is None:
        raise VideoError(f"{path} is no picture that can be read.", path=path)
    return picture
