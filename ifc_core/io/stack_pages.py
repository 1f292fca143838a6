"""The values of a TIFF stack, frame by frame, as the file has them."""

from __future__ import annotations

import logging
import math
import re
import struct
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

from ifc_core.errors import VideoError
from ifc_core.io.display_matrix import Orientation
from ifc_core.io.frame_list import MAX_FRAMES
from ifc_core.io.stack_layout import StackLayout, without_single
from ifc_core.io.stack_scale import StackScale, scale_of
from ifc_core.io.tiff_unpacking import bound_unpacking

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # what it doubts is told by us

_ORIENTATION = 274
_MOST_VALUES = 2 * (Image.MAX_IMAGE_PIXELS or 1 << 27)  # of a page; Pillow refuses more as well
_MOST_OF_ONE_FRAME = 64
"""Pages; a file with more of them is no single picture, whatever its channels are."""

_PRINTED = (
    tifffile.PHOTOMETRIC.SEPARATED,
    tifffile.PHOTOMETRIC.CIELAB,
    tifffile.PHOTOMETRIC.ICCLAB,
    tifffile.PHOTOMETRIC.ITULAB,
)
_OME_COLOR = re.compile(r'<(?:\w+:)?Channel\b[^>]*?\bColor="(-?\d+)"')
_GREY = ((1, 1, 1),)
_TWO = ((0, 1, 0), (1, 0, 1))
_COLORS = ((1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 1, 1), (1, 0, 1), (1, 1, 0), *_GREY)
"""Of channels whose file names none, to be added up; green and magenta where there are two."""

Table = npt.NDArray[np.uint8]
"""(256, 3): the colour of each value of a channel."""


