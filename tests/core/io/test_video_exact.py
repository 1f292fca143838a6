"""Frame i is the same picture forward, backward and after a seek, in every container."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from ifc_core.io.video import open_video

NUM_FRAMES = 40
B_FRAMES = "bframes=3:b-adapt=0:scenecut=0"
CASES = {
    "h264-mp4": ("libx264", "mp4", {"preset": "ultrafast", "x264-params": B_FRAMES}),
    "h264-mov": ("libx264", "mov", {"preset": "ultrafast", "x264-params": B_FRAMES}),
    "h264-mkv": ("libx264", "mkv", {"preset": "ultrafast", "x264-params": B_FRAMES}),
    "h264-avi": ("libx264", "avi", {"preset": "ultrafast", "x264-params": B_FRAMES}),
    "h264-ts": ("libx264", "ts", {"preset": "ultrafast", "x264-params": B_FRAMES}),
    "h264-raw": ("libx264", "h264", {"preset": "ultrafast", "x264-params": B_FRAMES}),
    "h264-open-gop": (
        "libx264",
        "mp4",
        {"preset": "ultrafast", "x264-params": B_FRAMES + ":open-gop=1"},
    ),
    "h264-intra-refresh": (
        "libx264",
        "mp4",
        {"preset": "ultrafast", "x264-params": "bframes=0:intra-refresh=1"},
    ),
    "hevc-mp4": (
        "libx265",
        "mp4",
        {"preset": "ultrafast", "x265-params": "bframes=3:open-gop=1:log-level=none:pools=1"},
    ),
    "hevc-mkv": (
        "libx265",
        "mkv",
        {"preset": "ultrafast", "x265-params": "bframes=3:log-level=none:pools=1"},
    ),
    "vp9-webm": ("libvpx-vp9", "webm", {"deadline": "realtime", "cpu-used": "8"}),
    "vp8-webm-hidden-frames": (
        "libvpx",
        "webm",
        {"deadline": "good", "cpu-used": "5", "auto-alt-ref": "1", "lag-in-frames": "16"},
    ),
    "mjpeg-avi": ("mjpeg", "avi", {}),
    "mjpeg-mov": ("mjpeg", "mov", {}),
    "mpeg4-avi": ("mpeg4", "avi", {"bf": "2"}),
    "mpeg2-program-stream": ("mpeg2video", "mpg", {"bf": "2"}),
}


@pytest.mark.parametrize("name", CASES)
def test_frames_are_exact_in_any_order(name: str, tmp_path: Path, read_number, write_clip) -> None:
    codec, suffix, options = CASES[name]
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = write_clip(
        tmp_path / f"clip.{suffix}", codec, NUM_FRAMES, options=options, pix_fmt=pix_fmt
    )
    rng = random.Random(3)
    jumps = [rng.randrange(NUM_FRAMES) for _ in range(25)]
    with open_video(path) as reader:
        assert reader.video.num_frames == NUM_FRAMES
        assert reader.warning == ""
        assert reader.video.size == (48, 176)
        assert reader.video.fps == pytest.approx(25, rel=1e-3)
        assert np.all(np.diff(reader.pts_seconds) > 0)
        forward = [frame for _, frame in reader.iter_frames()]
        assert [read_number(frame) for frame in forward] == list(range(NUM_FRAMES))
        for index in reversed(range(NUM_FRAMES)):
            np.testing.assert_array_equal(reader.read(index), forward[index])
    for index in jumps[:6]:
        with open_video(path) as fresh:
            np.testing.assert_array_equal(fresh.read(index), forward[index])
    with open_video(path) as reader:
        reader._capacity = 1  # nothing comes from the cache
        for index in jumps:
            np.testing.assert_array_equal(reader.read(index), forward[index])
            before = reader.keyframe_before(index)
            assert 0 <= before <= index
            assert read_number(reader.read(before)) == before


def test_variable_rate_keeps_the_times(tmp_path: Path, read_number, write_clip) -> None:
    pts = [0, 40, 57, 182, 222, 239, 364, 404, 421, 546]
    path = write_clip(
        tmp_path / "vfr.mp4", "libx264", len(pts), pts=pts, time_base=Fraction(1, 1000)
    )
    with open_video(path) as reader:
        np.testing.assert_allclose(reader.pts_seconds * 1000, pts, atol=0.1)
        assert reader.video.fps == pytest.approx(9 / 0.546, rel=1e-3)
        assert [read_number(reader.read(i)) for i in (9, 0, 5)] == [9, 0, 5]


@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
def test_rotated_video_is_shown_upright(
    quarter_turns: int, tmp_path: Path, numbered_picture, read_number, write_clip
) -> None:
    path = write_clip(tmp_path / "turned.mp4", "libx264", 15, rotation=90 * quarter_turns, gop=4)
    turned = np.rot90(numbered_picture(7), quarter_turns)
    with open_video(path) as reader:
        assert reader.video.size == turned.shape[:2]
        for index in (14, 7):
            frame = reader.read(index)
            assert read_number(np.rot90(frame, -quarter_turns)) == index
        assert np.abs(frame.astype(int) - turned).mean() < 12


def test_frames_hidden_by_an_edit_list_do_not_count(
    tmp_path: Path, read_number, write_clip
) -> None:
    hidden = 5
    path = write_clip(
        tmp_path / "trimmed.mp4",
        "libx264",
        30,
        pts=list(range(-hidden, 25)),
        options={"preset": "ultrafast", "x264-params": B_FRAMES},
    )
    with open_video(path) as reader:
        assert reader.video.num_frames == 25
        assert reader.warning == ""
        for index in (24, 0, 13):
            assert read_number(reader.read(index)) == index + hidden


def test_batch_keeps_the_order_asked_for(tmp_path: Path, read_number, write_clip) -> None:
    path = write_clip(tmp_path / "clip.mp4", "libx264", 20)
    with open_video(path) as reader:
        batch = reader.batch([13, 2, 2, 19])
        assert [read_number(frame) for frame in batch.data] == [13, 2, 2, 19]
        np.testing.assert_allclose(batch.pts_seconds, np.array([13, 2, 2, 19]) / 25)


def test_iter_frames_takes_start_stop_and_step(tmp_path: Path, read_number, write_clip) -> None:
    path = write_clip(tmp_path / "clip.mp4", "libx264", 20)
    with open_video(path) as reader:
        found = [(index, read_number(frame)) for index, frame in reader.iter_frames(3, 17, 5)]
    assert found == [(3, 3), (8, 8), (13, 13)]


@pytest.mark.parametrize("size", [(49, 177), (50, 178), (64, 179)])
def test_odd_sizes(size: tuple[int, int], tmp_path: Path, read_number, write_clip) -> None:
    path = write_clip(
        tmp_path / "odd.mkv", "libx264", 8, size=size, pix_fmt="yuv444p", options={"crf": "12"}
    )
    with open_video(path) as reader:
        assert reader.video.size == size
        assert reader.read(5).shape == (*size, 3)
        assert read_number(reader.read(5)) == 5


def test_frames_may_be_written_to_without_changing_the_next_read(
    tmp_path: Path, write_clip
) -> None:
    path = write_clip(tmp_path / "clip.mp4", "libx264", 5)
    with open_video(path) as reader:
        first = reader.read(2)
        kept = first.copy()
        first[:] = 0
        np.testing.assert_array_equal(reader.read(2), kept)


def test_frames_of_another_size_are_scaled_to_the_first(
    tmp_path: Path, numbered_picture, read_number
) -> None:
    """MJPEG in Matroska lets every frame have its own size."""
    from av.packet import Packet

    path = tmp_path / "sizes.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 176, "yuvj420p"
        for number in range(10):
            picture = numbered_picture(number)
            if number >= 5:
                picture = cv2.resize(picture, (352, 96), interpolation=cv2.INTER_NEAREST)
            coded = cv2.imencode(".jpg", picture[..., ::-1])[1].tobytes()
            packet = Packet(coded)
            packet.stream, packet.time_base = stream, Fraction(1, 25)
            packet.pts = packet.dts = number
            packet.is_keyframe = True
            container.mux(packet)
    with open_video(path) as reader:
        assert reader.video.num_frames == 10
        for index in (9, 2, 6):
            frame = reader.read(index)
            assert frame.shape == (48, 176, 3)
            assert read_number(frame) == index


def test_pixels_that_are_not_square_and_further_films_are_told(tmp_path: Path) -> None:
    path = tmp_path / "dashcam.mkv"
    with av.open(str(path), "w") as container:
        streams = []
        for size in ((48, 64), (32, 32)):
            stream = container.add_stream("libx264", rate=25)
            stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
            stream.codec_context.sample_aspect_ratio = Fraction(64, 45)
            streams.append(stream)
        for stream in streams:
            for _ in range(3):
                picture = np.zeros((stream.height, stream.width, 3), dtype=np.uint8)
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    with open_video(path) as reader:
        assert reader.video.size == (48, 64)
        assert reader.warning == (
            "dashcam.mkv holds 2 films, of which the first is shown. The pixels of dashcam.mkv are "
            "not square (64:45): it is shown, annotated and measured as it is stored, where a "
            "player stretches it."
        )
