"""A folder of pictures as a video."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from ifc_core.errors import VideoError
from ifc_core.io.deep_pictures import DeepRange, decode_picture
from ifc_core.io.display_matrix import Orientation
from ifc_core.io.fingerprint import folder_fingerprint
from ifc_core.io.frame_list import list_frames, stacks_of, video_files
from ifc_core.io.picture_reader import PICTURE_FPS, PictureReader
from ifc_core.structures import Video

_EXIF_ORIENTATION = 274
_EXIF_FORMATS = ("JPEG", "MPO", "TIFF")
_MAX_HEADERS = 2000
_GREY_MODES = ("1", "L", "LA", "I", "F")
_HEADER_ERRORS = (
    UnidentifiedImageError,
    OSError,
    ValueError,
    SyntaxError,
    Image.DecompressionBombError,
)


class FolderReader(PictureReader):
    """Frames of a folder of jpg, png, tif or bmp pictures, 25 a second by convention.

    JPEG and TIFF pictures are turned as their EXIF orientation says; grey ones become RGB, and
    deeper ones 8-bit by one range for all of them (:mod:`~ifc_core.io.deep_pictures`). Sizes are
    checked when the folder is opened (of 2,000 pictures spread over the folder where there are
    more) and again when a picture is read. A picture that cannot be
    read is a broken frame, as in a file; :attr:`warning` tells of those that were found.

    Args:
        folder: The folder.

    Raises:
        VideoError: No picture in it, none that can be read, or pictures of several sizes.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._files = list_frames(folder)
        self._range = DeepRange.of_files(self._files)
        self._is_grey: bool | None = None
        if not self._files:
            text = f"The folder {folder} holds no pictures (jpg, png, tif or bmp)"
            if video_files(folder):
                text += ", but videos; open or add those themselves"
            raise VideoError(f"{text}.", path=folder)
        size = self._common_size()
        if stacks_of(self._files):
            self.warning = (
                f"{self.warning} {folder.name} holds TIFF stacks, of each of which the first page "
                "is a frame here; open or add the files themselves for all pages."
            ).strip()
        self.pts_seconds = np.arange(len(self._files)) / PICTURE_FPS
        try:
            fingerprint = folder_fingerprint(self._files)
        except OSError as error:
            raise VideoError(f"The pictures in {folder} cannot be read.", path=folder) from error
        self.video = Video(folder, len(self._files), *size, PICTURE_FPS, fingerprint)

    @property
    def files(self) -> list[Path]:
        """The pictures, one a frame."""
        return list(self._files)

    def stored_values(self, frame_index: int) -> npt.NDArray[Any]:
        """(3, H, W), or (1, H, W) where the first picture that can be read is grey."""
        decoded = self._decoded(self._checked(frame_index))
        if self._is_grey is None:
            mode = next(filter(None, map(_mode, self._files)), "")
            self._is_grey = mode in _GREY_MODES or mode.startswith("I;16")
        return np.moveaxis(decoded.mean(2, keepdims=True) if self._is_grey else decoded, -1, 0)

    def _load(self, frame_index: int) -> npt.NDArray[np.uint8]:
        return self._range.to_8_bits(self._decoded(frame_index))

    def _decoded(self, frame_index: int) -> npt.NDArray[Any]:
        """(H, W, 3) RGB in the depth that the picture has, as it is displayed."""
        rank, file = frame_index, self._files[frame_index]
        _, orientation = _header(file, rank)
        try:
            coded = np.fromfile(file, dtype=np.uint8)
        except OSError as error:
            raise VideoError(f"{file} cannot be read.", path=file, frame_index=rank) from error
        decoded = decode_picture(coded)
        if decoded is None:
            raise VideoError(
                f"{file} is not a picture that can be read.", path=file, frame_index=rank
            )
        picture = orientation.apply(decoded)
        self._check_size(file, rank, picture.shape[:2], self.video.size)
        return picture

    def _common_size(self) -> tuple[int, int]:
        """The size of all pictures, from the headers of those that can be read."""
        count = min(len(self._files), _MAX_HEADERS)
        found: tuple[int, int] | None = None
        problems: list[VideoError] = []
        for rank in np.linspace(0, len(self._files) - 1, count).astype(int).tolist():
            file = self._files[rank]
            try:
                size = _header(file, rank)[0]
            except VideoError as error:
                problems.append(error)
                continue
            found = found or size
            self._check_size(file, rank, size, found)
        if found is None:
            raise problems[0]
        if problems:
            self.warning = (
                f"{len(problems)} of {count} pictures in {self._files[0].parent.name} cannot be "
                f"read; the first is {Path(str(problems[0].path)).name}."
            )
        return found

    @staticmethod
    def _check_size(file: Path, rank: int, size: tuple[int, ...], first: tuple[int, int]) -> None:
        if tuple(size) != tuple(first):
            raise VideoError(
                f"{file.name} is {size[1]}x{size[0]} where the first picture of the folder is "
                f"{first[1]}x{first[0]}; all frames must have one size.",
                path=file,
                frame_index=rank,
            )


def displayed_size(file: Path) -> tuple[int, int]:
    """(height, width) in pixels of a picture as it is displayed, from its header alone.

    Args:
        file: The picture.

    Raises:
        VideoError: It is missing or no picture.
    """
    return _header(file, 0)[0]


def _mode(file: Path) -> str:
    """What Pillow calls the colours of a picture, by its header; empty where it has none."""
    try:
        with Image.open(file) as image:
            return image.mode
    except _HEADER_ERRORS:
        return ""


def _header(file: Path, rank: int) -> tuple[tuple[int, int], Orientation]:
    """Displayed (height, width) and orientation, from the file's header alone."""
    try:
        with Image.open(file) as image:
            width, height = image.size
            # Asking a PNG for EXIF would decode all of it.
            has_exif = image.format in _EXIF_FORMATS
            tag = image.getexif().get(_EXIF_ORIENTATION) if has_exif else None
            orientation = Orientation.from_exif(tag)
    except _HEADER_ERRORS as error:
        raise VideoError(
            f"{file} is not a picture that can be read.", path=file, frame_index=rank
        ) from error
    return orientation.displayed((height, width)), orientation
