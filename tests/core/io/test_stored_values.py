"""What pictures hold, besides how they are shown."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from ifc_core.errors import VideoError
from ifc_core.io.video import open_video

DEEP = np.random.default_rng(3).integers(900, 4000, (4, 2, 10, 14)).astype(np.uint16)


def folder_of(folder: Path, pictures: list[np.ndarray], suffix: str = ".png") -> Path:
    folder.mkdir()
    for number, picture in enumerate(pictures):
        cv2.imwrite(str(folder / f"{number}{suffix}"), picture)
    return folder


def test_channels_of_a_stack_keep_their_depth(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", DEEP, imagej=True, metadata={"axes": "TCYX"})
    with open_video(tmp_path / "a.tif") as reader:
        shown = reader.read(2)
        np.testing.assert_array_equal(reader.stored_values(2), DEEP[2])
        np.testing.assert_array_equal(reader.read(2), shown)
        with pytest.raises(VideoError):
            reader.stored_values(4)


def test_colours_of_a_stack(tmp_path: Path) -> None:
    rgb = np.random.default_rng(4).integers(0, 255, (3, 10, 14, 3)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", rgb, photometric="rgb")
    with open_video(tmp_path / "a.tif") as reader:
        np.testing.assert_array_equal(reader.stored_values(1), np.moveaxis(rgb[1], -1, 0))


def test_palettes_are_measured_as_they_are_shown(tmp_path: Path) -> None:
    pages = [Image.fromarray(np.full((6, 8), n, np.uint8)).convert("P") for n in (1, 2)]
    for page in pages:
        page.putpalette([n for i in range(256) for n in (255 - i, i, 7)])
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    with open_video(tmp_path / "a.tif") as reader:
        shown = np.moveaxis(reader.read(1), -1, 0)
        np.testing.assert_array_equal(reader.stored_values(1), shown)
        assert shown[:, 0, 0].tolist() == [253, 2, 7]


def test_grey_pictures_have_one_channel_and_coloured_ones_three(tmp_path: Path) -> None:
    grey = folder_of(tmp_path / "grey", [frame[0] for frame in DEEP])
    with open_video(grey) as reader:
        values = reader.stored_values(1)
        assert values is not None
        np.testing.assert_array_equal(values, DEEP[1, :1])
    coloured = folder_of(tmp_path / "coloured", [np.full((10, 14, 3), (3, 2, 1), np.uint8)] * 2)
    with open_video(coloured) as reader:
        values = reader.stored_values(0)
        assert values is not None
        assert values[:, 0, 0].tolist() == [1, 2, 3]


def test_a_broken_first_picture_does_not_make_the_others_coloured(tmp_path: Path) -> None:
    grey = folder_of(tmp_path / "grey", [frame[0] for frame in DEEP])
    whole = (grey / "0.png").read_bytes()
    (grey / "0.png").write_bytes(whole[:40] + bytes(len(whole) - 40))
    with open_video(grey) as reader:
        with pytest.raises(VideoError):
            reader.stored_values(0)
        np.testing.assert_array_equal(reader.stored_values(1), DEEP[1, :1])


def test_a_turned_picture_is_measured_as_it_is_displayed(tmp_path: Path) -> None:
    folder = tmp_path / "turned"
    folder.mkdir()
    tags = Image.Exif()
    tags[274] = 6
    picture = Image.fromarray(np.arange(8 * 16, dtype=np.uint8).reshape(8, 16))
    picture.save(folder / "0.jpg", exif=tags)
    with open_video(folder) as reader:
        values = reader.stored_values(0)
        assert values is not None
        np.testing.assert_array_equal(values[0], reader.read(0)[..., 0])
        assert values.shape == (1, 16, 8)


@pytest.mark.parametrize("kind", ["bool", "uint8", "uint16", "float32"])
def test_grey_whose_zero_is_white_is_measured_by_its_light(tmp_path: Path, kind: str) -> None:
    pages = (np.arange(3 * 10 * 14).reshape(3, 10, 14) % 90 + 7).astype(kind)
    if kind == "bool":
        pages[:, ::2] = False
    (tmp_path / "folder").mkdir()
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="miniswhite", metadata=None)
    for number, page in enumerate(pages):
        tifffile.imwrite(tmp_path / "folder" / f"{number}.tif", page, photometric="miniswhite")
    expected = -pages if kind == "float32" else np.invert(pages)
    with open_video(tmp_path / "a.tif") as stack, open_video(tmp_path / "folder") as folder:
        values, same = stack.stored_values(1), folder.stored_values(1)
        assert values is not None
        assert same is not None
        assert values.dtype == pages.dtype
        np.testing.assert_array_equal(values[0], expected[1])
        np.testing.assert_array_equal(same, values * np.uint8(255) if kind == "bool" else values)
        difference = stack.read(1).astype(int) - folder.read(1)
        assert np.abs(difference).max() <= (0 if kind in ("bool", "uint8") else 1)
        shown = stack.read(1)[..., 0].ravel()
        assert shown[values[0].argmax()] > shown[values[0].argmin()]


def test_a_film_holds_none(clip_file: Path) -> None:
    with open_video(clip_file) as reader:
        assert reader.stored_values(0) is None
        with pytest.raises(VideoError):
            reader.stored_values(10_000)
