"""An image layer of napari as a folder of 8-bit frames, from which everything else works.

The frames are seen at once, each made 8-bit when it is looked at, while a worker copies one
after the other: neither holds more than a few frames. The copy is what makes a stack from
anywhere (a TIFF, a 16-bit camera, a computed array) a video like any other: it can be opened
again, corrected, exported and learned from without the layer.
"""

from __future__ import annotations

import glob
import hashlib
import math
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.annotation.measures import why_no_rate, why_no_scale
from ifc_core.errors import InputError, OutputError, VideoError
from ifc_core.io.atomic import atomic_folder
from ifc_core.io.picture_reader import PICTURE_FPS
from ifc_core.io.video import VideoReader
from ifc_core.jobs import JobContext
from ifc_core.structures import Video
from napari_ifc.language import tr

_FAST_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1]


@dataclass(frozen=True, slots=True)
class LayerSource:
    """What is needed of a layer, taken before a worker starts.

    Attributes:
        name: Of the layer.
        data: (T, Y, X), (T, Y, X, 3 or 4) or a single picture; any array that can be indexed.
        rgb: Whether the last axis is colour.
        contrast_limits: (black, white) of a grey layer.
    """

    name: str
    data: Any
    rgb: bool
    contrast_limits: tuple[float, float] = (0.0, 255.0)

    def __post_init__(self) -> None:
        """Check the axes."""
        axes = len(self.shape)
        if axes not in (2, 3):
            raise InputError(
                tr(
                    "The layer {name} has {axes} axes without colour; IFC Studio takes time, "
                    "height and width. Cut it down to these first."
                ).format(name=self.name, axes=axes)
            )
        low, high = self.contrast_limits
        if not self.rgb and not low < high:
            raise InputError(
                tr("The layer {name} has empty contrast limits; set them first.").format(
                    name=self.name
                )
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape without the colour axis."""
        shape = tuple(int(n) for n in self.data.shape)
        return shape[:-1] if self.rgb else shape

    @property
    def num_frames(self) -> int:
        """T."""
        return self.shape[0] if len(self.shape) == 3 else 1

    def frame(self, index: int) -> npt.NDArray[np.uint8]:
        """One frame as it is seen in napari, (H, W, 3) uint8 RGB.

        Raises:
            VideoError: The layer's data cannot be had.
        """
        try:
            return self._eight_bit(index)
        except Exception as error:  # a computed layer may raise anything
            raise VideoError(
                tr("Frame {frame} of the layer {name} cannot be read: {error}.").format(
                    frame=index, name=self.name, error=str(error) or type(error).__name__
                ),
                path=Path(self.name),
                frame_index=index,
            ) from error

    def _eight_bit(self, index: int) -> npt.NDArray[np.uint8]:
        picture = np.asarray(self.data[index] if len(self.shape) == 3 else self.data)
        if self.rgb:
            return _eight_bit(picture[..., :3])
        low, high = self.contrast_limits
        grey = (picture.astype(np.float32) - low) * (255.0 / (high - low))
        shown = np.clip(np.nan_to_num(grey), 0, 255).round().astype(np.uint8)
        return np.repeat(shown[..., None], 3, axis=2)

    def fingerprint(self, frames: Iterable[npt.NDArray[np.uint8]]) -> str:
        """Eight letters that tell this content and these limits from others.

        Args:
            frames: All of :meth:`frame`, in order.
        """
        digest = hashlib.sha256(repr((self.shape, self.rgb, self.contrast_limits)).encode())
        for frame in frames:
            digest.update(frame.tobytes())
        return digest.hexdigest()[:8]


class LayerReader(VideoReader):
    """A layer's frames as they are asked for, each made 8-bit when it is read.

    Args:
        source: The layer.
        folder: Where its frames are being written, for messages.
    """

    has_rate = False

    def __init__(self, source: LayerSource, folder: Path) -> None:
        self._source = source
        size = source.shape[-2:]
        self.video = Video(folder, source.num_frames, size[0], size[1], PICTURE_FPS, "layer")
        self.pts_seconds = np.arange(source.num_frames) / PICTURE_FPS

    def read(self, frame_index: int) -> npt.NDArray[np.uint8]:
        """One frame; see :meth:`VideoReader.read`."""
        return self._source.frame(self._checked(frame_index))

    def close(self) -> None:
        """There is nothing to let go of: the layer belongs to napari."""


def _eight_bit(picture: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    if picture.dtype == np.uint8:
        return np.ascontiguousarray(picture)
    whole = np.issubdtype(picture.dtype, np.integer)
    top = float(np.iinfo(picture.dtype).max) if whole else 1.0
    scaled = picture.astype(np.float32) * (255.0 / top)
    return np.asarray(np.clip(np.nan_to_num(scaled), 0, 255).round(), dtype=np.uint8)


def write_frames(source: LayerSource, home: Path, context: JobContext) -> Path:
    """Write a layer's frames, unless they are there already.

    Args:
        source: The layer.
        home: Folder in which the folder of frames is made.
        context: Progress and cancellation; a cancelled copy leaves nothing.

    Returns:
        The folder of frames.

    Raises:
        OutputError: It cannot be written.
    """
    name = _file_name(source.name)
    if any(home.glob(f"{glob.escape(name)}-????????")):
        folder = home / f"{name}-{source.fingerprint(_looked_at(source, context))}"
        if folder.exists():
            return folder
    _make(home)
    copy = home / f"{name}-{secrets.token_hex(8)}"
    with atomic_folder(copy) as temporary:
        fingerprint = source.fingerprint(_written(source, temporary, context))
    folder = home / f"{name}-{fingerprint}"
    copy.replace(folder)
    return folder


def _looked_at(source: LayerSource, context: JobContext) -> Iterator[npt.NDArray[np.uint8]]:
    for index in range(source.num_frames):
        context.advance(index, source.num_frames, tr("Looking through the layer"))
        yield source.frame(index)


def _written(
    source: LayerSource, folder: Path, context: JobContext
) -> Iterator[npt.NDArray[np.uint8]]:
    for index in range(source.num_frames):
        context.advance(index, source.num_frames, tr("Copying the layer"))
        frame = source.frame(index)
        bgr = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
        if not cv2.imwrite(str(folder / f"{index:06d}.png"), bgr, _FAST_PNG):
            raise OutputError(tr("{folder} cannot be written.").format(folder=folder), path=folder)
        yield frame


def _make(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            tr("{home} cannot be made: {strerror}.").format(home=home, strerror=error.strerror),
            path=home,
        ) from error


def _file_name(name: str) -> str:
    kept = "".join(c if c.isalnum() or c in "-_ " else "_" for c in name).strip()
    return kept[:60] or "layer"


def measures_of(scale: Sequence[float], units: Sequence[Any]) -> tuple[float, float]:
    """Micrometres a pixel and frames per second, by a layer's scale; 0 where it does not say.

    Args:
        scale: A step along each axis: (time,) height, width.
        units: pint's unit of each.
    """
    *times, height, width = (
        _in_unit(step, unit, wanted)
        for step, unit, wanted in zip(scale, units, ("s", "um", "um")[-len(scale) :], strict=True)
    )
    um_per_px = height if math.isclose(height, width) else 0.0  # pixels are square here
    fps = 1 / times[0] if times and times[0] else 0.0
    return (0.0 if why_no_scale(um_per_px) else um_per_px, 0.0 if why_no_rate(fps) else fps)


def _in_unit(step: float, unit: Any, wanted: str) -> float:
    is_such = unit.is_compatible_with(wanted)
    return float((float(step) * unit).to(wanted).magnitude) if is_such else 0.0


def contrast_of(limits: Sequence[float]) -> tuple[float, float]:
    """A layer's contrast limits as plain numbers."""
    return float(limits[0]), float(limits[1])
