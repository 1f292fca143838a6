"""Colours of videos: what was stored by each matrix, range and depth comes back as it was."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace

from ifc_core.io.overlay import OverlayWriter
from ifc_core.io.video import open_video

COLORS = np.array(
    [(200, 30, 30), (30, 180, 40), (40, 50, 210), (220, 210, 30), (128, 128, 128), (240, 240, 240)]
)
LUMA = {"601": (0.299, 0.114), "709": (0.2126, 0.0722), "2020": (0.2627, 0.0593)}


def _write(
    path: Path, matrix: str, tag: int, *, full: bool, depth: int, primaries: int = 2
) -> Path:
    """Three frames of one bar a colour, by the definition of the matrix and not by libswscale."""
    red, blue = LUMA[matrix]
    bars = np.repeat(np.repeat(COLORS[None], 64, 0), 32, 1) / 255
    luma = bars @ np.array([red, 1 - red - blue, blue])
    chroma = [(bars[..., 2] - luma) / (2 - 2 * blue), (bars[..., 0] - luma) / (2 - 2 * red)]
    if full:
        planes = [luma * (2**depth - 1), *(c * (2**depth - 1) + 2 ** (depth - 1) for c in chroma)]
    else:
        unit = 2 ** (depth - 8)
        planes = [(16 + 219 * luma) * unit, *((128 + 224 * c) * unit for c in chroma)]
    kind, pix_fmt = (np.uint8, "yuv444p") if depth == 8 else (np.uint16, f"yuv444p{depth}le")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 64, 32 * len(COLORS), pix_fmt
        stream.options = {"crf": "2", "preset": "ultrafast"}
        context = stream.codec_context
        context.colorspace, context.color_range = tag, 2 if full else 1
        context.color_primaries = primaries
        for number in range(3):
            frame = VideoFrame(stream.width, 64, pix_fmt)
            for plane, values in zip(frame.planes, planes, strict=True):
                rows = np.zeros((64, plane.line_size // kind().itemsize), kind)
                rows[:, : stream.width] = np.rint(values)
                plane.update(rows.tobytes())
            frame.colorspace, frame.color_range = tag, 2 if full else 1
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _bars(picture: np.ndarray) -> np.ndarray:
    return np.array([picture[20:40, 32 * n + 8 : 32 * n + 24].mean((0, 1)) for n in range(6)])


@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(("matrix", "tag"), [("601", 2), ("601", 6), ("709", 1), ("2020", 9)])
def test_colours_are_those_that_were_stored(
    matrix: str, tag: int, full: bool, depth: int, tmp_path: Path
) -> None:
    path = _write(tmp_path / "bars.mp4", matrix, tag, full=full, depth=depth)
    with open_video(path) as reader:
        np.testing.assert_allclose(_bars(reader.read(1)), COLORS, atol=4)
        assert reader.warning == ""


def test_a_matrix_that_follows_from_the_primaries_is_found(tmp_path: Path) -> None:
    path = _write(tmp_path / "bars.mp4", "709", 12, full=False, depth=8, primaries=1)
    with open_video(path) as reader:
        np.testing.assert_allclose(_bars(reader.read(1)), COLORS, atol=4)
        assert reader.warning == ""


def test_an_unknown_matrix_is_shown_roughly_and_said(tmp_path: Path) -> None:
    path = _write(tmp_path / "bars.mp4", "2020", 14, full=False, depth=8)
    with open_video(path) as reader:
        np.testing.assert_allclose(_bars(reader.read(1)), COLORS, atol=40)
        assert reader.warning == (
            "bars.mp4 stores its colours in a way that is not known here (matrix 14 of H.273); "
            "they are shown roughly."
        )


def test_a_film_says_by_which_matrix_it_was_written(tmp_path: Path) -> None:
    """A player guesses it otherwise by the size, and shows large films in other colours."""
    bars = np.repeat(np.repeat(COLORS[None].astype(np.uint8), 64, 0), 32, 1)
    with OverlayWriter(tmp_path / "film.mp4", 25, bars.shape[:2]) as film:
        for _ in range(3):
            film.write(bars)
    with av.open(str(tmp_path / "film.mp4")) as container:
        frame = next(container.decode(video=0))
    assert (frame.colorspace, frame.color_primaries, frame.color_trc) == (Colorspace.ITU709, 1, 1)
    with open_video(tmp_path / "film.mp4") as reader:
        np.testing.assert_allclose(_bars(reader.read(1)), COLORS, atol=4)


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "suffix"),
    [("ffv1", "gray16le", "mkv"), ("ffv1", "gray12le", "mkv"), ("png", "gray16be", "mov")],
)
def test_deep_grey_is_shown_by_one_range_for_the_film(
    codec: str, pix_fmt: str, suffix: str, tmp_path: Path
) -> None:
    """A thermal camera of 12 bits: cut to the upper 8 of 16 its pictures are black."""
    path = tmp_path / f"thermal.{suffix}"
    order = ">u2" if pix_fmt.endswith("be") else "<u2"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width, stream.pix_fmt = 32, 64, pix_fmt
        for number in range(20):
            frame = VideoFrame(64, 32, pix_fmt)
            (plane,) = frame.planes
            rows = np.zeros((32, plane.line_size // 2), order)
            rows[:, :64] = 1000 + 50 * number + np.repeat([0, 50], 32)
            plane.update(rows.tobytes())
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with open_video(path) as reader:
        frames = [frame for _, frame in reader.iter_frames()]
    shown = [[int(frame[16, 8, 0]), int(frame[16, 56, 0])] for frame in frames]
    expected = np.rint(255 * (np.arange(20)[:, None] + [0, 1]) / 20)
    np.testing.assert_allclose(shown, expected, atol=1)
    assert all((frame[..., 0] == frame[..., 2]).all() for frame in frames)
    with open_video(path) as reader:  # wherever one begins
        np.testing.assert_array_equal(reader.read(7), frames[7])
