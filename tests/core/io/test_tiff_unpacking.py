"""Packed pages of TIFF files: what they hold, and what they may unpack to."""

from __future__ import annotations

import lzma
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from ifc_core.errors import VideoError
from ifc_core.io.tiff_unpacking import bound_unpacking
from ifc_core.io.video import open_video

RNG = np.random.default_rng(5)
GREY = RNG.integers(0, 256, (3, 40, 64), dtype=np.uint8)
BOMB = bytes(100_000_000)
PACKERS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("zlib", lambda data: zlib.compress(data, 9)),
    ("lzma", lzma.compress),
]


def write_packed(path: Path, segments: list[bytes], kind: str, **options: Any) -> Path:
    """Pages of 40 x 64 values of 8 bits from packed strips or tiles, right or wrong."""
    layout = {"rowsperstrip": 40, **options}
    tifffile.imwrite(
        path,
        iter(segments),
        shape=(max(1, len(segments)), 40, 64),
        dtype=np.uint8,
        photometric="minisblack",
        compression=kind,
        metadata=None,
        **layout,
    )
    return path


@pytest.mark.parametrize(("kind", "pack"), PACKERS)
def test_a_page_that_unpacks_to_far_more_than_its_size_is_refused(
    tmp_path: Path, kind: str, pack: Callable[[bytes], bytes]
) -> None:
    good = pack(GREY[0].tobytes())
    path = write_packed(tmp_path / "bomb.tif", [good, pack(BOMB), good], kind)
    assert path.stat().st_size < 200_000
    with open_video(path) as reader:
        tracemalloc.start()
        try:
            with pytest.raises(VideoError, match=r"Frame 1 of bomb\.tif cannot be read"):
                reader.read(1)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 20_000_000
        np.testing.assert_array_equal(reader.read(2)[..., 0], GREY[0])


@pytest.mark.parametrize(("kind", "pack"), PACKERS)
def test_what_is_a_little_longer_is_read_and_what_is_cut_off_is_not(
    tmp_path: Path, kind: str, pack: Callable[[bytes], bytes]
) -> None:
    whole = GREY[0].tobytes()
    longer, cut = pack(whole + bytes(1000)), pack(whole)[:-9]
    with open_video(write_packed(tmp_path / "a.tif", [longer, cut], kind)) as reader:
        np.testing.assert_array_equal(reader.read(0)[..., 0], GREY[0])
        with pytest.raises(VideoError, match="Frame 1"):
            reader.read(1)


def test_a_tile_that_is_larger_than_any_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tile.tif"
    how = {"photometric": "minisblack", "metadata": None}
    tifffile.imwrite(path, GREY, tile=(16, 16), compression="zlib", **how)
    with tifffile.TiffFile(path, mode="r+") as file:
        for page in file.pages:
            for tag in ("TileWidth", "TileLength"):
                page.tags[tag].overwrite(65_520)
    with pytest.raises(VideoError, match="too large"):
        open_video(path)


@pytest.mark.parametrize("compression", ["zlib", "lzma"])
@pytest.mark.parametrize(
    ("dtype", "shape", "options"),
    [
        ("u1", (40, 64), {}),
        ("u2", (40, 64), {"predictor": True, "rowsperstrip": 7}),
        (">u2", (40, 64), {"byteorder": ">", "predictor": True}),
        ("f4", (40, 64), {"tile": (16, 32)}),
        ("u1", (40, 64, 3), {"photometric": "rgb", "predictor": True}),
        ("u2", (3, 40, 64), {"photometric": "rgb", "planarconfig": "separate", "tile": (16, 16)}),
        ("?", (40, 64), {}),
    ],
)
def test_pages_are_what_tifffile_makes_of_them(
    tmp_path: Path, compression: str, dtype: str, shape: tuple[int, ...], options: dict[str, Any]
) -> None:
    values = RNG.integers(0, 2 if dtype == "?" else 200, (2, *shape)).astype(dtype)
    path = tmp_path / "packed.tif"
    how = {"photometric": "minisblack", "metadata": None, **options}
    tifffile.imwrite(path, values, compression=compression, **how)
    with tifffile.TiffFile(path) as plain, tifffile.TiffFile(path) as bound:
        for number, page in enumerate(bound.series[0].pages):
            bound_unpacking(page)
            bound_unpacking(page)  # is done once
            expected = plain.series[0].pages[number].asarray()
            np.testing.assert_array_equal(page.asarray(), expected)
            np.testing.assert_array_equal(expected, values[number])


def test_bits_that_are_mirrored_in_the_file(tmp_path: Path) -> None:
    mirrored = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
    packed = zlib.compress(GREY[0].tobytes()).translate(mirrored)
    path = write_packed(tmp_path / "mirrored.tif", [packed], "zlib")
    with tifffile.TiffFile(path) as file:
        tag = file.pages[0].tags["ResolutionUnit"]  # a short number, in whose place another comes
        place = tag.offset
    data = bytearray(path.read_bytes())
    data[place : place + 12] = struct.pack("<HHIHH", 266, 3, 1, 2, 0)
    path.write_bytes(data)
    with tifffile.TiffFile(path) as file:
        assert file.pages[0].fillorder == 2
        bound_unpacking(file.pages[0])
        np.testing.assert_array_equal(file.pages[0].asarray(), GREY[0])
