"""Pictures whose pixel values are object numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from ifc_core.errors import FormatError
from ifc_core.structures import RLEMask
from ifc_core.structures.palette import track_color
from ifc_core.structures.rle_runs import boxed_mask

_MAX_PIXELS = 1 << 28


@cache
def davis_palette() -> bytes:
    """256 colours: black for 0, track colours after it, white for the void label 255."""
    colors = [(0, 0, 0), *(track_color(number - 1) for number in range(1, 255)), (255, 255, 255)]
    return bytes(channel for color in colors for channel in color)


def write_palette_png(labels: npt.NDArray[np.uint16], path: Path) -> None:
    """Write labels below 256 as a PNG with a palette.

    Args:
        labels: (H, W).
        path: The target.
    """
    image = Image.fromarray(labels.astype(np.uint8))
    image.putpalette(davis_palette())
    image.save(path, optimize=False)


def write_deep_png(labels: npt.NDArray[np.uint16], path: Path) -> None:
    """Write labels as a 16-bit grey PNG.

    Args:
        labels: (H, W) uint16.
        path: The target.
    """
    Image.fromarray(labels.astype(np.uint16)).save(path)


def write_label_tiff(labels: npt.NDArray[np.uint16], path: Path) -> None:
    """Write labels as a compressed 16-bit TIFF of one page.

    Args:
        labels: (H, W) uint16.
        path: The target.
    """
    coded = BytesIO()  # libtiff has no words for a disk that is full
    Image.fromarray(labels.astype(np.uint16)).save(
        coded, format="TIFF", compression="tiff_adobe_deflate"
    )
    path.write_bytes(coded.getvalue())


def read_labels(path: Path) -> npt.NDArray[np.uint16]:
    """Read a label picture: palette, 8-bit or 16-bit grey, and no more than one.

    Args:
        path: The picture.

    Returns:
        (H, W) uint16.

    Raises:
        FormatError: It is not such a picture.
    """
    with _opened(path) as image:
        values = np.asarray(image)
    if values.size and (int(values.min()) < 0 or int(values.max()) > 0xFFFF):
        raise FormatError(f"{path} holds labels above 65535.", path=path)
    return values.astype(np.uint16)


def label_size(path: Path) -> tuple[int, int]:
    """The (height, width) of a label picture; reads its head alone.

    Raises:
        FormatError: It is none.
    """
    with _opened(path) as image:
        return (image.height, image.width)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """A label picture of which only the head has been read; its errors are told as ours."""
    try:
        with Image.open(path) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise FormatError(f"{path} is too large for a label picture.", path=path)
            if image.mode == "F":
                raise FormatError(
                    f"{path} holds numbers with a fraction (32-bit floating point); labels are "
                    "whole numbers, so save it as a picture of 8 or 16 bits.",
                    path=path,
                )
            if image.mode not in ("P", "L", "1", "I", "I;16", "I;16B", "I;16L"):
                raise FormatError(
                    f"{path} is a colour picture; labels need a palette or grey values.", path=path
                )
            if (count := getattr(image, "n_frames", 1)) > 1:
                raise FormatError(
                    f"{path} holds {count} pictures, such as the planes of a volume; labels are "
                    "read from files of one picture.",
                    path=path,
                )
            yield image
    except Image.DecompressionBombError as error:
        raise FormatError(f"{path} is too large for a label picture.", path=path) from error
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError) as error:
        raise FormatError(f"{path} is not a picture that can be read.", path=path) from error


def picture_mode(path: Path) -> str:
    """How a picture holds its pixels, in Pillow's word (``"P"``: a palette); reads its head alone.

    Empty where it cannot be read.
    """
    try:
        with Image.open(path) as image:
            return image.mode
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return ""


def iter_label_masks(labels: npt.NDArray[np.uint16]) -> Iterator[tuple[int, RLEMask]]:
    """The masks of all labels but 0, in ascending order.

    Args:
        labels: (H, W).

    Yields:
        Label and mask.
    """
    from scipy import ndimage  # takes a while to load

    size = (int(labels.shape[0]), int(labels.shape[1]))
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is not None:
            yield label, boxed_mask(labels[box] == label, size, box[0].start, box[1].start)
