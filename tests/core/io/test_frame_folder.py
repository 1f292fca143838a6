"""Folders of pictures as videos."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from ifc_core.data.labelled_video import FrameStore, LabelledVideo
from ifc_core.errors import VideoError
from ifc_core.io.frame_list import natural_key
from ifc_core.io.video import open_video


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tif", "TIFF"])
def test_natural_order(suffix: str, tmp_path: Path, numbered_picture, read_number) -> None:
    for number in (10, 9, 100, 1, 2):
        Image.fromarray(numbered_picture(number)).save(tmp_path / f"frame{number}.{suffix}")
    (tmp_path / "._frame3.png").write_bytes(b"junk of another system")
    (tmp_path / "notes.txt").write_text("no picture")
    with open_video(tmp_path) as reader:
        assert reader.video.num_frames == 5
        assert [read_number(f) for _, f in reader.iter_frames()] == [1, 2, 9, 10, 100]
        assert read_number(reader.read(3)) == 10


def test_natural_key_mixes_digits_and_letters() -> None:
    names = ["a10", "a9b", "9", "10", "A1", "a", ""]
    assert sorted(names, key=natural_key) == ["", "9", "10", "a", "A1", "a9b", "a10"]


def test_mixed_sizes_name_the_file(tmp_path: Path, numbered_picture) -> None:
    for number in range(4):
        size = (50, 176) if number == 2 else (48, 176)
        Image.fromarray(numbered_picture(number, size)).save(tmp_path / f"{number}.png")
    with pytest.raises(VideoError, match=r"2\.png is 176x50 where .* 176x48"):
        open_video(tmp_path)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation: int, tmp_path: Path, numbered_picture, read_number) -> None:
    picture = Image.fromarray(numbered_picture(5))
    undo = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = picture if undo is None else picture.transpose(undo)
    exif = Image.Exif()
    exif[274] = orientation
    stored.save(tmp_path / "0.jpg", exif=exif, quality=95)
    with open_video(tmp_path) as reader:
        assert reader.video.size == (48, 176)
        assert read_number(reader.read(0)) == 5


def test_deep_and_grey_pictures_become_rgb(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 64 * 32).reshape(32, 64).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "0.tif"), ramp)
    cv2.imwrite(str(tmp_path / "1.png"), (ramp >> 8).astype(np.uint8))
    with open_video(tmp_path) as reader:
        deep, grey = reader.read(0), reader.read(1)
    assert deep.shape == grey.shape == (32, 64, 3)
    assert deep.dtype == np.uint8
    assert np.abs(deep.astype(int) - grey).max() <= 1


def camera_of_12_bits(rng: np.random.Generator, level: int) -> np.ndarray:
    """Noise around a level, with one hot pixel."""
    picture = rng.integers(level, level + 200, (48, 64)).astype(np.uint16)
    picture[20, 30] = 65535
    return picture


def test_deep_pictures_are_seen_and_keep_their_brightness_to_each_other(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number, level in enumerate((1400, 1600, 1800)):
        cv2.imwrite(str(tmp_path / f"{number}.tif"), camera_of_12_bits(rng, level))
    with open_video(tmp_path) as reader:
        last, first = reader.read(2), reader.read(0)  # the range is not the first one's read
        middle = reader.read(1)
    assert first.min() == 0
    assert last.max() == 255
    assert [round(float(f.mean()) / 42.5) for f in (first, middle, last)] == [1, 3, 5]
    files = sorted(tmp_path.iterdir())
    video = LabelledVideo("v", tmp_path, 3, 48, 64, (), frozenset(), tuple(files))
    with closing(FrameStore()) as store:  # training sees what the window shows
        np.testing.assert_array_equal(store.read(video, 1, (48, 64)), middle)


@pytest.mark.parametrize(
    ("dtype", "channels"), [(np.int32, ()), (np.float32, ()), (np.uint16, ()), (np.uint16, (3,))]
)
def test_pictures_of_other_number_types(tmp_path: Path, dtype: type, channels: Any) -> None:
    picture = np.zeros((48, 64, *channels), dtype)
    picture[:, 32:] = 9000
    if channels:
        picture[..., 0] = 0  # blue, as OpenCV writes it
    cv2.imwrite(str(tmp_path / "0.tif"), picture)
    with open_video(tmp_path) as reader:
        shown = reader.read(0)
    assert shown[0, 0].tolist() == [0, 0, 0]
    assert shown[0, 63].tolist() == [255, 255, 0 if channels else 255]


def test_small_bright_things_differ_and_no_hot_pixel_is_white(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    field = rng.integers(1000, 1040, (200, 300)).astype(np.uint16)
    for n, value in enumerate((1300, 2000, 5000)):
        field[50:57, 50 * n + 50 : 50 * n + 57] = value
    field[10, 10] = 60000
    cv2.imwrite(str(tmp_path / "0.tif"), field)
    with open_video(tmp_path) as reader:
        shown = reader.read(0)
    spots = [int(shown[53, 50 * n + 53, 0]) for n in range(3)]
    assert spots[2] == 255
    assert shown[100:].max() + 5 < spots[0] < spots[1] - 20 < spots[2] - 100


def test_a_deep_picture_among_plain_ones_has_its_own_range(tmp_path: Path) -> None:
    for number in range(40):
        picture = np.full((20, 30), number, np.uint8)
        cv2.imwrite(str(tmp_path / f"{number:02}.png"), picture)
    ramp = np.linspace(1000, 3000, 600).reshape(20, 30).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "19.png"), ramp)  # not among those that are looked at
    with open_video(tmp_path) as reader:
        assert reader.read(18).max() == 18
        shown = reader.read(19)
    assert shown[0, 0, 0] < 5
    assert shown[-1, -1, 0] > 250
    assert 110 < shown[10, 15, 0] < 150


@pytest.mark.parametrize("value", [0.0, 7.0, -3.0])
def test_floating_point_pictures_of_one_value(tmp_path: Path, value: float) -> None:
    picture = np.full((48, 64), value, np.float32)
    picture[:4] = np.nan
    cv2.imwrite(str(tmp_path / "0.tiff"), picture)
    with open_video(tmp_path) as reader:
        shown = reader.read(0)
    assert shown.shape == (48, 64, 3)
    assert len(np.unique(shown[4:])) == 1


@pytest.mark.parametrize("broken", [0, 1])
def test_a_broken_picture_is_a_broken_frame(broken: int, tmp_path: Path, numbered_picture) -> None:
    for number in range(3):
        Image.fromarray(numbered_picture(number)).save(tmp_path / f"{number}.png")
    (tmp_path / f"{broken}.png").write_bytes(b"not a picture")
    with open_video(tmp_path) as reader:
        assert reader.video.num_frames == 3
        assert reader.video.size == (48, 176)
        assert reader.warning == (
            f"1 of 3 pictures in {tmp_path.name} cannot be read; the first is {broken}.png."
        )
        assert reader.read(2).shape == (48, 176, 3)
        with pytest.raises(VideoError, match=rf"{broken}\.png is not a picture") as caught:
            reader.read(broken)
    assert caught.value.frame_index == broken


def test_a_folder_of_broken_pictures_alone_names_the_first(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(b"not a picture")
    with pytest.raises(VideoError, match=r"0\.png is not a picture") as caught:
        open_video(tmp_path)
    assert caught.value.frame_index == 0


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp"])
def test_cut_off_picture_fails_with_its_name(suffix: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (48, 176, 3), dtype=np.uint8)
    for number in range(2):
        Image.fromarray(noise).save(tmp_path / f"{number}.{suffix}")
    broken = tmp_path / f"1.{suffix}"
    data = broken.read_bytes()
    broken.write_bytes(data[: len(data) // 2])

    def read_second() -> None:
        with open_video(tmp_path) as reader:
            reader.read(1)

    with pytest.raises(VideoError, match=rf"1\.{suffix} is not a picture") as caught:
        read_second()
    assert caught.value.frame_index == 1


def test_fingerprint_sees_another_picture(tmp_path: Path, numbered_picture) -> None:
    for number in range(3):
        Image.fromarray(numbered_picture(number)).save(tmp_path / f"{number}.png")
    with open_video(tmp_path) as reader:
        before = reader.video.fingerprint
    Image.fromarray(numbered_picture(500)).save(tmp_path / "3.png")
    with open_video(tmp_path) as reader:
        assert reader.video.fingerprint != before
