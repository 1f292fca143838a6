"""TIFF stacks as videos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ifc_core.errors import VideoError
from ifc_core.io.frame_list import video_files
from ifc_core.io.stack_pages import StackFile, is_stack
from ifc_core.io.video import open_video

RNG = np.random.default_rng(5)
GREY = RNG.integers(0, 256, (6, 24, 40), dtype=np.uint8)
DEEP = RNG.integers(900, 4000, (6, 24, 40)).astype(np.uint16)


def frames_of(path: Path) -> np.ndarray:
    with open_video(path) as reader:
        return np.stack([frame for _, frame in reader.iter_frames()])


def as_rgb(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[..., None], 3, -1)


@pytest.mark.parametrize(
    "options",
    [
        {"imagej": True, "metadata": {"axes": "TYX"}},
        {"imagej": True, "metadata": {"axes": "ZYX"}},
        {"imagej": True, "metadata": {"axes": "TYX"}, "truncate": True},  # as beyond 4 GiB
        {"ome": True, "metadata": {"axes": "TYX"}},
        {"metadata": None},
        {"metadata": None, "compression": "zlib", "predictor": True},
        {"metadata": None, "bigtiff": True, "byteorder": ">"},
        {"metadata": None, "tile": (16, 16)},
        {},
    ],
)
def test_grey_pages_are_frames_to_the_bit(tmp_path: Path, options: dict[str, Any]) -> None:
    tifffile.imwrite(tmp_path / "cells.tif", GREY, photometric="minisblack", **options)
    with open_video(tmp_path / "cells.tif") as reader:
        assert (reader.video.num_frames, reader.video.size) == (6, (24, 40))
        assert not reader.has_rate
        np.testing.assert_array_equal(reader.read(4), as_rgb(GREY[4]))
        np.testing.assert_array_equal(reader.read(0), as_rgb(GREY[0]))
        np.testing.assert_array_equal(reader.batch([5, 1]).data, as_rgb(GREY[[5, 1]]))


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("truncate", [False, True])
def test_deep_stacks_have_one_range_for_all_frames(
    tmp_path: Path, byteorder: str, truncate: bool
) -> None:
    smooth = np.zeros((3, 24, 40), np.uint16)
    smooth[0], smooth[1, :, 20:], smooth[2] = 1000, 3000, 2000
    smooth[1, :, :20] = 1000
    path = tmp_path / "deep.tiff"
    tifffile.imwrite(path, smooth, photometric="minisblack", byteorder=byteorder, truncate=truncate)
    shown = frames_of(path)[..., 0]
    assert (shown[0, 0, 0], shown[1, 0, 39], shown[2, 5, 5]) == (0, 255, 128)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd"])
def test_compressed_pages(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "packed.tif"
    for values in (GREY, DEEP, GREY > 99):
        first, *rest = [Image.fromarray(page) for page in values]
        first.save(path, save_all=True, append_images=rest, compression=compression)
        plain = tmp_path / "plain.tif"
        tifffile.imwrite(plain, values, photometric="minisblack", metadata=None)
        np.testing.assert_array_equal(frames_of(path), frames_of(plain))


def test_photographs_of_jpeg_pages(tmp_path: Path) -> None:
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    picture = np.stack(
        [np.tile(ramp, (48, 1)), np.zeros((48, 64)), np.tile(ramp[::-1], (48, 1))], 2
    )
    image = Image.fromarray(picture.astype(np.uint8))
    path = tmp_path / "photos.tif"
    image.save(path, save_all=True, append_images=[image], compression="jpeg")
    shown = frames_of(path)
    assert shown.shape == (2, 48, 64, 3)
    assert np.abs(shown[1].astype(int) - picture).max() < 16


def test_colours_and_transparency(tmp_path: Path) -> None:
    colours = RNG.integers(0, 256, (4, 24, 40, 4), dtype=np.uint8)
    rgb, rgba = tmp_path / "rgb.tif", tmp_path / "rgba.tif"
    tifffile.imwrite(rgb, colours[..., :3], photometric="rgb")
    tifffile.imwrite(rgba, colours, photometric="rgb", extrasamples=["unassalpha"])
    np.testing.assert_array_equal(frames_of(rgb), colours[..., :3])
    np.testing.assert_array_equal(frames_of(rgba), colours[..., :3])
    planar = tmp_path / "planar.tif"
    tifffile.imwrite(
        planar, colours[..., :3].transpose(0, 3, 1, 2), photometric="rgb", planarconfig="separate"
    )
    np.testing.assert_array_equal(frames_of(planar), colours[..., :3])


def test_channels_are_added_up_in_their_colours(tmp_path: Path) -> None:
    two = np.zeros((2, 2, 24, 40), np.uint8)
    two[:, 0, :12], two[:, 1, 6:] = 200, 100
    path = tmp_path / "two.tif"
    tifffile.imwrite(path, two, imagej=True, metadata={"axes": "TCYX"})
    shown = frames_of(path)[1, [0, 8, 20], 0]
    assert shown.tolist() == [[0, 200, 0], [100, 200, 100], [100, 0, 100]]
    red = np.zeros((3, 256), np.uint8)
    red[0] = np.arange(256)
    tifffile.imwrite(
        path, two, imagej=True, metadata={"axes": "TCYX", "LUTs": [red, red[[1, 2, 0]]]}
    )
    assert frames_of(path)[0, [0, 8, 20], 0].tolist() == [[200, 0, 0], [200, 0, 100], [0, 0, 100]]
    cyan, white = int.from_bytes(bytes((0, 255, 255, 255))), -1
    tifffile.imwrite(
        path,
        two,
        ome=True,
        metadata={"axes": "TCYX", "Channel": {"Name": ["a", "b"], "Color": [cyan, white]}},
    )
    assert frames_of(path)[0, 8, 0].tolist() == [100, 255, 255]
    tifffile.imwrite(path, np.repeat(two, 2, 1)[:, :3], imagej=True, metadata={"axes": "TCYX"})
    assert frames_of(path)[0, 8, 0].tolist() == [200, 200, 100]


def test_each_deep_channel_has_its_own_range(tmp_path: Path) -> None:
    two = np.zeros((2, 2, 24, 40), np.uint16)
    two[:, 0, :12], two[:, 1, 12:] = 60000, 50
    tifffile.imwrite(tmp_path / "two.tif", two, imagej=True, metadata={"axes": "TCYX"})
    assert frames_of(tmp_path / "two.tif")[0, [0, 20], 0].tolist() == [[0, 255, 0], [255, 0, 255]]


def test_palettes_and_grey_whose_zero_is_white(tmp_path: Path) -> None:
    table = np.zeros((3, 256), np.uint16)
    table[1] = np.arange(256) * 257
    tifffile.imwrite(tmp_path / "p.tif", GREY, photometric="palette", colormap=table)
    shown = frames_of(tmp_path / "p.tif")
    np.testing.assert_array_equal(shown[..., 1], GREY)
    assert not shown[..., 0].any()
    inverted = tmp_path / "i.tif"
    tifffile.imwrite(inverted, GREY, photometric="miniswhite", metadata=None)
    np.testing.assert_array_equal(frames_of(inverted), as_rgb(255 - GREY))
    first, *rest = [Image.fromarray(page) for page in GREY]
    first.save(
        inverted,
        save_all=True,
        append_images=rest,
        compression="tiff_lzw",
        tiffinfo={262: 0},
    )
    with tifffile.TiffFile(inverted) as file:
        assert file.pages[0].photometric == tifffile.PHOTOMETRIC.MINISWHITE
    np.testing.assert_array_equal(frames_of(inverted), as_rgb(GREY))


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_each_page_has_a_palette_of_its_own(tmp_path: Path, compression: str) -> None:
    pages = []
    for number in range(3):
        pages.append(Image.fromarray(GREY[number]))
        pages[-1].putpalette(bytes((value * (1 + number)) % 256 for value in range(768)))
    path = tmp_path / "colours.tif"
    first, *rest = pages
    first.save(path, save_all=True, append_images=rest, compression=compression)
    expected = np.stack([np.asarray(page.convert("RGB")) for page in pages])
    np.testing.assert_array_equal(frames_of(path), expected)
    with open_video(path) as reader:  # in any order
        np.testing.assert_array_equal(reader.read(2), expected[2])
        np.testing.assert_array_equal(reader.read(0), expected[0])


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"truncate": True}])
def test_pages_that_are_told_by_the_first_one_have_palettes(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    table = np.zeros((3, 256), np.uint16)
    table[1] = np.arange(256) * 257
    path = tmp_path / "p.tif"
    tifffile.imwrite(path, GREY, photometric="palette", colormap=table, **options)
    if not options.get("truncate"):  # which leaves one page for all
        with tifffile.TiffFile(path) as file:
            place = file.pages[2].tags["ColorMap"].offset + 8
        data = bytearray(path.read_bytes())
        data[place : place + 4] = len(data).to_bytes(4, "little")
        path.write_bytes(data + np.roll(table, 1, 0).tobytes())
    shown = frames_of(path)
    assert len(shown) == len(GREY)
    for number, frame in enumerate(shown):
        channel = 2 if number == 2 and not options.get("truncate") else 1
        np.testing.assert_array_equal(frame[..., channel], GREY[number])
        assert not np.delete(frame, channel, -1).any()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_packed_pages_are_turned_once(tmp_path: Path, orientation: int) -> None:
    plain, packed = tmp_path / "plain.tif", tmp_path / "packed.tif"
    tifffile.imwrite(plain, GREY[0], extratags=[(274, "H", 1, orientation, True)])
    Image.fromarray(GREY[0]).save(packed, compression="tiff_lzw", tiffinfo={274: orientation})
    np.testing.assert_array_equal(frames_of(packed), frames_of(plain))


def test_packed_masks_whose_zero_is_white(tmp_path: Path) -> None:
    bits = GREY[0] > 128
    path = tmp_path / "fax.tif"
    Image.fromarray(bits).save(path, compression="group4")
    np.testing.assert_array_equal(frames_of(path)[0, ..., 0], 255 * bits)


def test_packed_colours_of_16_bits(tmp_path: Path) -> None:
    smooth = np.zeros((24, 40, 3), np.uint16)
    smooth[:, 20:, 0], smooth[12:, :, 2] = 4000, 2000
    plain, packed = tmp_path / "plain.tif", tmp_path / "packed.tif"
    tifffile.imwrite(plain, smooth, photometric="rgb")
    cv2.imwrite(str(packed), smooth[..., ::-1], [cv2.IMWRITE_TIFF_COMPRESSION, 5])
    with tifffile.TiffFile(packed) as file:
        assert file.pages[0].compression == 5
    np.testing.assert_array_equal(frames_of(packed), frames_of(plain))
    assert frames_of(packed)[0, 23, 39].tolist() == [255, 0, 128]


def test_values_that_are_no_colours_are_channels(tmp_path: Path) -> None:
    path = tmp_path / "filters.tif"
    filters = RNG.integers(0, 256, (24, 40, 2), dtype=np.uint8)
    kind = {"photometric": "minisblack", "planarconfig": "contig"}
    tifffile.imwrite(path, filters, extrasamples=["unspecified"], **kind)
    shown = frames_of(path)[0]
    np.testing.assert_array_equal(shown[..., 1], filters[..., 0])
    np.testing.assert_array_equal(shown[..., 0], filters[..., 1])
    tifffile.imwrite(path, filters, extrasamples=["unassalpha"], **kind)
    np.testing.assert_array_equal(frames_of(path)[0], as_rgb(filters[..., 0]))
    tifffile.imwrite(path, np.zeros((24, 40, 4), np.uint8), photometric="separated")
    with pytest.raises(VideoError, match="are not RGB"):
        open_video(path)


@pytest.mark.parametrize("axes", ["CTYX", "CZYX", "TZCYX"])
def test_one_block_with_frames_on_any_axis(tmp_path: Path, axes: str) -> None:
    shape = {"C": 2, "T": 5, "Z": 5 if "T" not in axes else 1, "Y": 24, "X": 40}
    values = RNG.integers(0, 256, [shape[a] for a in axes], dtype=np.uint8)
    whole, paged = tmp_path / "whole.tif", tmp_path / "paged.tif"
    more = {"photometric": "minisblack", "metadata": {"axes": axes}}
    tifffile.imwrite(whole, values, truncate=True, **more)
    tifffile.imwrite(paged, values, ome=True, **more)
    with open_video(whole) as reader:
        assert (reader.video.num_frames, reader.warning) == (5, "")
    np.testing.assert_array_equal(frames_of(whole), frames_of(paged))
    first = values.reshape([n for n in values.shape if n > 1])
    first = first[0] if axes[0] == "C" else first[:, 0]
    np.testing.assert_array_equal(frames_of(paged)[..., 1], first)


def test_axes_that_are_not_named(tmp_path: Path) -> None:
    path = tmp_path / "plain.tif"
    tifffile.imwrite(path, GREY[:, None], photometric="minisblack")
    np.testing.assert_array_equal(frames_of(path), as_rgb(GREY))
    tifffile.imwrite(path, np.stack([GREY, GREY], 1), photometric="minisblack")
    with pytest.raises(VideoError, match="does not say what its axes are"):
        open_video(path)


def test_a_film_that_was_stopped_early_ends_with_its_last_picture(tmp_path: Path) -> None:
    path = tmp_path / "stopped.ome.tif"
    tifffile.imwrite(path, GREY, ome=True, photometric="minisblack", metadata={"axes": "TYX"})
    path.write_bytes(path.read_bytes().replace(b'SizeT="6"', b'SizeT="9"'))
    with open_video(path) as reader:
        assert reader.video.num_frames == 6
        assert "6 frames are left" in reader.warning
        np.testing.assert_array_equal(reader.read(5), as_rgb(GREY[5]))


def test_the_pages_of_a_sample_are_read_once_for_all_channels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "channels.tif"
    deep = RNG.integers(0, 4000, (20, 4, 8, 8)).astype(np.uint16)
    tifffile.imwrite(path, deep, imagej=True, metadata={"axes": "TCYX"})
    read: list[int] = []
    page = StackFile._page
    monkeypatch.setattr(StackFile, "_page", lambda file, n: (read.append(n), page(file, n))[1])
    with open_video(path) as reader:
        reader.read(3)
        assert len(read) == 4 + 16 * 4
        reader.read(4)
        assert len(read) == 4 + 16 * 4 + 4


def test_a_single_page_is_one_frame_the_right_way_up(tmp_path: Path) -> None:
    path = tmp_path / "one.tif"
    tifffile.imwrite(path, GREY[0], extratags=[(274, "H", 1, 6, True)])
    with open_video(path) as reader:
        assert (reader.video.num_frames, reader.video.size) == (1, (40, 24))
        np.testing.assert_array_equal(reader.read(0), as_rgb(np.rot90(GREY[0], -1)))


@pytest.mark.parametrize(
    ("shape", "axes", "words"),
    [
        ((3, 4, 24, 40), "TZYX", "4 planes of depth at each of 3 times"),
        ((2, 9, 24, 40), "TCYX", "more axes than time, 7 channels"),
    ],
)
def test_what_is_no_film_is_refused(
    tmp_path: Path, shape: tuple[int, ...], axes: str, words: str
) -> None:
    path = tmp_path / "deep.tif"
    tifffile.imwrite(path, np.zeros(shape, np.uint8), imagej=True, metadata={"axes": axes})
    with pytest.raises(VideoError, match=words):
        open_video(path)


def test_a_long_axis_of_channels_alone_is_one_of_frames(tmp_path: Path) -> None:
    path = tmp_path / "c.tif"
    many = np.repeat(GREY, 2, 0)
    tifffile.imwrite(path, many, imagej=True, metadata={"axes": "CYX"})
    np.testing.assert_array_equal(frames_of(path), as_rgb(many))


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize(
    "options",
    [
        {"imagej": True, "metadata": {"axes": "TYX"}},
        {"imagej": True, "metadata": {"axes": "TYX"}, "truncate": True},
        {"ome": True, "metadata": {"axes": "TYX"}},
        {"metadata": None},
        {"metadata": None, "compression": "zlib"},
        {"truncate": True},
    ],
)
def test_of_a_cut_off_stack_the_whole_frames_are_left(
    tmp_path: Path, options: dict[str, Any], share: float
) -> None:
    path = tmp_path / "cut.tif"
    tifffile.imwrite(path, GREY, photometric="minisblack", **options)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with open_video(path) as reader:
        count = reader.video.num_frames
        assert ("is cut off" in reader.warning) == (count < 6)
        np.testing.assert_array_equal(reader.batch(range(count)).data, as_rgb(GREY[:count]))
    assert count >= 1
    if options == {"metadata": None, "compression": "zlib"} or "metadata" not in options:
        assert count >= int(6 * share) - 1


def test_a_broken_page_keeps_its_number(tmp_path: Path) -> None:
    path = tmp_path / "broken.tif"
    tifffile.imwrite(path, GREY, metadata=None, compression="zlib", rowsperstrip=24)
    with tifffile.TiffFile(path) as file:
        offset = file.pages[2].dataoffsets[0]
    data = bytearray(path.read_bytes())
    data[offset : offset + 40] = b"\0" * 40
    path.write_bytes(data)
    with open_video(path) as reader:
        with pytest.raises(VideoError, match=r"Frame 2 of broken\.tif") as caught:
            reader.read(2)
        assert caught.value.frame_index == 2
        np.testing.assert_array_equal(reader.read(3), as_rgb(GREY[3]))


def test_what_is_no_tiff_and_what_was_closed(tmp_path: Path) -> None:
    (tmp_path / "text.tif").write_text("not a picture")
    (tmp_path / "empty.tif").touch()
    for name in ("text.tif", "empty.tif"):
        with pytest.raises(VideoError, match=name):
            open_video(tmp_path / name)
    tifffile.imwrite(tmp_path / "grey.tif", GREY)
    reader = open_video(tmp_path / "grey.tif")
    reader.close()
    with pytest.raises(VideoError, match="was closed"):
        reader.read(0)


def test_a_page_of_a_million_pixels_square_is_refused_before_it_is_made(tmp_path: Path) -> None:
    path = tmp_path / "huge.tif"
    tifffile.imwrite(path, GREY[0], metadata=None)
    with tifffile.TiffFile(path, mode="r+") as file:
        for tag in ("ImageWidth", "ImageLength"):
            file.pages[0].tags[tag].overwrite(1_000_000)
    with pytest.raises(VideoError):
        open_video(path)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.integers(0, 700), st.integers(0, 255)), min_size=1, max_size=6))
def test_any_damage_ends_in_one_error(tmp_path: Path, changes: list[tuple[int, int]]) -> None:
    path = tmp_path / "damaged.tif"
    tifffile.imwrite(path, GREY[:2, :8, :8], imagej=True, metadata={"axes": "TYX"})
    data = bytearray(path.read_bytes())
    for place, value in changes:
        data[place % len(data)] = value
    path.write_bytes(data)
    try:
        with open_video(path) as reader:
            for index in range(min(reader.video.num_frames, 3)):
                frame = reader.read(index)
                assert frame.dtype == np.uint8
                assert frame.shape == (*reader.video.size, 3)
    except VideoError:
        pass


def test_a_long_stack_is_known_by_its_first_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "long.tif"
    tifffile.imwrite(path, np.zeros((70, 8, 8), np.uint8), photometric="minisblack", metadata=None)
    opened: list[Path] = []
    monkeypatch.setattr(StackFile, "__init__", lambda file, name: opened.append(name))
    assert is_stack(path)
    assert not opened
    monkeypatch.undo()
    for values, several in ((GREY, True), (GREY[0], False)):
        tifffile.imwrite(path, values, photometric="minisblack", metadata=None)
        assert is_stack(path) is several
    path.write_bytes(b"II*\0")
    assert not is_stack(path)


def test_a_folder_of_stacks_is_several_videos(tmp_path: Path) -> None:
    for name in ("b10.tif", "b9.tif"):
        tifffile.imwrite(tmp_path / name, GREY)
    assert [path.name for path in video_files(tmp_path)] == ["b9.tif", "b10.tif"]
    with open_video(tmp_path) as reader:  # as projects of before know it
        assert reader.video.num_frames == 2
        assert "holds TIFF stacks" in reader.warning
    (tmp_path / "preview.png").write_bytes(b"")
    (tmp_path / "a broken.tif").write_bytes(b"")
    assert [path.name for path in video_files(tmp_path)] == ["a broken.tif", "b9.tif", "b10.tif"]
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(b"")
    assert video_files(tmp_path) == []
    singles = tmp_path / "singles"
    singles.mkdir()
    for number in range(3):
        tifffile.imwrite(singles / f"{number}.tif", GREY[number])
    assert video_files(singles) == []
    np.testing.assert_array_equal(frames_of(singles), as_rgb(GREY[:3]))
