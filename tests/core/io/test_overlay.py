"""Films with masks drawn over the frames."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from ifc_core.errors import OutputError
from ifc_core.io import overlay
from ifc_core.io.overlay import OverlayMask, OverlayWriter, draw_masks
from ifc_core.io.video import open_video
from ifc_core.structures import RLEMask
from ifc_core.structures.palette import track_color


def _mask(size: tuple[int, int] = (96, 128)) -> np.ndarray:
    mask = np.zeros(size, dtype=bool)
    mask[40:70, 50:100] = True
    return mask


def test_masks_are_tinted_outlined_and_numbered() -> None:
    frame = np.full((96, 128, 3), 90, dtype=np.uint8)
    picture = draw_masks(frame, [OverlayMask(3, _mask())])
    expected = 90 * 0.55 + np.array(track_color(3)) * 0.45
    np.testing.assert_allclose(picture[55, 75], expected, atol=1)
    np.testing.assert_array_equal(picture[40, 75], track_color(3))
    np.testing.assert_array_equal(picture[90, 10], frame[90, 10])
    assert (picture[20:40, 45:70] == 255).all(-1).any()  # the number, above the mask
    assert (frame == 90).all()


def test_the_last_mask_lies_on_top_and_rle_is_taken() -> None:
    frame = np.zeros((96, 128, 3), dtype=np.uint8)
    rle = RLEMask.from_array(_mask())
    red, blue = (255, 0, 0), (0, 0, 255)
    picture = draw_masks(frame, [OverlayMask(1, rle, red), OverlayMask(2, rle, blue)], 1.0)
    np.testing.assert_array_equal(picture[60, 75], blue)


def test_masks_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        draw_masks(np.zeros((10, 10, 3), dtype=np.uint8), [OverlayMask(1, _mask())])


@pytest.mark.parametrize("encoder", ["libx264", "mpeg4"])
@pytest.mark.parametrize("size", [(96, 128), (95, 127)])
def test_films_have_the_frames_and_their_times(
    encoder: str, size: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlay, "_ENCODERS", (encoder,))
    times = [0.0, 0.04, 0.1, 0.11, 0.4]
    with OverlayWriter(tmp_path / "out.mp4", 25, size) as film:
        for number, seconds in enumerate(times):
            frame = np.full((*size, 3), 40 * number, dtype=np.uint8)
            film.write(frame, [OverlayMask(1, _mask(size))], seconds)
    with open_video(tmp_path / "out.mp4") as reader:
        assert reader.video.size == (96, 128)
        np.testing.assert_allclose(reader.pts_seconds, times, atol=1e-3)
        for number in range(5):
            assert abs(int(reader.read(number)[10, 10].mean()) - 40 * number) < 12


def test_frames_without_times_come_at_the_rate(tmp_path: Path) -> None:
    with OverlayWriter(tmp_path / "out.mkv", 29.97, (32, 32)) as film:
        for _ in range(10):
            film.write(np.zeros((32, 32, 3), dtype=np.uint8))
    with open_video(tmp_path / "out.mkv") as reader:
        assert reader.video.num_frames == 10
        assert reader.video.fps == pytest.approx(29.97, rel=0.01)


def test_a_failure_leaves_no_film(tmp_path: Path) -> None:
    def write_and_fail() -> None:
        with OverlayWriter(tmp_path / "out.mp4", 25, (32, 32)) as film:
            film.write(np.zeros((32, 32, 3), dtype=np.uint8))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_and_fail()
    assert list(tmp_path.iterdir()) == []


def test_unusable_targets(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="must end in"):
        OverlayWriter(tmp_path / "out.json", 25, (32, 32))
    film = OverlayWriter(tmp_path / "none" / "out.mp4", 25, (32, 32))
    with pytest.raises(OutputError, match="does not exist"), film:
        pytest.fail("the block must not run")


def test_frames_that_no_encoder_takes(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match="takes no frames of 20000x2"),
        OverlayWriter(tmp_path / "out.mp4", 25, (2, 20_000)) as film,
    ):
        film.write(np.zeros((2, 20_000, 3), dtype=np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_palette_keeps_neighbours_apart() -> None:
    colors = [track_color(i) for i in range(21)]
    assert len(set(colors)) == 21
    assert track_color(21) == colors[0]
    for a, b in pairwise(colors):
        assert sum(abs(x - y) for x, y in zip(a, b, strict=True)) > 100


def _label_pixels(label: str, size: tuple[int, int] = (480, 640)) -> tuple[np.ndarray, np.ndarray]:
    """Where a label is white and where it is black, on grey without a mask's lines."""
    frame = np.full((*size, 3), 128, dtype=np.uint8)
    overlay._write_label(frame, label, (100, 200))
    return frame.min(-1) > 200, frame.max(-1) < 60


@pytest.mark.parametrize("size", [(240, 320), (480, 640), (1080, 1920)])
def test_the_rim_of_a_label_lies_around_its_letters(size: tuple[int, int]) -> None:
    white, black = (np.argwhere(part) for part in _label_pixels("Player 12", size))
    for axis in (0, 1):
        left = int(white[:, axis].min() - black[:, axis].min())
        right = int(black[:, axis].max() - white[:, axis].max())
        assert 0 < left < 5
        assert 0 < right < 5
        assert abs(left - right) <= 1


@pytest.mark.skipif(int(cv2.__version__[0]) < 5, reason="draws ASCII alone")
def test_letters_beyond_ascii_are_drawn() -> None:
    for plain, other in (("Muller", "Müller"), ("?", "é"), ("?", "中")):
        assert not np.array_equal(_label_pixels(plain)[0], _label_pixels(other)[0])
    assert np.array_equal(_label_pixels("a\nb")[0], _label_pixels("a b")[0])