class StackFile:
    """A TIFF file, open; of several series in it the first.

    Single pages are read when they are asked for. A file that ends too early has as many frames
    as are whole.

    Args:
        path: The file.

    Attributes:
        layout: Its axes, with the frames that the file should have.
        num_frames: Those that are whole.
        is_cut_off: Whether there were more.
        orientation: How its pages are turned for display.
        is_inverted: Whether 0 is white.
        has_palette: Whether the values of its pages are numbers of colours.
        scale: How far apart pixels and frames are, where it says so.
        tables: One a channel; added up they are what is seen.

    Raises:
        VideoError: It is no TIFF file, or none of its frames can be told.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pictures: dict[Path, Image.Image] = {}
        try:
            self._handle = path.open("rb")
        except OSError as error:
            raise VideoError(f"{path.name} cannot be read.", path=path) from error
        try:
            self._file = tifffile.TiffFile(self._handle)
        except Exception as error:  # a damaged file has the library raise all kinds
            self._handle.close()
            raise VideoError(f"{path.name} is no TIFF file that can be read.", path=path) from error
        try:
            self._begin()
        except VideoError:
            self.close()
            raise
        except Exception as error:
            self.close()
            raise VideoError(f"{path.name} is damaged: no frame is found.", path=path) from error

    def _begin(self) -> None:
        page = self._find_pages()
        name = self._path.name
        is_huge = _most_values(page) > _MOST_VALUES or self.layout.num_frames > MAX_FRAMES
        if is_huge or 0 in self.layout.shape or np.dtype(page.dtype).kind not in "buif":
            raise VideoError(
                f"The pages of {name} are too many, too large, empty or no pictures.",
                path=self._path,
            )
        if page.photometric in _PRINTED:
            raise VideoError(f"The colours of {name} are not RGB.", path=self._path)
        _, self._page_shape = without_single(page.axes, page.shape)
        self._outer = self.layout.shape[: len(self.layout.shape) - len(self._page_shape)]
        # One page may stand for all: ImageJ writes so what a page's header has no room for.
        self._is_one_block = len(self._pages) == 1 and bool(self._outer)
        if not self._is_one_block and self._is_misfit():
            raise VideoError(
                f"The pages of {name} do not fit its own description.", path=self._path
            )
        tag = page.tags.get(_ORIENTATION)
        self.orientation = Orientation.from_exif(None if tag is None else int(tag.value))
        self.is_inverted = page.photometric == tifffile.PHOTOMETRIC.MINISWHITE
        is_palette = page.photometric == tifffile.PHOTOMETRIC.PALETTE
        self._first_palette = _palette(page) if is_palette else None
        self.has_palette: bool = self._first_palette is not None
        self.scale: StackScale = scale_of(self._file, page)
        self.tables = self._tables()
        self.num_frames = self._whole_frames()
        if not self.num_frames:
            raise VideoError(f"{name} is cut off: none of its frames is whole.", path=self._path)
        self.is_cut_off = self.num_frames < self.layout.num_frames or self._lacks_pages()

    def _find_pages(self) -> Any:
        """Find pages and axes; of a file whose end is missing the pages that are there."""
        name = self._path.name
        try:
            series = self._file.series[0]
        except Exception:  # headers of further pages lie beyond the end
            self._is_listed = False
            self._pages: Sequence[Any] = self._first_pages()
            page, count = self._pages[0], len(self._pages)
            axes, shape, self._offset = f"I{page.axes}", (count, *page.shape), None
        else:
            self._is_listed = True
            self._pages, page, self._offset = series.pages, series.keyframe, series.dataoffset
            axes, shape = series.axes, series.shape
        if "C" not in axes and not _has_colors(page):
            axes = axes.replace("S", "C")  # values of their own, such as those of several filters
        self.layout = StackLayout.of(axes, shape, name)
        return page

    def _first_pages(self) -> list[Any]:
        """The pages up to the first one that cannot be read or is of another shape."""
        first = self._file.pages[0]
        found = [first]
        with suppress(Exception):  # the header that lies beyond the end
            while (page := self._file.pages[len(found)]).shape == first.shape:
                found.append(page)
        return found

    def _lacks_pages(self) -> bool:
        """Whether a page says that another one follows which is not there."""
        if not self._is_listed:
            return True
        if int((self._file.imagej_metadata or {}).get("images", 0)) > int(np.prod(self._outer)):
            return True
        kind, handle = self._file.tiff, self._file.filehandle
        last: Any = self._pages[len(self._pages) - 1]
        if self._is_one_block or last is None or last.parent is not self._file:
            return False
        handle.seek(last.offset)
        count = struct.unpack(kind.tagnoformat, handle.read(kind.tagnosize))[0]
        handle.seek(last.offset + kind.tagnosize + count * kind.tagsize)
        further = handle.read(kind.offsetsize)
        is_last = last.index >= len(self._file.pages) - 1  # and not of the first of several series
        return is_last and further.strip(b"\0") != b""

    def _is_misfit(self) -> bool:
        inner = self.layout.shape[len(self._outer) :]
        return inner != self._page_shape or int(np.prod(self._outer)) != len(self._pages)

    def values(self, frame_index: int) -> npt.NDArray[Any]:
        """(channels, H, W) or (H, W, samples) of one frame, as the file has them.

        Raises:
            VideoError: They cannot be read.
        """
        try:
            return self.layout.picture(self._read(frame_index))
        except Exception as error:  # a damaged page has the library raise all kinds
            raise VideoError(
                f"Frame {frame_index} of {self._path.name} cannot be read.",
                path=self._path,
                frame_index=frame_index,
            ) from error

    def palette(self, frame_index: int) -> Table | None:
        """The colour of each value of a frame, by its own page where that says so, if by any."""
        first = self._first_palette
        if first is None or self._is_one_block:
            return first
        with suppress(Exception):  # a damaged page has the library raise all kinds
            page = self._pages[int(self._numbers(frame_index).flat[0])]
            whole = page if isinstance(page, tifffile.TiffPage) else page.aspage()
            return first if (own := _palette(whole)) is None else own
        return first

    def close(self) -> None:
        """Let go of the file."""
        for picture in self._pictures.values():
            picture.close()
        self._pictures.clear()
        self._file.close()  # other files of its set
        self._handle.close()

    def _read(self, frame_index: int) -> npt.NDArray[Any]:
        """Values with the axes of one frame."""
        axis = self.layout.frame_axis
        if self._is_one_block:
            return self._block(frame_index)
        numbers = self._numbers(frame_index)
        pages = [self._page(number) for number in numbers.ravel().tolist()]
        values = np.stack(pages).reshape(*numbers.shape, *pages[0].shape)
        is_outer = axis < len(self._outer)
        return values if is_outer or axis < 0 else values.take(frame_index, axis)

    def _numbers(self, frame_index: int) -> npt.NDArray[Any]:
        """The numbers of the pages that a frame lies on, in their places."""
        axis = self.layout.frame_axis
        numbers: npt.NDArray[Any] = np.arange(int(np.prod(self._outer))).reshape(self._outer)
        if not 0 <= axis < len(self._outer):
            return numbers
        return np.take(numbers, [frame_index], axis).squeeze(axis)

    def _block(self, frame_index: int) -> npt.NDArray[Any]:
        """One frame of a stack that lies in the file as a whole, or is one packed page."""
        shape, axis = self.layout.shape, self.layout.frame_axis
        if self._offset is None:
            bound_unpacking(self._pages[0])
            whole = np.asarray(self._file.series[0].asarray()).reshape(shape)
            return whole if axis < 0 else np.asarray(whole.take(frame_index, axis))
        dtype = self._block_type()
        if axis <= 0:
            shape = shape[1:] if axis == 0 else shape
            count = int(np.prod(shape))
            start = self._offset + frame_index * count * dtype.itemsize
            values: npt.NDArray[Any] = np.fromfile(self._path, dtype, count, offset=start)
        else:
            mapped = np.memmap(self._path, dtype, "r", self._offset, shape)
            values = np.array(np.moveaxis(mapped, axis, 0)[frame_index])
            shape = values.shape
        return np.reshape(np.asarray(values, dtype.newbyteorder("=")), shape)

    def _block_type(self) -> np.dtype[Any]:
        stored: np.dtype[Any] = np.dtype(self._pages[0].dtype)
        return stored.newbyteorder(self._file.byteorder)

    def _page(self, number: int) -> npt.NDArray[Any]:
        page = self._pages[number]
        if page is None:
            raise ValueError(f"page {number} is missing")
        if _most_values(page) > _MOST_VALUES:
            raise ValueError(f"page {number} is too large")
        bound_unpacking(page)
        try:
            values = np.asarray(page.asarray())
        except (ImportError, ValueError) as error:
            if isinstance(error, ValueError) and "imagecodecs" not in str(error):
                raise
            values = self._by_others(page)  # LZW and JPEG, which tifffile leaves to a library
        return values.reshape(self._page_shape)

    def _by_others(self, page: Any) -> npt.NDArray[Any]:
        """A page as Pillow reads it, or else OpenCV, which knows colours of 16 bits."""
        path = Path(page.parent.filehandle.path)
        if path not in self._pictures:
            self._pictures[path] = Image.open(path)
        picture = self._pictures[path]
        picture.seek(page.index)
        values = self.orientation.undo(np.asarray(picture))  # Pillow turns it as it is displayed
        if self.is_inverted and picture.mode in ("1", "L"):  # and white is white
            values = ~values if picture.mode == "1" else 255 - values
        wanted = np.dtype(page.dtype)
        if values.dtype.kind != wanted.kind or values.dtype.itemsize != wanted.itemsize:
            whole, pages = cv2.imreadmulti(str(path), page.index, 1, flags=cv2.IMREAD_UNCHANGED)
            values = np.asarray(pages[0]) if whole else values
            values = values[..., 2::-1] if values.ndim == 3 else values
        if values.shape != tuple(page.shape) or values.dtype.itemsize != wanted.itemsize:
            raise ValueError(f"page {page.index} is packed in a way that cannot be read")
        return values

    def _whole_frames(self) -> int:
        """Frames up to the last one whose bytes are all there."""
        count, axis = self.layout.num_frames, self.layout.frame_axis
        if self._is_one_block:
            return self._frames_in_block()
        if not 0 <= axis < len(self._outer):
            return count
        numbers = np.moveaxis(np.arange(len(self._pages)).reshape(self._outer), axis, 0)
        while count and not all(map(self._is_whole, numbers[count - 1].ravel().tolist())):
            count -= 1
        return count

    def _frames_in_block(self) -> int:
        if self._offset is None:
            return self.layout.num_frames
        size = int(np.prod(self.layout.shape)) * self._block_type().itemsize
        room = self._path.stat().st_size - self._offset
        if room >= size:
            return self.layout.num_frames
        is_first = self.layout.frame_axis == 0
        return max(0, room * self.layout.num_frames // size) if is_first else 0

    def _is_whole(self, number: int) -> bool:
        try:
            page = self._pages[number]
            ends = zip(page.dataoffsets, page.databytecounts, strict=True)
            return bool(max((a + n for a, n in ends), default=0) <= page.parent.filehandle.size)
        except Exception:  # its header lies beyond the end, or in a file that is not there
            return False

    def _tables(self) -> list[Table]:
        count = self.layout.channels
        stored = (self._file.imagej_metadata or {}).get("LUTs")
        if count > 1 and isinstance(stored, list) and len(stored) >= count:
            found = [np.asarray(table, np.uint8).T for table in stored[:count]]
            if all(table.shape == (256, 3) for table in found):
                return found
        named = _OME_COLOR.findall(self._file.ome_metadata or "") if count > 1 else []
        colors = np.array({1: _GREY, 2: _TWO}.get(count, _COLORS)[:count], np.float64)
        if len(named) >= count:  # red, green, blue and opacity in one number
            bytes_of = [[int(c) >> shift & 255 for shift in (24, 16, 8)] for c in named[:count]]
            colors = np.array(bytes_of) / 255
        ramp = np.arange(256)[:, None]
        return [np.rint(ramp * color).astype(np.uint8) for color in colors]


def _most_values(page: Any) -> int:
    """Of a page, or of one of its tiles, which may be larger."""
    return int(max(math.prod(page.shape), math.prod(page.chunks)))


def _palette(page: Any) -> Table | None:
    return None if page.colormap is None else (page.colormap.T >> 8).astype(np.uint8)


def _has_colors(page: Any) -> bool:
    """Whether the samples of a page are a colour, or grey and opacity."""
    if page.photometric in (tifffile.PHOTOMETRIC.RGB, tifffile.PHOTOMETRIC.YCBCR):
        return True
    extra = {int(kind) for kind in page.extrasamples}
    return page.samplesperpixel <= 2 and 0 not in extra


def is_stack(path: Path) -> bool:
    """Whether a TIFF file holds several frames; not where it cannot be read.

    Of a file of many pages only the first ones are looked at, however long it is.
    """
    with suppress(Exception), path.open("rb") as handle, tifffile.TiffFile(handle) as pages:
        pages.pages[_MOST_OF_ONE_FRAME]  # found by its place in the chain of pages
        return True
    try:
        file = StackFile(path)
    except VideoError:
        return False
    file.close()
    return file.layout.num_frames > 1
