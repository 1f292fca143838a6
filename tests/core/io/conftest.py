"""Makes small videos whose frames carry their number as a bar code."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

BITS = 10
CELL = 16


def _numbered_picture(number: int, size: tuple[int, int] = (48, 176)) -> np.ndarray:
    """A (H, W, 3) picture with ``number`` as BITS black or white cells, and a moving ramp."""
    height, width = size
    picture = np.empty((height, width, 3), dtype=np.uint8)
    ramp = (np.arange(width) * 3 + number * 5) % 120 + 60
    picture[:] = ramp[None, :, None]
    for bit in range(BITS):
        value = 255 if number >> bit & 1 else 0
        picture[8 : 8 + CELL, 8 + bit * CELL : 8 + (bit + 1) * CELL] = value
    return picture


def _read_number(picture: np.ndarray) -> int:
    """The number in a picture of ``numbered_picture``, however it was coded."""
    number = 0
    for bit in range(BITS):
        cell = picture[8 + 5 : 8 + CELL - 5, 8 + bit * CELL + 5 : 8 + (bit + 1) * CELL - 5]
        number |= int(cell.mean() > 127) << bit
    return number


def _write_clip(
    path: Path,
    codec: str,
    num_frames: int = 40,
    *,
    pts: list[int] | None = None,
    rate: int = 25,
    time_base: Fraction | None = None,
    gop: int = 12,
    options: dict[str, str] | None = None,
    pix_fmt: str = "yuv420p",
    size: tuple[int, int] = (48, 176),
    rotation: int | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Encode numbered pictures.

    ``pts`` are in units of ``time_base`` (1 / rate by default).
    """
    with av.open(str(path), "w", container_options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width, stream.pix_fmt = *size, pix_fmt
        stream.codec_context.time_base = time_base or Fraction(1, rate)
        stream.gop_size = gop
        stream.options = {"threads": "1", **(options or {})}
        if rotation is not None:
            stream.set_display_rotation(rotation)
        for number in range(num_frames):
            frame = VideoFrame.from_ndarray(_numbered_picture(number, size), format="rgb24")
            frame.pts = number if pts is None else pts[number]
            frame.time_base = time_base or Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="session")
def numbered_picture() -> Callable[..., np.ndarray]:
    """``numbered_picture(number, size=(48, 176))``."""
    return _numbered_picture


@pytest.fixture(scope="session")
def read_number() -> Callable[[np.ndarray], int]:
    """``read_number(picture)``."""
    return _read_number


@pytest.fixture(scope="session")
def write_clip() -> Callable[..., Path]:
    """``write_clip(path, codec, num_frames, ...)``."""
    return _write_clip
